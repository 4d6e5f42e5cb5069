//! Queries of a flight to one upstream: over UDP or TCP, in the form that the flight has not given up there.
//!
//! In: a flight and an upstream. Out: a query in the outbox and an open attempt, or the reason why there is none.

use super::attempts::{Attempt, Via};
use super::exchanges::Exchanges;
use super::flight::Flight;
use super::outbox::{Outbox, Recipient};
use crate::forward::ids::UpstreamIndex;
use crate::forward::transport::message::QueryForm;
use crate::forward::transport::socket::NoSocket;
use crate::forward::transport::tcp::Job;
use crate::forward::upstream::forms::Why;

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
    pub(super) fn whither(self, index: UpstreamIndex) -> Option<UpstreamIndex> {
        (self != Self::NoRoute).then_some(index)
    }
}

impl Exchanges {
    /// How the flight writes its next query to an upstream over UDP: as the upstream is known to take it, and without
    /// what the flight has given up there.
    fn form(&mut self, flight: &mut Flight, index: UpstreamIndex) -> QueryForm {
        let now = self.now();
        let mixes_case = self.group(flight.key.group).settings.mixes_case(&flight.key.question.name);
        let usual = self.upstream(index).forms.usual(now);
        let given_up = flight.tried_mut(index).given_up;
        let edns = usual.edns && given_up.edns.is_none();
        QueryForm {
            edns,
            mixed: usual.mixed && given_up.case.is_none() && mixes_case,
            ad: usual.ad && given_up.ad.is_none() && edns && flight.key.question.authentic_data,
        }
    }

    /// Asks over UDP if the limits permit; if not, the upstream is tried again in the next round.
    pub(super) fn try_send(&mut self, flight: &mut Flight, index: UpstreamIndex, out: &mut impl Outbox) -> Sent {
        let now = self.now();
        if self.upstream(index).limit.acquire(now) {
            return self.send(flight, index, out);
        }
        flight.tried_mut(index);
        Sent::Later
    }

