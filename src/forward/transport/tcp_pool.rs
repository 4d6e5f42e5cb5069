//! The TCP connections to all upstreams, one each, opened with the first question.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::tcp::{self, Job, TcpOutcome};
use crate::forward::ids::UpstreamIndex;
use crate::forward::question::Failure;
use crate::forward::status::SharedUpstream;

/// The connections, and the sender for the outcome of each question.
pub(crate) struct TcpPool {
    connections: Vec<Option<mpsc::Sender<Job>>>,
    outcomes: mpsc::UnboundedSender<TcpOutcome>,
}

impl TcpPool {
    /// No connections yet, and the receiver for outcomes.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<TcpOutcome>) {
        let (outcomes, inbox) = mpsc::unbounded_channel();
        (Self { connections: Vec::new(), outcomes }, inbox)
    }

    /// Hands a question to the connection of an upstream, which starts if there is none. Must be called within a tokio
    /// runtime.
    pub(crate) fn ask(&mut self, upstream: UpstreamIndex, shared: &Arc<SharedUpstream>, job: Job) {
        if self.connections.len() <= upstream.0 {
            self.connections.resize(upstream.0 + 1, None);
        }
        let connection = &mut self.connections[upstream.0];
        let sender = connection.get_or_insert_with(|| {
            let (sender, jobs) = mpsc::channel(tcp::MAX_PENDING);
            tokio::spawn(tcp::run(upstream, Arc::clone(shared), jobs, self.outcomes.clone()));
            sender
        });
        let (flight, failure) = match sender.try_send(job) {
            Ok(()) => return,
            Err(mpsc::error::TrySendError::Full(job)) => (job.flight, Failure::Overloaded),
            Err(mpsc::error::TrySendError::Closed(job)) => {
                *connection = None;
                (job.flight, Failure::Unreachable)
            }
        };
        // The engine holds the other end, and it is running.
        let _ = self.outcomes.send(TcpOutcome { upstream, flight, answer: Err(failure) });
    }

    /// A connection that the test plays.
    #[cfg(test)]
    pub(crate) fn act(&mut self, upstream: UpstreamIndex) -> mpsc::Receiver<Job> {
        let (sender, jobs) = mpsc::channel(tcp::MAX_PENDING);
        self.connections.resize(self.connections.len().max(upstream.0 + 1), None);
        self.connections[upstream.0] = Some(sender);
        jobs
    }
}
