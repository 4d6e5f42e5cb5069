//! When a live source is read next: pure decisions.
//!
//! In: what the last read says ([`Next`]), and that a client missed a name. Out: a time on the caller's own clock,
//! which starts anywhere and never goes back. The first read is due at once. No wait is longer than `interval`, but for
//! one that Azure asks for.

use std::time::Duration;

use super::fetch::Next;

/// The wait after a first failure; it doubles with each further one.
const FIRST_RETRY: Duration = Duration::from_secs(2);

/// The longest wait that is taken from somebody else's word: more is a mistake, and would end the source.
const MAX_ASKED: Duration = Duration::from_hours(24);

/// The times of one source.
#[derive(Clone, Debug)]
pub struct Rhythm {
    interval: Duration,
    miss_interval: Duration,
    /// When the next read is due.
    due: Duration,
    /// No read begins before, whoever asks for one.
    floor: Duration,
    /// No read because of a miss begins before.
    miss_floor: Duration,
    /// True if the next read is early because of a miss.
    is_woken: bool,
    failures: u32,
}

impl Rhythm {
    /// The first read is due now.
    pub fn new(now: Duration, interval: Duration, miss_interval: Duration) -> Self {
        Self {
            interval,
            miss_interval,
            due: now,
            floor: Duration::ZERO,
            miss_floor: Duration::ZERO,
            is_woken: false,
            failures: 0,
        }
    }

    /// The time of the next read.
    pub fn due(&self) -> Duration {
        self.due
    }

    /// A client asked for a name that a zone lacks: the next read is due as soon as it may be.
    pub fn woken(&mut self, now: Duration) {
        let early = now.max(self.miss_floor).max(self.floor);
        if early < self.due {
            (self.due, self.is_woken) = (early, true);
        }
    }

    /// A read has ended; `random` is from 0 to below 1.
    pub fn ended(&mut self, now: Duration, next: Next, random: f64) {
        let random = random.clamp(0.0, 1.0);
        let has_failed = matches!(next, Next::Failed | Next::NotBefore(_));
        self.failures = if has_failed { self.failures.saturating_add(1) } else { 0 };
        let wait = match next {
            // As often earlier as later.
            Next::Usual => self.interval.mul_f64(0.9 + 0.2 * random),
            Next::Soon(time) => time.min(self.interval),
            Next::Failed | Next::NotBefore(_) => self.back_off(random),
        };
        self.due = now.saturating_add(wait);
        if let Next::NotBefore(time) = next {
            let asked = now.saturating_add(time.min(MAX_ASKED));
            // Many servers are told the same time: they do not come back in one moment.
            let apart = self.interval.min(time).mul_f64(0.1 * random);
            self.floor = self.floor.max(asked);
            self.due = self.due.max(asked.saturating_add(apart));
        }
        self.due = self.due.max(self.floor);
        if std::mem::take(&mut self.is_woken) || has_failed {
            self.miss_floor = now.saturating_add(self.miss_interval);
        }
    }

