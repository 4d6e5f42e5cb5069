//! From a message to its answer, for every transport: the fast path first, else the full path. Each answer is counted,
//! and a cacheable one is stored.
//!
//! In: the messages of one batch, their senders, one snapshot. Out: bytes behind those that are in the buffer already,
//! or a query that waits for an upstream. A transport decides only where the bytes go.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::context::{Listener, RequestContext};
use super::counters::{Disposition, Reason, ShardWriter, Tally};
use super::fast::{AnswerCache, FastPath};
use super::observer::{Seen, Watch};
use super::query::{self, Arrived, Later, Served, Transferring};
use super::snapshot::{Shared, Snapshot};
use crate::transfer::Granted;

/// The result for a message.
pub(crate) enum Handled {
    /// Its answer is in the buffer.
    Answered,
    /// Nothing goes to the client.
    Nothing,
    /// An upstream has to be asked.
    Later(Later),
    /// A zone follows, in many messages.
    Transfer(Box<Granted>),
}

/// Answers the messages of one batch.
pub(crate) struct Answerer<'a> {
    shared: &'a Arc<Shared>,
    snapshot: &'a Arc<Snapshot>,
    fast: Option<FastPath<'a>>,
    listener: Listener,
    now: Instant,
    tally: Tally<'a>,
    watch: Option<Watch<'a>>,
}

impl<'a> Answerer<'a> {
    /// An answerer for one batch that arrived at this time; without an answer cache every message takes the full path.
    pub(crate) fn new(
        shared: &'a Arc<Shared>,
        snapshot: &'a Arc<Snapshot>,
        answers: Option<&'a mut AnswerCache>,
        counts: &'a mut ShardWriter,
        listener: Listener,
        now: Instant,
    ) -> Self {
        let fast = answers.map(|answers| FastPath::new(snapshot, &shared.misses, answers, now));
        let tally = Tally::new(counts, listener.transport);
        Self { shared, snapshot, fast, listener, now, tally, watch: shared.observer.watch() }
    }

    /// Answers one message.
    pub(crate) fn answer(&mut self, message: &[u8], client: SocketAddr, out: &mut Vec<u8>) -> Handled {
        self.tally.message(client);
        match self.fast(message, client, out) {
            Some(_) => Handled::Answered,
            None => self.full(message, client, out),
        }
    }

    /// Ends the batch, whose answers are all made at this time.
    pub(crate) fn finish(self, now: Instant) {
        self.tally.finish(now.saturating_duration_since(self.now));
    }

    /// Answers from memory, in place; `None`, and `out` as it was, if the message has to take the full path.
    pub(crate) fn fast(&mut self, message: &[u8], client: SocketAddr, out: &mut Vec<u8>) -> Option<Disposition> {
        let context = self.context(client);
        let fast = self.fast.as_mut()?;
        let (qtype, disposition) = fast.answer(message, &context, out)?;
        self.tally.qtype(qtype);
        self.tally.count(disposition);
        if disposition.reason != Reason::Zone {
            self.tally.cache_hit();
        }
        if let Some(watch) = &mut self.watch {
            let seen = Seen { message, context, views: &self.snapshot.views, disposition, missed: fast.missed() };
            watch.saw(&seen, || fast.missed_name(message, context.view));
        }
        Some(disposition)
    }

    /// Answers by the full path.
    pub(crate) fn full(&mut self, message: &[u8], client: SocketAddr, out: &mut Vec<u8>) -> Handled {
        let context = self.context(client);
        let (qtype, served) = query::process(self.shared, self.snapshot, message, context);
        if let Some(qtype) = qtype {
            self.tally.qtype(qtype);
        }
        if let (Some(watch), Some((disposition, missed))) = (&mut self.watch, served.outcome()) {
            let views = &self.snapshot.views;
            watch.saw(&Seen { message, context, views, disposition, missed: missed.is_some() }, || missed.cloned());
        }
        match served {
            Served::Nothing(disposition) => {
                self.tally.count(disposition);
                Handled::Nothing
            }
            Served::Now(answer) => {
                self.tally.count(answer.disposition);
                if let (Some(fast), Some(cacheable)) = (&mut self.fast, &answer.cacheable) {
                    fast.store(message, context.view, &answer.bytes, cacheable);
                }
                out.extend_from_slice(&answer.bytes);
                Handled::Answered
            }
            Served::Later(later) => Handled::Later(later),
            Served::Transfer(Transferring { granted, disposition }) => {
                self.tally.count(disposition);
                Handled::Transfer(granted)
            }
        }
    }

    fn context(&self, client: SocketAddr) -> RequestContext {
        let view = self.snapshot.views.of(self.listener.plain(), client.ip());
        let Listener { transport, is_xot, .. } = self.listener;
        RequestContext { client, transport, is_xot, view, at: self.now }
    }
}

/// Goes on with a query that waited: its answer is appended to `out` and counted, or it has to wait again.
pub(crate) fn resume(shared: &Shared, arrived: Arrived, now: Instant, out: &mut Vec<u8>) -> Handled {
    let RequestContext { transport, at, .. } = arrived.context();
    let count = |disposition| shared.counters.late(transport, disposition, now.saturating_duration_since(at));
    match arrived.resume(shared, now) {
        Served::Nothing(disposition) => {
            count(disposition);
            Handled::Nothing
        }
        Served::Now(answer) => {
            count(answer.disposition);
            out.extend_from_slice(&answer.bytes);
            Handled::Answered
        }
        Served::Later(later) => Handled::Later(later),
        // A query for a transfer never waits for an upstream.
        Served::Transfer(Transferring { granted, .. }) => Handled::Transfer(granted),
    }
}

#[cfg(test)]
mod tests;
