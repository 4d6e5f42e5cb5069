//! What the end-to-end tests share: the real binary in a folder of its own, a scripted upstream, a small DNS
//! client, and case files. Nothing here leaves 127.0.0.0/8 and `::1`, and every port comes from the kernel.
#![allow(dead_code, reason = "each test binary uses its own part of this folder")]

pub(crate) mod answers;
pub(crate) mod burst;
pub(crate) mod casefile;
pub(crate) mod client;
pub(crate) mod expect;
pub(crate) mod prober;
pub(crate) mod record;
pub(crate) mod reply;
pub(crate) mod runner;
pub(crate) mod script;
pub(crate) mod server;
pub(crate) mod site;
pub(crate) mod upstream;

use std::time::{Duration, Instant};

/// How long a test waits for something that should happen soon. It ends a test that hangs, and says nothing about how
/// fast anything is: machines that run tests are busy.
pub(crate) const SOON: Duration = Duration::from_mins(1);

/// Whether this machine has `::1`; where it does not, what needs it is skipped loudly.
pub(crate) fn has_ipv6() -> bool {
    let there = std::net::UdpSocket::bind("[::1]:0").is_ok();
    if !there {
        eprintln!("SKIPPED: this machine has no ::1");
    }
    there
}

/// Polls until `done` says yes; panics with `what` when `SOON` is over.
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < SOON, "waited {SOON:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a diagnostic of `status --json` is about this line of a file with this name.
pub(crate) fn is_at(diagnostic: &serde_json::Value, file: &str, line: u32) -> bool {
    let place = &diagnostic["place"];
    place["file"].as_str().is_some_and(|path| path.ends_with(file)) && place["line"] == line
}
