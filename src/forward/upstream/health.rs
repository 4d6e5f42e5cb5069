//! Whether an upstream answers and how fast: pure, `now` is an argument.
//!
//! In: replies, silences, and that there is no route. Out: up or down, how long to wait before another upstream is
//! asked, and when a down upstream is worth a check. Checks are passive: they use clients' questions. A question goes
//! to a down upstream as well as to one that is up, so clients never wait for a check.
//!
//! ```text
//!          2 silences with no reply between them, or no route
//!     up ------------------------------------------------------> down --+ a check every 1, 2, 4 .. 10 s
//!      ^                                                          |  <--+ while silent
//!      +----------------------------------------------------------+
//!                       a reply within 1 s
//! ```

use std::time::{Duration, Instant};

/// Silences in a row that make an upstream down.
const SILENCES: u8 = 2;
/// The wait before another upstream is asked, until a round trip has been measured.
const FIRST_WAIT: Duration = Duration::from_millis(400);
/// Bounds of that wait: a recursion takes a while, and a client gives up after a second or two.
const MIN_WAIT: Duration = Duration::from_millis(200);
const MAX_WAIT: Duration = Duration::from_secs(1);
/// The time between checks of a down upstream.
const FIRST_CHECK: Duration = Duration::from_secs(1);
const MAX_CHECK: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(crate) struct Health {
    /// Smoothed round trip and its deviation (RFC 6298), once measured.
    srtt: Option<(Duration, Duration)>,
    last_reply: Option<Instant>,
    silences: u8,
    down: Option<Down>,
}

#[derive(Debug)]
struct Down {
    next_check: Instant,
    gap: Duration,
}

impl Health {
    /// A reply came over UDP to a query first sent `took` ago.
    pub(crate) fn replied(&mut self, now: Instant, took: Duration) {
        let (srtt, deviation) = match self.srtt {
            None => (took, took / 2),
            Some((srtt, deviation)) => ((srtt * 7 + took) / 8, (deviation * 3 + srtt.abs_diff(took)) / 4),
        };
        self.srtt = Some((srtt, deviation));
        self.alive(now, took);
    }

    /// A reply came to a query sent `took` ago over TCP. That is no round trip: it has the wait for a connection in it.
    pub(crate) fn alive(&mut self, now: Instant, took: Duration) {
        self.last_reply = Some(now);
        // An upstream that always takes longer is asked when there is no other, but does not count as up.
        if took <= MAX_WAIT {
            self.silences = 0;
            self.down = None;
        }
    }

    /// Notes that a query sent at `sent` has had no reply within its wait.
    pub(crate) fn silent(&mut self, now: Instant, sent: Instant) {
        if self.last_reply.is_some_and(|at| at >= sent) {
            return;
        }
        self.silences = self.silences.saturating_add(1);
        if self.silences >= SILENCES {
            self.go_down(now);
        }
    }

    /// Notes that this host cannot send to it.
    pub(crate) fn no_route(&mut self, now: Instant) {
        self.silences = SILENCES;
        self.go_down(now);
    }

    fn go_down(&mut self, now: Instant) {
        self.down.get_or_insert(Down { next_check: now + FIRST_CHECK, gap: FIRST_CHECK });
    }

    pub(crate) fn is_up(&self) -> bool {
        self.down.is_none()
    }

    /// Whether a question should go to this down upstream as a check; the next check is due later.
    pub(crate) fn take_check(&mut self, now: Instant) -> bool {
        let Some(down) = self.down.as_mut().filter(|down| down.next_check <= now) else {
            return false;
        };
        down.gap = (down.gap * 2).min(MAX_CHECK);
        down.next_check = now + down.gap;
        true
    }

    /// How long to wait for a reply before another upstream is asked, or the same again.
    pub(crate) fn wait(&self) -> Duration {
        self.srtt.map_or(FIRST_WAIT, |(srtt, deviation)| (srtt + deviation * 4).clamp(MIN_WAIT, MAX_WAIT))
    }

    /// The smoothed round trip.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.srtt.map(|(srtt, _)| srtt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn two_silences_in_a_row_make_it_down_and_one_reply_up_again() {
        let start = Instant::now();
        let mut health = Health::default();
        health.silent(start + 400 * MS, start);
        assert!(health.is_up());
        health.silent(start + 401 * MS, start + MS);
        assert!(!health.is_up());
        health.replied(start + 500 * MS, 2 * MS);
        assert!(health.is_up());
    }

    #[test]
    fn a_reply_over_tcp_is_a_sign_of_life_and_no_round_trip() {
        let start = Instant::now();
        let mut health = Health::default();
        health.replied(start, MS);
        health.no_route(start);
        health.alive(start + 900 * MS, 900 * MS);
        assert!(health.is_up());
        assert_eq!((health.wait(), health.round_trip()), (MIN_WAIT, Some(MS)));
    }

    #[test]
    fn a_silence_says_nothing_when_a_reply_to_another_question_came_meanwhile() {
        let start = Instant::now();
        let mut health = Health::default();
        health.replied(start + 10 * MS, MS);
        for _ in 0..5 {
            health.silent(start + 400 * MS, start);
        }
        assert!(health.is_up(), "a lost packet is not a dead upstream");
    }

    #[test]
    fn a_reply_that_took_two_seconds_does_not_make_it_up() {
        let start = Instant::now();
        let mut health = Health::default();
        health.no_route(start);
        health.replied(start + 2000 * MS, 2000 * MS);
        assert!(!health.is_up());
    }

    #[test]
    fn checks_come_at_growing_intervals_up_to_ten_seconds() {
        let start = Instant::now();
        let mut health = Health::default();
        health.no_route(start);
        let mut probes = Vec::new();
        for second in 0..40 {
            if health.take_check(start + second * 1000 * MS) {
                probes.push(second);
            }
        }
        assert_eq!(probes, [1, 3, 7, 15, 25, 35]);
    }

    #[test]
    fn the_wait_follows_the_round_trip_within_bounds() {
        let start = Instant::now();
        let mut health = Health::default();
        assert_eq!(health.wait(), FIRST_WAIT);
        health.replied(start, MS);
        assert_eq!(health.wait(), MIN_WAIT);
        health.replied(start, 5000 * MS);
        assert_eq!(health.wait(), MAX_WAIT);
    }
}
