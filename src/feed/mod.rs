//! Floor 3: the zones that are made of the others, for secondaries.
//!
//! Input: the zones in service. Output: the RPZ feed and the catalog, as zone files that the store loads like any other
//! one. It answers no client.

pub(crate) mod catalog;
pub(crate) mod derived;
mod rpz;
mod unmade;

pub use derived::Settings;
pub(crate) use derived::left_out;
