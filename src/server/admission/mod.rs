//! Admission: the clients that may ask, how much, and how many at a time. Each decision comes before the question
//! counts.

pub mod access;
mod buckets;
pub mod cookies;
pub(crate) mod pending;
pub mod rates;
