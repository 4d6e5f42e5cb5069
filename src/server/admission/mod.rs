//! Who may ask, how much, and for how long: each decision on a client before its question counts.

pub mod access;
mod buckets;
pub mod cookies;
pub(crate) mod pending;
pub mod rates;
