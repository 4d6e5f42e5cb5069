//! The resolver: drives a [`Chase`](chase::Chase) with the cache and the upstreams.
//!
//! In: a question and the zones it started with. Out: a [`Resolved`]. [`Resolver::start`] goes as far as memory
//! suffices and never waits; [`Waiting`] asks upstream for the rest, within one deadline (`upstream_step.rs`).

pub mod chase;
pub mod public;
mod resolution;
mod responsible;
mod route;
pub mod special;
mod upstream_step;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cache::{Cache, Hit, Key};
use super::question::{Failure, Reply};
use super::upstreams::Upstreams;
use crate::dns::{Ede, Name, Rcode};
use crate::zone::ZoneSet;
pub use chase::Provenance;
use chase::{Resolved, Step};
use public::PublicNames;
use resolution::Fallback;
pub use resolution::{Progress, QueryFlags, Resolution, Trace, UpstreamQuestion};
use responsible::{Believed, Responsibilities, Responsible};
pub use route::Route;
use route::RouteTable;
use special::SpecialZones;
pub use upstream_step::{Arrived, Resumed, Waiting};

/// The routes to upstreams, the cache, and the settings.
pub struct Resolver {
    routes: RouteTable,
    cache: Arc<Cache>,
    /// Keeps the upstreams alive, and recognizes loop probes.
    upstreams: Arc<Upstreams>,
    settings: Settings,
}

/// The settings for resolving.
#[derive(Clone)]
pub struct Settings {
    /// When our own public names are answered without the upstream.
    pub public_names: PublicNames,
    /// The special names that are answered here although no hosted zone has them; empty if they are asked upstream.
    pub special: Arc<SpecialZones>,
    /// How long one question may take in all.
    pub timeout: Duration,
}

impl Resolver {
    /// A resolver; `routes` must hold one for the root, and each asks a group of `upstreams`.
    pub fn new(routes: Vec<Arc<Route>>, cache: Arc<Cache>, upstreams: Arc<Upstreams>, settings: Settings) -> Self {
        Self { routes: RouteTable::new(routes), cache, upstreams, settings }
    }

    /// The routes, the longest suffix first.
    pub fn routes(&self) -> &[Arc<Route>] {
        self.routes.all()
    }

    /// How long one question may take in all.
    pub fn timeout(&self) -> Duration {
        self.settings.timeout
    }

    /// Whether a QNAME is one of our own probes: the upstream leads back to us.
    pub fn is_probe(&self, qname: &[u8]) -> bool {
        self.upstreams.is_probe(qname)
    }

    /// The cache.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// All upstreams.
    pub fn upstreams(&self) -> &Upstreams {
        &self.upstreams
    }

    /// Follows zones and cache; never waits.
    pub fn start(self: &Arc<Self>, zones: &Arc<ZoneSet>, resolution: &mut Resolution, now: Instant) -> Progress {
        let step = resolution.chase.follow(zones);
        self.advance(zones, resolution, step, now)
    }

    /// The answer for a client whose question may not go upstream: its fallback, or SERVFAIL with the reason.
    pub fn answer_without_upstream(
        self: &Arc<Self>,
        zones: &Arc<ZoneSet>,
        resolution: &mut Resolution,
        mut question: UpstreamQuestion,
        failure: Failure,
        now: Instant,
    ) -> Resolved {
        loop {
            let UpstreamQuestion { route, question: asked, fallback } = question;
            let key = Key { route: route.id, question: asked };
            let step = self.fall_back(zones, resolution, &key, fallback, failure);
            match self.advance(zones, resolution, step, now) {
                Progress::Done(resolved) => return resolved,
                Progress::Ask(next) => question = next,
            }
        }
    }

    fn advance(
        self: &Arc<Self>,
        zones: &Arc<ZoneSet>,
        resolution: &mut Resolution,
        mut step: Step,
        now: Instant,
    ) -> Progress {
        loop {
            let name = match step {
                Step::Done(resolved) => return resolution.done(resolved),
                Step::Ask(name) => name,
            };
            step = match self.responsibilities(zones).outside_zones(&name, resolution.qtype) {
                Responsible::Special(zone) => {
                    resolution.add_source(None);
                    resolution.record(&name, Provenance::Special);
                    resolution.chase.answer_from(zone)
                }
                _ if !resolution.flags.recursion => {
                    let stopped = resolution.chase.stop();
                    return resolution.done(stopped);
                }
                Responsible::PublicName(reply) => {
                    resolution.add_source(None);
                    resolution.record(&name, Provenance::SynthesizedCname);
                    resolution.chase.follow_reply(zones, &reply)
                }
                Responsible::Upstreams(route) => match self.from_cache(zones, resolution, route, name, now) {
                    ControlFlow::Continue(step) => step,
                    ControlFlow::Break(question) => return Progress::Ask(question),
                },
                Responsible::Hosted | Responsible::Nobody => Step::Done(resolution.chase.fail(Failure::Stopped.ede())),
            }
        }
    }

