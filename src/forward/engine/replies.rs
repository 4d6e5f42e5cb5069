//! What comes back for a question: whether it ends there, and what is to be tried if it does not.
//!
//! In: news of one attempt, over UDP or TCP. Out: an answer for those who wait, or another attempt; and what it says of
//! the upstream's health and ways. The first good answer wins, from whichever attempt; SERVFAIL, REFUSED, NOTIMP and
//! FORMERR are returned as they came unless another upstream has something better.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::flight::{Attempt, Transport};
use super::{Engine, PROBE};
use crate::dns::{Message, Rcode};
use crate::forward::question::{Failure, Reply};
use crate::forward::scrub::{evades, scrub};
use crate::forward::transport::message::QueryForm;
use crate::forward::transport::socket::{SocketEvent, SocketNews};
use crate::forward::transport::tcp::Outcome;

impl Engine {
    /// Something came for a question sent over UDP.
    pub(crate) fn arrived(&mut self, event: SocketEvent, now: Instant) {
        let SocketEvent { upstream: index, flight: id, handle, sent, news } = event;
        let took = now.saturating_duration_since(sent);
        match news {
            SocketNews::Refused => self.upstreams[index].health.refused(now),
            SocketNews::SpoofSuspected => {}
            _ => self.upstreams[index].health.replied(now, took),
        }
        if id == PROBE {
            return;
        }
        let way = |attempt: &Attempt| matches!(attempt.way, Transport::Udp(own, _) if own == handle);
        let Some(form) = self.flights.get(&id).and_then(|flight| match flight.attempts.iter().find(|a| way(a))?.way {
            Transport::Udp(_, form) => Some(form),
            Transport::Tcp => None,
        }) else {
            return;
        };
        if !matches!(news, SocketNews::CaseMismatch | SocketNews::Unreadable) {
            self.end_attempt(id, index, &way);
        }
        let counters = &self.upstreams[index].shared.counters;
        match news {
            SocketNews::Answer(message) => self.answered(id, index, form, &message, now),
            SocketNews::Truncated => {
                counters.tcp_truncated.one();
                self.ask_tcp(id, index, now);
            }
            SocketNews::SpoofSuspected => {
                counters.tcp_spoofed.one();
                self.ask_tcp(id, index, now);
            }
            SocketNews::CaseMismatch => self.case_lost(id, index, form, now),
            SocketNews::Unreadable => self.edns_refused(id, index, form, now),
            SocketNews::Refused => self.attempt_lost(id, now),
        }
        self.arm(id, now);
    }

    /// An attempt is over and its place in the upstream's limit free.
    fn end_attempt(&mut self, id: u64, index: usize, which: &dyn Fn(&Attempt) -> bool) {
        if let Some(flight) = self.flights.get_mut(&id)
            && let Some(position) = flight.attempts.iter().position(|a| a.upstream == index && which(a))
        {
            flight.attempts.swap_remove(position);
            self.upstreams[index].limit.release();
        }
    }

    /// Asks again in lower case, with a fresh id on a fresh port: to answer both takes hearing both.
    fn case_lost(&mut self, id: u64, index: usize, form: QueryForm, now: Instant) {
        if let Some(flight) = self.flights.get_mut(&id).filter(|flight| !flight.retried.case) {
            flight.retried.case = true;
            self.upstreams[index].shared.counters.case_fallback.one();
            self.ask_otherwise(id, index, QueryForm { mixed: false, ..form }, now);
        }
    }

    /// Asks again without EDNS.
    fn edns_refused(&mut self, id: u64, index: usize, form: QueryForm, now: Instant) {
        if let Some(flight) = self.flights.get_mut(&id).filter(|flight| form.edns && !flight.retried.edns) {
            flight.retried.edns = true;
            self.upstreams[index].shared.counters.edns_fallback.one();
            self.ask_otherwise(id, index, QueryForm { edns: false, ..form }, now);
        }
    }

    fn ask_otherwise(&mut self, id: u64, index: usize, form: QueryForm, now: Instant) {
        self.pool.fresh_port(index);
        self.upstreams[index].limit.force();
        self.send(id, index, Some(form), now);
    }

