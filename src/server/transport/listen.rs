//! Listeners: sockets bound from addresses, started, drained and stopped.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::accept::Serve;
use super::kept::{Adopted, AdoptedPair, ListenAddresses};
use super::late_answers::Waker;
use super::streams::Streams;
use super::tls::{Encrypted, TlsThreads};
use super::{accept, datagrams, descriptors, udp};
use crate::host::{addresses, ports};
use crate::server::snapshot::Shared;
use crate::tls::Protocol;

/// Octets the kernel may hold for us: a burst of some thousand queries, or what arrives while one process follows
/// another. The kernel caps this at `net.core.rmem_max`, doubles it and counts some 830 octets for a short query: with
/// the usual 212992 a socket holds 500 queries, so two workers hold those of half a second at 2,000 queries a second.
const SOCKET_BUFFER: usize = 4 << 20;

/// The time for the last answers once nothing is read any more: enough for an upstream that is well, and little enough
/// for the sockets to hold what arrives meanwhile.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// Octets in each direction that the kernel may hold for a connection; it doubles the number for its own use. Longer
/// messages go through in parts.
const STREAM_BUFFER: usize = 16 << 10;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

/// How long the kernel tries to deliver answers to a client.
const STREAM_PATIENCE: Duration = Duration::from_secs(30);

/// An address that could not be listened on.
#[derive(Debug)]
pub struct BindError {
    /// The address from the config.
    pub address: SocketAddr,
    /// UDP or TCP.
    pub protocol: &'static str,
    /// The problem and its remedy.
    pub reason: String,
}

/// Bound sockets; nothing is read from them before [`Listeners::start`].
pub struct Listeners {
    bound: Vec<Bound>,
    encrypted: Vec<(Protocol, SocketAddr, TcpListener)>,
}

struct Bound {
    address: SocketAddr,
    udp: Vec<UdpSocket>,
    tcp: TcpListener,
}

/// Running listeners.
pub struct Running {
    stop_udp: Arc<udp::Stop>,
    stop_tcp: watch::Sender<bool>,
    workers: Vec<JoinHandle<()>>,
    acceptors: Vec<tokio::task::JoinHandle<()>>,
    /// Those of the listeners that encrypt.
    tls: Option<TlsThreads>,
}