    /// The next step by the cache; or the question for an upstream, with the fallback in case it fails.
    fn from_cache(
        self: &Arc<Self>,
        zones: &Arc<ZoneSet>,
        resolution: &mut Resolution,
        route: &Arc<Route>,
        name: Name,
        now: Instant,
    ) -> ControlFlow<UpstreamQuestion, Step> {
        let key = Key { route: route.id, question: resolution.question(name) };
        let name = &key.question.name;
        match self.cache.get(&key, resolution.chase.room(), now) {
            Hit::Fresh { reply, .. } if reply.denies() && self.responsibilities(zones).synthesized(name).is_some() => {
                let fallback = self.fallback(zones, name, None);
                ControlFlow::Continue(self.fall_back(zones, resolution, &key, fallback, Failure::Unreachable))
            }
            Hit::Fresh { reply, prefetch, validity } => {
                resolution.add_source(validity);
                if prefetch {
                    self.prefetch(zones, route, &key.question, now);
                }
                resolution.record(name, Provenance::Cache);
                ControlFlow::Continue(self.follow_reply(zones, resolution, &key, &reply))
            }
            Hit::Failed(failure, stale) => {
                let fallback = self.fallback(zones, name, stale);
                ControlFlow::Continue(self.fall_back(zones, resolution, &key, fallback, failure))
            }
            Hit::Miss(stale) => {
                resolution.add_source(None);
                let fallback = self.fallback(zones, name, stale);
                ControlFlow::Break(UpstreamQuestion { route: Arc::clone(route), question: key.question, fallback })
            }
        }
    }

    /// All that decides who answers for a name.
    fn responsibilities<'a>(&'a self, zones: &'a ZoneSet) -> Responsibilities<'a> {
        let Settings { special, public_names, .. } = &self.settings;
        // The route of the root has the shortest suffix.
        let special = special.beside(self.routes.all().last().is_some_and(|route| route.group.includes_azure()));
        Responsibilities { zones, routes: &self.routes, special, public_names: *public_names }
    }

    /// The fallback for this name if upstreams fail: this is the one place that decides whether there is one.
    fn fallback(&self, zones: &ZoneSet, name: &Name, stale: Option<Reply>) -> Option<Fallback> {
        let synthesized = self.responsibilities(zones).synthesized(name);
        synthesized.map(Fallback::SynthesizedCname).or_else(|| stale.map(Fallback::Stale))
    }

    /// Goes on with an upstream's reply to a question, as far as the upstream is believed.
    fn follow_reply(&self, zones: &ZoneSet, resolution: &mut Resolution, key: &Key, reply: &Reply) -> Step {
        let Key { route, question } = key;
        let responsibilities = self.responsibilities(zones);
        let reply = &*reply.within(question.rtype, resolution.chase.room());
        let Believed { reply, missed } = responsibilities.believed(&question.name, question.rtype, Some(*route), reply);
        if let Some(missed) = missed {
            resolution.chase.note_missed(missed);
        }
        resolution.chase.follow_reply(zones, &reply)
    }

    /// Handles a failed upstream: goes on with the fallback, or ends with SERVFAIL and the reason.
    fn fall_back(
        &self,
        zones: &ZoneSet,
        resolution: &mut Resolution,
        key: &Key,
        fallback: Option<Fallback>,
        failure: Failure,
    ) -> Step {
        let name = &key.question.name;
        resolution.add_source(None);
        let (provenance, ede) = match &fallback {
            None => return Step::Done(resolution.chase.fail(failure.ede())),
            Some(Fallback::SynthesizedCname(_)) => (Provenance::SynthesizedCname, ALIAS_FROM_ZONE),
            Some(Fallback::Stale(reply)) if reply.rcode == Rcode::NXDOMAIN => (Provenance::Stale, STALE_NXDOMAIN),
            Some(Fallback::Stale(_)) => (Provenance::Stale, STALE_ANSWER),
        };
        if provenance == Provenance::Stale {
            self.cache.served_stale();
        }
        resolution.degraded = Some(ede);
        resolution.record(name, provenance);
        match fallback {
            Some(Fallback::Stale(reply)) => self.follow_reply(zones, resolution, key, &reply),
            Some(Fallback::SynthesizedCname(reply)) => resolution.chase.follow_reply(zones, &reply),
            None => Step::Done(resolution.chase.fail(failure.ede())),
        }
    }
}

const ALIAS_FROM_ZONE: Ede =
    Ede::new(Ede::SYNTHESIZED, "upstream failed or denies the name; alias made from our own zone");

const PAST_ITS_TIME: &str = "upstream failed; this answer is past its time";

const STALE_ANSWER: Ede = Ede::new(Ede::STALE_ANSWER, PAST_ITS_TIME);

const STALE_NXDOMAIN: Ede = Ede::new(Ede::STALE_NXDOMAIN, PAST_ITS_TIME);

#[cfg(test)]
mod tests;
