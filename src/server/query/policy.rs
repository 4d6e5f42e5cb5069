//! The policy for one client, from admission, rate limits and free permits.
//!
//! In: a client, its transport, the status of its cookie, the time. Out: a decision, or a permit. Never: a look into
//! the question.

use crate::forward::Failure;
use crate::server::admission::cookies::CookieStatus;
use crate::server::admission::pending::{Full, Permit};
use crate::server::admission::rates::{LimitedKind, RateDecision};
use crate::server::context::RequestContext;
use crate::server::counters::Counters;
use crate::server::snapshot::{Shared, Snapshot};

/// The policy for one client.
pub(crate) struct ClientPolicy<'a> {
    shared: &'a Shared,
    snapshot: &'a Snapshot,
    context: RequestContext,
    cookie: CookieStatus,
}

impl<'a> ClientPolicy<'a> {
    pub(crate) fn new(
        shared: &'a Shared,
        snapshot: &'a Snapshot,
        context: RequestContext,
        cookie: CookieStatus,
    ) -> Self {
        Self { shared, snapshot, context, cookie }
    }

    /// Whether the client's address is verified, by the transport or by a cookie of ours (RFC 7873 section 5.2): then
    /// our answer cannot hit a third party.
    fn is_proven(&self) -> bool {
        self.context.transport.proves_address() || self.cookie.proves_address()
    }

    /// Whether it may ask at all.
    pub(crate) fn permits(&self) -> bool {
        self.snapshot.access.permits(self.context.ip())
    }

    /// The decision about a refusal or another error.
    pub(crate) fn error(&self) -> RateDecision {
        self.limit_unless_proven(LimitedKind::Error)
    }

    /// The decision about a negative answer.
    pub(crate) fn negative(&self) -> RateDecision {
        self.limit_unless_proven(LimitedKind::Negative)
    }

    /// Whether its question may go upstream.
    pub(crate) fn may_forward(&self) -> bool {
        let passes = self.limit(LimitedKind::Forwarded) == RateDecision::Pass;
        if !passes {
            Counters::add(&self.shared.counters.limited_forwarded);
        }
        passes
    }

    /// A permit for a question that waits for an upstream.
    pub(crate) fn wait_for_upstream(&self) -> Result<Permit, Failure> {
        self.shared.pending.acquire(self.context.ip()).map_err(|full| {
            let counters = &self.shared.counters;
            Counters::add(if full == Full::All { &counters.overloaded } else { &counters.over_share });
            Failure::Overloaded
        })
    }

    fn limit_unless_proven(&self, kind: LimitedKind) -> RateDecision {
        let is_limited = self.snapshot.access.rates(self.context.ip()).is_some();
        if is_limited && !self.is_proven() { self.limit(kind) } else { RateDecision::Pass }
    }

    fn limit(&self, kind: LimitedKind) -> RateDecision {
        let Some(rates) = self.snapshot.access.rates(self.context.ip()) else { return RateDecision::Pass };
        self.shared.limits.judge(rates, kind, self.context.ip(), self.context.at)
    }
}
