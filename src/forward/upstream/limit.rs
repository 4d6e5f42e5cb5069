//! The limits of one upstream, in flight and per second: pure, `now` is an argument.
//!
//! In: questions that are ready to go and questions that are done. Out: whether one may go. Never: a queue.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// A token bucket and a count of what is in flight.
#[derive(Debug)]
pub(crate) struct Limit {
    max_in_flight: usize,
    in_flight: usize,
    /// Queries a second, if that is limited.
    rate: Option<NonZeroU32>,
    /// The capacity in tokens: a twentieth of a second's worth.
    burst: f64,
    tokens: f64,
    filled: Instant,
}

impl Limit {
    pub(crate) fn new(max_in_flight: usize, max_qps: Option<NonZeroU32>, now: Instant) -> Self {
        let burst = (f64::from(max_qps.map_or(0, NonZeroU32::get)) / 20.0).max(1.0);
        Self { max_in_flight: max_in_flight.max(1), in_flight: 0, rate: max_qps, burst, tokens: burst, filled: now }
    }

    /// Takes a slot for one more question, if it may go now; `release` frees it.
    pub(crate) fn acquire(&mut self, now: Instant) -> bool {
        if self.in_flight >= self.max_in_flight || !self.take_token(now) {
            return false;
        }
        self.in_flight += 1;
        true
    }

    /// Takes a token for one more packet of a question that has its slot: a retransmit.
    pub(crate) fn take_token(&mut self, now: Instant) -> bool {
        let Some(rate) = self.rate else { return true };
        let passed = now.saturating_duration_since(self.filled).min(Duration::from_secs(1));
        self.tokens = (self.tokens + passed.as_secs_f64() * f64::from(rate.get())).min(self.burst);
        self.filled = self.filled.max(now);
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }

    /// Takes one more slot for a question that has one: over TCP, without EDNS. Later queries pay for its token.
    pub(crate) fn force(&mut self) {
        self.in_flight += 1;
        self.tokens -= 1.0;
    }

    /// Frees the slot of a question.
    pub(crate) fn release(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_place_of_a_question_is_free_again_once_it_is_done() {
        let now = Instant::now();
        let mut limit = Limit::new(2, None, now);
        assert!(limit.acquire(now) && limit.acquire(now));
        assert!(!limit.acquire(now));
        limit.release();
        assert!(limit.acquire(now));
    }

    proptest! {
        #[test]
        fn no_second_ever_sees_more_than_the_rate_and_one_burst(gaps in prop::collection::vec(0_u64..3000, 1..3000)) {
            let start = Instant::now();
            let mut limit = Limit::new(usize::MAX, NonZeroU32::new(900), start);
            let mut at = start;
            let mut sent = Vec::new();
            for gap in gaps {
                at += Duration::from_micros(gap);
                if limit.acquire(at) {
                    sent.push(at);
                }
            }
            for (index, first) in sent.iter().enumerate() {
                let within = sent[index..].iter().take_while(|t| **t - *first < Duration::from_secs(1)).count();
                prop_assert!(within <= 946, "{} in one second", within);
            }
        }
    }
}
