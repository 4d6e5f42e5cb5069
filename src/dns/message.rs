//! The reader for a whole message, such as an upstream's response.

use super::query::RawRecord;
use super::wire::{MAX_NAME, name_end};
use super::{Class, Ede, Edns, Name, Rcode, Record, Rtype, rdata};

/// A response, decoded as far as forwarding needs: RDATA stays bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The id.
    pub id: u16,
    /// Whether this is a response (QR).
    pub response: bool,
    /// The opcode and the flag bits as received: octets 2 and 3 of the header.
    pub flags: [u8; 2],
    /// The RCODE, with the upper bits from EDNS.
    pub rcode: Rcode,
    /// The answer section, records of class IN only.
    pub answer: Vec<Record>,
    /// The authority section, records of class IN only, without its NS records.
    pub authority: Vec<Record>,
    /// Whether the authority section had NS records.
    pub names_servers: bool,
    /// Whether an OPT record was there.
    pub has_edns: bool,
    /// The first Extended DNS Error.
    pub ede: Option<Ede>,
}

/// The reason why a message does not parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Fewer than twelve octets, or a section that runs past the end.
    #[error("message cut short")]
    Short,
    /// Not exactly one question.
    #[error("malformed question")]
    Question,
    /// A record whose owner or length does not parse.
    #[error("malformed record")]
    Record,
}

impl Message {
    /// Parses a message. NS records of the authority section and additional records other than OPT are dropped.
    ///
    /// The case of the QNAME is ours, drawn at random, and a server may repeat it in names of its answer: such labels
    /// come out in lower case.
    ///
    /// A record whose RDATA is malformed is no error: whether it matters depends on the question
    /// ([`Record::is_malformed`]).
    pub fn parse(message: &[u8]) -> Result<Self, MessageError> {
        let header: &[u8; 12] = message.first_chunk().ok_or(MessageError::Short)?;
        let count = |section: usize| u16::from_be_bytes([header[4 + 2 * section], header[5 + 2 * section]]);
        let mut pos = match count(0) {
            0 => 12,
            1 => question_end(message).ok_or(MessageError::Question)?,
            _ => return Err(MessageError::Question),
        };
        let mut parsed = Self {
            id: u16::from_be_bytes([header[0], header[1]]),
            response: header[2] & 0x80 != 0,
            flags: [header[2], header[3]],
            rcode: Rcode(u16::from(header[3] & 0xf)),
            answer: Vec::new(),
            authority: Vec::new(),
            names_servers: false,
            has_edns: false,
            ede: None,
        };
        let mut scratch = Vec::with_capacity(MAX_NAME);
        let asked = asked_in_random_case(message.get(12..pos.saturating_sub(4)).unwrap_or_default());
        for section in 1..=3 {
            for _ in 0..count(section) {
                let next = parsed.take_record(message, section, pos, asked, &mut scratch);
                pos = next.ok_or(MessageError::Record)?;
            }
        }
        Ok(parsed)
    }

    fn take_record(
        &mut self,
        message: &[u8],
        section: usize,
        at: usize,
        asked: &[u8],
        scratch: &mut Vec<u8>,
    ) -> Option<usize> {
        let raw = RawRecord::read(message, at)?;
        if raw.rtype == Rtype::OPT {
            if section == 3 && !self.has_edns {
                let edns = Edns::read(raw.class, raw.ttl, &message[raw.rdata..raw.end])?;
                self.has_edns = true;
                self.rcode = Rcode(self.rcode.0 | u16::from(edns.extended_rcode) << 4);
                self.ede = edns.ede();
            }
            return Some(raw.end);
        }
        let is_kept = section < 3 && raw.class == Class::IN.0;
        if is_kept && section == 2 && raw.rtype == Rtype::NS {
            self.names_servers = true;
        } else if is_kept {
            let owner = Name::read(message, at, scratch)?;
            let rdata = rdata::extract(message, raw.rtype, raw.rdata, raw.end, asked, scratch)?;
            // RFC 2181 section 8: a TTL with the top bit set counts as zero.
            let ttl = if raw.ttl > i32::MAX.unsigned_abs() { 0 } else { raw.ttl };
            let record = Record { owner, rtype: raw.rtype, ttl, rdata };
            if section == 1 { self.answer.push(record) } else { self.authority.push(record) }
        }
        Some(raw.end)
    }

    /// Truncated (TC).
    pub fn truncated(&self) -> bool {
        self.flags[0] & 0x02 != 0
    }

