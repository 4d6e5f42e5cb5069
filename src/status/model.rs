//! The model of how the server is: one value with everything that `status`, the status page, `/metrics`, `/ready` and
//! `/health` show. Each of them is a rendering of it, and none looks anywhere else.
//!
//! Times are in seconds since 1970, durations in the unit that the key's name ends with. `docs/status-json.md`
//! describes the same for programs.

use crate::server::RecentKind;
use crate::zone::{OnMiss, ViewName};
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::encryption::EncryptionStatus;
use super::peers::PeerStatus;
use super::queries::QueryStatus;
use super::sync::{PassStatus, SyncStatus};
use super::traffic::Traffic;
use super::upstreams::{GroupStatus, UpstreamStatus};
use super::verdict::Verdict;
use crate::diag::Diagnostic;
use crate::sync::live::report::LiveReport;
use crate::sync::state::changes::{AppliedChange, ChangeCounts};

/// The version of this form: it changes when a key goes or changes its meaning, not when one is added.
pub const FORM_VERSION: u32 = 2;

/// The whole state of the server at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// [`FORM_VERSION`].
    pub form_version: u32,
    /// The moment.
    pub at: u64,
    /// What all of it comes to, and what a person should do.
    pub verdict: Verdict,
    /// The process.
    pub server: ServerStatus,
    /// Whether clients should be sent here.
    pub readiness: Readiness,
    /// The listeners that encrypt, and their certificates.
    pub encryption: EncryptionStatus,
    /// The config.
    pub config: ConfigStatus,
    /// Every hosted zone.
    pub zones: Vec<ZoneStatus>,
    /// Every zone that `[feed]` has made of them, for secondaries alone.
    pub derived: Vec<DerivedStatus>,
    /// True if geo codes are yet to be learnt from lists: until one was read, the zones of all of them are SERVFAIL.
    pub no_list_read: bool,
    /// Every source, in the order of the config.
    pub sources: Vec<SourceStatus>,
    /// The live sources among them: what was read from Azure last.
    pub live: Vec<LiveReport>,
    /// The sync.
    pub sync: SyncStatus,
    /// The last changes of records, the newest first.
    pub changes: Vec<AppliedChange>,
    /// Every upstream in use.
    pub upstreams: Vec<UpstreamStatus>,
    /// Every group of upstreams: the default one and one for each rule.
    pub groups: Vec<GroupStatus>,
    /// Every peer that may have zones of ours.
    pub peers: Vec<PeerStatus>,
    /// The cache of forwarded answers.
    pub cache: CacheStatus,
    /// Queries and answers since the start.
    pub queries: QueryStatus,
    /// Queries over the last half hour.
    pub traffic: Traffic,
    /// Names that clients asked for in vain.
    pub recent: Recent,
}

impl Status {
    /// The last pass, if there was one.
    pub fn pass(&self) -> Option<&PassStatus> {
        self.sync.pass.as_ref()
    }

    /// The present time that a pass, or a reading of zones, has taken so far, if one runs.
    pub fn running_s(&self) -> Option<u64> {
        self.sync.running_since.map(|since| self.at.saturating_sub(since))
    }
}

/// The process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerStatus {
    /// The name of the host.
    pub host: String,
    /// Of the program.
    pub version: String,
    /// The commit that it was built from; empty if that is not known.
    pub revision: String,
    /// The compiler that built it; empty if that is not known.
    pub rustc: String,
    /// Its process.
    pub pid: u32,
    /// When it started.
    pub started: u64,
    /// The addresses that it answers on.
    pub listen: Vec<String>,
    /// The addresses of the admin listener and of the probe listener.
    pub admin: Vec<String>,
    /// The reasons why one of them is not open; queries are answered all the same.
    pub admin_failed: Vec<Diagnostic>,
    /// The addresses that it listens on and that this machine does not have.
    pub absent: Vec<Diagnostic>,
    /// Requests to both: `requests`, and among them `refused`; connections that were `displaced` by others.
    pub admin_counts: Counts,
    /// What the process uses of the machine; `None` where the system does not say.
    pub process: Option<ProcessStatus>,
}

/// What the process uses of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProcessStatus {
    /// Octets of memory in RAM.
    pub resident_bytes: u64,
    /// Octets of address space.
    pub virtual_bytes: u64,
    /// Time on all cores, user and system.
    pub cpu_s: f64,
    /// Open descriptors.
    pub open_fds: u64,
    /// Descriptors that may be open.
    pub max_fds: u64,
    /// Threads.
    pub threads: u64,
}

/// Whether clients should be sent here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "the keys of the JSON, each a fact of its own")]
pub struct Readiness {
    /// True if queries are answered, every hosted zone from a good copy, and the server is not about to stop.
    pub ready: bool,
    /// True once queries are answered.
    pub answering: bool,
    /// True from the signal to stop on; queries are still answered.
    pub draining: bool,
    /// True while this machine has none of the addresses of `listen`.
    pub unreachable: bool,
    /// The zones without a good copy: their names are SERVFAIL.
    pub servfail: Vec<String>,
    /// When the daemon's loop last turned. It turns each second.
    pub last_beat: u64,
}

impl Readiness {
    /// The time without a turn of the loop after which it counts as stuck, seconds.
    pub const STUCK_S: u64 = 10;

