//! TLS: a handshake, and then a connection as over TCP (RFC 7858), or one of HTTP/2 (RFC 8484).
//!
//! In: connections that were accepted. Out: the streams of those whose handshake ends well. A handshake costs as much
//! as a hundred answers, so whoever may not ask is turned away before it. The threads here stand back behind those of
//! UDP and TCP: a flood of handshakes takes no answer's time.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustls::ProtocolVersion;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::accept::Serve;
use super::client_stream::ClientStream;
use super::connections::ConnectionHandle;
use super::handshakes::{HandshakePlace, Handshakes};
use super::https;
use super::streams::Streams;
use super::tcp::Connection;
use crate::server::admission::rates::{LimitedKind, RateDecision};
use crate::server::context::{Ends, Listener, Transport};
use crate::server::counters::Counters;
use crate::tls::Protocol;

/// The time for a handshake.
const HANDSHAKE_TIME: Duration = Duration::from_secs(5);

/// Octets of answers that TLS may keep for the client to take: those of a full turn of the connection.
const BUFFER: usize = 16 << 10;

/// The time for which a thread goes on before it lets others go first: one handshake.
const TURN: Duration = Duration::from_micros(200);

thread_local! {
    /// The time at which this thread last did so.
    static YIELDED: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The listeners of one protocol on top of TLS.
pub(crate) struct Encrypted {
    streams: Arc<Streams>,
    handshakes: Arc<Handshakes>,
    protocol: Protocol,
}

impl Encrypted {
    /// All of them share the places for handshakes.
    pub(crate) fn new(protocol: Protocol, streams: &Arc<Streams>, handshakes: &Arc<Handshakes>) -> Arc<Self> {
        Arc::new(Self { streams: Arc::clone(streams), handshakes: Arc::clone(handshakes), protocol })
    }

    /// A place for a handshake, and one for the connection; `None` turns the client away.
    fn admit(&self, client: SocketAddr) -> Option<(HandshakePlace, ConnectionHandle)> {
        let (shared, ip) = (&self.streams.shared, client.ip());
        let snapshot = shared.snapshot.load();
        if !snapshot.access.permits(ip) {
            Counters::add(&shared.counters.tls_refused);
            return None;
        }
        let is_within =
            |rates| shared.limits.judge(rates, LimitedKind::Handshake, ip, Instant::now()) == RateDecision::Pass;
        let place = self.handshakes.begin(ip).filter(|_| snapshot.access.rates(ip).is_none_or(is_within));
        if place.is_none() {
            Counters::add(&shared.counters.tls_limited);
        }
        Some((place?, self.streams.admit(client)?))
    }

    /// The stream of a client, once its handshake is over.
    async fn handshake(&self, socket: TcpStream, handle: &ConnectionHandle) -> Option<TlsStream<TcpStream>> {
        // Without a certificate nobody can be answered here: the client tries elsewhere, and the status says why.
        let credentials = self.streams.shared.credentials.load_full()?;
        let acceptor = TlsAcceptor::from(credentials.server_config(self.protocol));
        let accepting = acceptor.accept_with(socket, |connection| connection.set_buffer_limit(Some(BUFFER)));
        tokio::select! {
            accepted = timeout(HANDSHAKE_TIME, accepting) => accepted.ok()?.ok(),
            () = handle.evicted() => None,
        }
    }

    async fn run(
        self: Arc<Self>,
        socket: TcpStream,
        ends: Ends,
        (place, handle): (HandshakePlace, ConnectionHandle),
        mut stopped: watch::Receiver<bool>,
    ) {
        let accepted = tokio::select! {
            accepted = self.handshake(socket, &handle) => accepted,
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        drop(place);
        let counters = &self.streams.shared.counters;
        let Some(stream) = accepted else { return Counters::add(&counters.tls_failed) };
        Counters::add(&counters.tls_handshakes);
        let streams = Arc::clone(&self.streams);
        let listener = |transport, is_xot| Listener { transport, address: ends.local, is_xot };
        match self.protocol {
            Protocol::Dot => {
                let listener = listener(Transport::Tls, is_xot(&stream));
                Connection::new(ends.client, listener, streams, handle).run(stream, stopped).await;
            }
            Protocol::Http2 => {
                let listener = listener(Transport::Https, false);
                https::run(stream, (ends.client, listener), (streams, handle), stopped).await;
            }
        }
    }
}

impl Serve for Encrypted {
    fn streams(&self) -> &Streams {
        &self.streams
    }

    fn serve(
        self: Arc<Self>,
        socket: TcpStream,
        ends: Ends,
        stopped: watch::Receiver<bool>,
    ) -> Option<impl Future<Output = ()> + Send + 'static> {
        let_others_go_first();
        let places = self.admit(ends.client)?;
        Some(yielding(self.run(socket, ends, places, stopped)))
    }
}

/// Work whose steps begin after those of UDP and TCP.
async fn yielding<F: Future>(work: F) -> F::Output {
    let mut work = pin!(work);
    poll_fn(|context| {
        let_others_go_first();
        work.as_mut().poll(context)
    })
    .await
}

/// Lets the threads of UDP and TCP go first, if this one has run for some time.
///
/// A lower priority decides who is next, not when: the scheduler of Linux lets a thread that runs go on for some
/// milliseconds (EEVDF, Linux 6.6 and later), which are ten handshakes.
fn let_others_go_first() {
    let now = Instant::now();
    if YIELDED.get().is_none_or(|last| now.duration_since(last) >= TURN) {
        thread::yield_now();
        YIELDED.set(Some(Instant::now()));
    }
}

impl ClientStream for TlsStream<TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// Whether it is TLS as zone transfers have to have it (RFC 9103 section 7).
fn is_xot(stream: &TlsStream<TcpStream>) -> bool {
    let (_, connection) = stream.get_ref();
    connection.protocol_version() == Some(ProtocolVersion::TLSv1_3)
        && connection.alpn_protocol() == Some(Protocol::Dot.alpn())
}

/// The threads that encrypt.
pub(crate) struct TlsThreads(Option<Runtime>);

impl TlsThreads {
    /// As many threads as there are cores; `stand_back` gives each its priority.
    pub(crate) fn start(stand_back: fn()) -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.thread_name("tls").on_thread_start(stand_back).enable_all().build()?;
        Ok(Self(Some(runtime)))
    }

    pub(crate) fn handle(&self) -> Option<&Handle> {
        self.0.as_ref().map(Runtime::handle)
    }
}

impl Drop for TlsThreads {
    fn drop(&mut self) {
        // Waiting for them would block a thread of another runtime, which may not be.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
