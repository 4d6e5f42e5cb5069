//! One port for UDP and TCP, and a loop for each that hands every message to a server and sends its reaction.
//!
//! This is the transport of upstreams that fail on purpose; hickory-server has its own.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

use crate::support::client::framed;

/// The way of a message to the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

/// The upstream's reaction to a message.
#[derive(Default)]
pub(crate) struct Reaction {
    /// These are sent, in order; none is silence.
    pub(crate) messages: Vec<Vec<u8>>,
    /// They are sent from another port; over TCP nothing is sent.
    pub(crate) from_elsewhere: bool,
    /// What becomes of the TCP connection.
    pub(crate) then: Then,
}

/// The end of a turn on a TCP connection.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Then {
    /// The next message is served.
    #[default]
    GoOn,
    Close,
    /// It stays open, and no further message is answered.
    Stall,
}

impl Reaction {
    /// These, and the connection stays as it is.
    pub(crate) fn send(messages: Vec<Vec<u8>>) -> Self {
        Self { messages, ..Self::default() }
    }
}

/// A server behind the sockets. It may take long for a message: others are served meanwhile.
pub(crate) trait Serve: Send + Sync + 'static {
    fn react(&self, message: &[u8], client: SocketAddr, by: Transport) -> impl Future<Output = Reaction> + Send;
}

/// One port for both: the kernel chooses for TCP, and UDP must get the same.
pub(crate) fn bind_both(address: impl Into<IpAddr>) -> (UdpSocket, TcpListener) {
    let address = address.into();
    for _ in 0..50 {
        let tcp = TcpListener::bind((address, 0)).unwrap();
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()) {
            return (udp, tcp);
        }
    }
    panic!("no port is free for both UDP and TCP");
}

/// A thread for one upstream; when it is dropped, all that runs on it ends.
pub(crate) fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// The sockets as an event loop wants them.
pub(crate) fn asynchronous(udp: UdpSocket, tcp: TcpListener) -> (tokio::net::UdpSocket, tokio::net::TcpListener) {
    udp.set_nonblocking(true).unwrap();
    tcp.set_nonblocking(true).unwrap();
    (tokio::net::UdpSocket::from_std(udp).unwrap(), tokio::net::TcpListener::from_std(tcp).unwrap())
}

/// Serves until the runtime ends.
pub(crate) fn serve(runtime: &Runtime, udp: UdpSocket, tcp: TcpListener, server: &Arc<impl Serve>) {
    let _inside = runtime.enter();
    let (udp, tcp) = asynchronous(udp, tcp);
    runtime.spawn(serve_udp(Arc::new(udp), Arc::clone(server)));
    runtime.spawn(serve_tcp(tcp, Arc::clone(server)));
}

async fn serve_udp(socket: Arc<tokio::net::UdpSocket>, server: Arc<impl Serve>) {
    let mut buffer = [0; 4096];
    loop {
        // An error is that of an earlier answer: its client is gone.
        let Ok((length, client)) = socket.recv_from(&mut buffer).await else { continue };
        let (message, socket, server) = (buffer[..length].to_vec(), Arc::clone(&socket), Arc::clone(&server));
        tokio::spawn(async move {
            let reaction = server.react(&message, client, Transport::Udp).await;
            let socket = if reaction.from_elsewhere {
                Arc::new(tokio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap())
            } else {
                socket
            };
            for datagram in reaction.messages {
                // The client may be gone.
                let _gone = socket.send_to(&datagram, client).await;
            }
        });
    }
}

async fn serve_tcp(listener: tokio::net::TcpListener, server: Arc<impl Serve>) {
    loop {
        // An error is that of a client that is gone already.
        if let Ok((stream, client)) = listener.accept().await {
            tokio::spawn(serve_stream(stream, client, Arc::clone(&server)));
        }
    }
}

/// Serves one message after the other.
async fn serve_stream(mut stream: TcpStream, client: SocketAddr, server: Arc<impl Serve>) {
    loop {
        let Ok(message) = read_message(&mut stream).await else { return };
        let reaction = server.react(&message, client, Transport::Tcp).await;
        let messages = if reaction.from_elsewhere { Vec::new() } else { reaction.messages };
        for message in messages {
            if stream.write_all(&framed(&message)).await.is_err() {
                return;
            }
        }
        match reaction.then {
            Then::GoOn => {}
            Then::Close => return,
            Then::Stall => while read_message(&mut stream).await.is_ok() {},
        }
    }
}

async fn read_message(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut message = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut message).await?;
    Ok(message)
}
