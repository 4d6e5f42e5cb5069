//! The soak: the real binary for minutes, thousands of questions a second, upstreams that fail at random, and every
//! answer checked. `cargo xtask soak [SECONDS] [sync] [reload] [kill]` runs it; the words are events (`events.rs`).
//!
//! In: seconds (`SOAK_SECONDS`), questions a second (`SOAK_QPS`), events (`SOAK_EVENTS`). Out: a line a second, a table
//! at the end, and a failure if an answer was wrong, one is missing, a question is stuck, or memory grew after the
//! warm-up.
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
mod kills;
mod lives;
mod tally;
mod truth;
mod upstream;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clients::Clients;
use events::{Events, World};
use kills::Kills;
use lives::Lives;
use support::site::Site;
use support::wait_until;
use tally::Tally;
use truth::{Faulted, LIST};
use upstream::Upstream;

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
    let site = Site::new().with_list(LIST, truth::list(0)).with_config(&format!(
        "[forward]\nupstreams = [{}]\ntimeout = \"3s\"\n[cache]\nmax_entries = 20000\n[sync]\ninterval = \"1s\"\n",
        addresses.join(", ")
    ));
    let server = site.start();
    let (tally, outages, stop) = (Arc::new(Tally::default()), Arc::default(), Arc::new(AtomicBool::new(false)));
    let clients = Clients::start(server.address(), qps, &faulted, &tally, &outages, &stop);
    let mut world = World { site, server, outages, kills: Kills::default() };
    let mut events = Events::from_environment();
    let (start, mut lives) = (Instant::now(), Lives::default());
    for second in 1..=seconds {
        thread::sleep(Duration::from_secs(second).saturating_sub(start.elapsed()));
        events.happen(second, &mut world);
        let gauge = lives.read(world.server.pid());
        println!("{second:5} s  {}  {gauge}", tally.line());
    }
    stop.store(true, Ordering::Relaxed);
    clients.join();
    let mut open = gauge::open(&world.site);
    wait_until("nothing is in flight", || {
        open = gauge::open(&world.site);
        open == 0
    });
    lives.read(world.server.pid());
    println!("\n{}", tally.table());
    println!("upstreams          {}", upstreams.each_ref().map(Upstream::line).join("; "));
    println!("{lives}in flight          {open}\n{:?}", world.kills);
    tally.judge();
    lives.judge();
    world.server.stop();
}
