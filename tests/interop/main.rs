//! Other people's tools against the real binary: dig and kdig ask it, Unbound, BIND and dnsmasq forward to it, NSD, Knot and
//! BIND have the same zones, with `PowerDNS` and Knot Resolver they take zones by transfer, the zone checkers read its
//! files, ip gives it a host with many addresses, promtool and Prometheus read its metrics, Chromium shows its page,
//! shells complete its command line, man and mandoc read its manual, systemd judges its unit. A tool that is missing
//! fails the test where `CI=true` is set, and skips it with a line elsewhere.
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

mod authoritative;
mod azure;
mod clients;
mod comparison;
mod completions;
mod differential;
mod edns;
mod encrypted;
mod endurance;
mod feed;
mod forwarders;
mod listen;
mod man;
mod middle;
mod multihomed;
mod network;
mod no_route;
mod page;
mod prometheus;
mod resolvers;
mod rules;
mod secondaries;
mod tool;
mod unit;
mod views;
mod world;
mod zonefiles;
