//! The steps of one flight: which upstream it asks first, which next, and how long it waits between.
//!
//! In: a flight that was taken out, and the state of its upstreams. Out: queries in the outbox, and whether the flight
//! goes on.

use std::sync::Arc;
use std::time::Duration;

use super::attempts::{Attempt, Via};
use super::exchanges::{Exchanges, Fate};
use super::flight::{Flight, Step};
use super::outbox::{Outbox, Recipient};
use crate::forward::ids::{GroupIndex, UpstreamIndex};
use crate::forward::question::Failure;
use crate::forward::transport::message::QueryForm;
use crate::forward::transport::socket::NoSocket;
use crate::forward::transport::tcp::Job;

/// Whether a query could be sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// It was sent.
    Now,
    /// It was not sent, but may be after a pause: the limits or the host's descriptors do not permit it now.
    Later,
    /// This host has no route to the upstream.
    NoRoute,
}

impl Sent {
    /// The upstream, if a pause has to follow.
    fn whither(self, index: UpstreamIndex) -> Option<UpstreamIndex> {
        (self != Self::NoRoute).then_some(index)
    }
}

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
        let sent = self.send(flight, first, None, out);
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
                self.try_send(flight, index, None, out);
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

    /// Asks over UDP if the limits permit; if not, the upstream is tried again in the next round.
    fn try_send(
        &mut self,
        flight: &mut Flight,
        index: UpstreamIndex,
        form: Option<QueryForm>,
        out: &mut impl Outbox,
    ) -> Sent {
        let now = self.now();
        if self.upstream(index).limit.acquire(now) {
            return self.send(flight, index, form, out);
        }
        flight.tried_mut(index);
        Sent::Later
    }

    /// Asks over UDP; the slot in the upstream's limit is taken already.
    pub(super) fn send(
        &mut self,
        flight: &mut Flight,
        index: UpstreamIndex,
        form: Option<QueryForm>,
        out: &mut impl Outbox,
    ) -> Sent {
        let now = self.now();
        let upstream = self.upstream(index);
        let form = form.unwrap_or_else(|| upstream.form(now));
        let to = Recipient { index, shared: &upstream.shared };
        let sent = out.send(to, flight.id, &flight.key.question, form, now);
        flight.tried_mut(index).no_route = sent == Err(NoSocket::NoRoute);
        match sent {
            Ok(query) => {
                flight.attempts.push(Attempt::new(index, Via::Udp(query, form), now));
                return Sent::Now;
            }
            Err(NoSocket::NoRoute) => upstream.health.no_route(now),
            Err(NoSocket::Exhausted) => {}
        }
        upstream.shared.counters.unreachable.one();
        upstream.limit.release();
        if sent == Err(NoSocket::NoRoute) { Sent::NoRoute } else { Sent::Later }
    }

    /// Asks over TCP: this may exceed the limit by one for each answer that was too long.
    pub(super) fn ask_tcp(&mut self, flight: &mut Flight, index: UpstreamIndex, out: &mut impl Outbox) {
        let now = self.now();
        let (false, Some(deadline)) = (flight.is_asked_by_tcp(index), flight.last_deadline()) else {
            return;
        };
        let upstream = self.upstream(index);
        upstream.limit.force();
        // Nobody off the path can write into a connection, so random case has no use there.
        let form = QueryForm { mixed: false, ..upstream.form(now) };
        let (question, network) = (flight.key.question.clone(), flight.network());
        let job = Job { flight: flight.id, question, form, network, deadline };
        out.ask_tcp(Recipient { index, shared: &upstream.shared }, job);
        flight.attempts.push(Attempt::new(index, Via::Tcp, now));
        flight.tried_mut(index).tcp = true;
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
                upstream.shared.counters.silences.one();
                upstream.health.silent(now, attempt.sent);
            }
        }
        self.step(flight, out)
    }

    /// Takes the next step of a flight.
    pub(super) fn step(&mut self, flight: &mut Flight, out: &mut impl Outbox) -> Fate {
        let (up, down) = self.candidates(flight.key.group);
        match &flight.fallback {
            Some(reply) if flight.untried(&up).is_none() => return Fate::Over(Ok(Arc::clone(reply))),
            // A loop was found meanwhile: a question that goes round in it ends here.
            None if up.is_empty() && down.is_empty() => return Fate::Over(Err(Failure::Loop)),
            _ => {}
        }
        for _ in 0..=4 * (up.len() + down.len()) {
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
            Step::Ask(index) => self.try_send(flight, index, None, out).whither(index),
            Step::Resend(index) => self.resend(flight, index, out),
            Step::WithoutEdns(index) => self.ask_without_edns(flight, index, out),
            Step::Tcp(index) if flight.is_asked_by_tcp(index) || flight.tried_mut(index).no_route => None,
            Step::Tcp(index) => {
                self.upstream(index).shared.counters.tcp_silent.one();
                self.ask_tcp(flight, index, out);
                Some(index)
            }
            Step::Wait => None,
        }
    }

    /// Sends the same datagram again, or a new one if none is open. With an open TCP query there is nothing to send
    /// again.
    fn resend(&mut self, flight: &mut Flight, index: UpstreamIndex, out: &mut impl Outbox) -> Option<UpstreamIndex> {
        let now = self.now();
        let first = flight.attempts_at(index).next().map(|attempt| attempt.via);
        match first {
            Some(Via::Tcp) => return None,
            Some(Via::Udp(query, _)) => {
                let upstream = self.upstream(index);
                if upstream.limit.take_token(now) {
                    upstream.shared.counters.retransmits.one();
                    out.resend(query);
                }
            }
            None => return self.try_send(flight, index, None, out).whither(index),
        }
        Some(index)
    }

    /// A client that set DO would take the unsigned answer for a forgery, so its question is never asked without EDNS.
    fn ask_without_edns(
        &mut self,
        flight: &mut Flight,
        index: UpstreamIndex,
        out: &mut impl Outbox,
    ) -> Option<UpstreamIndex> {
        let now = self.now();
        if flight.key.question.dnssec_ok || !flight.is_asked_with_edns(index) {
            return None;
        }
        let upstream = self.upstream(index);
        let form = QueryForm { edns: false, ..upstream.form(now) };
        upstream.shared.counters.edns_fallback.one();
        self.try_send(flight, index, Some(form), out).whither(index)
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
