//! The parser for queries: a client's datagram in, a [`Query`] that borrows from it out.

use super::rdata::soa_numbers;
use super::wire::{name_end, read_u16, read_u32};
use super::{Class, Edns, Opcode, QueryOptions, Rtype, Serial, Tsig};

/// The longest query, octets. A query is small; EDNS allows for more than 512 octets, but no useful query needs more
/// than this. Queries that wait for an upstream are stored, and with 64 KB each a client could fill the memory.
pub const MAX_QUERY: usize = 4096;

/// The header fields that an answer copies or depends on (RFC 1035 section 4.1.1, RFC 4035 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The query's id.
    pub id: u16,
    /// The kind of query.
    pub opcode: Opcode,
    /// Recursion desired.
    pub rd: bool,
    /// Authentic data wanted (RFC 6840 section 5.7).
    pub ad: bool,
    /// Checking disabled.
    pub cd: bool,
}

/// A well-formed query with one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query<'a> {
    /// The header.
    pub header: Header,
    /// The QNAME in wire format, in the client's case.
    pub qname: &'a [u8],
    /// The QTYPE.
    pub qtype: Rtype,
    /// The QCLASS.
    pub qclass: Class,
    /// The OPT record, if there was one.
    pub edns: Option<Edns<'a>>,
    /// Its EDNS options; `None` if they are malformed, which is answered with an OPT record of our own (RFC 6891
    /// section 7).
    pub options: Option<QueryOptions<'a>>,
    /// The TSIG record, if there was one.
    pub tsig: Option<Tsig<'a>>,
}

/// The records of a query that matter.
struct Records<'a> {
    edns: Option<Edns<'a>>,
    options: Option<QueryOptions<'a>>,
    tsig: Option<Tsig<'a>>,
}

/// A query without a question: a client asks for a cookie, or whether its cookie is good (RFC 7873 section 5.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieQuery<'a> {
    /// The header.
    pub header: Header,
    /// The OPT record.
    pub edns: Edns<'a>,
    /// Its options, with a cookie.
    pub options: QueryOptions<'a>,
}

/// The reason why a datagram is not a query that can be processed further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryError {
    /// Too short for a header, or a response: it must not be answered (RFC 5625 section 6.1), because an answer could
    /// cause loops.
    Ignore,
    /// An opcode other than QUERY.
    NotImplemented(Header),
    /// A QUERY that is malformed.
    Malformed(Header),
}

impl<'a> Query<'a> {
    /// Parses one message. It takes time linear in its length and allocates nothing.
    pub fn parse(message: &'a [u8]) -> Result<Self, QueryError> {
        let header = Header::parse(message).ok_or(QueryError::Ignore)?;
        if header.opcode != Opcode::QUERY {
            return Err(QueryError::NotImplemented(header));
        }
        Self::parse_body(message, header).ok_or(QueryError::Malformed(header))
    }

    fn parse_body(message: &'a [u8], header: Header) -> Option<Self> {
        let count = |section: usize| read_u16(message, 4 + 2 * section);
        if count(0)? != 1 || message.len() > MAX_QUERY {
            return None;
        }
        // A pointer in the first name of a message could only lead into the header.
        let end = name_end(message, 12)?;
        let qname = &message[12..end];
        let qtype = Rtype(read_u16(message, end)?);
        let qclass = Class(read_u16(message, end + 2)?);
        let Records { edns, options, tsig } = Records::read(message, end + 4)?;
        Some(Self { header, qname, qtype, qclass, edns, options, tsig })
    }

    /// Whether the client set DNSSEC OK.
    pub fn dnssec_ok(&self) -> bool {
        self.edns.as_ref().is_some_and(|edns| edns.dnssec_ok)
    }
}

impl<'a> Records<'a> {
    /// Reads the records from `pos` on, which fill the message.
    fn read(message: &'a [u8], mut pos: usize) -> Option<Self> {
        let count = |section: usize| read_u16(message, 4 + 2 * section).map(u32::from);
        let before = count(1)? + count(2)?;
        let all = before + count(3)?;
        let mut read = Self { edns: None, options: Some(QueryOptions::default()), tsig: None };
        for index in 0..all {
            let record = RawRecord::read(message, pos)?;
            if record.rtype == Rtype::OPT {
                // RFC 6891 section 6.1.1: one OPT record, in the additional section, at the root.
                if read.edns.is_some() || index < before || !record.at_root {
                    return None;
                }
                read.edns = Some(Edns::without_options(record.class, record.ttl));
                read.options = QueryOptions::read(&message[record.rdata..record.end]);
            } else if record.rtype == Rtype::TSIG {
                // RFC 8945 section 5.1: TSIG is the last record in the additional section; its name is not compressed.
                if index + 1 != all || index < before || !Tsig::may_have(record.class, record.ttl) {
                    return None;
                }
                let owner = &message[pos..name_end(message, pos)?];
                read.tsig = Some(Tsig::read(pos, owner, &message[record.rdata..record.end])?);
            }
            pos = record.end;
        }
        (pos == message.len()).then_some(read)
    }
}

