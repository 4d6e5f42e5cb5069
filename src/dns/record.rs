//! Records and RRsets.

use std::fmt;
use std::sync::Arc;

use super::rdata;
use super::{Name, Rtype};

/// One resource record of class IN; `rdata` is uncompressed wire format.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// The name that the record is at.
    pub owner: Name,
    /// Its type.
    pub rtype: Rtype,
    /// Seconds.
    pub ttl: u32,
    /// The RDATA in wire format, names in it uncompressed and in the received case. Clones share it, like the owner.
    /// In a message it may be malformed ([`Record::is_malformed`]).
    pub rdata: Arc<[u8]>,
}

impl Record {
    /// The type that an RRSIG covers (RFC 4034 section 3.1); `None` for any other record.
    pub fn covered_type(&self) -> Option<Rtype> {
        let covered = self.rdata.first_chunk::<2>().filter(|_| self.rtype == Rtype::RRSIG)?;
        Some(Rtype(u16::from_be_bytes(*covered)))
    }

    /// Whether the RDATA has not the form of the type. Such a record is for nobody else to see.
    pub fn is_malformed(&self) -> bool {
        !rdata::has_form(self.rtype, &self.rdata)
    }

    /// The target of a CNAME; `None` for any other type.
    pub fn cname_target(&self) -> Option<Name> {
        if self.rtype != Rtype::CNAME {
            return None;
        }
        Name::from_wire(&self.rdata)
    }
}

impl fmt::Display for Record {
    /// Presentation format, one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} IN {} {}", self.owner, self.ttl, self.rtype, rdata::presentation(self.rtype, &self.rdata))
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// All records of one type at one owner: one TTL, RDATA in a stable order (RFC 2181 section 5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RRset {
    /// The type of every record in it.
    pub rtype: Rtype,
    /// Seconds.
    pub ttl: u32,
    /// RDATA in wire format, sorted, without duplicates.
    pub rdatas: Vec<Box<[u8]>>,
}

impl RRset {
    /// The RRset as records at `owner`.
    pub fn records<'a>(&'a self, owner: &'a Name) -> impl Iterator<Item = Record> + 'a {
        self.rdatas.iter().map(|rdata| Record {
            owner: owner.clone(),
            rtype: self.rtype,
            ttl: self.ttl,
            rdata: rdata.as_ref().into(),
        })
    }
}
