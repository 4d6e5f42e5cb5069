//! Streams (RFC 7766, RFC 9210, RFC 7858): connections with pipelined queries, answered out of order when an upstream
//! is slow. They are TCP connections, or TLS on top of one (`client_stream`).
//!
//! In: streams of length-prefixed messages. Out: the same. Every resource that a client can hold is bounded:
//! connections in all and per client, octets that it does not take (`connections`), queries that wait per connection,
//! octets in both directions, and the time that a connection may go without progress. Answers are composed here, one
//! after the other as the client takes them: a query that waited for an upstream comes back as a small value.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, watch};

use super::client_stream::{self, ClientStream};
use super::connections::ConnectionHandle;
use super::reply_to;
use super::returned::Returned;
use super::streams::Streams;
use super::transfers::Transfers;
use crate::dns::stream as framing;
use crate::server::answerer::{self, Answerer, Handled};
use crate::server::context::Listener;
use crate::server::counters::Counters;
use crate::server::query::{Arrived, Later};
use crate::transfer::Next;

/// Queries of one connection that may wait for upstreams; then nothing more is served until one is answered.
const MAX_WAITING: usize = 100;

/// The time that one message may take from its first octet to its last, if the idle time is not shorter anyway.
const MESSAGE_TIME: Duration = Duration::from_secs(5);

/// The first size of a connection's buffers, octets: most connections bring one query.
const FIRST_LEN: usize = 2 << 10;

/// The largest read, octets, and the memory that a connection with empty buffers may keep.
const MAX_READ: usize = 16 << 10;

/// Octets of answers after which the client has to take some before more of its queries are served.
const MAX_UNSENT: usize = 16 << 10;

/// Octets of answers after which other connections have their turn: four messages of a transfer, which are a tenth of a
/// millisecond. A turn after each message takes a sixth of a transfer's time.
const TURN: usize = 64 << 10;

/// One connection.
pub(crate) struct Connection {
    client: SocketAddr,
    listener: Listener,
    streams: Arc<Streams>,
    handle: ConnectionHandle,
    /// Received octets; after each step, less than one message.
    inbox: Vec<u8>,
    /// Octets to send.
    outbox: Vec<u8>,
    /// Octets that were sent since others had their turn.
    sent: usize,
    /// Queries that wait for upstreams.
    waiting: usize,
    /// Whether more is to be read.
    reading: bool,
    /// The time at which a message or an answer was last complete.
    last: Instant,
    /// The time at which the incomplete message began.
    began: Option<Instant>,
    /// The way back for queries that wait, no more than `MAX_WAITING`; `None` in place of a query means that it got
    /// lost.
    back: mpsc::UnboundedSender<Option<Arrived>>,
    returning: mpsc::UnboundedReceiver<Option<Arrived>>,
    /// Queries that came back while the client was taking earlier answers.
    returned: Returned<Arrived>,
    /// Zones that the client gets.
    transfers: Transfers,
}

impl Connection {
    pub(crate) fn new(client: SocketAddr, listener: Listener, streams: Arc<Streams>, handle: ConnectionHandle) -> Self {
        let (back, returning) = mpsc::unbounded_channel();
        Self {
            client,
            listener,
            streams,
            handle,
            inbox: Vec::with_capacity(FIRST_LEN),
            outbox: Vec::new(),
            sent: 0,
            waiting: 0,
            reading: true,
            last: Instant::now(),
            began: None,
            back,
            returning,
            returned: Returned::default(),
            transfers: Transfers::default(),
        }
    }

