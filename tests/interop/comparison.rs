//! What servers say to the same question, compared: every difference is in a table of `docs/differences.md`, with the
//! reason and whose answer is right. A difference that is not there fails, and so does one that is there and no longer
//! occurs.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::support::client::Ask;
use crate::support::record::Rr;
use crate::support::reply::Reply;
use crate::tool::is_version;

/// The parts of a reply that are compared: neither TTLs nor the order within a section.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Said {
    rcode: String,
    flags: String,
    answer: Vec<String>,
    authority: Vec<String>,
}

impl Said {
    pub(crate) fn of(reply: Result<Reply, String>) -> Self {
        let Ok(reply) = reply else {
            return Self { rcode: "none".to_owned(), flags: String::new(), answer: Vec::new(), authority: Vec::new() };
        };
        let compared = |flag: &&str| ["aa", "tc", "ra", "ad", "cd"].contains(flag);
        let flags: Vec<&str> = reply.flags.split(' ').filter(compared).collect();
        // The records that a server leaves beside TC are its own choice.
        let section = |records: &[Rr]| if reply.truncated() { Vec::new() } else { sorted(records) };
        Self {
            rcode: reply.rcode.clone(),
            flags: flags.join(" "),
            answer: section(&reply.answer),
            authority: section(&reply.authority),
        }
    }

    /// The parts in which another reply differs.
    fn differs(&self, other: &Self) -> [bool; 4] {
        [
            self.rcode != other.rcode,
            self.flags != other.flags,
            self.answer != other.answer,
            self.authority != other.authority,
        ]
    }

    pub(crate) fn show(&self, who: &str) -> String {
        // Writing to a String cannot fail.
        let mut text = format!("  {who}: {} [{}]\n", self.rcode, self.flags);
        for (section, records) in [("answer", &self.answer), ("authority", &self.authority)] {
            for record in records.iter().take(4) {
                let _fits = writeln!(text, "    {section} {record}");
            }
            if records.len() > 4 {
                let _fits = writeln!(text, "    {section} and {} more", records.len() - 4);
            }
        }
        text
    }
}

fn sorted(records: &[Rr]) -> Vec<String> {
    let folds = |rr: &Rr| if rr.rtype == domain::base::Rtype::TXT { rr.data() } else { rr.data().to_ascii_lowercase() };
    let line = |rr: &Rr| format!("{} {} {}", rr.owner.to_string().to_ascii_lowercase(), rr.rtype, folds(rr));
    let mut lines: Vec<String> = records.iter().map(line).collect();
    lines.sort();
    lines
}

/// The names of the parts, as the tables have them.
const PARTS: [&str; 4] = ["RCODE", "flags", "answer", "authority"];

/// A question as the file has it, and the server from which ours differs in it.
type Key = (String, String);

/// The differences of one section of the document, as they are found.
pub(crate) struct Comparison {
    heading: &'static str,
    found: BTreeMap<Key, [bool; 4]>,
    /// The replies of the first difference.
    shown: BTreeMap<Key, String>,
}

impl Comparison {
    /// With the tables below this heading of `docs/differences.md`.
    pub(crate) fn with(heading: &'static str) -> Self {
        Self { heading, found: BTreeMap::new(), shown: BTreeMap::new() }
    }

    /// Compares a reply of ours with that of another server.
    pub(crate) fn compare(&mut self, question: &str, ours: &Said, who: &str, theirs: &Said) {
        let parts = ours.differs(theirs);
        if parts.contains(&true) {
            let key = (question.to_owned(), who.to_owned());
            let known = self.found.entry(key.clone()).or_default();
            known.iter_mut().zip(parts).for_each(|(known, differs)| *known |= differs);
            self.shown.entry(key).or_insert_with(|| format!("{}{}", ours.show("ours"), theirs.show(who)));
        }
    }

    /// The differences that the tables do not have, and the rows that did not occur; empty if there are none.
    pub(crate) fn verdict(&self) -> String {
        let document = std::fs::read_to_string(path("docs/differences.md")).unwrap_or_default();
        let listed = listed(&document, self.heading);
        let mut wrong = String::new();
        let found: BTreeMap<Key, String> = self.found.iter().map(|(key, parts)| (key.clone(), words(*parts))).collect();
        for (key, parts) in &found {
            if listed.get(key) != Some(parts) {
                let (question, who) = key;
                // Writing to a String cannot fail.
                let _fits = write!(wrong, "not listed: | `{question}` | {who} | {parts} |\n{}", self.shown[key]);
            }
        }
        for row in listed.iter().filter(|(key, parts)| found.get(key) != Some(parts)) {
            let _fits = writeln!(wrong, "listed, but it does not occur: {row:?}");
        }
        wrong
    }
}

fn words(parts: [bool; 4]) -> String {
    PARTS.iter().zip(parts).filter(|(_, differs)| *differs).map(|(part, _)| *part).collect::<Vec<_>>().join(" ")
}

/// The rows of the tables below a heading: question, other server, parts.
fn listed(document: &str, heading: &str) -> BTreeMap<Key, String> {
    let below = document.lines().skip_while(|line| *line != format!("## {heading}")).skip(1);
    let rows = below.take_while(|line| !line.starts_with("## ")).filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        ((cells[0].trim_end_matches('`').to_owned(), cells[1].to_owned()), cells[2].to_owned())
    })
    .collect()
}

pub(crate) fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

/// The document is about these: others may well differ elsewhere.
const VERSIONS: [(&str, &str, &str); 2] = [("unbound", "-V", "Version 1.17."), ("named", "-v", "BIND 9.18.")];

/// True if the resolvers are those that the document is about.
pub(crate) fn are_listed_versions() -> bool {
    VERSIONS.into_iter().all(is_version)
}

/// A question without an answer is asked again, as clients do: a server on a busy machine may drop one that is too old.
pub(crate) fn said(ask: &Ask, server: SocketAddr) -> Said {
    let is_silence = |why: &String| why.starts_with("no reply");
    let mut said = ask.try_to(server);
    for _ in 0..2 {
        if said.as_ref().is_err_and(is_silence) {
            said = ask.try_to(server);
        }
    }
    Said::of(said)
}