    /// 2, 4, 8 seconds and so on up to the interval, less up to a fifth of that.
    fn back_off(&self, random: f64) -> Duration {
        let doubled =
            1_u32.checked_shl(self.failures.saturating_sub(1)).and_then(|times| FIRST_RETRY.checked_mul(times));
        doubled.map_or(self.interval, |wait| wait.min(self.interval)).mul_f64(1.0 - 0.2 * random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn rhythm() -> Rhythm {
        Rhythm::new(s(100), s(60), s(10))
    }

    #[test]
    fn the_first_read_is_due_at_once_and_the_next_one_after_the_interval_a_tenth_more_or_less() {
        let mut rhythm = rhythm();
        assert_eq!(rhythm.due(), s(100));
        for (random, due) in [(0.0, 54), (0.5, 60), (1.0, 66)] {
            rhythm.ended(s(200), Next::Usual, random);
            assert_eq!(rhythm.due(), s(200 + due));
        }
        rhythm.ended(s(300), Next::Soon(s(10)), 0.5);
        assert_eq!(rhythm.due(), s(310));
        rhythm.ended(s(300), Next::Soon(s(600)), 0.5);
        assert_eq!(rhythm.due(), s(360), "soon is never later than usual");
    }

    #[test]
    fn after_failures_the_wait_doubles_up_to_the_interval_and_starts_anew_after_a_good_read() {
        let mut rhythm = rhythm();
        let mut waits = Vec::new();
        for _ in 0..40 {
            rhythm.ended(s(0), Next::Failed, 0.0);
            waits.push(rhythm.due().as_secs());
        }
        assert_eq!(waits[..7], [2, 4, 8, 16, 32, 60, 60]);
        assert!(waits[7..].iter().all(|wait| *wait == 60), "{waits:?}");
        rhythm.ended(s(0), Next::Failed, 1.0);
        assert_eq!(rhythm.due(), s(48));
        rhythm.ended(s(0), Next::Usual, 0.5);
        rhythm.ended(s(0), Next::Failed, 0.0);
        assert_eq!(rhythm.due(), s(2));
    }

    #[test]
    fn a_time_that_azure_asks_for_holds_against_misses_too_and_may_be_longer_than_the_interval() {
        let mut rhythm = rhythm();
        rhythm.ended(s(0), Next::NotBefore(s(300)), 0.0);
        assert_eq!(rhythm.due(), s(300));
        rhythm.woken(s(5));
        assert_eq!(rhythm.due(), s(300));
        rhythm.ended(s(0), Next::NotBefore(s(300)), 1.0);
        assert_eq!(rhythm.due(), s(306), "not all at once");
        rhythm.ended(s(0), Next::NotBefore(Duration::MAX), 0.0);
        assert_eq!(rhythm.due(), MAX_ASKED);
        let mut other = super::tests::rhythm();
        other.ended(s(0), Next::NotBefore(Duration::ZERO), 0.0);
        assert_eq!(other.due(), s(2), "no time at all is a failure like any other");
    }

    #[test]
    fn a_miss_makes_a_read_due_now_but_not_twice_within_miss_interval() {
        let mut rhythm = rhythm();
        rhythm.ended(s(100), Next::Usual, 0.5);
        rhythm.woken(s(110));
        assert_eq!(rhythm.due(), s(110));
        rhythm.ended(s(111), Next::Usual, 0.5);
        rhythm.woken(s(112));
        assert_eq!(rhythm.due(), s(121));
        rhythm.ended(s(122), Next::Failed, 0.0);
        rhythm.woken(s(122));
        assert_eq!(rhythm.due(), s(124), "a miss never delays");
        for _ in 0..9 {
            rhythm.ended(s(130), Next::Failed, 0.0);
        }
        rhythm.woken(s(130));
        assert_eq!(rhythm.due(), s(140), "nor hammers at what fails");
    }

    proptest! {
        #[test]
        fn no_read_begins_before_azure_allows_it_and_none_is_later_than_it_must_be(
            steps in proptest::collection::vec((0..5_u8, 0..400_u64, 0.0..1.0_f64), 1..60),
            interval in 1..400_u64,
        ) {
            let mut rhythm = Rhythm::new(s(0), s(interval), s(10));
            let (mut now, mut asked) = (s(0), s(0));
            for (kind, seconds, random) in steps {
                now += s(seconds % 50);
                match kind {
                    0 => rhythm.ended(now, Next::Usual, random),
                    1 => rhythm.ended(now, Next::Soon(s(seconds)), random),
                    2 => rhythm.ended(now, Next::Failed, random),
                    3 => {
                        asked = asked.max(now + s(seconds));
                        rhythm.ended(now, Next::NotBefore(s(seconds)), random);
                    }
                    _ => rhythm.woken(now),
                }
                prop_assert!(rhythm.due() >= asked, "{:?}", rhythm);
                let longest = now.max(asked) + s(interval).mul_f64(1.1) + Duration::from_micros(1);
                prop_assert!(kind == 4 || rhythm.due() <= longest, "{:?}", rhythm);
            }
        }
    }
}
