//! The semantic checks between parsing and serving.
//!
//! Input: the records of a zone, sorted. Output: diagnostics with their lines. An error keeps the file out of service,
//! a warning does not.

use std::collections::HashMap;

use super::row::{Row, parent};
use super::table::RecordTable;
use super::text::SyntaxError;
use crate::diag::{Diagnostic, Diagnostics, Id, Place};
use crate::dns::{CanonicalName, Name, Rtype};

/// Findings of one severity that are kept. A zone of a million bad lines makes a hundred and a count.
const MAX_FINDINGS: usize = 100;

/// The findings in one zone file.
pub(super) struct FileDiagnostics {
    /// The file, as messages show it.
    file: String,
    found: Diagnostics,
}

impl FileDiagnostics {
    pub(super) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), found: Diagnostics::with_capacity(MAX_FINDINGS) }
    }

    /// Adds an error; without a line it is one of the whole file. Its text is only made if it is kept.
    pub(super) fn error(&mut self, line: impl Into<Option<u32>>, id: Id, text: impl FnOnce() -> String) {
        let file = &self.file;
        self.found.error(|| Diagnostic::error(id, Place::line(file, line), text()));
    }

    /// Adds a warning.
    pub(super) fn warning(&mut self, line: u32, id: Id, text: impl FnOnce() -> String) {
        let file = &self.file;
        self.found.warning(|| Diagnostic::warning(id, Place::line(file, line), text()));
    }

    /// Adds the parser's errors.
    pub(super) fn syntax(&mut self, errors: Vec<SyntaxError>) {
        for SyntaxError { id, line, column, reason } in errors {
            self.found.push(Diagnostic::error(id, Place::column(&self.file, line, column), reason));
        }
    }

    /// True if there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// True if any of them keeps the zone out of service.
    pub(super) fn has_errors(&self) -> bool {
        self.found.has_errors()
    }

    /// Leaves out the findings on the whole file: after a line that does not parse, a missing SOA record would be the
    /// same error a second time.
    pub(super) fn keep_lines(&mut self) {
        self.found.retain(|finding| finding.place.line_number().is_some());
    }

    /// All of them, by line.
    pub(super) fn finish(mut self) -> Diagnostics {
        self.found.sort_by_line();
        self.found
    }
}

/// The reason why records of a type cannot be in a zone here; `None` if they can.
pub(super) fn unsupported(rtype: Rtype) -> Option<String> {
    if rtype.is_meta() {
        return Some(format!("{rtype} records cannot be in a zone; remove the record"));
    }
    // Signed zones need proofs in their negative answers.
    let reason = match rtype.0 {
        24 | 46 | 47 | 50 | 51 => "signed zones are not supported; use the unsigned zone file",
        _ => return None,
    };
    Some(reason.to_owned())
}

/// Checks the records, which must be sorted by owner and type, and adds the findings.
pub(super) fn review(table: &RecordTable, findings: &mut FileDiagnostics) {
    apex(table, findings);
    let has_dnames = names(table, findings);
    name_servers(table, findings);
    if has_dnames {
        below_dnames(table, findings);
    }
}

/// Checks each name by itself; whether any has a DNAME.
pub(super) fn names(table: &RecordTable, findings: &mut FileDiagnostics) -> bool {
    let mut has_dnames = false;
    for group in table.rows.chunk_by(|a, b| a.node == b.node) {
        for row in group.iter().filter(|row| row.ttl > MAX_TTL) {
            findings.error(row.line, Id::ZONE_BAD_TTL, || {
                format!("a TTL of over {MAX_TTL} seconds counts as 0 (RFC 2181 section 8)")
            });
        }
        // Nearly all names have these alone, and a zone may have a million of them.
        if group.iter().all(|row| matches!(row.rtype, Rtype::A | Rtype::AAAA)) {
            rrsets(group, findings);
            continue;
        }
        has_dnames |= group.iter().any(|row| row.rtype == Rtype::DNAME);
        node(table, group, findings);
    }
    has_dnames
}

/// Checks that there is one SOA, and NS beside it.
pub(super) fn apex(table: &RecordTable, findings: &mut FileDiagnostics) {
    let of_type = |rtype| table.rows.iter().filter(move |row| row.rtype == rtype);
    if of_type(Rtype::SOA).next().is_none() {
        findings.error(None, Id::ZONE_NO_SOA, || format!("no SOA record at '{}'; a zone starts with one", table.apex));
    }
    for row in of_type(Rtype::SOA).filter(|row| row.node != 0) {
        findings.error(row.line, Id::ZONE_SOA_BELOW_APEX, || "SOA below the apex; a file holds one zone".to_owned());
    }
    for row in of_type(Rtype::SOA).skip(1).filter(|row| row.node == 0) {
        findings.error(row.line, Id::ZONE_SECOND_SOA, || "a second SOA record; remove one".to_owned());
    }
    if !of_type(Rtype::NS).any(|row| row.node == 0) {
        findings.error(None, Id::ZONE_NO_NS, || format!("no NS record at '{}'; add one", table.apex));
    }
}

fn node(table: &RecordTable, group: &[Row], findings: &mut FileDiagnostics) {
    let first = |rtype| group.iter().find(move |row| row.rtype == rtype);
    if let Some(cname) = first(Rtype::CNAME) {
        // RFC 1034 section 3.6.2, RFC 2181 section 10.1.
        return alone(table, group, cname, |other| other != Rtype::CNAME, findings);
    }
    if let Some(dname) = first(Rtype::DNAME) {
        // RFC 6672 sections 2.3 and 2.4: NS beside it at the apex only.
        alone(table, group, dname, |other| other == Rtype::NS && dname.node != 0, findings);
    }
    if let Some(row) = group.iter().find(|row| matches!(row.rtype, Rtype::NS | Rtype::DNAME))
        && table.relative(row.node).starts_with(b"\x01*")
    {
        findings.warning(row.line, Id::ZONE_WILDCARD_CUT, || {
            format!(
                "{} at a wildcard: the behaviour is undefined (RFC 4592 sections 4.2 and 4.4); this server ignores it",
                row.rtype
            )
        });
    }
    rrsets(group, findings);
}

