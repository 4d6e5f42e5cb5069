//! The steps of one flight: which upstream it asks first, which next, and how long it waits between.
//!
//! In: a flight that was taken out, and the state of its upstreams. Out: queries in the outbox, and whether the flight
//! goes on.

use std::sync::Arc;
use std::time::Duration;

use super::exchanges::{Exchanges, Fate};
use super::flight::{Flight, Step};
use super::outbox::Outbox;
use super::replies::is_final;
use super::sending::Sent;
use crate::forward::ids::{GroupIndex, UpstreamIndex};
use crate::forward::question::Failure;

impl Exchanges {
    /// Starts a new question, or queues it. It never overtakes the queued ones, because a flood of new questions would
    /// otherwise keep those waiting.
    pub(super) fn launch(&mut self, flight: &mut Flight, out: &mut impl Outbox) -> Fate {
        if !self.group(flight.key.group).queue.is_empty() {
            return self.enqueue(flight);
        }
        match self.place(flight, out) {
            Some(fate) => fate,
            None => self.enqueue(flight),
        }
    }

    /// Asks the first upstream that has a free slot; `None` if none has.
    pub(super) fn place(&mut self, flight: &mut Flight, out: &mut impl Outbox) -> Option<Fate> {
        let group = flight.key.group;
        let state = self.group(group);
        if state.upstreams.iter().all(|index| self.upstreams[index.0].is_looping()) {
            let is_loop = state.is_own || !state.upstreams.is_empty();
            return Some(Fate::Over(Err(if is_loop { Failure::Loop } else { Failure::Stopped })));
        }
        let first = self.acquire_slot(group)?;
        let sent = self.send(flight, first, out);
        self.check_those_down(flight, first, out);
        if sent == Sent::NoRoute {
            return Some(self.step(flight, out));
        }
        self.pause(flight, first);
        Some(Fate::Open)
    }

    /// A slot in the limit of the first upstream that has one, those that are up before those that are down.
    fn acquire_slot(&mut self, group: GroupIndex) -> Option<UpstreamIndex> {
        let now = self.now();
        let Self { groups, upstreams, .. } = self;
        [true, false].into_iter().find_map(|up| {
            groups[group.0].upstreams.iter().copied().find(|index| {
                let upstream = &mut upstreams[index.0];
                !upstream.is_looping() && upstream.is_up() == up && upstream.limit.acquire(now)
            })
        })
    }

    /// Also asks the group's upstreams that are down, if it is time to check whether they are back.
    fn check_those_down(&mut self, flight: &mut Flight, asked: UpstreamIndex, out: &mut impl Outbox) {
        let now = self.now();
        for place in 0..self.group(flight.key.group).upstreams.len() {
            let index = self.group(flight.key.group).upstreams[place];
            let upstream = self.upstream(index);
            let is_down = index != asked && !upstream.is_up() && !upstream.is_looping();
            if is_down && upstream.health.take_check(now) {
                self.try_send(flight, index, out);
            }
        }
    }

    fn enqueue(&mut self, flight: &mut Flight) -> Fate {
        let network = flight.network();
        let state = self.group_mut(flight.key.group);
        if state.queue.push(network, flight.id).is_err() {
            return Fate::Over(Err(Failure::Overloaded));
        }
        flight.queued = true;
        if let Some(first) = state.upstreams.first().copied() {
            self.upstream(first).shared.counters.delayed.one();
        }
        Fate::Open
    }

    /// The group's upstreams that are up, and those that are down; without those that lead back to us.
    pub(super) fn candidates(&self, group: GroupIndex) -> (Vec<UpstreamIndex>, Vec<UpstreamIndex>) {
        let upstream = |index: &UpstreamIndex| &self.upstreams[index.0];
        let usable = self.group(group).upstreams.iter().copied().filter(|index| !upstream(index).is_looping());
        usable.partition(|index| upstream(index).is_up())
    }

    /// Handles the passing of time for a flight: deadlines of waiters, silent upstreams, the next step.
    pub(super) fn time_passed(&mut self, flight: &mut Flight, out: &mut impl Outbox) -> Fate {
        let now = self.now();
        if let over @ Fate::Over(_) = self.expire(flight) {
            return over;
        }
        if flight.queued || flight.step_at > now {
            return Fate::Open;
        }
        for attempt in flight.attempts.iter_mut().filter(|attempt| !attempt.silent) {
            let upstream = &mut self.upstreams[attempt.upstream.0];
            if now.saturating_duration_since(attempt.sent) >= upstream.health.wait() {
                attempt.silent = true;
                upstream.silent(now, attempt.sent);
            }
        }
        self.step(flight, out)
    }

    /// Takes the next step of a flight.
    pub(super) fn step(&mut self, flight: &mut Flight, out: &mut impl Outbox) -> Fate {
        let (up, down) = self.candidates(flight.key.group);
        match flight.kept() {
            Some(reply) if is_final(reply.rcode) || flight.untried(&up).is_none() => {
                return Fate::Over(Ok(Arc::clone(reply)));
            }
            // A loop was found meanwhile: a question that goes round in it ends here.
            None if up.is_empty() && down.is_empty() => return Fate::Over(Err(Failure::Loop)),
            _ => {}
        }
        for _ in 0..=5 * (up.len() + down.len()) {
            let step = flight.next_step(&up, &down);
            if let Some(index) = self.take_step(flight, step, out) {
                self.pause(flight, index);
                return Fate::Open;
            }
            if step == Step::Wait {
                break;
            }
        }
        if flight.is_lost() { Fate::Over(Err(flight.failure())) } else { Fate::Open }
    }

    /// The upstream that the step went to; `None` if there was nothing to do, or no route to go.
    fn take_step(&mut self, flight: &mut Flight, step: Step, out: &mut impl Outbox) -> Option<UpstreamIndex> {
        match step {
            Step::Ask(index) => self.try_send(flight, index, out).whither(index),
            Step::Resend(index) => self.resend(flight, index, out),
            Step::WithoutEdns(index) => self.ask_without_edns(flight, index, out),
            Step::Tcp(index) if flight.is_asked_by_tcp(index) || flight.tried_mut(index).no_route => None,
            Step::Tcp(index) => {
                self.upstream(index).shared.counters.tcp_silent.one();
                self.ask_tcp(flight, index, out);
                Some(index)
            }
            Step::LastResort(index) => self.ask_plain_at_last(flight, index, out),
            Step::Wait => None,
        }
    }

    /// Schedules the next step of a flight, after the upstream's own time.
    pub(super) fn pause(&mut self, flight: &mut Flight, index: UpstreamIndex) {
        let wait = self.upstream(index).health.wait();
        self.pause_for(flight, wait);
    }

    pub(super) fn pause_for(&self, flight: &mut Flight, wait: Duration) {
        flight.step_at = self.now() + flight.pause(wait);
    }
}
