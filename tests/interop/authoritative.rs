//! NSD, Knot, BIND and ours have the same zone files and are asked the same, tens of thousands of times. Every
//! difference falls into a class that `docs/differences.md` lists, with the RFC that decides and the server whose
//! answer is right. A difference of no class fails, and so does a class that no longer occurs.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::resolvers::Resolver;
use crate::support::record::Rr;
use crate::support::reply::Reply;
use crate::support::site::Site;
use crate::support::upstream::Upstream;
use crate::support::wait_until;
use crate::tool::is_version;

mod asking;
mod classes;
mod questions;
mod servers;

use asking::{over_tcp, over_udp};
use questions::Question;

/// Questions to each server.
const QUESTIONS: usize = 40_000;

/// Our zones by hand, in `tests/interop/zones/`.
const BY_HAND: [&str; 4] = ["rich.example", "child.rich.example", "other.example", "dn.example"];

/// Those that sync writes.
const BY_SYNC: [&str; 2] = ["privatelink.we.backup.windowsazure.com", "privatelink.blob.core.windows.net"];

/// The list from which sync writes them.
const LIST: &str = "10.1.0.5 acct.blob.core.windows.net\nfd00::5 acct.blob.core.windows.net\n\
                    10.1.0.7 acct-secondary.blob.core.windows.net\n\
                    10.1.0.8 4611686018427387904-ab-pod01-rec2.we.backup.windowsazure.com\n\
                    10.1.0.9 4611686018427387904-ab-pod01-tel1.we.backup.windowsazure.com\n\
                    10.1.0.9 pod01-id1.we.backup.windowsazure.com\n";

/// Names that our zones lack do not exist, as in the other servers.
const CONFIG: &str = "[[zones]]\nname = \"privatelink.blob.core.windows.net\"\non_miss = \"nxdomain\"\n";

/// The list is about these: others may well differ elsewhere.
const VERSIONS: [(&str, &str, &str); 3] =
    [("nsd", "-v", "NSD version 4.6."), ("knotd", "-V", "version 3.2."), ("named", "-v", "BIND 9.18.")];

/// The parts of a reply that are compared: TTLs too, but not the order within a section.
#[derive(Clone, PartialEq, Eq)]
struct Said {
    rcode: String,
    flags: Vec<String>,
    answer: Vec<String>,
    authority: Vec<String>,
    additional: Vec<String>,
    /// The OPT record's version and DO.
    edns: Option<(u8, bool)>,
}

impl Said {
    fn of(reply: &Result<Reply, String>) -> Self {
        let (none, nothing) = (String::new(), Vec::new);
        let Ok(reply) = reply else {
            let (answer, authority, additional) = (nothing(), nothing(), nothing());
            return Self { rcode: none, flags: nothing(), answer, authority, additional, edns: None };
        };
        // RA is ours alone: we are a resolver too.
        let flags = reply.flags.split(' ').filter(|flag| *flag != "ra").map(str::to_owned).collect();
        Self {
            rcode: reply.rcode.clone(),
            flags,
            answer: sorted(&reply.answer),
            authority: sorted(&reply.authority),
            additional: sorted(&reply.additional),
            edns: reply.opt.as_ref().map(|opt| (opt.version, opt.dnssec_ok)),
        }
    }

    /// The parts in which another reply differs.
    fn differs(&self, other: &Self) -> String {
        let parts = [
            ("RCODE", self.rcode != other.rcode),
            ("flags", self.flags != other.flags),
            ("answer", self.answer != other.answer),
            ("authority", self.authority != other.authority),
            ("additional", self.additional != other.additional),
            ("EDNS", self.edns != other.edns),
        ];
        parts.into_iter().filter(|(_, differs)| *differs).map(|(part, _)| part).collect::<Vec<_>>().join(" ")
    }

    fn show(&self, who: &str) -> String {
        let mut text = format!("  {who}: {} {:?} {:?}\n", self.rcode, self.flags, self.edns);
        let sections = [("answer", &self.answer), ("authority", &self.authority), ("additional", &self.additional)];
        for (section, records) in sections {
            for record in records.iter().take(6) {
                // Writing to a String cannot fail.
                let _fits = writeln!(text, "    {section} {record}");
            }
            if records.len() > 6 {
                let _fits = writeln!(text, "    {section} and {} more", records.len() - 6);
            }
        }
        text
    }
}

fn sorted(records: &[Rr]) -> Vec<String> {
    let folds = |rr: &Rr| if rr.rtype == domain::base::Rtype::TXT { rr.data() } else { rr.data().to_ascii_lowercase() };
    let line = |rr: &Rr| format!("{} {} {} {}", rr.owner.to_string().to_ascii_lowercase(), rr.ttl, rr.rtype, folds(rr));
    let mut lines: Vec<String> = records.iter().map(line).collect();
    lines.sort();
    lines
}

fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

/// A folder with all the zones, and our site with the same.
fn zones(upstream: &Upstream) -> (TempDir, Site) {
    let folder = TempDir::new().unwrap();
    let mut site = Site::new().with_list("a.txt", LIST).with_config(CONFIG).with_upstream(upstream);
    for apex in BY_HAND {
        let text = std::fs::read_to_string(path(&format!("tests/interop/zones/{apex}.zone"))).unwrap();
        site = site.with_zone(apex, &text);
    }
    site.sync();
    for apex in apexes() {
        std::fs::write(folder.path().join(format!("{apex}.zone")), site.zone(apex)).unwrap();
    }
    (folder, site)
}

