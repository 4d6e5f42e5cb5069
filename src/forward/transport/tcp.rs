//! The TCP connection to one upstream: opened when needed, reused, pipelined, closed when idle (RFC 7766).
//!
//! In: questions. Out: answers in the order they arrive, or a failure for each question. A connection that turns out to
//! be stale is opened once more. Never: a question asked a third time, or a connection that stays open without
//! answering.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::RngExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{timeout, timeout_at};

use super::message::{self, Match, QueryForm};
use crate::dns::{Message, stream};
use crate::forward::client_network::ClientNetwork;
use crate::forward::ids::{FlightId, UpstreamIndex};
use crate::forward::question::{Failure, Question};
use crate::forward::status::SharedUpstream;

/// How long a connection may take to open, to accept a write, or to begin an answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_secs(10);
/// Questions on one connection at once.
pub(crate) const MAX_PENDING: usize = 512;

/// A question for the connection.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) flight: FlightId,
    pub(crate) question: Question,
    pub(crate) form: QueryForm,
    /// The client network whose line it waits in.
    #[expect(dead_code, reason = "the connection has one line for all so far")]
    pub(crate) network: Option<ClientNetwork>,
    pub(crate) deadline: Instant,
}

/// The outcome of a job.
#[derive(Debug)]
pub(crate) struct TcpOutcome {
    pub(crate) upstream: UpstreamIndex,
    pub(crate) flight: FlightId,
    /// The answer; a failure if the connection failed or the reply was malformed.
    pub(crate) answer: Result<Box<Message>, Failure>,
}

struct PendingJob {
    id: u16,
    job: Job,
    query: Box<[u8]>,
    /// Whether it may be sent once more on a fresh connection: it went out on one that had been used before.
    may_retry: bool,
}

/// Runs until the forwarding thread drops its end.
pub(crate) async fn run(
    upstream: UpstreamIndex,
    shared: Arc<SharedUpstream>,
    mut jobs: mpsc::Receiver<Job>,
    outcomes: mpsc::UnboundedSender<TcpOutcome>,
) {
    let mut link = Link { upstream, outcomes, pending: Vec::new() };
    while let Some(job) = jobs.recv().await {
        link.take(job, false);
        // One connection, and one more if the first goes stale under questions that were not its first.
        while !link.pending.is_empty() {
            let Ok(Ok(stream)) = timeout(PATIENCE, TcpStream::connect(shared.address)).await else {
                shared.counters.tcp_failed.one();
                link.fail_all(&mut jobs);
                break;
            };
            if link.serve(stream, &mut jobs).await.is_err() {
                shared.counters.tcp_failed.one();
            }
            link.fail_all_but_retries();
        }
    }
}

struct Link {
    upstream: UpstreamIndex,
    outcomes: mpsc::UnboundedSender<TcpOutcome>,
    pending: Vec<PendingJob>,
}

impl Link {
    /// Takes a question into `pending`; `false` if its deadline has passed or there is no space.
    fn take(&mut self, job: Job, may_retry: bool) -> bool {
        let now = Instant::now();
        for expired in self.pending.extract_if(.., |pending| pending.job.deadline <= now).collect::<Vec<_>>() {
            self.report(expired.job.flight, Err(Failure::Timeout));
        }
        if job.deadline <= now {
            self.report(job.flight, Err(Failure::Timeout));
            return false;
        }
        if self.pending.len() >= MAX_PENDING {
            self.report(job.flight, Err(Failure::Overloaded));
            return false;
        }
        let mut random = rand::rng();
        let id = loop {
            let id = random.random();
            if self.pending.iter().all(|pending| pending.id != id) {
                break id;
            }
        };
        let query = message::query(id, &job.question, job.form, || random.random());
        self.pending.push(PendingJob { id, job, query, may_retry });
        true
    }

    fn report(&self, flight: FlightId, answer: Result<Box<Message>, Failure>) {
        // If the forwarding thread is gone, so are all waiters.
        let _ = self.outcomes.send(TcpOutcome { upstream: self.upstream, flight, answer });
    }

    /// Fails the questions on the connection, and those that arrived meanwhile.
    fn fail_all(&mut self, jobs: &mut mpsc::Receiver<Job>) {
        let waiting = self.pending.drain(..).map(|pending| pending.job);
        let waiting: Vec<Job> = waiting.chain(std::iter::from_fn(|| jobs.try_recv().ok())).collect();
        for job in waiting {
            self.report(job.flight, Err(Failure::Unreachable));
        }
    }

    fn fail_all_but_retries(&mut self) {
        let now = Instant::now();
        for mut pending in std::mem::take(&mut self.pending) {
            if pending.may_retry && pending.job.deadline > now {
                pending.may_retry = false;
                self.pending.push(pending);
            } else {
                self.report(pending.job.flight, Err(Failure::Unreachable));
            }
        }
    }

    async fn serve(&mut self, mut stream: TcpStream, jobs: &mut mpsc::Receiver<Job>) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut out = Vec::new();
        for pending in &self.pending {
            stream::frame(&mut out, |out| out.extend_from_slice(&pending.query));
        }
        let mut input = Vec::with_capacity(4096);
        let (mut answered, mut closed) = (false, false);
        let mut heard = Instant::now();
        loop {
            if !out.is_empty() {
                timeout(PATIENCE, stream.write_all(&out)).await??;
                out.clear();
            }
            let until = heard + if self.pending.is_empty() { IDLE } else { PATIENCE };
            tokio::select! {
                job = jobs.recv(), if !closed => match job {
                    Some(job) => {
                        if self.pending.is_empty() {
                            heard = Instant::now();
                        }
                        if self.take(job, answered) && let Some(pending) = self.pending.last() {
                            stream::frame(&mut out, |out| out.extend_from_slice(&pending.query));
                        }
                    }
                    None => closed = true,
                },
                read = timeout_at(until.into(), stream.read_buf(&mut input)) => {
                    let Ok(read) = read else {
                        return if self.pending.is_empty() { Ok(()) } else { Err(io::ErrorKind::TimedOut.into()) };
                    };
                    if read? == 0 {
                        return if self.pending.is_empty() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
                    }
                    heard = Instant::now();
                    answered |= self.take_messages(&mut input);
                }
            }
            if closed && self.pending.is_empty() {
                return Ok(());
            }
        }
    }

    /// Takes the whole messages out of `input`; returns whether one of them was an answer.
    fn take_messages(&mut self, input: &mut Vec<u8>) -> bool {
        let (mut at, mut answered) = (0, false);
        while let Some((message, end)) = stream::message_at(input, at) {
            answered |= self.take_message(message);
            at = end;
        }
        input.drain(..at);
        answered
    }

    /// An off-path attacker cannot write into the connection, so the case of the name does not matter.
    fn take_message(&mut self, bytes: &[u8]) -> bool {
        let Some(index) = message::id(bytes).and_then(|id| self.pending.iter().position(|p| p.id == id)) else {
            return false;
        };
        let matched = message::judge(&self.pending[index].query, bytes);
        let usable = matches!(matched, Match::Answer | Match::CaseMismatch) && bytes[2] & 0x02 == 0;
        let message = usable.then(|| Message::parse(bytes).ok()).flatten().map(Box::new);
        let answered = message.is_some();
        let flight = self.pending.swap_remove(index).job.flight;
        self.report(flight, message.ok_or(Failure::Malformed));
        answered
    }
}
