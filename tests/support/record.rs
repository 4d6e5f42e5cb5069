//! Records between presentation format and wire format, by the `domain` crate: a decoder that shares no code
//! with the server's own.

use std::fmt;

use domain::base::iana::Class;
use domain::base::name::{Name, ParsedName, ToName};
use domain::base::rdata::{ComposeRecordData, ParseAnyRecordData};
use domain::base::{ParsedRecord, Rtype};
use domain::dep::octseq::Parser;
use domain::rdata::AllRecordData;
use domain::zonefile::inplace::{Entry, Zonefile};

/// One record of class IN with its RDATA uncompressed.
#[derive(Clone)]
pub(crate) struct Rr {
    pub(crate) owner: Name<Vec<u8>>,
    pub(crate) rtype: Rtype,
    pub(crate) ttl: u32,
    pub(crate) rdata: Vec<u8>,
}

impl Rr {
    /// From a line of a zone file with a fully qualified owner.
    pub(crate) fn from_line(line: &str) -> Result<Self, String> {
        let mut records = Self::from_zone(line)?;
        match (records.pop(), records.is_empty()) {
            (Some(record), true) => Ok(record),
            _ => Err(format!("not one record: {line}")),
        }
    }

    /// All records of a zone file.
    pub(crate) fn from_zone(text: &str) -> Result<Vec<Self>, String> {
        let mut zone = Zonefile::new().allow_invalid();
        zone.set_default_class(Class::IN);
        zone.set_origin(Name::root());
        zone.extend_from_slice(text.as_bytes());
        zone.extend_from_slice(b"\n");
        let mut records = Vec::new();
        while let Some(entry) = zone.next_entry().map_err(|error| format!("{error}, in: {text}"))? {
            let Entry::Record(record) = entry else { return Err("$INCLUDE is not for tests".to_owned()) };
            let mut rdata = Vec::new();
            let Ok(()) = record.data().compose_rdata(&mut rdata);
            records.push(Self {
                owner: record.owner().to_name(),
                rtype: record.rtype(),
                ttl: record.ttl().as_secs(),
                rdata,
            });
        }
        Ok(records)
    }

    /// From a message.
    pub(crate) fn from_message(parsed: &ParsedRecord<'_, [u8]>) -> Result<Self, String> {
        let record = parsed
            .to_any_record::<AllRecordData<_, ParsedName<_>>>()
            .map_err(|error| format!("RDATA of type {}: {error}", parsed.rtype()))?;
        let mut rdata = Vec::new();
        let Ok(()) = record.data().compose_rdata(&mut rdata);
        Ok(Self { owner: record.owner().to_name(), rtype: record.rtype(), ttl: record.ttl().as_secs(), rdata })
    }

    /// The RDATA in presentation format.
    pub(crate) fn data(&self) -> String {
        let mut parser = Parser::from_ref(self.rdata.as_slice());
        AllRecordData::<&[u8], ParsedName<&[u8]>>::parse_any_rdata(self.rtype, &mut parser)
            .map_or_else(|_| format!("{:02x?}", self.rdata), |data| data.to_string())
    }

    /// Owner and type: records with the same key are one RRset.
    pub(crate) fn key(&self) -> (String, Rtype) {
        (self.owner.to_string().to_ascii_lowercase(), self.rtype)
    }

    /// True if both are the same record, TTL aside: names in any case, everything else exactly.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let folds = !matches!(self.rtype, Rtype::TXT | Rtype::HINFO);
        self.key() == other.key()
            && (self.rdata == other.rdata || folds && self.data().eq_ignore_ascii_case(&other.data()))
    }
}

impl fmt::Display for Rr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = self.owner.to_string();
        let dot = if owner.ends_with('.') { "" } else { "." };
        write!(f, "{owner}{dot} {} {} {}", self.ttl, self.rtype, self.data())
    }
}

/// The type of this mnemonic, or `TYPE65280`.
pub(crate) fn rtype(mnemonic: &str) -> Rtype {
    mnemonic.parse().unwrap_or_else(|_| panic!("{mnemonic} is no RR type"))
}

/// Lower case, with one final dot.
pub(crate) fn dotted(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.').to_ascii_lowercase())
}