    /// Authentic data (AD).
    pub fn authentic(&self) -> bool {
        self.flags[1] & 0x20 != 0
    }
}

/// The QNAME if it has capital letters; empty if there is no case to take back.
fn asked_in_random_case(qname: &[u8]) -> &[u8] {
    if qname.iter().any(u8::is_ascii_uppercase) { qname } else { &[] }
}

/// The end of the question; its name is not compressed, because no name comes before it.
fn question_end(message: &[u8]) -> Option<usize> {
    let end = name_end(message, 12)? + 4;
    (end <= message.len()).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CHAIN: &[u8] = b"\x12\x34\x81\xa0\0\x01\0\x02\0\0\0\x01\x01A\x01b\0\0\x01\0\x01\
        \xc0\x0c\0\x05\0\x01\xff\xff\xff\xff\0\x04\x01C\xc0\x0e\
        \xc0\x21\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\0\0\x01\
        \0\0\x29\x04\xd0\x01\0\0\0\0\x06\0\x0f\0\x02\0\x16";

    #[test]
    fn a_compressed_chain_is_written_out_in_full() {
        let message = Message::parse(CHAIN).unwrap();
        let shown: Vec<String> = message.answer.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["a.b. 0 IN CNAME C.b.", "c.b. 60 IN A 10.0.0.1"]);
        assert!(message.authentic() && !message.truncated());
    }

    #[test]
    fn rfc6891_6_1_3_the_rcode_takes_its_upper_bits_from_opt() {
        let message = Message::parse(CHAIN).unwrap();
        assert_eq!(message.rcode, Rcode(16));
        assert_eq!(message.ede.unwrap().code, Ede::NO_REACHABLE_AUTHORITY);
    }

    #[test]
    fn any_prefix_of_a_message_is_refused() {
        for end in 0..CHAIN.len() {
            assert!(Message::parse(&CHAIN[..end]).is_err(), "prefix of {end} octets");
        }
    }

    /// Wraps one record into the reply to `AsKeD.eXample IN type`, whose name stands at 12 and `eXample` at 18.
    fn reply(rtype: Rtype, rdata: &[u8]) -> Vec<u8> {
        let length = u8::try_from(rdata.len()).unwrap();
        let [high, low] = rtype.0.to_be_bytes();
        let header = b"\0\x01\x81\x80\0\x01\0\x01\0\0\0\0";
        let question = [b"\x05AsKeD\x07eXample\0", &[high, low, 0, 1][..]].concat();
        let record = [&[0xc0, 0x0c, high, low, 0, 1, 0, 0, 0, 60, 0, length], rdata].concat();
        [&header[..], &question, &record].concat()
    }

    #[test]
    fn the_random_case_of_the_question_is_in_no_name_of_an_answer() {
        let srv = b"\0\0\0\x64\x01\x85";
        for (rtype, fixed, name, shown) in [
            // A pointer into the question, or a copy of its octets; the case of any other label is the server's.
            (Rtype::SRV, &srv[..], &b"\x03DC1\xc0\x12"[..], "0 100 389 DC1.example."),
            (Rtype::SRV, srv, b"\x03dc1\x07eXample\0", "0 100 389 dc1.example."),
            (Rtype::SRV, srv, b"\xc0\x0c", "0 100 389 asked.example."),
            // A pointer to the owner leads on to the question.
            (Rtype::MX, b"\0\x0a", b"\x02Mx\xc0\x1f", "10 Mx.asked.example."),
            // What a DNAME makes of the question: its first labels, and another suffix.
            (Rtype::CNAME, b"", b"\x05AsKeD\x03New\0", "asked.New."),
            (Rtype::CNAME, b"", b"\x05Asked\x07Example\0", "Asked.Example."),
            (Rtype(65), b"\0\0", b"\x03Svc\xc0\x12", "0 Svc.example."),
            // A signature may cover these octets.
            (Rtype(65), b"\0\0", b"\x03Svc\x07eXample\0", "0 Svc.eXample."),
            (Rtype::TXT, b"\x05AsKeD", b"", "\"AsKeD\""),
            (Rtype(65280), b"\x05AsKeD", b"", r"\# 6 0541734b6544"),
        ] {
            let message = Message::parse(&reply(rtype, &[fixed, name].concat())).unwrap();
            assert_eq!(message.answer[0].to_string(), format!("asked.example. 60 IN {rtype} {shown}"));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(tail in prop::collection::vec(any::<u8>(), 0..200), cut in 0..CHAIN.len()) {
            let _ = Message::parse(&[&CHAIN[..cut], &tail].concat());
        }
    }
}
