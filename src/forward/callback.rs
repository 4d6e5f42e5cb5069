//! What happens to an answer, and what is put off until a turn of the forwarder ends.
//!
//! In: what is to be called with an answer. Out: one call for each who waits, and one at the end of the turn for
//! everything they share, such as a socket on which all their answers leave together. Never: a wait.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use crate::forward::question::{Failure, Reply};

/// What to do with an answer. It is called on the forwarder's thread and must not wait.
pub type OnReply = Box<dyn FnOnce(Result<Arc<Reply>, Failure>, &mut Batch) + Send>;

/// Something to do once all that came in together has been answered.
pub trait AfterBatch: Send + Sync {
    /// Does it; it must not wait.
    fn run(&self);
}

/// One turn.
pub struct Batch {
    /// When it began.
    pub now: Instant,
    after: Vec<Arc<dyn AfterBatch>>,
}

impl Batch {
    /// A turn that begins now.
    pub fn new(now: Instant) -> Self {
        Self { now, after: Vec::new() }
    }

    /// Puts something off to the end.
    pub fn after(&mut self, what: Arc<dyn AfterBatch>) {
        self.after.push(what);
    }

    /// Ends it.
    pub fn end(&mut self) {
        self.after.drain(..).for_each(|what| what.run());
    }

    /// Hands an answer over. A panic stays with the question it came from.
    pub(crate) fn call(&mut self, then: OnReply, answer: Result<Arc<Reply>, Failure>) {
        let _ = catch_unwind(AssertUnwindSafe(|| then(answer, self)));
    }
}
