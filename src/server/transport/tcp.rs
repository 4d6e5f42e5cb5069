//! TCP (RFC 7766, RFC 9210): connections with pipelined queries, answered out of order when an upstream is slow.
//!
//! In: streams of length-prefixed messages. Out: the same. Every resource that a client can hold is bounded:
//! connections in all and per network (`connections`), queries that wait per connection, octets on their way in
//! and out, and the time for which nothing comes of a connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use super::connections::{ConnectionHandle, ConnectionOwner, Queued};
use crate::server::fast::FastPath;
use crate::server::query::response::Transport;
use crate::server::query::{self, Served};
use crate::server::{Counters, Shared};

/// Queries of one connection that may wait for upstreams; then nothing more is served until one is answered.
const MAX_WAITING: usize = 100;

/// How long one message may take to come in from its first octet, if the idle time is not shorter anyhow.
const MESSAGE: Duration = Duration::from_secs(5);

/// Octets of a connection's buffers at first: most connections bring one query.
const FIRST: usize = 2 << 10;

/// Octets read at a time at most, and kept for a connection that has nothing in them.
const READ: usize = 16 << 10;

/// Octets of answers after which the client has to take some before more of its queries are served.
const ANSWERS: usize = 64 << 10;

/// How long accepting rests when the system has no more descriptors or memory.
const BACK_OFF: Duration = Duration::from_millis(50);

/// Accepts connections until `stopped` turns true.
pub(crate) async fn accept(listener: TcpListener, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let mut open = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => break,
            Some(_) = open.join_next() => continue,
        };
        match accepted {
            Ok((stream, client)) => {
                if let Some(place) = admit(&shared, client) {
                    open.spawn(Connection::new(client, Arc::clone(&shared), place).run(stream, stopped.clone()));
                }
            }
            Err(error) if is_the_clients(&error) => {}
            // Accepting at once again would only burn the core.
            Err(_) => {
                Counters::add(&shared.counters.tcp_accept_failed);
                shared.connections.make_room();
                tokio::time::sleep(BACK_OFF).await;
            }
        }
    }
    // Whoever comes now is turned away at once, and can ask another server.
    drop(listener);
    while open.join_next().await.is_some() {}
}

fn admit(shared: &Shared, client: SocketAddr) -> Option<ConnectionHandle> {
    let (snapshot, counters) = (shared.snapshot.load(), &shared.counters);
    Counters::add(&counters.tcp_connections);
    let network = ConnectionOwner::of(client.ip(), &snapshot.access);
    let Some((place, room_was_made)) = shared.connections.admit(network, &snapshot.settings.tcp, Instant::now()) else {
        Counters::add(&counters.tcp_rejected);
        return None;
    };
    if room_was_made {
        Counters::add(&counters.tcp_displaced);
    }
    Some(place)
}

/// What accept(2) says of a connection that ended before it was accepted, and not of ourselves.
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

/// One connection.
struct Connection {
    client: SocketAddr,
    shared: Arc<Shared>,
    place: ConnectionHandle,
    /// What came in: after each turn, less than one message.
    inbox: Vec<u8>,
    /// What is to go out.
    outbox: Vec<u8>,
    /// Queries that wait for upstreams.
    waiting: usize,
    /// Whether more is to be read.
    reading: bool,
    /// When a message or an answer was last complete.
    last: Instant,
    /// When the message that is incomplete began.
    began: Option<Instant>,
    /// Where late answers go. What waits in it is bounded over all connections; an empty one says that there was no room.
    late: mpsc::UnboundedSender<Option<Queued>>,
    late_answers: mpsc::UnboundedReceiver<Option<Queued>>,
}

/// Where a late answer goes, once.
struct ReplyTo(Option<mpsc::UnboundedSender<Option<Queued>>>);

impl ReplyTo {
    fn answer(mut self, answer: Option<Queued>) {
        if let Some(late) = self.0.take() {
            // The connection may be gone by then.
            let _ = late.send(answer);
        }
    }
}

