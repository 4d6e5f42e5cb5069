//! The records of a zone while it is being built: each name is stored once, and records refer to names by number.
//!
//! Input: owners and records in any order. Output: the records of a name, and the [`Layout`] of all. The records are
//! judged elsewhere, in `check`.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::layout::{Layout, LayoutWriter};
use super::row::{RdataEntry, Row, parent};
use super::text::Parsed;
use crate::dns::{Name, rdata};

/// Names that a zone may have because others lie below them (RFC 4592 section 2.2.2). A million hosts all over
/// `ip6.arpa`, with 34 labels each, have 27 million; a line of 127 labels has 126, and each costs some 30 octets.
pub(super) const MAX_ANCESTORS: usize = 32_000_000;

/// The place of a name: one with no line of its own lies in the octets of the name below it that made it.
#[derive(Clone, Copy)]
struct NamePlace {
    name: u32,
    name_len: u8,
}

/// Names and records.
pub(super) struct RecordTable {
    pub(super) apex: Name,
    names: Vec<u8>,
    nodes: Vec<NamePlace>,
    index: HashTable<u32>,
    hasher: RandomState,
    /// The records; sorted by owner and type once [`RecordTable::sort`] has been called.
    pub(super) rows: Vec<Row>,
    bytes: Vec<u8>,
    /// Names that are there because others lie below them.
    pub(super) ancestors: usize,
    /// True if there would be more of those than there may be.
    pub(super) lacks_ancestors: bool,
}

/// The parts of a zone: its layout, and the place of each name in it, by the hash of the name.
pub(super) struct Indexed {
    pub(super) apex: Name,
    pub(super) index: HashTable<u32>,
    pub(super) hasher: RandomState,
    pub(super) layout: Layout,
}

impl RecordTable {
    /// For a zone whose text has this many octets; it holds the apex.
    pub(super) fn new(apex: &Name, text_len: usize) -> Self {
        // A line of ours has about 25 octets.
        let expected = text_len / 25;
        let mut table = Self {
            apex: apex.clone(),
            names: Vec::with_capacity(expected * 12),
            nodes: Vec::with_capacity(expected),
            index: HashTable::with_capacity(expected),
            hasher: RandomState::default(),
            rows: Vec::with_capacity(expected),
            bytes: Vec::with_capacity(expected * 4),
            ancestors: 0,
            lacks_ancestors: false,
        };
        table.intern(&[]);
        table
    }

    /// Adds a record at a relative name.
    pub(super) fn add(&mut self, relative: &[u8], parsed: &Parsed<'_>) {
        let node = self.intern(relative);
        let at = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(parsed.rdata);
        let len = u16::try_from(parsed.rdata.len()).unwrap_or(u16::MAX);
        let (rtype, ttl, line) = (parsed.rtype, parsed.ttl, parsed.line);
        self.rows.push(Row { node, rtype, ttl, line, rdata: RdataEntry { at, len } });
    }

    /// The octets of all names and RDATA.
    pub(super) fn octets(&self) -> usize {
        self.names.len() + self.bytes.len()
    }

    fn find(&self, hash: u64, relative: &[u8]) -> Option<u32> {
        self.index.find(hash, |number| self.relative(*number) == relative).copied()
    }

    /// The node of a name, and nodes for the empty non-terminals above it (RFC 4592 section 2.2.2), which lie in its
    /// octets.
    fn intern(&mut self, relative: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(relative);
        if let Some(number) = self.find(hash, relative) {
            return number;
        }
        let end = self.names.len() + relative.len();
        self.names.extend_from_slice(relative);
        let number = self.push_node(hash, end, relative.len());
        let mut rest = parent(relative);
        while !rest.is_empty() {
            let hash = self.hasher.hash_one(rest);
            if self.find(hash, rest).is_some() {
                break;
            }
            if self.ancestors == MAX_ANCESTORS {
                self.lacks_ancestors = true;
                break;
            }
            self.ancestors += 1;
            self.push_node(hash, end, rest.len());
            rest = parent(rest);
        }
        number
    }

    /// Adds a name of this many octets that end there.
    fn push_node(&mut self, hash: u64, end: usize, len: usize) -> u32 {
        let number = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let name = u32::try_from(end - len).unwrap_or(u32::MAX);
        self.nodes.push(NamePlace { name, name_len: u8::try_from(len).unwrap_or(u8::MAX) });
        let (names, nodes, hasher) = (&self.names, &self.nodes, &self.hasher);
        self.index.insert_unique(hash, number, |other| hasher.hash_one(slice(names, nodes[*other as usize])));
        number
    }

