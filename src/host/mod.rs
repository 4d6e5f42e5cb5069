//! Floor 1: what this machine says of its own sockets and addresses, for the server that starts and for `doctor`.
//!
//! Input: proc(5), and what the kernel lets be bound. Output: facts, and the cures for a port that is taken. Nothing is
//! changed here.

pub(crate) mod addresses;
pub(crate) mod ports;
