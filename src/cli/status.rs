//! `status` as text for people; programs take `--json`.
//!
//! Input: the status of the running server. Output: lines. The verdict comes first; good news is short, and each
//! problem has its reason below it.

use super::{count, live};
use crate::diag::Diagnostic;
use crate::status::Status;
use crate::status::encryption::EncryptionStatus;
use crate::status::model::{DerivedStatus, SourceStatus, ZoneStatus};
use crate::status::peers::{NotifyStatus, PeerZoneStatus};
use crate::status::sync::{PassStatus, SyncStatus};
use crate::status::upstreams::UpstreamStatus;
use crate::status::verdict::{Finding, Level};
use crate::status::views::{self, ViewSummary};
use crate::sync::pass::rfc3339;

/// The time from which on a pass that runs is worth a line, seconds.
const SHOWN_S: u64 = 3;

/// Zones that are shown, and sources.
const SHOWN: usize = 100;

/// Views that are shown.
const VIEWS: usize = 20;

/// The lines.
pub(super) fn lines(status: &Status) -> Vec<String> {
    let server = &status.server;
    let uptime = humantime::format_duration(std::time::Duration::from_secs(status.at.saturating_sub(server.started)));
    let mut lines = Vec::new();
    verdict(&mut lines, status);
    lines.push(format!("privatelink-dns {}, process {}, up {uptime}", server.version, server.pid));
    lines.push(format!("listens on {}", server.listen.join(", ")));
    encryption(&mut lines, &status.encryption);
    if !server.admin.is_empty() {
        lines.push(format!("admin on {}", server.admin.join(", ")));
    }
    lines.push(format!("config {}", status.config.file));
    trouble(&mut lines, "not taken", &status.config.problems);
    trouble(&mut lines, "waits", &status.config.waits_for_restart);
    lines.push("zones".to_owned());
    let (zones, more) = folded(views::shown_alone(&status.zones).collect(), SHOWN, |zone| !zone.is_well());
    for found in zones {
        zone(&mut lines, found);
    }
    lines.extend(more);
    status.derived.iter().for_each(|found| derived(&mut lines, found));
    of_views(&mut lines, &status.zones);
    if !status.sources.is_empty() {
        lines.push("sources".to_owned());
        let (sources, more) = folded(status.sources.iter().collect(), SHOWN, |source| !source.errors.is_empty());
        for found in sources {
            source(&mut lines, found);
        }
        lines.extend(more);
    }
    if !status.live.is_empty() {
        lines.push("read from Azure".to_owned());
        lines.extend(status.live.iter().flat_map(|report| live::lines(report, status.at)));
    }
    if let Some(seconds) = status.running_s().filter(|seconds| *seconds >= SHOWN_S) {
        lines.push(format!("a pass has been running for {seconds} s"));
    }
    if let Some(found) = status.pass() {
        pass(&mut lines, found, &status.sync);
    }
    changes(&mut lines, status);
    upstreams(&mut lines, status);
    peers(&mut lines, status);
    queries(&mut lines, status);
    lines
}

/// The listeners that encrypt, and their certificates.
fn encryption(lines: &mut Vec<String>, found: &EncryptionStatus) {
    if !found.dot.is_empty() {
        lines.push(format!("DNS over TLS on {}", found.dot.join(", ")));
    }
    if !found.doh.is_empty() {
        lines.push(format!("DNS over HTTPS on {}", found.doh.join(", ")));
    }
    for certificate in &found.certificates {
        lines.push(format!("certificate {}, valid until {}", certificate.file, rfc3339(certificate.valid_until)));
    }
    trouble(lines, "not taken", &found.problems);
}

/// What is wrong, the worst first, each with what helps.
fn verdict(lines: &mut Vec<String>, status: &Status) {
    let verdict = &status.verdict;
    if verdict.level == Level::Good {
        lines.push(verdict.headline.clone());
    }
    for Finding { level, text, what_to_do } in &verdict.findings {
        lines.push(format!("{level}: {text}"));
        lines.extend(what_to_do.iter().flat_map(|help| help.lines()).map(|line| format!("    {line}")));
    }
}

