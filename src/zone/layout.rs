//! The one block of bytes that a zone's names and records lie in, each name right before its RRsets, so that a lookup
//! touches few cache lines.
//!
//! Input: names and their records in order. Output: a number for each name, and the records behind that number. The
//! index does the searching.
//!
//! ```text
//!    name     length 1 | owner name relative to the apex, wire format without the root label, lower case
//!             | RRsets 2 | each of them
//!    or       255 | number of a name that ends in this one 4 | octets of it that are not this one's 1
//!    RRset    type 2 | records 2 | TTL 4 | octets 4 | RDATA of each record behind its length 2
//! ```
//! Numbers are big-endian, as everywhere in DNS.

use std::ops::Range;

use super::row::Row;
use crate::dns::{Name, Record, Rtype, Writer, rdata};

/// Octets of an RRset before its RDATA.
const RRSET_HEAD: usize = 2 + 2 + 4 + 4;

/// In place of a length: the name is the end of another one. A name has 254 octets at most without the root label.
const END_OF_ANOTHER: u8 = u8::MAX;

/// All names of a zone in the order of its file, the apex first.
pub(super) struct Layout(Box<[u8]>);

/// An owner name or empty non-terminal.
#[derive(Clone, Copy)]
pub(super) struct Node<'z> {
    /// Relative to the apex; empty for the apex itself.
    pub(super) name: &'z [u8],
    rrsets: u16,
    /// Its RRsets and all that follows them.
    rest: &'z [u8],
}

/// An RRset inside a zone.
#[derive(Clone, Copy)]
pub struct RRsetRef<'z> {
    rtype: Rtype,
    count: u16,
    ttl: u32,
    rdatas: &'z [u8],
}

/// A layout in the making.
pub(super) struct LayoutWriter {
    bytes: Vec<u8>,
    /// The place in `bytes` of the number of RRsets of the last name.
    count_at: usize,
}

impl Layout {
    /// The name with this number.
    pub(super) fn node(&self, at: u32) -> Node<'_> {
        self.read(at as usize).unwrap_or(Node { name: &[], rrsets: 0, rest: &[] })
    }

    /// The octets that it takes.
    pub(super) fn octets(&self) -> usize {
        self.0.len()
    }

    /// The name with this number, and the number of the one behind it; `None` behind the last one.
    pub(super) fn node_at(&self, at: usize) -> Option<(Node<'_>, usize)> {
        let node = self.read(at)?;
        Some((node, self.0.len() - node.end().len()))
    }

    /// The octets of these names.
    pub(super) fn part(&self, range: Range<usize>) -> &[u8] {
        self.0.get(range).unwrap_or_default()
    }

    /// The same with other octets in place of some, in their order; `None` if it gets too long for numbers. No name may
    /// refer to another one.
    pub(super) fn spliced(&self, parts: &[(Range<usize>, &[u8])]) -> Option<Self> {
        let gone: usize = parts.iter().map(|(old, _)| old.len()).sum();
        let come: usize = parts.iter().map(|(_, new)| new.len()).sum();
        let mut bytes = Vec::with_capacity((self.0.len() + come).checked_sub(gone)?);
        let mut copied = 0;
        for (old, new) in parts {
            bytes.extend_from_slice(self.0.get(copied..old.start)?);
            bytes.extend_from_slice(new);
            copied = old.end;
        }
        bytes.extend_from_slice(self.0.get(copied..)?);
        u32::try_from(bytes.len()).ok()?;
        Some(Self(bytes.into()))
    }

    /// All names.
    pub(super) fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        self.nodes_from(0)
    }

    /// The names from a number on.
    pub(super) fn nodes_from(&self, mut at: usize) -> impl Iterator<Item = Node<'_>> {
        std::iter::from_fn(move || {
            let (node, next) = self.node_at(at)?;
            at = next;
            Some(node)
        })
    }

    fn read(&self, at: usize) -> Option<Node<'_>> {
        let bytes = self.0.get(at..)?;
        if *bytes.first()? != END_OF_ANOTHER {
            return Node::read(bytes);
        }
        let (reference, rest) = bytes.get(1..)?.split_first_chunk()?;
        let [a, b, c, d, skipped] = *reference;
        let other = Node::read(self.0.get(u32::from_be_bytes([a, b, c, d]) as usize..)?)?;
        Some(Node { name: other.name.get(usize::from(skipped)..)?, rrsets: 0, rest })
    }
}

impl<'z> Node<'z> {
    fn read(bytes: &'z [u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first()?;
        let (name, rest) = rest.split_at_checked(usize::from(*length))?;
        let (rrsets, rest) = rest.split_first_chunk()?;
        Some(Self { name, rrsets: u16::from_be_bytes(*rrsets), rest })
    }

    /// Its RRsets, by type.
    pub(super) fn rrsets(&self) -> impl Iterator<Item = RRsetRef<'z>> + use<'z> {
        let mut rest = self.rest;
        (0..self.rrsets).map_while(move |_| {
            let (rrset, tail) = RRsetRef::read(rest)?;
            rest = tail;
            Some(rrset)
        })
    }

    /// Whether it has any record: a name without one exists because others lie below it.
    pub(super) fn has_records(&self) -> bool {
        self.rrsets > 0
    }

    /// The number of its records.
    pub(super) fn record_count(&self) -> usize {
        self.rrsets().map(|rrset| usize::from(rrset.count())).sum()
    }

