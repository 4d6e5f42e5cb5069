//! The step that waits: a question is asked upstream, the outcome is stored, and the resolution goes on with it.
//!
//! In: a resolution that needs an upstream. Out: its answer, on the thread that has it; the upstream's reply, in the
//! cache. A question that has a fallback has two waiters: the client's, which takes the fallback when the client's time
//! is over, and one that stores the outcome, so that the next client finds it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::Resolver;
use super::chase::{Provenance, Resolved, Step};
use super::resolution::{Fallback, Progress, Resolution, Trace, UpstreamQuestion};
use super::route::Route;
use crate::forward::cache::Key;
use crate::forward::callback::{Batch, OnReply};
use crate::forward::client_network::ClientNetwork;
use crate::forward::engine::flight::{ExchangeOutcome, Waiter};
use crate::forward::question::{Failure, Question, Reply};
use crate::zone::ZoneSet;

/// How long a client waits for an upstream before it gets the fallback (RFC 8767 section 5); Windows clients do not
/// wait much longer.
const CLIENT_TIMER: Duration = Duration::from_millis(1800);

/// A resolution that waits for an upstream, and the callback for its answer.
struct Waiting<F> {
    resolver: Arc<Resolver>,
    zones: Arc<ZoneSet>,
    resolution: Resolution,
    deadline: Instant,
    then: F,
}

/// An exchange whose outcome will be stored.
struct Exchange {
    route: Arc<Route>,
    question: Question,
    begun: Instant,
    deadline: Instant,
}

impl Resolver {
    /// Asks upstream until the answer is complete; returns the sources of its parts with it.
    pub async fn finish(
        self: Arc<Self>,
        zones: Arc<ZoneSet>,
        resolution: Resolution,
        question: UpstreamQuestion,
    ) -> (Resolved, Trace) {
        let (sender, answer) = oneshot::channel();
        let then = |resolved, trace, _: &mut Batch| drop(sender.send((resolved, trace)));
        let stopped = resolution.chase.fail(Failure::Stopped.ede());
        self.finish_then(zones, resolution, question, Instant::now(), then);
        answer.await.unwrap_or((stopped, Trace::new()))
    }

    /// Asks upstream until the answer is complete; it goes to `then`, on the thread that has it. The zones are those
    /// that the question started with.
    pub fn finish_then<F>(
        self: Arc<Self>,
        zones: Arc<ZoneSet>,
        resolution: Resolution,
        question: UpstreamQuestion,
        now: Instant,
        then: F,
    ) where
        F: FnOnce(Resolved, Trace, &mut Batch) + Send + 'static,
    {
        let deadline = now + self.settings.timeout;
        Waiting { resolver: self, zones, resolution, deadline, then }.ask(question, now);
    }

    /// Asks again before an answer ends, with no client waiting; equal questions share the exchange.
    pub(super) fn prefetch(
        self: &Arc<Self>,
        zones: &Arc<ZoneSet>,
        route: &Arc<Route>,
        question: &Question,
        now: Instant,
    ) {
        let deadline = now + self.settings.timeout;
        let exchange = Exchange { route: Arc::clone(route), question: question.clone(), begun: now, deadline };
        let store = exchange.in_background(Arc::clone(self), Arc::clone(zones), None);
        route.group.ask(question.clone(), store, None, now);
    }

    /// The step after an exchange: with the upstream's reply, unless the fallback is better.
    fn step_after(
        &self,
        zones: &ZoneSet,
        resolution: &mut Resolution,
        key: &Key,
        fallback: Option<Fallback>,
        outcome: ExchangeOutcome,
    ) -> Step {
        let reply = match outcome {
            Ok(reply) => reply,
            Err(failure) => return self.fall_back(zones, resolution, key, fallback, failure),
        };
        let is_worth_less = match &fallback {
            Some(Fallback::SynthesizedCname(_)) => reply.denies(),
            Some(Fallback::Stale(_)) => !reply.answers(),
            None => false,
        };
        if is_worth_less {
            return self.fall_back(zones, resolution, key, fallback, Failure::Unreachable);
        }
        if let Some(upstream) = reply.upstream {
            resolution.record(&key.question.name, Provenance::Upstream(upstream));
        }
        self.follow_reply(zones, resolution, key, &reply)
    }
}

