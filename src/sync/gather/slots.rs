//! How many sources are read side by side.
//!
//! In: readers that begin and end. Out: a slot for each. A reader takes some megabytes while it runs, so a thousand
//! sources do not run at once; but readers that hang must not keep the others waiting, so when no slot becomes free for
//! a while, there are twice as many.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Readers side by side while none hangs.
const AT_FIRST: usize = 16;

/// The time without a free slot after which there are more.
pub(super) const PATIENCE: Duration = Duration::from_millis(100);

/// The slots of one pass.
pub(super) struct Slots {
    shared: Arc<Shared>,
    limit: usize,
}

#[derive(Default)]
struct Shared {
    taken: Mutex<usize>,
    freed: Condvar,
}

/// One reader's slot, which is free again when this is dropped.
pub(super) struct Slot(Arc<Shared>);

impl Slots {
    pub(super) fn new() -> Self {
        Self { shared: Arc::default(), limit: AT_FIRST }
    }

    /// A slot, after a wait of `patience` at most.
    pub(super) fn take(&mut self, patience: Duration) -> Slot {
        let is_full = |taken: &mut usize| *taken >= self.limit;
        let waited = self.shared.freed.wait_timeout_while(self.shared.lock(), patience, is_full);
        let (mut taken, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            self.limit *= 2;
        }
        *taken += 1;
        drop(taken);
        Slot(Arc::clone(&self.shared))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, usize> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        *self.0.lock() -= 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_that_becomes_free_is_taken_again_and_only_readers_that_hang_make_more() {
        let mut slots = Slots::new();
        let mut running: Vec<Slot> = (0..AT_FIRST).map(|_| slots.take(Duration::ZERO)).collect();
        for _ in 0..1_000 {
            running.pop();
            running.push(slots.take(Duration::ZERO));
        }
        assert_eq!(slots.limit, AT_FIRST);
        running.push(slots.take(Duration::ZERO));
        assert_eq!(slots.limit, 2 * AT_FIRST, "nobody left");
        running.extend((1..AT_FIRST).map(|_| slots.take(Duration::ZERO)));
        assert_eq!((slots.limit, running.len()), (2 * AT_FIRST, 2 * AT_FIRST));
        drop(running);
        assert_eq!(*slots.shared.lock(), 0);
    }

    #[test]
    fn whoever_waits_for_a_slot_gets_the_one_that_another_thread_leaves() {
        let mut slots = Slots::new();
        let mut running: Vec<Slot> = (0..AT_FIRST).map(|_| slots.take(Duration::ZERO)).collect();
        let last = running.pop();
        std::thread::scope(|scope| {
            scope.spawn(|| drop(last));
            drop(slots.take(Duration::MAX));
        });
        assert_eq!(slots.limit, AT_FIRST);
    }
}
