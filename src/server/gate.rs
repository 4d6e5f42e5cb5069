//! The gate: what one client may have, as admission, rate limits and free places say, each refusal counted.
//!
//! In: a client, whether its address is proven, the time. Out: yes or no, or the answer if it may go. Never: a look into
//! the question.

use std::net::IpAddr;
use std::time::Instant;

use super::admission::Access;
use super::limits::{Kind, Verdict};
use super::pending::{Full, Permit};
use super::road::Served;
use super::{Counters, Shared};
use crate::forward::Failure;

/// One client before the gate.
pub(super) struct Gate<'a> {
    shared: &'a Shared,
    access: &'a Access,
    client: IpAddr,
    /// It has shown that it is where it says: nobody else can be hit by what is sent there.
    proven: bool,
    now: Instant,
}

impl<'a> Gate<'a> {
    pub(super) fn new(shared: &'a Shared, access: &'a Access, client: IpAddr, proven: bool, now: Instant) -> Self {
        Self { shared, access, client, proven, now }
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// Whether it may ask at all.
    pub(super) fn permits(&self) -> bool {
        self.access.permits(self.client)
    }

    /// An answer that says no; nothing where there were too many. `compose` is not called in vain.
    pub(super) fn refuse(&self, compose: impl FnOnce() -> Vec<u8>) -> Served {
        if !self.proven && self.judge(Kind::Refused) != Verdict::Pass {
            Counters::add(&self.counters().limited_refused);
            return Served::Nothing;
        }
        Served::Now(compose())
    }

    /// What is to become of a negative answer.
    pub(super) fn negative(&self) -> Verdict {
        if self.proven {
            return Verdict::Pass;
        }
        let verdict = self.judge(Kind::Negative);
        if verdict != Verdict::Pass {
            Counters::add(&self.counters().limited_negative);
        }
        if verdict == Verdict::Slip {
            Counters::add(&self.counters().slipped);
        }
        verdict
    }

    /// Whether its question may go upstream.
    pub(super) fn may_forward(&self) -> bool {
        let passes = self.judge(Kind::Forwarded) == Verdict::Pass;
        if !passes {
            Counters::add(&self.counters().limited_forwarded);
        }
        passes
    }

    /// A place for a question that waits for an upstream.
    pub(super) fn place(&self) -> Result<Permit, Failure> {
        self.shared.pending.acquire(self.client).map_err(|full| {
            let counters = self.counters();
            Counters::add(if full == Full::All { &counters.overloaded } else { &counters.over_share });
            Failure::Overloaded
        })
    }

    fn judge(&self, kind: Kind) -> Verdict {
        let Some(rates) = self.access.rates(self.client) else { return Verdict::Pass };
        self.shared.limits.judge(rates, kind, self.client, self.now)
    }
}