impl<F> Waiting<F>
where
    F: FnOnce(Resolved, Trace, &mut Batch) + Send + 'static,
{
    /// Asks, and goes on with the outcome.
    fn ask(self, question: UpstreamQuestion, now: Instant) {
        let UpstreamQuestion { route, question, fallback } = question;
        let (network, deadline) = (self.resolution.network, self.deadline);
        let exchange = Exchange { route: Arc::clone(&route), question: question.clone(), begun: now, deadline };
        if fallback.is_some() {
            let key = exchange.key();
            let store = exchange.in_background(Arc::clone(&self.resolver), Arc::clone(&self.zones), network);
            let client = move |outcome: ExchangeOutcome, batch: &mut Batch| {
                let outcome = outcome.map(|reply| self.resolver.cache.clamped(reply));
                self.go_on(&key, fallback, outcome, batch);
            };
            let deadline = deadline.min(now + CLIENT_TIMER);
            let impatient = Waiter { network, deadline, has_fallback: true, then: Box::new(client) };
            route.group.ask(question, store, Some(impatient), now);
        } else {
            let client = move |outcome: ExchangeOutcome, batch: &mut Batch| {
                let outcome = exchange.store(&self.resolver, &self.zones, outcome, batch.now);
                self.go_on(&exchange.key(), None, outcome, batch);
            };
            let client = Waiter { network, deadline, has_fallback: false, then: Box::new(client) };
            route.group.ask(question, client, None, now);
        }
    }

    fn go_on(mut self, key: &Key, fallback: Option<Fallback>, outcome: ExchangeOutcome, batch: &mut Batch) {
        let step = self.resolver.step_after(&self.zones, &mut self.resolution, key, fallback, outcome);
        match self.resolver.advance(&self.zones, &mut self.resolution, step, batch.now) {
            Progress::Done(resolved) => {
                let trace = self.resolution.trace.take().unwrap_or_default();
                (self.then)(resolved, trace, batch);
            }
            Progress::Ask(next) => self.ask(next, batch.now),
        }
    }
}

impl Exchange {
    /// A waiter that stores the outcome, and nothing else.
    fn in_background(self, resolver: Arc<Resolver>, zones: Arc<ZoneSet>, network: Option<ClientNetwork>) -> Waiter {
        let deadline = self.deadline;
        let then: OnReply = Box::new(move |outcome, batch| {
            let _ = self.store(&resolver, &zones, outcome, batch.now);
        });
        Waiter { network, deadline, has_fallback: false, then }
    }

    /// Stores the outcome, and hands it on with its TTLs within the cache's bounds.
    fn store(&self, resolver: &Resolver, zones: &ZoneSet, outcome: ExchangeOutcome, now: Instant) -> ExchangeOutcome {
        let cache = &resolver.cache;
        let outcome = outcome.map(|reply| cache.clamped(reply));
        match &outcome {
            Ok(reply) => self.store_reply(resolver, zones, reply, now),
            Err(failure) if self.is_cacheable(resolver, *failure) => cache.put_failure(self.key(), *failure, now),
            Err(_) => {}
        }
        outcome
    }

    fn key(&self) -> Key {
        Key { route: self.route.id, question: self.question.clone() }
    }

    /// Stores the part of a reply that its upstreams are believed for, for this question alone. It is cut again each
    /// time it is used, by the zones of that time.
    fn store_reply(&self, resolver: &Resolver, zones: &ZoneSet, reply: &Reply, now: Instant) {
        let (cache, key) = (&resolver.cache, self.key());
        if reply.answers() {
            let Question { name, rtype, .. } = &self.question;
            let believed = resolver.responsibilities(zones).believed(name, *rtype, Some(self.route.id), reply);
            cache.put(key, &believed.reply, now);
        } else if cache.has_data(&key, now) {
            cache.put_failure(key, Failure::Unreachable, now);
        } else {
            cache.put(key, reply, now);
        }
    }

    /// Whether a failure says something about the upstreams to others with the same question: not if this server was
    /// overloaded, or the time of one client was nearly over when it asked.
    fn is_cacheable(&self, resolver: &Resolver, failure: Failure) -> bool {
        let full = self.route.group.timeout().min(resolver.settings.timeout);
        match failure {
            Failure::Unreachable | Failure::Malformed => true,
            Failure::Timeout => self.deadline.saturating_duration_since(self.begun) >= full * 9 / 10,
            Failure::Overloaded | Failure::Loop | Failure::Stopped => false,
        }
    }
}
