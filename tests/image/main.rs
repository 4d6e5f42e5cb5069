//! The container image, looked into and run: `cargo xtask acceptance image` runs this.
//!
//! In: the archive that `cargo xtask image` made (`IMAGE`, a path). Out: a failure if something is in it that should not
//! be, or if it does not run as Kubernetes, Docker and podman run it. skopeo and umoci unpack it, runc runs it, as root,
//! in networks of its own. A daemon of containers is not needed, and none was tried.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test that cannot go on should say so and stop"
)]

mod container;
mod contents;
mod life;
mod pod;
mod rights;
mod unpacked;
