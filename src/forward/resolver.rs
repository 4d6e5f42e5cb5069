//! The resolver: drives a [`Chase`] with what the cache has and what upstreams say.
//!
//! In: a question and the zones it started with. Out: a [`Resolved`]. [`Resolver::start`] goes as far as memory
//! leads and never waits; [`Resolver::finish`] asks upstream for the rest, within one deadline.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cache::{Cache, Hit, Key, Lasting};
use super::chase::{self, Chase, Resolved, Step};
use super::public::{self, PublicNames};
use super::{Failure, Forwarder, Group, Question, Reply, Turn};
use crate::dns::{Ede, Name, Rcode, Rtype};
use crate::zone::{Zone, ZoneSet};

/// How long a client waits for an upstream before a stale answer or our own alias goes out (RFC 8767 section 5);
/// Windows clients do not wait much longer.
const CLIENT_TIMER: Duration = Duration::from_millis(1800);

/// The upstreams for the names at or below a suffix. `id` is new for every set of upstreams there ever was.
pub struct Route {
    /// Part of each cache key.
    pub id: u64,
    /// The suffix; the root for the default.
    pub suffix: Name,
    /// Whom to ask.
    pub group: Arc<Group>,
}

/// Whom to ask about what, and how.
pub struct Resolver {
    routes: Vec<Arc<Route>>,
    cache: Arc<Cache>,
    /// Keeps the upstreams alive, and knows its own probes.
    forwarder: Arc<Forwarder>,
    public_names: PublicNames,
    /// What is answered here though no zone has it; empty if all is to be asked.
    special: Arc<ZoneSet>,
    timeout: Duration,
    /// Where background exchanges run: a caller may be a thread outside of it.
    runtime: tokio::runtime::Handle,
}

/// What the client's flags ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// RD: cache and upstreams may be used. Without it the answer is what our zones say, and the cache shows nothing of
    /// what others asked.
    pub recursion: bool,
    /// DO.
    pub dnssec_ok: bool,
    /// CD.
    pub checking_disabled: bool,
}

/// A question on its way through zones, cache and upstreams.
pub struct Pursuit {
    chase: Chase,
    qtype: Rtype,
    wish: Wish,
    /// Why the answer is not what it would be in good times.
    note: Option<Ede>,
    life: Life,
    /// Where each part came from, if someone wants to know.
    pub trace: Option<Vec<(Name, Part)>>,
}

/// Whether an answer may be repeated.
#[derive(Clone, Copy)]
enum Life {
    /// No upstream has a part in it.
    Local,
    /// As long as this part of it.
    Lasting(Lasting),
    /// It is for this question alone.
    Once,
}

/// Where a part of an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The cache.
    Cache,
    /// The cache, past its time.
    Stale,
    /// This upstream, just now.
    Upstream(std::net::SocketAddr),
    /// Our own alias for a public name.
    OwnAlias,
    /// Nobody: a special name has its answer here.
    Special,
}

/// What memory could not answer.
pub struct Need {
    route: Arc<Route>,
    question: Question,
    stale: Option<Reply>,
}

/// How far memory led.
pub enum Progress {
    /// To the end.
    Done(Resolved),
    /// To a question for an upstream.
    Need(Need),
}

impl Pursuit {
    /// A question at its start.
    pub fn new(qname: Name, qtype: Rtype, wish: Wish) -> Self {
        Self { chase: Chase::new(qname, qtype), qtype, wish, note: None, life: Life::Local, trace: None }
    }

    /// How long the answer may be repeated to who asks the same: if all that is forwarded in it came from the cache at
    /// one time. Neither failures nor what was made up for them last.
    pub fn lasting(&self) -> Option<Lasting> {
        match self.life {
            Life::Lasting(lasting) => Some(lasting),
            Life::Local | Life::Once => None,
        }
    }

    fn trace(&mut self, name: &Name, part: Part) {
        if let Some(trace) = &mut self.trace {
            trace.push((name.clone(), part));
        }
    }

    fn add_part(&mut self, part: Option<Lasting>) {
        self.life = match (self.life, part) {
            (Life::Local, Some(part)) => Life::Lasting(part),
            (Life::Lasting(before), Some(part)) if before.stored == part.stored => {
                Life::Lasting(Lasting { until: before.until.min(part.until), ..part })
            }
            _ => Life::Once,
        };
    }

