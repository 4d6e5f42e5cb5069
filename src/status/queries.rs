//! Queries and answers since the start, as counted by the server.

use serde::{Deserialize, Serialize};

use super::model::{Counts, Histogram};

/// Queries and answers since the start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct QueryStatus {
    /// Messages that came in.
    pub received: Vec<Received>,
    /// Answers by transport, reason and response; those that there were.
    pub answers: Vec<AnswerCount>,
    /// Queries by type; rare types are `other`.
    pub types: Counts,
    /// The time from a query to its answer, by what the answer took.
    pub response_times: Vec<ResponseTimes>,
    /// Events by name.
    pub counters: Counts,
    /// Queries that wait for an upstream now.
    pub waiting: usize,
    /// TCP connections that are open now.
    pub connections: usize,
}

impl QueryStatus {
    /// An event's count.
    pub fn counter(&self, name: &str) -> u64 {
        self.counters.get(name).copied().unwrap_or_default()
    }

    /// All answers that `counts` selects.
    pub fn sum(&self, counts: impl Fn(&AnswerCount) -> bool) -> u64 {
        self.answers.iter().filter(|answer| counts(answer)).map(|answer| answer.count).sum()
    }

    /// All messages that came in.
    pub fn total(&self) -> u64 {
        self.received.iter().map(|received| received.count).sum()
    }
}

/// Messages of one transport and address family.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Received {
    /// `udp` or `tcp`.
    pub transport: String,
    /// `ipv4` or `ipv6`.
    pub family: String,
    /// How many.
    pub count: u64,
}

/// Answers of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AnswerCount {
    /// `udp` or `tcp`.
    pub transport: String,
    /// The check or source that decided the answer.
    pub reason: String,
    /// The RCODE, `truncated`, `slipped`, `rate-limited` or `dropped`.
    pub response: String,
    /// The RCODE that the client got, also in an answer that was cut; `None` if it got nothing.
    pub rcode: Option<String>,
    /// Where the answer came from: `zone`, `rechased`, `cache`, `upstream`, `stale`, `synthesized`, `special`,
    /// `refused`, `failed` or `dropped`.
    pub origin: String,
    /// How many.
    pub count: u64,
}

/// The time from a query to its answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResponseTimes {
    /// `zone`, `rechased`, `cache`, `upstream` or `other`.
    pub class: String,
    /// The times.
    pub times: Histogram,
}
