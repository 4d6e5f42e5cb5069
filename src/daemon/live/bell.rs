//! What the thread of a live source sleeps by: until its next read, until somebody wakes it, or until it is to stop.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::sync::live::rhythm::Rhythm;

/// The bell.
#[derive(Default)]
pub(super) struct Bell {
    calls: Mutex<Calls>,
    rung: Condvar,
}

#[derive(Default)]
struct Calls {
    is_stopped: bool,
    /// A client missed a name since the last look.
    is_woken: bool,
}

impl Bell {
    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a read.
    pub(super) fn wake(&self) {
        self.calls().is_woken = true;
        self.rung.notify_all();
    }

    /// Ends the thread.
    pub(super) fn stop(&self) {
        self.calls().is_stopped = true;
        self.rung.notify_all();
    }

    /// True if the thread is to end.
    pub(super) fn is_stopped(&self) -> bool {
        self.calls().is_stopped
    }

    /// Sleeps until the next read is due; false if there is to be none.
    pub(super) fn wait(&self, rhythm: &mut Rhythm, now: &dyn Fn() -> Duration) -> bool {
        let mut calls = self.calls();
        loop {
            if calls.is_stopped {
                return false;
            }
            if std::mem::take(&mut calls.is_woken) {
                rhythm.woken(now());
            }
            let left = rhythm.due().saturating_sub(now());
            if left.is_zero() {
                return true;
            }
            calls = self.rung.wait_timeout(calls, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
