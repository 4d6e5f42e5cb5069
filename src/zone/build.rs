//! Builds a [`Zone`]: takes records in any order and gives the immutable, indexed zone, with all findings.

use hashbrown::HashTable;

use super::check::{self, FileDiagnostics};
use super::layout::Node;
use super::row::Row;
use super::table::{MAX_ANCESTORS, RecordTable};
use super::text::{self, Parsed};
use super::{Aliases, Kind, NegativeSoa, Zone};
use crate::diag::{Diagnostics, Id};
use crate::dns::{CanonicalName, Name, Rtype, Serial, rdata};

/// Octets that owners and RDATA may take in all: numbers of 32 bits are to lead to any of them. A short `$ORIGIN` makes
/// long names of short lines.
pub(super) const MAX_OCTETS: usize = 1 << 30;

/// A zone in the making.
pub(super) struct ZoneBuilder {
    table: RecordTable,
    /// True if a bound was met: the rest of the file is not looked at.
    is_full: bool,
    findings: FileDiagnostics,
}

impl Zone {
    /// Parses and checks the text of a zone that is in no file. Without an error among the findings there is a zone.
    pub fn from_text(apex: &Name, text: &[u8]) -> (Option<Self>, Diagnostics) {
        Self::from_file(apex, &format!("{}.zone", apex.without_dot()), text)
    }

    /// Parses and checks the text of a zone file; `file` is how messages show it.
    pub fn from_file(apex: &Name, file: &str, text: &[u8]) -> (Option<Self>, Diagnostics) {
        let mut builder = ZoneBuilder::new(apex, file, text.len());
        let read = text::parse(text, apex, |parsed| builder.add(parsed));
        let is_whole = read.errors.is_empty();
        builder.findings.syntax(read.errors);
        let is_flat = read.is_by_line && builder.is_flat();
        builder.sort_and_check();
        if !is_whole {
            builder.findings.keep_lines();
        }
        if builder.findings.has_errors() {
            return (None, builder.findings.finish());
        }
        let is_plain = is_flat && builder.findings.is_empty();
        let (zone, findings) = builder.finish();
        let zone = zone.map(|mut zone| {
            zone.is_plain = is_plain;
            zone.kind = Kind::of(text);
            match zone.kind {
                Kind::Managed => zone.aliases = Aliases::read(text),
                // No question is looked up in it: the index would take as much as its records.
                Kind::Derived => zone.index = HashTable::new(),
                Kind::HandWritten => {}
            }
            zone
        });
        (zone, findings)
    }
}

impl ZoneBuilder {
    pub(super) fn new(apex: &Name, file: &str, text_len: usize) -> Self {
        let table = RecordTable::new(apex, text_len);
        Self { table, is_full: false, findings: FileDiagnostics::new(file) }
    }

    pub(super) fn add(&mut self, parsed: Parsed<'_>) {
        if self.is_full {
            return;
        }
        let line = parsed.line;
        let Some(relative) = CanonicalName::of_octets(parsed.owner).strip_suffix(self.table.apex.canonical()) else {
            return self.findings.error(line, Id::ZONE_OUT_OF_ZONE, || {
                let owner = Name::from_wire(parsed.owner).unwrap_or_else(Name::root);
                format!(
                    "'{owner}' is not in this zone; move it to its own zone's file, correct $ORIGIN, or add a missing final \
                     dot"
                )
            });
        };
        if let Some(reason) = check::unsupported(parsed.rtype) {
            return self.findings.error(line, Id::ZONE_UNSUPPORTED_TYPE, || reason);
        }
        self.table.add(relative, &parsed);
        if self.table.lacks_ancestors {
            self.full(line, &format!("there are over {MAX_ANCESTORS} names with nothing but others below them"));
        } else if self.table.octets() > MAX_OCTETS {
            self.full(line, &format!("names and RDATA take over {} MB", MAX_OCTETS >> 20));
        }
    }

    fn full(&mut self, line: u32, what: &str) {
        self.is_full = true;
        self.findings.error(line, Id::ZONE_TOO_LARGE, || {
            format!("up to here {what}, more than a zone may have: split it, and delegate the parts")
        });
    }

    fn sort_and_check(&mut self) {
        self.sort();
        check::review(&self.table, &mut self.findings);
    }

    fn sort(&mut self) {
        let findings = &mut self.findings;
        self.table.sort(|kept, dropped| {
            let (first, second) = (kept.line.min(dropped.line), kept.line.max(dropped.line));
            findings.warning(second, Id::ZONE_DUPLICATE, || format!("duplicate of the record in line {first}"));
        });
    }

    /// The records of a part of a zone, each name by itself sorted and checked: those of the apex, or of others. `None`
    /// if anything was found.
    pub(super) fn part(mut self, is_apex: bool) -> Option<RecordTable> {
        self.sort();
        let has_dnames = check::names(&self.table, &mut self.findings);
        if is_apex {
            check::apex(&self.table, &mut self.findings);
        }
        (self.findings.is_empty() && !has_dnames).then_some(self.table)
    }

    /// Whether each name has one label, and all of its records together.
    pub(super) fn is_flat(&self) -> bool {
        self.table.is_flat()
    }

    fn finish(mut self) -> (Option<Zone>, Diagnostics) {
        let zone = into_zone(self.table);
        if zone.is_none() {
            let text = || "the zone is too large: split it, and delegate the parts".to_owned();
            self.findings.error(None, Id::ZONE_TOO_LARGE, text);
        }
        (zone, self.findings.finish())
    }
}

/// The zone of records that were checked. `None` if it is too much.
pub(super) fn into_zone(table: RecordTable) -> Option<Zone> {
    let is_cut = |row: &Row| row.rtype == Rtype::DNAME || row.rtype == Rtype::NS && row.node != 0;
    let has_cuts = table.rows.iter().any(is_cut);
    let (has_wildcards, records) = (table.has_wildcards(), table.rows.len());
    let indexed = table.index()?;
    let mut zone = Zone {
        apex: indexed.apex,
        kind: Kind::HandWritten,
        aliases: Aliases::default(),
        is_plain: false,
        index: indexed.index,
        hasher: indexed.hasher,
        layout: indexed.layout,
        records,
        has_cuts,
        has_wildcards,
        negative: None,
        layers: None,
        contents: std::sync::OnceLock::new(),
    };
    zone.negative = zone.negative_soa().and_then(|soa| NegativeSoa::new(&zone.apex, &soa));
    Some(zone)
}

/// A zone that has this apex and nothing else, with another serial.
pub(super) fn apex_alone(apex: &Name, node: &Node<'_>, serial: Serial) -> Option<Zone> {
    let mut table = RecordTable::new(apex, 0);
    for rrset in node.rrsets() {
        for rdata in rrset.rdatas() {
            let numbered = (rrset.rtype() == Rtype::SOA).then(|| rdata::with_serial(rdata, serial)).flatten();
            let rdata = numbered.as_deref().unwrap_or(rdata);
            let (rtype, ttl) = (rrset.rtype(), rrset.ttl());
            table.add(&[], &Parsed { owner: apex.as_wire(), rtype, ttl, line: 0, rdata });
        }
    }
    table.sort(|_, _| {});
    into_zone(table)
}

#[cfg(test)]
mod tests;