    /// Serves the connection from its first octet to its last.
    pub(crate) async fn run<S: ClientStream>(mut self, mut stream: S, mut stopped: watch::Receiver<bool>) {
        // One timer and one wait for the end for the life of the connection: both cost more than an answer.
        let timer = tokio::time::sleep_until(self.deadline().into());
        let stop = stopped.wait_for(|stopped| *stopped);
        tokio::pin!(timer, stop);
        let mut stopping = false;
        while self.reading || self.waiting > 0 || self.transfers.len() > 0 {
            let may_read = self.reading && self.has_room();
            self.make_space();
            tokio::select! {
                read = stream.read_buf(&mut self.inbox), if may_read => {
                    self.reading = matches!(read, Ok(octets) if octets > 0);
                }
                Some(query) = next(&mut self.returned, &mut self.returning), if self.waiting > 0 => {
                    let Some(query) = query else { return client_stream::cut_off(&stream) };
                    self.resume(query);
                }
                is_ready = self.transfers.ready(), if self.transfers.len() > 0 => {
                    if !is_ready || self.transfer() == Next::Broken {
                        return client_stream::cut_off(&stream);
                    }
                }
                () = &mut timer, if may_read => {
                    let deadline = self.deadline();
                    self.reading = deadline > Instant::now();
                    timer.as_mut().reset(deadline.into());
                }
                () = self.handle.evicted() => break,
                _ = &mut stop, if !stopping => (stopping, self.reading) = (true, false),
            }
            if self.serve(&mut stream, stopping).await.is_err() {
                return client_stream::cut_off(&stream);
            }
            if self.deadline() < timer.deadline().into_std() {
                timer.as_mut().reset(self.deadline().into());
            }
        }
        client_stream::close(&mut stream).await;
    }

    /// Serves the complete messages, as far as the client takes the answers.
    async fn serve<S: ClientStream>(&mut self, stream: &mut S, stopping: bool) -> io::Result<()> {
        loop {
            let more = framing::message_at(&self.inbox, 0).is_some() && self.has_room();
            if more {
                self.reading &= self.drain() && !stopping;
            }
            self.handle.active(self.last, self.waiting + self.transfers.len());
            if !self.outbox.is_empty() {
                self.flush(stream).await?;
            }
            if !more {
                break;
            }
        }
        self.began = if self.inbox.is_empty() { None } else { self.began.or_else(|| Some(Instant::now())) };
        Ok(())
    }

    /// Whether more queries may wait, for upstreams or to be sent a zone.
    fn has_room(&self) -> bool {
        self.waiting < MAX_WAITING && self.transfers.has_room()
    }

    /// The time at which the connection ends unless something happens. The time that a client takes for its answers
    /// does not count, and a connection that waits for answers is not idle (RFC 7766 section 3).
    fn deadline(&self) -> Instant {
        let idle = self.streams.shared.snapshot.load().settings.tcp.idle;
        match self.began {
            Some(began) => began.max(self.last) + MESSAGE_TIME.min(idle),
            None if self.waiting + self.transfers.len() > 0 => Instant::now() + idle,
            None => self.last + idle,
        }
    }

    /// Makes space for the next read: an empty buffer gives its memory back, a full one grows, up to the longest
    /// message.
    fn make_space(&mut self) {
        if self.inbox.is_empty() && self.inbox.capacity() > MAX_READ {
            self.inbox = Vec::with_capacity(FIRST_LEN);
        }
        if self.inbox.len() == self.inbox.capacity() {
            self.inbox.reserve_exact(self.inbox.capacity().clamp(FIRST_LEN, MAX_READ));
        }
    }

    /// Puts the next message of a transfer into the outbox.
    fn transfer(&mut self) -> Next {
        let (shared, now) = (&self.streams.shared, Instant::now());
        let today = (shared.clock)().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let snapshot = shared.snapshot.load();
        let known = (&*snapshot.zones, &*snapshot.transfers.board);
        framing::frame(&mut self.outbox, |outbox| self.transfers.message(known, (now, today), outbox))
    }

    /// Goes on with a query that waited.
    fn resume(&mut self, query: Arrived) {
        let (shared, now) = (&self.streams.shared, Instant::now());
        match framing::frame(&mut self.outbox, |outbox| answerer::resume(shared, query, now, outbox)) {
            Handled::Later(later) => ask(later, &self.back, now),
            Handled::Answered | Handled::Nothing | Handled::Transfer(_) => {
                self.waiting -= 1;
                self.last = now;
            }
        }
    }

