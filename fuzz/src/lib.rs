//! What must hold whatever bytes come from outside.
//!
//! In: bytes. Out: nothing, or a panic that says which promise broke. The targets in `fuzz_targets/` hand bytes over;
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
