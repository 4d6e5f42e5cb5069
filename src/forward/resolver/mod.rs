//! The resolver: drives a [`Chase`](chase::Chase) with what the cache has and what upstreams say.
//!
//! In: a question and the zones it started with. Out: a [`Resolved`](chase::Resolved). [`Resolver::start`] goes as far as memory
//! leads and never waits; [`Resolver::finish`] asks upstream for the rest, within one deadline.

pub mod chase;
pub mod public;
mod resolution;
pub mod special;
mod upstream_step;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::dns::{Name, Rtype};
use crate::forward::cache::{Cache, Hit, Key};
use crate::forward::{Failure, Group, Upstreams};
use crate::zone::{Zone, ZoneSet};
use chase::Step;
use public::PublicNames;
pub use resolution::{Progress, Provenance, QueryFlags, Resolution, UpstreamQuestion};
use upstream_step::denies;

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
    forwarder: Arc<Upstreams>,
    public_names: PublicNames,
    /// What is answered here though no zone has it; empty if all is to be asked.
    special: Arc<ZoneSet>,
    timeout: Duration,
    /// Where background exchanges run: a caller may be a thread outside of it.
    runtime: tokio::runtime::Handle,
}

impl Resolver {
    /// A resolver; `routes` must hold one for the root.
    pub fn new(
        mut routes: Vec<Arc<Route>>,
        cache: Arc<Cache>,
        forwarder: Arc<Upstreams>,
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
    pub fn forwarder(&self) -> &Upstreams {
        &self.forwarder
    }

    fn route(&self, name: &Name) -> Option<&Arc<Route>> {
        self.routes.iter().find(|route| name.is_at_or_below(&route.suffix))
    }

    /// The special zone of a name, unless a hosted zone or a rule covers it: those know better.
    fn special(&self, zones: &ZoneSet, name: &Name, qtype: Rtype) -> Option<&Zone> {
        let zone = self.special.find(name.as_wire())?.zone.as_deref()?;
        // RFC 8375 section 4: that such a zone is not signed is for the one above to prove, to whoever validates.
        if qtype == Rtype::DS && name == zone.apex() && name.labels().last() == Some(b"arpa") {
            return None;
        }
        let is_ruled = self.route(name).is_some_and(|route| route.suffix.label_count() > 0);
        (!is_ruled && zones.find(name.as_wire()).is_none()).then_some(zone)
    }

    /// Follows zones and cache; waits for nobody.
    pub fn start(self: &Arc<Self>, zones: &Arc<ZoneSet>, resolution: &mut Resolution, now: Instant) -> Progress {
        let step = resolution.chase.follow(zones);
        self.advance(zones, resolution, step, now)
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
            if let Some(zone) = self.special(zones, &name, resolution.qtype) {
                resolution.add_source(None);
                step = resolution.chase.answer_from(zone);
                resolution.trace(&name, Provenance::Special);
                continue;
            }
            if !resolution.flags.recursion {
                let stopped = resolution.chase.stop();
                return resolution.done(stopped);
            }
            if self.public_names == PublicNames::Always
                && let Some(reply) = public::alias(zones, &name)
            {
                resolution.add_source(None);
                resolution.trace(&name, Provenance::SynthesizedCname);
                step = resolution.chase.follow_reply(zones, &reply);
                continue;
            }
            let Some(route) = self.route(&name) else {
                return resolution.done(resolution.chase.fail(Failure::Stopped.ede()));
            };
            let key = Key { group: route.id, question: resolution.question(name) };
            step = match self.cache.get(&key, now) {
                Hit::Fresh { reply, .. } if denies(&reply) && self.own_alias(zones, &key.question.name).is_some() => {
                    self.fall_back(zones, resolution, &key.question.name, Failure::Unreachable, None)
                }
                Hit::Fresh { reply, prefetch, validity } => {
                    resolution.add_source(validity);
                    if prefetch {
                        self.prefetch(zones, route, &key.question);
                    }
                    resolution.trace(&key.question.name, Provenance::Cache);
                    resolution.chase.follow_reply(zones, &reply)
                }
                Hit::Failed(failure, stale) => self.fall_back(zones, resolution, &key.question.name, failure, stale),
                Hit::Miss(stale) => {
                    resolution.add_source(None);
                    return Progress::Ask(UpstreamQuestion { route: Arc::clone(route), question: key.question, stale });
                }
            };
        }
    }
}
