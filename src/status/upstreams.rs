//! Upstreams and their groups.

use serde::{Deserialize, Serialize};

use super::model::{Counts, Histogram};
use crate::forward::State;

/// One upstream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpstreamStatus {
    /// Its address and port.
    pub address: String,
    /// Whether it is usable.
    pub state: State,
    /// Since when; `None` if that is since the start.
    pub since: Option<u64>,
    /// The smoothed round trip, once measured.
    pub round_trip_ms: Option<f64>,
    /// Questions that it has not answered yet.
    pub in_flight: u64,
    /// True if it is asked without EDNS because it does not support it.
    pub without_edns: bool,
    /// True if it is asked in lower case because it does not keep the case.
    pub without_case: bool,
    /// True if it is asked without AD because it does not answer otherwise.
    pub without_ad: bool,
    /// Its last error, if it ever had one.
    pub last_error: Option<UpstreamError>,
    /// Failures by reason: `timeout`, `unreachable`, `malformed`, `spoof`, `loop`, `tcp`.
    pub failures: Counts,
    /// Round trips of accepted answers.
    pub round_trips: Histogram,
    /// Its counters.
    pub counts: Counts,
}

impl UpstreamStatus {
    /// True if it answers, or has not been asked.
    pub fn is_up(&self) -> bool {
        self.state == State::Up
    }

    /// A counter.
    pub fn counter(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or_default()
    }
}

/// An error of an upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpstreamError {
    /// When.
    pub at: u64,
    /// `timeout`, `unreachable`, `refused-by-icmp`, `malformed`, `spoof`, `loop` or `tcp`.
    pub kind: String,
    /// What happened.
    pub text: String,
}

/// One group of upstreams.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupStatus {
    /// The names that it is asked for: those at or below this suffix.
    pub suffix: String,
    /// Questions asked of it.
    pub asked: u64,
    /// Questions that joined an equal one in flight.
    pub shared: u64,
    /// Questions that never got a free slot.
    pub overloaded: u64,
    /// Questions that no upstream answered in time.
    pub timeouts: u64,
    /// Questions that failed for another reason.
    pub failures: u64,
    /// Questions that wait for a free slot now.
    pub waiting: u64,
    /// The reasons why entries of `upstreams` are not in use.
    pub absent: Vec<String>,
}
