//! The listeners: where messages come in and where the bytes of answers go.

pub(crate) mod connections;
mod datagrams;
mod descriptors;
mod late_answers;
pub mod listen;
pub mod tcp;
mod udp;
