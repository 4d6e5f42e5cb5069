//! Replies and failures of attempts: whether the question ends there, and what is tried if it does not.
//!
//! In: the result of one attempt, over UDP or TCP. Out: an answer for the waiters, or another attempt; and what the
//! result shows about the upstream's health and quirks. The first good answer wins, from whichever attempt; an RCODE
//! that is no answer is returned as it came unless another upstream has something better.

use std::sync::Arc;

use super::attempts::{Attempt, Via};
use super::exchanges::{Exchanges, Fate};
use super::flight::Flight;
use super::outbox::Outbox;
use crate::dns::{Message, Rcode};
use crate::forward::ids::UpstreamIndex;
use crate::forward::question::{Failure, Reply};
use crate::forward::scrub::{evades, scrub};
use crate::forward::transport::message::QueryForm;
use crate::forward::transport::socket::{SocketEvent, SocketNews};
use crate::forward::transport::tcp::TcpOutcome;

impl Exchanges {
    /// Handles an event for a question sent over UDP.
    pub(crate) fn take_event(&mut self, event: SocketEvent, out: &mut impl Outbox) {
        let SocketEvent { upstream: index, flight, handle, sent, news } = event;
        let now = self.now();
        if !matches!(news, SocketNews::Unreachable | SocketNews::SpoofSuspected)
            && self.upstream(index).replied(handle, now, now.saturating_duration_since(sent))
        {
            out.cancel(handle);
        }
        // The answer to a loop probe has no flight.
        let Some(mut flight) = flight.and_then(|id| self.take(id)) else { return };
        let of_this_query = |attempt: &Attempt| match attempt.via {
            Via::Udp(query, form) if query == handle => Some(form),
            _ => None,
        };
        let Some(form) = flight.attempts.iter().find_map(of_this_query) else { return self.put(flight) };
        if !matches!(news, SocketNews::CaseMismatch | SocketNews::Unreadable | SocketNews::Unreachable) {
            self.end_attempt(&mut flight, index, |attempt| of_this_query(attempt).is_some());
        }
        let counters = &self.upstream(index).shared.counters;
        let fate = match news {
            SocketNews::Answer(message) => self.answered(&mut flight, index, form, &message, out),
            SocketNews::Truncated => {
                counters.tcp_truncated.one();
                self.ask_tcp(&mut flight, index, out);
                Fate::Open
            }
            SocketNews::SpoofSuspected => {
                counters.tcp_spoofed.one();
                self.ask_tcp(&mut flight, index, out);
                Fate::Open
            }
            SocketNews::CaseMismatch => self.case_lost(&mut flight, index, form, out),
            SocketNews::Unreadable => self.edns_refused(&mut flight, index, form, out),
            SocketNews::Unreachable => {
                let hinted = flight.attempts.iter_mut().filter(|attempt| of_this_query(attempt).is_some());
                hinted.for_each(|attempt| attempt.hinted = true);
                self.look_elsewhere(&mut flight, out)
            }
        };
        self.settle(flight, fate, out);
    }

    /// Handles the outcome of a question sent over TCP.
    pub(crate) fn take_tcp_outcome(&mut self, outcome: TcpOutcome, out: &mut impl Outbox) {
        let TcpOutcome { upstream: index, flight: id, answer } = outcome;
        let now = self.now();
        let Some(mut flight) = self.take(id) else { return };
        let by_tcp = |attempt: &Attempt| attempt.upstream == index && attempt.via == Via::Tcp;
        let Some(sent) = flight.attempts.iter().find(|attempt| by_tcp(attempt)).map(|attempt| attempt.sent) else {
            return self.put(flight);
        };
        self.end_attempt(&mut flight, index, by_tcp);
        let fate = match answer {
            Ok(message) => {
                let upstream = self.upstream(index);
                upstream.shared.counters.received.one();
                upstream.health.replied(now, now.saturating_duration_since(sent));
                self.replied(&mut flight, index, &message, out)
            }
            Err(failure) => {
                flight.malformed |= failure == Failure::Malformed;
                self.look_elsewhere(&mut flight, out)
            }
        };
        self.settle(flight, fate, out);
    }

