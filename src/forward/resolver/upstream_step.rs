//! The step that waits: a question is asked upstream, its outcome is stored, and each resolution that waits for it goes
//! on with it.
//!
//! In: a resolution that needs an upstream. Out: the same with the outcome, and the upstream's reply in the cache. The
//! forwarding thread stores the outcome once for each flight and hands it out; [`Arrived::resume`] is called where the
//! client is served, so a long answer costs that thread the same for each client as a short one. A question that has a
//! fallback has two waiters: the client's, which takes the fallback when the client's time is over, and one that keeps
//! the flight open until the answer is stored for the next client.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::Resolver;
use super::chase::{Provenance, Resolved, Step};
use super::resolution::{Fallback, Progress, Resolution, Trace, UpstreamQuestion};
use super::route::Route;
use crate::forward::cache::Key;
use crate::forward::callback::{Batch, ExchangeOutcome, Keep};
use crate::forward::client_network::ClientNetwork;
use crate::forward::engine::flight::Waiter;
use crate::forward::question::{Failure, Question, Reply};
use crate::zone::ZoneSet;

/// How long a client waits for an upstream before it gets the fallback (RFC 8767 section 5); Windows clients do not
/// wait much longer.
const CLIENT_TIMER: Duration = Duration::from_millis(1800);

/// A resolution that needs an upstream.
pub struct Waiting {
    resolver: Arc<Resolver>,
    zones: Arc<ZoneSet>,
    resolution: Resolution,
    question: UpstreamQuestion,
    /// The time by which all its questions have to be answered.
    deadline: Instant,
}

/// A resolution with the outcome that it waited for.
pub struct Arrived {
    waiting: Box<Waiting>,
    outcome: ExchangeOutcome,
}

/// How far an outcome led.
pub enum Resumed {
    /// The answer is complete; with the sources of its parts, if the caller wants to know.
    Done(Box<Resolved>, Trace),
    /// An upstream has to be asked again.
    Ask(Box<Waiting>),
}

/// An exchange whose outcome will be stored.
struct Exchange {
    resolver: Arc<Resolver>,
    zones: Arc<ZoneSet>,
    route: Arc<Route>,
    question: Question,
    begun: Instant,
}

impl Resolver {
    /// Asks upstream until the answer is complete; returns the sources of its parts with it.
    pub async fn finish(
        self: Arc<Self>,
        zones: Arc<ZoneSet>,
        resolution: Resolution,
        question: UpstreamQuestion,
    ) -> (Resolved, Trace) {
        let stopped = resolution.chase.fail(Failure::Stopped.ede());
        let mut waiting = Waiting::new(self, zones, resolution, question, Instant::now());
        loop {
            let (sender, arrived) = oneshot::channel();
            waiting.ask(Instant::now(), |arrived, _| drop(sender.send(arrived)));
            let Ok(arrived) = arrived.await else { return (stopped, Trace::new()) };
            match arrived.resume(Instant::now()) {
                Resumed::Done(resolved, trace) => return (*resolved, trace),
                Resumed::Ask(next) => waiting = next,
            }
        }
    }

