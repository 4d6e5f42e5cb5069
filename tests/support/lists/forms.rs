//! Lists of all forms, made from a tape of octets: names of ours in random spellings, other services between, comments.
//!
//! Whoever has the tape has the list, so that a property test shrinks it and a fuzzer learns to write it. An octet that
//! is missing counts as 0, which is the plainest choice everywhere.

mod json;
mod lines;
mod tables;

use std::collections::BTreeSet;
use std::net::IpAddr;

use privatelink_dns::sync::source::Format;

use super::naive::Record;

/// Choices, one octet each.
#[derive(Clone, Debug)]
pub(crate) struct Tape<'t> {
    octets: &'t [u8],
    at: usize,
}

impl<'t> Tape<'t> {
    pub(crate) fn new(octets: &'t [u8]) -> Self {
        Self { octets, at: 0 }
    }

    fn next(&mut self) -> usize {
        let octet = self.octets.get(self.at).copied().unwrap_or_default();
        self.at += 1;
        usize::from(octet)
    }

    /// A number below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        if n > 256 { (self.next() * 256 + self.next()) % n } else { self.next() % n }
    }

    pub(crate) fn one<'c, T: ?Sized>(&mut self, of: &[&'c T]) -> &'c T {
        of[self.below(of.len())]
    }

    /// True once in `n` times.
    pub(crate) fn rarely(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    fn shuffled<T>(&mut self, mut items: Vec<T>) -> Vec<T> {
        for at in (1..items.len()).rev() {
            items.swap(at, at - self.below(at + 1));
        }
        items
    }
}

/// A name with its address, as a list may have it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The record's owner in its zone; empty for a name of another service.
    owner: String,
    /// The private zone; for another service, the whole name.
    zone: String,
    address: IpAddr,
}

impl Row {
    fn is_ours(&self) -> bool {
        !self.owner.is_empty()
    }

    fn is_storage(&self) -> bool {
        self.zone.contains("core.windows.net")
    }

    /// The full name, in one of its spellings.
    fn name(&self, tape: &mut Tape<'_>) -> String {
        if !self.is_ours() {
            return self.zone.clone();
        }
        let public = self.zone.trim_start_matches("privatelink.");
        let name = match tape.below(8) {
            0..=2 => format!("{}.{}", self.owner, self.zone),
            3 | 4 => format!("{}.{public}", self.owner),
            5 => format!("{}.privatelink.{}", self.owner, self.zone),
            6 if self.is_storage() => {
                format!("{}.z33.{}", self.owner, public.replace("core.windows.net", "storage.azure.net"))
            }
            _ => format!("{}.{}.", self.owner, self.zone),
        };
        if tape.rarely(8) { name.to_uppercase() } else { name }
    }

    fn rtype(&self) -> &'static str {
        if self.address.is_ipv4() { "A" } else { "AAAA" }
    }
}

/// A list and what it says.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) text: String,
    pub(crate) form: &'static str,
    /// YAML is not recognised without the ending of its file.
    pub(crate) format: Format,
    /// Every record that it has, and no other.
    pub(crate) truth: BTreeSet<Record>,
    /// A name and its address are on one line.
    pub(crate) by_line: bool,
    /// A form that has to be read.
    pub(crate) is_plain: bool,
}

impl Made {
    /// True if a line means what the lines above it say: in a zone file, in YAML, and in JSON with a line for each value.
    pub(crate) fn means_by_place(&self) -> bool {
        ["zone file", "yaml rows", "json rows"].contains(&self.form)
    }

    /// The format that it is written in, where that is known and not only recognised.
    pub(crate) fn written_as(&self) -> Format {
        if self.form == "zone file" { Format::Zone } else { self.format }
    }
}

/// What a form makes of rows.
struct Written {
    text: String,
    by_line: bool,
    is_plain: bool,
}

type Form = fn(&mut Tape<'_>, &[Row]) -> Written;

/// The number of forms.
pub(crate) const NUMBER: usize = 18;

const FORMS: [(&str, Form); NUMBER] = [
    ("hosts", lines::hosts),
    ("pairs", lines::pairs),
    ("label and zone", lines::labels),
    ("portal host file", lines::portal),
    ("zone file", lines::zone_file),
    ("toml", lines::toml),
    ("screen", lines::screen),
    ("csv", tables::csv),
    ("console table", tables::console),
    ("markdown", tables::markdown),
    ("json rows", json::rows),
    ("json configs", json::configs),
    ("json endpoints", json::endpoints),
    ("json record sets", json::record_sets),
    ("json map", json::map),
    ("json lines", json::lines),
    ("yaml rows", json::yaml),
    ("csv of labels", tables::csv_of_labels),
];

/// Makes a list of one of the forms.
pub(crate) fn make(tape: &mut Tape<'_>) -> Made {
    let (name, form) = FORMS[tape.below(FORMS.len())];
    let rows = rows(tape);
    let Written { text, by_line, is_plain } = form(tape, &rows);
    let ours = rows.iter().filter(|row| row.is_ours());
    let truth = ours.map(|row| (format!("{}.{}", row.owner, row.zone), row.address)).collect();
    let format = if name.starts_with("yaml") { Format::Yaml } else { Format::Auto };
    Made { text, form: name, format, truth, by_line, is_plain }
}

/// Owners that look like something else are as good as others.
const ACCOUNTS: [&str; 14] = [
    "kqwzepod01ecs207",
    "kqwzepod01prot311",
    "stbackupwe01",
    "abc",
    "a1b2c3",
    "approval",
    "type",
    "3600",
    "privateip",
    "blob",
    "queue",
    "zone",
    "name",
    "fd00",
];

const OTHERS: [&str; 6] = [
    "kv-hub-we-07.vault.azure.net",
    "kv-hub-we-07.privatelink.vaultcore.azure.net",
    "stbackupwe01.privatelink.file.core.windows.net",
    "stbackupwe01.dfs.core.windows.net",
    "srv01.corp.example",
    "acr01.westeurope.data.azurecr.io",
];

fn rows(tape: &mut Tape<'_>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for number in 0..=tape.below(6) {
        let (owner, zone) = match tape.below(8) {
            0..=2 => (tape.one(&ACCOUNTS).to_owned(), "privatelink.blob.core.windows.net".to_owned()),
            3 | 4 => (tape.one(&ACCOUNTS).to_owned(), "privatelink.queue.core.windows.net".to_owned()),
            5 | 6 => {
                let service = tape.one(&["fc1", "rec2", "prot1", "ecs1", "tel1", "fab1"]);
                let geo = tape.one(&["we", "ne"]);
                let owner = format!("412345678901234567{}-ab-pod01-{service}", tape.below(3));
                (owner, format!("privatelink.{geo}.backup.windowsazure.com"))
            }
            _ => (String::new(), tape.one(&OTHERS).to_owned()),
        };
        let address: IpAddr = if tape.rarely(8) {
            format!("fd00:20::{}", number + 4).parse().unwrap()
        } else {
            format!("10.20.{}.{}", tape.below(2), number + 4).parse().unwrap()
        };
        let row = Row { owner, zone, address };
        let is_same = |other: &Row| (&other.owner, &other.zone) == (&row.owner, &row.zone);
        if !rows.iter().any(is_same) {
            rows.push(row);
        }
    }
    rows
}

/// A comment or nothing.
fn remark(tape: &mut Tape<'_>) -> &'static str {
    tape.one(&["", "", "", "  # checked by hand", "  # old: stold01.blob.core.windows.net 10.9.9.9"])
}
