//! A question to a group of upstreams, and the reply to it.
//!
//! In and out: plain values. Never: a socket, or anything about how the answer was obtained except its upstream.

use std::borrow::Cow;
use std::net::SocketAddr;

use crate::dns::{Ede, Name, Rcode, Record, Rtype, Writer};

/// Octets of records that are always handled whole: they cost little.
const ALWAYS_WHOLE: usize = 512;

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
    /// Whether records are left out that fit into no message for the client; see [`Reply::within`].
    pub shortened: bool,
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
            shortened: false,
            upstream: None,
        }
    }

    /// The same for a client whose message has `room` octets for records. If the records behind the CNAME chain take
    /// more, however well their names compress, the answer is truncated whatever they are: then only the first of each
    /// section stays, because what follows depends on whether there are any.
    ///
    /// No set is too long to be handed on: a message bounds it, and over TCP the client gets it whole.
    pub fn within(&self, qtype: Rtype, room: usize) -> Cow<'_, Self> {
        let room = room.max(ALWAYS_WHOLE);
        if self.least_len(qtype, room) <= room {
            return Cow::Borrowed(self);
        }
        let links = self.answer.iter().take_while(|record| is_link(record, qtype)).count();
        let (chain, set) = self.answer.split_at(links);
        let first = set.iter().find(|record| least_len(record) > 0).or(set.first());
        Cow::Owned(Self {
            ede: self.ede.clone(),
            answer: chain.iter().chain(first).cloned().collect(),
            authority: self.authority.first().cloned().into_iter().collect(),
            shortened: true,
            ..*self
        })
    }

    /// The least octets that the records behind the CNAME chain take in a message; the count ends beyond `enough`.
    pub fn least_len(&self, qtype: Rtype, enough: usize) -> usize {
        let answer = self.answer.iter().skip_while(|record| is_link(record, qtype));
        let mut sum = 0;
        for record in answer.chain(&self.authority) {
            sum += least_len(record);
            if sum > enough {
                break;
            }
        }
        sum
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

    /// Whether it has records that answer.
    pub fn is_positive(&self) -> bool {
        self.answers() && !self.answer.is_empty()
    }

    /// Whether it is useless for a public name of ours: a failure, or a denial without a CNAME on the way. A list says
    /// that the name exists; an upstream that does not know it is in a closed network, or older than the list.
    pub fn denies(&self) -> bool {
        !self.answers() || self.rcode == Rcode::NXDOMAIN && self.answer.is_empty()
    }
}

/// The least octets that a record takes in a message; none for a DNAME, which may be left out of it.
fn least_len(record: &Record) -> usize {
    let is_dname = record.rtype == Rtype::DNAME || record.covered_type() == Some(Rtype::DNAME);
    if is_dname { 0 } else { Writer::least_len(record.rtype, record.rdata.len()) }
}

/// Whether a record belongs to the chain in front of the RRset asked for.
fn is_link(record: &Record, qtype: Rtype) -> bool {
    let rtype = record.covered_type().unwrap_or(record.rtype);
    matches!(rtype, Rtype::CNAME | Rtype::DNAME) && ![rtype, Rtype::ANY].contains(&qtype)
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
