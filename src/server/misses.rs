//! Misses: questions for names that a hosted zone does not have. Each is counted by zone, and a miss of a name that an
//! agent may be waiting for asks for an early sync.
//!
//! In: a zone and a name. Out: a wake-up for the daemon, one until it calls [`Misses::rearm`], however many questions
//! arrive. The agent silently uses the public name when a private name is missing, so the count is the only sign that
//! an operator sees.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use crate::azure::names::looks_like_backup;
use crate::dns::{CanonicalName, Name};
use crate::zone::Hosted;

/// The signal for an early sync.
#[derive(Default)]
pub struct Misses {
    wanted: AtomicBool,
    wake: Notify,
}

impl Misses {
    /// Counts a miss and asks for a sync if a sync could help. The name is examined only while no sync is wanted yet.
    pub fn note(&self, hosted: &Hosted, name: CanonicalName<'_>) {
        hosted.misses.fetch_add(1, Ordering::Relaxed);
        if self.wanted.load(Ordering::Relaxed) {
            return;
        }
        let may_help = Name::from_wire(name.as_wire()).is_some_and(|name| looks_like_backup(&hosted.apex, &name));
        if may_help && !self.wanted.swap(true, Ordering::Relaxed) {
            self.wake.notify_one();
        }
    }

    /// Waits until a sync is wanted.
    pub async fn wanted(&self) {
        self.wake.notified().await;
    }

    /// Lets the next miss ask again.
    pub fn rearm(&self) {
        self.wanted.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::OnMiss;

    fn note(misses: &Misses, name: &str) -> u64 {
        let apex: Name = "privatelink.we.backup.windowsazure.com".parse().unwrap();
        let hosted = Hosted::new(apex, OnMiss::NxDomain, None);
        misses.note(&hosted, name.parse::<Name>().unwrap().canonical());
        hosted.misses.load(Ordering::Relaxed)
    }

    fn query_options(misses: &Misses) -> bool {
        misses.wanted.load(Ordering::Relaxed)
    }

    #[test]
    fn every_miss_is_counted_and_only_backup_like_names_ask_for_a_sync() {
        let misses = Misses::default();
        assert_eq!(note(&misses, "www.privatelink.we.backup.windowsazure.com"), 1);
        assert!(!query_options(&misses));
        assert_eq!(note(&misses, "1000000000000000001-ab-pod01-rec2.privatelink.we.backup.windowsazure.com"), 1);
        assert!(query_options(&misses));
        misses.rearm();
        assert!(!query_options(&misses));
    }
}