fn upstreams(lines: &mut Vec<String>, status: &Status) {
    lines.push("upstreams".to_owned());
    status.upstreams.iter().for_each(|found| lines.push(upstream(found)));
    for group in &status.groups {
        lines.push(format!(
            "  for '{}': {} asked, {} shared, {} timed out, {} failed, {} overloaded, {} waiting",
            group.suffix, group.asked, group.shared, group.timeouts, group.failures, group.overloaded, group.waiting
        ));
        lines.extend(group.absent.iter().map(|reason| format!("    not in use: {reason}")));
    }
}

/// The servers that may have zones of ours, and which serial each has.
fn peers(lines: &mut Vec<String>, status: &Status) {
    if !status.peers.is_empty() {
        lines.push("peers".to_owned());
    }
    for peer in &status.peers {
        let key = peer.key.as_ref().map_or("known by address".to_owned(), |key| format!("key {key}"));
        let none = if peer.zones.is_empty() { ": none of its zones is hosted here" } else { "" };
        let over = if peer.tls { ", over TLS alone" } else { "" };
        lines.push(format!("  {} ({key}{over}){none}", peer.peer));
        lines.extend(peer.zones.iter().map(|zone| format!("    {}: {}", zone.zone, peer_zone(zone))));
    }
}

fn peer_zone(zone: &PeerZoneStatus) -> String {
    let taken = match (zone.taken, zone.taken_at) {
        (Some(serial), Some(at)) => format!("has serial {serial}, asked {}", rfc3339(at)),
        _ => "has not asked since the start".to_owned(),
    };
    let behind = zone.behind_since.map(|since| {
        let present = zone.serial.map_or("none".to_owned(), |serial| serial.to_string());
        format!("; behind serial {present} since {}", rfc3339(since))
    });
    let refused = zone.refused_at.map(|at| format!("; REFUSED at {}: it did not ask over TLS", rfc3339(at)));
    let told = |told: &NotifyStatus| match (told.state.as_str(), &told.rcode) {
        ("waiting", _) if told.tries > 0 => {
            Some(format!("; {} has not answered {}", told.address, count(told.tries as usize, "NOTIFY message")))
        }
        // One that took the zone since does not refuse it any more: NOTIFY of a new zone is earlier than its catalog.
        (_, Some(rcode)) if zone.behind_since.is_some() => {
            Some(format!("; {} answered NOTIFY with {rcode}", told.address))
        }
        _ => None,
    };
    let told: String = zone.notify.iter().filter_map(told).collect();
    format!(
        "{taken}, {}{}{}{told}",
        count(usize::try_from(zone.transfers).unwrap_or(usize::MAX), "transfer"),
        behind.unwrap_or_default(),
        refused.unwrap_or_default()
    )
}

fn queries(lines: &mut Vec<String>, status: &Status) {
    let (cache, queries) = (&status.cache, &status.queries);
    lines.push(format!("cache: {} of {} entries", cache.entries, cache.max_entries));
    let counted: Vec<String> =
        queries.counters.iter().filter(|(_, n)| **n > 0).map(|(name, n)| format!("{name} {n}")).collect();
    let counted = if counted.is_empty() { "none".to_owned() } else { counted.join(", ") };
    lines.push(format!("queries: {counted}; {} wait for an upstream", queries.waiting));
    lines.push(format!("TCP connections: {} open", queries.connections));
}

fn trouble(lines: &mut Vec<String>, what: &str, reasons: &[Diagnostic]) {
    lines.extend(reasons.iter().map(|reason| format!("    {what}: {reason}")));
}

fn zone(lines: &mut Vec<String>, zone: &ZoneStatus) {
    let state = match zone.serial {
        Some(serial) => format!("serial {serial}, {} records", zone.records),
        None => "no good copy yet: SERVFAIL".to_owned(),
    };
    // Without a good copy nobody knows who wrote it.
    let keeper = if zone.managed || zone.serial.is_none() { "" } else { ", not written by sync" };
    let misses = if zone.misses == 0 { String::new() } else { format!(", {} not found", zone.misses) };
    lines.push(format!("  {}: {state}{keeper}, on_miss {}{misses}", zone.id(), zone.on_miss));
    trouble(lines, "degraded", &zone.degraded);
}

