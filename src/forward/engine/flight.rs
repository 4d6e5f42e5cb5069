//! One question in flight, and what to try next: pure, `now` is an argument.
//!
//! In: the upstreams that are up or down, and the attempts so far. Out: the next [`Step`]. The earlier attempts stay
//! open meanwhile, so the first answer counts, from whichever attempt and however late.
//!
//! ```text
//!     each upstream that is up, in order, one wait apart    (a refusal or SERVFAIL: the next at once)
//!     then those that are down
//!     then the same datagram again to each
//!     then to each without EDNS
//!     then to each over TCP
//!     then nothing more until the deadline
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::forward::callback::{ExchangeOutcome, Keep, OnReply};
use crate::forward::client_network::ClientNetwork;
use crate::forward::ids::{FlightId, GroupIndex, UpstreamIndex};
use crate::forward::question::{Failure, Question, Reply};
use crate::forward::transport::message::QueryForm;
use crate::forward::transport::socket::QueryHandle;
use crate::forward::upstream::Retried;

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
    /// Whether its failure is counted for the group.
    pub is_counted: bool,
    /// The callback for the answer.
    pub then: OnReply,
}

/// The transport of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    Udp(QueryHandle, QueryForm),
    Tcp,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) upstream: UpstreamIndex,
    pub(crate) via: Via,
    pub(crate) sent: Instant,
    /// Whether its silence has been counted.
    pub(crate) silent: bool,
}

pub(crate) struct Flight {
    pub(crate) id: FlightId,
    pub(crate) key: Arc<FlightKey>,
    pub(crate) waiters: Vec<Waiter>,
    /// Stores the outcome; that of the first to ask.
    pub(crate) keep: Option<Keep>,
    pub(crate) attempts: Vec<Attempt>,
    /// Upstreams asked, in order.
    pub(crate) tried: Vec<UpstreamIndex>,
    /// The first answer that another upstream might better, such as SERVFAIL.
    pub(crate) fallback: Option<Arc<Reply>>,
    pub(crate) malformed: bool,
    pub(crate) retried: Retried,
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
            keep: None,
            attempts: Vec::new(),
            tried: Vec::new(),
            fallback: None,
            malformed: false,
            retried: Retried::default(),
            queued: false,
            step_at: now,
            scheduled: None,
            round: Round::First,
            cursor: 0,
        }
    }

    /// Notes that an upstream was tried.
    pub(crate) fn was_tried(&mut self, upstream: UpstreamIndex) {
        if !self.tried.contains(&upstream) {
            self.tried.push(upstream);
        }
    }

    /// The open attempts at one upstream.
    pub(crate) fn attempts_at(&self, upstream: UpstreamIndex) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(move |attempt| attempt.upstream == upstream)
    }

    pub(crate) fn is_asked_by_tcp(&self, upstream: UpstreamIndex) -> bool {
        self.attempts_at(upstream).any(|attempt| attempt.via == Via::Tcp)
    }

    /// Whether a query with EDNS is open at an upstream.
    pub(crate) fn is_asked_with_edns(&self, upstream: UpstreamIndex) -> bool {
        self.attempts_at(upstream).any(|attempt| matches!(attempt.via, Via::Udp(_, form) if form.edns))
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
            if let Some(upstream) = self.tried.get(self.cursor).copied() {
                self.cursor += 1;
                return match self.round {
                    Round::Again => Step::Resend(upstream),
                    Round::WithoutEdns => Step::WithoutEdns(upstream),
                    _ => Step::Tcp(upstream),
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

    /// The first of `upstreams` that has not been asked.
    pub(crate) fn untried(&self, upstreams: &[UpstreamIndex]) -> Option<UpstreamIndex> {
        upstreams.iter().copied().find(|upstream| !self.tried.contains(upstream))
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

    /// Whether nothing is open and nothing is left to try.
    pub(crate) fn is_lost(&self) -> bool {
        self.round == Round::Over && self.attempts.is_empty()
    }

    /// When this flight is due, whatever arrives.
    pub(crate) fn due(&self) -> Option<Instant> {
        let first = self.waiters.iter().map(|waiter| waiter.deadline).min()?;
        Some(if self.queued || (self.round == Round::Over && self.fallback.is_none()) {
            first
        } else {
            first.min(self.step_at)
        })
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
        let question = Question { name: Name::root(), rtype: Rtype::A, dnssec_ok: false, checking_disabled: false };
        let mut flight = Flight::new(
            FlightId { slot: 0, generation: 0 },
            Arc::new(FlightKey { group: GroupIndex(0), question }),
            now,
        );
        let deadline = now + Duration::from_secs(5);
        flight.waiters.push(Waiter { network: None, deadline, is_counted: true, then: Box::new(|_, _| {}) });
        flight
    }

    #[test]
    fn upstreams_that_are_up_come_first_then_those_that_are_down_then_each_again() {
        let mut flight = flight(Instant::now());
        let mut steps = Vec::new();
        loop {
            let step = flight.next_step(&[B, C], &[A]);
            if let Step::Ask(upstream) = step {
                flight.tried.push(upstream);
            }
            steps.push(step);
            if step == Step::Wait {
                break;
            }
        }
        let rounds = [Step::Ask, Step::Resend, Step::WithoutEdns, Step::Tcp];
        let expected = rounds.iter().flat_map(|round| [B, C, A].map(round)).chain([Step::Wait]);
        assert_eq!(steps, expected.collect::<Vec<_>>());
    }

    #[test]
    fn a_new_waiter_restarts_a_question_that_was_tried_in_every_way() {
        let now = Instant::now();
        let mut flight = flight(now);
        flight.tried.push(A);
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
        flight.attempts.push(Attempt { upstream: A, via: Via::Tcp, sent: now, silent: false });
        let mut passed = Duration::ZERO;
        loop {
            match flight.next_step(&[A], &[]) {
                Step::Ask(_) => flight.tried.push(A),
                Step::Tcp(_) => break,
                _ => {}
            }
            passed += flight.pause(Duration::from_millis(400));
        }
        assert_eq!(passed, Duration::from_millis(400 + 800 + 1200));
    }
}
