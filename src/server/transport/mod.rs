//! The transports: sockets that receive messages and send the bytes of answers.
//!
//! ```text
//!   listen --> udp (a thread a socket) --> datagrams: recvmmsg, sendmmsg;  late_answers: those that waited
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
