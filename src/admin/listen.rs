//! The sockets: bound, and their connections accepted.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::context::Context;
use super::guard::Door;
use super::seats::Seats;
use super::serve::{Visitor, converse};

/// Connections of those who may ask, for each listener.
const SEATS: usize = 64;

/// Connections of all others, which only hear that they may not.
const STRANGERS: usize = 8;

/// The pause before accepting again when the system has no more descriptors or memory.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Binds a socket for connections.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A restart must not wait for the old connections' TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
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
pub(super) async fn accept(listener: tokio::net::TcpListener, door: Door, context: Arc<Context>) {
    let (seats, strangers) = (Seats::new(SEATS), Seats::new(STRANGERS));
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = open.join_next() => continue,
        };
        match accepted {
            Ok((stream, client)) => {
                let is_good = door == Door::Probe || context.settings.load().permits(client.ip());
                let visitor = Visitor { door, client: client.ip(), may_stay: is_good && door == Door::Admin };
                let seats = Arc::clone(if is_good { &seats } else { &strangers });
                open.spawn(visit(stream, visitor, Arc::clone(&context), seats));
            }
            // For instance no file descriptor is left: wait instead of spinning.
            Err(_) => tokio::time::sleep(BACK_OFF).await,
        }
    }
}

async fn visit(stream: TcpStream, visitor: Visitor, context: Arc<Context>, seats: Arc<Seats>) {
    let (seat, is_full) = seats.take(Instant::now());
    if is_full {
        context.board.listeners().displaced();
    }
    // Answers are sent whole: nothing is won by holding parts back.
    let _ = stream.set_nodelay(true);
    converse(stream, visitor, &context, &seat).await;
}
