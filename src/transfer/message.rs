//! One message of a transfer: records behind a header, up to a number of octets. Names are compressed by one pointer,
//! to the apex: cheap, and about as small as any other way.

use crate::dns::{Edns, Rtype, Signer, UDP_PAYLOAD};
use crate::zone::RecordRef;

/// Octets of a message, as Knot and NSD send them: fair between connections, and hardly larger in all than 64 KB ones.
const USUAL: usize = 16 << 10;

/// The longest message over TCP.
const LONGEST: usize = u16::MAX as usize;

/// The octets of the OPT record of ours: no options.
const OPT_LEN: usize = 11;

/// The parts of a query that each message of the answer repeats or depends on.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) id: u16,
    pub(super) recursion_desired: bool,
    /// The question in wire format: name, type, class.
    pub(super) question: Box<[u8]>,
    /// Whether the query has EDNS, and DO: then each message has an OPT record (RFC 6891 section 7).
    pub(super) edns: Option<bool>,
    /// The apex in wire format.
    pub(super) apex: Box<[u8]>,
}

/// A message in the making.
pub(super) struct Message<'a> {
    head: &'a Head,
    out: &'a mut Vec<u8>,
    start: usize,
    reserved: usize,
    /// The offset of the apex, once a record has it.
    apex_at: Option<u16>,
    records: u16,
}

impl Head {
    /// The parts of a query.
    pub(super) fn new(query: &crate::dns::Query<'_>, apex: &[u8]) -> Self {
        let question = [query.qname, &query.qtype.0.to_be_bytes(), &query.qclass.0.to_be_bytes()].concat();
        Self {
            id: query.header.id,
            recursion_desired: query.header.rd,
            question: question.into(),
            edns: query.edns.as_ref().map(|edns: &Edns<'_>| edns.dnssec_ok),
            apex: apex.into(),
        }
    }
}

impl<'a> Message<'a> {
    /// Starts a message behind what is in the buffer; the first one of a transfer has the question.
    pub(super) fn new(head: &'a Head, is_first: bool, signer: Option<&Signer>, out: &'a mut Vec<u8>) -> Self {
        let start = out.len();
        // Most messages are as long as this; growing bit by bit would copy each of them.
        out.reserve(USUAL);
        // QR, opcode QUERY, AA, and RD as it was asked (RFC 5936 section 2.2.1).
        out.extend_from_slice(&head.id.to_be_bytes());
        out.extend_from_slice(&[0x84 | u8::from(head.recursion_desired), 0]);
        out.extend_from_slice(&[0, u8::from(is_first), 0, 0, 0, 0, 0, 0]);
        if is_first {
            out.extend_from_slice(&head.question);
        }
        let reserved = signer.map_or(0, Signer::record_len) + head.edns.map_or(0, |_| OPT_LEN);
        Self { head, out, start, reserved, apex_at: None, records: 0 }
    }

    /// Adds a record; `false`, and nothing added, if it does not fit. The first one may make the message longer than
    /// usual.
    pub(super) fn push(&mut self, record: &RecordRef<'_>) -> bool {
        let before = self.out.len();
        let had_apex = self.apex_at;
        self.name(record.owner);
        self.out.extend_from_slice(&record.rtype.0.to_be_bytes());
        self.out.extend_from_slice(&[0, 1]);
        self.out.extend_from_slice(&record.ttl.to_be_bytes());
        let length = u16::try_from(record.rdata.len()).unwrap_or_default();
        self.out.extend_from_slice(&length.to_be_bytes());
        self.out.extend_from_slice(record.rdata);
        let limit = if self.records == 0 { LONGEST } else { USUAL };
        let fits = self.out.len() - self.start + self.reserved <= limit && self.records < u16::MAX;
        if fits {
            self.records += 1;
        } else {
            self.out.truncate(before);
            self.apex_at = had_apex;
        }
        fits
    }

    /// A name relative to the apex.
    fn name(&mut self, owner: &[u8]) {
        self.out.extend_from_slice(owner);
        if let Some(at) = self.apex_at {
            self.out.extend_from_slice(&(0xc000 | at).to_be_bytes());
        } else {
            self.apex_at = u16::try_from(self.out.len() - self.start).ok().filter(|at| *at < 0x4000);
            self.out.extend_from_slice(&self.head.apex);
        }
    }

    /// The number of records so far.
    pub(super) fn records(&self) -> u16 {
        self.records
    }

    /// Ends the message: counts, EDNS, signature at this time, seconds since 1970.
    pub(super) fn finish(self, signer: Option<&mut Signer>, now: u64) {
        let Self { head, out, start, records, .. } = self;
        out[start + 6..start + 8].copy_from_slice(&records.to_be_bytes());
        if let Some(dnssec_ok) = head.edns {
            let ([high, low], [_, opt]) = (UDP_PAYLOAD.to_be_bytes(), Rtype::OPT.0.to_be_bytes());
            out.extend_from_slice(&[0, 0, opt, high, low, 0, 0, u8::from(dnssec_ok) << 7, 0, 0, 0]);
            out[start + 11] = 1;
        }
        if let Some(signer) = signer {
            signer.sign_next(start, out, now);
        }
    }
}
