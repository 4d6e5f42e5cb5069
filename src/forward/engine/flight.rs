//! One question on its way, and what to try next: pure, `now` is an argument.
//!
//! In: which upstreams are up, what was tried. Out: the next [`Step`]. The earlier attempts stay open all the while, so
//! that whatever answers first, however late, is the answer.
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

use crate::forward::callback::OnReply;
use crate::forward::client_network::ClientNetwork;
use crate::forward::question::{Failure, Question, Reply};
use crate::forward::transport::message::QueryForm;
use crate::forward::transport::socket::QueryHandle;

/// What the ones who asked get.
pub(crate) type Answer = Result<Arc<Reply>, Failure>;

/// The place of a group in the settings and in the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GroupIndex(pub(crate) usize);

/// A question within its group.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) group: GroupIndex,
    pub(crate) question: Question,
}

/// Somebody who waits for an answer.
pub struct Waiter {
    /// The client's network; none if no client waits. Where upstreams are busy, networks take turns.
    pub network: Option<ClientNetwork>,
    /// When it gets an answer at the latest.
    pub deadline: Instant,
    /// Whether its failure counts as one of the group's.
    pub is_counted: bool,
    /// What is called with the answer.
    pub then: OnReply,
}

/// How an upstream was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp(QueryHandle, QueryForm),
    Tcp,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) upstream: usize,
    pub(crate) way: Transport,
    pub(crate) sent: Instant,
    /// Its silence has been counted.
    pub(crate) silent: bool,
}

/// Whether it was asked again for a reason that counts once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Retried {
    /// In lower case, because the upstream did not keep the case.
    pub(crate) case: bool,
    /// Without EDNS, because the upstream refused it.
    pub(crate) edns: bool,
}

pub(crate) struct Flight {
    pub(crate) key: Arc<Key>,
    pub(crate) waiters: Vec<Waiter>,
    pub(crate) attempts: Vec<Attempt>,
    /// Upstreams asked, in order.
    pub(crate) tried: Vec<usize>,
    /// The first answer that another upstream might better: SERVFAIL and the like.
    pub(crate) fallback: Option<Arc<Reply>>,
    pub(crate) malformed: bool,
    pub(crate) retried: Retried,
    /// In the queue of its group.
    pub(crate) queued: bool,
    /// When the next step is due, and when the wheel brings the flight up.
    pub(crate) step_at: Instant,
    pub(crate) armed: Option<Instant>,
    pass: Round,
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

/// The lists of a flight that is over, empty: the next one need not allocate.
#[derive(Default)]
pub(crate) struct Buffers {
    pub(crate) waiters: Vec<Waiter>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) tried: Vec<usize>,
}

/// What to try next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Ask an upstream that has not been asked.
    Ask(usize),
    /// Send the same again.
    Resend(usize),
    /// Ask without EDNS.
    WithoutEdns(usize),
    /// Ask over TCP.
    Tcp(usize),
    /// Nothing more.
    Wait,
}

impl Flight {
    /// With the empty lists of a flight that is over.
    pub(crate) fn new(key: Arc<Key>, waiter: Waiter, now: Instant, lists: Buffers) -> Self {
        let Buffers { mut waiters, attempts, tried } = lists;
        waiters.push(waiter);
        Self {
            key,
            waiters,
            attempts,
            tried,
            fallback: None,
            malformed: false,
            retried: Retried::default(),
            queued: false,
            step_at: now,
            armed: None,
            pass: Round::First,
            cursor: 0,
        }
    }

    /// The next step; `up` and `down` are the upstreams that may be asked, in order.
    pub(crate) fn next_step(&mut self, up: &[usize], down: &[usize]) -> Step {
        if self.pass == Round::First {
            if let Some(next) = self.untried(up).or_else(|| self.untried(down)) {
                return Step::Ask(next);
            }
            self.pass = Round::Again;
        }
        while self.pass != Round::Over {
            if let Some(upstream) = self.tried.get(self.cursor).copied() {
                self.cursor += 1;
                return match self.pass {
                    Round::Again => Step::Resend(upstream),
                    Round::WithoutEdns => Step::WithoutEdns(upstream),
                    _ => Step::Tcp(upstream),
                };
            }
            self.cursor = 0;
            self.pass = match self.pass {
                Round::First | Round::Again => Round::WithoutEdns,
                Round::WithoutEdns => Round::Tcp,
                Round::Tcp | Round::Over => Round::Over,
            };
        }
        Step::Wait
    }

