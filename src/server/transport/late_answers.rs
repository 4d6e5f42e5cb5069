//! Answers that an upstream had a part in, on their way back to the UDP worker whose client waits.
//!
//! In: what the forwarder's thread, or a task's, found out. Out: all of that in one go, and a wake-up for the worker if it
//! sleeps, one for each turn of the forwarder. Bounded by the places of questions that may wait. Never: an answer
//! composed or sent: the worker does that, so that the one thread that finishes every question has less to do for each.

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

/// What one worker's clients wait for. `R` is where an answer goes.
pub(crate) struct LateAnswers<R> {
    waker: Waker,
    queue: Mutex<Queue<R>>,
}

struct Queue<R> {
    finished: Vec<(Finished, R)>,
    /// The worker has to be woken.
    asleep: bool,
}

impl Waker {
    /// It takes a descriptor.
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

    /// Takes what was found out; the worker hears of it at the end of the turn.
    pub(crate) fn push(self: &Arc<Self>, finished: Finished, route: R, batch: &mut Batch) {
        let mut queue = self.queue();
        if queue.finished.is_empty() {
            batch.after(Arc::clone(self) as Arc<dyn AfterBatch>);
        }
        queue.finished.push((finished, route));
    }

    /// Gives the worker all there is; `into` is empty and keeps its memory in use.
    pub(crate) fn take(&self, into: &mut Vec<(Finished, R)>) {
        std::mem::swap(&mut self.queue().finished, into);
    }

    /// Has the worker sleep until there is something here, or on its socket if it reads that, or the time is over.
    pub(crate) fn sleep(&self, socket: Option<&UdpSocket>, most: Duration) {
        if !self.falls_asleep() {
            return;
        }
        let timeout = PollTimeout::try_from(most).unwrap_or(PollTimeout::MAX);
        let sources = [Some(self.waker.0.as_fd()), socket.map(UdpSocket::as_fd)];
        let mut sources: Vec<PollFd<'_>> =
            sources.into_iter().flatten().map(|source| PollFd::new(source, PollFlags::POLLIN)).collect();
        let woken = poll(&mut sources, timeout);
        // Nobody rings from here on; what rang until now is silenced.
        self.queue().asleep = false;
        if woken.is_ok() && sources[0].any() == Some(true) {
            let _ = self.waker.0.read();
        }
    }

    /// Whether there is nothing to do; then the next that comes rings.
    fn falls_asleep(&self) -> bool {
        let mut queue = self.queue();
        queue.asleep = queue.finished.is_empty();
        queue.asleep
    }
}

impl<R: Send + 'static> AfterBatch for LateAnswers<R> {
    fn run(&self) {
        if std::mem::take(&mut self.queue().asleep) {
            // It fails only if it rings already.
            let _: Result<usize, Errno> = self.waker.0.write(1);
        }
    }
}
