//! The tools that the end-to-end tests share: the real binary in a folder of its own, its upstreams (hickory-server,
//! and a scripted one for faults), a small DNS client, and case files. Nothing here leaves 127.0.0.0/8 and `::1`, and
//! every port comes from the kernel.
#![allow(dead_code, reason = "each test binary uses its own part of this folder")]

pub(crate) mod azure;
pub(crate) mod burst;
pub(crate) mod casefile;
pub(crate) mod client;
pub(crate) mod expect;
pub(crate) mod https;
pub(crate) mod manager;
pub(crate) mod page;
pub(crate) mod prober;
pub(crate) mod record;
pub(crate) mod reply;
pub(crate) mod runner;
pub(crate) mod server;
pub(crate) mod site;
pub(crate) mod tls;
pub(crate) mod upstream;
pub(crate) mod web;

use std::time::{Duration, Instant};

/// The limit for something that should happen soon. It ends a test that hangs, and says nothing about how fast anything
/// is: machines that run tests are busy.
pub(crate) const SOON: Duration = Duration::from_mins(5);

/// True if this machine has `::1`; if not, a line says that the test is skipped.
pub(crate) fn has_ipv6() -> bool {
    let there = std::net::UdpSocket::bind("[::1]:0").is_ok();
    if !there {
        eprintln!("SKIPPED: this machine has no ::1");
    }
    there
}

/// Polls until `done` returns true; panics with `what` when `SOON` is over.
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < SOON, "waited {SOON:?} for this, which did not happen: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a diagnostic of `status --json` is about this line of a file with this name.
pub(crate) fn is_at(diagnostic: &serde_json::Value, file: &str, line: u32) -> bool {
    let place = &diagnostic["place"];
    place["file"].as_str().is_some_and(|path| path.ends_with(file)) && place["line"] == line
}
