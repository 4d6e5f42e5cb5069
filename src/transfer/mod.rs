//! Floor 2: zones for secondaries (RFC 5936, RFC 1995).
//!
//! Input: the zone that is in service when a secondary asks, and who it is. Output: the messages of the transfer, one
//! after another, as the connection takes them. It touches no socket, and a zone that changes meanwhile changes nothing
//! of a transfer that has begun.

pub(crate) mod board;
pub(crate) mod check;
mod in_service;
mod message;
pub(crate) mod notify;
mod outgoing;
mod peers;
mod places;
mod settings;

pub use in_service::Transfers;
pub(crate) use outgoing::{Granted, MAX_KEPT, Next, Transfer};
pub(crate) use peers::{Requester, Verdict};
pub(crate) use places::{Place, Places};
pub use settings::{Peer, Selector, Settings};
