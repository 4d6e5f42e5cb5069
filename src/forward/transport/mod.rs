//! Transports to upstreams: sockets, and the bytes on them.
//!
//! In: questions with an upstream's address. Out: replies, matched with their questions. Never: a decision about what
//! to ask next.

mod batch;
pub(crate) mod message;
pub(crate) mod socket;
pub(crate) mod tcp;
mod tcp_pool;
pub(crate) mod udp_pool;

use std::io;

use tokio::sync::mpsc;

use tcp::TcpOutcome;
use tcp_pool::TcpPool;
use udp_pool::UdpPool;

/// All sockets towards upstreams.
pub(crate) struct Sockets {
    pub(crate) udp: UdpPool,
    pub(crate) tcp: TcpPool,
}

impl Sockets {
    /// No sockets yet, and the receiver for the outcomes of questions over TCP. Must be called within a tokio runtime.
    pub(crate) fn new() -> io::Result<(Self, mpsc::UnboundedReceiver<TcpOutcome>)> {
        let (tcp, outcomes) = TcpPool::new();
        Ok((Self { udp: UdpPool::new()?, tcp }, outcomes))
    }
}
