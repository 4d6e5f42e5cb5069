//! Floor 4: how the server is, as one value.
//!
//! ```text
//!   daemon: passes, readings, config, beats --+
//!   sync::live: reads from Azure -------------+--> Board ---> Status ---> control: status, status --json
//!   server: counters, zones, upstreams -------+    (gathers)  (model)    admin: /metrics /ready /health /status.json
//!                                                                        and the page
//! ```
//! In: findings and counters. Out: a [`Status`]. Never: a socket, a file, or a decision about zones. A rendering looks
//! at the [`Status`] and nowhere else.

mod board;
pub mod encryption;
mod gather;
mod listeners;
pub mod model;
pub mod peers;
pub mod queries;
pub mod sync;
pub mod traffic;
pub mod upstreams;
pub mod verdict;
pub(crate) mod views;

pub(crate) use board::{Board, seconds};
pub(crate) use encryption::EncryptionStatus;
pub(crate) use gather::{Degraded, degraded, upstreams as upstreams_now};
pub use model::Status;
pub use upstreams::UpstreamStatus;
