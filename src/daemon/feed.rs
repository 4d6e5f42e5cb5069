//! When the feed and the catalog are made: after the zones in service changed, at most once a second, and again after a
//! failure.
//!
//! Input: the zones in service, the time. Output: whether to make them now, and what is wrong with them. However many
//! changes come meanwhile, the next making has all of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::log;
use crate::diag::Diagnostic;
use crate::feed::Settings;
use crate::feed::derived::{Made, Outcome};
use crate::status::Degraded;
use crate::sync::apply::ApplyError;
use crate::zone::ZoneSet;

/// The least time from one writing to the next making.
const PAUSE: Duration = Duration::from_secs(1);

/// The time after a failure. A change in between waits too: the disk is no better for it.
const RETRY: Duration = Duration::from_secs(10);

/// The making of derived zones.
#[derive(Default)]
pub(super) struct FeedWork {
    /// What they were last made of; `None` if they are to be made whatever the zones are.
    made_of: Option<(Settings, Arc<ZoneSet>)>,
    not_before: Option<Instant>,
    /// By zone, without the final dot.
    problems: BTreeMap<String, Diagnostic>,
    left_out: Vec<Diagnostic>,
}

impl FeedWork {
    /// The time from which on they should be made of these zones; `None` if they are.
    pub(super) fn due(&self, settings: &Settings, zones: &ZoneSet, now: Instant) -> Option<Instant> {
        let is_same = |(by, of): &(Settings, Arc<ZoneSet>)| by == settings && of.answers_as(zones);
        let is_due = !settings.is_empty() && !self.made_of.as_ref().is_some_and(is_same);
        is_due.then(|| self.not_before.map_or(now, |then| then.max(now)))
    }

    /// True if they should be made of these zones now: then they count as made of them.
    pub(super) fn take(&mut self, settings: &Settings, zones: &Arc<ZoneSet>, now: Instant) -> bool {
        let is_due = self.due(settings, zones, now) == Some(now);
        if is_due {
            self.made_of = Some((settings.clone(), Arc::clone(zones)));
        }
        is_due
    }

    /// Notes what became of them, and says what is new in it. `took`: the whole task.
    pub(super) fn made(&mut self, made: &Result<Option<Vec<Made>>, ApplyError>, took: Duration, now: Instant) {
        // A feed of a million names takes seconds: the passes come first.
        let mut pause = took * 2;
        match made {
            Ok(Some(made)) => {
                let before = std::mem::take(&mut self.problems);
                for Made { apex, outcome, .. } in made {
                    let (Outcome::Waits(problem) | Outcome::Failed(problem)) = outcome else { continue };
                    if before.get(&apex.without_dot()) != Some(problem) {
                        log::found(problem);
                    }
                    self.problems.insert(apex.without_dot(), problem.clone());
                }
                let left_out: Vec<Diagnostic> = made.iter().flat_map(|made| made.left_out.clone()).collect();
                left_out.iter().filter(|found| !self.left_out.contains(found)).for_each(log::found);
                self.left_out = left_out;
                if made.iter().any(|made| matches!(made.outcome, Outcome::Failed(_))) {
                    self.made_of = None;
                    pause = pause.max(RETRY);
                } else if made.iter().any(|made| made.outcome == Outcome::Written) {
                    pause = pause.max(PAUSE);
                }
            }
            // The sync is frozen, or another process has the folder: they are made afterwards.
            Ok(None) | Err(ApplyError::Busy(_)) => {
                self.made_of = None;
                pause = pause.max(PAUSE);
            }
            Err(error) => {
                let problem = error.diagnostic();
                let zones = self.made_of.take().map(|(settings, _)| settings).unwrap_or_default();
                for (apex, _) in zones.zones() {
                    if self.problems.insert(apex.without_dot(), problem.clone()).as_ref() != Some(&problem) {
                        log::found(&problem);
                    }
                }
                pause = pause.max(RETRY);
            }
        }
        self.not_before = Some(now + pause);
    }

    /// The problems of all zones, those of making them among them. A derived zone whose file another task finds lost or
    /// spoilt is made anew; `is_own` if they were made just now, which would go on for ever.
    pub(super) fn found(&mut self, settings: &Settings, mut degraded: Degraded, is_own: bool) -> Degraded {
        self.problems.retain(|zone, _| settings.zones().any(|(apex, _)| apex.without_dot() == *zone));
        if !is_own && settings.zones().any(|(apex, _)| degraded.contains_key(&apex.without_dot())) {
            self.made_of = None;
        }
        for (zone, problem) in &self.problems {
            degraded.entry(zone.clone()).or_default().push(problem.clone());
        }
        degraded
    }
}

#[cfg(test)]
mod tests;