fn apexes() -> Vec<&'static str> {
    BY_HAND.into_iter().chain(BY_SYNC).collect()
}

/// Meets every class.
const SEED: u64 = 7;

/// The same questions each time, or others in a longer search: `SEED=8 cargo test --test interop nsd_knot`.
fn seed() -> u64 {
    std::env::var("SEED").map_or(SEED, |seed| seed.parse().unwrap())
}

/// A server that has not read its zones yet refuses or fails.
fn until_ready(server: &Resolver) {
    for apex in apexes() {
        wait_until("a zone is served", || {
            crate::support::client::ask(apex, "SOA").try_to(server.address).is_ok_and(|reply| !reply.answer.is_empty())
        });
    }
}

#[test]
fn every_difference_to_nsd_knot_and_bind_is_of_a_class_that_is_listed() {
    if !VERSIONS.into_iter().all(is_version) {
        return;
    }
    let upstream = Upstream::serving("");
    let (folder, site) = zones(&upstream);
    let started = [
        ("NSD", servers::nsd(folder.path(), &apexes())),
        ("Knot", servers::knot(folder.path(), &apexes())),
        ("BIND", servers::bind(folder.path(), &apexes())),
    ];
    let mut others = Vec::new();
    for (who, server) in started {
        let Some(server) = server else { return };
        until_ready(&server);
        others.push((who, server));
    }
    let ours = site.start();
    let records: Vec<(&str, Vec<Rr>)> =
        apexes().into_iter().map(|apex| (apex, Rr::from_zone(&readable(&site.zone(apex))).unwrap())).collect();
    let questions = questions::about(&records, QUESTIONS, seed());
    let addresses: Vec<_> = std::iter::once(ours.address()).chain(others.iter().map(|(_, s)| s.address)).collect();
    let replies = ask_all(&addresses, &questions);
    ours.stop();
    let (mut found, mut wrong) = (Found::new(), String::new());
    for (index, question) in questions.iter().enumerate() {
        let said: Vec<Said> = replies.iter().map(|replies| Said::of(&replies[index])).collect();
        if let Err(why) = &replies[0][index] {
            // Writing to a String cannot fail.
            let _fits = writeln!(wrong, "{question}: {why}");
        }
        for ((who, _), theirs) in others.iter().zip(&said[1..]).filter(|(_, theirs)| said[0] != **theirs) {
            if let Some(classes) = classes::of(question, &said[0], theirs) {
                found.extend(classes.iter().map(|class| ((*class).to_owned(), (*who).to_owned())));
                continue;
            }
            let (parts, ours) = (said[0].differs(theirs), said[0].show("ours"));
            let _fits = writeln!(wrong, "of no class: {question} ({parts})\n{ours}{}", theirs.show(who));
        }
    }
    let listed = listed(&std::fs::read_to_string(path("docs/differences.md")).unwrap());
    for (class, who) in found.difference(&listed) {
        let _fits = writeln!(wrong, "not listed: {class} | {who}");
    }
    // Other questions may not meet every class.
    for (class, who) in listed.difference(&found).filter(|_| seed() == SEED) {
        let _fits = writeln!(wrong, "listed, but it does not occur: {class} | {who}");
    }
    let shown: String = wrong.lines().take(200).fold(String::new(), |shown, line| shown + line + "\n");
    assert!(wrong.is_empty(), "\n{shown}");
    println!("{} questions", questions.len());
}

/// The tests' own reader lacks types that are at the owner `kin`: there, which types suffices.
fn readable(zone: &str) -> String {
    let line = |line: &str| match line.strip_prefix("kin ").and_then(|data| data.split(' ').next()) {
        Some(rtype) => format!("kin TYPE{} \\# 0\n", rtype.parse::<domain::base::Rtype>().unwrap().to_int()),
        None => format!("{line}\n"),
    };
    zone.lines().map(line).collect()
}

/// A class, and a server that differs in it.
type Found = BTreeSet<(String, String)>;

/// The rows of the table of classes: `| *class* | servers | whose is right |`.
fn listed(document: &str) -> Found {
    let rows = document.lines().filter_map(|line| line.strip_prefix("| *"));
    rows.flat_map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let class = cells[0].trim_end_matches('*').to_owned();
        cells[1].split(", ").map(|who| (class.clone(), who.to_owned())).collect::<Vec<_>>()
    })
    .collect()
}

/// Asks every server everything; what one of them truncates all are asked over TCP.
fn ask_all(servers: &[std::net::SocketAddr], questions: &[Question]) -> Vec<Vec<Result<Reply, String>>> {
    let mut replies: Vec<Vec<Result<Reply, String>>> = std::thread::scope(|scope| {
        let threads: Vec<_> = servers.iter().map(|server| scope.spawn(|| over_udp(*server, questions))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (index, question) in questions.iter().enumerate() {
        let is_cut = |replies: &Vec<Result<Reply, String>>| replies[index].as_ref().is_ok_and(Reply::truncated);
        if replies.iter().any(is_cut) {
            for (server, replies) in servers.iter().zip(&mut replies) {
                replies[index] = over_tcp(*server, question);
            }
        }
    }
    replies
}
