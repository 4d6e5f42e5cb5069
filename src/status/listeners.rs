//! Requests to the admin and the probe listener since the start.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::model::Counts;

/// The counters.
#[derive(Debug, Default)]
pub(crate) struct ListenerCounters {
    requests: AtomicU64,
    refused: AtomicU64,
    displaced: AtomicU64,
}

impl ListenerCounters {
    /// A request came.
    pub(crate) fn asked(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    /// It was refused: for its client, its `Host` or its method.
    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    /// A connection made room for another.
    pub(crate) fn displaced(&self) {
        self.displaced.fetch_add(1, Relaxed);
    }

    /// All of them by name.
    pub(super) fn all(&self) -> Counts {
        let counts = [("requests", &self.requests), ("refused", &self.refused), ("displaced", &self.displaced)];
        counts.into_iter().map(|(name, count)| (name.to_owned(), count.load(Relaxed))).collect()
    }
}
