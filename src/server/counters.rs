//! Counters. Each answer is counted once, with the reason for it and the response that went to the client; any other
//! event that a remote packet can cause has a counter of its own, and none of them is logged.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::context::Transport;
use crate::dns::Rcode;

/// The reason for an answer: the check or source that decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Reason {
    /// The message came from port 0, to which nothing can be sent.
    SourcePort,
    /// The message is a response, or too short for a header (RFC 5625 section 6.1).
    NotAQuery,
    /// The message is a malformed query.
    Malformed,
    /// The opcode is not QUERY.
    Opcode,
    /// The client is outside `[access]`.
    NotAllowed,
    /// The EDNS version is above 0 (RFC 6891 section 6.1.3).
    EdnsVersion,
    /// The query is signed with a key that this server does not have (RFC 8945 section 5.2.1).
    Tsig,
    /// The class or type is one that is never looked up.
    NotServed,
    /// The name is this server's own probe: an upstream leads back to it.
    LoopProbe,
    /// The query has no question and asks for a cookie (RFC 7873 section 5.4).
    CookieOnly,
    /// A question of class CHAOS: which server this is.
    Identity,
    /// The client did not ask for recursion, and no zone of ours has the name.
    NoRecursion,
    /// The client's network asks for more forwarded names than `[limits]` allows.
    ForwardLimit,
    /// A zone of ours.
    Zone,
    /// A special-use name (RFC 6761, RFC 6303).
    Special,
    /// The cache.
    Cache,
    /// An upstream.
    Upstream,
    /// An upstream or the cache, whose CNAME chain ends in a zone of ours.
    Rechased,
    /// The cache, past its time: the upstream failed (RFC 8767).
    Stale,
    /// A zone of ours, for its public name: the upstream failed.
    Synthesized,
    /// No answer could be found.
    Failed,
}

/// The response to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Response {
    /// An answer with this RCODE.
    Answered(Rcode),
    /// An answer cut to the client's size, with TC.
    Truncated,
    /// An empty answer with TC in place of one that a rate limit held back.
    Slipped,
    /// Nothing: a rate limit held the answer back.
    RateLimited,
    /// Nothing: the message does not deserve an answer.
    Dropped,
}

/// The reason for an answer, and the response to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Disposition {
    pub(crate) reason: Reason,
    pub(crate) response: Response,
}

const REASONS: usize = Reason::Failed as usize + 1;

/// RCODEs with an index of their own: 0 to 10, BADVERS, BADCOOKIE; all others share one.
const RCODES: usize = 14;
const RESPONSES: usize = RCODES + 4;

/// Answers by transport, reason and response.
struct Answers(Box<[AtomicU64]>);

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counters since the start.
        pub struct Counters { answers: Answers, $($(#[$doc])* pub(crate) $name: AtomicU64),* }

        impl Default for Counters {
            fn default() -> Self {
                let places = Transport::ALL.len() * REASONS * RESPONSES;
                let answers = Answers(std::iter::repeat_with(AtomicU64::default).take(places).collect());
                Self { answers, $($name: AtomicU64::default()),* }
            }
        }

        impl Counters {
            /// Every event by name.
            fn events(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.load(Relaxed))),*]
            }
        }
    };
}

events! {
    /// Messages that came in by UDP.
    udp_queries,
    /// Messages that came in by TCP.
    tcp_queries,
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
}

impl Counters {
    /// Adds one.
    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }

    /// Counts one answer.
    pub(crate) fn count(&self, transport: Transport, disposition: Disposition) {
        self.answers.0[place(transport, disposition)].fetch_add(1, Relaxed);
    }

    /// Every counter by name.
    pub fn all(&self) -> Vec<(&'static str, u64)> {
        SUMS.iter().map(|(name, counts)| (*name, self.sum(*counts))).chain(self.events()).collect()
    }

    /// The number of answers that `counts` selects.
    fn sum(&self, counts: fn(Reason, Response) -> bool) -> u64 {
        let each = Transport::ALL.iter().flat_map(|transport| all_dispositions().map(|each| (*transport, each)));
        each.filter(|(_, each)| counts(each.reason, each.response))
            .map(|(transport, each)| self.answers.0[place(transport, each)].load(Relaxed))
            .sum()
    }

    #[cfg(test)]
    pub(crate) fn named(&self, name: &str) -> u64 {
        self.all().into_iter().find(|(own, _)| *own == name).map_or(0, |(_, count)| count)
    }
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
        matches!(reason, Reason::Opcode | Reason::EdnsVersion | Reason::Tsig | Reason::NotServed)
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
    ("truncated", |_, response| response == Response::Truncated),
    // Refusals not sent: the client's network got as many as `[limits]` allows.
    ("limited_refused", |reason, response| !reason.is_resolved() && response == Response::RateLimited),
    // Negative answers not sent, including those that slipped.
    ("limited_negative", |reason, response| {
        reason.is_resolved() && matches!(response, Response::RateLimited | Response::Slipped)
    }),
    // Empty answers with TC in place of negative ones.
    ("slipped", |_, response| response == Response::Slipped),
];

impl Reason {
    const ALL: [Self; REASONS] = [
        Self::SourcePort,
        Self::NotAQuery,
        Self::Malformed,
        Self::Opcode,
        Self::NotAllowed,
        Self::EdnsVersion,
        Self::Tsig,
        Self::NotServed,
        Self::LoopProbe,
        Self::CookieOnly,
        Self::Identity,
        Self::NoRecursion,
        Self::ForwardLimit,
        Self::Zone,
        Self::Special,
        Self::Cache,
        Self::Upstream,
        Self::Rechased,
        Self::Stale,
        Self::Synthesized,
        Self::Failed,
    ];