/// Those that are shown, with trouble first if there are too many, and a line about the others.
fn folded<T>(mut all: Vec<T>, limit: usize, is_wrong: impl Fn(&T) -> bool) -> (Vec<T>, Option<String>) {
    if all.len() <= limit {
        return (all, None);
    }
    all.sort_by_key(|one| !is_wrong(one));
    let others = all.split_off(limit);
    let wrong = match others.iter().filter(|one| is_wrong(one)).count() {
        0 => "all well".to_owned(),
        wrong => format!("{wrong} with trouble"),
    };
    (all, Some(format!("  and {} more, {wrong}; status --json has each", others.len())))
}

/// A line for each view: its parts that are wrong stand among the zones.
fn of_views(lines: &mut Vec<String>, zones: &[ZoneStatus]) {
    let (views, more) = folded(views::summaries(zones), VIEWS, |view| view.servfail + view.degraded > 0);
    if !views.is_empty() {
        lines.push("views".to_owned());
    }
    for ViewSummary { view, zones, records, misses, servfail, degraded } in views {
        let wrong = [(misses, "not found"), (servfail as u64, "SERVFAIL"), (degraded as u64, "degraded")];
        let wrong = wrong.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!(", {number} {what}"));
        let wrong: String = wrong.collect();
        lines.push(format!("  {view}: {}, {}{wrong}", count(zones, "zone"), count(records, "record")));
    }
    lines.extend(more);
}

fn derived(lines: &mut Vec<String>, zone: &DerivedStatus) {
    let state = match zone.serial {
        Some(serial) => format!("serial {serial}, {} records", zone.records),
        None => "not made yet".to_owned(),
    };
    lines.push(format!("  {}: {state}, derived: for secondaries alone", zone.zone));
    trouble(lines, "degraded", &zone.degraded);
}

fn source(lines: &mut Vec<String>, source: &SourceStatus) {
    let when = source.last_good.map_or("never read".to_owned(), |at| format!("last good {}", rfc3339(at)));
    let view = source.view.as_ref().map(|view| format!(", for view {view}")).unwrap_or_default();
    lines.push(format!("  {} ({}): {when}, {} entries{view}", source.name, source.path, source.entries));
    let (errors, warnings): (Vec<_>, Vec<_>) = source.errors.iter().cloned().partition(Diagnostic::is_error);
    trouble(lines, "error", &errors);
    trouble(lines, "warning", &warnings);
}

fn pass(lines: &mut Vec<String>, pass: &PassStatus, sync: &SyncStatus) {
    let last_good = sync.last_good.map_or("none".to_owned(), rfc3339);
    let at = rfc3339(pass.at);
    lines.push(format!("last pass {at}: {} in {} ms; last good pass {last_good}", pass.outcome, pass.took_ms));
    if let Some(waiting) = &pass.waiting {
        lines.push(format!(
            "    frozen, {} in {} would be written",
            count(waiting.changes, "change"),
            count(waiting.zones, "zone")
        ));
    }
    // Those of sources stand above.
    let own: Vec<Diagnostic> = pass.errors.iter().filter(|error| error.source.is_none()).cloned().collect();
    trouble(lines, "error", &own);
    trouble(lines, "conflict", &pass.conflicts);
    let (notes, warnings): (Vec<_>, Vec<_>) = pass.warnings.iter().cloned().partition(Diagnostic::is_note);
    trouble(lines, "warning", &warnings);
    if let Some(held) = &pass.held {
        lines.push(match &held.digest {
            Some(digest) => format!("    held back, digest {digest}"),
            None => "    held back".to_owned(),
        });
        lines.extend(held.reasons.iter().map(|reason| format!("    {reason}")));
        lines.extend(held.what_to_do.lines().map(|line| format!("    {line}")));
    }
    trouble(lines, "note", &notes);
}

