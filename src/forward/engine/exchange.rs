//! What happens to one question, from whoever asks it first to the answer for all who ask it meanwhile.
//!
//! In: questions, and the passing of time. Out: datagrams in the outbox, answers to those who wait. One flight serves
//! equal questions of a group; one that finds no upstream with room waits in its group's queue. What comes back is
//! taken in by `event.rs`.

use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Instant;

use super::flight::{Answer, Attempt, Buffers, Flight, Step, Transport, Waiter};
use super::{Ask, BATCH, Engine};
use crate::forward::question::Failure;
use crate::forward::transport::message::QueryForm;
use crate::forward::transport::tcp::Job;

/// Those who wait for an answer in all: what a server can have in hand, and some 20 MB.
const MAX_WAITERS: usize = 65_536;

impl Engine {
    /// Takes a question in.
    pub(crate) fn ask(&mut self, ask: Ask, now: Instant) {
        let counters = Arc::clone(&self.groups[ask.key.group.0].counters);
        counters.asked.one();
        let Ask { key, waiter, impatient } = ask;
        if self.waiters >= MAX_WAITERS {
            counters.overloaded.one();
            for waiter in [Some(waiter), impatient].into_iter().flatten() {
                self.turn.call(waiter.then, Err(Failure::Overloaded));
            }
            return;
        }
        self.waiters += 1 + usize::from(impatient.is_some());
        let id = match self.by_key.entry(Arc::clone(&key)) {
            Entry::Occupied(same) => {
                let id = *same.get();
                counters.shared.one();
                return self.join(id, waiter, impatient, now);
            }
            Entry::Vacant(free) => {
                self.last_flight += 1;
                *free.insert(self.last_flight)
            }
        };
        let mut flight = Flight::new(key, waiter, now, self.spare.pop().unwrap_or_default());
        flight.waiters.extend(impatient);
        self.flights.insert(id, flight);
        self.launch(id, now, true);
        self.arm(id, now);
    }

    /// One more waits for a flight. One that has tried everything tries again: the upstream may have come back.
    fn join(&mut self, id: u64, waiter: Waiter, impatient: Option<Waiter>, now: Instant) {
        if let Some(flight) = self.flights.get_mut(&id) {
            flight.waiters.push(waiter);
            flight.waiters.extend(impatient);
            flight.revive(now);
        }
        self.arm(id, now);
    }

    /// Sends a question on its way, or queues it; `false` if it has to wait.
    fn launch(&mut self, id: u64, now: Instant, may_queue: bool) -> bool {
        let Some(group) = self.flights.get(&id).map(|flight| flight.key.group.0) else {
            return true;
        };
        // Nobody overtakes those who wait for their turn, or a flood of new questions would keep it from coming.
        if may_queue && !self.groups[group].queue.is_empty() {
            self.enqueue(id, group);
            return false;
        }
        if self.groups[group].upstreams.iter().all(|index| self.upstreams[*index].is_looping()) {
            let looping = self.groups[group].is_own || !self.groups[group].upstreams.is_empty();
            self.finish(id, &Err(if looping { Failure::Loop } else { Failure::Stopped }));
            return true;
        }
        if let Some(first) = self.acquire_slot(group, now) {
            self.send(id, first, None, now);
            self.probe_those_down(id, group, first, now);
            let wait = self.upstreams[first].health.wait();
            self.pause(id, wait, now);
            return true;
        }
        if may_queue {
            self.enqueue(id, group);
        }
        false
    }

    /// A place in the limit of the first upstream that has one, those that are up before those that are down.
    fn acquire_slot(&mut self, group: usize, now: Instant) -> Option<usize> {
        let Self { groups, upstreams, .. } = self;
        [true, false].into_iter().find_map(|up| {
            groups[group].upstreams.iter().copied().find(|index| {
                let upstream = &mut upstreams[*index];
                !upstream.is_looping() && upstream.is_up() == up && upstream.limit.acquire(now)
            })
        })
    }

    /// Asks the group's upstreams that are down too, where it is time to see whether they are back.
    fn probe_those_down(&mut self, id: u64, group: usize, asked: usize, now: Instant) {
        for place in 0..self.groups[group].upstreams.len() {
            let index = self.groups[group].upstreams[place];
            let upstream = &mut self.upstreams[index];
            let is_down = index != asked && !upstream.is_up() && !upstream.is_looping();
            if is_down && upstream.health.take_probe(now) {
                self.try_send(id, index, None, now);
            }
        }
    }

    fn enqueue(&mut self, id: u64, group: usize) {
        let network = self.flights.get(&id).and_then(|flight| flight.waiters.first()).and_then(|first| first.network);
        let state = &mut self.groups[group];
        if !state.queue.push(network, id) {
            return self.finish(id, &Err(Failure::Overloaded));
        }
        if let Some(first) = state.upstreams.first() {
            self.upstreams[*first].shared.counters.delayed.one();
        }
        if let Some(flight) = self.flights.get_mut(&id) {
            flight.queued = true;
        }
    }

