//! What makes records a zone: the semantic checks between parsing and serving.
//!
//! In: a builder's records, grouped. Out: findings with their lines. An error keeps the file out of service, a
//! warning does not.

use std::collections::HashMap;

use super::build::{Builder, Row, parent};
use super::text::SyntaxError;
use crate::diag;
use crate::dns::{Name, Rtype};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The zone is not served in this state.
    Error,
    /// It is served; a person should look.
    Warning,
}

/// Something about a zone file that its keeper should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// From 1; 0 where the whole file is meant.
    pub line: u32,
    /// From 1; 0 where it is not known.
    pub column: u32,
    /// What is wrong and what to do.
    pub text: String,
}

impl Finding {
    pub(super) fn error(line: u32, text: impl Into<String>) -> Self {
        Self { severity: Severity::Error, line, column: 0, text: text.into() }
    }

    pub(super) fn warning(line: u32, text: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, line, column: 0, text: text.into() }
    }

    /// Whether it keeps the zone out of service.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// `file:line:column`, as far as they are known.
    pub fn place(&self, file: &std::path::Path) -> String {
        match (self.line, self.column) {
            (0, _) => diag::path(file),
            (line, 0) => format!("{}:{line}", diag::path(file)),
            (line, column) => format!("{}:{line}:{column}", diag::path(file)),
        }
    }
}

impl From<SyntaxError> for Finding {
    fn from(error: SyntaxError) -> Self {
        Self { severity: Severity::Error, line: error.line, column: error.column, text: error.reason }
    }
}

/// Why records of a type cannot be in a zone here; `None` if they can.
pub(super) fn unsupported(rtype: Rtype) -> Option<String> {
    if rtype.is_meta() {
        return Some(format!("{rtype} is no type for a zone; remove the record"));
    }
    // Signed zones need proofs in their negative answers.
    let reason = match rtype.0 {
        24 | 46 | 47 | 50 | 51 => "signed zones are not supported; use the unsigned zone file",
        _ => return None,
    };
    Some(reason.to_owned())
}

/// Adds the findings about `builder`'s records, which must be sorted by owner and type.
pub(super) fn review(builder: &mut Builder) {
    let mut findings = Vec::new();
    apex(builder, &mut findings);
    let mut has_dnames = false;
    for group in builder.rows.chunk_by(|a, b| a.node == b.node) {
        for row in group.iter().filter(|row| row.ttl > LARGEST_TTL) {
            let text = format!("a TTL of over {LARGEST_TTL} seconds counts as 0 (RFC 2181 section 8)");
            findings.push(Finding::error(row.line, text));
        }
        // Nearly all names have these alone, and a zone may have a million of them.
        if group.iter().all(|row| matches!(row.rtype, Rtype::A | Rtype::AAAA)) {
            rrsets(group, &mut findings);
            continue;
        }
        has_dnames |= group.iter().any(|row| row.rtype == Rtype::DNAME);
        node(builder, group, &mut findings);
    }
    name_servers(builder, &mut findings);
    if has_dnames {
        below_dnames(builder, &mut findings);
    }
    builder.findings.append(&mut findings);
}

fn apex(builder: &Builder, findings: &mut Vec<Finding>) {
    let of_type = |rtype| builder.rows.iter().filter(move |row| row.rtype == rtype);
    let mut soas = of_type(Rtype::SOA);
    match soas.next() {
        None => {
            findings.push(Finding::error(0, format!("no SOA record at '{}'; a zone starts with one", builder.apex)));
        }
        Some(first) => {
            let wrong_place = |row: &&Row| row.node != 0;
            for row in std::iter::once(first).chain(of_type(Rtype::SOA)).filter(wrong_place) {
                findings.push(Finding::error(row.line, "SOA below the apex; a file holds one zone"));
            }
            for row in soas.filter(|row| row.node == 0) {
                findings.push(Finding::error(row.line, "a second SOA record; remove one"));
            }
        }
    }
    findings.dedup();
    if !of_type(Rtype::NS).any(|row| row.node == 0) {
        findings.push(Finding::error(0, format!("no NS record at '{}'; add one", builder.apex)));
    }
}

fn node(builder: &Builder, group: &[Row], findings: &mut Vec<Finding>) {
    let first = |rtype| group.iter().find(move |row| row.rtype == rtype);
    if let Some(cname) = first(Rtype::CNAME) {
        // RFC 1034 section 3.6.2, RFC 2181 section 10.1.
        return alone(builder, group, cname, |other| other != Rtype::CNAME, findings);
    }
    if let Some(dname) = first(Rtype::DNAME) {
        // RFC 6672 sections 2.3 and 2.4: NS beside it at the apex only.
        alone(builder, group, dname, |other| other == Rtype::NS && dname.node != 0, findings);
    }
    if let Some(row) = group.iter().find(|row| matches!(row.rtype, Rtype::NS | Rtype::DNAME))
        && builder.relative(row.node).starts_with(b"\x01*")
    {
        let text = format!("{} at a wildcard: servers differ in what they make of it, ours makes nothing", row.rtype);
        findings.push(Finding::warning(row.line, text));
    }
    rrsets(group, findings);
}

