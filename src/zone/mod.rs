//! Floor 1: zones as immutable values, and how they come off the disk.
//!
//! In: zone files (RFC 1035). Out: a [`ZoneSet`] that answers which zone a name is in and, through
//! [`Zone::lookup`], what that zone says about it. Only [`store`] touches the disk; nothing here knows who asks.

mod aliases;
mod build;
mod check;
mod lookup;
mod negative;
mod set;
pub mod store;
pub mod text;

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

pub use aliases::Aliases;
pub use check::{Finding, Severity};
pub use lookup::Outcome;
pub use negative::Negative;
pub use set::{Hosted, OnMiss, ZoneSet};

use crate::dns::{Name, Record, Rtype, Serial, rdata};

/// One zone, immutable and indexed. Names are kept once, relative to the apex, each right before its RDATA, in one block
/// of bytes: what an answer needs lies in few cache lines. The index is a hash table of numbers. A million addresses take
/// about 50 MB.
pub struct Zone {
    apex: Name,
    /// Whether our header stands on top of the file: sync wrote it and may write it again.
    managed: bool,
    aliases: Aliases,
    nodes: Box<[Node]>,
    index: HashTable<u32>,
    hasher: RandomState,
    rrsets: Box<[RRsetEntry]>,
    /// For each node its owner name relative to the apex, wire format without the root label, lower case; then the RDATA
    /// of its RRsets, each behind two octets of length.
    bytes: Box<[u8]>,
    records: usize,
    /// Whether any name below the apex has NS records, or any a DNAME: only then does a lookup mind what is above a name.
    has_exits: bool,
    has_wildcards: bool,
    soa: u32,
    negative: Option<Negative>,
}

/// An owner name or empty non-terminal.
#[derive(Clone, Copy)]
struct Node {
    name: u32,
    name_len: u8,
    rrset_count: u8,
    first_rrset: u32,
}

#[derive(Clone, Copy)]
struct RRsetEntry {
    rtype: Rtype,
    count: u16,
    ttl: u32,
    /// Where its RDATA begins.
    at: u32,
}

/// An RRset inside a zone.
#[derive(Clone, Copy)]
pub struct RRsetRef<'z> {
    zone: &'z Zone,
    entry: &'z RRsetEntry,
}

impl Zone {
    /// The apex.
    pub fn apex(&self) -> &Name {
        &self.apex
    }

    /// Whether sync wrote the file.
    pub fn is_managed(&self) -> bool {
        self.managed
    }

    /// Further public names of its records; only a file that sync wrote has any.
    pub fn aliases(&self) -> &Aliases {
        &self.aliases
    }

    /// How many records there are.
    pub fn record_count(&self) -> usize {
        self.records
    }

    /// The SOA RRset.
    pub fn soa(&self) -> RRsetRef<'_> {
        RRsetRef { zone: self, entry: &self.rrsets[self.soa as usize] }
    }

    /// The serial.
    pub fn serial(&self) -> Serial {
        let numbers = self.soa().rdatas().next().and_then(rdata::soa_numbers);
        numbers.map_or(Serial(0), |numbers| numbers.serial)
    }

    /// The SOA as the record that makes a negative answer: its TTL is the lesser of its own and MINIMUM
    /// (RFC 2308 section 3), seconds.
    pub fn negative_soa(&self) -> Option<Record> {
        let mut record = self.soa().records(&self.apex).next()?;
        let minimum = rdata::soa_numbers(&record.rdata)?.minimum;
        record.ttl = record.ttl.min(minimum);
        Some(record)
    }

    /// The same in bytes, for answers that are put together without a [`crate::dns::Writer`].
    pub fn negative(&self) -> Option<&Negative> {
        self.negative.as_ref()
    }

    /// Every RRset in the order of the file, with its owner relative to the apex: labels in wire format and lower case, none for
    /// the apex itself.
    pub fn rrsets(&self) -> impl Iterator<Item = (&[u8], RRsetRef<'_>)> {
        self.nodes.iter().flat_map(move |node| {
            let owner = self.relative(node);
            self.rrsets_of(node).map(move |entry| (owner, RRsetRef { zone: self, entry }))
        })
    }

    fn rrsets_of(&self, node: &Node) -> impl Iterator<Item = &RRsetEntry> {
        let first = node.first_rrset as usize;
        self.rrsets[first..first + usize::from(node.rrset_count)].iter()
    }

    fn relative(&self, node: &Node) -> &[u8] {
        let at = node.name as usize;
        &self.bytes[at..at + usize::from(node.name_len)]
    }

    fn full_name(&self, node: &Node) -> Name {
        let wire = [self.relative(node), self.apex.as_wire()].concat();
        Name::from_wire(&wire).unwrap_or_else(|| self.apex.clone())
    }

    /// The node of a relative name in lower case; the empty slice is the apex.
    fn node(&self, relative: &[u8]) -> Option<&Node> {
        let hash = self.hasher.hash_one(relative);
        let found = self.index.find(hash, |number| self.relative(&self.nodes[*number as usize]) == relative)?;
        Some(&self.nodes[*found as usize])
    }
}

impl<'z> RRsetRef<'z> {
    /// The type.
    pub fn rtype(&self) -> Rtype {
        self.entry.rtype
    }

    /// Seconds.
    pub fn ttl(&self) -> u32 {
        self.entry.ttl
    }

    /// RDATA of each record, wire format.
    pub fn rdatas(&self) -> impl Iterator<Item = &'z [u8]> + use<'z> {
        let mut rest = &self.zone.bytes[self.entry.at as usize..];
        (0..self.entry.count).map_while(move |_| {
            let (length, tail) = rest.split_first_chunk()?;
            let (rdata, tail) = tail.split_at_checked(u16::from_be_bytes(*length).into())?;
            rest = tail;
            Some(rdata)
        })
    }

    /// The RRset as records at `owner`.
    pub fn records<'a>(&self, owner: &'a Name) -> impl Iterator<Item = Record> + use<'a, 'z> {
        let (rtype, ttl) = (self.rtype(), self.ttl());
        self.rdatas().map(move |rdata| Record { owner: owner.clone(), rtype, ttl, rdata: rdata.into() })
    }
}

impl std::fmt::Debug for RRsetRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown: Vec<String> = self.rdatas().map(|rdata| rdata::presentation(self.rtype(), rdata)).collect();
        write!(f, "{} {} {shown:?}", self.ttl(), self.rtype())
    }
}

impl std::fmt::Debug for Zone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Zone({} serial {}, {} records)", self.apex, self.serial(), self.record_count())
    }
}
