//! DNS over HTTPS (RFC 8484): requests of HTTP/2, each with one query, answered in the task of their connection.
//!
//! In: a stream of TLS. Out: replies, as the client takes them. The limits are those of `tcp`: queries that wait for an
//! upstream, octets that the client does not take, and the time that a connection may go without progress. HTTP/2 has
//! its own for streams, fields and resets.

mod body;
mod deferred;
mod outgoing;
mod patience;
mod reply;
pub(crate) mod request;

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::server::{self, SendResponse};
use h2::{Reason, RecvStream};
use http::{Method, Request};
use tokio::sync::{mpsc, watch};
use tokio::time::{Sleep, timeout};

use self::body::Body;
use self::deferred::{Deferred, Flusher, deferred};
use self::outgoing::Outgoing;
use self::patience::Patience;
use self::request::{Asked, Refusal};
use super::client_stream::{self, ClientStream};
use super::connections::ConnectionHandle;
use super::reply_to;
use super::returned::Returned;
use super::streams::Streams;
use crate::server::answerer::{self, Answerer, Handled};
use crate::server::context::Listener;
use crate::server::counters::Counters;
use crate::server::query::{Arrived, Later};

/// Requests of one connection that may be under way; HTTP/2 tells the client.
const MAX_REQUESTS: u32 = 100;

/// Octets of the fields of a request, and so of the longest query by GET.
const MAX_FIELDS: u32 = 8 << 10;

/// Octets that a client may send in bodies that are not whole, in all: one more than a message has, so that one that is
/// too long can be told.
const WINDOW: u32 = 64 << 10;

/// Octets of answers that the client has not taken, or of queries, after which no more of its queries are served.
const MAX_UNSENT: usize = 64 << 10;

/// Octets that a request under way takes, in HTTP/2 and here.
const REQUEST_OCTETS: usize = 1 << 10;

/// Steps in which others learn what a connection holds, octets: most hold less than one.
const COUNTED: usize = 16 << 10;

/// The time that a request may take from its head to its end, if the idle time is not shorter anyway.
const REQUEST_TIME: Duration = Duration::from_secs(5);

/// The time for the first octets of HTTP/2, and for the last ones.
const EDGE_TIME: Duration = Duration::from_secs(5);

/// One connection.
pub(super) struct Connection<S> {
    client: SocketAddr,
    listener: Listener,
    streams: Arc<Streams>,
    handle: Arc<ConnectionHandle>,
    http: server::Connection<Deferred<S>, Bytes>,
    flusher: Flusher<S>,
    /// Requests whose body is not whole.
    bodies: Vec<Body>,
    /// Queries that are yet to be answered.
    asked: Vec<(Vec<u8>, SendResponse<Bytes>)>,
    /// Requests whose query waits for an upstream.
    waiting: HashMap<u64, SendResponse<Bytes>>,
    next: u64,
    outgoing: Outgoing,
    /// The octets that others know of.
    counted: usize,
    back: mpsc::UnboundedSender<(u64, Option<Arrived>)>,
    returning: mpsc::UnboundedReceiver<(u64, Option<Arrived>)>,
    /// Queries that came back while the client was taking earlier answers.
    returned: Returned<(u64, Arrived)>,
    /// The time at which a request or an answer was last complete.
    last: Instant,
    patience: Patience,
}

