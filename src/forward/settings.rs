//! The settings for upstreams.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use crate::dns::Name;

/// All groups: the default one and one for each forward rule.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The groups, in the order of [`super::Upstreams::groups`].
    pub groups: Vec<GroupSettings>,
    /// The file that "system" is read from.
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
    /// The name servers in `/etc/resolv.conf`.
    System,
}
