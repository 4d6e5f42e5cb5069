//! Replies and failures of attempts: whether the question ends there, and what is tried if it does not.
//!
//! In: the result of one attempt, over UDP or TCP. Out: an answer for the waiters, or another attempt; and what the
//! result shows about the upstream's health and forms. The first good answer wins, from whichever attempt; an RCODE
//! that is no answer is returned as it came unless another upstream or form has something better.

use std::sync::Arc;

use super::attempts::{Attempt, Via};
use super::exchanges::{Exchanges, Fate};
use super::flight::Flight;
use super::outbox::Outbox;
use crate::dns::{Message, Rcode};
use crate::forward::ids::UpstreamIndex;
use crate::forward::question::{Failure, Reply};
use crate::forward::scrub::{evades, scrub};
use crate::forward::status::ErrorKind;
use crate::forward::transport::message::QueryForm;
use crate::forward::transport::socket::{SocketEvent, SocketNews};
use crate::forward::transport::tcp::TcpOutcome;
use crate::forward::upstream::forms::{Shown, Why};

/// How a reply came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    Udp,
    Tcp,
}

/// What a reply may object to instead of answering the question.
#[derive(Clone, Copy)]
struct Doubts {
    /// The random case of the name.
    case: bool,
    /// AD.
    ad: bool,
    over: Over,
}

impl Exchanges {
    /// Handles an event for a question sent over UDP.
    pub(crate) fn take_event(&mut self, event: SocketEvent, out: &mut impl Outbox) {
        let SocketEvent { upstream: index, flight, handle, sent, news } = event;
        let now = self.now();
        if let Some((kind, errno)) = news.error() {
            self.upstream(index).shared.last_error.note(kind, errno, now);
        }
        if news.is_from_the_upstream() && self.upstream(index).replied(handle, now, now.saturating_duration_since(sent))
        {
            out.cancel(handle);
        }
        // The answer to a loop probe has no flight.
        let Some(mut flight) = flight.and_then(|id| self.take(id)) else { return };
        let Some((place, form)) = flight.query(handle) else { return self.put(flight) };
        if news.is_last() {
            self.end_attempt(&mut flight, place);
        }
        let fate = match news {
            SocketNews::Answer(message) => {
                self.upstream(index).shared.answered(now.saturating_duration_since(sent));
                self.answered(&mut flight, index, form, Over::Udp, &message, out)
            }
            SocketNews::Truncated { rcode, has_edns } => {
                self.upstream(index).shared.counters.tcp_truncated.one();
                self.learn(&mut flight, index, form, Shown { rcode, has_edns, is_positive: false, is_truncated: true });
                self.ask_tcp(&mut flight, index, out);
                flight.invite(index);
                Fate::Open
            }
            SocketNews::SpoofSuspected => {
                self.upstream(index).shared.counters.tcp_spoofed.one();
                self.ask_tcp(&mut flight, index, out);
                Fate::Open
            }
            SocketNews::CaseMismatch => self.case_lost(&mut flight, index, out),
            SocketNews::Bare(rcode) => self.bare(&mut flight, place, form, rcode, out),
            SocketNews::Malformed => self.malformed(&mut flight, place, form, out),
            SocketNews::Unreachable(_) => self.hinted(&mut flight, place, out),
        };
        self.settle(flight, fate, out);
    }

    /// Handles the outcome of a question sent over TCP.
    pub(crate) fn take_tcp_outcome(&mut self, outcome: TcpOutcome, out: &mut impl Outbox) {
        let TcpOutcome { upstream: index, flight: id, answer } = outcome;
        let now = self.now();
        let Some(mut flight) = self.take(id) else { return };
        let by_tcp = |attempt: &Attempt| attempt.upstream == index && matches!(attempt.via, Via::Tcp(_));
        let Some(place) = flight.attempts.iter().position(by_tcp) else { return self.put(flight) };
        let ended = self.end_attempt(&mut flight, place);
        let fate = match answer {
            Ok(message) => {
                let (upstream, took) = (self.upstream(index), now.saturating_duration_since(ended.sent));
                upstream.health.alive(now, took);
                upstream.shared.answered(took);
                self.answered(&mut flight, index, ended.via.form(), Over::Tcp, &message, out)
            }
            Err(failure) => {
                if failure == Failure::Malformed {
                    flight.malformed = true;
                    self.upstream(index).shared.last_error.note(ErrorKind::Malformed, None, now);
                }
                self.tcp_failed(&mut flight, index, out)
            }
        };
        self.settle(flight, fate, out);
    }