/// Serves a connection from its first octet to its last.
pub(super) async fn run<S: ClientStream>(
    stream: S,
    (client, listener): (SocketAddr, Listener),
    (streams, handle): (Arc<Streams>, ConnectionHandle),
    mut stopped: watch::Receiver<bool>,
) {
    let (io, flusher) = deferred(stream);
    let mut builder = server::Builder::new();
    builder.max_concurrent_streams(MAX_REQUESTS).max_header_list_size(MAX_FIELDS);
    builder.initial_window_size(WINDOW).initial_connection_window_size(WINDOW);
    let begun = tokio::select! {
        begun = timeout(EDGE_TIME, builder.handshake(io)) => begun.ok().and_then(Result::ok),
        () = handle.evicted() => None,
        _ = stopped.wait_for(|stopped| *stopped) => None,
    };
    let Some(http) = begun else { return flusher.close().await };
    // The client knows the limits from the first octet on.
    flusher.defer();
    let (back, returning) = mpsc::unbounded_channel();
    let connection = Connection {
        client,
        listener,
        streams,
        handle: Arc::new(handle),
        http,
        flusher,
        bodies: Vec::new(),
        asked: Vec::new(),
        waiting: HashMap::new(),
        next: 0,
        outgoing: Outgoing::default(),
        counted: 0,
        back,
        returning,
        returned: Returned::default(),
        last: Instant::now(),
        patience: Patience::default(),
    };
    connection.run(stopped).await;
}