impl Drop for ReplyTo {
    /// A question that gets lost must not keep its connection for good.
    fn drop(&mut self) {
        if let Some(late) = self.0.take() {
            let _ = late.send(None);
        }
    }
}

impl Connection {
    fn new(client: SocketAddr, shared: Arc<Shared>, place: ConnectionHandle) -> Self {
        let (late, late_answers) = mpsc::unbounded_channel();
        Self {
            client,
            shared,
            place,
            inbox: Vec::with_capacity(FIRST),
            outbox: Vec::new(),
            waiting: 0,
            reading: true,
            last: Instant::now(),
            began: None,
            late,
            late_answers,
        }
    }

    /// From its first octet to its last.
    async fn run(mut self, stream: TcpStream, mut stopped: watch::Receiver<bool>) {
        // Without it the kernel may hold small answers back; if it cannot be set they are merely later.
        let _ = stream.set_nodelay(true);
        let (mut reader, mut writer) = stream.into_split();
        // One timer and one wait for the end for the life of the connection: both cost more than an answer.
        let timer = tokio::time::sleep_until(self.deadline().into());
        let stop = stopped.wait_for(|stopped| *stopped);
        tokio::pin!(timer, stop);
        let mut stopping = false;
        while self.reading || self.waiting > 0 {
            let may_read = self.reading && self.waiting < MAX_WAITING;
            self.make_space();
            tokio::select! {
                read = reader.read_buf(&mut self.inbox), if may_read => {
                    self.reading = matches!(read, Ok(octets) if octets > 0);
                }
                Some(answer) = self.late_answers.recv(), if self.waiting > 0 => {
                    let Some(answer) = answer else { return cut_off(&writer) };
                    self.waiting -= 1;
                    self.last = Instant::now();
                    frame(&mut self.outbox, &answer.bytes);
                }
                () = &mut timer, if may_read => {
                    let deadline = self.deadline();
                    self.reading = deadline > Instant::now();
                    timer.as_mut().reset(deadline.into());
                }
                () = self.place.evicted() => return,
                _ = &mut stop, if !stopping => (stopping, self.reading) = (true, false),
            }
            if self.batch(&mut writer, stopping).await.is_err() {
                return cut_off(&writer);
            }
            if self.deadline() < timer.deadline().into() {
                timer.as_mut().reset(self.deadline().into());
            }
        }
    }

    /// Serves what is complete, as far as the client takes the answers.
    async fn batch(&mut self, writer: &mut OwnedWriteHalf, stopping: bool) -> io::Result<()> {
        loop {
            let more = is_complete(&self.inbox) && self.waiting < MAX_WAITING;
            if more {
                self.reading &= self.drain() && !stopping;
            }
            self.place.active(self.last, self.waiting);
            if !self.outbox.is_empty() {
                self.flush(writer).await?;
            }
            if !more {
                break;
            }
        }
        self.began = if self.inbox.is_empty() { None } else { self.began.or_else(|| Some(Instant::now())) };
        Ok(())
    }

    /// When the connection ends unless something happens. The time that a client takes for its answers counts for neither,
    /// and one that waits for answers is not idle (RFC 7766 section 3).
    fn deadline(&self) -> Instant {
        let idle = self.shared.snapshot.load().settings.tcp.idle;
        match self.began {
            Some(began) => began.max(self.last) + MESSAGE.min(idle),
            None if self.waiting > 0 => Instant::now() + idle,
            None => self.last + idle,
        }
    }

    /// Room for the next read: what is empty gives its memory back, what is full gets more, up to the longest message.
    fn make_space(&mut self) {
        if self.inbox.is_empty() && self.inbox.capacity() > READ {
            self.inbox = Vec::with_capacity(FIRST);
        }
        if self.inbox.len() == self.inbox.capacity() {
            self.inbox.reserve_exact(self.inbox.capacity().clamp(FIRST, READ));
        }
    }

