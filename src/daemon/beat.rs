//! What the daemon does once a second, whatever else happens.

use std::time::{Instant, SystemTime};

use super::Daemon;
use crate::status;

impl Daemon {
    /// Shows that the loop turns, and logs what changed without anybody asking.
    pub(super) fn beat(&mut self, now: Instant) {
        self.board.beat(&self.shared, SystemTime::now());
        self.admin.open().iter().for_each(super::log::found);
        self.look_for_addresses(now);
        self.shared.observer.beat(now);
        let upstreams = status::upstreams_now(&self.shared.snapshot.load().resolver);
        self.upstream_log.compare(&upstreams, now).iter().for_each(super::log::transition);
        let waits = self.board.waits();
        let keys: Vec<String> = waits.iter().map(|(key, _)| key.clone()).collect();
        let due = self.reminder.due(&keys, now);
        waits.iter().filter(|(key, _)| due.contains(key)).for_each(|(_, waits)| super::log::still_waits(waits));
    }
}
