//! One question in flight, and what to try next: pure, `now` is an argument.
//!
//! In: the upstreams that are up or down, and the attempts so far. Out: the next [`Step`]. The earlier attempts stay
//! open meanwhile, so the first answer counts, from whichever attempt and however late.
//!
//! ```text
//!     each upstream that is up, in order, one wait apart    (after an ICMP error or SERVFAIL: the next at once)
//!     then those that are down
//!     then the same datagram again to each
//!     then to each without EDNS
//!     then to each over TCP, and once more without EDNS if that was not yet given up
//!     then nothing more until the deadline
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::attempts::{Attempt, Tried, Via};
use crate::forward::callback::{Batch, ExchangeOutcome, Keep, OnReply};
use crate::forward::client_network::ClientNetwork;
use crate::forward::ids::{FlightId, GroupIndex, UpstreamIndex};
use crate::forward::question::{Failure, Question, Reply};
use crate::forward::transport::message::QueryForm;
use crate::forward::transport::socket::QueryHandle;

/// A question within its group.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct FlightKey {
    pub(crate) group: GroupIndex,
    pub(crate) question: Question,
}

/// A waiter for an answer.
pub struct Waiter {
    /// The client's network; `None` if no client waits. At a busy upstream, networks take turns.
    pub network: Option<ClientNetwork>,
    /// The latest time at which it gets an answer.
    pub deadline: Instant,
    /// Whether it has an answer to fall back to: it is told early that every upstream is down, and its failure is not
    /// counted for the group.
    pub has_fallback: bool,
    /// The callback for the answer.
    pub then: OnReply,
}

/// Calls the waiters of a question that is not asked.
pub(crate) fn turn_away(waiter: Waiter, impatient: Option<Waiter>, failure: Failure, batch: &mut Batch) {
    for waiter in [Some(waiter), impatient].into_iter().flatten() {
        batch.call(waiter.then, Err(failure));
    }
}

pub(crate) struct Flight {
    pub(crate) id: FlightId,
    pub(crate) key: Arc<FlightKey>,
    pub(crate) waiters: Vec<Waiter>,
    /// No deadline of a waiter is earlier: kept, so that a question that joins thousands costs no look at them.
    first_deadline: Option<Instant>,
    /// Stores the outcome; that of the first to ask.
    pub(crate) keep: Option<Keep>,
    pub(crate) attempts: Vec<Attempt>,
    /// Upstreams asked, in order.
    pub(crate) tried: Vec<Tried>,
    /// An answer that another upstream or form might better, such as SERVFAIL.
    pub(crate) fallback: Option<Arc<Reply>>,
    pub(crate) malformed: bool,
    /// Whether clients with a fallback are told at once, while every upstream is down.
    pub(crate) tells_at_once: bool,
    /// Whether it waits in the queue of its group.
    pub(crate) queued: bool,
    /// When the next step is due, and when the timer wheel returns the flight.
    pub(crate) step_at: Instant,
    pub(crate) scheduled: Option<Instant>,
    round: Round,
    cursor: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Round {
    First,
    Again,
    WithoutEdns,
    /// Two steps for each upstream: TCP, and the last resort.
    Tcp,
    Over,
}

/// The next thing to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Ask an upstream that has not been asked.
    Ask(UpstreamIndex),
    /// Send the same datagram again.
    Resend(UpstreamIndex),
    /// Ask without EDNS.
    WithoutEdns(UpstreamIndex),
    /// Ask over TCP.
    Tcp(UpstreamIndex),
    /// Ask without EDNS whatever the question loses by that: every query with it was silent or failed.
    LastResort(UpstreamIndex),
    /// Wait: nothing is left to try.
    Wait,
}

impl Flight {
    /// A flight that begins now, in the memory of one that has ended.
    pub(crate) fn renew(spare: Option<Box<Self>>, id: FlightId, key: Arc<FlightKey>, now: Instant) -> Box<Self> {
        let Some(mut flight) = spare else {
            return Box::new(Self::new(id, key, now));
        };
        let (waiters, attempts) = (std::mem::take(&mut flight.waiters), std::mem::take(&mut flight.attempts));
        let mut tried = std::mem::take(&mut flight.tried);
        tried.clear();
        *flight = Self { waiters, attempts, tried, ..Self::new(id, key, now) };
        flight
    }

    fn new(id: FlightId, key: Arc<FlightKey>, now: Instant) -> Self {
        Self {
            id,
            key,
            waiters: Vec::new(),
            first_deadline: None,
            keep: None,
            attempts: Vec::new(),
            tried: Vec::new(),
            fallback: None,
            malformed: false,
            tells_at_once: false,
            queued: false,
            step_at: now,
            scheduled: None,
            round: Round::First,
            cursor: 0,
        }
    }

    /// What is known of an upstream that is being tried.
    pub(crate) fn tried_mut(&mut self, upstream: UpstreamIndex) -> &mut Tried {
        let known = self.tried.iter().position(|tried| tried.upstream == upstream);
        let place = known.unwrap_or_else(|| {
            self.tried.push(Tried::new(upstream));
            self.tried.len() - 1
        });
        &mut self.tried[place]
    }

