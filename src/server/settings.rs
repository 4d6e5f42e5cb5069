//! The settings for how this server treats its clients.

use std::sync::Arc;
use std::time::Duration;

use crate::dns::tsig::Keys;
use crate::server::admission::cookies;
use crate::server::observer;

/// The longest NSID, octets: with it, a cookie and an Extended Error, the longest question still fits into 512 octets.
pub const MAX_NSID: usize = 64;

/// How the server presents itself to clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Cookies.
    pub cookies: cookies::Settings,
    /// Connections.
    pub tcp: TcpSettings,
    /// The path of DNS over HTTPS.
    pub doh_path: Arc<str>,
    /// The identity of this server (RFC 5001), up to [`MAX_NSID`] octets.
    pub nsid: Option<Arc<str>>,
    /// The answer to `version.bind`.
    pub version: Option<Arc<str>>,
    /// The keys of clients that sign (RFC 8945).
    pub keys: Keys,
    /// The query log, and what is remembered of questions in vain.
    pub observer: observer::Settings,
}

/// The settings for connections (RFC 9210 section 4 wants them to be the operator's).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpSettings {
    /// The time that a connection may go without a complete query or an answer.
    pub idle: Duration,
    /// Connections in all.
    pub max_connections: usize,
    /// Connections of one client: an IPv4 address, or an IPv6 /56.
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
    /// The idle time in tenths of a second, the unit of RFC 7828.
    pub(crate) fn keepalive(&self) -> u16 {
        u16::try_from(self.idle.as_millis() / 100).unwrap_or(u16::MAX)
    }
}
