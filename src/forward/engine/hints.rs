//! Signs that an attempt will have no reply: ICMP errors, errors without a question, replies that do not parse. Anybody
//! may have forged the first two.
//!
//! In: a sign. Out: another upstream is asked at once, or the same one over TCP. The attempt stays open, and its reply
//! counts as if there had been no sign. So does its silence: nothing else makes an upstream down. Never: the end of a
//! question before every other way to ask it was tried.

use std::sync::Arc;
use std::time::Duration;

use super::attempts::{Attempt, Via};
use super::exchanges::{Exchanges, Fate};
use super::flight::{Flight, Waiter};
use super::outbox::Outbox;
use crate::dns::Rcode;
use crate::forward::question::Failure;
use crate::forward::transport::message::QueryForm;
use crate::forward::upstream::Watch;
use crate::forward::upstream::forms::Shown;

impl Exchanges {
    /// Handles a hint: an error of the network.
    pub(super) fn hinted(&mut self, flight: &mut Flight, place: usize, out: &mut impl Outbox) -> Fate {
        flight.attempts[place].hinted = true;
        self.look_elsewhere(flight, out)
    }

    /// Handles an error without a question: a server that does not know EDNS, or does not serve us, may answer like
    /// that, but one need not know the question to forge it. It is never an answer.
    pub(super) fn bare(
        &mut self,
        flight: &mut Flight,
        place: usize,
        form: QueryForm,
        rcode: Rcode,
        out: &mut impl Outbox,
    ) -> Fate {
        let shown = Shown { rcode, has_edns: false, is_positive: false, is_truncated: false };
        let index = flight.attempts[place].upstream;
        flight.attempts[place].hinted = true;
        if shown.refuses_edns() && self.may_mind_ad(index, form, rcode) && self.give_up_ad(flight, index, out) {
            return Fate::Open;
        }
        let may_ask_plain = form.edns && shown.refuses_edns() && !flight.key.question.dnssec_ok;
        if may_ask_plain && self.give_up_edns(flight, index, out) {
            return Fate::Open;
        }
        self.look_elsewhere(flight, out)
    }

    /// Handles a reply to the very question that does not parse: another upstream is asked, or the same one without
    /// EDNS, whose OPT record may be the reason.
    pub(super) fn malformed(
        &mut self,
        flight: &mut Flight,
        place: usize,
        form: QueryForm,
        out: &mut impl Outbox,
    ) -> Fate {
        let index = flight.attempts[place].upstream;
        flight.attempts[place].hinted = true;
        flight.malformed = true;
        let (up, _) = self.candidates(flight.key.group);
        let may_ask_plain = form.edns && flight.untried(&up).is_none() && !flight.key.question.dnssec_ok;
        if may_ask_plain && self.give_up_edns(flight, index, out) {
            return Fate::Open;
        }
        self.look_elsewhere(flight, out)
    }

    /// Handles an attempt that has ended without a reply, or one that probably will.
    pub(super) fn look_elsewhere(&mut self, flight: &mut Flight, out: &mut impl Outbox) -> Fate {
        let (up, down) = self.candidates(flight.key.group);
        let is_hopeless = flight.is_hopeless();
        let may_ask_down = is_hopeless && flight.fallback.is_none();
        if flight.untried(&up).is_some() || may_ask_down && flight.untried(&down).is_some() {
            return self.step(flight, out);
        }
        if !is_hopeless {
            return Fate::Open;
        }
        if let Some(reply) = flight.fallback.as_ref().filter(|_| flight.attempts.is_empty()) {
            return Fate::Over(Ok(Arc::clone(reply)));
        }
        if up.is_empty() {
            flight.tells_at_once = true;
            self.tell_those_with_a_fallback(flight);
        }
        if let Some(tried) = flight.tried.iter().find(|tried| !tried.tcp && !tried.no_route) {
            let index = tried.upstream;
            self.upstream(index).shared.counters.tcp_hinted.one();
            self.ask_tcp(flight, index, out);
            return Fate::Open;
        }
        if flight.is_lost() {
            return Fate::Over(Err(flight.failure()));
        }
        if flight.attempts.is_empty() {
            self.pause_for(flight, Duration::ZERO);
        }
        Fate::Open
    }

    /// Answers the clients that have something else to show for an answer: every upstream is down, and there are signs
    /// that none has come back. The question goes on for the others.
    pub(super) fn tell_those_with_a_fallback(&mut self, flight: &mut Flight) {
        let told: Vec<Waiter> = flight.waiters.extract_if(.., |waiter| waiter.has_fallback).collect();
        self.answer_some(flight.key.group, told, &Err(Failure::Unreachable));
    }

    /// Goes on waiting for the reply to one hinted query of an upstream at a time, when its flight is over: the hint is
    /// not believed, so it takes its silence to know that the upstream is down.
    pub(super) fn watch(&mut self, attempt: &Attempt) -> bool {
        let upstream = self.upstream(attempt.upstream);
        let Via::Udp(query, _) = attempt.via else { return false };
        let is_useful = attempt.hinted && !attempt.silent && upstream.watch.is_none() && upstream.is_up();
        if is_useful {
            upstream.watch = Some(Watch { query, sent: attempt.sent });
        }
        is_useful
    }

    /// Counts the silence of watched queries whose wait is over.
    pub(super) fn run_watches(&mut self, out: &mut impl Outbox) {
        let now = self.now();
        for upstream in &mut self.upstreams {
            if let Some(watch) = upstream.watch.take_if(|watch| watch.sent + upstream.health.wait() <= now) {
                upstream.silent(now, watch.sent);
                out.cancel(watch.query);
            }
        }
    }
}
