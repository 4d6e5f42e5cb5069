//! The package in booted containers of Debian: `cargo xtask acceptance package` runs it.
//!
//! In: two packages of one binary with rising versions (`PACKAGE` and `PACKAGE_NEXT`, paths of `.deb` files). Out: what
//! `apt` and `systemctl` did, with a stopwatch, and a failure if a query was lost or a file of somebody else's changed.
//! Needs root, systemd-nspawn, debootstrap and Debian's packages; the containers have a network of their own, with
//! nothing but a loopback interface.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test that cannot go on should say so and stop"
)]

mod account;
mod cloud_init;
mod container;
mod install;
mod life;
mod load;
mod machine;
mod upstream;
