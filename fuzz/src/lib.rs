//! The promises that must hold for any bytes from outside.
//!
//! In: bytes. Out: nothing, or a panic that names the broken promise. The targets in `fuzz_targets/` pass the bytes;
//! `cargo xtask fuzz` runs them.

pub mod admin;
pub mod configs;
pub mod control;
pub mod doh;
pub mod lists;
/// Lists that are made and read twice, as in the property tests.
#[path = "../../tests/support/lists/mod.rs"]
mod made;
pub mod messages;
pub mod names;
pub mod pages;
pub mod paths;
mod server;
pub mod signatures;
pub mod tokens;
pub mod transfers;
pub mod upstreams;
pub mod views;
pub mod zones;
