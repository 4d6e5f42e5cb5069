//! The transports: sockets that receive messages and send the bytes of answers.
//!
//! ```text
//!   listen --> udp (a thread a socket) --> datagrams: recvmmsg, sendmmsg;  late_answers: results from upstreams
//!          '-> accept --> tcp (a task a connection) --> connections: count per owner;  streams: shared state
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
