//! What the config says of how this server treats its clients.

use std::sync::Arc;
use std::time::Duration;

use crate::server::admission::cookies;

/// The longest NSID, octets: with it, a cookie and an Extended Error the longest question still fits 512 octets.
pub const MAX_NSID: usize = 64;

/// How the server presents itself to clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Cookies.
    pub cookies: cookies::Settings,
    /// Connections.
    pub tcp: TcpSettings,
    /// Which server this is (RFC 5001); at most [`MAX_NSID`] octets.
    pub nsid: Option<Arc<str>>,
    /// What `version.bind` says.
    pub version: Option<Arc<str>>,
}

/// What the config says of connections (RFC 9210 section 4 wants these to be the operator's).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpSettings {
    /// How long a connection may go without a complete query or an answer.
    pub idle: Duration,
    /// Connections in all.
    pub max_connections: usize,
    /// Connections of one network: an IPv4 address, or an IPv6 /56.
    pub max_per_client: usize,
}

impl Default for TcpSettings {
    fn default() -> Self {
        // Seconds (RFC 9210 section 4.3). A connection costs some kilobytes and a descriptor; a site's resolver is one
        // address, so its share is wide.
        Self { idle: Duration::from_secs(15), max_connections: 4000, max_per_client: 1500 }
    }
}

impl TcpSettings {
    /// The idle time in tenths of a second, as RFC 7828 has it.
    pub(crate) fn keepalive(&self) -> u16 {
        u16::try_from(self.idle.as_millis() / 100).unwrap_or(u16::MAX)
    }
}
