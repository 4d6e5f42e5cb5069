//! `status` as text for people; programs take `--json`.
//!
//! Input: the status of the running server. Output: lines. Good news is short; each problem has its reason below it.

use super::live;
use crate::daemon::control::protocol::{PassStatus, SourceStatus, Status, UpstreamStatus, ZoneStatus};
use crate::diag::Diagnostic;

/// The lines; `now` is in seconds since 1970.
pub(super) fn lines(status: &Status, now: u64) -> Vec<String> {
    let uptime = humantime::format_duration(std::time::Duration::from_secs(status.uptime_s));
    let mut lines = vec![
        format!("privatelink-dns {}, process {}, up {uptime}", status.version, status.pid),
        format!("listens on {}", status.listen.join(", ")),
        format!("config {}", status.config),
    ];
    trouble(&mut lines, "not taken", &status.config_problems);
    trouble(&mut lines, "waits", &status.waits_for_restart);
    if status.no_list_read {
        lines.push(format!("no list was read yet: {} is SERVFAIL", status.servfail.join(", ")));
    }
    lines.push("zones".to_owned());
    status.zones.iter().for_each(|found| zone(&mut lines, found));
    if !status.sources.is_empty() {
        lines.push("sources".to_owned());
        status.sources.iter().for_each(|found| source(&mut lines, found));
    }
    if !status.live.is_empty() {
        lines.push("read from Azure".to_owned());
        lines.extend(status.live.iter().flat_map(|report| live::lines(report, now)));
    }
    if let Some(seconds) = status.task_running_s {
        lines.push(format!("lists and zones have been read for {seconds} s"));
    }
    if let Some(found) = &status.pass {
        pass(&mut lines, found, status.last_good_pass.as_deref());
    }
    lines.push("upstreams".to_owned());
    status.upstreams.iter().for_each(|found| lines.push(upstream(found)));
    for group in &status.groups {
        lines.push(format!(
            "  for '{}': {} asked, {} shared, {} timed out, {} failed, {} overloaded, {} waiting",
            group.suffix, group.asked, group.shared, group.timeouts, group.failures, group.overloaded, group.waiting
        ));
        lines.extend(group.absent.iter().map(|reason| format!("    not in use: {reason}")));
    }
    lines.push(format!("cache: {} of {} entries", status.cache.entries, status.cache.max_entries));
    let counted: Vec<String> =
        status.counters.iter().filter(|(_, n)| **n > 0).map(|(name, n)| format!("{name} {n}")).collect();
    let counted = if counted.is_empty() { "none".to_owned() } else { counted.join(", ") };
    lines.push(format!("queries: {counted}; {} wait for an upstream", status.pending));
    lines.push(format!("TCP connections: {} open", status.connections));
    lines
}

fn trouble(lines: &mut Vec<String>, what: &str, reasons: &[Diagnostic]) {
    lines.extend(reasons.iter().map(|reason| format!("    {what}: {reason}")));
}

fn zone(lines: &mut Vec<String>, zone: &ZoneStatus) {
    let state = match zone.serial {
        Some(serial) => format!("serial {serial}, {} records", zone.records),
        None => "no good copy yet: SERVFAIL".to_owned(),
    };
    let keeper = if zone.managed { "" } else { ", not written by sync" };
    let misses = if zone.misses == 0 { String::new() } else { format!(", {} not found", zone.misses) };
    lines.push(format!("  {}: {state}{keeper}, on_miss {}{misses}", zone.zone, zone.on_miss));
    trouble(lines, "degraded", &zone.degraded);
}

fn source(lines: &mut Vec<String>, source: &SourceStatus) {
    let when = source.last_good.as_deref().map_or("never read".to_owned(), |at| format!("last good {at}"));
    lines.push(format!("  {} ({}): {when}, {} entries", source.name, source.path, source.entries));
    trouble(lines, "error", &source.errors);
}

fn pass(lines: &mut Vec<String>, pass: &PassStatus, last_good: Option<&str>) {
    lines.push(format!("last pass {}: {}; last good pass {}", pass.at, pass.outcome, last_good.unwrap_or("none")));
    trouble(lines, "error", &pass.errors);
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

fn upstream(upstream: &UpstreamStatus) -> String {
    let count = |name: &str| upstream.counts.get(name).copied().unwrap_or_default();
    let time = upstream.round_trip_ms.map_or(String::new(), |ms| format!(", {ms} ms"));
    let mut lacks = String::new();
    if upstream.without_edns {
        lacks.push_str(", asked without EDNS");
    }
    if upstream.without_case {
        lacks.push_str(", asked in lower case");
    }
    format!(
        "  {}: {}{time}, {} in flight, {} sent, {} answered{lacks}",
        upstream.address,
        upstream.state,
        upstream.in_flight,
        count("sent"),
        count("received")
    )
}
