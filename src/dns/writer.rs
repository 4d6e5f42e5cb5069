//! The writer for messages, with compressed names.

use super::{Class, Record, ResponseOptions, Rtype};

/// A message section that takes records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The answer section.
    Answer,
    /// The authority section.
    Authority,
    /// The additional section; the OPT record goes there too, last.
    Additional,
}

/// Writes one message up to a limit of octets. A record that does not fit is left out whole.
pub struct Writer {
    out: Vec<u8>,
    limit: usize,
    /// The class of the question, and of every record.
    class: Class,
    /// Names already in the message, lower case, one after another; each suffix is a possible target of a pointer.
    names: Vec<u8>,
    /// The start and end of a suffix in `names`, and its offset in the message.
    suffixes: Vec<(u16, u16, u16)>,
    ttl_offsets: Vec<u16>,
}

/// The message: its header, then the parts in the order in which they are added.
impl Writer {
    /// Starts with the question; `reserve` octets of `limit` stay free for the OPT record.
    pub fn new(limit: usize, reserve: usize) -> Self {
        let mut out = Vec::with_capacity(256);
        out.resize(12, 0);
        Self {
            out,
            limit: limit.saturating_sub(reserve),
            class: Class::IN,
            names: Vec::with_capacity(128),
            suffixes: Vec::with_capacity(16),
            ttl_offsets: Vec::with_capacity(8),
        }
    }

    /// Sets the id and the two octets of flags and RCODE.
    pub fn header(&mut self, id: u16, flags: [u8; 2]) {
        self.out[..2].copy_from_slice(&id.to_be_bytes());
        self.out[2..4].copy_from_slice(&flags);
    }

    /// Adds the question; `qname` is wire format, and its case is kept.
    pub fn question(&mut self, qname: &[u8], qtype: Rtype, qclass: Class) {
        let lower = self.lower(qname);
        self.remember(lower, usize::MAX);
        self.out.extend_from_slice(qname);
        self.put_u16(qtype.0);
        self.put_u16(qclass.0);
        self.class = qclass;
        self.out[5] = 1;
    }