    /// The client network in whose line it waits: that of its first waiter.
    pub(crate) fn network(&self) -> Option<ClientNetwork> {
        self.waiters.first().and_then(|first| first.network)
    }

    /// The open attempts at one upstream.
    pub(crate) fn attempts_at(&self, upstream: UpstreamIndex) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(move |attempt| attempt.upstream == upstream)
    }

    /// The open queries over UDP at one upstream, the last one last.
    pub(crate) fn datagrams(&self, upstream: UpstreamIndex) -> impl Iterator<Item = (QueryHandle, QueryForm)> {
        self.attempts_at(upstream).filter_map(|attempt| match attempt.via {
            Via::Udp(query, form) => Some((query, form)),
            Via::Tcp(_) => None,
        })
    }

    /// The place and the form of an open query over UDP.
    pub(crate) fn query(&self, handle: QueryHandle) -> Option<(usize, QueryForm)> {
        let is_open = |attempt: &Attempt| matches!(attempt.via, Via::Udp(query, _) if query == handle);
        let place = self.attempts.iter().position(is_open)?;
        Some((place, self.attempts[place].via.form()))
    }

    /// The last query over UDP that is open at one upstream.
    pub(crate) fn last_datagram(&self, upstream: UpstreamIndex) -> Option<QueryHandle> {
        self.datagrams(upstream).last().map(|(query, _)| query)
    }

    pub(crate) fn is_asked_by_tcp(&self, upstream: UpstreamIndex) -> bool {
        self.attempts_at(upstream).any(|attempt| matches!(attempt.via, Via::Tcp(_)))
    }

    /// Keeps a reply that may be bettered: what says something about the name is better than an error, and the first
    /// is better than a later one.
    pub(crate) fn keep(&mut self, reply: Arc<Reply>) {
        if self.fallback.as_ref().is_none_or(|kept| reply.answers() && !kept.answers()) {
            self.fallback = Some(reply);
        }
    }

    /// The answer for waiters whose deadline has passed.
    pub(crate) fn answer_at_deadline(&self) -> ExchangeOutcome {
        match &self.fallback {
            Some(reply) => Ok(Arc::clone(reply)),
            None if self.queued => Err(Failure::Overloaded),
            None if self.malformed => Err(Failure::Malformed),
            None => Err(Failure::Timeout),
        }
    }

    /// The next step; `up` and `down` are the upstreams that may be asked, in order.
    pub(crate) fn next_step(&mut self, up: &[UpstreamIndex], down: &[UpstreamIndex]) -> Step {
        if self.round == Round::First {
            if let Some(next) = self.untried(up).or_else(|| self.untried(down)) {
                return Step::Ask(next);
            }
            self.round = Round::Again;
        }
        while self.round != Round::Over {
            let steps = if self.round == Round::Tcp { 2 } else { 1 };
            if let Some(upstream) = self.tried.get(self.cursor / steps).map(|tried| tried.upstream) {
                self.cursor += 1;
                return match self.round {
                    Round::Again => Step::Resend(upstream),
                    Round::WithoutEdns => Step::WithoutEdns(upstream),
                    _ if self.cursor % 2 == 1 => Step::Tcp(upstream),
                    _ => Step::LastResort(upstream),
                };
            }
            self.cursor = 0;
            self.round = match self.round {
                Round::First | Round::Again => Round::WithoutEdns,
                Round::WithoutEdns => Round::Tcp,
                Round::Tcp | Round::Over => Round::Over,
            };
        }
        Step::Wait
    }

    /// Takes back the last step: its time has not come.
    pub(crate) fn postpone(&mut self) {
        self.cursor = self.cursor.saturating_sub(1);
    }

    /// The first of `upstreams` that has not been asked.
    pub(crate) fn untried(&self, upstreams: &[UpstreamIndex]) -> Option<UpstreamIndex> {
        let is_untried = |upstream: &UpstreamIndex| self.tried.iter().all(|tried| tried.upstream != *upstream);
        upstreams.iter().copied().find(is_untried)
    }

    /// The pause after a step, where `wait` is the upstream's own time.
    pub(crate) fn pause(&self, wait: Duration) -> Duration {
        if self.attempts.is_empty() {
            return REFUSED_PAUSE;
        }
        match self.round {
            Round::First => wait,
            Round::Again => (wait * 2).max(LATER_PAUSE),
            Round::WithoutEdns | Round::Tcp | Round::Over => (wait * 3).clamp(LATER_PAUSE, MAX_PAUSE),
        }
    }

    /// Prepares for a new waiter: if nothing is left to try, everything is tried again.
    pub(crate) fn revive(&mut self, now: Instant) {
        if self.round == Round::Over {
            (self.round, self.cursor, self.step_at) = (Round::Again, 0, now);
        }
    }

    /// Notes that the last attempt at an upstream follows from a reply of it.
    pub(crate) fn invite(&mut self, upstream: UpstreamIndex) {
        if let Some(attempt) = self.attempts.iter_mut().rfind(|attempt| attempt.upstream == upstream) {
            attempt.invited = true;
        }
    }

    /// The kept reply, unless an upstream has promised a better one.
    pub(crate) fn kept(&self) -> Option<&Arc<Reply>> {
        let is_promised = |attempt: &Attempt| attempt.invited && !attempt.hinted;
        self.fallback.as_ref().filter(|_| !self.attempts.iter().any(is_promised))
    }

    /// Whether nothing is open that promises a reply.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.attempts.iter().all(|attempt| attempt.hinted)
    }

    /// Whether nothing promises a reply and nothing is left to try, after the pauses between all steps.
    pub(crate) fn is_lost(&self) -> bool {
        self.round == Round::Over && self.is_hopeless()
    }

    /// Why it is lost.
    pub(crate) fn failure(&self) -> Failure {
        if self.malformed { Failure::Malformed } else { Failure::Unreachable }
    }

    /// When this flight is due, whatever arrives.
    pub(crate) fn due(&self) -> Option<Instant> {
        let first = self.first_deadline?;
        Some(if self.queued || (self.round == Round::Over && self.kept().is_none()) {
            first
        } else {
            first.min(self.step_at)
        })
    }

    /// Adds a waiter.
    pub(crate) fn join(&mut self, waiter: Waiter) {
        self.first_deadline = Some(self.first_deadline.map_or(waiter.deadline, |first| first.min(waiter.deadline)));
        self.waiters.push(waiter);
    }

    /// Takes out the waiters whose deadline has passed.
    pub(crate) fn take_late(&mut self, now: Instant) -> Vec<Waiter> {
        let late = self.waiters.extract_if(.., |waiter| waiter.deadline <= now).collect();
        self.first_deadline = self.waiters.iter().map(|waiter| waiter.deadline).min();
        late
    }

    /// The latest deadline of all waiters.
    pub(crate) fn last_deadline(&self) -> Option<Instant> {
        self.waiters.iter().map(|waiter| waiter.deadline).max()
    }
}