    fn question(&self, name: Name) -> Question {
        Question {
            name,
            rtype: self.qtype,
            dnssec_ok: self.wish.dnssec_ok,
            checking_disabled: self.wish.checking_disabled,
        }
    }

    /// SERVFAIL with a reason.
    pub fn fail(&self, ede: Ede) -> Resolved {
        self.chase.fail(ede)
    }

    fn done(&mut self, mut resolved: Resolved) -> Progress {
        if let Some(note) = self.note.take() {
            resolved.ede = Some(note);
            resolved.authentic = false;
        }
        Progress::Done(resolved)
    }
}

impl Resolver {
    /// A resolver; `routes` must hold one for the root.
    pub fn new(
        mut routes: Vec<Arc<Route>>,
        cache: Arc<Cache>,
        forwarder: Arc<Forwarder>,
        public_names: PublicNames,
        special: Arc<ZoneSet>,
        timeout: Duration,
        runtime: tokio::runtime::Handle,
    ) -> Self {
        routes.sort_by_key(|route| std::cmp::Reverse(route.suffix.as_wire().len()));
        Self { routes, cache, forwarder, public_names, special, timeout, runtime }
    }

    /// The routes, the longest suffix first.
    pub fn routes(&self) -> &[Arc<Route>] {
        &self.routes
    }

    /// How long one question may take in all.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether a QNAME is one of our own probes come back: the upstream leads to ourselves.
    pub fn is_probe(&self, qname: &[u8]) -> bool {
        self.forwarder.is_probe(qname)
    }

    /// The cache.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The forwarder.
    pub fn forwarder(&self) -> &Forwarder {
        &self.forwarder
    }

    fn route(&self, name: &Name) -> Option<&Arc<Route>> {
        self.routes.iter().find(|route| name.is_at_or_below(&route.suffix))
    }

    /// The special zone of a name, unless a hosted zone or a rule covers it: those know better.
    fn special(&self, zones: &ZoneSet, name: &Name) -> Option<&Zone> {
        let zone = self.special.find(name.as_wire())?.zone.as_deref()?;
        let is_ruled = self.route(name).is_some_and(|route| route.suffix.label_count() > 0);
        (!is_ruled && zones.find(name.as_wire()).is_none()).then_some(zone)
    }

    /// Follows zones and cache; waits for nobody.
    pub fn start(self: &Arc<Self>, zones: &Arc<ZoneSet>, pursuit: &mut Pursuit, now: Instant) -> Progress {
        let step = pursuit.chase.follow(zones);
        self.advance(zones, pursuit, step, now)
    }

    fn advance(
        self: &Arc<Self>,
        zones: &Arc<ZoneSet>,
        pursuit: &mut Pursuit,
        mut step: Step,
        now: Instant,
    ) -> Progress {
        loop {
            let name = match step {
                Step::Done(resolved) => return pursuit.done(resolved),
                Step::Ask(name) => name,
            };
            if let Some(zone) = self.special(zones, &name) {
                pursuit.add_part(None);
                step = pursuit.chase.answer_from(zone);
                pursuit.trace(&name, Part::Special);
                continue;
            }
            if !pursuit.wish.recursion {
                let stopped = pursuit.chase.stop();
                return pursuit.done(stopped);
            }
            if self.public_names == PublicNames::Always
                && let Some(reply) = public::alias(zones, &name)
            {
                pursuit.add_part(None);
                pursuit.trace(&name, Part::OwnAlias);
                step = pursuit.chase.take(zones, &reply);
                continue;
            }
            let Some(route) = self.route(&name) else {
                return pursuit.done(pursuit.chase.fail(Failure::Stopped.ede()));
            };
            let key = Key { group: route.id, question: pursuit.question(name) };
            step = match self.cache.get(&key, now) {
                Hit::Fresh { reply, .. } if !answers(&reply) && self.own_alias(zones, &key.question.name).is_some() => {
                    self.fall_back(zones, pursuit, &key.question.name, Failure::Unreachable, None)
                }
                Hit::Fresh { reply, prefetch, lasting } => {
                    pursuit.add_part(lasting);
                    if prefetch {
                        self.prefetch(zones, route, &key.question);
                    }
                    pursuit.trace(&key.question.name, Part::Cache);
                    pursuit.chase.take(zones, &reply)
                }
                Hit::Failed(failure, stale) => self.fall_back(zones, pursuit, &key.question.name, failure, stale),
                Hit::Miss(stale) => {
                    pursuit.add_part(None);
                    return Progress::Need(Need { route: Arc::clone(route), question: key.question, stale });
                }
            };
        }
    }