impl Listeners {
    /// Goes on with the sockets that were kept, and binds what lacks: UDP and TCP on every address of DNS, `workers`
    /// UDP sockets each, and TCP for what encrypts; all failures are reported.
    pub fn bind(listen: &ListenAddresses, workers: usize, mut kept: Adopted) -> Result<Self, Vec<BindError>> {
        let (mut bound, mut encrypted, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        for address in &listen.dns {
            match bind_pair(*address, workers, kept.take(*address)) {
                Ok(pair) => bound.push(pair),
                Err(error) => errors.push(error),
            }
        }
        for (protocol, address) in listen.encrypted() {
            match bind_stream(address, kept.take(address).tcp) {
                Ok((address, listener)) => encrypted.push((protocol, address, listener)),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(Self { bound, encrypted }) } else { Err(errors) }
    }

    /// The addresses with the ports that the kernel chose.
    pub fn addresses(&self) -> ListenAddresses {
        let of = |wanted| {
            let own = self.encrypted.iter().filter(move |(protocol, ..)| *protocol == wanted);
            own.map(|(_, address, _)| *address).collect()
        };
        let dns = self.bound.iter().map(|bound| bound.address).collect();
        ListenAddresses { dns, dot: of(Protocol::Dot), doh: of(Protocol::Http2) }
    }

    /// All sockets, so that the service manager can keep them.
    pub fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        let udp = self.bound.iter().flat_map(|bound| &bound.udp).map(AsFd::as_fd);
        let tcp = self.bound.iter().map(|bound| &bound.tcp).chain(self.encrypted.iter().map(|(.., listener)| listener));
        udp.chain(tcp.map(AsFd::as_fd)).collect()
    }

    /// Starts to answer; `stand_back` puts the threads that encrypt behind the others.
    pub fn start(self, shared: &Arc<Shared>, runtime: &Handle, stand_back: fn()) -> io::Result<Running> {
        let stop_udp = Arc::new(udp::Stop::new(self.bound.iter().map(|bound| bound.udp.len()).sum()));
        let (stop_tcp, stopped) = watch::channel(false);
        let (mut workers, mut acceptors) = (Vec::new(), Vec::new());
        // Half of the descriptors are for connections, the rest for upstreams and files.
        let streams = Streams::new(Arc::clone(shared), descriptors::raise() / 2, Instant::now());
        for bound in self.bound {
            for (number, socket) in bound.udp.into_iter().enumerate() {
                let (shared, stop) = (Arc::clone(shared), Arc::clone(&stop_udp));
                let name = format!("udp-{number}");
                let waker = Waker::new()?;
                let worker = move || udp::worker(&socket, waker, &shared, &stop);
                workers.push(std::thread::Builder::new().name(name).spawn(worker)?);
            }
            acceptors.push(start_accepting(bound.tcp, &streams, &stopped, runtime)?);
        }
        let tls = if self.encrypted.is_empty() { None } else { Some(TlsThreads::start(stand_back)?) };
        let handshakes = Arc::default();
        for (protocol, _, listener) in self.encrypted {
            let runtime = tls.as_ref().and_then(TlsThreads::handle).unwrap_or(runtime);
            let service = Encrypted::new(protocol, &streams, &handshakes);
            acceptors.push(start_accepting(listener, &service, &stopped, runtime)?);
        }
        Ok(Running { stop_udp, stop_tcp, workers, acceptors, tls })
    }
}

impl Running {
    /// Answers on until the questions that wait for upstreams now are answered, for up to `grace`; then ends. Reading
    /// ends last, because the queries that arrive from then on fill the sockets, until the next process reads them or
    /// they overflow.
    pub async fn drain(self, shared: &Shared, grace: Duration) {
        // Once the grace is over, those that still wait are given up.
        let _ = tokio::time::timeout(grace, shared.pending.until_these_are_free()).await;
        // Without receivers every connection has ended already.
        let _ = self.stop_tcp.send(true);
        let deadline = Instant::now() + LAST_ANSWERS;
        for acceptor in self.acceptors {
            // One that panicked has nothing left to wait for.
            let _ = tokio::time::timeout_at(deadline.into(), acceptor).await;
        }
        drop(self.tls);
        self.stop_udp.by(Instant::now() + LAST_ANSWERS);
        let workers =
            tokio::task::spawn_blocking(move || self.workers.into_iter().for_each(|worker| drop(worker.join())));
        let _ = workers.await;
    }
}

fn start_accepting<S: Serve>(
    listener: TcpListener,
    service: &Arc<S>,
    stopped: &watch::Receiver<bool>,
    runtime: &Handle,
) -> io::Result<tokio::task::JoinHandle<()>> {
    listener.set_nonblocking(true)?;
    let _inside = runtime.enter();
    let listener = tokio::net::TcpListener::from_std(listener)?;
    Ok(runtime.spawn(accept::accept(listener, Arc::clone(service), stopped.clone())))
}

/// TCP alone, for what encrypts.
fn bind_stream(address: SocketAddr, kept: Option<TcpListener>) -> Result<(SocketAddr, TcpListener), BindError> {
    let bound = kept.map_or_else(|| bind_tcp(address), adopt_tcp);
    let bound = bound.and_then(|listener| Ok((listener.local_addr()?, listener)));
    bound.map_err(|error| BindError { address, protocol: "TCP", reason: explain((address, "TCP"), &error) })
}

/// UDP and TCP on one address. With port 0 both get the same port, which may take a few tries.
fn bind_pair(address: SocketAddr, workers: usize, mut kept: AdoptedPair) -> Result<Bound, BindError> {
    let tries = if address.port() == 0 { 16 } else { 1 };
    let mut last = None;
    for _ in 0..tries {
        match try_bind_pair(address, workers, std::mem::take(&mut kept)) {
            Ok(bound) => return Ok(bound),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| BindError { address, protocol: "UDP", reason: "no try was made".to_owned() }))
}

fn try_bind_pair(address: SocketAddr, workers: usize, kept: AdoptedPair) -> Result<Bound, BindError> {
    let failed = |protocol| {
        move |error: io::Error| BindError { address, protocol, reason: explain((address, protocol), &error) }
    };
    let tcp = kept.tcp.map_or_else(|| bind_tcp(address), adopt_tcp).map_err(failed("TCP"))?;
    let address = tcp.local_addr().map_err(failed("TCP"))?;
    let udp = bind_group(address, workers.max(1), kept.udp).map_err(failed("UDP"))?;
    Ok(Bound { address, udp, tcp })
}

/// As many UDP sockets as there are workers: those that were kept first.
fn bind_group(address: SocketAddr, workers: usize, kept: Vec<UdpSocket>) -> io::Result<Vec<UdpSocket>> {
    if kept.is_empty() {
        // A socket that shares its port would come up beside another server and steal half of its queries, so the first
        // try does not share.
        drop(bind_udp(address, false)?);
        return (0..workers).map(|_| bind_udp(address, true)).collect();
    }
    let mut group = kept.into_iter().map(adopt_udp).collect::<io::Result<Vec<_>>>()?;
    let first = group.len();
    for number in first..workers {
        // Sockets of another user, such as those of a socket unit, share their port with nobody: then workers share one
        // of them.
        group.push(bind_udp(address, true).or_else(|_| group[number % first].try_clone())?);
    }
    Ok(group)
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(socket2::Protocol::TCP))?;
    only_v6(&socket, address)?;
    addresses::allow_absent(&socket, address);
    // A restart must not wait for the old connections' TIME_WAIT.
    socket.set_reuse_address(true)?;
    prepare_tcp(&socket)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// A socket of an earlier process, with the options of this one.
fn adopt_tcp(listener: TcpListener) -> io::Result<TcpListener> {
    let socket = Socket::from(listener);
    prepare_tcp(&socket)?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn prepare_tcp(socket: &Socket) -> io::Result<()> {
    // Connections inherit these sizes. Without them a client could make the kernel hold megabytes, and, by never taking
    // its answers, keep them held after the connection's end too.
    socket.set_recv_buffer_size(STREAM_BUFFER)?;
    socket.set_send_buffer_size(STREAM_BUFFER)?;
    socket.set_tcp_user_timeout(Some(STREAM_PATIENCE))
}

fn bind_udp(address: SocketAddr, share: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(socket2::Protocol::UDP))?;
    only_v6(&socket, address)?;
    addresses::allow_absent(&socket, address);
    if share {
        prepare_udp(&socket)?;
    }
    socket.bind(&address.into())?;
    let socket = UdpSocket::from(socket);
    datagrams::prepare(&socket)?;
    Ok(socket)
}

/// A socket of an earlier process, with the options of this one.
fn adopt_udp(socket: UdpSocket) -> io::Result<UdpSocket> {
    let socket = Socket::from(socket);
    prepare_udp(&socket)?;
    // The workers wait in the call that receives.
    socket.set_nonblocking(false)?;
    let socket = UdpSocket::from(socket);
    datagrams::prepare(&socket)?;
    Ok(socket)
}

fn prepare_udp(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_port(true)?;
    // The kernel silently caps these sizes at its own limit.
    socket.set_recv_buffer_size(SOCKET_BUFFER)?;
    socket.set_send_buffer_size(SOCKET_BUFFER)?;
    socket.set_read_timeout(Some(udp::STOP_LATENCY))
}

/// `[::]` means IPv6 and nothing else, whatever the system's default.
fn only_v6(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    if address.is_ipv6() { socket.set_only_v6(true) } else { Ok(()) }
}

fn explain((address, protocol): (SocketAddr, &str), error: &io::Error) -> String {
    let port = address.port();
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            ports::explain(&ports::holders(Path::new("/"), address), protocol, address, &addresses::own())
        }
        io::ErrorKind::PermissionDenied => format!(
            "no permission for port {port}: give the service AmbientCapabilities=CAP_NET_BIND_SERVICE, give the \
             container the capability NET_BIND_SERVICE, or listen on a port above 1023"
        ),
        io::ErrorKind::AddrNotAvailable => {
            "this machine does not have the address; see 'ip address' and change 'listen'".to_owned()
        }
        _ => error.to_string(),
    }
}
