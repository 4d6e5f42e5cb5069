//! The half of the resolver that waits: what memory could not answer goes upstream.
//!
//! In: a [`UpstreamQuestion`]. Out: the whole answer, by a future or by a call; on the way replies and failures go to the cache. When upstreams
//! fail or are slow, what is stale or our own alias goes out instead.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::chase::{self, Resolved, Step};
use super::public::{self, PublicNames};
use super::{CLIENT_TIMER, Progress, Provenance, Resolution, Resolver, Route, UpstreamQuestion};
use crate::dns::{Ede, Name, Rcode};
use crate::forward::cache::Key;
use crate::forward::{Batch, Failure, Question, Reply};
use crate::zone::ZoneSet;

impl Resolver {
    /// Asks upstream until the answer is complete. The zones are those the question started with.
    pub async fn finish(
        self: &Arc<Self>,
        zones: &Arc<ZoneSet>,
        resolution: &mut Resolution,
        need: UpstreamQuestion,
    ) -> Resolved {
        self.finish_by(zones, resolution, need, Instant::now() + self.timeout).await
    }

    /// As [`Resolver::finish`], without a task for each question: the answer goes to `then` on whatever thread has it.
    pub fn finish_then<F>(
        self: Arc<Self>,
        zones: Arc<ZoneSet>,
        resolution: Resolution,
        need: UpstreamQuestion,
        now: Instant,
        then: F,
    ) where
        F: FnOnce(Resolved, &mut Batch) + Send + 'static,
    {
        let deadline = now + self.timeout;
        self.pursue(zones, resolution, need, (now, deadline), then);
    }

    fn pursue<F>(
        self: Arc<Self>,
        zones: Arc<ZoneSet>,
        mut resolution: Resolution,
        need: UpstreamQuestion,
        (now, deadline): (Instant, Instant),
        then: F,
    ) where
        F: FnOnce(Resolved, &mut Batch) + Send + 'static,
    {
        if need.stale.is_some() || self.own_alias(&zones, &need.question.name).is_some() {
            // The client's timer runs beside this exchange; that is a task's work.
            let runtime = self.runtime.clone();
            runtime.spawn(async move {
                let resolved = self.finish_by(&zones, &mut resolution, need, deadline).await;
                let mut batch = Batch::new(Instant::now());
                then(resolved, &mut batch);
                batch.end();
            });
            return;
        }
        let group = Arc::clone(&need.route.group);
        let question = need.question.clone();
        let network = resolution.network;
        let taken = move |asked: Result<Arc<Reply>, Failure>, batch: &mut Batch| {
            let UpstreamQuestion { route, question, .. } = need;
            let name = question.name.clone();
            let asked = self.note(&zones, &route, question, asked, (batch.now, deadline - now));
            let step = match asked {
                Ok(reply) => {
                    resolution.trace(&name, Provenance::Upstream(reply.upstream));
                    resolution.chase.follow_reply(&zones, &reply)
                }
                Err(failure) => self.fall_back(&zones, &mut resolution, &name, failure, None),
            };
            match self.advance(&zones, &mut resolution, step, batch.now) {
                Progress::Done(resolved) => then(resolved, batch),
                Progress::Ask(next) => self.pursue(zones, resolution, next, (batch.now, deadline), then),
            }
        };
        group.ask_then(question, network, deadline, now, Box::new(taken));
    }

    async fn finish_by(
        self: &Arc<Self>,
        zones: &Arc<ZoneSet>,
        resolution: &mut Resolution,
        mut need: UpstreamQuestion,
        deadline: Instant,
    ) -> Resolved {
        loop {
            let step = self.exchange(zones, resolution, &mut need, deadline).await;
            match self.advance(zones, resolution, step, Instant::now()) {
                Progress::Done(resolved) => return resolved,
                Progress::Ask(next) => need = next,
            }
        }
    }

    async fn exchange(
        self: &Arc<Self>,
        zones: &Arc<ZoneSet>,
        resolution: &mut Resolution,
        need: &mut UpstreamQuestion,
        deadline: Instant,
    ) -> Step {
        let name = need.question.name.clone();
        let stale = need.stale.take();
        let is_ours = self.own_alias(zones, &name).is_some();
        let can_wait_no_longer = stale.is_some() || is_ours;
        let asked = if can_wait_no_longer {
            // The exchange goes on behind the answer, so that the next client finds it done.
            let asking = tokio::spawn(Arc::clone(self).ask(
                Arc::clone(zones),
                Arc::clone(&need.route),
                need.question.clone(),
                resolution.network,
                deadline,
            ));
            match tokio::time::timeout(CLIENT_TIMER, asking).await {
                Ok(Ok(asked)) => asked,
                Ok(Err(_)) | Err(_) => Err(Failure::Timeout),
            }
        } else {
            let (route, question) = (Arc::clone(&need.route), need.question.clone());
            Arc::clone(self).ask(Arc::clone(zones), route, question, resolution.network, deadline).await
        };
        match asked {
            Ok(reply) if is_ours && denies(&reply) => {
                resolution.trace(&name, Provenance::Upstream(reply.upstream));
                self.fall_back(zones, resolution, &name, Failure::Unreachable, None)
            }
            Ok(reply) if answers(&reply) || !can_wait_no_longer => {
                resolution.trace(&name, Provenance::Upstream(reply.upstream));
                resolution.chase.follow_reply(zones, &reply)
            }
            Ok(_) => self.fall_back(zones, resolution, &name, Failure::Unreachable, stale),
            Err(failure) => self.fall_back(zones, resolution, &name, failure, stale),
        }
    }

