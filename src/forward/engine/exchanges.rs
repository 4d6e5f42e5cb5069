//! The decisions about all questions in flight, without a socket or a clock: which upstream is asked, when, and which
//! waiter gets which answer.
//!
//! In: questions, replies of upstreams, the passing of time. Out: queries in an [`Outbox`], answers to waiters. One
//! flight serves equal questions of a group; a flight that finds no upstream with a free slot waits in its group's
//! queue. `steps.rs` has the steps of one flight, `replies.rs` handles the replies.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use super::attempts::{Attempt, Via};
use super::flight::{Flight, FlightKey, Waiter, turn_away};
use super::flights::{Flights, Found};
use super::outbox::Outbox;
use super::timer_wheel::{TICK, TimerWheel};
use crate::forward::callback::{Batch, ExchangeOutcome, Keep};
use crate::forward::client_network::ClientNetwork;
use crate::forward::ids::{FlightId, GroupIndex, UpstreamIndex};
use crate::forward::question::Failure;
use crate::forward::queue::Queue;
use crate::forward::settings::GroupSettings;
use crate::forward::status::GroupCounters;
use crate::forward::upstream::Upstream;

/// The largest number of waiters in all: as many as a server can have at one time, and some 20 MB.
const MAX_WAITERS: usize = 65_536;

/// A question and its waiters.
pub(crate) struct Ask {
    pub(crate) key: Arc<FlightKey>,
    /// Stores the outcome, if no equal question is in flight already.
    pub(crate) keep: Keep,
    pub(crate) waiter: Waiter,
    /// One more waiter, with an earlier deadline.
    pub(crate) impatient: Option<Waiter>,
}

/// One group.
pub(crate) struct GroupState {
    pub(crate) settings: GroupSettings,
    pub(crate) upstreams: Vec<UpstreamIndex>,
    /// Whether an upstream was left out because it is this server itself.
    pub(crate) is_own: bool,
    /// Questions that wait for a free slot.
    pub(crate) queue: Queue<Option<ClientNetwork>, FlightId>,
    pub(crate) counters: Arc<GroupCounters>,
}

/// Whether a flight goes on.
pub(super) enum Fate {
    /// It goes on.
    Open,
    /// It ends with this answer.
    Over(ExchangeOutcome),
}

/// All questions in flight.
pub(crate) struct Exchanges {
    pub(crate) upstreams: Vec<Upstream>,
    pub(crate) groups: Vec<GroupState>,
    flights: Flights,
    timer_wheel: TimerWheel<FlightId>,
    expired: Vec<FlightId>,
    /// The number of waiters, over all flights.
    waiters: usize,
    /// The batch of this moment; it holds the current time.
    batch: Batch,
}

impl Exchanges {
    pub(crate) fn new(groups: Vec<GroupState>, now: Instant) -> Self {
        Self {
            upstreams: Vec::new(),
            groups,
            flights: Flights::default(),
            timer_wheel: TimerWheel::new(now),
            expired: Vec::new(),
            waiters: 0,
            batch: Batch::new(now),
        }
    }