/// Beside an alias there is neither a second one nor what it excludes.
fn alone(builder: &Builder, group: &[Row], alias: &Row, excludes: impl Fn(Rtype) -> bool, findings: &mut Vec<Finding>) {
    let (owner, rtype) = (owner(builder, alias), alias.rtype);
    for other in group.iter().filter(|row| excludes(row.rtype)) {
        let text = format!("'{owner}' has a {rtype} (line {}) and so can have no {}", alias.line, other.rtype);
        findings.push(Finding::error(other.line, text));
    }
    for second in group.iter().filter(|row| row.rtype == rtype).skip(1) {
        let text = format!("'{owner}' has a second {rtype} (first: line {})", alias.line);
        findings.push(Finding::error(second.line, text));
    }
}

/// A DNAME stands for all names below its own, so none of them has records (RFC 6672 section 2.4).
fn below_dnames(builder: &Builder, findings: &mut Vec<Finding>) {
    let dnames = builder.rows.iter().filter(|row| row.rtype == Rtype::DNAME);
    let lines: HashMap<&[u8], u32> = dnames.map(|row| (builder.relative(row.node), row.line)).collect();
    for row in builder.rows.iter().filter(|row| row.node != 0) {
        let mut above = parent(builder.relative(row.node));
        let line = loop {
            match lines.get(above) {
                Some(line) => break Some(line),
                None if above.is_empty() => break None,
                None => above = parent(above),
            }
        };
        if let Some(line) = line {
            let text = format!("'{}' lies below the DNAME of line {line}; remove one of them", owner(builder, row));
            findings.push(Finding::error(row.line, text));
        }
    }
}

/// Octets of records in a message of 65,535 that has the longest question and EDNS.
const LARGEST_RRSET: usize = 65_000;

/// RFC 2181 section 8: 31 bits; resolvers take anything above for 0.
const LARGEST_TTL: u32 = i32::MAX.unsigned_abs();

fn rrsets(group: &[Row], findings: &mut Vec<Finding>) {
    if group.len() == 1 {
        return;
    }
    for rrset in group.chunk_by(|a, b| a.rtype == b.rtype) {
        let Some(first) = rrset.first() else { continue };
        if rrset.len() > usize::from(u16::MAX) {
            findings.push(Finding::error(first.line, "over 65535 records in one RRset"));
        }
        let octets: usize = rrset.iter().map(|row| 12 + usize::from(row.rdata_len())).sum();
        if octets > LARGEST_RRSET {
            let text = format!("{} records of one type at one name do not fit into any answer", rrset.len());
            findings.push(Finding::warning(first.line, text));
        }
        if let Some(other) = rrset.iter().find(|row| row.ttl != first.ttl) {
            let text = format!("TTL differs from that of line {}; the lower one is served for both", first.line);
            findings.push(Finding::warning(other.line, text));
        }
    }
}

/// NS targets inside the zone need an address (RFC 1034 section 4.2.2) and are no aliases (RFC 2181 section 10.3).
fn name_servers(builder: &Builder, findings: &mut Vec<Finding>) {
    for row in builder.rows.iter().filter(|row| row.rtype == Rtype::NS) {
        let target = builder.rdata(row).to_ascii_lowercase();
        let Some(relative) = super::build::relative_to(&target, builder.apex.as_wire()) else { continue };
        let rows = builder.rows_at(relative);
        if rows.iter().any(|row| matches!(row.rtype, Rtype::A | Rtype::AAAA)) {
            continue;
        }
        let name = Name::from_wire(&target).unwrap_or_else(Name::root);
        let text = match rows.iter().find(|row| row.rtype == Rtype::CNAME) {
            Some(cname) => format!("name server '{name}' is an alias (line {}); name its target", cname.line),
            None => format!("name server '{name}' has no address in this zone"),
        };
        findings.push(Finding::warning(row.line, text));
    }
}

fn owner(builder: &Builder, row: &Row) -> String {
    let mut labels = Vec::new();
    let mut rest = builder.relative(row.node);
    while let Some((len, tail)) = rest.split_first() {
        labels.push(String::from_utf8_lossy(&tail[..usize::from(*len)]).into_owned());
        rest = parent(rest);
    }
    labels.push(builder.apex.to_string());
    labels.join(".")
}
