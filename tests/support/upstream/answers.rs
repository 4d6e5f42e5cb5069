//! The bytes of a scripted upstream's replies, its faults included.

use domain::base::Message;
use domain::base::name::ToLabelIter;

use super::script::{Draft, Faults, Mark, Objection};
use super::sockets::Transport;
use crate::support::record::Rr;

/// A question as an upstream received it.
pub(crate) struct Received {
    pub(crate) bytes: Vec<u8>,
    pub(crate) name: String,
    pub(crate) qtype: domain::base::Rtype,
    /// Index after the question.
    question_end: usize,
    /// The payload size of the OPT record, if there is one.
    pub(crate) payload: Option<u16>,
    pub(crate) dnssec_ok: bool,
}

impl Received {
    /// Reads a query; `None` if it is not one question.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let message = Message::from_slice(bytes).ok()?;
        let question = message.sole_question().ok()?;
        let opt = message.opt();
        Some(Self {
            name: question.qname().to_string(),
            qtype: question.qtype(),
            question_end: 12 + usize::from(question.qname().compose_len()) + 4,
            payload: opt.as_ref().map(domain::base::opt::OptRecord::udp_payload_size),
            dnssec_ok: opt.is_some_and(|opt| opt.dnssec_ok()),
            bytes: bytes.to_vec(),
        })
    }

    fn question(&self) -> &[u8] {
        &self.bytes[12..self.question_end]
    }

    /// The objection that it meets, if any.
    pub(crate) fn meets<'a>(&self, objections: &'a [Objection]) -> Option<&'a Objection> {
        objections.iter().find(|objection| match objection.to {
            Mark::Edns => self.payload.is_some(),
            Mark::Ad => self.bytes[3] & 0x20 != 0,
            Mark::Capital => self.name.contains(|c: char| c.is_ascii_uppercase()),
        })
    }
}

/// The datagrams to send for a question, in order, with what goes wrong; over TCP there is one.
pub(crate) fn datagrams(received: &Received, reply: Vec<u8>, faults: &Faults, by: Transport) -> Vec<Vec<u8>> {
    if let Some(Objection { to, rcode: Some(rcode) }) = received.meets(&faults.objections) {
        return vec![objecting(received, *to, *rcode)];
    }
    if faults.bare {
        return vec![bare(reply)];
    }
    if faults.pointer_loop || faults.pointer_chain {
        return vec![pointers(received, faults.pointer_chain)];
    }
    let fits = reply.len() <= usize::from(received.payload.unwrap_or(512).max(512));
    let is_cut = by == Transport::Udp && (faults.truncate || !fits);
    let mut right = if is_cut { truncated(received) } else { reply };
    if faults.wrong_id {
        right[0] ^= 0x55;
    }
    if faults.wrong_question {
        right[13] = if right[13] == b'x' { b'y' } else { b'x' };
    }
    if faults.lower_case {
        right[12..received.question_end].make_ascii_lowercase();
    }
    if by == Transport::Tcp || !faults.junk_first {
        return vec![right];
    }
    let (mut id, mut question) = (right.clone(), right.clone());
    id[1] ^= 0x55;
    question[13] = if question[13] == b'x' { b'y' } else { b'x' };
    vec![b"\0".to_vec(), received.bytes.clone(), id, question, right]
}

/// A reply that is spelled out.
pub(crate) fn whole(received: &Received, draft: &Draft) -> Vec<u8> {
    let mut out = header(received, draft, draft.rcode);
    let sections = [&draft.answer, &draft.authority, &draft.additional];
    for (index, section) in sections.into_iter().enumerate() {
        let keep =
            |rr: &&Rr| received.dnssec_ok || rr.rtype == received.qtype || !matches!(rr.rtype.to_int(), 46 | 47 | 50);
        let kept: Vec<&Rr> = section.iter().filter(keep).collect();
        let count = u16::try_from(kept.len()).unwrap_or_default();
        out[6 + 2 * index..8 + 2 * index].copy_from_slice(&count.to_be_bytes());
        for record in kept {
            write_record(&mut out, record, received);
        }
    }
    if received.payload.is_some() {
        write_opt(&mut out, received.dnssec_ok, draft.ede);
    }
    out
}

