//! The wire to an upstream: sockets, and the bytes on them.
//!
//! In: questions with an upstream's address. Out: what came back, matched with its question. No decision on what to ask next is
//! made here.

mod batch;
pub(crate) mod message;
pub(crate) mod socket;
pub(crate) mod tcp;
pub(crate) mod udp_pool;
