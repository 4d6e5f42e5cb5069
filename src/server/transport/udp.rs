//! UDP workers: one thread and one socket each, datagrams received and answered in batches.
//!
//! In: datagrams, and outcomes from upstreams. Out: datagrams. A worker never waits for an upstream: such queries go to
//! the forwarding thread and come back with their outcome (`late_answers`), and answers that are ready at one time
//! leave in one batch. Queries that come back and queries that arrive take turns, a batch of each, so that many clients
//! that waited for one answer hold up nobody else.

use std::collections::VecDeque;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, SockaddrIn, SockaddrIn6};

use super::datagrams::{BATCH, Incoming, Outgoing, Peer, ReturnPath, SendHeaders};
use super::late_answers::{LateAnswers, Waker};
use crate::server::answerer::{self, Answerer, Handled};
use crate::server::context::{Listener, Transport};
use crate::server::counters::ShardWriter;
use crate::server::fast::AnswerCache;
use crate::server::query::{Arrived, Later};
use crate::server::snapshot::Shared;

/// How long a worker may take to notice that it has to stop.
pub(crate) const STOP_LATENCY: Duration = Duration::from_millis(200);

/// How long a worker that knows of the end may take to notice that all others know of it too.
const END_LATENCY: Duration = Duration::from_millis(2);

/// The end of all workers. They stop to read at one moment, once each of them knows: a socket that is kept for the next
/// process holds only so many queries, so none is to wait for another worker that has nothing to do.
pub(crate) struct Stop {
    workers: usize,
    asked: OnceLock<Instant>,
    aware: AtomicUsize,
}

/// What a worker has to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Course {
    /// Answer.
    Serve,
    /// Answer until all others know of the end.
    Ending,
    /// Read no more; be gone when this has passed since the end was asked for, or nothing is waited for.
    Stop(Instant),
}

impl Stop {
    pub(crate) fn new(workers: usize) -> Self {
        Self { workers, asked: OnceLock::new(), aware: AtomicUsize::new(0) }
    }

    /// Has all workers stop, and wait until `deadline` for what they have asked upstreams.
    pub(crate) fn by(&self, deadline: Instant) {
        // It is set only once.
        let _ = self.asked.set(deadline);
    }

    /// The course of a worker which was on the course `before`. A worker that is gone does not hold up the others.
    fn course(&self, before: Course, now: impl Fn() -> Instant) -> Course {
        let Some(deadline) = self.asked.get() else { return Course::Serve };
        if before == Course::Serve {
            self.aware.fetch_add(1, Ordering::Relaxed);
        }
        let all_know = self.aware.load(Ordering::Relaxed) >= self.workers;
        if all_know || *deadline <= now() { Course::Stop(*deadline) } else { Course::Ending }
    }
}

/// Answers datagrams until it has to stop, and then the queries that wait, as long as there is time.
pub(crate) fn worker(socket: &UdpSocket, waker: Waker, shared: &Arc<Shared>, stop: &Stop) {
    // It was bound, so it has an address.
    let Ok(address) = socket.local_addr() else { return };
    if address.is_ipv4() {
        Worker::<SockaddrIn>::new((socket, address), waker, shared).run(stop);
    } else {
        Worker::<SockaddrIn6>::new((socket, address), waker, shared).run(stop);
    }
}

struct Worker<'a, P> {
    socket: &'a UdpSocket,
    listener: Listener,
    shared: &'a Arc<Shared>,
    late_answers: Arc<LateAnswers<ReplyTo<P>>>,
    outgoing: Outgoing<P>,
    answers: AnswerCache,
    counts: ShardWriter,
    /// One more owner for each question that waits for an upstream, until its answer is sent or it is lost.
    waiting: Arc<()>,
}

/// The place where a late answer goes, and one owner of its worker's count.
struct ReplyTo<P> {
    route: ReturnPath<P>,
    _waits: Arc<()>,
}

