//! The soak: the real binary for minutes, thousands of questions a second, upstreams that fail at random, and every answer
//! checked. `cargo xtask soak [SECONDS] [sync] [reload]` runs it; the words are what happens meanwhile.
//!
//! In: seconds (`SOAK_SECONDS`), questions a second (`SOAK_QPS`), events (`SOAK_EVENTS`). Out: a line a second, a table at the
//! end, and a failure if an answer was wrong, one is missing, a question is stuck, or memory grew after the warm-up.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test that cannot go on should say so and stop"
)]

#[path = "../support/mod.rs"]
mod support;

mod clients;
mod events;
mod gauge;
mod tally;
mod truth;
mod upstream;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clients::Clients;
use gauge::Gauge;
use support::site::Site;
use support::wait_for;
use tally::Tally;
use truth::Faulted;
use upstream::Upstream;

/// The share of the time after which memory is taken to have its size.
const WARM_UP: f64 = 0.3;

/// How much more memory than after the warm-up is no leak: the allocator's own comings and goings.
const SLACK: f64 = 1.10;

/// From the environment, or this.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
#[ignore = "takes minutes: cargo xtask soak"]
fn nothing_leaks_sticks_or_lies_while_upstreams_fail_at_random() {
    let (seconds, qps) = (number("SOAK_SECONDS", 60), number("SOAK_QPS", 4000));
    let faulted = Arc::new(Faulted::default());
    let upstreams = [0, 1].map(|_| Upstream::start(&faulted));
    let addresses = upstreams.each_ref().map(|upstream| format!("\"{}\"", upstream.address()));
    let mut site = Site::new().with_list("soak.txt", truth::list(0)).with_config(&format!(
        "[forward]\nupstreams = [{}]\ntimeout = \"3s\"\n[cache]\nmax_entries = 20000\n[sync]\ninterval = \"1s\"\n",
        addresses.join(", ")
    ));
    let server = site.start();
    let (tally, stop) = (Arc::new(Tally::default()), Arc::new(AtomicBool::new(false)));
    let clients = Clients::start(server.address(), qps, &faulted, &tally, &stop);
    let mut events = events::Events::from_environment();
    let (start, mut gauges) = (Instant::now(), Vec::new());
    for second in 1..=seconds {
        thread::sleep(Duration::from_secs(second).saturating_sub(start.elapsed()));
        events.happen(second, &mut site, &server);
        let gauge = Gauge::read(server.pid());
        println!("{second:5} s  {}  {gauge}", tally.line());
        gauges.push(gauge);
    }
    stop.store(true, Ordering::Relaxed);
    clients.join();
    let mut open = gauge::open(&site);
    wait_for("nothing is in flight", Duration::from_secs(15), || {
        open = gauge::open(&site);
        open == 0
    });
    let end = Gauge::read(server.pid());
    let after = |share: f64| &gauges[index(share, gauges.len())];
    println!("\n{}", tally.table());
    println!("upstreams          {}", upstreams.each_ref().map(Upstream::line).join("; "));
    println!("at the start       {}\nafter the warm-up  {}", gauges[0], after(WARM_UP));
    println!("in the middle      {}\nat the end         {end}\nin flight          {open}", after(0.5));
    tally.judge();
    let (warm, last) = (after(WARM_UP).resident, end.resident);
    assert!(last <= scaled(warm, SLACK), "memory grew from {warm} to {last} KiB after the warm-up");
    assert!(end.files <= after(WARM_UP).files + 8, "files stay open: {end}");
    server.stop();
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of few"
)]
fn index(share: f64, of: usize) -> usize {
    ((of as f64 * share) as usize).min(of - 1)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "kibibytes")]
fn scaled(number: u64, by: f64) -> u64 {
    (number as f64 * by) as u64
}