    /// Ends an attempt and frees its slot in the upstream's limit.
    fn end_attempt(&mut self, flight: &mut Flight, index: UpstreamIndex, which: impl Fn(&Attempt) -> bool) {
        if let Some(place) = flight.attempts.iter().position(|attempt| attempt.upstream == index && which(attempt)) {
            flight.attempts.swap_remove(place);
            self.upstream(index).limit.release();
        }
    }

    /// Asks again in lower case, with a fresh id on a fresh port: only an attacker who sees both queries could answer
    /// both.
    fn case_lost(&mut self, flight: &mut Flight, index: UpstreamIndex, form: QueryForm, out: &mut impl Outbox) -> Fate {
        if !std::mem::replace(&mut flight.retried.case, true) {
            self.upstream(index).shared.counters.case_fallback.one();
            self.ask_otherwise(flight, index, QueryForm { mixed: false, ..form }, out);
        }
        Fate::Open
    }

    /// Asks again without EDNS.
    fn edns_refused(
        &mut self,
        flight: &mut Flight,
        index: UpstreamIndex,
        form: QueryForm,
        out: &mut impl Outbox,
    ) -> Fate {
        if form.edns && !std::mem::replace(&mut flight.retried.edns, true) {
            self.upstream(index).shared.counters.edns_fallback.one();
            self.ask_otherwise(flight, index, QueryForm { edns: false, ..form }, out);
        }
        Fate::Open
    }

    fn ask_otherwise(&mut self, flight: &mut Flight, index: UpstreamIndex, form: QueryForm, out: &mut impl Outbox) {
        out.fresh_port(index);
        self.upstream(index).limit.force();
        self.send(flight, index, Some(form), out);
    }

    /// Handles an answer over UDP: first what it shows about the upstream, then its content.
    fn answered(
        &mut self,
        flight: &mut Flight,
        index: UpstreamIndex,
        form: QueryForm,
        message: &Message,
        out: &mut impl Outbox,
    ) -> Fate {
        let (now, retried) = (self.now(), flight.retried);
        let was_silent_to_edns = flight.is_asked_with_edns(index);
        let upstream = self.upstream(index);
        if upstream.learn(form, message, retried, was_silent_to_edns, now) {
            return self.edns_refused(flight, index, form, out);
        }
        self.replied(flight, index, message, out)
    }

    /// Handles the answer of an upstream.
    fn replied(&mut self, flight: &mut Flight, index: UpstreamIndex, message: &Message, out: &mut impl Outbox) -> Fate {
        let kept = scrub(message, &flight.key.question);
        // RCODEs above 15 exist only in EDNS and are about the exchange with us, not about the name.
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
            upstream: Some(self.upstream(index).shared.address),
        });
        if is_final(reply.rcode) {
            return Fate::Over(Ok(reply));
        }
        flight.fallback.get_or_insert(reply);
        while let Some(place) = flight.attempts.iter().position(|attempt| attempt.upstream == index) {
            self.close_attempt(flight.id, &flight.attempts.swap_remove(place), out);
        }
        let (up, _) = self.candidates(flight.key.group);
        if flight.untried(&up).is_some() {
            return self.step(flight, out);
        }
        if !flight.attempts.is_empty() {
            self.pause(flight, index);
            return Fate::Open;
        }
        match &flight.fallback {
            Some(reply) => Fate::Over(Ok(Arc::clone(reply))),
            None => Fate::Open,
        }
    }
}

/// Whether another upstream is not asked for something better. The upstream that has the name in a DNAME's tree says
/// YXDOMAIN when the new name is too long (RFC 6672 section 2.2); any RCODE but these three is about the exchange.
fn is_final(rcode: Rcode) -> bool {
    rcode.is_answer() || rcode == Rcode::YXDOMAIN
}
