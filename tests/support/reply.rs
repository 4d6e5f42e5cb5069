//! A reply, read by the `domain` crate and, as a second opinion on its form, by hickory-proto.

use std::fmt;

use domain::base::iana::OptionCode;
use domain::base::wire::ParseError;
use domain::base::{Message, RecordSection, Rtype, UnknownRecordData};

use super::record::Rr;

/// The contents of the OPT record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opt {
    pub(crate) payload: u16,
    pub(crate) version: u8,
    pub(crate) dnssec_ok: bool,
    /// The flag bits other than DO.
    pub(crate) mbz: u16,
    pub(crate) options: Vec<u16>,
    /// Code and data of each.
    pub(crate) raw: Vec<(u16, Vec<u8>)>,
    pub(crate) ede: Vec<(u16, String)>,
}

/// A reply in a form that tests can compare.
#[derive(Clone)]
pub(crate) struct Reply {
    pub(crate) bytes: Vec<u8>,
    pub(crate) opcode: u8,
    /// `qr aa tc rd ra ad cd`, those that are set, and `z` for the reserved bit.
    pub(crate) flags: String,
    pub(crate) rcode: String,
    pub(crate) answer: Vec<Rr>,
    pub(crate) authority: Vec<Rr>,
    pub(crate) additional: Vec<Rr>,
    pub(crate) opt: Option<Opt>,
}

impl Reply {
    /// Reads a reply; says what is wrong with its form if two decoders do not both accept it.
    pub(crate) fn read(bytes: Vec<u8>) -> Result<Self, String> {
        hickory_proto::op::Message::from_vec(&bytes).map_err(|error| format!("hickory cannot read it: {error}"))?;
        let message = Message::from_slice(&bytes).map_err(|error| error.to_string())?;
        let opt = read_opt(message);
        let rcode = message.opt_rcode().to_string();
        let section =
            |found: Result<RecordSection<'_, [u8]>, ParseError>| found.map_err(|e| e.to_string()).and_then(read);
        Ok(Self {
            opcode: bytes[2] >> 3 & 0xf,
            flags: flags([bytes[2], bytes[3]]),
            rcode,
            answer: section(message.answer())?,
            authority: section(message.authority())?,
            additional: section(message.additional())?,
            opt,
            bytes,
        })
    }

    /// True if TC is set.
    pub(crate) fn truncated(&self) -> bool {
        self.flags.split(' ').any(|flag| flag == "tc")
    }

    /// The addresses in the answer section, in order.
    pub(crate) fn addresses(&self) -> Vec<String> {
        self.answer.iter().filter(|rr| matches!(rr.rtype.to_int(), 1 | 28)).map(Rr::data).collect()
    }

    /// The text of the first Extended DNS Error; empty without one.
    pub(crate) fn ede_text(&self) -> &str {
        self.opt.as_ref().and_then(|opt| opt.ede.first()).map_or("", |(_, text)| text)
    }

    /// The data of the first option with this code.
    pub(crate) fn option(&self, code: u16) -> Option<&[u8]> {
        let found = self.opt.as_ref()?.raw.iter().find(|(known, _)| *known == code)?;
        Some(&found.1)
    }

    /// The code of the first Extended DNS Error.
    pub(crate) fn ede(&self) -> Option<u16> {
        self.opt.as_ref()?.ede.first().map(|(code, _)| *code)
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "rcode {}\nflags {}", self.rcode, self.flags)?;
        for (section, records) in
            [("answer", &self.answer), ("authority", &self.authority), ("additional", &self.additional)]
        {
            for record in records {
                writeln!(f, "{section} {record}")?;
            }
        }
        for (code, text) in self.opt.iter().flat_map(|opt| &opt.ede) {
            writeln!(f, "ede {code} ; {text}")?;
        }
        Ok(())
    }
}

/// The records of a section, OPT left out.
fn read(section: RecordSection<'_, [u8]>) -> Result<Vec<Rr>, String> {
    let mut records = Vec::new();
    for parsed in section {
        let parsed = parsed.map_err(|error| error.to_string())?;
        if parsed.rtype() != Rtype::OPT {
            records.push(Rr::from_message(&parsed)?);
        }
    }
    Ok(records)
}

/// The OPT record: its class is the payload size, its TTL the version and the flags (RFC 6891 section 6.1.3).
fn read_opt(message: &Message<[u8]>) -> Option<Opt> {
    let found = message.additional().ok()?.flatten().find(|record| record.rtype() == Rtype::OPT)?;
    let record = found.to_record::<UnknownRecordData<&[u8]>>().ok()??;
    let [_, version, high, low] = record.ttl().as_secs().to_be_bytes();
    let options = raw_options(record.data().data());
    let ede = options.iter().filter(|(code, data)| *code == OptionCode::EXTENDED_ERROR.to_int() && data.len() >= 2);
    Some(Opt {
        payload: record.class().to_int(),
        version,
        dnssec_ok: high & 0x80 != 0,
        mbz: u16::from_be_bytes([high & 0x7f, low]),
        ede: ede
            .map(|(_, data)| (u16::from_be_bytes([data[0], data[1]]), String::from_utf8_lossy(&data[2..]).into_owned()))
            .collect(),
        options: options.iter().map(|(code, _)| *code).collect(),
        raw: options.into_iter().map(|(code, data)| (code, data.to_vec())).collect(),
    })
}

fn raw_options(mut rest: &[u8]) -> Vec<(u16, &[u8])> {
    let mut options = Vec::new();
    while let [a, b, c, d, tail @ ..] = rest {
        let (data, tail) = tail.split_at(usize::from(u16::from_be_bytes([*c, *d])).min(tail.len()));
        options.push((u16::from_be_bytes([*a, *b]), data));
        rest = tail;
    }
    options
}

fn flags([high, low]: [u8; 2]) -> String {
    let names = [
        (high & 0x80, "qr"),
        (high & 0x04, "aa"),
        (high & 0x02, "tc"),
        (high & 0x01, "rd"),
        (low & 0x80, "ra"),
        (low & 0x40, "z"),
        (low & 0x20, "ad"),
        (low & 0x10, "cd"),
    ];
    names.into_iter().filter(|(bit, _)| *bit != 0).map(|(_, name)| name).collect::<Vec<_>>().join(" ")
}