    /// Ends an attempt whose reply has come or will not: its slot in the upstream's limit is free.
    fn end_attempt(&mut self, flight: &mut Flight, place: usize) -> Attempt {
        let attempt = flight.attempts.remove(place);
        self.upstream(attempt.upstream).limit.release();
        attempt
    }

    /// Handles a reply that lost the case of the name: the question is asked once more, over TCP, where nobody off the
    /// path can answer it.
    fn case_lost(&mut self, flight: &mut Flight, index: UpstreamIndex, out: &mut impl Outbox) -> Fate {
        let tried = flight.tried_mut(index);
        if tried.given_up.case.is_some() {
            return Fate::Open;
        }
        tried.given_up.case = Some(Why::Refused);
        let was_asked_by_tcp = tried.tcp && !flight.is_asked_by_tcp(index);
        self.upstream(index).shared.counters.case_fallback.one();
        if was_asked_by_tcp {
            self.ask_otherwise(flight, index, out);
        } else {
            self.ask_tcp(flight, index, out);
        }
        Fate::Open
    }

    /// Handles a failure over TCP. Where a reply had lost the case of the name, lower case over UDP is what is left.
    fn tcp_failed(&mut self, flight: &mut Flight, index: UpstreamIndex, out: &mut impl Outbox) -> Fate {
        let has_lost_case = flight.tried_mut(index).given_up.case == Some(Why::Refused);
        if has_lost_case && flight.datagrams(index).all(|(_, form)| form.mixed) {
            self.ask_otherwise(flight, index, out);
            return Fate::Open;
        }
        self.look_elsewhere(flight, out)
    }

    /// Asks an upstream again without EDNS, once; returns whether a query without EDNS is open there.
    pub(super) fn give_up_edns(&mut self, flight: &mut Flight, index: UpstreamIndex, out: &mut impl Outbox) -> bool {
        self.give_up_edns_over(flight, index, Over::Udp, out)
    }

    fn give_up_edns_over(
        &mut self,
        flight: &mut Flight,
        index: UpstreamIndex,
        over: Over,
        out: &mut impl Outbox,
    ) -> bool {
        let given_up = &mut flight.tried_mut(index).given_up.edns;
        let is_first = given_up.is_none();
        if matches!(given_up, None | Some(Why::Silent)) {
            *given_up = Some(Why::Refused);
        }
        if is_first {
            self.upstream(index).shared.counters.edns_fallback.one();
            match over {
                Over::Udp => self.ask_otherwise(flight, index, out),
                Over::Tcp => self.ask_tcp(flight, index, out),
            }
            flight.invite(index);
        }
        flight.attempts_at(index).any(|attempt| !attempt.via.form().edns)
    }

    /// Learns from a reply about the upstream's forms.
    fn learn(&mut self, flight: &mut Flight, index: UpstreamIndex, form: QueryForm, shown: Shown) {
        let now = self.now();
        self.upstream(index).forms.learn(form, shown, &mut flight.tried_mut(index).given_up, now);
    }

    /// Handles an answer: first what it shows about the upstream, then its content.
    fn answered(
        &mut self,
        flight: &mut Flight,
        index: UpstreamIndex,
        form: QueryForm,
        over: Over,
        message: &Message,
        out: &mut impl Outbox,
    ) -> Fate {
        let upstream = self.upstream(index);
        let reply = read(message, flight, upstream.shared.address);
        let is_positive = reply.is_positive();
        let (rcode, has_edns) = (message.rcode, message.has_edns);
        let shown = Shown { rcode, has_edns, is_positive, is_truncated: false };
        let ad = self.may_mind_ad(index, form, message.rcode);
        if form.edns && shown.refuses_edns() && !ad && self.give_up_edns_over(flight, index, over, out) {
            return Fate::Open;
        }
        self.learn(flight, index, form, shown);
        let (now, is_readable) = (self.now(), reply.rcode == message.rcode);
        if !is_readable {
            self.upstream(index).shared.last_error.note(ErrorKind::Malformed, None, now);
        }
        let keeps_case = !form.mixed || self.upstream(index).forms.keeps_case(now);
        let doubts = Doubts { case: is_readable && !is_positive && !keeps_case, ad, over };
        self.replied(flight, index, reply, doubts, out)
    }

