//! Floor 3: what secondaries get: the zones that follow from the others.
//!
//! Input: the zones in service. Output: the RPZ feed and the catalog, as zone files that the store loads like any other
//! one. It answers no client.

pub(crate) mod catalog;
pub(crate) mod derived;
pub(crate) mod feed;
mod unmade;

pub use derived::Settings;
pub(crate) use derived::left_out;
