//! Rate limits: how many answers of each kind a network that is not trusted gets in a second.
//!
//! In: a client, a kind of answer, the rates, and the time. Out: whether the answer goes. The only state is the
//! buckets, whose memory is fixed and whose places an outsider cannot predict. Never: a look into a message, or a reply
//! to a client.
//!
//! A sender of datagrams may lie about its address, and then the answer hits a third party. So the answers to one
//! network are bounded where they cost the liar nothing: refusals and negative answers, which need no name that exists.
//! A client whose address is proven, for example by TCP, is exempt from these two; the caller knows that. Forwarded
//! questions and handshakes are bounded for all clients: they cost us and our upstreams, not a victim.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Instant;

use super::buckets::{Buckets, Take};
use crate::forward::ClientNetwork;

/// Answers a second to one network; `None` means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// REFUSED, FORMERR and other errors.
    pub errors: Option<NonZeroU32>,
    /// Negative answers from memory: names and types that do not exist.
    pub negative: Option<NonZeroU32>,
    /// Questions that would wait for an upstream.
    pub forwarded: Option<NonZeroU32>,
    /// Handshakes of TLS, each of which costs as much as a hundred answers.
    pub handshakes: Option<NonZeroU32>,
}

impl Default for Rates {
    /// The rates suit the clients of a /24: a few that are misconfigured, search lists that lead nowhere, and names
    /// that no cache holds.
    fn default() -> Self {
        let [errors, negative, forwarded, handshakes] = [20, 100, 200, 20].map(NonZeroU32::new);
        Self { errors, negative, forwarded, handshakes }
    }
}

/// A kind of answer; each has buckets of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum LimitedKind {
    Error,
    Negative,
    Forwarded,
    Handshake,
}

/// The decision about an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RateDecision {
    /// The answer goes.
    Pass,
    /// The answer does not go.
    Drop,
    /// An empty answer with TC goes instead, so that a real client asks again over TCP.
    Slip,
}

/// Every second answer that is held back slips: the victim of a spoofed address gets half the packets, and half of a
/// real client's retries get through.
const SLIP: u32 = 2;

/// The buckets of all networks.
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
            LimitedKind::Handshake => rates.handshakes,
        };
        let Some(rate) = rate else { return RateDecision::Pass };
        match self.buckets.take((kind, ClientNetwork::of(client)), rate, now) {
            Take::Taken => RateDecision::Pass,
            // A refusal would be the same over TCP, and a forwarded question gets REFUSED: TC would help neither.
            Take::Empty(nth) if kind == LimitedKind::Negative && nth.is_multiple_of(SLIP) => RateDecision::Slip,
            Take::Empty(_) => RateDecision::Drop,
        }
    }
}

#[cfg(test)]
mod tests;