    /// Asks again before an answer ends, with no client waiting; equal questions share the exchange.
    pub(super) fn prefetch(
        self: &Arc<Self>,
        zones: &Arc<ZoneSet>,
        route: &Arc<Route>,
        question: &Question,
        now: Instant,
    ) {
        let (resolver, zones, route) = (Arc::clone(self), Arc::clone(zones), Arc::clone(route));
        let deadline = now + self.settings.timeout;
        Exchange { resolver, zones, route, question: question.clone(), begun: now }
            .ask(background(None, deadline), None);
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

impl Waiting {
    /// A resolution that needs an upstream for this question. The zones are those that it started with; `now` begins
    /// the time within which all its questions have to be answered.
    pub fn new(
        resolver: Arc<Resolver>,
        zones: Arc<ZoneSet>,
        resolution: Resolution,
        question: UpstreamQuestion,
        now: Instant,
    ) -> Box<Self> {
        let deadline = now + resolver.settings.timeout;
        Box::new(Self { resolver, zones, resolution, question, deadline })
    }

    /// Asks the question. The outcome goes to `then`, on the forwarding thread, or on this one if the question is
    /// turned away; `then` only hands it on.
    pub fn ask<F>(self: Box<Self>, now: Instant, then: F)
    where
        F: FnOnce(Arrived, &mut Batch) + Send + 'static,
    {
        let (network, deadline) = (self.resolution.network, self.deadline);
        let (resolver, zones) = (Arc::clone(&self.resolver), Arc::clone(&self.zones));
        let UpstreamQuestion { route, question, fallback } = &self.question;
        let has_fallback = fallback.is_some();
        let exchange = Exchange { resolver, zones, route: Arc::clone(route), question: question.clone(), begun: now };
        let then = Box::new(|outcome, batch: &mut Batch| then(Arrived { waiting: self, outcome }, batch));
        if has_fallback {
            let impatient = deadline.min(now + CLIENT_TIMER);
            let client = Waiter { network, deadline: impatient, has_fallback: true, then };
            exchange.ask(background(network, deadline), Some(client));
        } else {
            exchange.ask(Waiter { network, deadline, has_fallback: false, then }, None);
        }
    }
}

impl Arrived {
    /// The upstream's reply, which other resolutions may share; `None` if it failed.
    pub fn reply(&self) -> Option<&Arc<Reply>> {
        self.outcome.as_ref().ok()
    }

    /// Goes on with the outcome, as far as memory suffices.
    pub fn resume(self, now: Instant) -> Resumed {
        let Self { mut waiting, outcome } = self;
        let Waiting { resolver, zones, resolution, question, .. } = &mut *waiting;
        // A waiter whose time ends before its flight may get a failure or a denial that was not stored.
        let outcome = outcome.map(|reply| if reply.is_positive() { reply } else { resolver.cache.clamped(reply) });
        let UpstreamQuestion { route, question: asked, fallback } = question;
        let key = Key { route: route.id, question: asked.clone() };
        let step = resolver.step_after(zones, resolution, &key, fallback.take(), outcome);
        match resolver.advance(zones, resolution, step, now) {
            Progress::Done(resolved) => Resumed::Done(Box::new(resolved), resolution.trace.take().unwrap_or_default()),
            Progress::Ask(next) => {
                *question = next;
                Resumed::Ask(waiting)
            }
        }
    }
}

/// A waiter that nobody waits behind: it keeps the flight open, so that its outcome is stored, and counts its failure.
fn background(network: Option<ClientNetwork>, deadline: Instant) -> Waiter {
    Waiter { network, deadline, has_fallback: false, then: Box::new(|_, _| {}) }
}

impl Exchange {
    /// Asks the question; the outcome is stored before the waiters get it.
    fn ask(self, waiter: Waiter, impatient: Option<Waiter>) {
        let (route, question, begun) = (Arc::clone(&self.route), self.question.clone(), self.begun);
        let keep: Keep = Box::new(move |outcome, now| self.store(outcome, now));
        route.group.ask(question, keep, waiter, impatient, begun);
    }

    /// Stores the outcome, and hands it on with its TTLs within the cache's bounds.
    fn store(&self, outcome: ExchangeOutcome, now: Instant) -> ExchangeOutcome {
        let cache = &self.resolver.cache;
        let outcome = outcome.map(|reply| cache.clamped(reply));
        match &outcome {
            Ok(reply) => self.store_reply(reply, now),
            Err(failure) if self.is_cacheable(*failure, now) => cache.put_failure(self.key(), *failure, now),
            Err(_) => {}
        }
        outcome
    }

    fn key(&self) -> Key {
        Key { route: self.route.id, question: self.question.clone() }
    }

    /// Stores the part of a reply that its upstreams are believed for, for this question alone. It is cut again each
    /// time it is used, by the zones of that time.
    fn store_reply(&self, reply: &Reply, now: Instant) {
        let (cache, key) = (&self.resolver.cache, self.key());
        if reply.answers() {
            let Question { name, rtype, .. } = &self.question;
            let by = Some(self.route.id);
            let believed = self.resolver.responsibilities(&self.zones).believed(name, *rtype, by, reply);
            cache.put(key, &believed.reply, now);
        } else if cache.has_data(&key, now) {
            cache.put_failure(key, Failure::Unreachable, now);
        } else {
            cache.put(key, reply, now);
        }
    }

    /// Whether a failure says something about the upstreams to others with the same question: not if this server was
    /// overloaded, or nobody waited as long as an upstream may take.
    fn is_cacheable(&self, failure: Failure, now: Instant) -> bool {
        let full = self.route.group.timeout().min(self.resolver.settings.timeout);
        match failure {
            Failure::Unreachable | Failure::Malformed => true,
            Failure::Timeout => now.saturating_duration_since(self.begun) >= full * 9 / 10,
            Failure::Overloaded | Failure::Loop | Failure::Stopped => false,
        }
    }
}
