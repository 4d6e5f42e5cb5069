//! Sockets that were kept over a restart: which of them the server goes on with.
//!
//! In: the sockets that the service manager hands over, and the addresses of each `listen`. Out: the sockets for each
//! address; all others are closed, because a socket that nobody reads from takes queries and answers none. `listen`
//! alone says where the server listens: a kept socket adds no address.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::AsFd;

use rustix::net::sockopt::socket_cookie;
use socket2::SockRef;

use crate::tls::Protocol;

/// The addresses to listen on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenAddresses {
    /// UDP and TCP.
    pub dns: Vec<SocketAddr>,
    /// DNS over TLS.
    pub dot: Vec<SocketAddr>,
    /// DNS over HTTPS.
    pub doh: Vec<SocketAddr>,
}

impl ListenAddresses {
    /// All of them, those of DNS first.
    pub(crate) fn all(&self) -> Vec<SocketAddr> {
        [&self.dns[..], &self.dot, &self.doh].concat()
    }

    /// Those of protocols on top of TLS.
    pub(crate) fn encrypted(&self) -> impl Iterator<Item = (Protocol, SocketAddr)> {
        let dot = self.dot.iter().map(|address| (Protocol::Dot, *address));
        dot.chain(self.doh.iter().map(|address| (Protocol::Http2, *address)))
    }
}

/// The sockets that the service manager kept.
#[derive(Default)]
pub struct KeptSockets {
    udp: Vec<UdpSocket>,
    tcp: Vec<TcpListener>,
}

/// Kept sockets that the server goes on with.
pub struct Adopted {
    addresses: Vec<(SocketAddr, AdoptedPair)>,
}

/// The sockets of one address; either part may lack.
#[derive(Default)]
pub(super) struct AdoptedPair {
    pub(super) udp: Vec<UdpSocket>,
    pub(super) tcp: Option<TcpListener>,
}

/// The facts that decide about a kept socket.
#[derive(Clone, Copy, Debug)]
struct Found {
    /// The local address; `None` if it has none or is of no use for other reasons.
    local: Option<SocketAddr>,
    /// The kernel's number for the socket: one socket may be handed over twice.
    cookie: Option<u64>,
}

impl KeptSockets {
    /// UDP sockets, and TCP sockets that listen.
    pub fn new(udp: Vec<UdpSocket>, tcp: Vec<TcpListener>) -> Self {
        Self { udp, tcp }
    }

    /// Chooses those that the addresses need, up to `workers` UDP sockets for each of DNS, and closes the rest. Returns
    /// the local addresses of those that were closed, as text for the log.
    pub fn adopt(self, listen: &ListenAddresses, workers: usize) -> (Adopted, Vec<String>) {
        let streams = listen.all();
        let mut addresses: Vec<_> = streams.iter().map(|address| (*address, AdoptedPair::default())).collect();
        let mut closed = Vec::new();
        let udp: Vec<Found> = self.udp.iter().map(|socket| look(socket, socket2::Protocol::UDP)).collect();
        let places = assign(&udp, &listen.dns, workers.max(1));
        for ((socket, place), found) in self.udp.into_iter().zip(places).zip(udp) {
            match place {
                Some(place) => addresses[place].1.udp.push(socket),
                None => closed.push(shown("UDP", found)),
            }
        }
        let tcp: Vec<Found> = self.tcp.iter().map(|socket| look(socket, socket2::Protocol::TCP)).collect();
        let places = assign(&tcp, &streams, 1);
        for ((socket, place), found) in self.tcp.into_iter().zip(places).zip(tcp) {
            match place {
                Some(place) => addresses[place].1.tcp = Some(socket),
                None => closed.push(shown("TCP", found)),
            }
        }
        (Adopted { addresses }, closed)
    }
}

impl Adopted {
    /// None at all.
    pub fn none() -> Self {
        Self { addresses: Vec::new() }
    }

    /// The number of sockets.
    pub fn count(&self) -> usize {
        self.addresses.iter().map(|(_, pair)| pair.udp.len() + usize::from(pair.tcp.is_some())).sum()
    }

    /// The sockets of this address, once.
    pub(super) fn take(&mut self, address: SocketAddr) -> AdoptedPair {
        let pair = self.addresses.iter_mut().find(|(this, _)| *this == address);
        pair.map(|(_, pair)| std::mem::take(pair)).unwrap_or_default()
    }
}

fn shown(protocol: &str, found: Found) -> String {
    found.local.map_or_else(|| format!("{protocol} (other)"), |local| format!("{protocol} {local}"))
}

/// Looks at a socket. One that cannot serve an address has none: a connection instead of a listener, ICMP, and an IPv6
/// socket that takes IPv4 too, which cannot be changed after its bind.
fn look(socket: &impl AsFd, protocol: socket2::Protocol) -> Found {
    let options = SockRef::from(socket);
    let is_right = options.protocol().is_ok_and(|found| found == Some(protocol));
    let is_open = match protocol {
        socket2::Protocol::TCP => options.is_listener().unwrap_or(false),
        _ => options.peer_addr().is_err(),
    };
    let local = options.local_addr().ok().and_then(|local| local.as_socket());
    let is_one_family = |local: &SocketAddr| local.is_ipv4() || options.only_v6().unwrap_or(false);
    Found {
        local: local.filter(|local| is_right && is_open && is_one_family(local)),
        cookie: socket_cookie(socket).ok(),
    }
}