    /// Asks upstream until the answer is complete. The zones are those the question started with.
    pub async fn finish(self: &Arc<Self>, zones: &Arc<ZoneSet>, pursuit: &mut Pursuit, need: Need) -> Resolved {
        self.finish_by(zones, pursuit, need, Instant::now() + self.timeout).await
    }

    /// As [`Resolver::finish`], without a task for each question: the answer goes to `then` on whatever thread has it.
    pub fn finish_then<F>(self: Arc<Self>, zones: Arc<ZoneSet>, pursuit: Pursuit, need: Need, now: Instant, then: F)
    where
        F: FnOnce(Resolved, &mut Turn) + Send + 'static,
    {
        let deadline = now + self.timeout;
        self.pursue(zones, pursuit, need, (now, deadline), then);
    }

    fn pursue<F>(
        self: Arc<Self>,
        zones: Arc<ZoneSet>,
        mut pursuit: Pursuit,
        need: Need,
        (now, deadline): (Instant, Instant),
        then: F,
    ) where
        F: FnOnce(Resolved, &mut Turn) + Send + 'static,
    {
        if need.stale.is_some() || self.own_alias(&zones, &need.question.name).is_some() {
            // The client's timer runs beside this exchange; that is a task's work.
            let runtime = self.runtime.clone();
            runtime.spawn(async move {
                let resolved = self.finish_by(&zones, &mut pursuit, need, deadline).await;
                let mut turn = Turn::new(Instant::now());
                then(resolved, &mut turn);
                turn.end();
            });
            return;
        }
        let group = Arc::clone(&need.route.group);
        let question = need.question.clone();
        let taken = move |asked: Result<Arc<Reply>, Failure>, turn: &mut Turn| {
            let Need { route, question, .. } = need;
            let name = question.name.clone();
            let asked = self.note(&zones, &route, question, asked, turn.now);
            let step = match asked {
                Ok(reply) => {
                    pursuit.trace(&name, Part::Upstream(reply.upstream));
                    pursuit.chase.take(&zones, &reply)
                }
                Err(failure) => self.fall_back(&zones, &mut pursuit, &name, failure, None),
            };
            match self.advance(&zones, &mut pursuit, step, turn.now) {
                Progress::Done(resolved) => then(resolved, turn),
                Progress::Need(next) => self.pursue(zones, pursuit, next, (turn.now, deadline), then),
            }
        };
        group.ask_then(question, deadline, now, Box::new(taken));
    }

    async fn finish_by(
        self: &Arc<Self>,
        zones: &Arc<ZoneSet>,
        pursuit: &mut Pursuit,
        mut need: Need,
        deadline: Instant,
    ) -> Resolved {
        loop {
            let step = self.exchange(zones, pursuit, &mut need, deadline).await;
            match self.advance(zones, pursuit, step, Instant::now()) {
                Progress::Done(resolved) => return resolved,
                Progress::Need(next) => need = next,
            }
        }
    }

