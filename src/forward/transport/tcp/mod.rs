//! TCP to one upstream (RFC 7766): the thin shell around [`dispatch`], which decides.
//!
//! In: questions. Out: an outcome for each that is not cancelled. Never: a decision of its own.

mod connection;
mod dispatch;
mod places;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use nix::errno::Errno;
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use super::message::QueryForm;
use crate::dns::Message;
use crate::forward::client_network::ClientNetwork;
use crate::forward::ids::{FlightId, UpstreamIndex};
use crate::forward::question::{Failure, Question};
use crate::forward::status::{ErrorKind, SharedUpstream, errno};
use connection::{Connection, Event};
use dispatch::{Action, ConnectionId, Dispatch};

#[cfg(test)]
pub(crate) use connection::judge;

/// A question to ask over TCP.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) flight: FlightId,
    pub(crate) question: Question,
    pub(crate) form: QueryForm,
    /// The client network in whose line it waits.
    pub(crate) network: Option<ClientNetwork>,
    pub(crate) deadline: Instant,
}

/// An order to the task of an upstream.
pub(crate) enum Order {
    Ask(Job),
    /// Nobody waits for the answer any more: the question has no outcome.
    Cancel(FlightId),
}

/// The answer; a failure if no connection brought one, or the reply was malformed.
pub(crate) type Answer = Result<Box<Message>, Failure>;

/// The outcome of a job.
#[derive(Debug)]
pub(crate) struct TcpOutcome {
    pub(crate) upstream: UpstreamIndex,
    pub(crate) flight: FlightId,
    pub(crate) answer: Answer,
}

/// Runs until the forwarding thread drops its end and no question waits.
pub(crate) async fn run(
    upstream: UpstreamIndex,
    shared: Arc<SharedUpstream>,
    mut orders: mpsc::UnboundedReceiver<Order>,
    outcomes: mpsc::UnboundedSender<TcpOutcome>,
) {
    let (events, mut inbox) = mpsc::unbounded_channel();
    let mut shell = Shell { upstream, shared, outcomes, events, connections: HashMap::new(), errno: None };
    let mut dispatch = Dispatch::new();
    let mut is_open = true;
    while is_open || !dispatch.is_done() {
        let wake = dispatch.wake(Instant::now());
        tokio::select! {
            order = orders.recv(), if is_open => match order {
                Some(Order::Ask(job)) => dispatch.ask(job, Instant::now()),
                Some(Order::Cancel(flight)) => dispatch.cancel(flight, Instant::now()),
                None => is_open = false,
            },
            Some((connection, event)) = inbox.recv() => match event {
                Event::Answered(answer) => dispatch.answered(connection, answer, Instant::now()),
                Event::NotOpened(error) => {
                    shell.errno = errno(&error);
                    dispatch.ended(connection, false, Instant::now());
                }
                Event::Ended(result) => {
                    shell.errno = result.err().and_then(|error| errno(&error));
                    dispatch.ended(connection, true, Instant::now());
                }
            },
            () = sleep_until(wake.unwrap_or_else(Instant::now).into()), if wake.is_some() => {
                dispatch.time_passed(Instant::now());
            }
        }
        dispatch.actions().into_iter().for_each(|action| shell.perform(action));
        shell.errno = None;
    }
}

struct Shell {
    upstream: UpstreamIndex,
    shared: Arc<SharedUpstream>,
    outcomes: mpsc::UnboundedSender<TcpOutcome>,
    events: mpsc::UnboundedSender<(ConnectionId, Event)>,
    connections: HashMap<ConnectionId, Connection>,
    /// The system's number for the error of the connection that is ending.
    errno: Option<Errno>,
}

impl Shell {
    fn perform(&mut self, action: Action) {
        match action {
            Action::Open(id) => {
                self.shared.counters.tcp_opened.one();
                let connection = Connection::open(id, Arc::clone(&self.shared), self.events.clone());
                self.connections.insert(id, connection);
            }
            Action::Send(id, job) => {
                if let Some(connection) = self.connections.get(&id) {
                    connection.send(&job);
                }
            }
            Action::Close(id) => drop(self.connections.remove(&id)),
            Action::Report(flight, answer) => {
                // If the forwarding thread is gone, so are all waiters.
                let _ = self.outcomes.send(TcpOutcome { upstream: self.upstream, flight, answer });
            }
            Action::CountFailed => {
                self.shared.counters.tcp_failed.one();
                self.shared.last_error.note(ErrorKind::Tcp, self.errno, Instant::now());
            }
            Action::CountRetried => self.shared.counters.tcp_retried.one(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::net::TcpListener;

    use super::*;
    use crate::dns::Rtype;

    fn job() -> Job {
        let question = Question {
            name: "www.example".parse().unwrap(),
            rtype: Rtype::A,
            dnssec_ok: false,
            checking_disabled: false,
            authentic_data: false,
        };
        let flight = FlightId { slot: 0, generation: 0 };
        Job {
            flight,
            question,
            form: QueryForm::PLAIN,
            network: None,
            deadline: Instant::now() + Duration::from_mins(1),
        }
    }

    /// The status of an upstream at which a question failed over TCP; each connection that it accepts ends at once.
    async fn failed(accepts: bool) -> crate::forward::UpstreamStatus {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let shared = Arc::new(SharedUpstream::new(listener.local_addr().unwrap()));
        let listener = Some(listener).filter(|_| accepts);
        let (orders, inbox) = mpsc::unbounded_channel();
        let (outcomes, mut outcome) = mpsc::unbounded_channel();
        let running = tokio::spawn(run(UpstreamIndex(0), Arc::clone(&shared), inbox, outcomes));
        let hangs_up = tokio::spawn(async move {
            let Some(listener) = listener else { return };
            while listener.accept().await.is_ok() {}
        });
        orders.send(Order::Ask(job())).map_err(|_| "gone").unwrap();
        assert!(outcome.recv().await.unwrap().answer.is_err());
        drop(orders);
        running.await.unwrap();
        hangs_up.abort();
        shared.status()
    }

    #[tokio::test]
    async fn a_connection_that_is_refused_is_an_error_with_its_reason_and_no_query_was_sent() {
        let status = failed(false).await;
        let error = status.last_error.unwrap();
        assert_eq!((error.kind, error.text.as_str()), (ErrorKind::Tcp, "a TCP connection failed: Connection refused"));
        assert!(status.counts.sent == 0 && status.counts.tcp_failed > 0, "{:?}", status.counts);
    }

    #[tokio::test]
    async fn a_connection_that_ends_without_an_answer_is_an_error() {
        let status = failed(true).await;
        assert_eq!(status.last_error.map(|error| error.kind), Some(ErrorKind::Tcp));
        assert!(status.counts.tcp_failed > 0, "{:?}", status.counts);
    }
}
