//! Room for the entries of one file.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Listing;

/// Room for entries in one file, whose parts are read side by side.
pub(super) struct FileBudget {
    /// Left to take from.
    pub(super) shared: Arc<AtomicUsize>,
    /// Taken and not used yet.
    own: usize,
    /// Taken and used.
    used: usize,
    pub(super) is_full: bool,
}

impl FileBudget {
    /// Taken at once, so that readers of parts are not in each other's way.
    const STEP: usize = 1024;

    pub(super) fn new() -> Self {
        Self { shared: Arc::new(AtomicUsize::new(Listing::MAX_ENTRIES)), own: 0, used: 0, is_full: false }
    }

    pub(super) fn take(&mut self, entries: usize) -> bool {
        if self.own < entries {
            let step = entries.max(Self::STEP);
            let rest = |left: usize| Some(left.saturating_sub(step));
            let left = self.shared.fetch_update(Ordering::Relaxed, Ordering::Relaxed, rest).unwrap_or_default();
            self.own += left.min(step);
        }
        let left = self.own.checked_sub(entries);
        self.own = left.unwrap_or(self.own);
        self.used += left.map_or(0, |_| entries);
        left.is_some()
    }

    pub(super) fn give_back(self) {
        self.shared.fetch_add(self.own + self.used, Ordering::Relaxed);
    }
}
