//! Counters. Each answer is counted once, with the reason for it and the response that went to the client; any other
//! event that a remote packet can cause has a counter of its own, and none of them is logged.
//!
//! In: answers, messages and events. Out: their numbers by kind, and histograms of response times. Never: a counter
//! that a packet creates.

mod qtypes;
mod reason;
mod shard;
mod tally;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::context::Transport;
use crate::dns::Rcode;
pub use crate::histogram::Histogram;
use reason::dispositions;
pub use reason::{Class, Disposition, Origin, Reason, Response};
pub(crate) use shard::ShardWriter;
use shard::{Place, Shard, Shards, Sums, Took};
pub(crate) use tally::Tally;

/// The address family of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// IPv4, also in the form of an IPv6 address (RFC 4291 section 2.5.5.2).
    V4,
    /// IPv6.
    V6,
}

impl Family {
    const ALL: [Self; 2] = [Self::V4, Self::V6];

    fn of(client: SocketAddr) -> Self {
        match client.ip() {
            IpAddr::V6(address) if address.to_ipv4_mapped().is_none() => Self::V6,
            _ => Self::V4,
        }
    }

    /// The word for it in JSON and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
        }
    }
}

/// The number of answers of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerCount {
    /// The transport of the query.
    pub transport: Transport,
    /// The reason for the answer.
    pub reason: Reason,
    /// The response to the client.
    pub response: Response,
    /// Where the answer comes from.
    pub origin: Origin,
    /// The number of such answers.
    pub count: u64,
}

/// The number of responses that were sent, by what a client sees of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseCount {
    /// The transport of the query.
    pub transport: Transport,
    /// The mnemonic of the RCODE.
    pub rcode: &'static str,
    /// Where the response comes from.
    pub origin: Origin,
    /// The number of such responses.
    pub count: u64,
}

/// The number of messages that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageCount {
    /// The transport of the messages.
    pub transport: Transport,
    /// The family of the client's address.
    pub family: Family,
    /// The number of messages.
    pub count: u64,
}

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counters since the start.
        #[derive(Default)]
        pub struct Counters { shards: Shards, common: Shard, $($(#[$doc])* pub(crate) $name: AtomicU64),* }

        impl Counters {
            /// Every event by name.
            fn events(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.load(Relaxed))),*]
            }
        }
    };
}

events! {
    /// Questions not asked upstream because too many wait for upstreams already.
    overloaded,
    /// Questions not asked upstream because the client's network holds its share of the permits.
    over_share,
    /// Questions not asked upstream because the client's network asked too many.
    limited_forwarded,
    /// TCP connections accepted.
    tcp_connections,
    /// TCP connections turned away: too many are open, and all of them wait for upstreams.
    tcp_rejected,
    /// TCP connections closed to make room for others.
    tcp_displaced,
    /// Times that no connection could be accepted, for example because descriptors ran out.
    tcp_accept_failed,
    /// Handshakes of TLS that ended well.
    tls_handshakes,
    /// Handshakes that did not: the client broke them off, spoke something else, or took too long.
    tls_failed,
    /// Connections closed before a handshake because too many were under way, or the client's network began too many.
    tls_limited,
    /// Connections closed before a handshake because the client may not ask.
    tls_refused,
    /// Requests of HTTP that brought no query of DNS.
    https_refused,
}

