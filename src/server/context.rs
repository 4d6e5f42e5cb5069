//! The context of a request: its client, its transport and its time.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use super::views::ViewIndex;
use crate::dns::{Query, UDP_PAYLOAD};

/// The transport of a message. What a transport allows is decided here and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// A datagram.
    Udp,
    /// A stream: messages of up to 65,535 octets.
    Tcp,
    /// The same, encrypted (RFC 7858).
    Tls,
    /// Requests of HTTP/2, each with one message of up to 65,535 octets (RFC 8484).
    Https,
}

impl Transport {
    /// All transports, by [`Transport::index`].
    pub(crate) const ALL: [Self; 4] = [Self::Udp, Self::Tcp, Self::Tls, Self::Https];

    /// The transport's index in tables.
    pub(crate) fn index(self) -> usize {
        self as usize
    }

    /// The word for it in JSON and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Https => "https",
        }
    }

    /// Whether the client's address is proven: a handshake reached it.
    pub(crate) fn proves_address(self) -> bool {
        self != Self::Udp
    }

    /// Whether messages follow one another on a connection, as keepalive (RFC 7828) and transfers need it.
    pub(crate) fn is_stream(self) -> bool {
        match self {
            Self::Udp | Self::Https => false,
            Self::Tcp | Self::Tls => true,
        }
    }

    /// Whether nobody on the way can read the message, but only see its length.
    pub(crate) fn is_encrypted(self) -> bool {
        match self {
            Self::Udp | Self::Tcp => false,
            Self::Tls | Self::Https => true,
        }
    }

    /// The longest answer that the client accepts, octets.
    pub(crate) fn max_answer(self, query: &Query<'_>) -> usize {
        let payload = match (self, &query.edns) {
            (Self::Tcp | Self::Tls | Self::Https, _) => u16::MAX,
            // RFC 6891 section 6.2.3: less than 512 counts as 512.
            (Self::Udp, Some(edns)) => edns.payload.clamp(512, UDP_PAYLOAD),
            (Self::Udp, None) => 512,
        };
        payload.into()
    }
}

/// The addresses of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    /// The client's.
    pub(crate) client: SocketAddr,
    /// The one that the listener listens on.
    pub(crate) local: SocketAddr,
}

/// What a message came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) transport: Transport,
    /// The address that it listens on.
    pub(crate) address: SocketAddr,
    /// Whether it is TLS as zone transfers have to have it.
    pub(crate) is_xot: bool,
}

impl Listener {
    /// The address of the plain listener that has the same clients: an encrypted one has a port of its own, and belongs
    /// to the view of its address.
    pub(crate) fn plain(self) -> SocketAddr {
        match self.transport {
            Transport::Udp | Transport::Tcp => self.address,
            Transport::Tls | Transport::Https => SocketAddr::new(self.address.ip(), 0),
        }
    }
}

/// The context of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestContext {
    pub(crate) client: SocketAddr,
    pub(crate) transport: Transport,
    /// Whether it is TLS as RFC 9103 section 7 demands it of zone transfers: version 1.3, and the protocol `dot`
    /// chosen.
    pub(crate) is_xot: bool,
    /// The view that the client gets.
    pub(crate) view: ViewIndex,
    pub(crate) at: Instant,
}

impl RequestContext {
    /// The client's address without its port.
    pub(crate) fn ip(&self) -> IpAddr {
        self.client.ip()
    }
}