    /// An answer over UDP: what it says of the upstream first, then what it says.
    fn answered(&mut self, id: u64, index: usize, form: QueryForm, message: &Message, now: Instant) {
        let upstream = &mut self.upstreams[index];
        upstream.answered(form, message.has_edns, now);
        let Some(flight) = self.flights.get(&id) else {
            return;
        };
        let unknown = matches!(message.rcode, Rcode::FORMERR | Rcode::NOTIMP);
        let refuses = unknown && !message.has_edns || message.rcode == Rcode::BADVERS;
        if form.edns && refuses && !flight.retried.edns {
            return self.edns_refused(id, index, form, now);
        }
        if !form.mixed && flight.retried.case {
            upstream.loses_case(now);
        }
        if !form.edns && flight.retried.edns && !unknown {
            upstream.refuses_edns(now);
        } else if !form.edns
            && flight.attempts.iter().any(|a| a.upstream == index && matches!(a.way, Transport::Udp(_, f) if f.edns))
        {
            upstream.drops_edns(now);
        }
        self.replied(id, index, message, now);
    }

    /// The TCP connection is done with a question.
    pub(crate) fn tcp_done(&mut self, outcome: Outcome, now: Instant) {
        let Outcome { upstream: index, flight: id, answer } = outcome;
        let tcp = |attempt: &Attempt| attempt.way == Transport::Tcp;
        let Some(sent) = self
            .flights
            .get(&id)
            .and_then(|flight| flight.attempts.iter().find(|a| a.upstream == index && tcp(a)))
            .map(|attempt| attempt.sent)
        else {
            return;
        };
        self.end_attempt(id, index, &tcp);
        match answer {
            Ok(message) => {
                let upstream = &mut self.upstreams[index];
                upstream.shared.counters.received.one();
                upstream.health.replied(now, now.saturating_duration_since(sent));
                self.replied(id, index, &message, now);
            }
            Err(failure) => {
                if let Some(flight) = self.flights.get_mut(&id) {
                    flight.malformed |= failure == Failure::Malformed;
                }
                self.attempt_lost(id, now);
            }
        }
        self.arm(id, now);
    }

    /// An attempt came to nothing: the next upstream at once, if there is one that is up or there is nothing to wait for.
    fn attempt_lost(&mut self, id: u64, now: Instant) {
        let Some(flight) = self.flights.get(&id) else {
            return;
        };
        let (up, down) = self.candidates(flight.key.group.0);
        let is_idle = flight.attempts.is_empty() && flight.fallback.is_none();
        if flight.untried(&up).is_some() || is_idle && flight.untried(&down).is_some() {
            self.step(id, now);
        } else if flight.fallback.is_some() && flight.attempts.is_empty() {
            self.give_fallback(id);
        } else if flight.attempts.is_empty() {
            self.pause(id, Duration::ZERO, now);
        }
    }

    /// An upstream has answered.
    fn replied(&mut self, id: u64, index: usize, message: &Message, now: Instant) {
        let Some(flight) = self.flights.get_mut(&id) else {
            return;
        };
        let kept = scrub(message, &flight.key.question);
        // RCODEs that only EDNS has are about the exchange with us, not about the name.
        let (rcode, ede) = if evades(message, &kept) || message.rcode.0 > 0xf {
            (Rcode::SERVFAIL, Some(Failure::Malformed.ede()))
        } else {
            (message.rcode, message.ede.clone())
        };
        let reply = Arc::new(Reply {
            rcode,
            authentic: message.authentic(),
            ede,
            answer: kept.answer,
            authority: kept.authority,
            chain: kept.chain,
            upstream: Some(self.upstreams[index].shared.address),
        });
        if !matches!(reply.rcode, Rcode::SERVFAIL | Rcode::REFUSED | Rcode::NOTIMP | Rcode::FORMERR) {
            return self.finish(id, &Ok(reply));
        }
        flight.fallback.get_or_insert(reply);
        flight.attempts.iter().filter(|a| a.upstream == index).for_each(|_| self.upstreams[index].limit.release());
        for attempt in flight.attempts.extract_if(.., |a| a.upstream == index) {
            if let Transport::Udp(handle, _) = attempt.way {
                self.pool.cancel(handle);
            }
        }
        let (open, group) = (!flight.attempts.is_empty(), flight.key.group.0);
        let (up, _) = self.candidates(group);
        let untried = self.flights.get(&id).and_then(|flight| flight.untried(&up));
        if untried.is_some() {
            self.step(id, now);
        } else if open {
            let wait = self.upstreams[index].health.wait();
            self.pause(id, wait, now);
        } else {
            self.give_fallback(id);
        }
    }

    pub(crate) fn give_fallback(&mut self, id: u64) {
        if let Some(reply) = self.flights.get(&id).and_then(|flight| flight.fallback.clone()) {
            self.finish(id, &Ok(reply));
        }
    }
}
