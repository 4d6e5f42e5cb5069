//! Which connection carries which question to one upstream, and when one is opened, asked on again, or closed. Pure,
//! `now` is an argument.
//!
//! In: questions, the events of connections, the passing of time. Out: a list of [`Action`]s. Never: two questions on
//! one connection at a time, or a question asked a third time.
//!
//! A connection carries one question at a time: an upstream that answers in order, or only the first question, or
//! never this one, harms no other question. A connection that has answered is used again (RFC 7766 section 6.2.1). A
//! question that such a connection leaves unanswered for a while, and one whose connection ends, is asked once more on
//! a fresh one (RFC 7766 section 6.2.4).

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::places::Places;
use super::{Answer, Job};
use crate::forward::client_network::ClientNetwork;
use crate::forward::ids::FlightId;
use crate::forward::question::Failure;
use crate::forward::queue::Queue;

/// Questions that wait for a place.
const MAX_WAITING: usize = 1024;
/// How long an idle connection is kept, and how many are.
const IDLE: Duration = Duration::from_secs(10);
const MAX_IDLE: usize = 3;
/// How long a connection may stay silent before something is done about it: at least, and at most.
const PATIENCE: Duration = Duration::from_millis(300);
const MAX_PATIENCE: Duration = Duration::from_secs(2);
/// How long it is remembered that an upstream answered on a fresh connection and was silent on one used before.
const MEMORY: Duration = Duration::from_mins(10);
/// How often a question is asked at most.
const MAX_ASKED: u8 = 2;
/// How long a question whose fresh connection ended waits until another one brings an answer.
const CROWDED: Duration = Duration::from_secs(2);

/// A connection of this upstream. An id is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ConnectionId(pub(super) u64);

/// What is to be done.
#[derive(Debug)]
pub(super) enum Action {
    Open(ConnectionId),
    /// Ask on this connection, which carries no other question.
    Send(ConnectionId, Job),
    Close(ConnectionId),
    /// The outcome of a question.
    Report(FlightId, Answer),
    /// A connection failed: it could not be opened, or left a question without an answer.
    CountFailed,
    /// A question is asked once more.
    CountRetried,
}

struct Waiting {
    job: Job,
    asked: u8,
    since: Instant,
}

/// A question that has a place.
struct Exchange {
    job: Job,
    asked: u8,
    /// The connections on which it waits for its answer, at most two.
    attempts: Vec<Attempt>,
}

struct Attempt {
    connection: ConnectionId,
    sent: Instant,
    /// Whether the connection has answered before.
    is_reused: bool,
}

struct Idle {
    connection: ConnectionId,
    until: Instant,
}

/// The questions to one upstream, and its connections.
pub(super) struct Dispatch {
    queue: Queue<Option<ClientNetwork>, Waiting>,
    /// Questions whose fresh connection ended while others were open. The upstream may take only so many, so each waits
    /// for the place of one that was answered.
    again: Queue<Option<ClientNetwork>, Waiting>,
    places: Places<Option<ClientNetwork>>,
    /// The questions in both queues that were not cancelled.
    waiting: HashSet<FlightId>,
    exchanges: Vec<Exchange>,
    /// The connections without a question, the one used last at the end.
    idle: Vec<Idle>,
    /// Until when no connection is used again.
    fresh_until: Option<Instant>,
    /// The smoothed time to an answer.
    usual: Option<Duration>,
    next: u64,
    actions: Vec<Action>,
}

impl Dispatch {
    pub(super) fn new() -> Self {
        Self {
            queue: Queue::new(MAX_WAITING),
            again: Queue::new(MAX_WAITING),
            places: Places::new(),
            waiting: HashSet::new(),
            exchanges: Vec::new(),
            idle: Vec::new(),
            fresh_until: None,
            usual: None,
            next: 0,
            actions: Vec::new(),
        }
    }

    /// Whether no question waits.
    pub(super) fn is_done(&self) -> bool {
        self.exchanges.is_empty() && self.queue.is_empty() && self.again.is_empty()
    }

    /// What is to be done, in order.
    pub(super) fn actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// Takes a question.
    pub(super) fn ask(&mut self, job: Job, now: Instant) {
        self.enqueue(Waiting { job, asked: 0, since: now });
        self.start_waiting(now);
    }

    /// Forgets a question; it has no outcome.
    pub(super) fn cancel(&mut self, flight: FlightId, now: Instant) {
        self.waiting.remove(&flight);
        if let Some(place) = self.exchanges.iter().position(|exchange| exchange.job.flight == flight) {
            let exchange = self.exchanges.swap_remove(place);
            exchange.attempts.iter().for_each(|attempt| self.close(attempt.connection));
            self.places.free(exchange.job.network);
            self.start_waiting(now);
        }
    }