    /// One exchange; what comes of it goes into the cache.
    async fn ask(
        self: Arc<Self>,
        zones: Arc<ZoneSet>,
        route: Arc<Route>,
        question: Question,
        network: u64,
        deadline: Instant,
    ) -> Result<Arc<Reply>, Failure> {
        let begun = Instant::now();
        let asked = route.group.ask(&question, network, deadline).await;
        self.note(&zones, &route, question, asked, (Instant::now(), deadline.saturating_duration_since(begun)))
    }

    /// Puts what came of an exchange that had so much time into the cache, and hands it on with its TTLs within the
    /// cache's bounds.
    fn note(
        &self,
        zones: &ZoneSet,
        route: &Arc<Route>,
        question: Question,
        asked: Result<Arc<Reply>, Failure>,
        (now, had): (Instant, Duration),
    ) -> Result<Arc<Reply>, Failure> {
        let asked = asked.map(|reply| self.cache.clamped(reply));
        match &asked {
            Ok(reply) => self.keep(zones, route, question, reply, now),
            Err(failure) if says_something(*failure, had, route.group.timeout().min(self.timeout)) => {
                self.cache.put_failure(Key { group: route.id, question }, *failure, now);
            }
            Err(_) => {}
        }
        asked
    }

    /// Keeps a reply, cut at each hosted name: no entry ever holds what lies under one.
    fn keep(&self, zones: &ZoneSet, route: &Arc<Route>, mut question: Question, reply: &Reply, now: Instant) {
        if !answers(reply) {
            let key = Key { group: route.id, question };
            return if self.cache.has_data(&key, now) {
                self.cache.put_failure(key, Failure::Unreachable, now);
            } else {
                self.cache.put(key, reply, now);
            };
        }
        let mut rest = Cow::Borrowed(reply);
        loop {
            let key = Key { group: route.id, question: question.clone() };
            let Some((head, tail)) = chase::split(zones, &question.name, question.rtype, &rest) else {
                return self.cache.put(key, &rest, now);
            };
            self.cache.put(key, &head, now);
            let Some((name, reply)) = tail else { return };
            // What lies under another rule's suffix is that rule's upstreams' to say.
            if self.route(&name).is_none_or(|other| other.id != route.id) {
                return;
            }
            (question.name, rest) = (name, Cow::Owned(reply));
        }
    }

    pub(crate) fn own_alias(&self, zones: &ZoneSet, name: &Name) -> Option<Reply> {
        if self.public_names == PublicNames::Never { None } else { public::alias(zones, name) }
    }

    /// The upstream failed: our own alias, a stale answer, or SERVFAIL with the reason.
    pub(crate) fn fall_back(
        &self,
        zones: &ZoneSet,
        resolution: &mut Resolution,
        name: &Name,
        failure: Failure,
        stale: Option<Reply>,
    ) -> Step {
        resolution.add_source(None);
        if let Some(reply) = self.own_alias(zones, name) {
            let text = "upstream failed or denies the name; alias made from our own zone";
            resolution.note = Some(Ede::new(Ede::SYNTHESIZED, text));
            resolution.trace(name, Provenance::SynthesizedCname);
            return resolution.chase.follow_reply(zones, &reply);
        }
        let Some(reply) = stale else {
            return Step::Done(resolution.chase.fail(failure.ede()));
        };
        let code = if reply.rcode == Rcode::NXDOMAIN { Ede::STALE_NXDOMAIN } else { Ede::STALE_ANSWER };
        resolution.note = Some(Ede::new(code, "upstream failed; this answer is past its time"));
        resolution.trace(name, Provenance::Stale);
        resolution.chase.follow_reply(zones, &reply)
    }

    /// The answer for whom no upstream is asked: our own alias, a stale answer, or SERVFAIL with the reason.
    pub fn give_up(
        self: &Arc<Self>,
        zones: &Arc<ZoneSet>,
        resolution: &mut Resolution,
        mut need: UpstreamQuestion,
        failure: Failure,
        now: Instant,
    ) -> Resolved {
        loop {
            let stale = need.stale.take();
            let step = self.fall_back(zones, resolution, &need.question.name, failure, stale);
            match self.advance(zones, resolution, step, now) {
                Progress::Done(resolved) => return resolved,
                Progress::Ask(next) => need = next,
            }
        }
    }

    /// Asks again behind the client's back; the group shares the exchange if someone else asks meanwhile.
    pub(crate) fn prefetch(self: &Arc<Self>, zones: &Arc<ZoneSet>, route: &Arc<Route>, question: &Question) {
        let deadline = Instant::now() + self.timeout;
        let asking = Arc::clone(self).ask(Arc::clone(zones), Arc::clone(route), question.clone(), 0, deadline);
        self.runtime.spawn(asking);
    }
}

/// Whether a reply says something about the name; SERVFAIL, REFUSED and the like do not.
pub(crate) fn answers(reply: &Reply) -> bool {
    reply.rcode.is_answer()
}

/// Whether a reply is no word about a public name of ours: not an answer, or a denial without an alias on the way. A list says that
/// the name exists; an upstream that does not know it is in a closed network, or behind the list's time.
pub(crate) fn denies(reply: &Reply) -> bool {
    !answers(reply) || reply.rcode == Rcode::NXDOMAIN && reply.answer.is_empty()
}

/// Whether a failure says something about the upstreams to others who ask the same: not if this server had too much to do,
/// or one client's time was nearly over.
fn says_something(failure: Failure, had: Duration, whole: Duration) -> bool {
    match failure {
        Failure::Unreachable | Failure::Malformed => true,
        Failure::Timeout => had >= whole * 9 / 10,
        Failure::Overloaded | Failure::Loop | Failure::Stopped => false,
    }
}
