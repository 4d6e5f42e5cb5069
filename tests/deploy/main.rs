//! What `deploy/` has for other people's systems, read by other people's checkers: manifests, templates, scripts.
//!
//! In: the files of `deploy/`, and the checkers that `.ci/tools deploy` puts into `target/deploy-tools`. Out: a failure
//! for a file that a checker refuses, and for a checker that does not see a mistake made on purpose. A checker that is
//! missing fails the test where `CI=true` is set, and skips it with a line elsewhere. Nothing here touches a network.
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

mod azure;
mod checkers;
mod encrypted;
mod kubernetes;
#[path = "../interop/tool.rs"]
#[allow(dead_code, reason = "shared with the interop tests, which use more of it")]
mod tool;
mod windows;
