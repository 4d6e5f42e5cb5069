//! A reply in one piece of memory: the form in which the cache stores it, with few allocations for storing and reading.
//!
//! In: a reply and the TTLs for its records. Out: the same reply, with TTLs changed once more. Names stay uncompressed.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::dns::{Ede, Name, Rcode, Record, Rtype, name_end};
use crate::forward::question::{Chain, Reply};

/// A reply. A clone shares the records.
#[derive(Clone)]
pub(crate) struct Packed {
    pub(crate) rcode: Rcode,
    authentic: bool,
    chain: Chain,
    upstream: Option<SocketAddr>,
    ede: Option<Box<Ede>>,
    shortened: bool,
    /// The same for clients whose messages have less room for records than this, octets.
    short: Option<(usize, Arc<Packed>)>,
    /// Records in the answer section; the rest is the authority section.
    answers: usize,
    /// For each record its owner, type, TTL, the length of its RDATA, and the RDATA.
    records: Arc<[u8]>,
}

/// Octets of the type, the TTL and the length of the RDATA.
const FIXED: usize = 2 + 4 + 2;

impl Packed {
    /// A reply whose records have these TTLs: the answer section, then the authority section.
    pub(crate) fn new(reply: &Reply, ttls: impl Iterator<Item = u32>) -> Self {
        let all = || reply.answer.iter().chain(&reply.authority);
        let octets = all().map(|record| record.owner.as_wire().len() + FIXED + record.rdata.len()).sum();
        let mut records = Vec::with_capacity(octets);
        for (record, ttl) in all().zip(ttls) {
            records.extend_from_slice(record.owner.as_wire());
            records.extend_from_slice(&record.rtype.0.to_be_bytes());
            records.extend_from_slice(&ttl.to_be_bytes());
            // The RDATA came in a message, so its length fits two octets.
            records.extend_from_slice(&u16::try_from(record.rdata.len()).unwrap_or_default().to_be_bytes());
            records.extend_from_slice(&record.rdata);
        }
        Self {
            rcode: reply.rcode,
            authentic: reply.authentic,
            chain: reply.chain,
            shortened: reply.shortened,
            short: None,
            upstream: reply.upstream,
            ede: reply.ede.clone().map(Box::new),
            answers: reply.answer.len(),
            records: records.into(),
        }
    }

    /// The same, with a shorter one for clients whose messages have less than `room` octets for records.
    pub(crate) fn or_shorter(self, room: usize, short: Self) -> Self {
        Self { short: Some((room, Arc::new(short))), ..self }
    }

    /// The one for a client whose message has `room` octets for records.
    pub(crate) fn within(&self, room: usize) -> &Self {
        self.short.as_ref().filter(|(least, _)| room < *least).map_or(self, |(_, short)| short)
    }

    /// Octets of the records.
    pub(crate) fn len(&self) -> usize {
        self.records.len() + self.short.as_ref().map_or(0, |(_, short)| size_of::<Self>() + short.len())
    }

    /// The reply, with each TTL changed.
    pub(crate) fn unpack(&self, ttl: impl Fn(u32) -> u32) -> Reply {
        let mut reply = Reply {
            rcode: self.rcode,
            authentic: self.authentic,
            ede: self.ede.as_deref().cloned(),
            answer: Vec::with_capacity(self.answers),
            authority: Vec::new(),
            chain: self.chain,
            shortened: self.shortened,
            upstream: self.upstream,
        };
        let (mut rest, mut owner) = (&*self.records, Name::root());
        while let Some((record, tail)) = read(rest, &owner, &ttl) {
            owner.clone_from(&record.owner);
            rest = tail;
            if reply.answer.len() < self.answers { reply.answer.push(record) } else { reply.authority.push(record) }
        }
        reply
    }
}

/// The first record; it shares its owner with the record before if they are equal.
fn read<'a>(bytes: &'a [u8], before: &Name, ttl: impl Fn(u32) -> u32) -> Option<(Record, &'a [u8])> {
    let (wire, rest) = bytes.split_at_checked(name_end(bytes, 0)?)?;
    let owner = if wire == before.as_wire() { before.clone() } else { Name::from_wire(wire)? };
    let (rtype, rest) = rest.split_first_chunk()?;
    let (seconds, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (rdata, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    let (rtype, ttl) = (Rtype(u16::from_be_bytes(*rtype)), ttl(u32::from_be_bytes(*seconds)));
    Some((Record { owner, rtype, ttl, rdata: rdata.into() }, rest))
}
