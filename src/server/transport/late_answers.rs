//! Answers that needed an upstream, on their way back to the UDP worker whose client waits.
//!
//! In: results from the forwarding thread, or from a task. Out: all results at once, and a wake-up for the worker if it
//! sleeps, one for each batch. The permits of waiting questions bound the memory. Never: an answer that is composed or
//! sent here: the worker does that, so that the one thread that finishes every question has less to do for each.

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::forward::{AfterBatch, Batch};
use crate::server::query::Finished;

/// Wakes a worker that sleeps.
pub(crate) struct Waker(EventFd);

/// The results that one worker's clients wait for. `R` is the place where an answer goes.
pub(crate) struct LateAnswers<R> {
    waker: Waker,
    queue: Mutex<Queue<R>>,
}

struct Queue<R> {
    finished: Vec<(Finished, R)>,
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
        Arc::new(Self { waker, queue: Mutex::new(Queue { finished: Vec::new(), asleep: false }) })
    }

    fn queue(&self) -> MutexGuard<'_, Queue<R>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a result; the worker is woken at the end of the batch.
    pub(crate) fn push(self: &Arc<Self>, finished: Finished, route: R, batch: &mut Batch) {
        let mut queue = self.queue();
        if queue.finished.is_empty() {
            batch.after(Arc::clone(self) as Arc<dyn AfterBatch>);
        }
        queue.finished.push((finished, route));
    }

    /// Gives the worker all results; `into` is empty, and its memory is used again.
    pub(crate) fn take(&self, into: &mut Vec<(Finished, R)>) {
        std::mem::swap(&mut self.queue().finished, into);
    }

    /// Lets the worker sleep until a result arrives here, or a datagram on its socket if it reads one, or `timeout` is
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

    /// Whether the queue is empty; then the next result wakes the worker.
    fn falls_asleep(&self) -> bool {
        let mut queue = self.queue();
        queue.asleep = queue.finished.is_empty();
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