    /// Asks over UDP; the slot in the upstream's limit is taken already.
    pub(super) fn send(&mut self, flight: &mut Flight, index: UpstreamIndex, out: &mut impl Outbox) -> Sent {
        let now = self.now();
        let form = self.form(flight, index);
        let upstream = self.upstream(index);
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

    /// Asks in another form, on a fresh port and in addition to the limit: one who has hit port and id of a query
    /// cannot answer the next one by that.
    pub(super) fn ask_otherwise(&mut self, flight: &mut Flight, index: UpstreamIndex, out: &mut impl Outbox) {
        out.fresh_port(index);
        self.upstream(index).limit.force();
        self.send(flight, index, out);
    }

    /// Asks over TCP: this may exceed the limit by one for each question. Nobody off the path can write into a
    /// connection, so random case has no use there.
    pub(super) fn ask_tcp(&mut self, flight: &mut Flight, index: UpstreamIndex, out: &mut impl Outbox) {
        let now = self.now();
        let form = QueryForm { mixed: false, ..self.form(flight, index) };
        if !form.edns {
            self.end_tcp_with_edns(flight, index, out);
        }
        let (false, Some(deadline)) = (flight.is_asked_by_tcp(index), flight.last_deadline()) else {
            return;
        };
        let upstream = self.upstream(index);
        upstream.limit.force();
        let (question, network) = (flight.key.question.clone(), flight.network());
        let job = Job { flight: flight.id, question, form, network, deadline };
        out.ask_tcp(Recipient { index, shared: &upstream.shared }, job);
        flight.attempts.push(Attempt::new(index, Via::Tcp(form), now));
        flight.tried_mut(index).tcp = true;
    }

    /// Ends a query with EDNS over TCP, because one without it takes its place.
    fn end_tcp_with_edns(&mut self, flight: &mut Flight, index: UpstreamIndex, out: &mut impl Outbox) {
        let has_edns =
            |attempt: &Attempt| attempt.upstream == index && matches!(attempt.via, Via::Tcp(form) if form.edns);
        if let Some(place) = flight.attempts.iter().position(has_edns) {
            let attempt = flight.attempts.remove(place);
            self.close_attempt(flight.id, &attempt, out);
        }
    }

    /// Sends the same datagram again, or a new one if none is open: in lower case and without AD, if the upstream has
    /// not shown that it takes these. With an open TCP query alone there is nothing to send again.
    pub(super) fn resend(
        &mut self,
        flight: &mut Flight,
        index: UpstreamIndex,
        out: &mut impl Outbox,
    ) -> Option<UpstreamIndex> {
        let now = self.now();
        if self.gives_up_something(flight, index) {
            out.fresh_port(index);
            return self.try_send(flight, index, out).whither(index);
        }
        let Some(query) = flight.last_datagram(index) else {
            let is_open = flight.is_asked_by_tcp(index);
            return if is_open { None } else { self.try_send(flight, index, out).whither(index) };
        };
        let upstream = self.upstream(index);
        if upstream.limit.take_token(now) {
            upstream.shared.counters.retransmits.one();
            out.resend(query);
        }
        Some(index)
    }

    /// Whether a query has been silent so long that one with less in it has to go: in lower case, without AD.
    fn gives_up_something(&mut self, flight: &mut Flight, index: UpstreamIndex) -> bool {
        let now = self.now();
        let is_open = |asks: fn(QueryForm) -> bool| flight.datagrams(index).any(|(_, form)| asks(form));
        let case_is_open = is_open(|form| form.mixed) && !is_open(|form| !form.mixed);
        let ad_is_open = is_open(|form| form.ad) && !is_open(|form| !form.ad);
        let upstream = &mut self.upstreams[index.0];
        let given_up = &mut flight.tried_mut(index).given_up;
        if case_is_open && given_up.case.is_none() && !upstream.forms.keeps_case(now) {
            given_up.case = Some(Why::Silent);
            upstream.shared.counters.case_fallback.one();
        }
        if ad_is_open && given_up.ad.is_none() && !upstream.forms.takes_ad(now) {
            given_up.ad = Some(Why::Silent);
            upstream.shared.counters.ad_fallback.one();
        }
        case_is_open && given_up.case.is_some() || ad_is_open && given_up.ad.is_some()
    }

    /// Asks without EDNS because of silence. A client that set DO would take the unsigned answer for a forgery, and
    /// silence may be a lost packet, so its question goes on with EDNS over TCP first.
    pub(super) fn ask_without_edns(
        &mut self,
        flight: &mut Flight,
        index: UpstreamIndex,
        out: &mut impl Outbox,
    ) -> Option<UpstreamIndex> {
        let is_asked = flight.datagrams(index).any(|(_, form)| form.edns);
        if !is_asked || flight.key.question.dnssec_ok {
            return None;
        }
        let given_up = &mut flight.tried_mut(index).given_up.edns;
        if given_up.is_some() {
            return None;
        }
        *given_up = Some(Why::Silent);
        self.upstream(index).shared.counters.edns_fallback.one();
        self.try_send(flight, index, out).whither(index)
    }

    /// Asks without EDNS because every query with it was silent or failed, over UDP and TCP, and nothing else is left:
    /// an unsigned answer is for a validating client to judge, and a failure helps none. A query over TCP first has as
    /// much time as any step.
    pub(super) fn ask_plain_at_last(
        &mut self,
        flight: &mut Flight,
        index: UpstreamIndex,
        out: &mut impl Outbox,
    ) -> Option<UpstreamIndex> {
        let now = self.now();
        let tried = flight.tried_mut(index);
        if tried.given_up.edns.is_some() || tried.no_route || !self.upstream(index).forms.usual(now).edns {
            return None;
        }
        let pause = flight.pause(self.upstream(index).health.wait());
        let is_young = |attempt: &Attempt| attempt.sent + pause > now && !attempt.hinted;
        if flight.attempts_at(index).any(|attempt| matches!(attempt.via, Via::Tcp(_)) && is_young(attempt)) {
            flight.postpone();
            return Some(index);
        }
        flight.tried_mut(index).given_up.edns = Some(Why::Silent);
        self.upstream(index).shared.counters.edns_fallback.one();
        out.fresh_port(index);
        self.try_send(flight, index, out).whither(index)
    }
}
