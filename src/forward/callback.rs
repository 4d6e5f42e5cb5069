//! Callbacks for answers, and work that waits until the end of a batch.
//!
//! In: callbacks for answers. Out: one call for each flight that ends, then one for each of its waiters, and one at the
//! end of the batch for each resource that the waiters share, such as a socket on which all their answers leave
//! together. Never: a wait.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use crate::forward::question::{Failure, Reply};

/// What a flight ends with. All its waiters share the reply.
pub type ExchangeOutcome = Result<Arc<Reply>, Failure>;

/// The callback of a flight: it stores the outcome and returns it in the form that the waiters get. It is called on the
/// forwarding thread, once for each flight however many wait for it, with the time at which the flight ends.
pub type Keep = Box<dyn FnOnce(ExchangeOutcome, Instant) -> ExchangeOutcome + Send>;

/// The callback of a waiter. It is called on the forwarding thread, so it only hands the outcome on to the place where
/// the client is served: it does not wait, and its cost does not depend on the length of the reply.
pub type OnReply = Box<dyn FnOnce(ExchangeOutcome, &mut Batch) + Send>;

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

    /// Stores the outcome of a flight. A panic affects only the question it came from.
    pub(crate) fn keep(&self, keep: Keep, outcome: ExchangeOutcome) -> ExchangeOutcome {
        catch_unwind(AssertUnwindSafe(|| keep(outcome, self.now))).unwrap_or(Err(Failure::Malformed))
    }

    /// Hands an outcome over. A panic affects only the question it came from.
    pub(crate) fn call(&mut self, then: OnReply, outcome: ExchangeOutcome) {
        let _ = catch_unwind(AssertUnwindSafe(|| then(outcome, self)));
    }
}