fn header(received: &Received, draft: &Draft, rcode: u8) -> Vec<u8> {
    let mut out = received.bytes[..2].to_vec();
    out.push(0x80 | u8::from(draft.aa) << 2 | received.bytes[2] & 1);
    out.push(0x80 | u8::from(draft.ad) << 5 | received.bytes[3] & 0x10 | rcode);
    out.extend([0, 1, 0, 0, 0, 0, 0, 0]);
    out.extend_from_slice(received.question());
    out
}

/// The owner is a pointer to the question where it can be, as every real server writes it.
fn write_record(out: &mut Vec<u8>, record: &Rr, received: &Received) {
    let owner = record.owner.as_slice();
    let qname = &received.bytes[12..received.question_end - 4];
    if owner.eq_ignore_ascii_case(qname) {
        out.extend([0xc0, 12]);
    } else {
        out.extend_from_slice(owner);
    }
    out.extend(record.rtype.to_int().to_be_bytes());
    out.extend([0, 1]);
    out.extend(record.ttl.to_be_bytes());
    out.extend(u16::try_from(record.rdata.len()).unwrap_or_default().to_be_bytes());
    out.extend_from_slice(&record.rdata);
}

fn write_opt(out: &mut Vec<u8>, dnssec_ok: bool, ede: Option<u16>) {
    out.extend([0, 0, 41, 4, 208, 0, 0, u8::from(dnssec_ok) << 7, 0]);
    match ede {
        Some(code) => {
            out.extend([0, 6, 0, 15, 0, 2]);
            out.extend(code.to_be_bytes());
        }
        None => out.extend([0, 0]),
    }
    out[11] += 1;
}

/// TC set, and an address that nobody may believe.
fn truncated(received: &Received) -> Vec<u8> {
    let mut out = header(received, &Draft::default(), 0);
    out[2] |= 0x02;
    out[7] = 1;
    out.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 203, 0, 113, 66]);
    out
}

/// An answer whose first owner is a pointer to itself, or whose second owner leads through hundreds of pointers that
/// lie in the RDATA of the first record.
fn pointers(received: &Received, chain: bool) -> Vec<u8> {
    let mut out = header(received, &Draft::default(), 0);
    let pointer = |target: usize| (0xc000 | u16::try_from(target).unwrap_or_default()).to_be_bytes();
    let rest = [0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 203, 0, 113, 66];
    out[7] = 1;
    if chain {
        const LINKS: u16 = 500;
        out[7] = 2;
        out.extend([0xc0, 12, 0xff, 0, 0, 1, 0, 0, 0, 60]);
        out.extend((2 * LINKS).to_be_bytes());
        let links = out.len();
        out.extend(pointer(12));
        (1..usize::from(LINKS)).for_each(|link| out.extend(pointer(links + 2 * (link - 1))));
        out.extend(pointer(links + 2 * usize::from(LINKS) - 2));
    } else {
        out.extend(pointer(out.len()));
    }
    out.extend(rest);
    out
}

/// An RCODE and no records. Who knows no EDNS sends no OPT record, and FORMERR for it (RFC 6891 section 7); BADVERS is
/// made of an OPT record and the header (section 6.1.3).
fn objecting(received: &Received, to: Mark, rcode: u8) -> Vec<u8> {
    let mut out = header(received, &Draft::default(), rcode & 0xf);
    if received.payload.is_some() && (to != Mark::Edns || rcode > 0xf) {
        write_opt(&mut out, received.dnssec_ok, None);
        let extended = out.len() - 6;
        out[extended] = rcode >> 4;
    }
    out
}

/// The header alone, as servers say no to whom they do not know.
fn bare(mut reply: Vec<u8>) -> Vec<u8> {
    reply.truncate(12);
    reply[4..].fill(0);
    reply
}