/// The pause between steps while every upstream refuses: an operator may be restarting it.
const REFUSED_PAUSE: Duration = Duration::from_millis(250);
const LATER_PAUSE: Duration = Duration::from_millis(400);
const MAX_PAUSE: Duration = Duration::from_millis(1200);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{Name, Rtype};

    const A: UpstreamIndex = UpstreamIndex(0);
    const B: UpstreamIndex = UpstreamIndex(1);
    const C: UpstreamIndex = UpstreamIndex(2);

    fn flight(now: Instant) -> Flight {
        let question = Question {
            name: Name::root(),
            rtype: Rtype::A,
            dnssec_ok: false,
            checking_disabled: false,
            authentic_data: false,
        };
        let mut flight = Flight::new(
            FlightId { slot: 0, generation: 0 },
            Arc::new(FlightKey { group: GroupIndex(0), question }),
            now,
        );
        let deadline = now + Duration::from_secs(5);
        flight.join(Waiter { network: None, deadline, has_fallback: false, then: Box::new(|_, _| {}) });
        flight
    }

    #[test]
    fn upstreams_that_are_up_come_first_then_those_that_are_down_then_each_again() {
        let mut flight = flight(Instant::now());
        let mut steps = Vec::new();
        loop {
            let step = flight.next_step(&[B, C], &[A]);
            if let Step::Ask(upstream) = step {
                flight.tried_mut(upstream);
            }
            steps.push(step);
            if step == Step::Wait {
                break;
            }
        }
        let rounds = [Step::Ask, Step::Resend, Step::WithoutEdns];
        let last = [B, C, A].into_iter().flat_map(|upstream| [Step::Tcp(upstream), Step::LastResort(upstream)]);
        let expected = rounds.iter().flat_map(|round| [B, C, A].map(round)).chain(last).chain([Step::Wait]);
        assert_eq!(steps, expected.collect::<Vec<_>>());
    }

    #[test]
    fn a_new_waiter_restarts_a_question_that_was_tried_in_every_way() {
        let now = Instant::now();
        let mut flight = flight(now);
        flight.tried_mut(A);
        while flight.next_step(&[A], &[]) != Step::Wait {}
        let later = now + Duration::from_secs(3);
        flight.revive(later);
        assert_eq!(flight.due(), Some(later), "at once");
        assert_eq!(flight.next_step(&[A], &[]), Step::Resend(A));
        flight.revive(later + Duration::from_secs(1));
        assert_eq!(flight.next_step(&[A], &[]), Step::WithoutEdns(A), "one at a time, however many begin to wait");
    }

    #[test]
    fn a_lone_upstream_has_been_tried_in_every_way_before_four_seconds() {
        let now = Instant::now();
        let mut flight = flight(now);
        flight.attempts.push(Attempt::new(A, Via::Tcp(QueryForm { mixed: false, ..QueryForm::FULL }), now));
        let mut passed = Duration::ZERO;
        loop {
            match flight.next_step(&[A], &[]) {
                Step::Ask(_) => drop(flight.tried_mut(A)),
                Step::Tcp(_) => break,
                _ => {}
            }
            passed += flight.pause(Duration::from_millis(400));
        }
        assert_eq!(passed, Duration::from_millis(400 + 800 + 1200));
    }
}
