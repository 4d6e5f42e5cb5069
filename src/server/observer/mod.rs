//! What is said of single queries: the query log, and the last questions in vain.
//!
//! In: each query with its answer, seen where every transport passes. Out: lines of `[log] queries`, and entries of
//! [`Recent`]. Never: a wait in a worker, or work that grows with a flood: both have budgets; what is beyond them is
//! counted. With both off, a batch pays for one branch.

mod query_log;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::Instant;

use super::context::RequestContext;
use super::counters::{Disposition, Reason, Response};
use super::recent::{Recent, RecentKind, Vain};
use super::views::Views;
use crate::dns::{Name, Query, Rcode};
use crate::forward::ClientNetwork;
use crate::zone::ViewName;
pub use query_log::QUERY_LOG;
use query_log::{Line, QueryLog};

/// Questions of a batch that are taken to the list of the last ones at most.
const TRIES: u8 = 16;

/// What is said of single queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The queries that are logged.
    pub queries: QueriesLogged,
    /// Whether the last questions in vain are remembered.
    pub recent: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { queries: QueriesLogged::Off, recent: true }
    }
}

/// The queries that are logged. Each includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum QueriesLogged {
    /// None.
    #[default]
    Off,
    /// Those answered with an RCODE other than NOERROR and NXDOMAIN, or held back by a limit.
    Errors,
    /// Those for names that a hosted zone lacks.
    Misses,
    /// All.
    All,
}

impl QueriesLogged {
    const ALL: [Self; 4] = [Self::Off, Self::Errors, Self::Misses, Self::All];
}

/// The query log and the last questions in vain, for all threads.
pub struct Observer {
    queries: AtomicU8,
    log: QueryLog,
    recent: Recent,
}

impl Observer {
    pub(crate) fn new(settings: Settings, now: Instant) -> Self {
        let observer = Self { queries: AtomicU8::new(0), log: QueryLog::new(now), recent: Recent::new(now) };
        observer.follow(settings);
        observer
    }

    /// Follows a new config at once.
    pub fn follow(&self, settings: Settings) {
        self.queries.store(settings.queries as u8, Relaxed);
        self.recent.enable(settings.recent);
    }

    /// The last questions in vain.
    pub fn recent(&self) -> &Recent {
        &self.recent
    }

    /// Says how many queries were not logged, if some were and that was not said within a second. To be called now and
    /// then, for when no further query comes.
    pub fn beat(&self, now: Instant) {
        self.log.beat(now);
    }

    /// For the queries of one batch; `None` if nothing is said of any.
    pub(crate) fn watch(&self) -> Option<Watch<'_>> {
        let queries = QueriesLogged::ALL.get(usize::from(self.queries.load(Relaxed))).copied().unwrap_or_default();
        let recent = self.recent.is_enabled();
        (recent || queries != QueriesLogged::Off).then(|| Watch {
            observer: self,
            queries,
            recent,
            tries: TRIES,
            unrecorded: 0,
            unlogged: 0,
        })
    }
}

/// A query with its answer.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) message: &'a [u8],
    pub(crate) context: RequestContext,
    /// Those by whose numbers the context names the client's.
    pub(crate) views: &'a Views,
    pub(crate) disposition: Disposition,
    /// Whether a hosted zone lacks the name.
    pub(crate) missed: bool,
}

impl Seen<'_> {
    /// The client's view; none for the base.
    fn view(&self) -> Option<ViewName> {
        self.views.name(self.context.view).cloned()
    }
}

/// Sees the queries of one batch.
pub(crate) struct Watch<'a> {
    observer: &'a Observer,
    queries: QueriesLogged,
    recent: bool,
    tries: u8,
    unrecorded: u64,
    unlogged: u64,
}

impl Watch<'_> {
    /// Sees one query; `missed` is the name that a hosted zone lacks.
    #[inline]
    pub(crate) fn saw(&mut self, seen: &Seen<'_>, missed: impl Fn() -> Option<Name>) {
        let is_error = is_error(seen.disposition);
        let least = match (is_error, seen.missed) {
            (true, _) => QueriesLogged::Errors,
            (false, true) => QueriesLogged::Misses,
            (false, false) => QueriesLogged::All,
        };
        let is_logged = self.queries >= least;
        let is_in_vain = self.recent && least < QueriesLogged::All;
        if is_logged || is_in_vain {
            self.say(seen, is_logged, is_in_vain, &missed);
        }
    }

    #[cold]
    fn say(&mut self, seen: &Seen<'_>, is_logged: bool, is_in_vain: bool, missed: &dyn Fn() -> Option<Name>) {
        if is_in_vain && let Some(kind) = kind(seen) {
            self.record(kind, seen, missed);
        }
        if is_logged {
            // Once a line is refused, the others of the batch would be too.
            if self.unlogged > 0 || !self.observer.log.take(seen.context.at) {
                self.unlogged += 1;
            } else {
                log(seen, missed().filter(|_| seen.missed));
            }
        }
    }

    fn record(&mut self, kind: RecentKind, seen: &Seen<'_>, missed: &dyn Fn() -> Option<Name>) {
        let recent = &self.observer.recent;
        let network = ClientNetwork::of(seen.context.ip());
        if self.tries == 0 || !recent.has_budget(kind, network, seen.context.at) {
            self.unrecorded += 1;
            return;
        }
        let Ok(query) = Query::parse(seen.message) else { return };
        let name = if kind == RecentKind::Miss { missed() } else { Name::from_wire(query.qname) };
        let Some(name) = name else { return };
        self.tries -= 1;
        recent.record(kind, Vain { name, rtype: query.qtype, network, view: seen.view() }, seen.context.at);
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if self.unrecorded > 0 {
            self.observer.recent.leave_out(self.unrecorded);
        }
        if self.unlogged > 0 {
            self.observer.log.leave_out(self.unlogged);
        }
    }
}

/// Whether the client did not get what it asked for, though what it sent was a query.
fn is_error(Disposition { response, .. }: Disposition) -> bool {
    match response {
        Response::Answered(rcode) | Response::Truncated(rcode) => !rcode.is_answer(),
        Response::RateLimited | Response::Slipped => true,
        Response::Dropped => false,
    }
}

/// Why a query was in vain, if that is worth remembering.
fn kind(seen: &Seen<'_>) -> Option<RecentKind> {
    let Disposition { reason, response } = seen.disposition;
    match (reason, response) {
        (_, Response::Answered(Rcode::SERVFAIL) | Response::Truncated(Rcode::SERVFAIL)) => Some(RecentKind::Failure),
        (Reason::NotAllowed | Reason::ForwardLimit, _) | (_, Response::RateLimited | Response::Slipped) => {
            Some(RecentKind::Refusal)
        }
        _ => seen.missed.then_some(RecentKind::Miss),
    }
}

fn log(seen: &Seen<'_>, missed: Option<Name>) {
    let query = Query::parse(seen.message).ok();
    let name = query.as_ref().and_then(|query| Name::from_wire(query.qname));
    let client: SocketAddr = seen.context.client;
    Line {
        client: client.ip().to_canonical(),
        name: name.map(|name| name.without_dot()),
        rtype: query.map(|query| query.qtype),
        view: seen.view(),
        transport: seen.context.transport.name(),
        disposition: seen.disposition,
        missed: missed.map(|name| name.without_dot()),
        took: seen.context.at.elapsed(),
    }
    .log();
}

#[cfg(test)]
mod tests;
