//! From an answer to bytes: the only place where AA, RA, AD, TC, EDNS and Extended Errors are set, and where an answer
//! is signed.

use super::options::ReplyOptions;
use super::signature::Signature;
use crate::dns::{
    CookieQuery, Ede, Header, Query, Rcode, Record, ResponseOptions, Section, UDP_PAYLOAD, Writer, name_end,
};
use crate::forward::resolver::chase::Resolved;
use crate::server::context::Transport;

/// An answer in bytes.
pub(crate) struct Composed {
    pub(crate) bytes: Vec<u8>,
    pub(crate) truncated: bool,
    /// The offsets of the records' TTLs, in the order of the records.
    pub(crate) ttls: Vec<u16>,
    /// The offset at which the records end.
    pub(crate) end: usize,
}

/// Composes the answer to a query, with these options besides the answer's own.
pub(crate) fn compose(query: &Query<'_>, resolved: &Resolved, transport: Transport, reply: &ReplyOptions) -> Composed {
    let options = reply.with(resolved.ede.as_ref());
    let reserve = opt_len(query, &options) + signature_len(reply);
    let mut writer = Writer::new(transport.max_answer(query), reserve);
    writer.question(query.qname, query.qtype, query.qclass);
    let truncated = resolved.truncated || !add_records(&mut writer, resolved);
    if truncated {
        // Whole RRsets or nothing: the client asks again over TCP (RFC 2181 section 9).
        writer.clear_records();
    }
    let authoritative = resolved.authoritative && resolved.rcode != Rcode::REFUSED;
    let flags = untruncated_flags(query, resolved.rcode, authoritative, resolved.authentic);
    writer.header(query.header.id, if truncated { self::truncated(flags) } else { flags });
    let end = writer.position();
    add_opt(&mut writer, query, resolved.rcode, &options);
    let (bytes, ttls) = writer.finish();
    Composed { bytes: signed(bytes, reply), truncated, ttls, end }
}

/// The most octets that the records of an answer may take. An Extended Error of the answer itself leaves less.
pub(crate) fn room(query: &Query<'_>, transport: Transport, reply: &ReplyOptions) -> usize {
    let others = opt_len(query, &reply.with(None)) + signature_len(reply);
    transport.max_answer(query).saturating_sub(12 + query.qname.len() + 4 + others)
}

fn opt_len(query: &Query<'_>, options: &ResponseOptions<'_>) -> usize {
    if query.edns.is_some() { options.opt_len() } else { 0 }
}

fn signature_len(reply: &ReplyOptions) -> usize {
    reply.signature().map_or(0, Signature::octets)
}

/// The answer, signed if the query was.
fn signed(mut answer: Vec<u8>, reply: &ReplyOptions) -> Vec<u8> {
    if let Some(signature) = reply.signature() {
        signature.sign(&mut answer);
    }
    answer
}

/// An answer without records: the question, an RCODE, whether recursion is available, and a reason.
pub(crate) fn refuse(
    query: &Query<'_>,
    transport: Transport,
    (rcode, recursion, ede): (Rcode, bool, Option<&Ede>),
    reply: &ReplyOptions,
) -> Vec<u8> {
    bare(query, transport, (rcode, flags(query.header, rcode, &[(RA, recursion)]), ede), reply)
}

/// The answer to a query that asks for nothing but a cookie (RFC 7873 section 5.4).
pub(crate) fn cookie_only(query: &CookieQuery<'_>, rcode: Rcode, options: &ResponseOptions<'_>) -> Vec<u8> {
    let mut writer = Writer::new(usize::from(UDP_PAYLOAD), 0);
    writer.header(query.header.id, flags(query.header, rcode, &[(RA, true)]));
    writer.opt(UDP_PAYLOAD, upper_bits(rcode), query.edns.dnssec_ok, options);
    writer.finish().0
}

/// An answer without records and with TC: a real client asks again over TCP.
pub(crate) fn slip(query: &Query<'_>, transport: Transport, reply: &ReplyOptions) -> Vec<u8> {
    let flags = flags(query.header, Rcode::NOERROR, &[(TC, true), (RA, true)]);
    bare(query, transport, (Rcode::NOERROR, flags, None), reply)
}