/// The TSIG record of a message with one question, query or response; `None` if it has none or is malformed.
pub fn signature_of(message: &[u8]) -> Option<Tsig<'_>> {
    Records::read(message, name_end(message, 12)? + 4)?.tsig
}

/// The serial that a client has, in the authority section of its IXFR query (RFC 1995 section 3); `None` if the query
/// has no SOA there.
pub fn ixfr_serial(message: &[u8]) -> Option<Serial> {
    let mut pos = name_end(message, 12)? + 4;
    let (answers, authorities) = (read_u16(message, 6)?, read_u16(message, 8)?);
    for index in 0..u32::from(answers) + u32::from(authorities) {
        let record = RawRecord::read(message, pos)?;
        if index >= u32::from(answers) && record.rtype == Rtype::SOA {
            return soa_numbers(&message[record.rdata..record.end]).map(|numbers| numbers.serial);
        }
        pos = record.end;
    }
    None
}

impl<'a> CookieQuery<'a> {
    /// Reads a QUERY whose question section is empty and that has a cookie.
    pub fn parse(message: &'a [u8]) -> Option<Self> {
        let header = Header::parse(message).filter(|header| header.opcode == Opcode::QUERY)?;
        if read_u16(message, 4)? != 0 || message.len() > MAX_QUERY {
            return None;
        }
        let Records { edns, options, .. } = Records::read(message, 12)?;
        let (edns, options) = (edns?, options?);
        options.cookie.is_some().then_some(Self { header, edns, options })
    }
}

impl Header {
    /// The header of a query; `None` if it is cut short or belongs to a response.
    fn parse(message: &[u8]) -> Option<Self> {
        let bytes: &[u8; 12] = message.first_chunk()?;
        if bytes[2] & 0x80 != 0 {
            return None;
        }
        Some(Self {
            id: u16::from_be_bytes([bytes[0], bytes[1]]),
            opcode: Opcode(bytes[2] >> 3 & 0xf),
            rd: bytes[2] & 1 != 0,
            ad: bytes[3] & 0x20 != 0,
            cd: bytes[3] & 0x10 != 0,
        })
    }
}

/// The fixed part of a record and the position of its RDATA.
pub(super) struct RawRecord {
    pub(super) at_root: bool,
    pub(super) rtype: Rtype,
    pub(super) class: u16,
    pub(super) ttl: u32,
    /// Index of the first RDATA octet.
    pub(super) rdata: usize,
    /// Index after the last one.
    pub(super) end: usize,
}

impl RawRecord {
    pub(super) fn read(message: &[u8], at: usize) -> Option<Self> {
        let pos = skip_name(message, at)?;
        let rdata = pos + 10;
        let end = rdata + usize::from(read_u16(message, pos + 8)?);
        (end <= message.len()).then_some(Self {
            at_root: message[at] == 0,
            rtype: Rtype(read_u16(message, pos)?),
            class: read_u16(message, pos + 2)?,
            ttl: read_u32(message, pos + 4)?,
            rdata,
            end,
        })
    }
}

