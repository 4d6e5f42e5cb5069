//! A question to a group of upstreams, and the reply to it.
//!
//! In and out: plain values. Never: a socket, or anything about how the answer was obtained except its upstream.

use std::net::SocketAddr;

use crate::dns::{Ede, Name, Rcode, Record, Rtype};

/// A question of class IN and the flags that change its answer; equal questions in flight share one exchange.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// The QNAME.
    pub name: Name,
    /// The QTYPE.
    pub rtype: Rtype,
    /// DNSSEC OK: whether signatures and proofs are wanted.
    pub dnssec_ok: bool,
    /// Checking disabled: whether a validating upstream should answer without validation.
    pub checking_disabled: bool,
    /// AD in the query: whether the client wants to know if the answer was validated (RFC 6840 section 5.7). Not set
    /// with DO, which asks for that too.
    pub authentic_data: bool,
}

/// An upstream's answer, scrubbed: it holds only records that were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The RCODE as received.
    pub rcode: Rcode,
    /// Authentic data (AD).
    pub authentic: bool,
    /// The first Extended DNS Error.
    pub ede: Option<Ede>,
    /// The CNAME chain from the question in order, then the RRset asked for.
    pub answer: Vec<Record>,
    /// For a negative response the SOA; with DO the proofs.
    pub authority: Vec<Record>,
    /// Where the CNAME chain led. Anything but `Whole` ends in SERVFAIL, unless a link before the break leads into a
    /// zone of ours.
    pub chain: Chain,
    /// The upstream that answered; `None` if the reply was made here.
    pub upstream: Option<SocketAddr>,
}

impl Reply {
    /// A reply without records that was made here.
    pub fn new(rcode: Rcode) -> Self {
        Self {
            rcode,
            authentic: false,
            ede: None,
            answer: Vec::new(),
            authority: Vec::new(),
            chain: Chain::Whole,
            upstream: None,
        }
    }

    /// The memory that it holds, octets: each record has its owner and its RDATA behind a pointer of its own.
    pub fn octets(&self) -> usize {
        const ALLOCATIONS: usize = 2 * 16;
        let octets =
            |record: &Record| size_of::<Record>() + ALLOCATIONS + record.owner.as_wire().len() + record.rdata.len();
        self.answer.iter().chain(&self.authority).map(octets).sum()
    }

    /// Whether it says something about the name; SERVFAIL, REFUSED and the like do not.
    pub fn answers(&self) -> bool {
        self.rcode.is_answer()
    }

    /// Whether it is useless for a public name of ours: a failure, or a denial without a CNAME on the way. A list says
    /// that the name exists; an upstream that does not know it is in a closed network, or older than the list.
    pub fn denies(&self) -> bool {
        !self.answers() || self.rcode == Rcode::NXDOMAIN && self.answer.is_empty()
    }
}

/// The end of a CNAME chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// The chain is complete.
    Whole,
    /// The chain leads back into itself.
    Loop,
    /// The chain is longer than [`crate::forward::scrub::MAX_LINKS`].
    TooLong,
}

/// The reason why there is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// No upstream answered before the deadline.
    Timeout,
    /// The question waited for a free slot until the deadline, or the queue was full.
    Overloaded,
    /// Every upstream leads back to us.
    Loop,
    /// Every upstream refused the packets, or none can be reached from here.
    Unreachable,
    /// Every upstream sent a malformed or evasive answer.
    Malformed,
    /// There is no upstream to ask, or the forwarding thread has stopped.
    Stopped,
}

impl Failure {
    /// The Extended DNS Error that tells a client.
    pub fn ede(self) -> Ede {
        match self {
            Self::Timeout => Ede::new(Ede::NO_REACHABLE_AUTHORITY, "no upstream answered in time"),
            Self::Overloaded => Ede::new(Ede::OTHER, "too many questions wait for the upstream"),
            Self::Loop => Ede::new(Ede::OTHER, "forwarding loop: the upstream asks this server"),
            Self::Unreachable => Ede::new(Ede::NETWORK_ERROR, "no upstream can be reached"),
            Self::Malformed => Ede::new(Ede::INVALID_DATA, "the upstream's answer is malformed"),
            Self::Stopped => Ede::new(Ede::NOT_READY, "no upstream to ask"),
        }
    }
}