/// The place in `listen` of each socket, `most` for each address; `None` for those that are to be closed. Port 0 is
/// any other port at each start, so no kept socket belongs to it.
fn assign(found: &[Found], listen: &[SocketAddr], most: usize) -> Vec<Option<usize>> {
    let mut counts = vec![0_usize; listen.len()];
    let mut seen = Vec::new();
    let mut place = |socket: &Found| {
        let local = socket.local.filter(|local| local.port() != 0)?;
        if socket.cookie.is_some_and(|cookie| seen.contains(&cookie)) {
            return None;
        }
        let place = (0..listen.len()).find(|at| is_same(listen[*at], local) && counts[*at] < most)?;
        counts[place] += 1;
        seen.extend(socket.cookie);
        Some(place)
    };
    found.iter().map(&mut place).collect()
}

/// The flow label of an IPv6 address is no part of where a socket is bound.
fn is_same(wanted: SocketAddr, local: SocketAddr) -> bool {
    match (wanted, local) {
        (SocketAddr::V6(wanted), SocketAddr::V6(local)) => {
            (wanted.ip(), wanted.port(), wanted.scope_id()) == (local.ip(), local.port(), local.scope_id())
        }
        _ => wanted == local,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(local: &str, cookie: u64) -> Found {
        Found { local: local.parse().ok(), cookie: Some(cookie) }
    }

    fn places(found: &[&str], listen: &[&str], most: usize) -> Vec<Option<usize>> {
        let found: Vec<Found> = (0..).zip(found).map(|(cookie, local)| socket(local, cookie)).collect();
        let listen: Vec<SocketAddr> = listen.iter().map(|text| text.parse().unwrap()).collect();
        assign(&found, &listen, most)
    }

    #[test]
    fn each_address_gets_its_sockets_up_to_the_number_of_workers() {
        let listen = ["10.0.0.4:53", "[::1]:53"];
        assert_eq!(places(&["10.0.0.4:53", "[::1]:53", "10.0.0.4:53"], &listen, 2), [Some(0), Some(1), Some(0)]);
        assert_eq!(places(&["10.0.0.4:53", "10.0.0.4:53"], &listen, 1), [Some(0), None], "more than workers");
        assert_eq!(places(&["10.0.0.4:53"], &listen, 4), [Some(0)], "fewer than workers");
        assert_eq!(places(&[], &listen, 4), []);
    }

    #[test]
    fn a_socket_of_another_address_or_port_is_closed() {
        let held = ["10.0.0.5:53", "10.0.0.4:5353", "[::]:53", "127.0.0.1:53"];
        assert_eq!(places(&held, &["10.0.0.4:53", "0.0.0.0:53"], 2), [None; 4]);
        assert_eq!(places(&["0.0.0.0:53", "[::]:53"], &["[::]:53", "0.0.0.0:53"], 2), [Some(1), Some(0)]);
        assert_eq!(places(&["[fe80::1%2]:53", "[fe80::1%3]:53"], &["[fe80::1%3]:53"], 2), [None, Some(0)]);
        assert_eq!(places(&["nothing that has an address"], &["10.0.0.4:53"], 2), [None]);
    }

    #[test]
    fn port_0_takes_no_kept_socket_over() {
        assert_eq!(places(&["127.0.0.1:40000", "127.0.0.1:0"], &["127.0.0.1:0"], 2), [None, None]);
    }

    #[test]
    fn a_socket_that_comes_twice_is_one_socket() {
        let twice = [socket("10.0.0.4:53", 7), socket("10.0.0.4:53", 7), socket("10.0.0.4:53", 8)];
        assert_eq!(assign(&twice, &["10.0.0.4:53".parse().unwrap()], 2), [Some(0), None, Some(0)]);
    }

    #[test]
    fn an_address_that_is_listed_twice_has_the_sockets_once() {
        assert_eq!(places(&["10.0.0.4:53"; 3], &["10.0.0.4:53"; 2], 1), [Some(0), Some(1), None]);
    }

    #[test]
    fn real_sockets_are_told_apart_and_those_that_cannot_serve_are_closed() {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let connected = UdpSocket::bind("127.0.0.1:0").unwrap();
        connected.connect(udp.local_addr().unwrap()).unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let mute = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        mute.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        let mute = TcpListener::from(mute);
        let listen = [&udp, &connected].map(|socket| socket.local_addr().unwrap());
        let listen = [listen[0], listen[1], tcp.local_addr().unwrap(), mute.local_addr().unwrap()];
        let kept = KeptSockets::new(vec![udp, connected], vec![mute, tcp]);
        let (mut adopted, closed) = kept.adopt(&ListenAddresses { dns: listen.to_vec(), ..Default::default() }, 2);
        assert_eq!((adopted.count(), closed), (2, vec!["UDP (other)".to_owned(), "TCP (other)".to_owned()]));
        assert_eq!(adopted.take(listen[0]).udp.len(), 1);
        assert_eq!(adopted.take(listen[2]).tcp.unwrap().local_addr().unwrap(), listen[2]);
        assert!(adopted.take(listen[1]).udp.is_empty() && adopted.take(listen[3]).tcp.is_none());
    }

    #[test]
    fn an_ipv6_socket_that_takes_ipv4_too_is_not_the_one_of_listen() {
        let Ok(both) = UdpSocket::bind("[::]:0") else { return };
        let local = both.local_addr().unwrap();
        let takes_ipv4 = !SockRef::from(&both).only_v6().unwrap();
        let (adopted, _) = KeptSockets::new(vec![both], Vec::new())
            .adopt(&ListenAddresses { dns: vec![local], ..Default::default() }, 1);
        assert_eq!(adopted.count() == 0, takes_ipv4);
    }
}
