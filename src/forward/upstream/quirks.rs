//! What an upstream was found not to do (EDNS, keep the case of a name): pure, `now` is an argument.
//!
//! In: strikes and proofs of the contrary. Out: whether to do without. Never final: it is forgotten after a while, and
//! tried again.

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
    /// One more sign; `enough` of them make the finding. What it was seen to do lately it does, whatever the sign: that may
    /// be a lost packet, a slow answer or somebody's forgery.
    pub(crate) fn observe_failure(&mut self, now: Instant, enough: u8) {
        if self.proven.is_some_and(|proven| now < proven + MEMORY) {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures >= enough {
            self.failures = 0;
            self.until = Some(now + MEMORY);
        }
    }

    /// It does do it.
    pub(crate) fn observe_success(&mut self, now: Instant) {
        self.proven = Some(now);
        self.failures = 0;
        self.until = None;
    }

    /// Whether to do without.
    pub(crate) fn is_active(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_takes_its_strikes_and_is_forgotten_after_a_while() {
        let now = Instant::now();
        let mut quirk = Quirk::default();
        quirk.observe_failure(now, 2);
        assert!(!quirk.is_active(now));
        quirk.observe_failure(now, 2);
        assert!(quirk.is_active(now));
        assert!(!quirk.is_active(now + MEMORY));
    }

    #[test]
    fn a_proof_of_the_contrary_wipes_strikes_and_finding() {
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
