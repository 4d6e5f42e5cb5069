//! Queries that waited for an upstream, on their way back to the UDP worker that serves their client.
//!
//! In: outcomes from the forwarding thread, or from the worker itself for a question that is turned away. Out: all of
//! them at once, and a wake-up for the worker if it sleeps, one for each batch. The permits of waiting questions bound
//! their number. Never: an answer that is composed here: the worker does that, so that the one thread that finishes
//! every question has the same to do for each, however long its answer is.

use std::collections::VecDeque;
use std::io;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::forward::{AfterBatch, Batch};
use crate::server::query::Arrived;

/// Wakes a worker that sleeps.
pub(crate) struct Waker(EventFd);

/// The queries of one worker whose wait is over. `R` is the place where an answer goes.
pub(crate) struct LateAnswers<R> {
    waker: Waker,
    queue: Mutex<Queue<R>>,
}

struct Queue<R> {
    arrived: VecDeque<(Arrived, R)>,
    /// Whether the worker has to be woken.
    asleep: bool,
}

impl Waker {
    /// Each waker takes a descriptor.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?))
    }
}

impl<R: Send + 'static> LateAnswers<R> {
    pub(crate) fn new(waker: Waker) -> Arc<Self> {
        Arc::new(Self { waker, queue: Mutex::new(Queue { arrived: VecDeque::new(), asleep: false }) })
    }

    fn queue(&self) -> MutexGuard<'_, Queue<R>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a query whose wait is over; the worker is woken at the end of the batch.
    pub(crate) fn push(self: &Arc<Self>, arrived: Arrived, route: R, batch: &mut Batch) {
        let mut queue = self.queue();
        if queue.arrived.is_empty() {
            batch.after(Arc::clone(self) as Arc<dyn AfterBatch>);
        }
        queue.arrived.push_back((arrived, route));
    }

    /// Gives the worker all queries whose wait is over; `into` is empty, and its memory is used again.
    pub(crate) fn take(&self, into: &mut VecDeque<(Arrived, R)>) {
        std::mem::swap(&mut self.queue().arrived, into);
    }

    /// Lets the worker sleep until a query arrives here, or a datagram on its socket if it reads one, or `timeout` is
    /// over.
    pub(crate) fn sleep(&self, socket: Option<&UdpSocket>, timeout: Duration) {
        if !self.falls_asleep() {
            return;
        }
        let timeout = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX);
        let sources = [Some(self.waker.0.as_fd()), socket.map(UdpSocket::as_fd)];
        let mut sources: Vec<PollFd<'_>> =
            sources.into_iter().flatten().map(|source| PollFd::new(source, PollFlags::POLLIN)).collect();
        let woken = poll(&mut sources, timeout);
        // From here on nothing wakes the worker; a wake-up until now is cleared.
        self.queue().asleep = false;
        if woken.is_ok() && sources[0].any() == Some(true) {
            let _ = self.waker.0.read();
        }
    }

    /// Whether the queue is empty; then the next query wakes the worker.
    fn falls_asleep(&self) -> bool {
        let mut queue = self.queue();
        queue.asleep = queue.arrived.is_empty();
        queue.asleep
    }
}

impl<R: Send + 'static> AfterBatch for LateAnswers<R> {
    fn run(&self) {
        if std::mem::take(&mut self.queue().asleep) {
            // The write fails only if a wake-up is pending already.
            let _: Result<usize, Errno> = self.waker.0.write(1);
        }
    }
}
