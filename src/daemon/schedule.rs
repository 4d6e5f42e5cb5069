//! The time of the next sync: at the interval, or early because a client asked for a missing name.

use std::time::Duration;

use tokio::time::Instant;

use crate::sync::Settings;

/// The time to gather misses: names come in groups, and lists a moment before or after the first question.
const GATHER: Duration = Duration::from_millis(100);

pub(super) struct Schedule {
    regular: Instant,
    early: Option<Instant>,
    /// The time when a miss last led to a sync.
    last_early: Option<Instant>,
}

impl Schedule {
    pub(super) fn new(now: Instant, settings: &Settings) -> Self {
        Self { regular: now + settings.interval, early: None, last_early: None }
    }

    /// A name was missing: a sync is due soon, but not sooner after the last such one than the config allows.
    pub(super) fn missed(&mut self, now: Instant, settings: &Settings) {
        let allowed = self.last_early.map_or(now, |last| last + settings.miss_interval);
        self.early.get_or_insert((now + GATHER).max(allowed));
    }

    /// A sync has been made, for any reason.
    pub(super) fn synced(&mut self, now: Instant, settings: &Settings) {
        if self.early.take_if(|early| *early <= now).is_some() {
            self.last_early = Some(now);
        }
        self.regular = now + settings.interval;
    }

    /// The time when the next sync is due.
    pub(super) fn next(&self) -> Instant {
        self.early.map_or(self.regular, |early| early.min(self.regular))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use std::path::Path;

    fn settings() -> Settings {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.toml");
        std::io::Write::write_all(&mut std::fs::File::create(&file).unwrap(), b"").unwrap();
        Config::load(Path::new(&file)).unwrap().sync
    }

    #[test]
    fn a_miss_makes_a_sync_due_within_a_second_but_not_more_often_than_the_config_says() {
        let (settings, start) = (settings(), Instant::now());
        let mut schedule = Schedule::new(start, &settings);
        assert_eq!(schedule.next(), start + settings.interval);
        schedule.missed(start, &settings);
        let first = schedule.next();
        assert_eq!(first, start + GATHER);
        schedule.synced(first, &settings);
        schedule.missed(first, &settings);
        assert_eq!(schedule.next(), first + settings.miss_interval);
    }
}
