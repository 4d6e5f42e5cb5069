//! Rate limits: what a network that is not trusted gets of each kind of answer in a second.
//!
//! In: a client, a kind of answer, the rates, and the time. Out: whether the answer goes. Pure but for the buckets, whose
//! memory is fixed and whose places nobody outside can foresee. Never: a look into a message, or a word to a client.
//!
//! A sender of datagrams may lie about its address, and then the answer hits someone else. So what is sent to one
//! network is bounded where it costs the liar nothing: refusals and negative answers, for which no name need be known.
//! A client whose address is proven, by TCP say, is not held to these two; that is the caller's to know. Forwarded
//! questions are bounded for all: they cost us and our upstreams, not a victim.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Instant;

use super::buckets::{Buckets, Take};
use crate::forward::ClientNetwork;

/// Answers a second to one network; none is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// REFUSED, FORMERR and whatever else says no more than no.
    pub errors: Option<NonZeroU32>,
    /// What memory has to say of names and types that are not there.
    pub negative: Option<NonZeroU32>,
    /// Questions that would wait for an upstream.
    pub forwarded: Option<NonZeroU32>,
}

impl Default for Rates {
    /// For the clients of a /24: a few that are misconfigured, search lists that lead nowhere, and what a cache does not hold.
    fn default() -> Self {
        Self { errors: NonZeroU32::new(20), negative: NonZeroU32::new(100), forwarded: NonZeroU32::new(200) }
    }
}

/// A kind of answer; each has buckets of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum LimitedKind {
    Error,
    Negative,
    Forwarded,
}

/// What is to become of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RateDecision {
    /// It goes.
    Pass,
    /// It does not.
    Drop,
    /// An empty answer with TC goes instead, so that a client that is really there asks again over TCP.
    Slip,
}

/// Every how many withheld answers one slips: who is impersonated gets half the packets, and half of a real client's
/// retries get through.
const SLIP: u32 = 2;

/// What all networks had lately.
pub(crate) struct Limits {
    buckets: Buckets,
}

impl Limits {
    pub(crate) fn new(now: Instant) -> Self {
        Self { buckets: Buckets::new(now) }
    }

    /// Decides about one answer, and counts it.
    pub(crate) fn judge(&self, rates: &Rates, kind: LimitedKind, client: IpAddr, now: Instant) -> RateDecision {
        let rate = match kind {
            LimitedKind::Error => rates.errors,
            LimitedKind::Negative => rates.negative,
            LimitedKind::Forwarded => rates.forwarded,
        };
        let Some(rate) = rate else { return RateDecision::Pass };
        match self.buckets.take((kind, ClientNetwork::of(client)), rate, now) {
            Take::Taken => RateDecision::Pass,
            // A refusal would be one over TCP too, and what is forwarded gets REFUSED: neither has a use for TC.
            Take::Empty(nth) if kind == LimitedKind::Negative && nth.is_multiple_of(SLIP) => RateDecision::Slip,
            Take::Empty(_) => RateDecision::Drop,
        }
    }
}

#[cfg(test)]
mod tests;
