//! Upstreams and cache over the life of the process: kept where the config did not change them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Handle;

use crate::config::Config;
use crate::forward::cache::Cache;
use crate::forward::resolver::{Resolver, Route};
use crate::forward::special::{self, SpecialNames};
use crate::forward::{Forwarder, GroupSettings, Settings, UpstreamSpec};
use crate::zone::ZoneSet;

/// Azure's resolver, inside every virtual network.
const AZURE: IpAddr = IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16));

/// The forwarder, its routes and the cache.
pub(super) struct Routes {
    settings: Vec<GroupSettings>,
    forwarder: Arc<Forwarder>,
    all: Vec<Arc<Route>>,
    cache: Arc<Cache>,
    /// The id of the next route; none is given twice, so that no cache entry outlives its rule.
    next_id: u64,
}

impl Routes {
    pub(super) fn start(config: &Config) -> io::Result<Self> {
        let mut routes = Self {
            settings: Vec::new(),
            forwarder: Arc::new(start(Vec::new(), Vec::new())?),
            all: Vec::new(),
            cache: Arc::new(Cache::new(config.cache.clone())),
            next_id: 0,
        };
        routes.reload(config)?;
        Ok(routes)
    }

    /// Takes over a new config; what is cached stays unless its upstreams or bounds changed.
    pub(super) fn reload(&mut self, config: &Config) -> io::Result<()> {
        if self.cache.settings() != &config.cache {
            self.cache = Arc::new(Cache::new(config.cache.clone()));
        }
        if self.settings == config.groups {
            return Ok(());
        }
        let forwarder = start(config.groups.clone(), config.listen.clone())?;
        let mut routes = Vec::new();
        for (settings, group) in config.groups.iter().zip(forwarder.groups()) {
            let same = self.settings.iter().position(|old| old == settings).and_then(|at| self.all.get(at));
            let id = same.map_or(self.next_id, |route| route.id);
            self.next_id += 1;
            routes.push(Arc::new(Route { id, suffix: settings.suffix.clone(), group: Arc::clone(group) }));
        }
        self.settings.clone_from(&config.groups);
        (self.forwarder, self.all) = (Arc::new(forwarder), routes);
        Ok(())
    }

    /// Whose end is the end of forwarding.
    pub(super) fn forwarder(&self) -> Arc<Forwarder> {
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

fn start(groups: Vec<GroupSettings>, listen: Vec<SocketAddr>) -> io::Result<Forwarder> {
    Forwarder::start(Settings { groups, listen, resolv_conf: PathBuf::from("/etc/resolv.conf") })
}