    /// The records of a relative name in lower case, once they are sorted.
    pub(super) fn rows_at(&self, relative: &[u8]) -> &[Row] {
        let Some(number) = self.find(self.hasher.hash_one(relative), relative) else { return &[] };
        let start = self.rows.partition_point(|row| row.node < number);
        let end = self.rows.partition_point(|row| row.node <= number);
        &self.rows[start..end]
    }

    /// The name of a node.
    pub(super) fn relative(&self, number: u32) -> &[u8] {
        slice(&self.names, self.nodes[number as usize])
    }

    /// The RDATA of a record.
    pub(super) fn rdata(&self, row: &Row) -> &[u8] {
        let at = row.rdata.at as usize;
        &self.bytes[at..at + usize::from(row.rdata.len)]
    }

    /// True if each name has one label, and its records follow one another. Before they are sorted, this says that they
    /// lie in the order of the file.
    pub(super) fn is_flat(&self) -> bool {
        self.names_below().all(|name| parent(name).is_empty()) && self.rows.is_sorted_by_key(|row| row.node)
    }

    /// The names besides the apex, in the order of the file.
    pub(super) fn names_below(&self) -> impl Iterator<Item = &[u8]> {
        self.nodes.iter().skip(1).map(|node| slice(&self.names, *node))
    }

    /// True if any name is a wildcard.
    pub(super) fn has_wildcards(&self) -> bool {
        self.nodes.iter().any(|node| slice(&self.names, *node).starts_with(b"\x01*"))
    }

    /// Brings the records of one RRset together, its RDATA in a stable order, and drops duplicates, each of which is
    /// handed over with the one that stays.
    pub(super) fn sort(&mut self, mut duplicate: impl FnMut(&Row, &Row)) {
        let mut rows = std::mem::take(&mut self.rows);
        let key = |row: &Row| (row.node, row.rtype);
        if !rows.is_sorted_by(|a, b| key(a) < key(b)) {
            // Names that differ in case only are to be neighbours.
            let order = |row: &Row| self.rdata(row).iter().map(u8::to_ascii_lowercase);
            rows.sort_by(|a, b| {
                let by_rdata = || order(a).cmp(order(b)).then_with(|| self.rdata(a).cmp(self.rdata(b)));
                key(a).cmp(&key(b)).then_with(by_rdata)
            });
            rows.dedup_by(|b, a| {
                let same = key(a) == key(b) && rdata::is_same(a.rtype, self.rdata(a), self.rdata(b));
                if same {
                    duplicate(a, b);
                }
                same
            });
        }
        self.rows = rows;
    }

    /// Writes everything down in its final order. `None` if it is too much.
    pub(super) fn index(mut self) -> Option<Indexed> {
        let layout = self.build_layout()?;
        Some(Indexed { apex: self.apex, index: self.index, hasher: self.hasher, layout })
    }

    /// Lays names and records out, and has the index say where each name went. `None` if it is too much.
    fn build_layout(&mut self) -> Option<Layout> {
        let octets = self.rows.iter().map(|row| usize::from(row.rdata.len)).sum();
        let mut writer = LayoutWriter::new(self.nodes.len(), self.names.len(), self.rows.len(), octets);
        let mut places = Vec::with_capacity(self.nodes.len());
        let mut rest = self.rows.as_slice();
        // The name whose octets the next ones may lie in, and where it went.
        let (mut holder, mut place) = (NamePlace { name: 0, name_len: 0 }, 0);
        for (number, node) in self.nodes.iter().enumerate() {
            let (own, tail) = rest.split_at(rest.iter().take_while(|row| row.node as usize == number).count());
            rest = tail;
            let inside = holder.name + u32::from(holder.name_len);
            if node.name < inside && own.is_empty() {
                places.push(writer.end_of_name(place, u8::try_from(node.name - holder.name).ok()?)?);
                continue;
            }
            places.push(writer.name(slice(&self.names, *node))?);
            if node.name >= inside {
                (holder, place) = (*node, *places.last()?);
            }
            for rows in own.chunk_by(|a, b| a.rtype == b.rtype) {
                writer.rrset(rows, |row| self.rdata(row))?;
            }
        }
        self.index.iter_mut().for_each(|number| *number = places[*number as usize]);
        Some(writer.finish())
    }
}

fn slice(names: &[u8], node: NamePlace) -> &[u8] {
    let at = node.name as usize;
    &names[at..at + usize::from(node.name_len)]
}