    /// The octets of its RRsets.
    pub(super) fn octets(&self) -> &'z [u8] {
        &self.rest[..self.rest.len() - self.end().len()]
    }

    /// The octets that follow it.
    fn end(&self) -> &'z [u8] {
        let mut rest = self.rest;
        for _ in 0..self.rrsets {
            rest = RRsetRef::read(rest).map_or(&[], |(_, tail)| tail);
        }
        rest
    }
}

impl<'z> RRsetRef<'z> {
    fn read(bytes: &'z [u8]) -> Option<(Self, &'z [u8])> {
        let (head, rest): (&[u8; RRSET_HEAD], _) = bytes.split_first_chunk()?;
        let [t0, t1, c0, c1, s0, s1, s2, s3, o0, o1, o2, o3] = *head;
        let (rdatas, rest) = rest.split_at_checked(u32::from_be_bytes([o0, o1, o2, o3]) as usize)?;
        let (rtype, count) = (Rtype(u16::from_be_bytes([t0, t1])), u16::from_be_bytes([c0, c1]));
        Some((Self { rtype, count, ttl: u32::from_be_bytes([s0, s1, s2, s3]), rdatas }, rest))
    }

    /// The type.
    pub fn rtype(&self) -> Rtype {
        self.rtype
    }

    /// Seconds.
    pub fn ttl(&self) -> u32 {
        self.ttl
    }

    /// The octets of all RDATA.
    pub fn rdata_len(&self) -> usize {
        self.rdatas.len() - 2 * usize::from(self.count)
    }

    /// The number of records.
    pub fn count(&self) -> u16 {
        self.count
    }

    /// The least octets that its records take in a message, however well their names compress.
    pub fn least_len(&self) -> usize {
        let count = usize::from(self.count);
        if Writer::compresses(self.rtype) {
            return count * Writer::least_len(self.rtype, 0);
        }
        count * Writer::least_len(self.rtype, 0) + self.rdata_len()
    }

    /// RDATA of each record, wire format.
    pub fn rdatas(&self) -> impl Iterator<Item = &'z [u8]> + use<'z> {
        let mut rest = self.rdatas;
        (0..self.count).map_while(move |_| {
            let (length, tail) = rest.split_first_chunk()?;
            let (rdata, tail) = tail.split_at_checked(u16::from_be_bytes(*length).into())?;
            rest = tail;
            Some(rdata)
        })
    }

    /// The RRset as records at `owner`.
    pub fn records<'a>(&self, owner: &'a Name) -> impl Iterator<Item = Record> + use<'a, 'z> {
        let (rtype, ttl) = (self.rtype, self.ttl);
        self.rdatas().map(move |rdata| Record { owner: owner.clone(), rtype, ttl, rdata: rdata.into() })
    }
}

impl std::fmt::Debug for RRsetRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown: Vec<String> = self.rdatas().map(|rdata| rdata::presentation(self.rtype, rdata)).collect();
        write!(f, "{} {} {shown:?}", self.ttl, self.rtype)
    }
}

impl LayoutWriter {
    /// For names and RDATA of this many octets in all.
    pub(super) fn new(names: usize, name_octets: usize, rrsets: usize, rdata_octets: usize) -> Self {
        let octets = names * 3 + name_octets + rrsets * (RRSET_HEAD + 2) + rdata_octets;
        Self { bytes: Vec::with_capacity(octets), count_at: 0 }
    }

    /// Starts a name and gives its number; `None` if the block gets too long for numbers.
    pub(super) fn name(&mut self, relative: &[u8]) -> Option<u32> {
        let at = u32::try_from(self.bytes.len()).ok()?;
        self.bytes.push(u8::try_from(relative.len()).ok().filter(|len| *len != END_OF_ANOTHER)?);
        self.bytes.extend_from_slice(relative);
        self.count_at = self.bytes.len();
        self.bytes.extend_from_slice(&[0, 0]);
        Some(at)
    }

    /// Adds a name without RRsets that is the end of the one with this number, behind `skipped` octets of it; gives its
    /// number.
    pub(super) fn end_of_name(&mut self, other: u32, skipped: u8) -> Option<u32> {
        let at = u32::try_from(self.bytes.len()).ok()?;
        self.bytes.push(END_OF_ANOTHER);
        self.bytes.extend_from_slice(&other.to_be_bytes());
        self.bytes.push(skipped);
        Some(at)
    }

    /// Adds an RRset to the last name: rows of one type, and the RDATA of each.
    pub(super) fn rrset<'a>(&mut self, rows: &[Row], rdata: impl Fn(&Row) -> &'a [u8]) -> Option<()> {
        let rrsets = self.bytes.get_mut(self.count_at..)?.first_chunk_mut()?;
        *rrsets = u16::from_be_bytes(*rrsets).checked_add(1)?.to_be_bytes();
        let octets: usize = rows.iter().map(|row| 2 + rdata(row).len()).sum();
        // RFC 2181 section 5.2: one TTL for the RRset, the lowest if they differ.
        let ttl = rows.iter().map(|row| row.ttl).min()?;
        self.bytes.extend_from_slice(&rows.first()?.rtype.0.to_be_bytes());
        self.bytes.extend_from_slice(&u16::try_from(rows.len()).ok()?.to_be_bytes());
        self.bytes.extend_from_slice(&ttl.to_be_bytes());
        self.bytes.extend_from_slice(&u32::try_from(octets).ok()?.to_be_bytes());
        for row in rows {
            let rdata = rdata(row);
            self.bytes.extend_from_slice(&u16::try_from(rdata.len()).ok()?.to_be_bytes());
            self.bytes.extend_from_slice(rdata);
        }
        Some(())
    }

    /// All that was added.
    pub(super) fn finish(self) -> Layout {
        Layout(self.bytes.into())
    }
}