    /// Puts a question that was never asked into one queue, and one that was into the other.
    fn enqueue(&mut self, waiting: Waiting) {
        let flight = waiting.job.flight;
        let queue = if waiting.asked == 0 { &mut self.queue } else { &mut self.again };
        if queue.push(waiting.job.network, waiting).is_ok() {
            self.waiting.insert(flight);
        } else {
            self.actions.push(Action::Report(flight, Err(Failure::Overloaded)));
        }
    }

    /// Takes the answer to the question on a connection.
    pub(super) fn answered(&mut self, connection: ConnectionId, answer: Answer, now: Instant) {
        let Some((mut exchange, attempt)) = self.take_attempt(connection) else { return };
        if answer.is_err() {
            return self.attempt_failed(exchange, &attempt, attempt.is_reused, Failure::Malformed, now);
        }
        let took = now.saturating_duration_since(attempt.sent);
        self.usual = Some(self.usual.map_or(took, |usual| (usual * 7 + took) / 8));
        if !attempt.is_reused && exchange.attempts.iter().any(|other| other.is_reused) {
            self.fresh_until = Some(now + MEMORY);
            self.close_idle(now, 0);
        }
        // A fresh connection that comes second has not failed.
        exchange.attempts.extract_if(.., |other| !other.is_reused).for_each(|other| self.close(other.connection));
        if self.fresh_until.is_none_or(|until| now >= until) {
            self.idle.push(Idle { connection, until: now + IDLE });
        } else {
            self.close(connection);
        }
        self.report(exchange, answer);
        while let Some(next) = self.again.pop() {
            if self.start(next, now) {
                break;
            }
        }
        self.start_waiting(now);
    }

    /// Notes the end of a connection, or that it could not be opened.
    pub(super) fn ended(&mut self, connection: ConnectionId, was_open: bool, now: Instant) {
        if let Some((exchange, attempt)) = self.take_attempt(connection) {
            // A port that takes no connection at all is not tried again, one that takes others is.
            let may_retry = was_open || !self.exchanges.is_empty();
            return self.attempt_failed(exchange, &attempt, may_retry, Failure::Unreachable, now);
        }
        self.idle.retain(|idle| idle.connection != connection);
        self.close(connection);
    }

    /// Handles a connection that brought no answer: the question is asked once more if it `may_retry`, unless another
    /// connection is still open for it.
    fn attempt_failed(
        &mut self,
        mut exchange: Exchange,
        attempt: &Attempt,
        may_retry: bool,
        failure: Failure,
        now: Instant,
    ) {
        self.actions.push(Action::CountFailed);
        self.close(attempt.connection);
        if exchange.attempts.is_empty() && may_retry && exchange.asked < MAX_ASKED && exchange.job.deadline > now {
            if !attempt.is_reused && !self.exchanges.is_empty() {
                return self.wait_again(exchange, now);
            }
            self.send(&mut exchange, None, now);
        }
        if exchange.attempts.is_empty() {
            self.report(exchange, Err(failure));
        } else {
            self.exchanges.push(exchange);
        }
        self.start_waiting(now);
    }

    /// Gives up the place of a question; it is asked again when another one was answered.
    fn wait_again(&mut self, exchange: Exchange, now: Instant) {
        let Exchange { job, asked, .. } = exchange;
        self.places.free(job.network);
        self.enqueue(Waiting { job, asked, since: now });
        self.start_waiting(now);
    }

    /// Handles what is due now.
    pub(super) fn time_passed(&mut self, now: Instant) {
        let late: Vec<Exchange> = self.exchanges.extract_if(.., |exchange| exchange.job.deadline <= now).collect();
        for exchange in late {
            self.report(exchange, Err(Failure::Timeout));
        }
        let patience = self.patience();
        let mut exchanges = std::mem::take(&mut self.exchanges);
        for exchange in
            exchanges.iter_mut().filter(|exchange| exchange.second_try(patience).is_some_and(|at| at <= now))
        {
            self.send(exchange, None, now);
        }
        self.exchanges = exchanges;
        self.start_waiting(now);
    }

    /// When something is due, whatever arrives.
    pub(super) fn wake(&self, now: Instant) -> Option<Instant> {
        let patience = self.patience();
        let is_anyone_waiting = !self.queue.is_empty() || !self.again.is_empty();
        let places = if is_anyone_waiting { self.places.wake(now) } else { None };
        let idle = self.idle.iter().map(|idle| idle.until);
        let exchanges = self.exchanges.iter().flat_map(|exchange| {
            let held_back = if self.idle.is_empty() { None } else { exchange.silent_from() };
            [Some(exchange.job.deadline), exchange.second_try(patience), held_back].into_iter().flatten()
        });
        exchanges.chain(idle).chain(places).min()
    }

