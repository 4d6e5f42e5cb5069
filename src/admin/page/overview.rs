//! The head of the page: the verdict, the facts about the process, and one tile for each section.

use super::age::{duration, long_duration};
use super::mark::{Mark, Tone};
use super::number::{counted, octets, rate, whole};
use super::{peers, sources, zones};
use crate::diag::printable;
use crate::status::Status;
use crate::status::verdict::Level;

/// A section in a few words.
pub(super) struct Tile {
    /// The id of its section.
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    pub(super) mark: Mark,
    pub(super) more: String,
}

/// How all is, in a word.
pub(super) fn verdict(status: &Status) -> Mark {
    let word = match status.verdict.level {
        Level::Good => "OK",
        Level::Warning => "Warning",
        Level::Error => "Error",
    };
    Mark::new(status.verdict.level, word)
}

/// The title of the document, which a browser's tab shows: "2 errors – dns-a".
pub(super) fn title(status: &Status) -> String {
    format!("{} – {}", found(status), name(status))
}

/// How many errors there are, or how many warnings.
fn found(status: &Status) -> String {
    let count = |level| status.verdict.findings.iter().filter(|finding| finding.level == level).count();
    match (count(Level::Error), count(Level::Warning)) {
        (0, 0) => verdict(status).word,
        (0, warnings) => counted(warnings, "warning"),
        (errors, _) => counted(errors, "error"),
    }
}

/// The name of this server: its host's, or its first address.
fn name(status: &Status) -> String {
    let first = status.server.listen.first().map(String::as_str);
    let name = Some(status.server.host.as_str()).filter(|host| !host.is_empty()).or(first);
    printable(name.unwrap_or("privatelink-dns")).into_owned()
}

/// What and where this process is.
pub(super) fn facts(status: &Status) -> Vec<String> {
    let server = &status.server;
    let mut facts = vec![name(status), format!("privatelink-dns {}", server.version)];
    if let Some(commit) = server.revision.get(..8).or(Some(&server.revision)).filter(|commit| !commit.is_empty()) {
        facts.push(format!("commit {commit}"));
    }
    facts.push(format!("up {}", long_duration(status.at.saturating_sub(server.started))));
    facts.push(format!("answers on {}", server.listen.join(", ")));
    if !status.encryption.dot.is_empty() {
        facts.push(format!("over TLS on {}", status.encryption.dot.join(", ")));
    }
    if !status.encryption.doh.is_empty() {
        facts.push(format!("over HTTPS on {}", status.encryption.doh.join(", ")));
    }
    if let Some(process) = &server.process {
        facts.push(format!("{} of memory", octets(process.resident_bytes)));
    }
    facts.push(match (status.readiness.ready, status.readiness.draining) {
        (true, _) => "ready for clients".to_owned(),
        (false, true) => "stopping".to_owned(),
        (false, false) => "not ready for clients".to_owned(),
    });
    facts
}

/// One tile for each section, in their order.
pub(super) fn tiles(status: &Status) -> Vec<Tile> {
    let mut all = vec![waits(status), source(status), zone(status), upstream(status)];
    all.extend(peer(status));
    all.extend([traffic(status), changes(status)]);
    all
}

fn waits(status: &Status) -> Tile {
    let mark = match status.verdict.findings.len() {
        0 => Mark::new(Tone::Good, "nothing"),
        _ => Mark::new(status.verdict.level, found(status)),
    };
    let checked = match status.pass() {
        Some(pass) => format!("last pass {} ago", duration(status.at.saturating_sub(pass.at))),
        None => "no pass yet".to_owned(),
    };
    Tile { section: "waits", name: "To do", mark, more: checked }
}

/// The mark of several things: how many are as bad as the worst.
fn worst(tones: &[Tone], good: &str, bad: &str) -> Mark {
    let worst = tones.iter().copied().max().unwrap_or(Tone::Quiet);
    match worst {
        Tone::Warning | Tone::Error => {
            let count = tones.iter().filter(|tone| **tone == worst).count();
            Mark::new(worst, format!("{count} of {} {bad}", tones.len()))
        }
        _ if tones.is_empty() => Mark::new(Tone::Quiet, "none"),
        _ => Mark::new(worst, format!("{} {good}", tones.len())),
    }
}

fn source(status: &Status) -> Tile {
    let tones: Vec<Tone> = status.sources.iter().map(|source| sources::mark(status, source).tone).collect();
    let entries: usize = status.sources.iter().map(|source| source.entries).sum();
    let more = if entries == 1 { "1 entry".to_owned() } else { format!("{} entries", whole(entries as u64)) };
    Tile { section: "sources", name: "Sources", mark: worst(&tones, "good", "bad"), more }
}

fn zone(status: &Status) -> Tile {
    let tones: Vec<Tone> = status.zones.iter().map(|zone| zones::mark(zone).tone).collect();
    let records: usize = status.zones.iter().map(|zone| zone.records).sum();
    Tile { section: "zones", name: "Zones", mark: worst(&tones, "served", "bad"), more: counted(records, "record") }
}

fn upstream(status: &Status) -> Tile {
    let any_up = status.upstreams.iter().any(crate::status::upstreams::UpstreamStatus::is_up);
    let tone = |up: bool| match (up, any_up) {
        (true, _) => Tone::Good,
        (false, true) => Tone::Warning,
        (false, false) => Tone::Error,
    };
    let tones: Vec<Tone> = status.upstreams.iter().map(|upstream| tone(upstream.is_up())).collect();
    let in_flight: u64 = status.upstreams.iter().map(|upstream| upstream.in_flight).sum();
    let more = format!("{} in flight", whole(in_flight));
    Tile { section: "upstreams", name: "Upstreams", mark: worst(&tones, "up", "down"), more }
}

/// Peers have a section where there are any.
fn peer(status: &Status) -> Option<Tile> {
    let tones: Vec<Tone> = status.peers.iter().map(|peer| peers::worst(peer, status.at)).collect();
    let transfers: u64 = status.peers.iter().flat_map(|peer| &peer.zones).map(|zone| zone.transfers).sum();
    let mark = worst(&tones, "not behind", "behind");
    (!tones.is_empty()).then(|| Tile {
        section: "peers",
        name: "Peers",
        mark,
        more: format!("{} transferred", whole(transfers)),
    })
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
fn traffic(status: &Status) -> Tile {
    let step_s = status.traffic.step_s.max(1);
    let last = status.traffic.steps.last().copied().unwrap_or_default();
    let failing: u64 = status.traffic.steps.iter().rev().take(6).map(|step| step.servfail).sum();
    let (tone, more) = match failing {
        0 => (Tone::Good, "no SERVFAIL".to_owned()),
        count => (Tone::Warning, format!("{} SERVFAIL in the last minute", whole(count))),
    };
    let mark = Mark::new(tone, format!("{} a second", rate(last.queries as f64 / step_s as f64)));
    Tile { section: "traffic", name: "Queries", mark, more }
}

fn changes(status: &Status) -> Tile {
    let mut counts = crate::sync::state::changes::ChangeCounts::default();
    status.zones.iter().for_each(|zone| counts.add(zone.changed));
    let mark = Mark::new(Tone::Quiet, zones::changed(counts).unwrap_or_else(|| "none".to_owned()));
    Tile { section: "changes", name: "Changes", mark, more: "since the start".to_owned() }
}
