//! A client of DNS over HTTPS, on h2: tests with clients of other hands are in `tests/interop`.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use http::{Method, Request, Response};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::SOON;
use super::server::Server;
use super::tls::{Encrypted, NAME};

/// The end of a connection: `None` if the server ended it in good order.
pub(crate) type Ended = JoinHandle<Option<h2::Error>>;

/// A connection.
pub(crate) struct Client {
    requests: SendRequest<Bytes>,
    /// How it ends.
    pub(crate) ended: Ended,
}

/// A reply: its status, its fields by name, and its body.
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: Response<()>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn field(&self, name: &str) -> &str {
        self.head.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Runs a client to its end.
pub(crate) fn run<T>(client: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(SOON, client).await.expect("the client waited for too long") })
}

/// Waits until something is so while the client goes on; `run` has the time for it.
pub(crate) async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

impl Client {
    pub(crate) async fn connect(tls: &rustls::ClientConfig, server: SocketAddr) -> Self {
        // As many requests as clients send before they know the server's limit.
        Self::with(Builder::new().initial_max_send_streams(100), tls, server).await
    }

    /// With settings of HTTP/2.
    pub(crate) async fn with(builder: &Builder, tls: &rustls::ClientConfig, server: SocketAddr) -> Self {
        let stream = over_tls(TcpStream::connect(server).await.unwrap(), tls).await;
        let (requests, connection) = builder.handshake(stream).await.unwrap();
        Self { requests, ended: tokio::spawn(async { connection.await.err() }) }
    }

    /// One that reads nothing once TLS is there, and for which the kernel keeps little.
    pub(crate) async fn deaf(builder: &Builder, tls: &rustls::ClientConfig, server: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4 << 10).unwrap();
        let stream = over_tls(socket.connect(server).await.unwrap(), tls).await;
        let (requests, connection) = builder.handshake(Deaf(stream)).await.unwrap();
        Self { requests, ended: tokio::spawn(async { connection.await.err() }) }
    }

    /// A request whose body is yet to be sent, and the reply to come.
    pub(crate) async fn begin(
        &mut self,
        request: Request<()>,
        is_whole: bool,
    ) -> Result<(h2::client::ResponseFuture, h2::SendStream<Bytes>), h2::Error> {
        self.requests = self.requests.clone().ready().await?;
        self.requests.send_request(request, is_whole)
    }

    /// The number of requests that the server lets be under way.
    pub(crate) fn most_requests(&self) -> usize {
        self.requests.current_max_send_streams()
    }

    /// Asks by POST; the reply is to come.
    pub(crate) async fn send(&mut self, message: Vec<u8>) -> Result<h2::client::ResponseFuture, h2::Error> {
        let (reply, mut stream) = self.begin(post("/dns-query"), false).await?;
        stream.send_data(message.into(), true)?;
        Ok(reply)
    }

    /// Asks and waits for the reply.
    pub(crate) async fn ask(&mut self, request: Request<()>, body: &[u8]) -> Result<Reply, h2::Error> {
        let (reply, mut stream) = self.begin(request, body.is_empty()).await?;
        if !body.is_empty() {
            // What the window does not let through waits for it.
            stream.send_data(Bytes::copy_from_slice(body), true)?;
        }
        whole(reply).await
    }

    /// Asks by POST.
    pub(crate) async fn post(&mut self, message: &[u8]) -> Result<Reply, h2::Error> {
        self.ask(post("/dns-query"), message).await
    }
}

/// TLS for HTTP/2 on this connection.
async fn over_tls(socket: TcpStream, tls: &rustls::ClientConfig) -> TlsStream<TcpStream> {
    let mut tls = tls.clone();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    TlsConnector::from(Arc::new(tls)).connect(ServerName::try_from(NAME).unwrap(), socket).await.unwrap()
}

/// A stream from which nothing can be read.
struct Deaf(TlsStream<TcpStream>);

impl AsyncRead for Deaf {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Deaf {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

impl Encrypted {
    /// A connection to the server of this site.
    pub(crate) async fn connect_https(&self, server: &Server) -> Client {
        Client::connect(&self.client(), server.doh()).await
    }
}

/// The whole reply.
pub(crate) async fn whole(reply: h2::client::ResponseFuture) -> Result<Reply, h2::Error> {
    let (head, stream) = reply.await?.into_parts();
    let body = body(stream).await?;
    Ok(Reply { status: head.status.as_u16(), head: Response::from_parts(head, ()), body })
}

/// The whole body of a reply whose head has come.
pub(crate) async fn body(mut stream: h2::RecvStream) -> Result<Vec<u8>, h2::Error> {
    let mut body = Vec::new();
    while let Some(part) = stream.data().await {
        let part = part?;
        body.extend_from_slice(&part);
        stream.flow_control().release_capacity(part.len())?;
    }
    Ok(body)
}

pub(crate) fn post(path: &str) -> Request<()> {
    let request = Request::builder().method(Method::POST).uri(format!("https://{NAME}{path}"));
    request.header("content-type", "application/dns-message").body(()).unwrap()
}

pub(crate) fn get(path: &str) -> Request<()> {
    Request::builder().uri(format!("https://{NAME}{path}")).body(()).unwrap()
}
