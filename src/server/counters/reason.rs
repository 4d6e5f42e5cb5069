//! The reason for an answer, the response to the client, and their names.

use crate::dns::Rcode;
use crate::server::context::Transport;

macro_rules! reasons {
    ($($(#[$doc:meta])* $reason:ident = $name:literal: $origin:ident),* $(,)?) => {
        /// The reason for an answer: the check or source that decided it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Reason { $($(#[$doc])* $reason),* }

        impl Reason {
            /// Every reason, in the order of its number.
            pub(super) const ALL: [Self; REASONS] = [$(Self::$reason),*];

            /// The word for it in JSON.
            pub fn name(self) -> &'static str {
                match self { $(Self::$reason => $name),* }
            }

            /// Where the answer comes from.
            pub fn origin(self) -> Origin {
                match self { $(Self::$reason => Origin::$origin),* }
            }
        }
    };
}

reasons! {
    /// The message came from port 0, to which nothing can be sent.
    SourcePort = "source-port": Dropped,
    /// The message is a response, or too short for a header (RFC 5625 section 6.1).
    NotAQuery = "not-a-query": Dropped,
    /// The message is a malformed query.
    Malformed = "malformed": Refused,
    /// The opcode is not QUERY.
    Opcode = "opcode": Refused,
    /// The client is outside `[access]`.
    NotAllowed = "not-allowed": Refused,
    /// The EDNS version is above 0 (RFC 6891 section 6.1.3).
    EdnsVersion = "edns-version": Refused,
    /// The query is signed, and its key, MAC or time is not good (RFC 8945 section 5.2).
    Tsig = "tsig": Refused,
    /// A transfer of a zone to a peer, or the SOA that says that there is nothing new.
    Transfer = "transfer": Zone,
    /// A peer asks for a zone that it gets over TLS alone, and not over TLS as RFC 9103 section 7 has it.
    NeedsTls = "needs-tls": Refused,
    /// The class or type is one that is never looked up, the name is in a zone for secondaries alone, or the client may
    /// not have the transfer.
    NotServed = "not-served": Refused,
    /// The name is this server's own probe: an upstream leads back to it.
    LoopProbe = "loop-probe": Refused,
    /// The query has no question and asks for a cookie (RFC 7873 section 5.4).
    CookieOnly = "cookie-only": Special,
    /// A question of class CHAOS: which server this is.
    Identity = "identity": Special,
    /// The client did not ask for recursion, and no zone of ours has the name.
    NoRecursion = "no-recursion": Refused,
    /// The client's network asks for more forwarded names than `[limits]` allows.
    ForwardLimit = "forward-limit": Refused,
    /// A zone of ours.
    Zone = "zone": Zone,
    /// A special-use name (RFC 6761, RFC 6303).
    Special = "special": Special,
    /// The cache.
    Cache = "cache": Cache,
    /// An upstream.
    Upstream = "upstream": Upstream,
    /// An upstream or the cache, whose CNAME chain ends in a zone of ours.
    Rechased = "rechased": Rechased,
    /// The cache, past its time: the upstream failed (RFC 8767).
    Stale = "stale": Stale,
    /// A zone of ours, for its public name: the upstream failed.
    Synthesized = "synthesized": Synthesized,
    /// No answer could be found.
    Failed = "failed": Failed,
}

pub(super) const REASONS: usize = Reason::Failed as usize + 1;

impl Reason {
    /// Whether the question was looked up at all.
    pub(super) fn is_resolved(self) -> bool {
        self == Self::NoRecursion || self.is_local() || self.is_forwarded() || self == Self::Failed
    }

    pub(super) fn is_local(self) -> bool {
        matches!(self, Self::Zone | Self::Special | Self::Identity | Self::Transfer)
    }

    pub(super) fn is_forwarded(self) -> bool {
        matches!(self, Self::Cache | Self::Upstream | Self::Rechased | Self::Stale | Self::Synthesized)
    }
}

/// Where an answer comes from: reasons of one kind together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A zone of ours.
    Zone,
    /// An upstream or the cache, whose CNAME chain ends in a zone of ours.
    Rechased,
    /// The cache.
    Cache,
    /// An upstream.
    Upstream,
    /// The cache, past its time.
    Stale,
    /// A zone of ours, for its public name.
    Synthesized,
    /// This server itself: special-use names, its identity, cookies.
    Special,
    /// No source: the query is malformed, not allowed, over a limit, or asks for what is not served.
    Refused,
    /// No source: no answer could be found.
    Failed,
    /// No source: the message does not deserve an answer.
    Dropped,
}

impl Origin {
    /// The word for it in JSON and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zone => "zone",
            Self::Rechased => "rechased",
            Self::Cache => "cache",
            Self::Upstream => "upstream",
            Self::Stale => "stale",
            Self::Synthesized => "synthesized",
            Self::Special => "special",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }

    /// The class of its response times.
    pub(super) fn class(self) -> Class {
        match self {
            Self::Zone => Class::Zone,
            Self::Rechased => Class::Rechased,
            Self::Cache => Class::Cache,
            Self::Upstream => Class::Upstream,
            _ => Class::Other,
        }
    }
}

/// A class of answers that take about the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// From a zone of ours.
    Zone,
    /// From an upstream or the cache, and a zone of ours.
    Rechased,
    /// From the cache.
    Cache,
    /// From an upstream.
    Upstream,
    /// Any other answer, for example a refusal, a failure, or a stale one.
    Other,
}

impl Class {
    /// All classes, by number.
    pub(super) const ALL: [Self; CLASSES] = [Self::Zone, Self::Rechased, Self::Cache, Self::Upstream, Self::Other];

    /// The word for it in JSON and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zone => "zone",
            Self::Rechased => "rechased",
            Self::Cache => "cache",
            Self::Upstream => "upstream",
            Self::Other => "other",
        }
    }
}

