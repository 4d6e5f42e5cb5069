//! Upstreams and cache over the life of the process: kept where the config did not change them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Handle;

use crate::config::Config;
use crate::forward::cache::Cache;
use crate::forward::resolver::special::{self, SpecialNames};
use crate::forward::resolver::{Resolver, Route};
use crate::forward::{GroupSettings, Settings, UpstreamSpec, Upstreams};
use crate::zone::ZoneSet;

/// Azure's resolver, inside every virtual network.
const AZURE: IpAddr = IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16));

/// The forwarder, its routes and the cache: a value that is built whole and then takes the place of the one before.
#[derive(Clone)]
pub(super) struct Routes {
    settings: Vec<GroupSettings>,
    forwarder: Arc<Upstreams>,
    all: Vec<Arc<Route>>,
    cache: Arc<Cache>,
    /// The id of the next route; none is given twice, so that no cache entry outlives its rule.
    next_id: u64,
}

impl Routes {
    /// Those of a config; what is cached stays unless its upstreams or bounds changed. `bound` are the addresses that this
    /// server listens on: an upstream there is itself.
    ///
    /// # Errors
    /// If there can be no such forwarder. The one before is as it was.
    pub(super) fn build(config: &Config, bound: &[SocketAddr], before: Option<&Self>) -> io::Result<Self> {
        let kept = before.map(|before| &before.cache).filter(|cache| *cache.settings() == config.cache);
        let cache = kept.map_or_else(|| Arc::new(Cache::new(config.cache.clone())), Arc::clone);
        if let Some(before) = before.filter(|before| before.settings == config.groups) {
            return Ok(Self { cache, ..before.clone() });
        }
        let listen = bound.to_vec();
        let resolv_conf = PathBuf::from("/etc/resolv.conf");
        let forwarder = Upstreams::start(Settings { groups: config.groups.clone(), listen, resolv_conf })?;
        let mut next_id = before.map_or(0, |before| before.next_id);
        let mut all = Vec::new();
        for (settings, group) in config.groups.iter().zip(forwarder.groups()) {
            let id = before.and_then(|before| before.id_of(settings)).unwrap_or(next_id);
            next_id += 1;
            all.push(Arc::new(Route { id, suffix: settings.suffix.clone(), group: Arc::clone(group) }));
        }
        Ok(Self { settings: config.groups.clone(), forwarder: Arc::new(forwarder), all, cache, next_id })
    }

    /// The id of the route with the very same settings.
    fn id_of(&self, settings: &GroupSettings) -> Option<u64> {
        let at = self.settings.iter().position(|known| known == settings)?;
        self.all.get(at).map(|route| route.id)
    }

    /// Whose end is the end of forwarding.
    pub(super) fn forwarder(&self) -> Arc<Upstreams> {
        Arc::clone(&self.forwarder)
    }

    pub(super) fn resolver(&self, config: &Config, runtime: &Handle) -> Arc<Resolver> {
        let timeout = config.groups.first().map_or(std::time::Duration::from_secs(5), |group| group.timeout);
        Arc::new(Resolver::new(
            self.all.clone(),
            Arc::clone(&self.cache),
            Arc::clone(&self.forwarder),
            config.public_names,
            special(config),
            timeout,
            runtime.clone(),
        ))
    }
}

/// The special names that are answered here. Azure's own resolver knows the reverse names of the `VNet`'s machines and keeps
/// them inside, so those are left to it.
fn special(config: &Config) -> Arc<ZoneSet> {
    let is_azure = |upstream: &UpstreamSpec| matches!(upstream, UpstreamSpec::Address(at) if at.ip() == AZURE);
    let default = config.groups.iter().filter(|group| group.suffix.label_count() == 0);
    match config.special_names {
        SpecialNames::Local => special::zones(!default.flat_map(|group| &group.upstreams).any(is_azure)),
        SpecialNames::Forward => Arc::default(),
    }
}