/// The last changes of records, the newest first; the page has more.
fn changes(lines: &mut Vec<String>, status: &Status) {
    const SHOWN: usize = 5;
    if !status.changes.is_empty() {
        lines.push("last changes".to_owned());
    }
    for change in status.changes.iter().take(SHOWN) {
        let consent = change.consent().map(|consent| format!(", {consent}")).unwrap_or_default();
        lines.push(format!("  {} {change}{consent}", change.at));
    }
}

fn upstream(upstream: &UpstreamStatus) -> String {
    let since = upstream.since.map_or(String::new(), |at| format!(" since {}", rfc3339(at)));
    let time = upstream.round_trip_ms.map_or(String::new(), |ms| format!(", {ms} ms"));
    let mut more = String::new();
    for (lacks, words) in [
        (upstream.without_edns, ", asked without EDNS"),
        (upstream.without_case, ", asked in lower case"),
        (upstream.without_ad, ", asked without AD"),
    ] {
        more.push_str(if lacks { words } else { "" });
    }
    if let Some(error) = &upstream.last_error {
        more = format!("{more}; last error {}: {}", rfc3339(error.at), error.text);
    }
    format!(
        "  {}: {}{since}{time}, {} in flight, {} sent, {} answered{more}",
        upstream.address,
        upstream.state,
        upstream.in_flight,
        upstream.counter("sent"),
        upstream.counter("received")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Id, Place};
    use crate::status::views::tests::troubled;
    use std::path::Path;

    #[test]
    fn a_view_is_one_line_and_only_what_is_wrong_with_it_has_more() {
        let mut status = Status { zones: troubled(20), ..Status::default() };
        let source = SourceStatus { name: "hub".into(), path: "hub.txt".into(), ..SourceStatus::default() };
        status.sources = vec![SourceStatus { view: "spoke-0001".parse().ok(), ..source }];
        let lines = lines(&status);
        for wanted in [
            "  z.example: serial 7, 4 records, on_miss nxdomain",
            "  spoke-0000/z.example: no good copy yet: SERVFAIL, on_miss nxdomain",
            "  spoke-0000: 1 zone, 0 records, 1 SERVFAIL",
            "  spoke-0001: 1 zone, 4 records, 5 not found, 1 degraded",
            "  spoke-0002: 1 zone, 4 records",
            "  hub (hub.txt): never read, 0 entries, for view spoke-0001",
        ] {
            assert!(lines.iter().any(|line| line == wanted), "{wanted}\n{}", lines.join("\n"));
        }
        assert!(!lines.iter().any(|line| line.contains("spoke-0002/")), "nothing is wrong with it");
        assert!(!lines.iter().any(|line| line.contains(" more,")), "all are shown");
    }

    #[test]
    fn of_a_thousand_views_and_sources_those_with_trouble_are_shown_and_the_others_counted() {
        let mut zones = troubled(1_000);
        zones.rotate_left(3);
        let source = |n: u32| SourceStatus { name: format!("s{n}"), ..SourceStatus::default() };
        let mut status = Status { zones, sources: (0..1_000).map(source).collect(), ..Status::default() };
        let wrong = Diagnostic::error(Id::SOURCE_LATE, Place::file(Path::new("s")), "no answer");
        status.sources[999].errors = vec![wrong];
        let said = lines(&status);
        for wanted in
            ["  spoke-0000: 1 zone, 0 records, 1 SERVFAIL", "  and 980 more, all well; status --json has each"]
        {
            assert_eq!(said.iter().filter(|line| *line == wanted).count(), 1, "{wanted}\n{}", said.join("\n"));
        }
        assert!(
            said.iter().any(|line| line.starts_with("  s999 ")) && !said.iter().any(|line| line.starts_with("  s99 "))
        );
        assert!(said.len() < 180, "{}", said.len());
        // All of them.
        let bad = |zone: &ZoneStatus| ZoneStatus { serial: None, ..zone.clone() };
        status.zones = status.zones.iter().map(bad).collect();
        let said = lines(&status);
        assert!(said.contains(&"  and 980 more, 980 with trouble; status --json has each".to_owned()));
        assert!(said.contains(&"  and 901 more, 901 with trouble; status --json has each".to_owned()));
    }
}
