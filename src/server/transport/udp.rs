//! UDP workers: one thread and one socket each, datagrams received and answered in batches.
//!
//! In: datagrams, and what upstreams said. Out: datagrams. A worker never waits for an upstream: such queries go to the
//! forwarder, what comes of them comes back (`late_answers`), and all answers that are ready at one time leave in one batch.

use std::net::UdpSocket;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, SockaddrIn, SockaddrIn6};

use super::datagrams::{BATCH, Headers, Incoming, Outgoing, Peer, Route};
use super::late_answers::{LateAnswers, Waker};
use crate::server::Shared;
use crate::server::fast::FastPath;
use crate::server::fast::answer_cache::AnswerCache;
use crate::server::query::response::Transport;
use crate::server::query::{self, Finished, Served};

/// How long a worker may take to see that it is to stop.
pub(crate) const STOP_LATENCY: Duration = Duration::from_millis(200);

/// When a worker has to be gone, once it is to stop.
pub(crate) type Stop = OnceLock<Instant>;

/// Answers datagrams until it is to stop, and then those that wait, as long as there is time.
pub(crate) fn worker(socket: &UdpSocket, waker: Waker, shared: &Arc<Shared>, stop: &Stop) {
    if socket.local_addr().is_ok_and(|address| address.is_ipv4()) {
        Worker::<SockaddrIn>::new(socket, waker, shared).run(stop);
    } else {
        Worker::<SockaddrIn6>::new(socket, waker, shared).run(stop);
    }
}

struct Worker<'a, P> {
    socket: &'a UdpSocket,
    shared: &'a Arc<Shared>,
    late_answers: Arc<LateAnswers<ReplyTo<P>>>,
    outgoing: Outgoing<P>,
    answers: AnswerCache,
    /// One more owner for each question that an upstream has to answer first, until its answer is sent or it got lost.
    waiting: Arc<()>,
}

/// Where a late answer goes, and one owner of its worker's count.
struct ReplyTo<P> {
    route: Route<P>,
    _waits: Arc<()>,
}

impl<'a, P: Peer> Worker<'a, P> {
    fn new(socket: &'a UdpSocket, waker: Waker, shared: &'a Arc<Shared>) -> Self {
        let (outgoing, answers) = (Outgoing::new(socket), AnswerCache::new(Instant::now()));
        Self { socket, shared, late_answers: LateAnswers::new(waker), outgoing, answers, waiting: Arc::new(()) }
    }

    fn is_awaited(&self) -> bool {
        Arc::strong_count(&self.waiting) > 1
    }

    fn run(&mut self, stop: &Stop) {
        let mut incoming = Incoming::<P>::new(self.socket);
        let mut headers = Headers::new(BATCH, self.outgoing.is_wildcard());
        let mut finished = Vec::new();
        loop {
            let (stopping, awaited) = (stop.get(), self.is_awaited());
            if stopping.is_some_and(|deadline| !awaited || *deadline <= Instant::now()) {
                return;
            }
            // Who waits for no upstream waits for its socket alone, in one system call.
            let flags = if awaited { MsgFlags::MSG_DONTWAIT } else { MsgFlags::MSG_WAITFORONE };
            let received = if stopping.is_some() { Err(Errno::EAGAIN) } else { incoming.receive(self.socket, flags) };
            if received.is_ok() {
                self.serve(&incoming);
            }
            if awaited {
                self.late_answers.take(&mut finished);
                self.answer(&finished);
            }
            self.outgoing.send(self.socket, &mut headers, MsgFlags::empty());
            let is_idle = finished.is_empty();
            // Now that they are sent, they wait no more.
            finished.clear();
            match received {
                Err(Errno::EAGAIN | Errno::EINTR) if awaited && is_idle => {
                    let socket = stopping.is_none().then_some(self.socket);
                    self.late_answers.sleep(socket, STOP_LATENCY);
                }
                Ok(()) | Err(Errno::EAGAIN | Errno::EINTR) => {}
                // Nothing a client does leads here. Whatever it is, it must not spin a core.
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    /// Answers those who waited.
    fn answer(&mut self, finished: &[(Finished, ReplyTo<P>)]) {
        for (finished, due) in finished {
            self.outgoing.bytes.extend_from_slice(&finished.compose(self.shared));
            self.outgoing.end_answer(due.route);
        }
    }

    fn serve(&mut self, incoming: &Incoming<P>) {
        let Self { shared, outgoing, answers, late_answers, waiting, .. } = self;
        let snapshot = shared.snapshot.load();
        let now = Instant::now();
        let mut fast = FastPath::new(&snapshot, &shared.misses, answers, now);
        let mut count = 0;
        for (message, route) in incoming.messages() {
            count += 1;
            let client = route.peer.to_std();
            if fast.answer(message, client, Transport::Udp, &mut outgoing.bytes).is_some() {
                outgoing.end_answer(route);
                continue;
            }
            match query::serve(shared, &snapshot, message, client, Transport::Udp, now) {
                Served::Nothing => {}
                Served::Now(bytes) => {
                    outgoing.bytes.extend_from_slice(&bytes);
                    outgoing.end_answer(route);
                }
                Served::Validity(bytes, cacheable) => {
                    fast.keep(message, &bytes, &cacheable);
                    outgoing.bytes.extend_from_slice(&bytes);
                    outgoing.end_answer(route);
                }
                Served::Later(later) => {
                    let (late_answers, due) =
                        (Arc::clone(late_answers), ReplyTo { route, _waits: Arc::clone(waiting) });
                    later.finish(now, move |finished, batch| late_answers.push(finished, due, batch));
                }
            }
        }
        shared.counters.udp_queries.fetch_add(count, Ordering::Relaxed);
        fast.count(&shared.counters);
    }
}