    /// Sets the current time.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.batch.now = now;
    }

    /// Ends the batch: every decision that was due is made, and the answers leave.
    pub(crate) fn end(&mut self) {
        self.batch.end();
    }

    pub(crate) fn now(&self) -> Instant {
        self.batch.now
    }

    /// Whether no question is in flight.
    pub(crate) fn is_empty(&self) -> bool {
        self.flights.is_empty()
    }

    /// The number of open attempts at an upstream, over all flights.
    pub(crate) fn open_attempts(&self, upstream: UpstreamIndex) -> usize {
        self.flights.iter().map(|flight| flight.attempts_at(upstream).count()).sum()
    }

    /// When the next timer is due, whatever arrives.
    pub(crate) fn wake(&self, now: Instant) -> Option<Instant> {
        let queued = self.groups.iter().any(|group| !group.queue.is_empty()).then(|| now + TICK);
        let watched = self.upstreams.iter().filter_map(Upstream::watch_due);
        [self.timer_wheel.next(), queued].into_iter().flatten().chain(watched).min()
    }

    /// Accepts a question.
    pub(crate) fn ask(&mut self, ask: Ask, out: &mut impl Outbox) {
        let Ask { key, keep, waiter, impatient } = ask;
        let counters = &self.groups[key.group.0].counters;
        counters.asked.one();
        if self.waiters >= MAX_WAITERS {
            counters.overloaded.one();
            return turn_away(waiter, impatient, Failure::Overloaded, &mut self.batch);
        }
        self.waiters += 1 + usize::from(impatient.is_some());
        let now = self.now();
        match self.flights.find_or_insert(&key) {
            Found::Same(id) => {
                counters.shared.one();
                if let Some(mut flight) = self.flights.take(id) {
                    [Some(waiter), impatient].into_iter().flatten().for_each(|waiter| flight.join(waiter));
                    // A flight that has tried everything tries again: the upstream may have come back.
                    flight.revive(now);
                    if flight.tells_at_once && self.candidates(flight.key.group).0.is_empty() {
                        self.tell_those_with_a_fallback(&mut flight);
                    }
                    self.settle(flight, Fate::Open, out);
                }
            }
            Found::New(id) => {
                let mut flight = Flight::renew(self.flights.spare(), id, key, now);
                flight.keep = Some(keep);
                [Some(waiter), impatient].into_iter().flatten().for_each(|waiter| flight.join(waiter));
                let fate = self.launch(&mut flight, out);
                self.settle(flight, fate, out);
            }
        }
    }

    /// Handles every flight whose timer has expired.
    pub(crate) fn run_timers(&mut self, out: &mut impl Outbox) {
        let mut expired = std::mem::take(&mut self.expired);
        self.timer_wheel.advance(self.now(), &mut expired);
        for id in expired.drain(..) {
            if let Some(mut flight) = self.flights.take(id) {
                flight.scheduled = None;
                let fate = self.time_passed(&mut flight, out);
                self.settle(flight, fate, out);
            }
        }
        self.expired = expired;
        self.run_watches(out);
    }

    /// Starts the queued flights, as far as slots are free.
    pub(crate) fn run_queues(&mut self, out: &mut impl Outbox) {
        for group in (0..self.groups.len()).map(GroupIndex) {
            while let Some(id) = self.group(group).queue.front().copied() {
                let Some(mut flight) = self.flights.take(id) else {
                    self.group_mut(group).queue.pop();
                    continue;
                };
                let Some(fate) = self.place(&mut flight, out) else {
                    self.flights.put(flight);
                    break;
                };
                self.group_mut(group).queue.pop();
                flight.queued = false;
                self.settle(flight, fate, out);
            }
            let state = self.group(group);
            state.counters.waiting.store(state.queue.len() as u64, Relaxed);
        }
    }

    /// Applies the decision about a flight: it goes on, with its next timer set; or it ends.
    pub(super) fn settle(&mut self, mut flight: Box<Flight>, fate: Fate, out: &mut impl Outbox) {
        match fate {
            Fate::Open => {
                if let Some(due) = flight.due()
                    && flight.scheduled.is_none_or(|scheduled| due < scheduled)
                {
                    flight.scheduled = Some(due);
                    self.timer_wheel.insert(self.batch.now, due, flight.id);
                }
                self.flights.put(flight);
            }
            Fate::Over(outcome) => self.finish(flight, outcome, out),
        }
    }

    /// Ends a flight: the outcome is stored once, every waiter gets it, and no attempt stays open.
    fn finish(&mut self, mut flight: Box<Flight>, outcome: ExchangeOutcome, out: &mut impl Outbox) {
        for attempt in flight.attempts.drain(..) {
            self.close_attempt(flight.id, &attempt, out);
        }
        self.waiters -= flight.waiters.len();
        let waiters = std::mem::take(&mut flight.waiters);
        let outcome = match flight.keep.take() {
            Some(keep) => self.batch.keep(keep, outcome),
            None => outcome,
        };
        flight.waiters = self.answer_all(flight.key.group, waiters, &outcome);
        self.flights.end(flight);
    }

    /// Ends an attempt that still waits for its reply: its slot in the upstream's limit is free.
    pub(super) fn close_attempt(&mut self, flight: FlightId, attempt: &Attempt, out: &mut impl Outbox) {
        self.upstream(attempt.upstream).limit.release();
        match attempt.via {
            _ if self.watch(attempt) => {}
            Via::Udp(query, _) => out.cancel(query),
            Via::Tcp(_) => out.cancel_tcp(attempt.upstream, flight),
        }
    }

    /// Gives an answer to these waiters, and returns the empty list.
    pub(super) fn answer_all(
        &mut self,
        group: GroupIndex,
        mut waiters: Vec<Waiter>,
        answer: &ExchangeOutcome,
    ) -> Vec<Waiter> {
        let counted = waiters.iter().filter(|waiter| !waiter.has_fallback).count();
        let counters = &self.group(group).counters;
        match answer {
            Ok(_) => {}
            Err(Failure::Timeout) => counters.timeouts.add(counted),
            Err(Failure::Overloaded) => counters.overloaded.add(counted),
            Err(_) => counters.failures.add(counted),
        }
        for waiter in waiters.drain(..) {
            self.batch.call(waiter.then, answer.clone());
        }
        waiters
    }

    /// Answers the waiters whose deadline has passed.
    pub(super) fn expire(&mut self, flight: &mut Flight) -> Fate {
        let now = self.now();
        if flight.waiters.iter().all(|waiter| waiter.deadline <= now) {
            return Fate::Over(flight.answer_at_deadline());
        }
        let late = flight.take_late(now);
        self.answer_some(flight.key.group, late, &flight.answer_at_deadline());
        Fate::Open
    }

    /// Gives an answer to waiters whose flight goes on for others.
    pub(super) fn answer_some(&mut self, group: GroupIndex, waiters: Vec<Waiter>, answer: &ExchangeOutcome) {
        self.waiters -= waiters.len();
        self.answer_all(group, waiters, answer);
    }

    /// Takes a flight out, for a decision about it; [`Exchanges::settle`] takes it back.
    pub(super) fn take(&mut self, id: FlightId) -> Option<Box<Flight>> {
        self.flights.take(id)
    }

    /// Puts back a flight that needs no decision.
    pub(super) fn put(&mut self, flight: Box<Flight>) {
        self.flights.put(flight);
    }

    pub(super) fn group(&self, index: GroupIndex) -> &GroupState {
        &self.groups[index.0]
    }

    pub(super) fn group_mut(&mut self, index: GroupIndex) -> &mut GroupState {
        &mut self.groups[index.0]
    }

    pub(super) fn upstream(&mut self, index: UpstreamIndex) -> &mut Upstream {
        &mut self.upstreams[index.0]
    }
}
