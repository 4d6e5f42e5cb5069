//! What was looked for in the cache, what was found, and what made room.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use quick_cache::Lifecycle;

use super::{Entry, Key};

/// The counts of a cache since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheCounts {
    /// Questions that were looked for.
    pub requests: u64,
    /// Those with a fresh answer, or a failure so recent that no upstream was asked.
    pub hits: u64,
    /// Stale answers that clients got because upstreams failed.
    pub stale: u64,
    /// Answers that made room for others.
    pub evictions: u64,
}

#[derive(Default)]
pub(super) struct Counters {
    misses: AtomicU64,
    hits: AtomicU64,
    stale: AtomicU64,
    evictions: AtomicU64,
}

impl Counters {
    pub(super) fn lookup(&self, is_hit: bool) {
        if is_hit { &self.hits } else { &self.misses }.fetch_add(1, Relaxed);
    }

    pub(super) fn stale(&self) {
        self.stale.fetch_add(1, Relaxed);
    }

    pub(super) fn read(&self) -> CacheCounts {
        let hits = self.hits.load(Relaxed);
        CacheCounts {
            requests: hits + self.misses.load(Relaxed),
            hits,
            stale: self.stale.load(Relaxed),
            evictions: self.evictions.load(Relaxed),
        }
    }
}

/// Counts the entries that are evicted. An entry that is replaced or removed is none: this hook is not called for it.
#[derive(Clone)]
pub(super) struct Evictions(pub(super) Arc<Counters>);

impl Lifecycle<Key, Arc<Entry>> for Evictions {
    type RequestState = ();

    fn before_evict(&self, (): &mut (), _: &Key, _: &mut Arc<Entry>) {
        self.0.evictions.fetch_add(1, Relaxed);
    }
}