/// The question, the flags and the options. Where a signature leaves no room for the options, they are left out: an
/// answer that is not signed is worth nothing to a client that signs.
fn bare(
    query: &Query<'_>,
    transport: Transport,
    (rcode, flags, ede): (Rcode, [u8; 2], Option<&Ede>),
    reply: &ReplyOptions,
) -> Vec<u8> {
    let (options, fixed) = (reply.with(ede), 12 + query.qname.len() + 4 + signature_len(reply));
    let fits = reply.signature().is_none() || fixed + opt_len(query, &options) <= transport.max_answer(query);
    let mut writer = Writer::new(usize::from(UDP_PAYLOAD), 0);
    writer.question(query.qname, query.qtype, query.qclass);
    writer.header(query.header.id, flags);
    add_opt(&mut writer, query, rcode, if fits { &options } else { &NO_OPTIONS });
    signed(writer.finish().0, reply)
}

const NO_OPTIONS: ResponseOptions<'static> =
    ResponseOptions { cookie: None, nsid: None, keepalive: None, ede: None, padding: None };

/// A bare header, the answer to a message that could not be read as a question. It repeats nothing else from the
/// sender.
pub(crate) fn header_only(header: Header, rcode: Rcode) -> Vec<u8> {
    let mut bytes = vec![0; 12];
    bytes[..2].copy_from_slice(&header.id.to_be_bytes());
    bytes[2] = 0x80 | header.opcode.0 << 3;
    bytes[3] = low_bits(rcode);
    bytes
}

/// NOTIMP, with the question if it can be read: the sender matches answers by it.
pub(crate) fn not_implemented(header: Header, message: &[u8]) -> Vec<u8> {
    let mut bytes = header_only(header, Rcode::NOTIMP);
    let question = name_end(message, 12).and_then(|end| message.get(12..end + 4));
    if let Some(question) = question.filter(|_| message.get(4..6) == Some(&[0, 1])) {
        bytes.extend_from_slice(question);
        bytes[5] = 1;
    }
    bytes
}

fn add_records(writer: &mut Writer, resolved: &Resolved) -> bool {
    let sections = [(Section::Answer, &resolved.answer), (Section::Authority, &resolved.authority)];
    let fits = sections
        .iter()
        .all(|(section, records)| records.iter().all(|record| writer.record(*section, record, record.ttl)));
    // RFC 9471 section 3.1: all glue of servers below the cut has to fit; any other glue only helps, and may be left
    // out.
    let cut = resolved.authority.first().map(|record| &record.owner);
    let (needed, helpful): (Vec<&Record>, Vec<&Record>) =
        resolved.additional.iter().partition(|glue| cut.is_some_and(|cut| glue.owner.is_at_or_below(cut)));
    let mut glue = |records: Vec<&Record>| {
        records.into_iter().all(|record| writer.record(Section::Additional, record, record.ttl))
    };
    if !fits || !glue(needed) {
        return false;
    }
    let _ = glue(helpful);
    true
}

fn add_opt(writer: &mut Writer, query: &Query<'_>, rcode: Rcode, options: &ResponseOptions<'_>) {
    if query.edns.is_some() {
        writer.opt(UDP_PAYLOAD, upper_bits(rcode), query.dnssec_ok(), options);
    }
}

/// A flag as the octet it is in (2 or 3) and its bit.
type Flag = (usize, u8);
const AA: Flag = (0, 0x04);
const TC: Flag = (0, 0x02);
const RA: Flag = (1, 0x80);
const AD: Flag = (1, 0x20);

/// The flags of an answer that is not truncated: AD only for a client that asks for it (RFC 6840 section 5.7).
pub(crate) fn untruncated_flags(query: &Query<'_>, rcode: Rcode, authoritative: bool, authentic: bool) -> [u8; 2] {
    let wants_authentic = query.header.ad || query.dnssec_ok();
    flags(query.header, rcode, &[(AA, authoritative), (RA, true), (AD, authentic && wants_authentic)])
}

/// The same flags with TC.
pub(crate) fn truncated([first, second]: [u8; 2]) -> [u8; 2] {
    [first | TC.1, second]
}

/// QR, then RD and CD as the client sent them (RFC 1035 section 4.1.1, RFC 4035 section 3.2.2), the RCODE, and
/// `set`; Z stays zero.
fn flags(header: Header, rcode: Rcode, set: &[(Flag, bool)]) -> [u8; 2] {
    let mut flags = [0x80 | header.opcode.0 << 3 | u8::from(header.rd), u8::from(header.cd) << 4 | low_bits(rcode)];
    for ((octet, bit), _) in set.iter().filter(|(_, on)| *on) {
        flags[*octet] |= bit;
    }
    flags
}

fn low_bits(rcode: Rcode) -> u8 {
    u8::try_from(rcode.0 & 0xf).unwrap_or_default()
}

fn upper_bits(rcode: Rcode) -> u8 {
    u8::try_from(rcode.0 >> 4).unwrap_or_default()
}