    async fn flush(&mut self, writer: &mut OwnedWriteHalf) -> io::Result<()> {
        let patience = self.shared.snapshot.load().settings.tcp.idle;
        // For all of it: a client that takes an octet now and then does not take its answers.
        let written = tokio::select! {
            written = tokio::time::timeout(patience, writer.write_all(&self.outbox)) => written,
            () = self.place.evicted() => return Err(io::ErrorKind::TimedOut.into()),
        };
        self.outbox.clear();
        if self.outbox.capacity() > READ {
            self.outbox = Vec::new();
        }
        written.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        self.last = Instant::now();
        Ok(())
    }

    /// Serves complete messages until there are many answers to take, or many to wait for; `false` if one made no sense.
    fn drain(&mut self) -> bool {
        let Self { shared, client, inbox, outbox, waiting, .. } = self;
        let (mut messages, mut well_formed) = (0, true);
        let snapshot = shared.snapshot.load();
        let now = Instant::now();
        let mut answers = shared.stream_answers.try_lock().ok();
        let mut fast = answers.as_deref_mut().map(|answers| FastPath::new(&snapshot, &shared.misses, answers, now));
        let mut at = 0;
        while outbox.len() < ANSWERS && *waiting < MAX_WAITING {
            let Some((message, end)) = message_at(inbox, at) else { break };
            messages += 1;
            at = end;
            if fast.as_mut().is_some_and(|fast| answer_hot(fast, message, *client, outbox)) {
                continue;
            }
            match query::serve(shared, &snapshot, message, *client, Transport::Tcp, now) {
                // Who sends what is no query will not make sense later either.
                Served::Nothing => well_formed = false,
                Served::Now(bytes) => frame(outbox, &bytes),
                Served::Validity(bytes, cacheable) => {
                    frame(outbox, &bytes);
                    if let Some(fast) = &mut fast {
                        fast.keep(message, &bytes, &cacheable);
                    }
                }
                Served::Later(later) => {
                    *waiting += 1;
                    let (connections, shared) = (Arc::clone(self.place.connections()), Arc::clone(shared));
                    let due = ReplyTo(Some(self.late.clone()));
                    later.finish(now, move |finished, _| {
                        due.answer(connections.queue(finished.compose(&shared)));
                    });
                }
            }
        }
        shared.counters.tcp_queries.fetch_add(messages, Relaxed);
        if let Some(fast) = fast {
            fast.count(&shared.counters);
        }
        inbox.drain(..at);
        self.began = None;
        self.last = now;
        well_formed
    }
}

/// Ends a connection whose client does not take its answers: the kernel forgets them too.
fn cut_off(writer: &OwnedWriteHalf) {
    // Otherwise the kernel would go on trying, which is all that is lost.
    let _ = SockRef::from(writer.as_ref()).set_linger(Some(Duration::ZERO));
}

/// The message that starts with its length at `at`, and where it ends.
fn message_at(inbox: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let prefix = inbox.get(at..at + 2)?;
    let end = at + 2 + usize::from(u16::from_be_bytes([prefix[0], prefix[1]]));
    Some((inbox.get(at + 2..end)?, end))
}

fn is_complete(inbox: &[u8]) -> bool {
    message_at(inbox, 0).is_some()
}

/// Answers in place, behind two octets of length.
fn answer_hot(fast: &mut FastPath<'_>, message: &[u8], client: SocketAddr, outbox: &mut Vec<u8>) -> bool {
    let start = outbox.len();
    outbox.extend_from_slice(&[0, 0]);
    let answered = fast.answer(message, client, Transport::Tcp, outbox);
    // No answer over TCP is longer than its length can say.
    match (answered, u16::try_from(outbox.len() - start - 2)) {
        (Some(()), Ok(length)) => outbox[start..start + 2].copy_from_slice(&length.to_be_bytes()),
        _ => outbox.truncate(start),
    }
    answered.is_some()
}

fn frame(outbox: &mut Vec<u8>, message: &[u8]) {
    if let Ok(length) = u16::try_from(message.len()) {
        outbox.extend_from_slice(&length.to_be_bytes());
        outbox.extend_from_slice(message);
    }
}
