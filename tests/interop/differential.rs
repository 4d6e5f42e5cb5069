//! Ours, Unbound and BIND forward to one upstream and are asked the same: every difference is in `docs/differences.md`,
//! with the reason and whose answer is right. A difference that is not there fails, and so does one that is there and
//! no longer occurs.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::resolvers::{bind, unbound};
use crate::support::casefile::{Action, Question, read};
use crate::support::record::Rr;
use crate::support::reply::Reply;
use crate::support::site::Site;
use crate::support::upstream::Upstream;
use crate::tool::is_version;

/// The parts of a reply that are compared: neither TTLs nor the order within a section.
#[derive(Clone, PartialEq, Eq)]
struct Said {
    rcode: String,
    flags: String,
    answer: Vec<String>,
    authority: Vec<String>,
}

impl Said {
    fn of(reply: Result<Reply, String>) -> Self {
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
    fn differs(&self, other: &Self) -> String {
        let parts = [
            ("RCODE", self.rcode != other.rcode),
            ("flags", self.flags != other.flags),
            ("answer", self.answer != other.answer),
            ("authority", self.authority != other.authority),
        ];
        parts.into_iter().filter(|(_, differs)| *differs).map(|(part, _)| part).collect::<Vec<_>>().join(" ")
    }

    fn show(&self, who: &str) -> String {
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

/// A question as the file has it, and the server from which ours differs in it.
type Found = BTreeMap<(String, String), String>;

/// The rows of the tables: question, other server, parts.
fn listed(document: &str) -> Found {
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        ((cells[0].trim_end_matches('`').to_owned(), cells[1].to_owned()), cells[2].to_owned())
    })
    .collect()
}

fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

/// The list is about these: others may well differ elsewhere.
const VERSIONS: [(&str, &str, &str); 2] = [("unbound", "-V", "Version 1.17."), ("named", "-v", "BIND 9.18.")];

#[test]
fn every_difference_to_unbound_and_bind_is_listed_with_its_reason() {
    if !VERSIONS.into_iter().all(is_version) {
        return;
    }
    let file = path("tests/interop/questions.case");
    let text = std::fs::read_to_string(&file).unwrap();
    let case = read(&file).unwrap();
    let upstream = Upstream::of(case.upstreams[""].clone());
    let (Some(unbound), Some(bind)) = (unbound(upstream.address()), bind(upstream.address())) else { return };
    let site = Site::new().with_upstream(&upstream);
    let server = site.start();
    let (mut found, mut shown, mut wrong) = (Found::new(), BTreeMap::new(), String::new());
    for step in &case.steps {
        let Action::Query(question) = &step.action else { continue };
        let name = text.lines().nth(step.line - 1).unwrap().trim_start_matches("QUERY ").to_owned();
        let ours = ask(question, server.address());
        let again = ask(question, server.address());
        if again != ours {
            // Writing to a String cannot fail.
            let _fits = write!(wrong, "the second time: {name}\n{}{}", ours.show("first"), again.show("then"));
        }
        for (who, other) in [("Unbound", &unbound), ("BIND", &bind)] {
            let theirs = ask(question, other.address);
            let parts = ours.differs(&theirs);
            if !parts.is_empty() {
                shown.insert((name.clone(), who), format!("{}{}", ours.show("ours"), theirs.show(who)));
                found.insert((name.clone(), who.to_owned()), parts);
            }
        }
    }
    server.stop();
    let listed = listed(&std::fs::read_to_string(path("docs/differences.md")).unwrap_or_default());
    for ((name, who), parts) in &found {
        if listed.get(&(name.clone(), who.clone())) != Some(parts) {
            let how = &shown[&(name.clone(), who.as_str())];
            let _fits = write!(wrong, "not listed: | `{name}` | {who} | {parts} |\n{how}");
        }
    }
    for row in listed.iter().filter(|(key, parts)| found.get(key) != Some(parts)) {
        let _fits = writeln!(wrong, "listed, but it does not occur: {row:?}");
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// A question without an answer is asked again, as clients do: a server on a busy machine may drop one that is too old.
fn ask(question: &Question, server: std::net::SocketAddr) -> Said {
    let is_silence = |why: &String| why.starts_with("no reply");
    let mut said = question.ask.try_to(server);
    for _ in 0..2 {
        if said.as_ref().is_err_and(is_silence) {
            said = question.ask.try_to(server);
        }
    }
    Said::of(said)
}
