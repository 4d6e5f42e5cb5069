//! A query that waits for an upstream, and its way back to where its client is served.

use std::sync::Arc;
use std::time::Instant;

use super::options::ReplyOptions;
use super::{Answer, Served, complete};
use crate::dns::Query;
use crate::forward::resolver::chase::Resolved;
use crate::forward::resolver::{self, Resumed, Waiting};
use crate::forward::{Batch, Reply};
use crate::server::admission::pending::Permit;
use crate::server::context::RequestContext;
use crate::server::counters::{Reason, Response};
use crate::server::observer::Seen;
use crate::server::snapshot::{Shared, Snapshot};

/// A query that waits for an upstream. It holds its permit until its answer is composed.
pub(crate) struct Later {
    pub(super) query: Box<WaitingQuery>,
    pub(super) waiting: Box<Waiting>,
}

/// The parts of a query that its answer is composed from.
pub(super) struct WaitingQuery {
    pub(super) message: Vec<u8>,
    pub(super) context: RequestContext,
    pub(super) options: ReplyOptions,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) _permit: Permit,
}

/// A query that waited, with its outcome: small, and passed on until it is where its client is served.
pub(crate) struct Arrived {
    query: Box<WaitingQuery>,
    outcome: resolver::Arrived,
}

impl Later {
    /// Asks upstream. The outcome goes to `then`, on the forwarding thread or on this one; `then` only hands it on.
    pub(crate) fn ask<F>(self, now: Instant, then: F)
    where
        F: FnOnce(Arrived, &mut Batch) + Send + 'static,
    {
        let Self { query, waiting } = self;
        waiting.ask(now, |outcome, batch| then(Arrived { query, outcome }, batch));
    }
}

impl Arrived {
    /// The context of the query.
    pub(crate) fn context(&self) -> RequestContext {
        self.query.context
    }

    /// The upstream's reply; `None` if it failed.
    pub(crate) fn reply(&self) -> Option<&Arc<Reply>> {
        self.outcome.reply()
    }

    /// Goes on with the query: its answer, composed here, or the next question for an upstream.
    pub(crate) fn resume(self, shared: &Shared, now: Instant) -> Served {
        let Self { query, outcome } = self;
        match outcome.resume(now) {
            Resumed::Done(resolved, _) => query.answer(shared, &resolved),
            Resumed::Ask(waiting) => Served::Later(Later { query, waiting }),
        }
    }
}

impl WaitingQuery {
    fn answer(&self, shared: &Shared, resolved: &Resolved) -> Served {
        // It parsed before.
        let Ok(query) = Query::parse(&self.message) else {
            return Served::Nothing(Response::Dropped.to(Reason::NotAQuery));
        };
        let (disposition, composed) = complete(shared, &self.snapshot, &query, resolved, &self.context, &self.options);
        let missed = resolved.origin.missed.clone();
        if let Some(mut watch) = shared.observer.watch() {
            let (message, views) = (&self.message, &self.snapshot.views);
            let seen = Seen { message, context: self.context, views, disposition, missed: missed.is_some() };
            watch.saw(&seen, || missed.clone());
        }
        Served::Now(Answer { bytes: composed.bytes, disposition, missed, cacheable: None })
    }
}

#[cfg(test)]
mod tests;
