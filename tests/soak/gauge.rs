//! What the process under test holds: memory, files, questions in flight.

use std::fmt;

use nix::unistd::Pid;

use crate::support::site::Site;

/// One reading.
#[derive(Clone, Copy)]
pub(crate) struct Gauge {
    /// KiB.
    pub(crate) resident: u64,
    pub(crate) files: usize,
    pub(crate) threads: u64,
}

impl Gauge {
    pub(crate) fn read(pid: Pid) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let number = |key: &str| {
            let line = status.lines().find(|line| line.starts_with(key));
            line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or_default()
        };
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
        Self { resident: number("VmRSS:"), files, threads: number("Threads:") }
    }
}

impl fmt::Display for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} KiB, {} files, {} threads", self.resident, self.files, self.threads)
    }
}

/// Questions that the server has not answered, or its upstreams not, or that wait for their turn.
pub(crate) fn open(site: &Site) -> u64 {
    let ran = site.run("status", &["--json"]);
    let status: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:#?}"));
    let sum = |list: &str, key: &str| -> u64 {
        status[list].as_array().unwrap().iter().map(|entry| entry[key].as_u64().unwrap()).sum()
    };
    status["pending"].as_u64().unwrap() + sum("upstreams", "in_flight") + sum("groups", "waiting")
}
