//! Building a [`Zone`]: records in, in any order; the immutable, indexed zone out, with all findings.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::check::{self, FileDiagnostics};
use super::layout::{Layout, LayoutWriter};
use super::text::{self, Parsed};
use super::{Aliases, NegativeSoa, Zone};
use crate::diag::{Diagnostics, Id};
use crate::dns::{Name, Rtype, rdata};

/// Names that a zone may have because others lie below them (RFC 4592 section 2.2.2). A million hosts all over `ip6.arpa`, with 34
/// labels each, have 27 million; a line of 127 labels has 126, and each costs some 30 octets.
const MAX_ANCESTORS: usize = 32_000_000;

/// Octets that owners and RDATA may take in all: numbers of 32 bits are to lead to any of them. A short `$ORIGIN` makes long
/// names of short lines.
const MAX_OCTETS: usize = 1 << 30;

/// One record while the zone is being built.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) node: u32,
    pub(super) rtype: Rtype,
    pub(super) ttl: u32,
    pub(super) line: u32,
    rdata: RdataEntry,
}

/// Where a name lies while the zone is being built: one with no line of its own in the octets of the name below it that
/// made it.
#[derive(Clone, Copy)]
struct Node {
    name: u32,
    name_len: u8,
}

/// Where the RDATA of a record lies while the zone is being built.
#[derive(Clone, Copy)]
struct RdataEntry {
    at: u32,
    len: u16,
}

impl Row {
    pub(super) fn rdata_len(&self) -> u16 {
        self.rdata.len
    }
}

pub(super) struct ZoneBuilder {
    pub(super) apex: Name,
    names: Vec<u8>,
    nodes: Vec<Node>,
    index: HashTable<u32>,
    hasher: RandomState,
    pub(super) rows: Vec<Row>,
    bytes: Vec<u8>,
    ancestors: usize,
    /// Whether a bound was met: the rest of the file is not looked at.
    is_full: bool,
    pub(super) findings: FileDiagnostics,
}

impl Zone {
    /// Parses and checks the text of a zone that is in no file. Without an error among the findings there is a zone.
    pub fn from_text(apex: &Name, text: &[u8]) -> (Option<Self>, Diagnostics) {
        Self::from_file(apex, &format!("{}.zone", apex.without_dot()), text)
    }

    /// Parses and checks the text of a zone file; `file` is how messages show it.
    pub fn from_file(apex: &Name, file: &str, text: &[u8]) -> (Option<Self>, Diagnostics) {
        let mut builder = ZoneBuilder::new(apex, file, text.len());
        let errors = text::parse(text, apex, |parsed| builder.add(parsed));
        let syntax = !errors.is_empty();
        builder.findings.syntax(errors);
        let managed = text::is_managed(text);
        let (mut zone, findings) = builder.finish(managed, syntax);
        if let Some(zone) = zone.as_mut().filter(|_| managed) {
            zone.aliases = Aliases::read(text);
        }
        (zone, findings)
    }
}

impl ZoneBuilder {
    fn new(apex: &Name, file: &str, text_len: usize) -> Self {
        // A line of ours has about 25 octets.
        let expected = text_len / 25;
        let mut builder = Self {
            apex: apex.clone(),
            names: Vec::with_capacity(expected * 12),
            nodes: Vec::with_capacity(expected),
            index: HashTable::with_capacity(expected),
            hasher: RandomState::default(),
            rows: Vec::with_capacity(expected),
            bytes: Vec::with_capacity(expected * 4),
            ancestors: 0,
            is_full: false,
            findings: FileDiagnostics::new(file),
        };
        builder.intern(&[], 0);
        builder
    }