pub(super) const CLASSES: usize = Class::Other as usize + 1;

/// The response to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response {
    /// An answer with this RCODE.
    Answered(Rcode),
    /// An answer with this RCODE, cut to the client's size, with TC.
    Truncated(Rcode),
    /// An empty answer with TC in place of one that a rate limit held back.
    Slipped,
    /// Nothing: a rate limit held the answer back.
    RateLimited,
    /// Nothing: the message does not deserve an answer.
    Dropped,
}

/// The reason for an answer, and the response to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disposition {
    /// The reason.
    pub reason: Reason,
    /// The response.
    pub response: Response,
}

/// RCODEs with an index of their own: 0 to 10, BADVERS, BADCOOKIE; all others share one.
const RCODES: [(Rcode, &str); 14] = [
    (Rcode::NOERROR, "NOERROR"),
    (Rcode::FORMERR, "FORMERR"),
    (Rcode::SERVFAIL, "SERVFAIL"),
    (Rcode::NXDOMAIN, "NXDOMAIN"),
    (Rcode::NOTIMP, "NOTIMP"),
    (Rcode::REFUSED, "REFUSED"),
    (Rcode::YXDOMAIN, "YXDOMAIN"),
    (Rcode(7), "YXRRSET"),
    (Rcode(8), "NXRRSET"),
    (Rcode::NOTAUTH, "NOTAUTH"),
    (Rcode(10), "NOTZONE"),
    (Rcode::BADVERS, "BADVERS"),
    (Rcode::BADCOOKIE, "BADCOOKIE"),
    (Rcode(u16::MAX), "OTHER"),
];

pub(super) const RESPONSES: usize = 2 * RCODES.len() + 3;

/// The index of an RCODE; all that have none of their own share the last one.
fn rcode_index(rcode: Rcode) -> usize {
    match rcode {
        Rcode(low @ 0..=10) => low.into(),
        Rcode::BADVERS => 11,
        Rcode::BADCOOKIE => 12,
        Rcode(_) => RCODES.len() - 1,
    }
}

impl Response {
    /// Every response, in the order of its index.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let rcodes = || RCODES.iter().map(|(rcode, _)| *rcode);
        let rest = [Self::Slipped, Self::RateLimited, Self::Dropped];
        rcodes().map(Self::Answered).chain(rcodes().map(Self::Truncated)).chain(rest)
    }

    /// This response, for that reason.
    pub(crate) fn to(self, reason: Reason) -> Disposition {
        Disposition { reason, response: self }
    }

    /// The word for it in JSON: the mnemonic of the RCODE for an answer that is complete.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered(rcode) => RCODES[rcode_index(rcode)].1,
            Self::Truncated(_) => "truncated",
            Self::Slipped => "slipped",
            Self::RateLimited => "rate-limited",
            Self::Dropped => "dropped",
        }
    }

    /// The mnemonic of the RCODE that the client gets; `None` if it gets nothing.
    pub fn rcode(self) -> Option<&'static str> {
        match self {
            Self::Answered(rcode) | Self::Truncated(rcode) => Some(RCODES[rcode_index(rcode)].1),
            // Its RCODE is NOERROR whatever was held back.
            Self::Slipped => Some("NOERROR"),
            Self::RateLimited | Self::Dropped => None,
        }
    }

    /// Whether it is an answer to the question.
    pub(super) fn is_answer(self) -> bool {
        matches!(self, Self::Answered(_) | Self::Truncated(_))
    }

    /// Whether anything is sent.
    pub(super) fn is_sent(self) -> bool {
        self.is_answer() || self == Self::Slipped
    }

    fn index(self) -> usize {
        match self {
            Self::Answered(rcode) => rcode_index(rcode),
            Self::Truncated(rcode) => RCODES.len() + rcode_index(rcode),
            Self::Slipped => 2 * RCODES.len(),
            Self::RateLimited => 2 * RCODES.len() + 1,
            Self::Dropped => 2 * RCODES.len() + 2,
        }
    }
}

/// The number of kinds of answers: transport, reason and response.
pub(super) const ANSWERS: usize = Transport::ALL.len() * REASONS * RESPONSES;

/// The index of a kind of answer, below [`ANSWERS`].
pub(super) fn answer_index(transport: Transport, Disposition { reason, response }: Disposition) -> usize {
    (transport.index() * REASONS + reason as usize) * RESPONSES + response.index()
}

/// Every kind of answer of a transport, in the order of its index.
pub(super) fn dispositions() -> impl Iterator<Item = Disposition> {
    Reason::ALL.into_iter().flat_map(|reason| Response::all().map(move |response| response.to(reason)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_kind_of_answer_has_an_index_of_its_own_and_they_are_in_order() {
        let all = Transport::ALL.iter().flat_map(|each| dispositions().map(|answer| answer_index(*each, answer)));
        assert_eq!(all.collect::<Vec<_>>(), (0..ANSWERS).collect::<Vec<_>>());
    }

    #[test]
    fn an_rcode_without_an_index_of_its_own_is_an_other_one() {
        for number in (11..=15).chain([17, 22, 24, 4095]) {
            let response = Response::Answered(Rcode(number));
            assert_eq!((response.name(), response.rcode()), ("OTHER", Some("OTHER")));
        }
    }

    #[test]
    fn the_names_of_rcodes_are_those_of_the_registry() {
        for (rcode, name) in RCODES.iter().filter(|(rcode, _)| *rcode != Rcode(u16::MAX)) {
            assert_eq!(rcode.to_string().to_ascii_uppercase(), *name);
        }
    }

    #[test]
    fn each_reason_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), REASONS);
        assert!(names.iter().all(|name| name.bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase())));
    }
}