    /// Starts as many of the waiting questions as may take a place, and closes the connections that are of no use.
    fn start_waiting(&mut self, now: Instant) {
        while let Some(next) = self.next_waiting(now) {
            self.start(next, now);
        }
        self.close_idle(now, MAX_IDLE);
    }

    /// The next question that may take a place.
    fn next_waiting(&mut self, now: Instant) -> Option<Waiting> {
        let Self { queue, again, places, exchanges, .. } = self;
        let is_alone = exchanges.is_empty();
        let is_over = |network, waiting: &Waiting| {
            is_alone || now >= waiting.since + CROWDED && places.may_take(network, waiting.since, false, now)
        };
        again.pop_if(is_over).or_else(|| {
            queue.pop_if(|network, waiting| places.may_take(network, waiting.since, !again.has(network), now))
        })
    }

    /// Starts a question, unless it was cancelled or its time is up; returns whether it did.
    fn start(&mut self, waiting: Waiting, now: Instant) -> bool {
        let Waiting { job, asked, .. } = waiting;
        if !self.waiting.remove(&job.flight) {
            return false;
        }
        if job.deadline <= now {
            self.actions.push(Action::Report(job.flight, Err(Failure::Timeout)));
            return false;
        }
        // An upstream that turned a connection away is to answer on one that it took.
        if asked == 0 {
            self.close_idle(now, usize::MAX);
        }
        self.places.take(job.network, !self.again.has(job.network), now);
        let mut exchange = Exchange { job, asked, attempts: Vec::new() };
        let used = self.idle.pop().map(|idle| idle.connection);
        self.send(&mut exchange, used, now);
        self.exchanges.push(exchange);
        true
    }

    /// Closes idle connections: those whose time is up, those above `most`, and all while fresh ones stay silent,
    /// because a server that serves one connection after the other would never come to those.
    fn close_idle(&mut self, now: Instant, most: usize) {
        let is_silent = |exchange: &Exchange| exchange.silent_from().is_some_and(|at| at <= now);
        let most = if self.exchanges.iter().any(is_silent) { 0 } else { most };
        let expired = self.idle.partition_point(|idle| idle.until <= now);
        let surplus = self.idle.len().saturating_sub(most);
        let closed = self.idle.drain(..expired.max(surplus));
        self.actions.extend(closed.map(|idle| Action::Close(idle.connection)));
    }

    /// Asks a question on a connection that was used before, or on a fresh one.
    fn send(&mut self, exchange: &mut Exchange, used: Option<ConnectionId>, now: Instant) {
        let connection = used.unwrap_or_else(|| {
            self.next += 1;
            self.actions.push(Action::Open(ConnectionId(self.next)));
            ConnectionId(self.next)
        });
        if exchange.asked > 0 {
            self.actions.push(Action::CountRetried);
        }
        exchange.asked += 1;
        exchange.attempts.push(Attempt { connection, sent: now, is_reused: used.is_some() });
        self.actions.push(Action::Send(connection, exchange.job.clone()));
    }

    /// Ends a question: its connections that are still open are closed, and its place is free.
    fn report(&mut self, exchange: Exchange, answer: Answer) {
        for attempt in exchange.attempts {
            self.actions.push(Action::CountFailed);
            self.close(attempt.connection);
        }
        self.actions.push(Action::Report(exchange.job.flight, answer));
        self.places.free(exchange.job.network);
    }

    /// Takes out the question on a connection, without that connection.
    fn take_attempt(&mut self, connection: ConnectionId) -> Option<(Exchange, Attempt)> {
        let of = |exchange: &Exchange| exchange.attempts.iter().position(|attempt| attempt.connection == connection);
        let (place, attempt) = self.exchanges.iter().enumerate().find_map(|(place, own)| Some((place, of(own)?)))?;
        let mut exchange = self.exchanges.swap_remove(place);
        let attempt = exchange.attempts.remove(attempt);
        Some((exchange, attempt))
    }

    fn close(&mut self, connection: ConnectionId) {
        self.actions.push(Action::Close(connection));
    }

    /// How long a connection that was used before may stay silent: longer where answers usually take long.
    fn patience(&self) -> Duration {
        (self.usual.unwrap_or_default() * 3).clamp(PATIENCE, MAX_PATIENCE)
    }
}

impl Exchange {
    /// When it is asked on a fresh connection as well, because the one used before stays silent.
    fn second_try(&self, patience: Duration) -> Option<Instant> {
        let first = self.attempts.first().filter(|attempt| attempt.is_reused && self.asked < MAX_ASKED)?;
        Some(first.sent + patience)
    }

    /// From when a fresh connection counts as silent.
    fn silent_from(&self) -> Option<Instant> {
        self.attempts.iter().find(|attempt| !attempt.is_reused).map(|attempt| attempt.sent + PATIENCE)
    }
}

#[cfg(test)]
mod tests;
