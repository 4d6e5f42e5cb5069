//! What the config says of upstreams.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::dns::Name;

/// All groups: the default one and one for each rule.
#[derive(Clone, Debug)]
pub struct Settings {
    /// In the order in which [`super::Upstreams::groups`] has them.
    pub groups: Vec<GroupSettings>,
    /// Where "system" is read.
    pub resolv_conf: PathBuf,
    /// Where this server listens: an upstream that is there is never asked.
    pub listen: Vec<SocketAddr>,
}

/// One group of upstreams that are asked for the same names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSettings {
    /// The suffix of its names: the root for the default group.
    pub suffix: Name,
    /// In the order in which they are asked.
    pub upstreams: Vec<UpstreamSpec>,
    /// For the whole exchange, retries and failover inside it.
    pub timeout: Duration,
    /// Questions each upstream may have in hand; unset: 180 for Azure's 168.63.129.16, 4096 for others.
    pub max_in_flight: Option<usize>,
    /// Queries a second to each upstream, 0 for no limit; unset: 900 for Azure's 168.63.129.16, none for others.
    pub max_qps: Option<u32>,
}

/// One entry of `upstreams`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamSpec {
    /// An address and a port.
    Address(SocketAddr),
    /// What `/etc/resolv.conf` names.
    System,
}
