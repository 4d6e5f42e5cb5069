//! Callbacks for answers, and work that waits until the end of a batch.
//!
//! In: callbacks for answers. Out: one call for each waiter, and one at the end of the batch for each resource that the
//! waiters share, such as a socket on which all their answers leave together. Never: a wait.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use crate::forward::question::{Failure, Reply};

/// The callback for an answer. It is called on the forwarding thread and must not wait.
pub type OnReply = Box<dyn FnOnce(Result<Arc<Reply>, Failure>, &mut Batch) + Send>;

/// Work to do once all events that arrived together have been handled.
pub trait AfterBatch: Send + Sync {
    /// Does the work; it must not wait.
    fn run(&self);
}

/// One batch of events.
pub struct Batch {
    /// The time at which it began.
    pub now: Instant,
    after: Vec<Arc<dyn AfterBatch>>,
}

impl Batch {
    /// A batch that begins now.
    pub fn new(now: Instant) -> Self {
        Self { now, after: Vec::new() }
    }

    /// Puts work off to the end of the batch.
    pub fn after(&mut self, what: Arc<dyn AfterBatch>) {
        self.after.push(what);
    }

    /// Ends the batch.
    pub fn end(&mut self) {
        self.after.drain(..).for_each(|what| what.run());
    }

    /// Hands an answer over. A panic affects only the question it came from.
    pub(crate) fn call(&mut self, then: OnReply, answer: Result<Arc<Reply>, Failure>) {
        let _ = catch_unwind(AssertUnwindSafe(|| then(answer, self)));
    }
}
