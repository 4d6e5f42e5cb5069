//! The settings for transfers: who may have which zone.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::dns::Name;
use crate::zone::ViewName;

/// Transfers at one time in all, unless the config says otherwise; as with BIND and Knot.
pub(crate) const MAX: usize = 10;

/// The peers and their limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The peers.
    pub peers: Arc<[Peer]>,
    /// Transfers at one time in all.
    pub max: usize,
    /// Octets of the differences that are kept of each zone; 0 without peers.
    pub history: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { peers: Arc::default(), max: MAX, history: 0 }
    }
}

/// A server that may have zones of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its name in the config, in `status` and in metrics.
    pub name: Arc<str>,
    /// Where it listens; without a key, also where it asks from.
    pub addresses: Vec<SocketAddr>,
    /// The key that it signs with.
    pub key: Option<Name>,
    /// Its zones.
    pub zones: Vec<Selector>,
    /// The view whose zones it gets; `None` for the base.
    pub view: Option<ViewName>,
    /// Whether it gets zones over TLS alone (RFC 9103).
    pub tls: bool,
}

#[cfg(test)]
impl Peer {
    /// A peer that has no zones.
    pub(crate) fn named(name: &str) -> Self {
        Self { name: name.into(), addresses: Vec::new(), key: None, zones: Vec::new(), view: None, tls: false }
    }
}

/// Zones that a peer may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// The zone with this apex.
    Zone(Name),
    /// Each zone `privatelink.<geo>.<suffix>` that denies the names it does not have.
    Backup(Name),
}