    /// Handles the content of an answer: it ends the question, or is kept while something better may come.
    fn replied(
        &mut self,
        flight: &mut Flight,
        index: UpstreamIndex,
        reply: Reply,
        doubts: Doubts,
        out: &mut impl Outbox,
    ) -> Fate {
        let is_final = is_final(reply.rcode);
        if is_final && !doubts.case {
            return Fate::Over(Ok(Arc::new(reply)));
        }
        flight.keep(Arc::new(reply));
        if !self.ask_without_doubts(flight, index, doubts, out) {
            while let Some(place) = flight.attempts.iter().position(|attempt| attempt.upstream == index) {
                self.close_attempt(flight.id, &flight.attempts.remove(place), out);
            }
        }
        let (up, _) = self.candidates(flight.key.group);
        if !is_final && flight.untried(&up).is_some() {
            return self.step(flight, out);
        }
        match &flight.fallback {
            Some(kept) if flight.attempts.is_empty() => Fate::Over(Ok(Arc::clone(kept))),
            _ => {
                self.pause(flight, index);
                Fate::Open
            }
        }
    }

    /// Whether an RCODE may be an objection to AD: it is no answer, and the upstream has not answered any query with AD
    /// lately. BADVERS is about EDNS.
    pub(super) fn may_mind_ad(&mut self, index: UpstreamIndex, form: QueryForm, rcode: Rcode) -> bool {
        let now = self.now();
        form.ad && !is_final(rcode) && rcode != Rcode::BADVERS && !self.upstream(index).forms.takes_ad(now)
    }

    /// Asks an upstream again without AD, once; returns whether a query without AD is open there.
    pub(super) fn give_up_ad(&mut self, flight: &mut Flight, index: UpstreamIndex, out: &mut impl Outbox) -> bool {
        self.ask_without_doubts(flight, index, Doubts { case: false, ad: true, over: Over::Udp }, out)
    }

    /// Asks an upstream again without that which its reply may object to; returns whether such a query is open there.
    fn ask_without_doubts(
        &mut self,
        flight: &mut Flight,
        index: UpstreamIndex,
        doubts: Doubts,
        out: &mut impl Outbox,
    ) -> bool {
        let counters = &self.upstreams[index.0].shared.counters;
        let given_up = &mut flight.tried_mut(index).given_up;
        let (case, ad) = (doubts.case && given_up.case.is_none(), doubts.ad && given_up.ad.is_none());
        if case {
            given_up.case = Some(Why::Denied);
            counters.case_fallback.one();
        }
        if ad {
            given_up.ad = Some(Why::Denied);
            counters.ad_fallback.one();
        }
        if case || ad {
            match doubts.over {
                Over::Udp => self.ask_otherwise(flight, index, out),
                Over::Tcp => self.ask_tcp(flight, index, out),
            }
        }
        let forms = || flight.attempts_at(index).map(|attempt| attempt.via.form());
        doubts.case && forms().any(|form| !form.mixed) || doubts.ad && forms().any(|form| !form.ad)
    }
}

/// The kept part of a message.
fn read(message: &Message, flight: &Flight, upstream: std::net::SocketAddr) -> Reply {
    let kept = scrub(message, &flight.key.question);
    // RCODEs above 15 exist only in EDNS and are about the exchange with us, not about the name.
    let (rcode, ede) = if evades(message, &kept) || message.rcode.0 > 0xf {
        (Rcode::SERVFAIL, Some(Failure::Malformed.ede()))
    } else {
        (message.rcode, message.ede.clone())
    };
    Reply {
        rcode,
        authentic: message.authentic(),
        ede,
        answer: kept.answer,
        authority: kept.authority,
        chain: kept.chain,
        shortened: false,
        upstream: Some(upstream),
    }
}

/// Whether another upstream is not asked for something better. The upstream that has the name in a DNAME's tree says
/// YXDOMAIN when the new name is too long (RFC 6672 section 2.2); any RCODE but these three is about the exchange.
pub(super) fn is_final(rcode: Rcode) -> bool {
    rcode.is_answer() || rcode == Rcode::YXDOMAIN
}
