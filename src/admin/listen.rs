//! The sockets: bound, and their connections accepted.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::connections::Connections;
use super::context::Context;
use super::guard::Listener;
use super::serve::{End, Peer, converse};
use crate::host::addresses;

/// Connections of those who may ask, for each listener.
const CONNECTIONS: usize = 64;

/// Connections of all others, which only hear that they may not.
const STRANGERS: usize = 8;

/// Octets of answers that the kernel may hold for a connection; it doubles the number for its own use.
const SEND_BUFFER: usize = 64 << 10;

/// How long the kernel tries to deliver answers to a client.
const PATIENCE: Duration = Duration::from_secs(30);

/// The pause before accepting again when the system has no more descriptors or memory.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Binds a socket for connections.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    addresses::allow_absent(&socket, address);
    // A restart must not wait for the old connections' TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // Connections inherit both: what a client does not take is held by the kernel, even after the connection's end.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.set_tcp_user_timeout(Some(PATIENCE))?;
    socket.bind(&address.into())?;
    socket.listen(128)?;
    Ok(socket.into())
}

/// The reason why an address could not be bound, and what to do.
pub(super) fn explain(address: SocketAddr, error: &io::Error) -> String {
    let port = address.port();
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("the port is taken; find out by whom with 'ss -lntp sport = :{port}', or change the port")
        }
        io::ErrorKind::PermissionDenied => format!("no permission for port {port}; take one above 1023"),
        io::ErrorKind::AddrNotAvailable => "this machine does not have the address; see 'ip address'".to_owned(),
        _ => error.to_string(),
    }
}

/// Accepts connections for as long as it is polled; dropped, it ends all of them.
pub(super) async fn accept(socket: tokio::net::TcpListener, listener: Listener, context: Arc<Context>) {
    let (connections, strangers) = (Connections::new(CONNECTIONS), Connections::new(STRANGERS));
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            Some(_) = open.join_next() => continue,
        };
        match accepted {
            Ok((stream, client)) => {
                let is_good = listener == Listener::Probe || context.settings.load().permits(client.ip());
                let peer = Peer { listener, client: client.ip(), may_stay: is_good && listener == Listener::Admin };
                let connections = Arc::clone(if is_good { &connections } else { &strangers });
                open.spawn(visit(stream, peer, Arc::clone(&context), connections));
            }
            // For instance no file descriptor is left: wait instead of spinning.
            Err(_) => tokio::time::sleep(BACK_OFF).await,
        }
    }
}

async fn visit(mut stream: TcpStream, peer: Peer, context: Arc<Context>, connections: Arc<Connections>) {
    let (connection, is_full) = connections.admit(Instant::now());
    if is_full {
        context.board.listeners().displaced();
    }
    // Answers are sent whole: nothing is won by holding parts back.
    let _ = stream.set_nodelay(true);
    if converse(&mut stream, peer, &context, &connection).await == End::CutOff {
        // The kernel forgets what the client did not take. If this fails, it goes on trying for some time.
        let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    }
}