    fn add(&mut self, parsed: Parsed<'_>) {
        if self.is_full {
            return;
        }
        let Some(relative) = relative_to(parsed.owner, self.apex.as_wire()) else {
            self.findings.error(parsed.line, Id::ZONE_OUT_OF_ZONE, || {
                let owner = Name::from_wire(parsed.owner).unwrap_or_else(Name::root);
                format!("'{owner}' is not in this zone; move it to its own zone's file, or mend $ORIGIN or a missing final dot")
            });
            return;
        };
        if let Some(reason) = check::unsupported(parsed.rtype) {
            return self.findings.error(parsed.line, Id::ZONE_UNSUPPORTED_TYPE, || reason);
        }
        let node = self.intern(relative, parsed.line);
        let at = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(parsed.rdata);
        let len = u16::try_from(parsed.rdata.len()).unwrap_or(u16::MAX);
        let (rtype, ttl, line) = (parsed.rtype, parsed.ttl, parsed.line);
        self.rows.push(Row { node, rtype, ttl, line, rdata: RdataEntry { at, len } });
        if self.names.len() + self.bytes.len() > MAX_OCTETS {
            self.full(line, || format!("up to here names and RDATA take over {} MB", MAX_OCTETS >> 20));
        }
    }

    fn full(&mut self, line: u32, text: impl FnOnce() -> String) {
        self.is_full = true;
        self.findings
            .error(line, Id::ZONE_TOO_LARGE, || text() + ", more than a zone may: split it, and delegate the parts");
    }

    /// The node of a name, and nodes for the empty non-terminals above it (RFC 4592 section 2.2.2), which lie in its octets.
    fn intern(&mut self, relative: &[u8], line: u32) -> u32 {
        let hash = self.hasher.hash_one(relative);
        if let Some(number) = self.index.find(hash, |number| self.relative(*number) == relative) {
            return *number;
        }
        let end = self.names.len() + relative.len();
        self.names.extend_from_slice(relative);
        let number = self.push_node(hash, end, relative.len());
        let mut rest = parent(relative);
        while !rest.is_empty() {
            let hash = self.hasher.hash_one(rest);
            if self.index.find(hash, |number| self.relative(*number) == rest).is_some() {
                break;
            }
            if self.ancestors == MAX_ANCESTORS {
                self.full(line, || {
                    format!("up to here there are over {MAX_ANCESTORS} names with nothing but others below them")
                });
                break;
            }
            self.ancestors += 1;
            self.push_node(hash, end, rest.len());
            rest = parent(rest);
        }
        number
    }

    /// Adds a name of so many octets that end there.
    fn push_node(&mut self, hash: u64, end: usize, len: usize) -> u32 {
        let number = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let name = u32::try_from(end - len).unwrap_or(u32::MAX);
        self.nodes.push(Node { name, name_len: u8::try_from(len).unwrap_or(u8::MAX) });
        let (names, nodes, hasher) = (&self.names, &self.nodes, &self.hasher);
        self.index.insert_unique(hash, number, |other| hasher.hash_one(slice(names, nodes[*other as usize])));
        number
    }

    /// The records of a relative name in lower case, once they are sorted.
    pub(super) fn rows_at(&self, relative: &[u8]) -> &[Row] {
        let hash = self.hasher.hash_one(relative);
        let Some(number) = self.index.find(hash, |number| self.relative(*number) == relative) else { return &[] };
        let start = self.rows.partition_point(|row| row.node < *number);
        let end = self.rows.partition_point(|row| row.node <= *number);
        &self.rows[start..end]
    }

    pub(super) fn relative(&self, number: u32) -> &[u8] {
        slice(&self.names, self.nodes[number as usize])
    }

    pub(super) fn rdata(&self, row: &Row) -> &[u8] {
        let at = row.rdata.at as usize;
        &self.bytes[at..at + usize::from(row.rdata.len)]
    }

