//! What the daemon does once a second, whatever else happens.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::Daemon;
use crate::status;
use crate::status::verdict::{Level, Verdict};

/// The time after which the verdict is looked at again although nothing has happened in the loop: counters and
/// upstreams count too.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// What the service manager was told of the verdict.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// True if something has happened since that may change it.
    pub(super) is_old: bool,
    /// When it was last looked at.
    at: Option<Instant>,
}

impl Told {
    /// True if the verdict should be looked at, which gathers the whole status.
    fn is_due(&self, now: Instant) -> bool {
        self.is_old || self.at.is_none_or(|at| now >= at + LOOK_AGAIN)
    }
}

/// The verdict as the service manager shows it: its headline, behind the level if that is not good.
fn line(verdict: &Verdict) -> String {
    match verdict.level {
        Level::Good => verdict.headline.clone(),
        level => format!("{level}: {}", verdict.headline),
    }
}

impl Daemon {
    /// Shows that the loop turns, and logs what changed without anybody asking.
    pub(super) fn beat(&mut self, now: Instant, is_starting: bool) {
        self.board.beat(&self.shared, SystemTime::now());
        self.admin.open().iter().for_each(super::log::found);
        self.look_for_addresses(now.into_std());
        self.end_former_watches(now);
        self.shared.observer.beat(now.into_std());
        let upstreams = status::upstreams_now(&self.shared.snapshot.load().resolver);
        let changed = self.upstream_log.compare(&upstreams, now.into_std());
        let behind = self.board.behind(&self.shared, SystemTime::now());
        let changed: Vec<_> = changed.into_iter().chain(self.peer_log.compare(&behind)).collect();
        changed.iter().for_each(super::log::transition);
        super::log::transfers(&self.shared.snapshot.load().transfers.board);
        self.told.is_old |= !changed.is_empty();
        let waits = self.board.waits();
        let keys: Vec<String> = waits.iter().map(|(key, _)| key.clone()).collect();
        let due = self.reminder.due(&keys, now.into_std());
        waits.iter().filter(|(key, _)| due.contains(key)).for_each(|(_, waits)| super::log::still_waits(waits));
        if is_starting {
            self.manager.starting("queries are answered, and the lists are read for the first time", now);
        } else if self.told.is_due(now) {
            self.tell_manager(now);
        }
        self.manager.beat();
    }

    /// Tells the service manager the verdict; a server that stops has said so already.
    pub(super) fn tell_manager(&mut self, now: Instant) {
        self.told = Told { is_old: false, at: Some(now) };
        if self.manager.is_there() && !self.board.is_draining() {
            self.manager.status(&line(&self.board.status(&self.shared, SystemTime::now()).verdict));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_status_is_gathered_after_an_event_or_else_each_ten_seconds() {
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let told = |is_old| Told { is_old, at: Some(now) };
        assert!(Told::default().is_due(now));
        assert!(told(true).is_due(at(1)));
        assert!(!told(false).is_due(at(1)));
        assert!(!told(false).is_due(at(9)));
        assert!(told(false).is_due(at(10)));
    }

    #[test]
    fn the_line_for_the_manager_is_the_headline_behind_its_level() {
        let verdict = |level, headline: &str| Verdict { level, headline: headline.to_owned(), findings: Vec::new() };
        assert_eq!(line(&verdict(Level::Good, "all well: 3 zones")), "all well: 3 zones");
        assert_eq!(
            line(&verdict(Level::Error, "no list was read (and 1 more)")),
            "error: no list was read (and 1 more)"
        );
    }
}
