//! The promises that must hold for any bytes from outside.
//!
//! In: bytes. Out: nothing, or a panic that names the broken promise. The targets in `fuzz_targets/` pass the bytes;
//! `cargo xtask fuzz` runs them.

pub mod configs;
pub mod control;
pub mod lists;
pub mod messages;
pub mod names;
pub mod paths;
pub mod upstreams;
mod server;
pub mod zones;
