//! Upstreams and cache over the life of the process: kept where the config did not change them.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::designation;
use crate::config::Config;
use crate::forward::cache::{Cache, RouteId};
use crate::forward::resolver::special::SpecialZones;
use crate::forward::resolver::{self, Resolver, Route};
use crate::forward::{AskUpstream, GroupSettings, RESOLV_CONF, Settings, Upstreams};
use crate::server::ListenAddresses;

/// The upstreams, their routes and the cache: a value that is built whole and then takes the place of the one before.
#[derive(Clone)]
pub(super) struct Routes {
    settings: Vec<GroupSettings>,
    upstreams: Arc<Upstreams>,
    all: Vec<Arc<Route>>,
    cache: Arc<Cache>,
    /// The id of the next route; none is given twice, so that no cache entry outlives its rule.
    next_id: u64,
    /// What is designated to clients that ask for an encrypted resolver.
    designation: String,
}

impl Routes {
    /// Those of a config; what is cached stays unless its upstreams or bounds changed. `bound` are the addresses that
    /// this server listens on: an upstream there is itself.
    ///
    /// # Errors
    /// If the upstreams cannot be used. The routes before are as they were.
    pub(super) fn build(config: &Config, bound: &ListenAddresses, before: Option<&Self>) -> io::Result<Self> {
        Self::build_with(Upstreams::start, config, bound, before)
    }

    /// Those of a config, for one question on the command line.
    ///
    /// # Errors
    /// If the upstreams cannot be used.
    pub(super) fn for_one_question(config: &Config) -> io::Result<Self> {
        Self::build_with(Upstreams::start_without_probes, config, &config.listen_addresses(), None)
    }

    fn build_with(
        start: fn(Settings) -> io::Result<Upstreams>,
        config: &Config,
        bound: &ListenAddresses,
        before: Option<&Self>,
    ) -> io::Result<Self> {
        let designation = designation::lines(config.ddr.as_ref(), bound, &config.server.doh_path);
        let kept = before.map(|before| &before.cache).filter(|cache| *cache.settings() == config.cache);
        let cache = kept.map_or_else(|| Arc::new(Cache::new(config.cache.clone())), Arc::clone);
        if let Some(before) = before.filter(|before| before.settings == config.groups) {
            return Ok(Self { cache, designation, ..before.clone() });
        }
        let listen = bound.dns.clone();
        let resolv_conf = PathBuf::from(RESOLV_CONF);
        let upstreams = start(Settings { groups: config.groups.clone(), listen, resolv_conf })?;
        let mut next_id = before.map_or(0, |before| before.next_id);
        let mut all = Vec::new();
        for (settings, group) in config.groups.iter().zip(upstreams.groups()) {
            let id = before.and_then(|before| before.id_of(settings)).unwrap_or(RouteId(next_id));
            next_id += 1;
            all.push(Arc::new(Route {
                id,
                suffix: settings.suffix.clone(),
                group: Arc::clone(group) as Arc<dyn AskUpstream>,
            }));
        }
        Ok(Self { settings: config.groups.clone(), upstreams: Arc::new(upstreams), all, cache, next_id, designation })
    }

    /// The id of the route with the very same settings.
    fn id_of(&self, settings: &GroupSettings) -> Option<RouteId> {
        let at = self.settings.iter().position(|known| known == settings)?;
        self.all.get(at).map(|route| route.id)
    }

    /// All upstreams; the end of their thread is the end of forwarding.
    pub(super) fn upstreams(&self) -> Arc<Upstreams> {
        Arc::clone(&self.upstreams)
    }

    pub(super) fn resolver(&self, config: &Config) -> Arc<Resolver> {
        let special = SpecialZones::new(config.special_names, &self.designation);
        let settings = resolver::Settings {
            public_names: config.public_names,
            special: Arc::new(special),
            timeout: config.groups.first().map_or(std::time::Duration::from_secs(5), |group| group.timeout),
        };
        let (cache, upstreams) = (Arc::clone(&self.cache), Arc::clone(&self.upstreams));
        Arc::new(Resolver::new(self.all.clone(), cache, upstreams, settings))
    }
}
