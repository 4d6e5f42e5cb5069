//! Datagrams in batches: one system call receives many, and one sends many.
//!
//! In: a socket. Out: messages with their senders, and the answers that are sent. All memory is allocated at the start.
//! On a socket that is bound to a wildcard address, each answer leaves from the address that was asked (RFC 2181
//! section 4.1). Never: a look into a message.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::ops::Range;
use std::os::fd::AsRawFd;

use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, RecvMsg, SockaddrIn, SockaddrIn6, SockaddrLike,
    recvmmsg, sendmmsg, setsockopt, sockopt,
};
use rustix::net::sockopt::{Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery, set_ip_mtu_discover, set_ipv6_mtu_discover};

use crate::dns::MAX_QUERY;

/// The largest number of datagrams for one system call.
pub(crate) const BATCH: usize = 64;

/// Octets for one datagram: the longest query, and some more to keep the first octets of the buffers out of each
/// other's cache lines.
const QUERY_MAX: usize = MAX_QUERY + 192;

/// The usual size of an answer, octets; more is allocated when it is needed.
const ANSWER: usize = 512;

/// An address of the socket's family, in the kernel's form.
pub(crate) trait Peer: SockaddrLike + Copy + Send + 'static {
    /// The address in the form that the rest of the program uses.
    fn to_std(self) -> SocketAddr;
}

impl Peer for SockaddrIn {
    fn to_std(self) -> SocketAddr {
        SocketAddr::V4(SocketAddrV4::from(self))
    }
}

impl Peer for SockaddrIn6 {
    fn to_std(self) -> SocketAddr {
        SocketAddr::V6(SocketAddrV6::from(self))
    }
}

/// The sender of a datagram, and the address of ours that it reached; the latter on wildcard sockets only.
#[derive(Clone, Copy)]
pub(crate) struct ReturnPath<P> {
    pub(crate) peer: P,
    local: Option<Local>,
}

/// One of our addresses.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Local {
    ip: IpAddr,
    /// The interface, where the address is meaningless without it; else 0, and the routing table chooses.
    interface: u32,
}

/// Received datagrams.
pub(crate) struct Incoming<P> {
    buffers: Box<[[u8; QUERY_MAX]; BATCH]>,
    headers: MultiHeaders<P>,
    received: Vec<(usize, ReturnPath<P>)>,
}

/// Datagrams to send: the bytes of all answers one after another, and the end of each.
pub(crate) struct Outgoing<P> {
    pub(crate) bytes: Vec<u8>,
    ends: Vec<usize>,
    routes: Vec<ReturnPath<P>>,
    peers: Vec<Option<P>>,
    wildcard: bool,
}

/// The kernel's structures for a sending call. They hold pointers, so they cannot change threads as [`Outgoing`] can.
pub(crate) struct SendHeaders<P>(MultiHeaders<P>);

/// Asks the kernel to report which address a datagram came to, if the socket has more than one, and to send answers
/// whole, whatever an ICMP message claims about the path: anybody can forge one, and then the second fragment (RFC 9715
/// section 3.1).
pub(crate) fn prepare(socket: &UdpSocket) -> io::Result<()> {
    let address = socket.local_addr()?;
    match address {
        SocketAddr::V4(_) => set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::OMIT)?,
        SocketAddr::V6(_) => set_ipv6_mtu_discover(socket, Ipv6PathMtuDiscovery::OMIT)?,
    }
    match is_wildcard(socket).then_some(address) {
        Some(SocketAddr::V4(_)) => setsockopt(socket, sockopt::Ipv4PacketInfo, &true)?,
        Some(SocketAddr::V6(_)) => setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &true)?,
        None => {}
    }
    Ok(())
}

fn is_wildcard(socket: &UdpSocket) -> bool {
    socket.local_addr().is_ok_and(|address| address.ip().is_unspecified())
}

/// Space for the control messages of one family's sockets.
fn control_space<P: Peer>(wildcard: bool) -> Option<Vec<u8>> {
    // Exactly the size of the one message: when sending, the kernel reads the whole space.
    let v4 = size_of::<P>() == size_of::<SockaddrIn>();
    wildcard.then(|| if v4 { cmsg_space!(in_pktinfo) } else { cmsg_space!(in6_pktinfo) })
}

impl<P: Peer> Incoming<P> {
    #[expect(clippy::large_stack_arrays, reason = "once a worker, at its start, well within its stack")]
    pub(crate) fn new(socket: &UdpSocket) -> Self {
        Self {
            buffers: Box::new([[0; QUERY_MAX]; BATCH]),
            headers: MultiHeaders::preallocate(BATCH, control_space::<P>(is_wildcard(socket))),
            received: Vec::with_capacity(BATCH),
        }
    }

    /// Receives the datagrams that are there: at once, or once there is one, as the flags say and as long as the
    /// socket's timeout allows.
    pub(crate) fn receive(&mut self, socket: &UdpSocket, flags: MsgFlags) -> Result<(), Errno> {
        self.received.clear();
        let mut slices = self.buffers.each_mut().map(|buffer| [IoSliceMut::new(buffer)]);
        let messages = recvmmsg(socket.as_raw_fd(), &mut self.headers, slices.iter_mut(), flags, None)?;
        let received = messages.filter_map(|message| {
            let local = if message_has_control(&message) { local(&message) } else { None };
            Some((message.bytes.min(QUERY_MAX), ReturnPath { peer: message.address?, local }))
        });
        self.received.extend(received);
        Ok(())
    }

