//! TCP to all upstreams: a task for each, started with its first question.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::tcp::{self, Job, Order, TcpOutcome};
use crate::forward::ids::{FlightId, UpstreamIndex};
use crate::forward::question::Failure;
use crate::forward::status::SharedUpstream;

/// The way to a task, if it has started.
type Task = Option<mpsc::UnboundedSender<Order>>;

/// The way to each task, and the sender for the outcome of each question. Nothing bounds the way: a task takes whatever
/// is in it at once, and its queue is bounded.
pub(crate) struct TcpPool {
    tasks: Vec<Task>,
    outcomes: mpsc::UnboundedSender<TcpOutcome>,
}

impl TcpPool {
    /// No tasks yet, and the receiver for outcomes.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<TcpOutcome>) {
        let (outcomes, inbox) = mpsc::unbounded_channel();
        (Self { tasks: Vec::new(), outcomes }, inbox)
    }

    /// Hands a question to the task of an upstream, which starts if there is none. Must be called within a tokio
    /// runtime.
    pub(crate) fn ask(&mut self, upstream: UpstreamIndex, shared: &Arc<SharedUpstream>, job: Job) {
        let outcomes = &self.outcomes;
        let task = Self::task(&mut self.tasks, upstream).get_or_insert_with(|| {
            let (sender, orders) = mpsc::unbounded_channel();
            tokio::spawn(tcp::run(upstream, Arc::clone(shared), orders, outcomes.clone()));
            sender
        });
        let flight = job.flight;
        if task.send(Order::Ask(job)).is_err() {
            *Self::task(&mut self.tasks, upstream) = None;
            // The engine holds the other end, and it is running.
            let _ = self.outcomes.send(TcpOutcome { upstream, flight, answer: Err(Failure::Unreachable) });
        }
    }

    /// Ends the wait for an answer.
    pub(crate) fn cancel(&self, upstream: UpstreamIndex, flight: FlightId) {
        if let Some(Some(task)) = self.tasks.get(upstream.0) {
            // If the task has ended, the wait has too.
            let _ = task.send(Order::Cancel(flight));
        }
    }

    fn task(tasks: &mut Vec<Task>, upstream: UpstreamIndex) -> &mut Task {
        if tasks.len() <= upstream.0 {
            tasks.resize(upstream.0 + 1, None);
        }
        &mut tasks[upstream.0]
    }

    /// A task that the test plays.
    #[cfg(test)]
    pub(crate) fn act(&mut self, upstream: UpstreamIndex) -> mpsc::UnboundedReceiver<Order> {
        let (sender, orders) = mpsc::unbounded_channel();
        *Self::task(&mut self.tasks, upstream) = Some(sender);
        orders
    }
}