    /// Lets those go who wait for their turn, as far as there is room.
    pub(crate) fn run_queues(&mut self, now: Instant) {
        for group in 0..self.groups.len() {
            while let Some(id) = self.groups[group].queue.front() {
                if self.flights.contains_key(&id) && !self.launch(id, now, false) {
                    break;
                }
                self.groups[group].queue.pop();
                if let Some(flight) = self.flights.get_mut(&id) {
                    flight.queued = false;
                }
                self.arm(id, now);
            }
            let waiting = self.groups[group].queue.len() as u64;
            self.groups[group].counters.waiting.store(waiting, std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// The group's upstreams that are up, and those that are down; none that leads back to us.
    pub(crate) fn candidates(&self, group: usize) -> (Vec<usize>, Vec<usize>) {
        let usable = self.groups[group].upstreams.iter().copied().filter(|index| !self.upstreams[*index].is_looping());
        usable.partition(|index| self.upstreams[*index].is_up())
    }

    /// Asks over UDP if the limits let it.
    pub(crate) fn try_send(&mut self, id: u64, index: usize, form: Option<QueryForm>, now: Instant) {
        if self.upstreams[index].limit.acquire(now) {
            self.send(id, index, form, now);
        } else if let Some(flight) = self.flights.get_mut(&id) {
            // It gets its chance again when everyone is asked again.
            flight.tried.push(index);
        }
    }

    /// Asks over UDP; the place in the upstream's limit is taken already.
    pub(crate) fn send(&mut self, id: u64, index: usize, form: Option<QueryForm>, now: Instant) {
        let upstream = &mut self.upstreams[index];
        let Some(flight) = self.flights.get_mut(&id) else {
            return upstream.limit.release();
        };
        if !flight.tried.contains(&index) {
            flight.tried.push(index);
        }
        let form = form.unwrap_or_else(|| upstream.form(now));
        if let Ok(handle) = self.pool.send(index, &upstream.shared, id, &flight.key.question, form, now) {
            let way = Transport::Udp(handle, form);
            flight.attempts.push(Attempt { upstream: index, way, sent: now, silent: false });
        } else {
            upstream.shared.counters.unreachable.one();
            upstream.limit.release();
        }
    }

    /// Asks over TCP. One more than the limit allows, at most, for each answer that was too long.
    pub(crate) fn ask_tcp(&mut self, id: u64, index: usize, now: Instant) {
        let Some(flight) = self.flights.get_mut(&id) else {
            return;
        };
        let asked = |attempt: &Attempt| attempt.upstream == index && attempt.way == Transport::Tcp;
        let (false, Some(deadline)) = (flight.attempts.iter().any(asked), flight.last_deadline()) else {
            return;
        };
        let upstream = &mut self.upstreams[index];
        upstream.limit.force();
        let edns = upstream.form(now).edns;
        let job = Job { flight: id, question: flight.key.question.clone(), edns, deadline };
        upstream.ask_tcp(index, job, &self.outcomes);
        flight.attempts.push(Attempt { upstream: index, way: Transport::Tcp, sent: now, silent: false });
    }

    /// The wheel has brought a flight up.
    pub(crate) fn due(&mut self, id: u64, now: Instant) {
        let Some(flight) = self.flights.get_mut(&id) else {
            return;
        };
        flight.armed = None;
        self.expire(id, now);
        let Some(flight) = self.flights.get_mut(&id) else {
            return;
        };
        if !flight.queued && flight.step_at <= now {
            for attempt in flight.attempts.iter_mut().filter(|attempt| !attempt.silent) {
                let upstream = &mut self.upstreams[attempt.upstream];
                if now.saturating_duration_since(attempt.sent) >= upstream.health.wait() {
                    attempt.silent = true;
                    upstream.shared.counters.silences.one();
                    upstream.health.silent(now, attempt.sent);
                }
            }
            self.step(id, now);
        }
        self.arm(id, now);
    }

    /// Answers those whose deadline has passed.
    fn expire(&mut self, id: u64, now: Instant) {
        let Some(flight) = self.flights.get_mut(&id) else {
            return;
        };
        let answer = match &flight.fallback {
            Some(reply) => Ok(Arc::clone(reply)),
            None if flight.queued => Err(Failure::Overloaded),
            None if flight.malformed => Err(Failure::Malformed),
            None => Err(Failure::Timeout),
        };
        let late: Vec<_> = flight.waiters.extract_if(.., |waiter| waiter.deadline <= now).collect();
        if flight.waiters.is_empty() {
            flight.waiters = late;
            return self.finish(id, &answer);
        }
        self.waiters -= late.len();
        let group = flight.key.group.0;
        for waiter in late {
            self.count(group, &answer, usize::from(waiter.is_counted));
            self.turn.call(waiter.then, answer.clone());
        }
    }

    /// Takes the next step of a flight.
    pub(crate) fn step(&mut self, id: u64, now: Instant) {
        let Some(flight) = self.flights.get_mut(&id) else {
            return;
        };
        let (group, settled) = (flight.key.group.0, flight.fallback.is_some());
        let (up, down) = self.candidates(group);
        if !settled && up.is_empty() && down.is_empty() {
            // A loop was found meanwhile: what goes round in it ends here.
            return self.finish(id, &Err(Failure::Loop));
        }
        let Some(flight) = self.flights.get_mut(&id) else {
            return;
        };
        if settled && flight.untried(&up).is_none() {
            return self.give_fallback(id);
        }
        for _ in 0..=4 * (up.len() + down.len()) {
            let Some(flight) = self.flights.get_mut(&id) else {
                return;
            };
            let step = flight.next_step(&up, &down);
            if let Some(index) = self.take_step(id, step, now) {
                let wait = self.upstreams[index].health.wait();
                return self.pause(id, wait, now);
            }
            if step == Step::Wait {
                break;
            }
        }
        if let Some(flight) = self.flights.get(&id).filter(|flight| flight.is_lost()) {
            let failure = if flight.malformed { Failure::Malformed } else { Failure::Unreachable };
            self.finish(id, &Err(failure));
        }
    }

    /// Whom the step was taken with; `None` if there was nothing to do in it.
    fn take_step(&mut self, id: u64, step: Step, now: Instant) -> Option<usize> {
        let open = |index: usize| {
            let flight = self.flights.get(&id);
            let attempts = flight.map(|f| f.attempts.as_slice()).unwrap_or_default();
            attempts.iter().copied().filter(move |attempt| attempt.upstream == index)
        };
        match step {
            Step::Ask(index) => {
                self.try_send(id, index, None, now);
                Some(index)
            }
            Step::Resend(index) => {
                match open(index).next().map(|attempt| attempt.way) {
                    Some(Transport::Tcp) => return None,
                    Some(Transport::Udp(handle, _)) => {
                        if self.upstreams[index].limit.take_token(now) {
                            self.upstreams[index].shared.counters.retransmits.one();
                            self.pool.resend(handle);
                        }
                    }
                    None => self.try_send(id, index, None, now),
                }
                Some(index)
            }
            Step::WithoutEdns(index) => {
                // Without EDNS there are no signatures, and who asks for them would take the answer for forged.
                let wants_signatures = self.flights.get(&id).is_some_and(|flight| flight.key.question.dnssec_ok);
                if wants_signatures
                    || !open(index).any(|attempt| matches!(attempt.way, Transport::Udp(_, form) if form.edns))
                {
                    return None;
                }
                let form = QueryForm { edns: false, ..self.upstreams[index].form(now) };
                self.upstreams[index].shared.counters.edns_fallback.one();
                self.try_send(id, index, Some(form), now);
                Some(index)
            }
            Step::Tcp(index) => {
                if open(index).any(|attempt| attempt.way == Transport::Tcp) {
                    return None;
                }
                self.upstreams[index].shared.counters.tcp_silent.one();
                self.ask_tcp(id, index, now);
                Some(index)
            }
            Step::Wait => None,
        }
    }

    pub(crate) fn pause(&mut self, id: u64, wait: std::time::Duration, now: Instant) {
        if let Some(flight) = self.flights.get_mut(&id) {
            flight.step_at = now + flight.pause(wait);
        }
    }

    /// Has the wheel bring a flight up when something is due.
    pub(crate) fn arm(&mut self, id: u64, now: Instant) {
        if let Some(flight) = self.flights.get_mut(&id)
            && let Some(due) = flight.due()
            && flight.armed.is_none_or(|armed| due < armed)
        {
            flight.armed = Some(due);
            self.timer_wheel.insert(now, due, id);
        }
    }

    /// Ends a flight: everyone who waits gets the answer, and nothing of it stays open.
    pub(crate) fn finish(&mut self, id: u64, answer: &Answer) {
        let Some(mut flight) = self.flights.remove(&id) else {
            return;
        };
        self.by_key.remove(&flight.key);
        for attempt in flight.attempts.drain(..) {
            self.upstreams[attempt.upstream].limit.release();
            if let Transport::Udp(handle, _) = attempt.way {
                self.pool.cancel(handle);
            }
        }
        self.waiters -= flight.waiters.len();
        let counted = flight.waiters.iter().filter(|waiter| waiter.is_counted).count();
        self.count(flight.key.group.0, answer, counted);
        for waiter in flight.waiters.drain(..) {
            self.turn.call(waiter.then, answer.clone());
        }
        if self.spare.len() < BATCH {
            let Flight { waiters, attempts, mut tried, .. } = flight;
            tried.clear();
            self.spare.push(Buffers { waiters, attempts, tried });
        }
    }

    fn count(&self, group: usize, answer: &Answer, waiters: usize) {
        let counters = &self.groups[group].counters;
        match answer {
            Ok(_) => {}
            Err(Failure::Timeout) => counters.timeouts.add(waiters),
            Err(Failure::Overloaded) => counters.overloaded.add(waiters),
            Err(_) => counters.failures.add(waiters),
        }
    }
}