    fn finish(mut self, managed: bool, syntax_errors: bool) -> (Option<Zone>, Diagnostics) {
        self.sort_rows();
        check::review(&mut self);
        let mut findings = std::mem::replace(&mut self.findings, FileDiagnostics::new(""));
        if syntax_errors {
            findings.keep_lines();
        }
        if findings.has_errors() {
            return (None, findings.finish());
        }
        let zone = self.into_zone(managed);
        if zone.is_none() {
            let text = || "the zone is too large: split it, and delegate the parts".to_owned();
            findings.error(None, Id::ZONE_TOO_LARGE, text);
        }
        (zone, findings.finish())
    }

    /// Brings the records of one RRset together, its RDATA in a stable order, and drops duplicates.
    fn sort_rows(&mut self) {
        let mut rows = std::mem::take(&mut self.rows);
        let key = |row: &Row| (row.node, row.rtype);
        if !rows.is_sorted_by(|a, b| key(a) < key(b)) {
            // Names that differ in case only are to be neighbours.
            let order = |row: &Row| self.rdata(row).iter().map(u8::to_ascii_lowercase);
            rows.sort_by(|a, b| {
                let by_rdata = || order(a).cmp(order(b)).then_with(|| self.rdata(a).cmp(self.rdata(b)));
                key(a).cmp(&key(b)).then_with(by_rdata)
            });
            let mut findings = std::mem::replace(&mut self.findings, FileDiagnostics::new(""));
            rows.dedup_by(|b, a| {
                let same = key(a) == key(b) && rdata::is_same(a.rtype, self.rdata(a), self.rdata(b));
                if same {
                    let first = a.line.min(b.line);
                    let text = || format!("the record of line {first} again");
                    findings.warning(a.line.max(b.line), Id::ZONE_DUPLICATE, text);
                }
                same
            });
            self.findings = findings;
        }
        self.rows = rows;
    }

    fn into_zone(mut self, managed: bool) -> Option<Zone> {
        let is_cut = |row: &Row| row.rtype == Rtype::DNAME || row.rtype == Rtype::NS && row.node != 0;
        let has_cuts = self.rows.iter().any(is_cut);
        let has_wildcards = self.nodes.iter().any(|node| slice(&self.names, *node).starts_with(b"\x01*"));
        let layout = self.build_layout()?;
        let mut zone = Zone {
            apex: self.apex,
            managed,
            aliases: Aliases::default(),
            index: self.index,
            hasher: self.hasher,
            layout,
            records: self.rows.len(),
            has_cuts,
            has_wildcards,
            negative: None,
        };
        zone.negative = zone.negative_soa().and_then(|soa| NegativeSoa::new(&zone.apex, &soa));
        Some(zone)
    }

    /// Writes everything down in its final order, and has the index say where each name went. `None` if it is too much.
    fn build_layout(&mut self) -> Option<Layout> {
        let octets = self.rows.iter().map(|row| usize::from(row.rdata.len)).sum();
        let mut writer = LayoutWriter::new(self.nodes.len(), self.names.len(), self.rows.len(), octets);
        let mut places = Vec::with_capacity(self.nodes.len());
        let mut rest = self.rows.as_slice();
        // The name whose octets the next ones may lie in, and where it went.
        let (mut holder, mut place) = (Node { name: 0, name_len: 0 }, 0);
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

fn slice(names: &[u8], node: Node) -> &[u8] {
    let at = node.name as usize;
    &names[at..at + usize::from(node.name_len)]
}

/// A relative name without its first label.
pub(super) fn parent(relative: &[u8]) -> &[u8] {
    relative.first().and_then(|len| relative.get(usize::from(*len) + 1..)).unwrap_or_default()
}

/// The part of `name` in front of `apex`, both wire format in lower case; `None` if it is not at or below it.
pub(super) fn relative_to<'a>(name: &'a [u8], apex: &[u8]) -> Option<&'a [u8]> {
    let cut = name.len().checked_sub(apex.len())?;
    if name[cut..] != *apex {
        return None;
    }
    let mut pos = 0;
    while pos < cut {
        pos += usize::from(name[pos]) + 1;
    }
    (pos == cut).then(|| &name[..cut])
}

#[cfg(test)]
mod tests;
