//! New connections: accepted, or turned away where there is no room.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::client_stream;
use super::streams::Streams;
use super::tcp::Connection;
use crate::server::context::{Ends, Listener, Transport};
use crate::server::counters::Counters;

/// The pause before accepting again when the system has no more descriptors or memory.
const BACK_OFF: Duration = Duration::from_millis(50);

/// What becomes of the connections of a listener.
pub(crate) trait Serve: Send + Sync + 'static {
    /// The state that all connections share.
    fn streams(&self) -> &Streams;

    /// Serves a connection from its first octet to its last; `None` turns it away.
    fn serve(
        self: Arc<Self>,
        socket: TcpStream,
        ends: Ends,
        stopped: watch::Receiver<bool>,
    ) -> Option<impl Future<Output = ()> + Send + 'static>;
}

/// DNS over TCP.
impl Serve for Streams {
    fn streams(&self) -> &Streams {
        self
    }

    fn serve(
        self: Arc<Self>,
        socket: TcpStream,
        ends: Ends,
        stopped: watch::Receiver<bool>,
    ) -> Option<impl Future<Output = ()> + Send + 'static> {
        let handle = self.admit(ends.client)?;
        let listener = Listener { transport: Transport::Tcp, address: ends.local, is_xot: false };
        Some(Connection::new(ends.client, listener, self, handle).run(socket, stopped))
    }
}

/// Accepts connections until `stopped` turns true.
pub(crate) async fn accept<S: Serve>(listener: TcpListener, service: Arc<S>, mut stopped: watch::Receiver<bool>) {
    // It was bound, so it has an address.
    let Ok(local) = listener.local_addr() else { return };
    let mut open = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => break,
            Some(_) = open.join_next() => continue,
        };
        match accepted {
            Ok((stream, client)) => {
                client_stream::prepare(&stream);
                if let Some(serving) = Arc::clone(&service).serve(stream, Ends { client, local }, stopped.clone()) {
                    open.spawn(serving);
                }
            }
            Err(error) if is_the_clients(&error) => {}
            // Accepting again at once would only burn the core.
            Err(_) => {
                let streams = service.streams();
                Counters::add(&streams.shared.counters.tcp_accept_failed);
                streams.connections.make_room();
                tokio::time::sleep(BACK_OFF).await;
            }
        }
    }
    // A client that connects from now on is turned away at once, and can ask another server; or, where the service
    // manager keeps the socket, it waits for the next process.
    drop(listener);
    while open.join_next().await.is_some() {}
}

/// Whether the error of accept(2) is about a connection that ended before it was accepted, and not about ourselves.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionAborted
            | Kind::ConnectionReset
            | Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::NetworkDown
            | Kind::Interrupted
    ) || error.raw_os_error() == Some(nix::libc::EPROTO)
}