/// Beside an alias there is neither a second one nor what it excludes.
fn alone(
    table: &RecordTable,
    group: &[Row],
    alias: &Row,
    excludes: impl Fn(Rtype) -> bool,
    findings: &mut FileDiagnostics,
) {
    let (owner, rtype) = (owner(table, alias), alias.rtype);
    let id = if rtype == Rtype::CNAME { Id::ZONE_CNAME_OTHER_DATA } else { Id::ZONE_DNAME_OTHER_DATA };
    for other in group.iter().filter(|row| excludes(row.rtype)) {
        findings.error(other.line, id, || {
            format!("'{owner}' has a {rtype} (line {}), so it cannot have {} records", alias.line, other.rtype)
        });
    }
    for second in group.iter().filter(|row| row.rtype == rtype).skip(1) {
        findings.error(second.line, Id::ZONE_SECOND_ALIAS, || {
            format!("'{owner}' has a second {rtype} (first: line {})", alias.line)
        });
    }
}

/// A DNAME stands for all names below its own, so none of them has records (RFC 6672 section 2.4).
fn below_dnames(table: &RecordTable, findings: &mut FileDiagnostics) {
    let dnames = table.rows.iter().filter(|row| row.rtype == Rtype::DNAME);
    let lines: HashMap<&[u8], u32> = dnames.map(|row| (table.relative(row.node), row.line)).collect();
    let longest = lines.keys().map(|owner| owner.len()).max().unwrap_or_default();
    for group in table.rows.chunk_by(|a, b| a.node == b.node).filter(|group| group[0].node != 0) {
        let mut above = parent(table.relative(group[0].node));
        while above.len() > longest {
            above = parent(above);
        }
        let line = loop {
            match lines.get(above) {
                Some(line) => break Some(line),
                None if above.is_empty() => break None,
                None => above = parent(above),
            }
        };
        for row in group.iter().filter(|_| line.is_some()) {
            let line = line.copied().unwrap_or_default();
            findings.error(row.line, Id::ZONE_BELOW_DNAME, || {
                format!("'{}' lies below the DNAME of line {line}; remove one of them", owner(table, row))
            });
        }
    }
}

/// Octets of records in a message of 65,535 that has the longest question and EDNS.
const MAX_RRSET: usize = 65_000;

/// RFC 2181 section 8: 31 bits; resolvers take anything above for 0.
const MAX_TTL: u32 = i32::MAX.unsigned_abs();

fn rrsets(group: &[Row], findings: &mut FileDiagnostics) {
    if group.len() == 1 {
        return;
    }
    for rrset in group.chunk_by(|a, b| a.rtype == b.rtype) {
        let Some(first) = rrset.first() else { continue };
        if rrset.len() > usize::from(u16::MAX) {
            findings.error(first.line, Id::ZONE_TOO_LARGE, || "over 65535 records in one RRset".to_owned());
        }
        let octets: usize = rrset.iter().map(|row| 12 + usize::from(row.rdata_len())).sum();
        if octets > MAX_RRSET {
            findings.warning(first.line, Id::ZONE_LARGE_RRSET, || {
                format!("{} records of one type at one name do not fit into any answer", rrset.len())
            });
        }
        if let Some(other) = rrset.iter().find(|row| row.ttl != first.ttl) {
            findings.warning(other.line, Id::ZONE_TTL_DIFFERS, || {
                format!("TTL differs from that of line {}; the lower one is served for both", first.line)
            });
        }
    }
}

/// NS targets inside the zone need an address (RFC 1034 section 4.2.2) and must not be aliases (RFC 2181 section 10.3).
fn name_servers(table: &RecordTable, findings: &mut FileDiagnostics) {
    for row in table.rows.iter().filter(|row| row.rtype == Rtype::NS) {
        let target = table.rdata(row).to_ascii_lowercase();
        let Some(relative) = CanonicalName::of_octets(&target).strip_suffix(table.apex.canonical()) else { continue };
        // The records are sorted. A search by type matters: many NS records may name one target with many records.
        let rows = table.rows_at(relative);
        let first = |rtype| rows.get(rows.partition_point(|row| row.rtype < rtype)).filter(|row| row.rtype == rtype);
        if first(Rtype::A).or(first(Rtype::AAAA)).is_some() {
            continue;
        }
        let alias = first(Rtype::CNAME);
        let id = if alias.is_some() { Id::ZONE_NS_ALIAS } else { Id::ZONE_NS_NO_ADDRESS };
        findings.warning(row.line, id, || {
            let name = Name::from_wire(&target).unwrap_or_else(Name::root);
            match alias {
                Some(cname) => format!("name server '{name}' is an alias (line {}); name its target", cname.line),
                None => format!("name server '{name}' has no address in this zone"),
            }
        });
    }
}

fn owner(table: &RecordTable, row: &Row) -> String {
    let mut labels = Vec::new();
    let mut rest = table.relative(row.node);
    while let Some((len, tail)) = rest.split_first() {
        labels.push(String::from_utf8_lossy(&tail[..usize::from(*len)]).into_owned());
        rest = parent(rest);
    }
    labels.push(table.apex.to_string());
    labels.join(".")
}
