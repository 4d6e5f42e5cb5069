//! Features that an upstream was found not to have (EDNS, keeping the case of a name): pure, `now` is an argument.
//!
//! In: signs for and against a feature. Out: whether to do without it. Never: a final finding: it is forgotten after a
//! while, and the feature is tried again.

use std::time::{Duration, Instant};

/// How long a finding lasts.
const MEMORY: Duration = Duration::from_mins(10);

#[derive(Debug, Default)]
pub(crate) struct Quirk {
    failures: u8,
    until: Option<Instant>,
    proven: Option<Instant>,
}

impl Quirk {
    /// Notes one more sign; `enough` of them make the finding. After a recent success a sign does not count: it may be
    /// a lost packet, a slow answer or a forgery.
    pub(crate) fn observe_failure(&mut self, now: Instant, enough: u8) {
        if self.is_proven(now) {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures >= enough {
            self.failures = 0;
            self.until = Some(now + MEMORY);
        }
    }

    /// Notes that the upstream has the feature.
    pub(crate) fn observe_success(&mut self, now: Instant) {
        self.proven = Some(now);
        self.failures = 0;
        self.until = None;
    }

    /// Whether a proof of the feature is remembered.
    pub(crate) fn is_proven(&self, now: Instant) -> bool {
        self.proven.is_some_and(|proven| now < proven + MEMORY)
    }

    /// Whether to do without the feature.
    pub(crate) fn is_active(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_takes_several_signs_and_is_forgotten_after_a_while() {
        let now = Instant::now();
        let mut quirk = Quirk::default();
        quirk.observe_failure(now, 2);
        assert!(!quirk.is_active(now));
        quirk.observe_failure(now, 2);
        assert!(quirk.is_active(now));
        assert!(!quirk.is_active(now + MEMORY));
    }

    #[test]
    fn a_proof_of_the_contrary_wipes_signs_and_finding() {
        let now = Instant::now();
        let mut quirk = Quirk::default();
        quirk.observe_failure(now, 2);
        quirk.observe_success(now);
        quirk.observe_failure(now, 2);
        assert!(!quirk.is_active(now));
    }

    #[test]
    fn signs_count_for_nothing_for_a_while_after_a_proof() {
        let now = Instant::now();
        let mut quirk = Quirk::default();
        quirk.observe_success(now);
        quirk.observe_failure(now + MEMORY / 2, 1);
        assert!(!quirk.is_active(now + MEMORY / 2));
        quirk.observe_failure(now + MEMORY, 1);
        assert!(quirk.is_active(now + MEMORY));
    }
}