/// Index after a name that may end in a pointer. The pointer has to lead backwards; its target is checked when the name
/// is read.
fn skip_name(message: &[u8], at: usize) -> Option<usize> {
    let mut pos = at;
    loop {
        match *message.get(pos)? {
            0 => return Some(pos + 1),
            len @ 1..=63 => pos += usize::from(len) + 1,
            high @ 0xc0.. => {
                let target = u16::from_be_bytes([high & 0x3f, *message.get(pos + 1)?]);
                return (usize::from(target) < at).then_some(pos + 2);
            }
            _ => return None,
        }
        if pos - at > super::MAX_NAME {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLAIN: &[u8] = b"\x12\x34\x01\x10\0\x01\0\0\0\0\0\0\x01A\0\0\x01\0\x01";

    fn with_opt(opt: &[u8]) -> Vec<u8> {
        let mut message = PLAIN.to_vec();
        message[11] = 1;
        message.extend_from_slice(opt);
        message
    }

    #[test]
    fn a_plain_question_is_read_without_change() {
        let query = Query::parse(PLAIN).unwrap();
        assert_eq!((query.header.id, query.header.rd, query.header.cd), (0x1234, true, true));
        assert_eq!((query.qname, query.qtype, query.qclass), (&b"\x01A\0"[..], Rtype::A, Class::IN));
        assert_eq!(query.edns, None);
    }

    #[test]
    fn edns_is_read_with_its_options() {
        let message = with_opt(b"\0\0\x29\x04\xd0\0\0\x80\0\0\x0c\0\x0a\0\x08abcdefgh");
        let query = Query::parse(&message).unwrap();
        let edns = query.edns.unwrap();
        assert!(edns.dnssec_ok);
        assert_eq!(edns.payload, 1232);
        assert_eq!(query.options.unwrap().cookie.unwrap().client, b"abcdefgh");
    }

    #[test]
    fn responses_and_messages_cut_short_get_no_answer() {
        assert_eq!(Query::parse(&PLAIN[..11]), Err(QueryError::Ignore));
        let mut response = PLAIN.to_vec();
        response[2] |= 0x80;
        assert_eq!(Query::parse(&response), Err(QueryError::Ignore));
    }

    #[test]
    fn other_opcodes_are_not_implemented_even_without_a_question() {
        let mut message = [0; 12];
        message[2] = 15 << 3;
        assert!(matches!(Query::parse(&message), Err(QueryError::NotImplemented(h)) if h.opcode == Opcode(15)));
    }

    #[test]
    fn malformed_queries_are_told_from_those_to_ignore() {
        let malformed = |message: &[u8]| matches!(Query::parse(message), Err(QueryError::Malformed(_)));
        assert!(malformed(&PLAIN[..PLAIN.len() - 1]), "cut short");
        assert!(malformed(&[PLAIN, b"x"].concat()), "trailing octet");
        let mut two = PLAIN.to_vec();
        two[5] = 2;
        assert!(malformed(&two), "two questions");
        let opt = b"\0\0\x29\x04\xd0\0\0\0\0\0\0";
        let mut twice = with_opt(&[&opt[..], opt].concat());
        twice[11] = 2;
        assert!(malformed(&twice), "two OPT records");
        assert!(malformed(&with_opt(b"\x01x\0\0\x29\x04\xd0\0\0\0\0\0\0")), "OPT not at the root");
        assert!(malformed(b"\0\0\0\0\0\x01\0\0\0\0\0\0\xc0\x0c\0\x01\0\x01"), "pointer as QNAME");
        let padded = |octets: u16| {
            let padding = vec![0; usize::from(octets) - PLAIN.len() - 15];
            let length = |more: usize| u16::try_from(padding.len() + more).unwrap().to_be_bytes();
            with_opt(&[&b"\0\0\x29\x04\xd0\0\0\0\0"[..], &length(4), b"\0\x0c", &length(0), &padding].concat())
        };
        assert!(Query::parse(&padded(4096)).is_ok(), "with padding");
        assert!(malformed(&padded(4097)), "longer than any query");
    }

    #[test]
    fn rfc6891_7_malformed_options_leave_a_question_to_answer() {
        let over = with_opt(b"\0\0\x29\x04\xd0\0\0\0\0\0\x04\0\x0a\0\x09");
        let query = Query::parse(&over).unwrap();
        assert!(query.edns.is_some() && query.options.is_none());
    }

    #[test]
    fn rfc7873_5_4_a_query_may_be_a_cookie_alone() {
        let mut message = with_opt(b"\0\0\x29\x04\xd0\0\0\0\0\0\x0c\0\x0a\0\x08abcdefgh");
        assert_eq!(CookieQuery::parse(&message), None, "it has a question");
        message.drain(12..PLAIN.len());
        message[5] = 0;
        assert_eq!(CookieQuery::parse(&message).unwrap().options.cookie.unwrap().client, b"abcdefgh");
        message.truncate(23);
        message[21..].fill(0);
        assert_eq!(CookieQuery::parse(&message), None, "it has no cookie");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(message in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (Query::parse(&message), CookieQuery::parse(&message));
        }
    }
}
