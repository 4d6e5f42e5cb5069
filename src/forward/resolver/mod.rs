//! The resolver: drives a [`Chase`](chase::Chase) with the cache and the upstreams.
//!
//! In: a question and the zones it started with. Out: a [`Resolved`]. [`Resolver::start`] goes as far as memory
//! suffices and never waits; [`Waiting`] asks upstream for the rest, within one deadline (`upstream_step.rs`).

pub mod chase;
pub mod public;
mod resolution;
mod route;
pub mod special;
mod upstream_step;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cache::{Cache, Hit, Key};
use super::question::{Failure, Question, Reply};
use super::upstreams::Upstreams;
use crate::dns::{Ede, Name, Rcode, Rtype};
use crate::zone::{Zone, ZoneSet};
pub use chase::Provenance;
use chase::{Resolved, Step};
use public::PublicNames;
use resolution::Fallback;
pub use resolution::{Progress, QueryFlags, Resolution, Trace, UpstreamQuestion};
pub use route::Route;
use route::RouteTable;
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
    pub special: Arc<ZoneSet>,
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
            let UpstreamQuestion { question: Question { name, .. }, fallback, .. } = question;
            let step = fall_back(zones, resolution, &name, fallback, failure);
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
            step = if let Some(zone) = self.special(zones, &name, resolution.qtype) {
                resolution.add_source(None);
                resolution.record(&name, Provenance::Special);
                resolution.chase.answer_from(zone)
            } else if !resolution.flags.recursion {
                let stopped = resolution.chase.stop();
                return resolution.done(stopped);
            } else if let Some(reply) = self.public_name_without_upstream(zones, &name) {
                resolution.add_source(None);
                resolution.record(&name, Provenance::SynthesizedCname);
                resolution.chase.follow_reply(zones, &reply)
            } else {
                match self.from_cache(zones, resolution, name, now) {
                    ControlFlow::Continue(step) => step,
                    ControlFlow::Break(question) => return Progress::Ask(question),
                }
            }
        }
    }

    /// The next step by the cache; or the question for an upstream, with the fallback in case it fails.
    fn from_cache(
        self: &Arc<Self>,
        zones: &Arc<ZoneSet>,
        resolution: &mut Resolution,
        name: Name,
        now: Instant,
    ) -> ControlFlow<UpstreamQuestion, Step> {
        let Some(route) = self.routes.of(&name) else {
            return ControlFlow::Continue(Step::Done(resolution.chase.fail(Failure::Stopped.ede())));
        };
        let key = Key { route: route.id, question: resolution.question(name) };
        let name = &key.question.name;
        match self.cache.get(&key, now) {
            Hit::Fresh { reply, .. } if reply.denies() && self.synthesized(zones, name).is_some() => {
                let fallback = self.fallback(zones, name, None);
                ControlFlow::Continue(fall_back(zones, resolution, name, fallback, Failure::Unreachable))
            }
            Hit::Fresh { reply, prefetch, validity } => {
                resolution.add_source(validity);
                if prefetch {
                    self.prefetch(zones, route, &key.question, now);
                }
                resolution.record(name, Provenance::Cache);
                ControlFlow::Continue(resolution.chase.follow_reply(zones, &reply))
            }
            Hit::Failed(failure, stale) => {
                let fallback = self.fallback(zones, name, stale);
                ControlFlow::Continue(fall_back(zones, resolution, name, fallback, failure))
            }
            Hit::Miss(stale) => {
                resolution.add_source(None);
                let fallback = self.fallback(zones, name, stale);
                ControlFlow::Break(UpstreamQuestion { route: Arc::clone(route), question: key.question, fallback })
            }
        }
    }

    /// The special zone of a name, unless a hosted zone or a forward rule covers it: those take precedence.
    fn special(&self, zones: &ZoneSet, name: &Name, qtype: Rtype) -> Option<&Zone> {
        let zone = self.settings.special.find(name.canonical())?.zone.as_deref()?;
        // RFC 8375 section 4: the parent has to prove to a validating client that such a zone is not signed.
        if qtype == Rtype::DS && name == zone.apex() && name.labels().last() == Some(b"arpa") {
            return None;
        }
        let is_ruled = self.routes.of(name).is_some_and(|route| route.suffix.label_count() > 0);
        (!is_ruled && zones.find(name.canonical()).is_none()).then_some(zone)
    }

    /// Our own CNAME for a public name of ours, if the config says that the upstream is never asked for it.
    fn public_name_without_upstream(&self, zones: &ZoneSet, name: &Name) -> Option<Reply> {
        (self.settings.public_names == PublicNames::Always).then(|| public::synthesized_cname(zones, name))?
    }

    fn synthesized(&self, zones: &ZoneSet, name: &Name) -> Option<Reply> {
        (self.settings.public_names != PublicNames::Never).then(|| public::synthesized_cname(zones, name))?
    }

    /// The fallback for this name if upstreams fail: this is the one place that decides whether there is one.
    fn fallback(&self, zones: &ZoneSet, name: &Name, stale: Option<Reply>) -> Option<Fallback> {
        self.synthesized(zones, name).map(Fallback::SynthesizedCname).or_else(|| stale.map(Fallback::Stale))
    }
}

/// Handles a failed upstream: goes on with the fallback, or ends with SERVFAIL and the reason.
fn fall_back(
    zones: &ZoneSet,
    resolution: &mut Resolution,
    name: &Name,
    fallback: Option<Fallback>,
    failure: Failure,
) -> Step {
    resolution.add_source(None);
    let (reply, provenance, code, text) = match fallback {
        None => return Step::Done(resolution.chase.fail(failure.ede())),
        Some(Fallback::SynthesizedCname(reply)) => {
            let text = "upstream failed or denies the name; alias made from our own zone";
            (reply, Provenance::SynthesizedCname, Ede::SYNTHESIZED, text)
        }
        Some(Fallback::Stale(reply)) => {
            let code = if reply.rcode == Rcode::NXDOMAIN { Ede::STALE_NXDOMAIN } else { Ede::STALE_ANSWER };
            (reply, Provenance::Stale, code, "upstream failed; this answer is past its time")
        }
    };
    resolution.degraded = Some(Ede::new(code, text));
    resolution.record(name, provenance);
    resolution.chase.follow_reply(zones, &reply)
}

#[cfg(test)]
mod tests;