    async fn exchange(
        self: &Arc<Self>,
        zones: &Arc<ZoneSet>,
        pursuit: &mut Pursuit,
        need: &mut Need,
        deadline: Instant,
    ) -> Step {
        let name = need.question.name.clone();
        let stale = need.stale.take();
        let can_wait_no_longer = stale.is_some() || self.own_alias(zones, &name).is_some();
        let asked = if can_wait_no_longer {
            // The exchange goes on behind the answer, so that the next client finds it done.
            let asking = tokio::spawn(Arc::clone(self).ask(
                Arc::clone(zones),
                Arc::clone(&need.route),
                need.question.clone(),
                deadline,
            ));
            match tokio::time::timeout(CLIENT_TIMER, asking).await {
                Ok(Ok(asked)) => asked,
                Ok(Err(_)) | Err(_) => Err(Failure::Timeout),
            }
        } else {
            Arc::clone(self).ask(Arc::clone(zones), Arc::clone(&need.route), need.question.clone(), deadline).await
        };
        match asked {
            Ok(reply) if answers(&reply) || !can_wait_no_longer => {
                pursuit.trace(&name, Part::Upstream(reply.upstream));
                pursuit.chase.take(zones, &reply)
            }
            Ok(_) => self.fall_back(zones, pursuit, &name, Failure::Unreachable, stale),
            Err(failure) => self.fall_back(zones, pursuit, &name, failure, stale),
        }
    }

    /// One exchange; what comes of it goes into the cache.
    async fn ask(
        self: Arc<Self>,
        zones: Arc<ZoneSet>,
        route: Arc<Route>,
        question: Question,
        deadline: Instant,
    ) -> Result<Arc<Reply>, Failure> {
        let asked = route.group.ask(&question, deadline).await;
        self.note(&zones, &route, question, asked, Instant::now())
    }

    /// Puts what came of an exchange into the cache, and hands it on with its TTLs within the cache's bounds.
    fn note(
        &self,
        zones: &ZoneSet,
        route: &Arc<Route>,
        question: Question,
        asked: Result<Arc<Reply>, Failure>,
        now: Instant,
    ) -> Result<Arc<Reply>, Failure> {
        let asked = asked.map(|reply| self.cache.clamped(reply));
        match &asked {
            Ok(reply) => self.keep(zones, route, question, reply, now),
            Err(failure) => self.cache.put_failure(Key { group: route.id, question }, *failure, now),
        }
        asked
    }

    /// Keeps a reply, cut at each hosted name: no entry ever holds what lies under one.
    fn keep(&self, zones: &ZoneSet, route: &Arc<Route>, mut question: Question, reply: &Reply, now: Instant) {
        if !answers(reply) {
            let key = Key { group: route.id, question };
            let has_older = matches!(self.cache.get(&key, now), Hit::Miss(Some(_)) | Hit::Failed(_, Some(_)));
            return if has_older {
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

    fn own_alias(&self, zones: &ZoneSet, name: &Name) -> Option<Reply> {
        if self.public_names == PublicNames::Never { None } else { public::alias(zones, name) }
    }

    /// The upstream failed: our own alias, a stale answer, or SERVFAIL with the reason.
    fn fall_back(
        &self,
        zones: &ZoneSet,
        pursuit: &mut Pursuit,
        name: &Name,
        failure: Failure,
        stale: Option<Reply>,
    ) -> Step {
        pursuit.add_part(None);
        if let Some(reply) = self.own_alias(zones, name) {
            pursuit.note = Some(Ede::new(Ede::SYNTHESIZED, "upstream failed; alias made from our own zone"));
            pursuit.trace(name, Part::OwnAlias);
            return pursuit.chase.take(zones, &reply);
        }
        let Some(reply) = stale else {
            return Step::Done(pursuit.chase.fail(failure.ede()));
        };
        let code = if reply.rcode == Rcode::NXDOMAIN { Ede::STALE_NXDOMAIN } else { Ede::STALE_ANSWER };
        pursuit.note = Some(Ede::new(code, "upstream failed; this answer is past its time"));
        pursuit.trace(name, Part::Stale);
        pursuit.chase.take(zones, &reply)
    }

    /// Asks again behind the client's back; the group shares the exchange if someone else asks meanwhile.
    fn prefetch(self: &Arc<Self>, zones: &Arc<ZoneSet>, route: &Arc<Route>, question: &Question) {
        let deadline = Instant::now() + self.timeout;
        let asking = Arc::clone(self).ask(Arc::clone(zones), Arc::clone(route), question.clone(), deadline);
        self.runtime.spawn(asking);
    }
}

/// Whether a reply says something about the name; SERVFAIL, REFUSED and the like do not.
fn answers(reply: &Reply) -> bool {
    matches!(reply.rcode, Rcode::NOERROR | Rcode::NXDOMAIN)
}