impl Counters {
    /// Adds one.
    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }

    /// Counters for one more worker.
    pub(crate) fn writer(&self) -> ShardWriter {
        self.shards.writer()
    }

    /// Counts one answer to a query that waited: it took this time from the query's arrival.
    pub(crate) fn late(&self, transport: Transport, disposition: Disposition, took: Duration) {
        self.common.add(Place::answer(transport, disposition), 1);
        if disposition.response.is_sent() {
            for (place, count) in Place::times(disposition.reason.origin().class(), 1, Took::new(took)) {
                self.common.add(place, count);
            }
        }
    }

    fn sums(&self) -> Sums {
        self.shards.sums(&self.common)
    }

    /// Every counter by name: sums of answers, messages by transport, `answer_cache_hits`, events.
    pub fn all(&self) -> Vec<(&'static str, u64)> {
        let sums = self.sums();
        let answers = answers(&sums);
        let sum = |counts: fn(Reason, Response) -> bool| {
            answers.iter().filter(|answer| counts(answer.reason, answer.response)).map(|answer| answer.count).sum()
        };
        let messages = |transport| Family::ALL.iter().map(|each| sums.of(Place::message(transport, *each))).sum();
        let others = [
            ("udp_queries", messages(Transport::Udp)),
            ("tcp_queries", messages(Transport::Tcp)),
            ("tls_queries", messages(Transport::Tls)),
            ("https_queries", messages(Transport::Https)),
            ("answer_cache_hits", sums.of(Place::CACHE_HITS)),
        ];
        SUMS.iter().map(|(name, counts)| (*name, sum(*counts))).chain(others).chain(self.events()).collect()
    }

    /// The answers of each kind of which there are any. A name of a response may come twice: truncated answers have an
    /// RCODE too.
    pub fn answers(&self) -> Vec<AnswerCount> {
        answers(&self.sums())
    }

    /// The responses that were sent, by what a client sees of them; those of which there are any.
    pub fn responses(&self) -> Vec<ResponseCount> {
        let mut counts = BTreeMap::new();
        for AnswerCount { transport, response, origin, count, .. } in self.answers() {
            if let Some(rcode) = response.rcode() {
                *counts.entry((transport, rcode, origin)).or_default() += count;
            }
        }
        let shown = |((transport, rcode, origin), count)| ResponseCount { transport, rcode, origin, count };
        counts.into_iter().map(shown).collect()
    }

    /// The messages that came in, by transport and family.
    pub fn messages(&self) -> Vec<MessageCount> {
        let sums = self.sums();
        let each = Transport::ALL.iter().flat_map(|transport| Family::ALL.map(|family| (*transport, family)));
        each.map(|(transport, family)| {
            let count = sums.of(Place::message(transport, family));
            MessageCount { transport, family, count }
        })
        .collect()
    }

    /// The queries for each type by the type's mnemonic, and for all further types as `other`. A message that is no
    /// query with one question has no type.
    pub fn qtypes(&self) -> Vec<(&'static str, u64)> {
        self.sums().qtypes()
    }

    /// The times from the arrival of a query to its response, for all responses that were sent. Answers that did not
    /// wait for an upstream have the time of their batch.
    pub fn response_times(&self) -> Vec<(Class, Histogram)> {
        let sums = self.sums();
        Class::ALL.map(|class| (class, sums.times(class))).into()
    }

    #[cfg(test)]
    pub(crate) fn named(&self, name: &str) -> u64 {
        self.all().into_iter().find(|(own, _)| *own == name).map_or(0, |(_, count)| count)
    }
}

fn answers(sums: &Sums) -> Vec<AnswerCount> {
    let each = Transport::ALL.iter().flat_map(|transport| dispositions().map(|each| (*transport, each)));
    let count = |(transport, disposition): (Transport, Disposition)| {
        let Disposition { reason, response } = disposition;
        let count = sums.of(Place::answer(transport, disposition));
        AnswerCount { transport, reason, response, origin: reason.origin(), count }
    };
    each.map(count).filter(|answer| answer.count > 0).collect()
}

type Sum = (&'static str, fn(Reason, Response) -> bool);

/// The counters of answers that `status` shows, each a sum over reasons and responses.
const SUMS: &[Sum] = &[
    // Messages without an answer: responses, messages too short for a header, messages from port 0.
    ("dropped", |_, response| response == Response::Dropped),
    // Clients outside the access list.
    ("refused_access", |reason, _| reason == Reason::NotAllowed),
    // Malformed queries.
    ("malformed", |reason, _| reason == Reason::Malformed),
    // Opcodes, EDNS versions, keys, classes or types that are not served.
    ("not_implemented", |reason, _| {
        matches!(reason, Reason::Opcode | Reason::EdnsVersion | Reason::Tsig | Reason::NeedsTls | Reason::NotServed)
    }),
    // Answers from this server alone.
    ("local", |reason, response| reason.is_local() && response.is_answer()),
    // Answers that an upstream or the cache contributed to.
    ("forwarded", |reason, response| reason.is_forwarded() && response.is_answer()),
    // Forwarded answers whose chain ended in one of our zones.
    ("rechased", |reason, response| matches!(reason, Reason::Rechased | Reason::Synthesized) && response.is_answer()),
    // Answers with SERVFAIL.
    ("servfail", |_, response| response == Response::Answered(Rcode::SERVFAIL)),
    // Our own probes that came back: an upstream leads to ourselves.
    ("loops", |reason, _| reason == Reason::LoopProbe),
    // Answers cut to the client's size.
    ("truncated", |_, response| matches!(response, Response::Truncated(_))),
    // Refusals not sent: the client's network got as many as `[limits]` allows.
    ("limited_refused", |reason, response| !reason.is_resolved() && response == Response::RateLimited),
    // Negative answers not sent, including those that slipped.
    ("limited_negative", |reason, response| {
        reason.is_resolved() && matches!(response, Response::RateLimited | Response::Slipped)
    }),
    // Empty answers with TC in place of negative ones.
    ("slipped", |_, response| response == Response::Slipped),
];
