//! The gate: what one client may have, as admission, rate limits and free places say, each refusal counted.
//!
//! In: a client, how it came and what it shows, the time. Out: yes or no, or the answer if it may go. Never: a look into
//! the question.

use super::Served;
use super::options::Came;
use super::response::Transport;
use crate::dns::Asks;
use crate::forward::Failure;
use crate::server::admission::pending::{Full, Permit};
use crate::server::admission::rates::{Kind, Verdict};
use crate::server::{Counters, Shared, Snapshot};

/// One client before the gate.
pub(crate) struct Gate<'a> {
    shared: &'a Shared,
    snapshot: &'a Snapshot,
    came: Came,
    /// The options of its query, with the cookie that may prove its address.
    asks: Option<Asks<'a>>,
}

impl<'a> Gate<'a> {
    pub(crate) fn new(shared: &'a Shared, snapshot: &'a Snapshot, came: Came) -> Self {
        Self { shared, snapshot, came, asks: None }
    }

    /// Takes note of the options that it sent.
    pub(crate) fn show(&mut self, asks: Option<&Asks<'a>>) {
        self.asks = asks.copied();
    }

    pub(crate) fn shared(&self) -> &'a Shared {
        self.shared
    }

    pub(crate) fn counters(&self) -> &'a Counters {
        &self.shared.counters
    }

    pub(crate) fn snapshot(&self) -> &'a Snapshot {
        self.snapshot
    }

    pub(crate) fn came(&self) -> &Came {
        &self.came
    }

    /// Whether it has shown that it is where it says, by TCP or a cookie of ours (RFC 7873 section 5.2): then nobody else can
    /// be hit by what is sent there.
    fn is_proven(&self) -> bool {
        let Came { client, transport, at } = self.came;
        let proves = |asks| self.snapshot.cookies.verdict(asks, client, at).proves_address();
        transport == Transport::Tcp || self.asks.as_ref().is_some_and(proves)
    }

    /// Whether it may ask at all.
    pub(crate) fn permits(&self) -> bool {
        self.snapshot.access.permits(self.came.client)
    }

    /// An answer that says no; nothing where there were too many. `compose` is not called in vain.
    pub(crate) fn refuse(&self, compose: impl FnOnce() -> Vec<u8>) -> Served {
        if self.judge_unless_proven(Kind::Refused) != Verdict::Pass {
            Counters::add(&self.counters().limited_refused);
            return Served::Nothing;
        }
        Served::Now(compose())
    }

    /// What is to become of a negative answer.
    pub(crate) fn negative(&self) -> Verdict {
        let verdict = self.judge_unless_proven(Kind::Negative);
        if verdict != Verdict::Pass {
            Counters::add(&self.counters().limited_negative);
        }
        if verdict == Verdict::Slip {
            Counters::add(&self.counters().slipped);
        }
        verdict
    }

    /// Whether its question may go upstream.
    pub(crate) fn may_forward(&self) -> bool {
        let passes = self.judge(Kind::Forwarded) == Verdict::Pass;
        if !passes {
            Counters::add(&self.counters().limited_forwarded);
        }
        passes
    }

    /// A place for a question that waits for an upstream.
    pub(crate) fn place(&self) -> Result<Permit, Failure> {
        self.shared.pending.acquire(self.came.client).map_err(|full| {
            let counters = self.counters();
            Counters::add(if full == Full::All { &counters.overloaded } else { &counters.over_share });
            Failure::Overloaded
        })
    }

    fn judge_unless_proven(&self, kind: Kind) -> Verdict {
        let is_limited = self.snapshot.access.rates(self.came.client).is_some();
        if is_limited && !self.is_proven() { self.judge(kind) } else { Verdict::Pass }
    }

    fn judge(&self, kind: Kind) -> Verdict {
        let Some(rates) = self.snapshot.access.rates(self.came.client) else { return Verdict::Pass };
        self.shared.limits.judge(rates, kind, self.came.client, self.came.at)
    }
}
