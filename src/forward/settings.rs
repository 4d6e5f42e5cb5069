//! The settings for upstreams.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use crate::dns::Name;

/// The file that names the system's name servers (resolv.conf(5)).
pub const RESOLV_CONF: &str = "/etc/resolv.conf";

/// The longest name of an interface in octets (IFNAMSIZ less its NUL).
const MAX_INTERFACE: usize = 15;

/// All groups: the default one and one for each forward rule.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The groups, in the order of [`super::Upstreams::groups`].
    pub groups: Vec<GroupSettings>,
    /// The file that "system" is read from, [`RESOLV_CONF`] outside of tests.
    pub resolv_conf: PathBuf,
    /// The addresses that this server listens on: an upstream at one of them is never asked.
    pub listen: Vec<SocketAddr>,
}

/// A group of upstreams that are asked for the same names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSettings {
    /// The suffix of its names: the root for the default group.
    pub suffix: Name,
    /// The upstreams, in the order in which they are asked.
    pub upstreams: Vec<UpstreamSpec>,
    /// The time for the whole exchange, including retries and failover.
    pub timeout: Duration,
    /// Open questions at each upstream; unset: 180 for Azure's 168.63.129.16, 4096 for others.
    pub max_in_flight: Option<usize>,
    /// Queries a second to each upstream; `None`: 900 for Azure's 168.63.129.16, no limit for others.
    pub max_qps: Option<NonZeroU32>,
    /// Whether the letters of names are sent in random case.
    pub case_randomization: CaseRandomization,
}

impl GroupSettings {
    /// Whether a name is sent in random case; one without letters has none.
    pub(crate) fn mixes_case(&self, name: &Name) -> bool {
        self.case_randomization == CaseRandomization::Auto && name.as_wire().iter().any(u8::is_ascii_lowercase)
    }
}

/// Whether names are sent in random case, which a reply has to repeat (0x20).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CaseRandomization {
    /// They are, except to upstreams that were found to mind.
    #[default]
    Auto,
    /// They are not.
    Off,
}

/// One entry of `upstreams`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamSpec {
    /// An address and a port.
    Address(SocketAddr),
    /// An address that is valid on one interface.
    Scoped(ScopedAddress),
    /// The name servers in [`RESOLV_CONF`].
    System,
}

/// An IPv6 address with the name of the interface on which it is valid (RFC 4007 section 11). The number of an
/// interface changes when it is made anew; the name stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopedAddress {
    /// The address.
    pub ip: Ipv6Addr,
    /// The port.
    pub port: u16,
    /// The name of the interface.
    pub interface: String,
}

impl fmt::Display for ScopedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}%{}]:{}", self.ip, self.interface, self.port)
    }
}

impl UpstreamSpec {
    /// An address without brackets and its port; an IPv6 address may have a scope, `fe80::1%2` or `fe80::1%eth0`.
    pub fn at(text: &str, port: u16) -> Option<Self> {
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Some(Self::Address(SocketAddr::new(ip, port)));
        }
        let (ip, scope) = text.split_once('%')?;
        let ip = ip.parse().ok()?;
        if let Ok(number) = scope.parse() {
            return Some(Self::Address(SocketAddrV6::new(ip, port, 0, number).into()));
        }
        let is_name = (1..=MAX_INTERFACE).contains(&scope.len())
            && scope.bytes().all(|byte| byte.is_ascii_graphic() && !b"%/[]".contains(&byte));
        is_name.then(|| Self::Scoped(ScopedAddress { ip, port, interface: scope.to_owned() }))
    }
}
