//! The gate: what one client may have, as admission, rate limits and free places say, each refusal counted.
//!
//! In: a client, how it came and what it shows, the time. Out: yes or no, or the answer if it may go. Never: a look into
//! the question.

use super::Served;
use super::options::RequestContext;
use super::response::Transport;
use crate::dns::QueryOptions;
use crate::forward::Failure;
use crate::server::admission::pending::{Full, Permit};
use crate::server::admission::rates::{LimitedKind, RateDecision};
use crate::server::{Counters, Shared, Snapshot};

/// One client before the gate.
pub(crate) struct ClientPolicy<'a> {
    shared: &'a Shared,
    snapshot: &'a Snapshot,
    context: RequestContext,
    /// The options of its query, with the cookie that may prove its address.
    query_options: Option<QueryOptions<'a>>,
}

impl<'a> ClientPolicy<'a> {
    pub(crate) fn new(shared: &'a Shared, snapshot: &'a Snapshot, context: RequestContext) -> Self {
        Self { shared, snapshot, context, query_options: None }
    }

    /// Takes note of the options that it sent.
    pub(crate) fn show(&mut self, query_options: Option<&QueryOptions<'a>>) {
        self.query_options = query_options.copied();
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

    pub(crate) fn context(&self) -> &RequestContext {
        &self.context
    }

    /// Whether it has shown that it is where it says, by TCP or a cookie of ours (RFC 7873 section 5.2): then nobody else can
    /// be hit by what is sent there.
    fn is_proven(&self) -> bool {
        let RequestContext { client, transport, at } = self.context;
        let proves = |query_options| self.snapshot.cookies.status(query_options, client, at).proves_address();
        transport == Transport::Tcp || self.query_options.as_ref().is_some_and(proves)
    }

    /// Whether it may ask at all.
    pub(crate) fn permits(&self) -> bool {
        self.snapshot.access.permits(self.context.client)
    }

    /// An answer that says no; nothing where there were too many. `compose` is not called in vain.
    pub(crate) fn refuse(&self, compose: impl FnOnce() -> Vec<u8>) -> Served {
        if self.judge_unless_proven(LimitedKind::Refused) != RateDecision::Pass {
            Counters::add(&self.counters().limited_refused);
            return Served::Nothing;
        }
        Served::Now(compose())
    }

    /// What is to become of a negative answer.
    pub(crate) fn negative(&self) -> RateDecision {
        let decision = self.judge_unless_proven(LimitedKind::Negative);
        if decision != RateDecision::Pass {
            Counters::add(&self.counters().limited_negative);
        }
        if decision == RateDecision::Slip {
            Counters::add(&self.counters().slipped);
        }
        decision
    }

    /// Whether its question may go upstream.
    pub(crate) fn may_forward(&self) -> bool {
        let passes = self.judge(LimitedKind::Forwarded) == RateDecision::Pass;
        if !passes {
            Counters::add(&self.counters().limited_forwarded);
        }
        passes
    }

    /// A place for a question that waits for an upstream.
    pub(crate) fn place(&self) -> Result<Permit, Failure> {
        self.shared.pending.acquire(self.context.client).map_err(|full| {
            let counters = self.counters();
            Counters::add(if full == Full::All { &counters.overloaded } else { &counters.over_share });
            Failure::Overloaded
        })
    }

    fn judge_unless_proven(&self, kind: LimitedKind) -> RateDecision {
        let is_limited = self.snapshot.access.rates(self.context.client).is_some();
        if is_limited && !self.is_proven() { self.judge(kind) } else { RateDecision::Pass }
    }

    fn judge(&self, kind: LimitedKind) -> RateDecision {
        let Some(rates) = self.snapshot.access.rates(self.context.client) else { return RateDecision::Pass };
        self.shared.limits.judge(rates, kind, self.context.client, self.context.at)
    }
}
