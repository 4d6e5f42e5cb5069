//! The messages of the control socket, as types for both ends.
//!
//! Each message is a line of JSON. Durations are in seconds or in the unit that the field's name has, times in RFC
//! 3339. `docs/status-json.md` describes the status for programs.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::diag::Diagnostic;
use crate::sync::live::report::LiveReport;

/// The version of a status: it changes when a key goes or changes its meaning, not when one is added.
pub(crate) const STATUS_VERSION: u32 = 1;

/// A question or an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum ControlRequest {
    /// Forget what is cached about a name, and with `subtree` about all below it.
    Flush {
        name: String,
        #[serde(default)]
        subtree: bool,
    },
    /// Asks for the status.
    Status,
    /// Read the config, lists and zones again.
    Reload,
    /// One pass now.
    Sync,
}

impl ControlRequest {
    /// Reads a line. A JSON object and nothing else: serde alone would take `["status"]` for one too.
    pub(crate) fn read(line: &[u8]) -> serde_json::Result<Self> {
        let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(line)?;
        serde_json::from_value(fields.into())
    }
}

/// The server's reply.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ControlReply {
    /// The number of answers that were forgotten.
    Flushed(usize),
    Status(Box<Status>),
    /// A pass was made.
    Passed(PassStatus),
    /// It was not done, and why.
    Refused(Vec<Diagnostic>),
}

/// All that `status` shows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Status {
    /// [`STATUS_VERSION`]; 0 from a server that had none.
    #[serde(default)]
    pub(crate) form_version: u32,
    /// Of the program.
    pub(crate) version: String,
    pub(crate) pid: u32,
    pub(crate) uptime_s: u64,
    pub(crate) config: String,
    /// The problems that keep the newest config out of service; empty if there are none.
    pub(crate) config_problems: Vec<Diagnostic>,
    /// The changes of the config that take effect at the next start.
    pub(crate) waits_for_restart: Vec<Diagnostic>,
    pub(crate) listen: Vec<String>,
    /// Zones without a good copy: their names are SERVFAIL.
    pub(crate) servfail: Vec<String>,
    /// True if geo codes are yet to be learnt from lists: until one was read, the zones of all of them are in
    /// `servfail`.
    pub(crate) no_list_read: bool,
    pub(crate) zones: Vec<ZoneStatus>,
    pub(crate) sources: Vec<SourceStatus>,
    /// The live sources among them: what was read from Azure last.
    #[serde(default)]
    pub(crate) live: Vec<LiveReport>,
    /// The time that the present pass or reading of zones has taken so far; none if none runs.
    pub(crate) task_running_s: Option<u64>,
    /// The last pass; none before the first.
    pub(crate) pass: Option<PassStatus>,
    pub(crate) last_good_pass: Option<String>,
    /// The number of passes by their result.
    pub(crate) passes: BTreeMap<String, u64>,
    pub(crate) upstreams: Vec<UpstreamStatus>,
    pub(crate) groups: Vec<GroupStatus>,
    pub(crate) cache: CacheStatus,
    /// Queries that wait for an upstream now.
    pub(crate) pending: usize,
    /// TCP connections that are open now.
    pub(crate) connections: usize,
    pub(crate) counters: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ZoneStatus {
    pub(crate) zone: String,
    /// None while no good copy has been read.
    pub(crate) serial: Option<u32>,
    pub(crate) records: usize,
    /// True if sync writes it.
    pub(crate) managed: bool,
    pub(crate) on_miss: String,
    /// Questions for names that it lacks: a client may have gone public for each.
    pub(crate) misses: u64,
    /// The reasons why it differs from its file; empty if it does not.
    pub(crate) degraded: Vec<Diagnostic>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SourceStatus {
    pub(crate) name: String,
    pub(crate) path: String,
    /// The time when the oldest of its lists was read; none if it gives nothing.
    pub(crate) last_good: Option<String>,
    /// The entries of its lists, names times addresses.
    pub(crate) entries: usize,
    /// The errors of the last pass.
    pub(crate) errors: Vec<Diagnostic>,
}

/// One sync pass.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PassStatus {
    pub(crate) at: String,
    pub(crate) outcome: PassResult,
    /// The zones written and their new serials.
    pub(crate) written: BTreeMap<String, u32>,
    pub(crate) held: Option<HeldStatus>,
    pub(crate) errors: Vec<Diagnostic>,
    pub(crate) warnings: Vec<Diagnostic>,
    pub(crate) conflicts: Vec<Diagnostic>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PassResult {
    Unchanged,
    Written,
    /// The guard holds a part of the plan back.
    Held,
    /// A source is missing or bad: its last good lists stand in for it.
    Incomplete,
    /// The disk failed.
    Failed,
}

impl fmt::Display for PassResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unchanged => "unchanged",
            Self::Written => "written",
            Self::Held => "held",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
        })
    }
}

/// The changes that wait for consent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HeldStatus {
    /// None where no consent helps.
    pub(crate) digest: Option<String>,
    /// The reasons, zone by zone.
    pub(crate) reasons: Vec<Diagnostic>,
    /// The exact command to approve it, or what to fix.
    pub(crate) what_to_do: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct UpstreamStatus {
    pub(crate) address: String,
    /// `up`, `down` or `looping`.
    pub(crate) state: String,
    pub(crate) round_trip_ms: Option<f64>,
    pub(crate) in_flight: u64,
    pub(crate) without_edns: bool,
    pub(crate) without_case: bool,
    pub(crate) counts: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct GroupStatus {
    pub(crate) suffix: String,
    pub(crate) asked: u64,
    pub(crate) shared: u64,
    pub(crate) overloaded: u64,
    pub(crate) timeouts: u64,
    pub(crate) failures: u64,
    pub(crate) waiting: u64,
    /// The reasons why entries of `upstreams` are not in use.
    #[serde(default)]
    pub(crate) absent: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CacheStatus {
    pub(crate) entries: usize,
    pub(crate) max_entries: usize,
}
