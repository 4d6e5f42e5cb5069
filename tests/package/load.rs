//! dnsperf at a steady rate beside a server that restarts.

use std::fs;
use std::process::{Child, Stdio};

use crate::container::Container;

/// Queries a second.
const RATE: u32 = 2000;

/// A load that runs.
pub(crate) struct Load {
    dnsperf: Child,
}

/// The outcome.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) sent: u64,
    pub(crate) lost: u64,
}

impl Load {
    /// Starts to ask for these names, from 127.0.0.1 and over UDP, for this many seconds.
    pub(crate) fn start(container: &Container, names: &[&str], seconds: u32) -> Self {
        let file = container.root().join("root/queries");
        let lines: Vec<String> = names.iter().map(|name| format!("{name} A\n")).collect();
        fs::write(&file, lines.concat()).unwrap();
        // Sixteen sockets: they spread over the workers of the server. A query is lost after five seconds.
        let dnsperf = container
            .in_network("dnsperf")
            .args(["-s", "127.0.0.1", "-p", "53", "-c", "16", "-q", "20000", "-t", "5"])
            .args(["-Q", &RATE.to_string(), "-l", &seconds.to_string(), "-d"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self { dnsperf }
    }

    /// Waits for the end; all queries of the time must have been sent.
    pub(crate) fn end(self, seconds: u32) -> Outcome {
        let output = self.dnsperf.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let number = |key: &str| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(key)).unwrap_or_else(|| panic!("{text}"));
            line.split_whitespace().next().unwrap().parse::<u64>().unwrap()
        };
        let outcome = Outcome { sent: number("Queries sent:"), lost: number("Queries lost:") };
        println!("{} queries sent at {RATE} a second, {} lost", outcome.sent, outcome.lost);
        assert!(outcome.sent >= u64::from(RATE * (seconds - 1)), "the load was too low to say anything: {text}");
        outcome
    }
}
