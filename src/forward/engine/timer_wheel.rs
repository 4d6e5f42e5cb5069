//! A coarse timer wheel: one tick for all questions instead of a timer for each. Pure, `now` is an argument.
//!
//! In: keys with their times. Out: the keys whose time has come, up to one tick late. A key is never removed early: the
//! receiver checks whether it still matters.

use std::time::{Duration, Instant};

/// The length of a tick.
pub(crate) const TICK: Duration = Duration::from_millis(16);
/// Slots: a little over eight seconds. A later key comes up early, and its receiver inserts it again.
const SLOTS: usize = 512;

#[derive(Debug)]
pub(crate) struct TimerWheel<K> {
    slots: Box<[Vec<K>]>,
    /// The slot that is due at `next`.
    position: usize,
    next: Instant,
    count: usize,
}

impl<K> TimerWheel<K> {
    pub(crate) fn new(now: Instant) -> Self {
        Self { slots: (0..SLOTS).map(|_| Vec::new()).collect(), position: 0, next: now + TICK, count: 0 }
    }

    /// Schedules `key` for `at`, never before.
    pub(crate) fn insert(&mut self, now: Instant, at: Instant, key: K) {
        if self.count == 0 {
            self.next = now + TICK;
        }
        let ticks = at.saturating_duration_since(self.next).as_nanos().div_ceil(TICK.as_nanos());
        let ticks = usize::try_from(ticks).unwrap_or(usize::MAX).min(SLOTS - 1);
        self.slots[(self.position + ticks) % SLOTS].push(key);
        self.count += 1;
    }

    /// Moves the keys that are due at `now` to `expired`.
    pub(crate) fn advance(&mut self, now: Instant, expired: &mut Vec<K>) {
        while self.count > 0 && self.next <= now {
            let slot = &mut self.slots[self.position];
            self.count -= slot.len();
            expired.append(slot);
            self.position = (self.position + 1) % SLOTS;
            self.next += TICK;
        }
    }

    /// When to look again; `None` if the wheel is empty.
    pub(crate) fn next(&self) -> Option<Instant> {
        (self.count > 0).then_some(self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_key_comes_up_once_and_at_most_two_ticks_late(waits in prop::collection::vec(0_u64..8000, 1..50), idle in 0_u64..100) {
            let start = Instant::now();
            let mut timer_wheel = TimerWheel::new(start);
            let begin = start + Duration::from_millis(idle);
            for (key, wait) in waits.iter().enumerate() {
                timer_wheel.insert(begin, begin + Duration::from_millis(*wait), key as u64);
            }
            let mut seen = vec![None; waits.len()];
            let mut due = Vec::new();
            for ms in 0..9000 {
                timer_wheel.advance(begin + Duration::from_millis(ms), &mut due);
                for key in due.drain(..) {
                    let slot = &mut seen[usize::try_from(key).unwrap()];
                    prop_assert!(slot.replace(ms).is_none());
                }
            }
            for (wait, at) in waits.iter().zip(seen) {
                let at = at.unwrap();
                prop_assert!(at >= *wait && at <= wait + 33, "due {} came {}", wait, at);
            }
            prop_assert!(timer_wheel.next().is_none());
        }
    }
}
