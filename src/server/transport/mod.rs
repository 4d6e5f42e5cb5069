//! The transports: sockets that receive messages and send the bytes of answers.
//!
//! ```text
//!   kept (sockets of the process before)
//!     v
//!   listen --> udp (a thread a socket) --> datagrams: recvmmsg, sendmmsg;  late_answers: outcomes of upstreams
//!          '-> accept --> tcp (a task a connection) --> connections: count per owner;  streams: shared state
//!                  |      ^                             returned: queries whose client is busy with earlier answers
//!                  '-> tls (threads of their own) --> handshakes: count per network
//!                         '-> https (HTTP/2 on top)
//! ```

mod accept;
mod client_stream;
mod connections;
mod datagrams;
mod descriptors;
mod handshakes;
pub(crate) mod https;
pub(crate) mod kept;
mod late_answers;
pub(crate) mod listen;
mod reply_to;
mod returned;
mod streams;
mod tcp;
mod tls;
mod transfers;
mod udp;
