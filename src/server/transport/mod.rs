//! The listeners: where messages come in, and where the bytes of answers go.
//!
//! ```text
//!   listen --> udp (a thread a socket) --> datagrams: recvmmsg, sendmmsg;  late_answers: those that waited for upstreams
//!          '-> accept --> tcp (a task a connection) --> connections: who holds how many;  streams: what they share
//! ```

mod accept;
mod connections;
mod datagrams;
mod descriptors;
mod late_answers;
pub(crate) mod listen;
mod streams;
mod tcp;
mod udp;