    /// The first of `upstreams` that has not been asked.
    pub(crate) fn untried(&self, upstreams: &[usize]) -> Option<usize> {
        upstreams.iter().copied().find(|upstream| !self.tried.contains(upstream))
    }

    /// How long to wait after a step, where `wait` is the upstream's own time.
    pub(crate) fn pause(&self, wait: Duration) -> Duration {
        if self.attempts.is_empty() {
            return REFUSED_PAUSE;
        }
        match self.pass {
            Round::First => wait,
            Round::Again => (wait * 2).max(LATER_PAUSE),
            Round::WithoutEdns | Round::Tcp | Round::Over => (wait * 3).clamp(LATER_PAUSE, MAX_PAUSE),
        }
    }

    /// Someone has begun to wait now: if nothing is left to try, all that was asked is asked again.
    pub(crate) fn revive(&mut self, now: Instant) {
        if self.pass == Round::Over {
            (self.pass, self.cursor, self.step_at) = (Round::Again, 0, now);
        }
    }

    /// Nothing is open and nothing is left to try.
    pub(crate) fn is_lost(&self) -> bool {
        self.pass == Round::Over && self.attempts.is_empty()
    }

    /// When something is to be done, whatever arrives.
    pub(crate) fn due(&self) -> Option<Instant> {
        let first = self.waiters.iter().map(|waiter| waiter.deadline).min()?;
        Some(if self.queued || (self.pass == Round::Over && self.fallback.is_none()) {
            first
        } else {
            first.min(self.step_at)
        })
    }

    /// The latest anyone waits.
    pub(crate) fn last_deadline(&self) -> Option<Instant> {
        self.waiters.iter().map(|waiter| waiter.deadline).max()
    }
}

/// Between steps while every upstream refuses: someone may be restarting it.
const REFUSED_PAUSE: Duration = Duration::from_millis(250);
const LATER_PAUSE: Duration = Duration::from_millis(400);
const MAX_PAUSE: Duration = Duration::from_millis(1200);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{Name, Rtype};

    fn flight(now: Instant) -> Flight {
        let question = Question { name: Name::root(), rtype: Rtype::A, dnssec_ok: false, checking_disabled: false };
        let waiter = Waiter {
            network: None,
            deadline: now + Duration::from_secs(5),
            is_counted: true,
            then: Box::new(|_, _| {}),
        };
        Flight::new(Arc::new(Key { group: GroupIndex(0), question }), waiter, now, Buffers::default())
    }

    #[test]
    fn those_that_are_up_come_first_then_those_that_are_down_then_each_again() {
        let mut flight = flight(Instant::now());
        let mut steps = Vec::new();
        loop {
            let step = flight.next_step(&[1, 2], &[0]);
            if let Step::Ask(upstream) = step {
                flight.tried.push(upstream);
            }
            steps.push(step);
            if step == Step::Wait {
                break;
            }
        }
        let falls_through = [Step::Ask, Step::Resend, Step::WithoutEdns, Step::Tcp];
        let expected = falls_through.iter().flat_map(|pass| [1, 2, 0].map(pass)).chain([Step::Wait]);
        assert_eq!(steps, expected.collect::<Vec<_>>());
    }

    #[test]
    fn who_begins_to_wait_when_all_was_tried_has_it_tried_again() {
        let now = Instant::now();
        let mut flight = flight(now);
        flight.tried.push(0);
        while flight.next_step(&[0], &[]) != Step::Wait {}
        let later = now + Duration::from_secs(3);
        flight.revive(later);
        assert_eq!(flight.due(), Some(later), "at once");
        assert_eq!(flight.next_step(&[0], &[]), Step::Resend(0));
        flight.revive(later + Duration::from_secs(1));
        assert_eq!(flight.next_step(&[0], &[]), Step::WithoutEdns(0), "one at a time, however many begin to wait");
    }

    #[test]
    fn a_lone_upstream_has_been_tried_in_every_way_before_four_seconds() {
        let now = Instant::now();
        let mut flight = flight(now);
        flight.attempts.push(Attempt { upstream: 0, way: Transport::Tcp, sent: now, silent: false });
        let mut passed = Duration::ZERO;
        loop {
            match flight.next_step(&[0], &[]) {
                Step::Ask(_) => flight.tried.push(0),
                Step::Tcp(_) => break,
                _ => {}
            }
            passed += flight.pause(Duration::from_millis(400));
        }
        assert_eq!(passed, Duration::from_millis(400 + 800 + 1200));
    }
}