    /// Sends the answers. Most clients take them at once; others are waited for.
    async fn flush<S: ClientStream>(&mut self, stream: &mut S) -> io::Result<()> {
        let (sent, is_all) = client_stream::send_now(stream, &self.outbox).await?;
        if !is_all {
            self.wait_for_client(stream, sent).await?;
        }
        self.sent += self.outbox.len();
        if self.sent >= TURN {
            self.sent = 0;
            tokio::task::yield_now().await;
        }
        self.outbox.clear();
        if self.outbox.capacity() > MAX_READ {
            self.outbox = Vec::new();
        }
        self.last = Instant::now();
        Ok(())
    }

    /// Waits until the client has taken the answers behind the first `sent` octets. Queries that come back meanwhile
    /// wait with them.
    async fn wait_for_client<S: ClientStream>(&mut self, stream: &mut S, sent: usize) -> io::Result<()> {
        let Self { outbox, returned, returning, handle, streams, transfers, .. } = self;
        let patience = streams.shared.snapshot.load().settings.tcp.idle.min(transfers.patience());
        let rest = &outbox[sent..];
        // The timeout covers the whole write: a client that takes an octet now and then does not take its answers.
        let written = async {
            stream.write_all(rest).await?;
            stream.flush().await
        };
        let timeout = tokio::time::sleep(patience);
        tokio::pin!(written, timeout);
        let result = loop {
            let evicted = handle.unsent(rest.len() + returned.octets());
            (0..evicted).for_each(|_| Counters::add(&streams.shared.counters.tcp_displaced));
            tokio::select! {
                written = &mut written => break written,
                Some(query) = returning.recv() => match query {
                    Some(query) => returned.push(query),
                    None => break Err(io::ErrorKind::NotConnected.into()),
                },
                () = &mut timeout => break Err(io::ErrorKind::TimedOut.into()),
                () = handle.evicted() => break Err(io::ErrorKind::TimedOut.into()),
            }
        };
        handle.unsent(0);
        result
    }

    /// Serves complete messages until many answers are to be taken, or many queries wait; `false` once a message made
    /// no sense: framing can no longer be trusted.
    fn drain(&mut self) -> bool {
        let Self { streams, client, listener, inbox, outbox, waiting, back, transfers, .. } = self;
        let snapshot = streams.shared.snapshot.load();
        let now = Instant::now();
        // All connections share one answer cache; a batch that finds it in use works without it.
        let mut answers = streams.answers.try_lock().ok();
        let (answers, mut counts) = (answers.as_deref_mut(), streams.counts());
        let mut answerer = Answerer::new(&streams.shared, &snapshot, answers, counts.writer(), *listener, now);
        let (mut at, mut makes_sense) = (0, true);
        while outbox.len() < MAX_UNSENT && *waiting < MAX_WAITING && transfers.has_room() {
            let Some((message, end)) = framing::message_at(inbox, at) else { break };
            at = end;
            match framing::frame(outbox, |outbox| answerer.answer(message, *client, outbox)) {
                Handled::Answered => {}
                Handled::Nothing => makes_sense = false,
                Handled::Transfer(granted) => transfers.push(granted, &snapshot.transfers.places),
                Handled::Later(later) => {
                    *waiting += 1;
                    ask(later, back, now);
                }
            }
        }
        let end = Instant::now();
        answerer.finish(end);
        inbox.drain(..at);
        self.began = None;
        self.last = end;
        makes_sense
    }
}

/// Asks upstream; the query comes back to its connection.
fn ask(later: Later, back: &mpsc::UnboundedSender<Option<Arrived>>, now: Instant) {
    let back = back.clone();
    // The connection may have ended by then.
    reply_to::ask(later, now, move |arrived| drop(back.send(arrived)));
}

/// The next query that came back, as soon as there is one.
async fn next(
    returned: &mut Returned<Arrived>,
    returning: &mut mpsc::UnboundedReceiver<Option<Arrived>>,
) -> Option<Option<Arrived>> {
    match returned.pop() {
        Some(query) => Some(Some(query)),
        None => returning.recv().await,
    }
}