    /// The messages and their senders.
    pub(crate) fn messages(&self) -> impl Iterator<Item = (&[u8], ReturnPath<P>)> {
        self.buffers.iter().zip(&self.received).map(|(buffer, (length, route))| (&buffer[..*length], *route))
    }
}

fn message_has_control<P>(message: &RecvMsg<'_, '_, P>) -> bool {
    // nix returns an error instead of an iterator only if some control messages did not fit.
    message.cmsgs().is_ok_and(|mut all| all.next().is_some())
}

fn local<P>(message: &RecvMsg<'_, '_, P>) -> Option<Local> {
    message.cmsgs().ok()?.find_map(|control| match control {
        ControlMessageOwned::Ipv4PacketInfo(info) => {
            let ip = Ipv4Addr::from(u32::from_be(info.ipi_spec_dst.s_addr));
            Some(Local { ip: ip.into(), interface: 0 })
        }
        ControlMessageOwned::Ipv6PacketInfo(info) => {
            let ip = Ipv6Addr::from(info.ipi6_addr.s6_addr);
            let interface = if ip.is_unicast_link_local() { info.ipi6_ifindex } else { 0 };
            Some(Local { ip: ip.into(), interface })
        }
        _ => None,
    })
}

impl<P: Peer> SendHeaders<P> {
    /// Structures for this number of answers, on a socket that is bound to a wildcard address or not.
    pub(crate) fn new(answers: usize, wildcard: bool) -> Self {
        Self(MultiHeaders::preallocate(answers, control_space::<P>(wildcard)))
    }
}

impl<P: Peer> Outgoing<P> {
    pub(crate) fn new(socket: &UdpSocket) -> Self {
        let wildcard = is_wildcard(socket);
        Self {
            bytes: Vec::with_capacity(BATCH * ANSWER),
            ends: Vec::with_capacity(BATCH),
            routes: Vec::with_capacity(BATCH),
            peers: Vec::with_capacity(BATCH),
            wildcard,
        }
    }

    /// Whether each answer has to name the address that it leaves from.
    pub(crate) fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// Ends an answer: the bytes appended since the last one go to this client.
    pub(crate) fn end_answer(&mut self, route: ReturnPath<P>) {
        self.ends.push(self.bytes.len());
        self.peers.push(Some(route.peer));
        self.routes.push(route);
    }

    /// Sends all answers and empties the buffer. The kernel stops at the first that fails: that one is skipped, since
    /// UDP may lose datagrams, and the rest is sent.
    pub(crate) fn send(&mut self, socket: &UdpSocket, headers: &mut SendHeaders<P>, flags: MsgFlags) {
        let mut first = 0;
        while first < self.ends.len() {
            let until = self.same_source(first);
            first += self.send_range(socket, headers, first..until, flags).max(1);
        }
        self.bytes.clear();
        self.ends.clear();
        self.routes.clear();
        self.peers.clear();
    }

    /// The end of the answers from `first` on that leave from one address and fit into one call.
    fn same_source(&self, first: usize) -> usize {
        let limit = self.ends.len().min(first + BATCH);
        if !self.wildcard {
            return limit;
        }
        let source = self.routes[first].local;
        let differs = |route: &ReturnPath<P>| route.local != source;
        self.routes[first..limit].iter().position(differs).map_or(limit, |length| first + length)
    }

    /// The number of answers that were sent.
    fn send_range(
        &self,
        socket: &UdpSocket,
        SendHeaders(headers): &mut SendHeaders<P>,
        Range { start: first, end: until }: Range<usize>,
        flags: MsgFlags,
    ) -> usize {
        let mut start = first.checked_sub(1).map_or(0, |before| self.ends[before]);
        let slices: [[IoSlice<'_>; 1]; BATCH] = std::array::from_fn(|index| {
            let end = if first + index < until { self.ends[first + index] } else { start };
            let slice = IoSlice::new(&self.bytes[start..end]);
            start = end;
            [slice]
        });
        let slices = slices[..until - first].iter();
        let peers = &self.peers[first..until];
        let fd = socket.as_raw_fd();
        let sent = match self.routes[first].local.filter(|_| self.wildcard) {
            None => sendmmsg(fd, headers, slices, peers, [], flags).map(Iterator::count),
            Some(Local { ip: IpAddr::V4(source), .. }) => {
                let source = in_addr { s_addr: u32::from(source).to_be() };
                let info = in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: source, ipi_addr: in_addr { s_addr: 0 } };
                let control = [ControlMessage::Ipv4PacketInfo(&info)];
                sendmmsg(fd, headers, slices, peers, control, flags).map(Iterator::count)
            }
            Some(Local { ip: IpAddr::V6(source), interface }) => {
                let source = in6_addr { s6_addr: source.octets() };
                let info = in6_pktinfo { ipi6_ifindex: interface, ipi6_addr: source };
                let control = [ControlMessage::Ipv6PacketInfo(&info)];
                sendmmsg(fd, headers, slices, peers, control, flags).map(Iterator::count)
            }
        };
        sent.unwrap_or(0)
    }
}
