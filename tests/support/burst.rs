//! Many questions at once from one socket, and all the replies.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use super::client::Ask;
use super::reply::Reply;

/// A client that does not wait for answers.
pub(crate) struct Burst {
    socket: UdpSocket,
    /// The replies so far.
    pub(crate) replies: Vec<Reply>,
}

impl Burst {
    /// A client at this address.
    pub(crate) fn new(from: impl Into<IpAddr>, server: SocketAddr) -> Self {
        let socket = UdpSocket::bind((from.into(), 0)).unwrap();
        socket.connect(server).unwrap();
        Self { socket, replies: Vec::new() }
    }

    /// Sends these.
    pub(crate) fn send(&mut self, asks: impl IntoIterator<Item = Ask>) {
        for ask in asks {
            // A full buffer loses datagrams, as any network does.
            let _sent = self.socket.send(&ask.bytes());
        }
    }

    /// Takes the replies that are there; returns the number of all so far.
    pub(crate) fn take(&mut self) -> usize {
        self.socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        let mut buffer = [0; 4096];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            self.replies.push(Reply::read(buffer[..length].to_vec()).unwrap());
        }
        self.replies.len()
    }

    /// The number of replies that have this RCODE and are whole.
    pub(crate) fn whole(&self, rcode: &str) -> usize {
        self.replies.iter().filter(|reply| reply.rcode == rcode && !reply.truncated()).count()
    }
}