    /// Whether the daemon's loop turns: `at` is the time of the status.
    pub fn is_alive(&self, at: u64) -> bool {
        at.saturating_sub(self.last_beat) < Self::STUCK_S
    }
}

/// The config.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigStatus {
    /// Its file.
    pub file: String,
    /// When the config in service was taken.
    pub taken: u64,
    /// When it was last read, taken or not.
    pub read: u64,
    /// The problems that keep the newest config out of service; empty if there are none.
    pub problems: Vec<Diagnostic>,
    /// The changes that take effect at the next start.
    pub waits_for_restart: Vec<Diagnostic>,
}

/// One hosted zone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ZoneStatus {
    /// Its name, without the final dot.
    pub zone: String,
    /// The view whose own part of the zone this is; none for the base.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<ViewName>,
    /// Its serial; `None` while no good copy has been read: then its names are SERVFAIL.
    pub serial: Option<u32>,
    /// Its records.
    pub records: usize,
    /// A number of 53 bits for its records without SOA, the NS of its apex, and TTLs: servers that say the same have
    /// the same. `None` while no good copy has been read.
    pub contents: Option<u64>,
    /// True if sync writes it.
    pub managed: bool,
    /// What happens to a name that it lacks.
    pub on_miss: OnMiss,
    /// Questions for names that it lacks: a client may have gone public for each.
    pub misses: u64,
    /// The reasons why it differs from its file; empty if it does not.
    pub degraded: Vec<Diagnostic>,
    /// Records that sync changed since the start.
    pub changed: ChangeCounts,
}

impl ZoneStatus {
    /// What a person calls it: as its file lies below `zone_dir`. In a view: `spoke-a/z.example`.
    pub fn id(&self) -> String {
        self.view.as_ref().map_or_else(|| self.zone.clone(), |view| format!("{view}/{}", self.zone))
    }

    /// Whether what is served is what its file has.
    pub(crate) fn is_well(&self) -> bool {
        self.serial.is_some() && self.degraded.is_empty()
    }
}

/// One zone for secondaries alone, made of the others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DerivedStatus {
    /// Its name, without the final dot.
    pub zone: String,
    /// Its serial; `None` while it has not been made.
    pub serial: Option<u32>,
    /// Its records.
    pub records: usize,
    /// The reasons why it is not what the other zones say; empty if it is.
    pub degraded: Vec<Diagnostic>,
}

/// One source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceStatus {
    /// Its name in the config.
    pub name: String,
    /// The view that it feeds and nobody else; none for the base.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<ViewName>,
    /// Where its lists come from.
    pub kind: SourceKind,
    /// The file or glob, or the folder that its lists are written to.
    pub path: String,
    /// When the oldest of its lists was last read whole; `None` if it gives nothing.
    pub last_good: Option<u64>,
    /// When the newest of its lists was changed; `None` if that is not known.
    pub modified: Option<u64>,
    /// The entries of its lists, names times addresses.
    pub entries: usize,
    /// The problems of the last pass.
    pub errors: Vec<Diagnostic>,
}

/// Where the lists of a source come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// People or their tools write them.
    #[default]
    File,
    /// This server reads them from Azure.
    Azure,
}

/// The cache of forwarded answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CacheStatus {
    /// Entries.
    pub entries: usize,
    /// Entries that it may have.
    pub max_entries: usize,
    /// Questions that were looked for in it.
    pub requests: u64,
    /// Those that it had an answer to, in time.
    pub hits: u64,
    /// Those that were answered past their time because upstreams failed (RFC 8767).
    pub stale: u64,
    /// Entries that made room for others.
    pub evictions: u64,
}

/// Names that clients asked for in vain, kept in memory alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recent {
    /// True if they are kept.
    pub enabled: bool,
    /// The last of them, the newest first.
    pub entries: Vec<RecentEntry>,
    /// Those that came too fast to be kept.
    pub unrecorded: u64,
}

/// A name that clients of one network asked for in vain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecentEntry {
    /// Why.
    pub kind: RecentKind,
    /// The name, in lower case, without the final dot.
    pub name: String,
    /// The type that was asked for.
    #[serde(rename = "type")]
    pub rtype: String,
    /// The network of the client: an IPv4 /24 or an IPv6 /56.
    pub network: String,
    /// The client's view; none for the base.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<ViewName>,
    /// How often.
    pub count: u64,
    /// The first time.
    pub first: u64,
    /// The last time.
    pub last: u64,
}

/// How many there are in each of the ranges between bounds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Histogram {
    /// The upper ends of the ranges, seconds, each included; the last range has none.
    pub bounds_s: Vec<f64>,
    /// The number in each range: one more than there are bounds.
    pub counts: Vec<u64>,
    /// The sum of all, seconds.
    pub sum_s: f64,
}

impl Histogram {
    /// The number in all ranges.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The upper end of the range in which the share lies, seconds; `None` if that is the last range, or there is
    /// nothing.
    pub fn quantile_s(&self, share: f64) -> Option<f64> {
        let (total, mut below) = (self.count(), 0);
        self.counts.iter().zip(&self.bounds_s).find_map(|(count, bound)| {
            below += count;
            #[expect(clippy::cast_precision_loss, reason = "a share of counts needs no more than 52 bits")]
            let is_there = total > 0 && below as f64 >= share * total as f64;
            is_there.then_some(*bound)
        })
    }
}

/// Counters by name.
pub type Counts = BTreeMap<String, u64>;

#[cfg(test)]
mod tests;
