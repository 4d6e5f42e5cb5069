//! DNS over HTTPS (RFC 8484): requests of HTTP/2, each with one query, answered in the task of their connection.
//!
//! In: a stream of TLS. Out: replies, as the client takes them. The limits are those of `tcp`: queries that wait for an
//! upstream, octets that the client does not take, and the time that a connection may go without progress. HTTP/2 has
//! its own for streams, fields and resets.

mod deferred;
mod reply;
pub(crate) mod request;

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::server::{self, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::{Method, Request, Response};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use self::deferred::{Deferred, Flusher, deferred};
use self::request::{Asked, MAX_MESSAGE, Refusal};
use super::client_stream::{self, ClientStream};
use super::connections::ConnectionHandle;
use super::reply_to;
use super::returned::Returned;
use super::streams::Streams;
use crate::server::answerer::{self, Answerer, Handled};
use crate::server::context::{Ends, Listener, Transport};
use crate::server::counters::Counters;
use crate::server::query::{Arrived, Later};

/// Requests of one connection that may be under way; HTTP/2 tells the client.
const MAX_REQUESTS: u32 = 100;

/// Octets of the fields of a request, and so of the longest query by GET.
const MAX_FIELDS: u32 = 8 << 10;

/// Octets of answers that the client has not taken, after which no more of its queries are served until it has.
const MAX_UNSENT: usize = 64 << 10;

/// The time that a request may take from its head to its end, if the idle time is not shorter anyway.
const REQUEST_TIME: Duration = Duration::from_secs(5);

/// The time for the first octets of HTTP/2, and for the last ones.
const EDGE_TIME: Duration = Duration::from_secs(5);

/// One connection.
pub(super) struct Connection<S> {
    ends: Ends,
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
    /// Replies that the client's windows do not let through.
    unsent: Vec<(SendStream<Bytes>, Bytes)>,
    /// The octets of them that others know of.
    counted: usize,
    back: mpsc::UnboundedSender<(u64, Option<Arrived>)>,
    returning: mpsc::UnboundedReceiver<(u64, Option<Arrived>)>,
    /// Queries that came back while the client was taking earlier answers.
    returned: Returned<(u64, Arrived)>,
    /// The time at which a request or an answer was last complete.
    last: Instant,
    /// The time since which the client has not taken all there is.
    since: Option<Instant>,
}

/// A request whose body comes in parts.
struct Body {
    stream: RecvStream,
    respond: SendResponse<Bytes>,
    message: Vec<u8>,
    began: Instant,
}

/// Serves a connection from its first octet to its last.
pub(super) async fn run<S: ClientStream>(
    stream: S,
    ends: Ends,
    (streams, handle): (Arc<Streams>, ConnectionHandle),
    stopped: watch::Receiver<bool>,
) {
    let (io, flusher) = deferred(stream);
    let mut builder = server::Builder::new();
    builder.max_concurrent_streams(MAX_REQUESTS).max_header_list_size(MAX_FIELDS).initial_window_size(65_535);
    let Ok(Ok(http)) = timeout(EDGE_TIME, builder.handshake(io)).await else { return };
    // The client knows the limits from the first octet on.
    flusher.defer();
    let (back, returning) = mpsc::unbounded_channel();
    let connection = Connection {
        ends,
        streams,
        handle: Arc::new(handle),
        http,
        flusher,
        bodies: Vec::new(),
        asked: Vec::new(),
        waiting: HashMap::new(),
        next: 0,
        unsent: Vec::new(),
        counted: 0,
        back,
        returning,
        returned: Returned::default(),
        last: Instant::now(),
        since: None,
    };
    connection.run(stopped).await;
}

impl<S: ClientStream> Connection<S> {
    async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        let timer = tokio::time::sleep_until(self.deadline().into());
        let stop = stopped.wait_for(|stopped| *stopped);
        tokio::pin!(timer, stop);
        let (mut stopping, handle) = (false, Arc::clone(&self.handle));
        loop {
            tokio::select! {
                () = poll_fn(|context| self.turn(context)) => break,
                () = &mut timer => {
                    let deadline = self.deadline();
                    if deadline <= Instant::now() {
                        break self.http.abrupt_shutdown(Reason::NO_ERROR);
                    }
                    timer.as_mut().reset(deadline.into());
                }
                () = handle.evicted() => break self.http.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM),
                _ = &mut stop, if !stopping => {
                    stopping = true;
                    // Requests under way are answered; the client asks nothing more here.
                    self.http.graceful_shutdown();
                }
            }
            if self.deadline() < timer.deadline().into_std() {
                timer.as_mut().reset(self.deadline().into());
            }
        }
        self.end().await;
    }

    /// Has the last octets leave, the word for the end among them; a client that does not take them is cut off.
    async fn end(mut self) {
        self.handle.unsent(0);
        let ended = timeout(EDGE_TIME.min(self.idle()), poll_fn(|context| self.http.poll_closed(context))).await;
        let flushed = timeout(EDGE_TIME.min(self.idle()), poll_fn(|context| self.flusher.flush(context))).await;
        if ended.is_err() || flushed.is_err() {
            return self.flusher.with(|stream| client_stream::cut_off(stream));
        }
        poll_fn(|context| {
            self.flusher.with(|stream| client_stream::try_close(stream, context));
            Poll::Ready(())
        })
        .await;
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
            let has_left = self.send_unsent(context);
            if !(has_read || is_back || has_answered || has_left) {
                break;
            }
        }
        let flushed = self.flusher.flush(context);
        if matches!(flushed, Poll::Ready(Err(_))) {
            return Poll::Ready(());
        }
        self.note(flushed.is_pending());
        Poll::Pending
    }

    /// Takes the requests that have come, as many as may be under way.
    fn accept(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.has_room() {
            match self.http.poll_accept(context) {
                Poll::Ready(Some(Ok((request, respond)))) => self.begin(request, respond),
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
        self.http.poll_closed(context).map(|_| ())
    }

    fn begin(&mut self, request: Request<RecvStream>, respond: SendResponse<Bytes>) {
        let (head, stream) = request.into_parts();
        let snapshot = self.streams.shared.snapshot.load();
        match request::read(&head.method, &head.uri, &head.headers, &snapshot.settings.doh_path) {
            Ok(Asked::Query(message)) => self.asked.push((message, respond)),
            Ok(Asked::Body) => {
                let (message, began) = (Vec::new(), Instant::now());
                self.bodies.push(Body { stream, respond, message, began });
            }
            Err(refusal) if head.method == Method::HEAD => self.refuse_head(respond, refusal),
            Err(refusal) => self.refuse(respond, refusal),
        }
    }

    /// Reads the bodies as far as they have come; true if one of them has its end.
    fn read_bodies(&mut self, context: &mut Context<'_>) -> bool {
        let (mut at, before) = (0, self.bodies.len());
        while at < self.bodies.len() {
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
        if self.asked.is_empty() || self.unsent_octets() >= MAX_UNSENT {
            return false;
        }
        let (mut asked, streams) = (std::mem::take(&mut self.asked).into_iter(), Arc::clone(&self.streams));
        let (snapshot, now) = (streams.shared.snapshot.load(), Instant::now());
        let listener = Listener { transport: Transport::Https, address: self.ends.local, is_xot: false };
        // All connections share one answer cache; a batch that finds it in use works without it.
        let mut answers = streams.answers.try_lock().ok();
        let (answers, mut counts) = (answers.as_deref_mut(), streams.counts());
        let mut answerer = Answerer::new(&streams.shared, &snapshot, answers, counts.writer(), listener, now);
        let mut out = Vec::new();
        while self.unsent_octets() < MAX_UNSENT {
            let Some((message, respond)) = asked.next() else { break };
            out.clear();
            match answerer.answer(&message, self.ends.client, &mut out) {
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
                None => self.give_up(id),
            }
        }
        let before = self.last;
        while self.unsent_octets() < MAX_UNSENT {
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

    /// Takes back the request whose query got lost.
    fn give_up(&mut self, id: u64) {
        if let Some(mut respond) = self.waiting.remove(&id) {
            respond.send_reset(Reason::INTERNAL_ERROR);
        }
    }

    fn reply(&mut self, respond: SendResponse<Bytes>, message: &[u8]) {
        self.send(respond, reply::answer(message), Bytes::copy_from_slice(message));
    }

    fn refuse(&mut self, respond: SendResponse<Bytes>, refusal: Refusal) {
        Counters::add(&self.streams.shared.counters.https_refused);
        let (head, body) = reply::refusal(refusal);
        self.send(respond, head, body);
    }

    /// The same without the sentence: a reply to HEAD has no content (RFC 9110 section 9.3.2).
    fn refuse_head(&mut self, respond: SendResponse<Bytes>, refusal: Refusal) {
        Counters::add(&self.streams.shared.counters.https_refused);
        self.send(respond, reply::refusal(refusal).0, Bytes::new());
    }

    /// Sends a reply as far as the client's windows let it through. A client that has taken its request back has none.
    fn send(&mut self, mut respond: SendResponse<Bytes>, head: Response<()>, body: Bytes) {
        let Ok(mut stream) = respond.send_response(head, body.is_empty()) else { return };
        if body.is_empty() {
            return;
        }
        stream.reserve_capacity(body.len());
        if stream.capacity() < body.len() {
            return self.unsent.push((stream, body));
        }
        let _ = stream.send_data(body, true);
    }

    /// Sends what waits for the client's windows; true if some of it left, or is not wanted any more.
    fn send_unsent(&mut self, context: &mut Context<'_>) -> bool {
        let (mut has_left, before) = (false, self.unsent.len());
        self.unsent.retain_mut(|(stream, body)| {
            loop {
                let room = match stream.capacity() {
                    0 => match stream.poll_capacity(context) {
                        Poll::Pending => return true,
                        Poll::Ready(Some(Ok(room))) => room,
                        Poll::Ready(_) => return false,
                    },
                    room => room,
                };
                let part = body.split_to(room.min(body.len()));
                has_left |= !part.is_empty();
                if stream.send_data(part, body.is_empty()).is_err() || body.is_empty() {
                    return false;
                }
            }
        });
        has_left || self.unsent.len() < before
    }

    /// Notes for others how the connection is; `is_stuck` if octets wait for the client.
    fn note(&mut self, is_stuck: bool) {
        let unsent = self.unsent_octets() + self.returned.octets();
        if unsent != self.counted {
            self.counted = unsent;
            let evicted = self.handle.unsent(unsent);
            (0..evicted).for_each(|_| Counters::add(&self.streams.shared.counters.tcp_displaced));
        }
        self.since = if is_stuck || unsent > 0 { self.since.or_else(|| Some(Instant::now())) } else { None };
        self.handle.active(self.last, self.waiting.len());
    }

    fn unsent_octets(&self) -> usize {
        self.unsent.iter().map(|(_, body)| body.len()).sum()
    }

    /// Whether more requests may be taken: HTTP/2 does not count those that the client has taken back.
    fn has_room(&self) -> bool {
        self.waiting.len() + self.bodies.len() + self.asked.len() < MAX_REQUESTS as usize
            && self.unsent_octets() < MAX_UNSENT
    }

    fn idle(&self) -> Duration {
        self.streams.shared.snapshot.load().settings.tcp.idle
    }

    /// The time at which the connection ends unless something happens. One that waits for answers is not idle.
    fn deadline(&self) -> Instant {
        let idle = self.idle();
        let oldest = self.bodies.iter().map(|body| body.began + REQUEST_TIME.min(idle));
        let stuck = self.since.map(|since| since + idle);
        let idles = if self.waiting.is_empty() { self.last + idle } else { Instant::now() + idle };
        oldest.chain(stuck).min().unwrap_or(idles)
    }
}

impl Body {
    /// Reads what has come: true at the end of the body, false if the client has taken it back.
    fn read(&mut self, context: &mut Context<'_>) -> Poll<Result<bool, Refusal>> {
        loop {
            match self.stream.poll_data(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(Ok(true)),
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Ok(false)),
                Poll::Ready(Some(Ok(part))) => {
                    if self.message.len() + part.len() > MAX_MESSAGE {
                        return Poll::Ready(Err(Refusal::TooLong));
                    }
                    self.message.extend_from_slice(&part);
                    // The client may send as much again; it fails only where the connection has failed.
                    let _ = self.stream.flow_control().release_capacity(part.len());
                }
            }
        }
    }
}
