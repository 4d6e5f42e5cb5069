//! End-to-end tests: the real binary on ports from the kernel. Its upstream is hickory-server, or a scripted one where
//! faults matter.
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

mod admin;
mod amplification;
mod azure;
mod azure_verbs;
mod cases;
mod check_json;
mod cli;
mod config;
mod consent;
mod control;
mod crash;
mod disk;
mod docs;
mod doctor;
mod encrypted;
mod explain;
mod feed;
mod freeze;
mod guard;
mod hangs;
mod harness;
mod hostile;
mod https;
mod limits;
mod lists;
mod live;
mod log;
mod man;
mod networks;
mod odd_upstreams;
mod options;
mod overload;
mod packaging;
mod peers;
mod plan_json;
mod restart;
mod sample;
mod service;
mod signals;
mod startup;
mod tcp;
mod transfers;
mod undo;
mod upstream_tcp;
mod upstreams;
mod version;
mod views;