impl<'a, P: Peer> Worker<'a, P> {
    fn new((socket, address): (&'a UdpSocket, SocketAddr), waker: Waker, shared: &'a Arc<Shared>) -> Self {
        let listener = Listener { transport: Transport::Udp, address, is_xot: false };
        let (outgoing, answers) = (Outgoing::new(socket), AnswerCache::new(Instant::now()));
        let (late_answers, counts) = (LateAnswers::new(waker), shared.counters.writer());
        Self { socket, listener, shared, late_answers, outgoing, answers, counts, waiting: Arc::new(()) }
    }

    fn is_awaited(&self) -> bool {
        Arc::strong_count(&self.waiting) > 1
    }

    fn run(&mut self, stop: &Stop) {
        let mut incoming = Incoming::<P>::new(self.socket);
        let mut headers = SendHeaders::new(BATCH, self.outgoing.is_wildcard());
        let mut arrived = VecDeque::new();
        let mut course = Course::Serve;
        loop {
            let awaited = self.is_awaited();
            course = stop.course(course, Instant::now);
            let reads = match course {
                Course::Stop(deadline) if !awaited || deadline <= Instant::now() => return,
                Course::Stop(_) => false,
                Course::Serve | Course::Ending => true,
            };
            // A worker without waiting queries waits for its socket alone, in one system call.
            let watches = awaited || course != Course::Serve;
            let flags = if watches { MsgFlags::MSG_DONTWAIT } else { MsgFlags::MSG_WAITFORONE };
            let received = if reads { incoming.receive(self.socket, flags) } else { Err(Errno::EAGAIN) };
            let now = if received.is_ok() { self.serve(&incoming) } else { Instant::now() };
            if awaited && arrived.is_empty() {
                self.late_answers.take(&mut arrived);
            }
            let is_idle = arrived.is_empty();
            self.resume(&mut arrived, now);
            self.outgoing.send(self.socket, &mut headers, MsgFlags::empty());
            match received {
                Err(Errno::EAGAIN | Errno::EINTR) if watches && is_idle => {
                    let timeout = if course == Course::Serve { STOP_LATENCY } else { END_LATENCY };
                    self.late_answers.sleep(reads.then_some(self.socket), timeout);
                }
                Ok(()) | Err(Errno::EAGAIN | Errno::EINTR) => {}
                // No client can cause this error. Whatever it is, it must not spin a core.
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    /// Answers clients that waited, a batch of them.
    fn resume(&mut self, arrived: &mut VecDeque<(Arrived, ReplyTo<P>)>, now: Instant) {
        for (arrived, reply_to) in arrived.drain(..arrived.len().min(BATCH)) {
            match answerer::resume(self.shared, arrived, now, &mut self.outgoing.bytes) {
                Handled::Answered => self.outgoing.end_answer(reply_to.route),
                // A transfer is for connections.
                Handled::Nothing | Handled::Transfer(_) => {}
                Handled::Later(later) => ask(later, &self.late_answers, reply_to, now),
            }
        }
    }

    /// Answers the received messages; returns the time at which all answers are made.
    fn serve(&mut self, incoming: &Incoming<P>) -> Instant {
        let Self { shared, listener, outgoing, answers, counts, late_answers, waiting, .. } = self;
        let snapshot = shared.snapshot.load();
        let now = Instant::now();
        let mut answerer = Answerer::new(shared, &snapshot, Some(answers), counts, *listener, now);
        for (message, route) in incoming.messages() {
            match answerer.answer(message, route.peer.to_std(), &mut outgoing.bytes) {
                Handled::Answered => outgoing.end_answer(route),
                // A transfer is for connections.
                Handled::Nothing | Handled::Transfer(_) => {}
                Handled::Later(later) => {
                    let reply_to = ReplyTo { route, _waits: Arc::clone(waiting) };
                    ask(later, late_answers, reply_to, now);
                }
            }
        }
        let end = Instant::now();
        answerer.finish(end);
        end
    }
}

/// Asks upstream; the query comes back to its worker.
fn ask<P: Peer>(later: Later, late_answers: &Arc<LateAnswers<ReplyTo<P>>>, reply_to: ReplyTo<P>, now: Instant) {
    let late_answers = Arc::clone(late_answers);
    later.ask(now, move |arrived, batch| late_answers.push(arrived, reply_to, batch));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_answer_on_until_each_of_them_knows_of_the_end() {
        let (stop, start) = (Stop::new(2), Instant::now());
        let deadline = start + Duration::from_secs(1);
        let now = || start;
        assert!(stop.course(Course::Serve, now) == Course::Serve);
        stop.by(deadline);
        assert!(stop.course(Course::Serve, now) == Course::Ending);
        assert!(stop.course(Course::Ending, now) == Course::Ending, "one worker counts once");
        assert!(stop.course(Course::Serve, now) == Course::Stop(deadline), "the other knows too");
        assert!(stop.course(Course::Ending, now) == Course::Stop(deadline));
    }

    #[test]
    fn a_worker_that_never_hears_of_the_end_holds_up_the_others_until_the_deadline_alone() {
        let (stop, start) = (Stop::new(2), Instant::now());
        stop.by(start);
        assert!(stop.course(Course::Serve, || start) == Course::Stop(start));
    }
}