impl<S: ClientStream> Connection<S> {
    async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        let timer = tokio::time::sleep_until(self.deadline().into());
        let stop = stopped.wait_for(|stopped| *stopped);
        tokio::pin!(timer, stop);
        let (mut stopping, handle) = (false, Arc::clone(&self.handle));
        let time_to_end = loop {
            tokio::select! {
                is_over = poll_fn(|context| self.turn_or_time(timer.as_mut(), context)) => {
                    if is_over {
                        break EDGE_TIME.min(self.idle());
                    }
                }
                () = handle.evicted() => {
                    self.http.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                    break Duration::ZERO;
                }
                _ = &mut stop, if !stopping => {
                    stopping = true;
                    // Requests under way are answered; the client asks nothing more here.
                    self.http.graceful_shutdown();
                }
            }
        };
        self.end(time_to_end).await;
    }

    /// Has the last octets leave in this time, the word for the end among them; a client that does not take them is cut
    /// off.
    async fn end(mut self, time: Duration) {
        let handle = Arc::clone(&self.handle);
        let last = async {
            // What can be said of an error is said by what follows.
            let _ = poll_fn(|context| self.http.poll_closed(context)).await;
            let _ = poll_fn(|context| self.flusher.flush(context)).await;
        };
        let is_said = tokio::select! {
            said = timeout(time, last) => said.is_ok(),
            () = handle.evicted() => false,
        };
        if is_said { self.flusher.close().await } else { self.flusher.with(|stream| client_stream::cut_off(stream)) }
    }

    /// Does all that there is to do, and ends what has taken too long; true at the end of the connection.
    fn turn_or_time(&mut self, mut timer: Pin<&mut Sleep>, context: &mut Context<'_>) -> Poll<bool> {
        if self.turn(context).is_ready() {
            return Poll::Ready(true);
        }
        let deadline = self.deadline();
        if deadline < timer.deadline().into_std() {
            timer.as_mut().reset(deadline.into());
        }
        ready!(timer.as_mut().poll(context));
        let now = Instant::now();
        self.refuse_late(now);
        let is_over = self.end_of_progress() <= now;
        if is_over {
            self.http.abrupt_shutdown(Reason::NO_ERROR);
        }
        timer.reset(self.deadline().into());
        Poll::Ready(is_over)
    }

    /// Does all that there is to do; pending until there is more, ready at the end of the connection.
    fn turn(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.accept(context).is_ready() {
                return Poll::Ready(());
            }
            let (has_read, is_back) = (self.read_bodies(context), self.take_returned(context));
            let has_answered = self.answer();
            // What was answered is not on its way before HTTP/2 is polled again.
            let has_left = self.outgoing.send_unsent(context);
            if !(has_read || is_back || has_answered || has_left) {
                break;
            }
        }
        let flushed = self.flusher.flush(context);
        if matches!(flushed, Poll::Ready(Err(_))) {
            return Poll::Ready(());
        }
        let was_full = self.is_full();
        if flushed.is_ready() {
            self.outgoing.flushed();
        }
        self.note(flushed.is_pending());
        if was_full && !self.is_full() {
            // There is more to answer; others have their turn first.
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Takes the requests that have come, as many as may be under way.
    fn accept(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if !self.has_room() {
                // Those that the client has taken back keep no other out; the query itself goes on.
                self.waiting.retain(|_, respond| respond.poll_reset(context).is_pending());
            }
            if !self.has_room() {
                return self.http.poll_closed(context).map(|_| ());
            }
            match ready!(self.http.poll_accept(context)) {
                Some(Ok((request, respond))) => self.begin(request, respond),
                _ => return Poll::Ready(()),
            }
        }
    }

    fn begin(&mut self, request: Request<RecvStream>, respond: SendResponse<Bytes>) {
        let (head, stream) = request.into_parts();
        let snapshot = self.streams.shared.snapshot.load();
        match request::read(&head.method, &head.uri, &head.headers, &snapshot.settings.doh_path) {
            Ok(Asked::Query(message)) => self.asked.push((message, respond)),
            Ok(Asked::Body) => self.bodies.push(Body::new(stream, respond, Instant::now())),
            Err(refusal) if head.method == Method::HEAD => self.refuse_head(respond, refusal),
            Err(refusal) => self.refuse(respond, refusal),
        }
    }

    /// Reads the bodies as far as they have come, and as their queries can be answered; true if one has its end.
    fn read_bodies(&mut self, context: &mut Context<'_>) -> bool {
        let (mut at, before) = (0, self.bodies.len());
        while at < self.bodies.len() && self.asked_octets() < MAX_UNSENT {
            match self.bodies[at].read(context) {
                Poll::Pending => at += 1,
                Poll::Ready(read) => {
                    let Body { respond, message, .. } = self.bodies.swap_remove(at);
                    match read {
                        Ok(true) => self.asked.push((message, respond)),
                        // The client has taken its request back.
                        Ok(false) => {}
                        Err(refusal) => self.refuse(respond, refusal),
                    }
                }
            }
        }
        self.bodies.len() < before
    }

    /// Answers what was asked, as far as memory suffices and the client takes answers; true if there was any of it.
    fn answer(&mut self) -> bool {
        if self.asked.is_empty() || self.is_full() {
            return false;
        }
        let (mut asked, streams) = (std::mem::take(&mut self.asked).into_iter(), Arc::clone(&self.streams));
        let (snapshot, now) = (streams.shared.snapshot.load(), Instant::now());
        // All connections share one answer cache; a batch that finds it in use works without it.
        let mut answers = streams.answers.try_lock().ok();
        let (answers, mut counts) = (answers.as_deref_mut(), streams.counts());
        let mut answerer = Answerer::new(&streams.shared, &snapshot, answers, counts.writer(), self.listener, now);
        let mut out = Vec::new();
        while !self.is_full() {
            let Some((message, respond)) = asked.next() else { break };
            out.clear();
            match answerer.answer(&message, self.client, &mut out) {
                Handled::Answered => self.reply(respond, &out),
                Handled::Later(later) => self.ask(later, respond, now),
                // A transfer needs a stream, and is refused.
                Handled::Nothing | Handled::Transfer(_) => self.refuse(respond, Refusal::NotDns),
            }
        }
        self.last = Instant::now();
        answerer.finish(self.last);
        self.asked = asked.collect();
        true
    }

    fn ask(&mut self, later: Later, respond: SendResponse<Bytes>, now: Instant) {
        let (back, id) = (self.back.clone(), self.next);
        self.next += 1;
        self.waiting.insert(id, respond);
        // The connection may have ended by then.
        reply_to::ask(later, now, move |arrived| drop(back.send((id, arrived))));
    }

    /// Goes on with queries that waited for an upstream, as far as the client takes answers; true if one of them has
    /// its own.
    fn take_returned(&mut self, context: &mut Context<'_>) -> bool {
        while let Poll::Ready(Some((id, arrived))) = self.returning.poll_recv(context) {
            match arrived {
                Some(arrived) => self.returned.push((id, arrived)),
                // The query got lost.
                None => drop(self.waiting.remove(&id).map(|mut respond| respond.send_reset(Reason::INTERNAL_ERROR))),
            }
        }
        let before = self.last;
        while !self.is_full() {
            let Some((id, arrived)) = self.returned.pop() else { break };
            let Some(respond) = self.waiting.remove(&id) else { continue };
            let (mut out, now) = (Vec::new(), Instant::now());
            match answerer::resume(&self.streams.shared, arrived, now, &mut out) {
                Handled::Answered => self.reply(respond, &out),
                Handled::Later(later) => self.ask(later, respond, now),
                Handled::Nothing | Handled::Transfer(_) => self.refuse(respond, Refusal::NotDns),
            }
            self.last = now;
        }
        self.last != before
    }

    fn reply(&mut self, respond: SendResponse<Bytes>, message: &[u8]) {
        self.outgoing.send(respond, reply::answer(message), Bytes::copy_from_slice(message));
    }

    fn refuse(&mut self, respond: SendResponse<Bytes>, refusal: Refusal) {
        Counters::add(&self.streams.shared.counters.https_refused);
        let (head, body) = reply::refusal(refusal);
        self.outgoing.send(respond, head, body);
    }

    /// The same without the sentence: a reply to HEAD has no content (RFC 9110 section 9.3.2).
    fn refuse_head(&mut self, respond: SendResponse<Bytes>, refusal: Refusal) {
        Counters::add(&self.streams.shared.counters.https_refused);
        self.outgoing.send(respond, reply::refusal(refusal).0, Bytes::new());
    }

    /// Refuses the requests whose body has taken too long.
    fn refuse_late(&mut self, now: Instant) {
        let time = REQUEST_TIME.min(self.idle());
        for mut body in self.bodies.extract_if(.., |body| body.began + time <= now).collect::<Vec<_>>() {
            body.release();
            self.refuse(body.respond, Refusal::TooSlow);
        }
    }

    /// Notes for others how the connection is; `is_stuck` if octets wait for the client.
    fn note(&mut self, is_stuck: bool) {
        let waiting = self.outgoing.octets();
        let octets = waiting + self.flusher.octets() + self.returned.octets() + self.asked_octets();
        let held = (octets + self.requests() * REQUEST_OCTETS) / COUNTED * COUNTED;
        if held != self.counted {
            self.counted = held;
            let evicted = self.handle.unsent(held);
            (0..evicted).for_each(|_| Counters::add(&self.streams.shared.counters.tcp_displaced));
        }
        self.patience.note((is_stuck || waiting > 0).then_some(waiting), self.flusher.left(), Instant::now());
        self.handle.active(self.last, self.waiting.len());
    }

    /// Octets of queries that are yet to be answered.
    fn asked_octets(&self) -> usize {
        self.asked.iter().map(|(message, _)| message.len()).sum()
    }

    /// Whether the client has to take answers before more of its queries are served.
    fn is_full(&self) -> bool {
        self.outgoing.octets() >= MAX_UNSENT
    }

    /// Requests that are under way.
    fn requests(&self) -> usize {
        self.waiting.len() + self.bodies.len() + self.asked.len()
    }

    /// Whether more requests may be taken: HTTP/2 does not count those that the client has taken back.
    fn has_room(&self) -> bool {
        self.requests() < MAX_REQUESTS as usize
    }

    fn idle(&self) -> Duration {
        self.streams.shared.snapshot.load().settings.tcp.idle
    }

    /// The time at which something is to be ended: a request, or the connection.
    fn deadline(&self) -> Instant {
        let time = REQUEST_TIME.min(self.idle());
        self.bodies.iter().fold(self.end_of_progress(), |first, body| first.min(body.began + time))
    }

    /// The time at which the connection ends unless something happens. One that waits for answers is not idle, nor is
    /// one whose client sends a request.
    fn end_of_progress(&self) -> Instant {
        let idle = self.idle();
        let idles = self.waiting.is_empty() && self.bodies.is_empty();
        self.patience.end(idle).unwrap_or_else(|| if idles { self.last + idle } else { Instant::now() + idle })
    }
}
