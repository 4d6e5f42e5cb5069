//! Readings of the process under test: memory, files, questions in flight.

use std::fmt;

use nix::unistd::Pid;

use crate::support::server::process_status;
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
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
        Self { resident: process_status(pid, "VmRSS"), files, threads: process_status(pid, "Threads") }
    }
}

impl fmt::Display for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} KiB, {} files, {} threads", self.resident, self.files, self.threads)
    }
}

/// Questions that the server has not answered, or its upstreams not, or that wait for their turn.
pub(crate) fn open(site: &Site) -> u64 {
    let status = site.status();
    let sum = |list: &str, key: &str| -> u64 {
        status[list].as_array().unwrap().iter().map(|entry| entry[key].as_u64().unwrap()).sum()
    };
    status["queries"]["waiting"].as_u64().unwrap() + sum("upstreams", "in_flight") + sum("groups", "waiting")
}