    /// Whether the question was looked up at all.
    fn is_resolved(self) -> bool {
        self == Self::NoRecursion || self.is_local() || self.is_forwarded() || self == Self::Failed
    }

    fn is_local(self) -> bool {
        matches!(self, Self::Zone | Self::Special | Self::Identity)
    }

    fn is_forwarded(self) -> bool {
        matches!(self, Self::Cache | Self::Upstream | Self::Rechased | Self::Stale | Self::Synthesized)
    }
}

impl Response {
    /// This response, for that reason.
    pub(crate) fn to(self, reason: Reason) -> Disposition {
        Disposition { reason, response: self }
    }

    fn is_answer(self) -> bool {
        matches!(self, Self::Answered(_) | Self::Truncated)
    }

    fn index(self) -> usize {
        match self {
            Self::Answered(rcode) => match rcode {
                Rcode(low @ 0..=10) => low.into(),
                Rcode::BADVERS => 11,
                Rcode::BADCOOKIE => 12,
                Rcode(_) => RCODES - 1,
            },
            Self::Truncated => RCODES,
            Self::Slipped => RCODES + 1,
            Self::RateLimited => RCODES + 2,
            Self::Dropped => RCODES + 3,
        }
    }
}

fn place(transport: Transport, Disposition { reason, response }: Disposition) -> usize {
    (transport.index() * REASONS + reason as usize) * RESPONSES + response.index()
}

fn all_dispositions() -> impl Iterator<Item = Disposition> {
    let rcodes = (0..=10).chain([Rcode::BADVERS.0, Rcode::BADCOOKIE.0, u16::MAX]).map(Rcode);
    let rest = [Response::Truncated, Response::Slipped, Response::RateLimited, Response::Dropped];
    let responses: Vec<Response> = rcodes.map(Response::Answered).chain(rest).collect();
    Reason::ALL.into_iter().flat_map(move |reason| responses.clone().into_iter().map(move |each| each.to(reason)))
}

/// The additions of one batch to the counters, with one atomic operation for each kind of answer in it.
pub(crate) struct Tally<'a> {
    counters: &'a Counters,
    transport: Transport,
    messages: u64,
    /// Indexes and the number to add to each; the first `held` are in use.
    adds: [(usize, u64); KINDS],
    held: usize,
}

/// Kinds of answers that a batch collects; any further kind is counted one by one.
const KINDS: usize = 8;

impl<'a> Tally<'a> {
    pub(crate) fn new(counters: &'a Counters, transport: Transport) -> Self {
        Self { counters, transport, messages: 0, adds: [(0, 0); KINDS], held: 0 }
    }

    /// Counts a message that came in.
    pub(crate) fn message(&mut self) {
        self.messages += 1;
    }

    /// Counts an answer.
    pub(crate) fn count(&mut self, disposition: Disposition) {
        let place = place(self.transport, disposition);
        if let Some((_, count)) = self.adds[..self.held].iter_mut().find(|(own, _)| *own == place) {
            *count += 1;
        } else if let Some(free) = self.adds.get_mut(self.held) {
            *free = (place, 1);
            self.held += 1;
        } else {
            self.counters.answers.0[place].fetch_add(1, Relaxed);
        }
    }
}

impl Drop for Tally<'_> {
    fn drop(&mut self) {
        let messages = match self.transport {
            Transport::Udp => &self.counters.udp_queries,
            Transport::Tcp => &self.counters.tcp_queries,
        };
        messages.fetch_add(self.messages, Relaxed);
        for (place, count) in &self.adds[..self.held] {
            self.counters.answers.0[*place].fetch_add(*count, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_answer_has_a_place_of_its_own() {
        let all: Vec<Disposition> = all_dispositions().collect();
        let places: std::collections::BTreeSet<usize> = all.iter().map(|each| place(Transport::Tcp, *each)).collect();
        assert_eq!(places.len(), all.len());
        assert_eq!(places.last(), Some(&(Transport::ALL.len() * REASONS * RESPONSES - 1)));
    }

    #[test]
    fn a_tally_counts_what_is_counted_one_by_one() {
        let (one, batch) = (Counters::default(), Counters::default());
        let mut tally = Tally::new(&batch, Transport::Udp);
        for each in all_dispositions().chain(all_dispositions()) {
            one.count(Transport::Udp, each);
            tally.count(each);
        }
        drop(tally);
        assert_eq!(one.all(), batch.all());
    }

    #[test]
    fn an_answer_is_in_the_sums_that_it_belongs_to() {
        let counters = Counters::default();
        counters.count(Transport::Udp, Response::Answered(Rcode::NXDOMAIN).to(Reason::Zone));
        counters.count(Transport::Tcp, Response::Answered(Rcode::NOERROR).to(Reason::Rechased));
        counters.count(Transport::Udp, Response::Slipped.to(Reason::Zone));
        counters.count(Transport::Udp, Response::RateLimited.to(Reason::NotAllowed));
        counters.count(Transport::Udp, Response::Answered(Rcode::SERVFAIL).to(Reason::Failed));
        let counted: Vec<_> = counters.all().into_iter().filter(|(_, count)| *count > 0).collect();
        let expected = [
            ("refused_access", 1),
            ("local", 1),
            ("forwarded", 1),
            ("rechased", 1),
            ("servfail", 1),
            ("limited_refused", 1),
            ("limited_negative", 1),
            ("slipped", 1),
        ];
        assert_eq!(counted, expected);
    }
}