    /// Adds a record with `ttl` in place of its own; `false` and nothing added if it does not fit.
    #[must_use]
    pub fn record(&mut self, section: Section, record: &Record, ttl: u32) -> bool {
        let (start, names, suffixes) = (self.out.len(), self.names.len(), self.suffixes.len());
        self.name(record.owner.as_wire());
        self.put_u16(record.rtype.0);
        self.put_u16(self.class.0);
        let ttl_at = self.out.len();
        self.out.extend_from_slice(&ttl.to_be_bytes());
        let length_at = self.out.len();
        self.put_u16(0);
        self.rdata(record.rtype, &record.rdata);
        let length = u16::try_from(self.out.len() - length_at - 2);
        let (Ok(length), true) = (length, self.out.len() <= self.limit) else {
            self.out.truncate(start);
            self.names.truncate(names);
            self.suffixes.truncate(suffixes);
            return false;
        };
        self.out[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
        self.ttl_offsets.push(u16::try_from(ttl_at).unwrap_or(u16::MAX));
        self.count(section);
        true
    }

    fn count(&mut self, section: Section) {
        count_record(&mut self.out, section);
    }

    /// Removes the records; the question stays.
    pub fn clear_records(&mut self) {
        let end = super::name_end(&self.out, 12).map_or(12, |end| end + 4);
        self.out.truncate(end);
        self.out[6..12].fill(0);
        self.ttl_offsets.clear();
    }

    /// Adds an OPT record: our payload size, the upper RCODE bits, DO, and options.
    pub fn opt(&mut self, payload: u16, extended_rcode: u8, dnssec_ok: bool, options: &ResponseOptions<'_>) {
        options.append_opt(payload, (extended_rcode, dnssec_ok), 0, &mut self.out);
        self.count(Section::Additional);
    }

    /// The offset at which the next record would start.
    pub fn position(&self) -> usize {
        self.out.len()
    }

    /// The finished message and the offsets of its records' TTLs (OPT's not among them).
    pub fn finish(self) -> (Vec<u8>, Vec<u16>) {
        (self.out, self.ttl_offsets)
    }

    fn put_u16(&mut self, number: u16) {
        self.out.extend_from_slice(&number.to_be_bytes());
    }

    /// Whether names in RDATA of a type are compressed; RDATA of any other type is written as it is.
    pub fn compresses(rtype: Rtype) -> bool {
        matches!(rtype, Rtype::CNAME | Rtype::NS | Rtype::PTR | Rtype::MX | Rtype::SOA)
    }

    /// The least octets that a record with `rdata` octets of RDATA takes in a message: its owner may be the root, and
    /// so may each name that is compressed.
    pub fn least_len(rtype: Rtype, rdata: usize) -> usize {
        let rdata = match rtype {
            Rtype::CNAME | Rtype::NS | Rtype::PTR => rdata.min(1),
            Rtype::MX => rdata.min(3),
            Rtype::SOA => rdata.min(22),
            _ => rdata,
        };
        1 + 10 + rdata
    }

    /// Writes RDATA; names in it are compressed only for the types of RFC 1035 (RFC 3597 section 4).
    fn rdata(&mut self, rtype: Rtype, rdata: &[u8]) {
        match rtype {
            Rtype::CNAME | Rtype::NS | Rtype::PTR => self.name(rdata),
            Rtype::MX if rdata.len() > 2 => {
                self.out.extend_from_slice(&rdata[..2]);
                self.name(&rdata[2..]);
            }
            Rtype::SOA => match super::name_end(rdata, 0).and_then(|m| Some((m, super::name_end(rdata, m)?))) {
                Some((mname, rname)) => {
                    self.name(&rdata[..mname]);
                    self.name(&rdata[mname..rname]);
                    self.out.extend_from_slice(&rdata[rname..]);
                }
                None => self.out.extend_from_slice(rdata),
            },
            _ => self.out.extend_from_slice(rdata),
        }
    }

    /// Writes a name that fills `wire`, with a pointer if the message already has it or its tail.
    fn name(&mut self, wire: &[u8]) {
        let lower = self.lower(wire);
        let mut pos = 0;
        while self.names.get(lower + pos).is_some_and(|len| *len != 0) {
            if let Some(offset) = self.find(lower + pos) {
                self.remember(lower, pos);
                self.out.extend_from_slice(&wire[..pos]);
                self.put_u16(0xc000 | offset);
                return;
            }
            pos += usize::from(self.names[lower + pos]) + 1;
        }
        self.remember(lower, usize::MAX);
        self.out.extend_from_slice(wire);
    }

    /// Appends a name to `names` in lower case, and returns its start there.
    fn lower(&mut self, wire: &[u8]) -> usize {
        let start = self.names.len();
        self.names.extend_from_slice(wire);
        self.names[start..].make_ascii_lowercase();
        start
    }

    /// The offset in the message of the name that begins at `at` in `names` and fills the rest.
    fn find(&self, at: usize) -> Option<u16> {
        let suffix = &self.names[at..];
        let known = |(start, end, _): &&(u16, u16, u16)| self.names[usize::from(*start)..usize::from(*end)] == *suffix;
        self.suffixes.iter().find(known).map(|(_, _, offset)| *offset)
    }

    /// Adds the suffixes of the last name in `names` that start before `until`; it begins at `start` there, and will be
    /// written at the end of the message.
    fn remember(&mut self, start: usize, until: usize) {
        // More names than this save little and cost a search each.
        if until == 0 || self.suffixes.len() > 64 {
            self.names.truncate(start);
            return;
        }
        let (end, offset) = (self.names.len(), self.out.len());
        let mut pos = 0;
        while pos < until && self.names.get(start + pos).is_some_and(|len| *len != 0) {
            let fits = |n: usize, max: u16| u16::try_from(n).ok().filter(|n| *n <= max);
            if let (Some(from), Some(to), Some(at)) =
                (fits(start + pos, u16::MAX), fits(end, u16::MAX), fits(offset + pos, 0x3fff))
            {
                self.suffixes.push((from, to, at));
            }
            pos += usize::from(self.names[start + pos]) + 1;
        }
    }
}

/// Counts one more record of a section in a message's header.
pub(super) fn count_record(message: &mut [u8], section: Section) {
    let at = match section {
        Section::Answer => 6,
        Section::Authority => 8,
        Section::Additional => 10,
    };
    let number = u16::from_be_bytes([message[at], message[at + 1]]).saturating_add(1);
    message[at..at + 2].copy_from_slice(&number.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{Ede, Message, Name};

    fn record(owner: &str, rtype: Rtype, rdata: &[u8]) -> Record {
        Record { owner: owner.parse().unwrap(), rtype, ttl: 60, rdata: rdata.into() }
    }

    fn cname(owner: &str, target: &str) -> Record {
        record(owner, Rtype::CNAME, target.parse::<Name>().unwrap().as_wire())
    }

    fn chain() -> (Writer, Vec<Record>) {
        let mut writer = Writer::new(1232, 0);
        writer.header(7, [0x81, 0x80]);
        writer.question(b"\x03WwW\x07example\0", Rtype::A, Class::IN);
        let records = vec![
            cname("www.example", "acct.blob.example"),
            cname("acct.blob.example", "acct.privatelink.blob.example"),
            record("acct.privatelink.blob.example", Rtype::A, &[10, 0, 0, 1]),
        ];
        (writer, records)
    }

    #[test]
    fn a_written_message_reads_back_the_same_and_names_are_compressed() {
        let (mut writer, records) = chain();
        for record in &records {
            assert!(writer.record(Section::Answer, record, record.ttl));
        }
        let (bytes, ttls) = writer.finish();
        assert_eq!(Message::parse(&bytes).unwrap().answer, records);
        assert_eq!(&bytes[12..16], b"\x03WwW", "the question keeps the client's case");
        assert_eq!(bytes[29..31], [0xc0, 12], "the first owner points at the question");
        assert!(bytes.len() < 110, "{} octets", bytes.len());
        for at in ttls {
            assert_eq!(bytes[usize::from(at)..usize::from(at) + 4], 60_u32.to_be_bytes());
        }
    }

    #[test]
    fn an_independent_decoder_reads_the_same() {
        let (mut writer, records) = chain();
        for record in &records {
            assert!(writer.record(Section::Answer, record, record.ttl));
        }
        let ede = Ede::new(Ede::PROHIBITED, "no");
        writer.opt(1232, 0, true, &ResponseOptions { ede: Some(&ede), ..ResponseOptions::default() });
        let decoded = hickory_proto::op::Message::from_vec(&writer.finish().0).unwrap();
        let shown: Vec<String> = decoded.answers.iter().map(ToString::to_string).collect();
        assert_eq!(shown[0], "WwW.example. 60 IN CNAME acct.blob.example.");
        assert_eq!(shown[2], "acct.privatelink.blob.example. 60 IN A 10.0.0.1");
        assert!(decoded.edns.is_some());
    }

    #[test]
    fn a_record_over_the_limit_leaves_no_trace() {
        let mut writer = Writer::new(60, 0);
        writer.question(b"\x01a\0", Rtype::TXT, Class::IN);
        assert!(!writer.record(Section::Answer, &record("b.c.d", Rtype::TXT, &[0; 60]), 1));
        assert!(writer.record(Section::Answer, &record("b.c.d", Rtype::TXT, &[0; 3]), 1));
        let (bytes, _) = writer.finish();
        assert_eq!(Message::parse(&bytes).unwrap().answer.len(), 1);
    }
}
