//! Queries over the last half hour, as steps of ten seconds: for the charts of the status page.
//!
//! In: the counters, now and then. Out: what was added to them in each step. Pure: the time is an argument.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::queries::QueryStatus;

/// The length of a step, seconds.
const STEP_S: u64 = 10;

/// Steps that are kept: half an hour.
const STEPS: usize = 180;

/// Queries over the last half hour.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Traffic {
    /// The length of a step.
    pub step_s: u64,
    /// The steps, the newest last; those before the start are not there.
    pub steps: Vec<Step>,
}

/// What happened in one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Step {
    /// When it ended.
    pub at: u64,
    /// Messages that came in.
    pub queries: u64,
    /// Answers from our zones.
    pub zone: u64,
    /// Answers from the cache.
    pub cache: u64,
    /// Answers that an upstream was asked for.
    pub upstream: u64,
    /// Answers with SERVFAIL.
    pub servfail: u64,
    /// Questions for names that a hosted zone lacks.
    pub misses: u64,
}

impl Step {
    /// The totals since the start.
    pub fn totals(at: u64, queries: &QueryStatus, misses: u64) -> Self {
        let from = |origins: &'static [&'static str]| queries.sum(|answer| origins.contains(&answer.origin.as_str()));
        Self {
            at,
            queries: queries.total(),
            zone: from(&["zone", "special"]),
            cache: from(&["cache", "stale"]),
            upstream: from(&["upstream", "rechased", "failed"]),
            servfail: queries.sum(|answer| answer.rcode.as_deref() == Some("SERVFAIL")),
            misses,
        }
    }

    fn since(self, before: Self) -> Self {
        Self {
            at: self.at,
            queries: self.queries.saturating_sub(before.queries),
            zone: self.zone.saturating_sub(before.zone),
            cache: self.cache.saturating_sub(before.cache),
            upstream: self.upstream.saturating_sub(before.upstream),
            servfail: self.servfail.saturating_sub(before.servfail),
            misses: self.misses.saturating_sub(before.misses),
        }
    }
}

/// The steps so far.
#[derive(Debug, Default)]
pub struct History {
    last: Option<Step>,
    steps: VecDeque<Step>,
}

impl History {
    /// True if a step is over at `at`.
    pub fn is_due(&self, at: u64) -> bool {
        // A clock that was set back begins anew.
        self.last.is_none_or(|last| at >= last.at + STEP_S || at < last.at)
    }

    /// Ends a step with these totals.
    pub fn add(&mut self, totals: Step) {
        if let Some(before) = self.last.replace(totals) {
            if totals.at < before.at {
                self.steps.clear();
            }
            if self.steps.len() == STEPS {
                self.steps.pop_front();
            }
            self.steps.push_back(totals.since(before));
        }
    }

    /// The steps, to be shown.
    pub fn traffic(&self) -> Traffic {
        Traffic { step_s: STEP_S, steps: self.steps.iter().copied().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_has_what_was_added_in_it_and_the_oldest_goes_first() {
        let mut history = History::default();
        for n in 0..=(STEPS as u64 + 5) {
            assert!(history.is_due(n * STEP_S));
            history.add(Step { at: n * STEP_S, queries: n * n, ..Step::default() });
            assert!(!history.is_due(n * STEP_S + STEP_S - 1));
        }
        let traffic = history.traffic();
        assert_eq!(traffic.steps.len(), STEPS);
        let (first, last) = (traffic.steps[0], traffic.steps[STEPS - 1]);
        assert_eq!((first.at, last.at), (6 * STEP_S, (STEPS as u64 + 5) * STEP_S));
        assert_eq!(last.queries, 2 * (STEPS as u64 + 5) - 1);
    }

    #[test]
    fn a_clock_that_is_set_back_begins_anew_and_nothing_is_negative() {
        let mut history = History::default();
        history.add(Step { at: 1000, queries: 5, ..Step::default() });
        history.add(Step { at: 1010, queries: 9, ..Step::default() });
        assert!(history.is_due(500));
        history.add(Step { at: 500, queries: 11, ..Step::default() });
        assert_eq!(history.traffic().steps, [Step { at: 500, queries: 2, ..Step::default() }]);
    }
}
