//! The verdict: what the whole state comes to in one line, and what a person should do about it.
//!
//! In: a [`Status`]. Out: its findings, the worst first. `status`, its exit code and the status page show them; nothing
//! else decides what is wrong.

mod peers;

use crate::forward::State;
use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::model::{Status, ZoneStatus};
use super::sync::{FreezeStatus, HeldStatus, PassResult, SyncStatus};
use super::upstreams::UpstreamStatus;
use super::views;
use crate::diag::{self, Diagnostic, Id, Place};
use crate::sync::live::report::LiveReport;
use crate::sync::pass::rfc3339;
pub(super) use peers::behind;

/// The time in which questions for missing names count, seconds.
const MISSES_S: u64 = 600;

/// Seconds beyond `pass_deadline` after which a pass counts as stuck.
const STUCK_S: u64 = 30;

/// How well all is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// All is well.
    #[default]
    Good,
    /// Clients get right answers; a person should look.
    Warning,
    /// Clients get errors or old answers, or something waits for a person.
    Error,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// What the state comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Verdict {
    /// The worst level of the findings.
    pub level: Level,
    /// All of it in one line.
    pub headline: String,
    /// What is wrong, the worst first; empty if all is well.
    pub findings: Vec<Finding>,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What is wrong, and what happens now.
    pub text: String,
    /// The command or the change that helps; `None` where the reasons in the same status say so.
    pub what_to_do: Option<String>,
}

impl Finding {
    pub(super) fn error(text: String) -> Self {
        Self { level: Level::Error, text, what_to_do: None }
    }

    pub(super) fn warning(text: String) -> Self {
        Self { level: Level::Warning, text, what_to_do: None }
    }

    pub(super) fn with(self, what_to_do: impl Into<String>) -> Self {
        Self { what_to_do: Some(what_to_do.into()), ..self }
    }
}

/// The verdict on a status; its own `verdict` is not looked at.
pub fn of(status: &Status) -> Verdict {
    let mut findings = Vec::new();
    process(status, &mut findings);
    status.encryption.findings(status.at, &mut findings);
    zones(status, &mut findings);
    sync(status, &mut findings);
    sources(status, &mut findings);
    upstreams(status, &mut findings);
    findings.extend(behind(&status.peers, status.at, &status.server.listen).into_iter().map(|(_, finding)| finding));
    config(status, &mut findings);
    misses(status, &mut findings);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    let level = findings.iter().map(|finding| finding.level).max().unwrap_or_default();
    let headline = match &findings[..] {
        [] => all_well(status),
        [only] => only.text.clone(),
        [first, others @ ..] => format!("{} (and {} more)", first.text, others.len()),
    };
    Verdict { level, headline, findings }
}

fn all_well(status: &Status) -> String {
    let records: usize = status.zones.iter().map(|zone| zone.records).sum();
    let zones = status.zones.iter().filter(|zone| zone.view.is_none()).count();
    let views = match views::summaries(&status.zones).len() {
        0 => String::new(),
        views => format!(", {}", counted(views, "view")),
    };
    format!(
        "all well: {}, {}{views}, {}, {}",
        counted(zones, "zone"),
        counted(records, "record"),
        counted(status.sources.len(), "source"),
        counted(status.upstreams.len(), "upstream")
    )
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Some names, and how many more there are.
fn some(names: &[&str]) -> String {
    const SHOWN: usize = 3;
    match names.len().checked_sub(SHOWN) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names[..SHOWN].join(", ")),
    }
}

fn process(status: &Status, found: &mut Vec<Finding>) {
    if !status.readiness.is_alive(status.at) {
        let text = "the daemon's loop is stuck: queries are answered, but no list, zone or config is read";
        found.push(Finding::error(text.to_owned()).with("restart the server, and report this with the log"));
    }
    for failed in status.server.admin_failed.iter().chain(&status.server.absent) {
        found.push(Finding::warning(failed.to_string()));
    }
    if status.readiness.draining {
        found.push(Finding::warning("the server is stopping; queries are still answered".to_owned()));
    }
}

fn zones(status: &Status, found: &mut Vec<Finding>) {
    let servfail: Vec<&str> = status.readiness.servfail.iter().map(String::as_str).collect();
    if status.no_list_read {
        let text =
            format!("no list was read yet; until one is, the answer is SERVFAIL for names below {}", some(&servfail));
        found.push(Finding::error(text).with("put a list where a source looks for it, or mend the source"));
    } else if !servfail.is_empty() {
        let text = format!("no good copy of {}: its names are SERVFAIL", some(&servfail));
        let help = "mend the zone file or the sources; the reasons are at the zone; a file of sync's that was moved away is \
                    written anew";
        found.push(Finding::error(text).with(help));
    }
    let degraded = status.zones.iter().filter(|zone| zone.serial.is_some() && !zone.degraded.is_empty());
    let degraded: Vec<String> = degraded.map(ZoneStatus::id).collect();
    let names = some(&degraded.iter().map(String::as_str).collect::<Vec<_>>());
    match degraded.len() {
        0 => {}
        1 => {
            let text = format!("the file of {names} is not good: its last good copy is served");
            found.push(Finding::error(text).with("mend the file; the reasons are at the zone"));
        }
        _ => {
            let text = format!("the files of {names} are not good: their last good copies are served");
            found.push(Finding::error(text).with("mend the files; the reasons are at each zone"));
        }
    }
    for zone in status.derived.iter().filter(|zone| !zone.degraded.is_empty()) {
        let text = format!("{} is not up to date: secondaries may lack the last changes", zone.zone);
        found.push(Finding::warning(text).with("the reasons are at the zone; clients of this server miss nothing"));
    }
}

fn sync(status: &Status, found: &mut Vec<Finding>) {
    let sync = &status.sync;
    if let Some(seconds) = status.running_s().filter(|seconds| *seconds > sync.pass_deadline_s + STUCK_S) {
        let text = format!("a pass has been running for {seconds} s: what is in service stays");
        found.push(Finding::error(text).with("check whether the disk of zone_dir or a share with lists hangs"));
    }
    frozen(sync, found);
    let Some(pass) = &sync.pass else { return };
    if let Some(held) = &pass.held {
        found.push(held_back(held));
    }
    if pass.outcome == PassResult::Failed {
        let own = pass.errors.iter().find(|error| error.is_error() && error.source.is_none());
        let why = own.map_or_else(String::new, |error| format!(": {error}"));
        let text = format!("the last pass could not do everything, what is in service stays{why}");
        found.push(Finding::error(text).with("the next pass tries again; mend what the reason names"));
    }
    if !pass.conflicts.is_empty() {
        let text =
            format!("lists disagree ({}): those records stay as they are", counted(pass.conflicts.len(), "conflict"));
        found.push(Finding::error(text).with("have one list name each of these records"));
    }
    let mut warnings = pass.warnings.iter().filter(|warning| !warning.is_note());
    if let Some(first) = warnings.next() {
        let more = match warnings.count() {
            0 => String::new(),
            more => format!(" (and {})", counted(more, "more warning")),
        };
        found.push(Finding::warning(format!("{first}{more}")));
    }
}

/// What waits for a person's consent, or for the end of a freeze, each with a key that tells it from another.
pub(super) fn waits(sync: &SyncStatus) -> Vec<(String, Finding)> {
    let freeze = sync.frozen.as_ref().map(|freeze| ("frozen".to_owned(), freeze_of(freeze, sync)));
    let held = sync.pass.as_ref().and_then(|pass| pass.held.as_ref());
    let held = held.map(|held| (format!("held {}", held.digest.as_deref().unwrap_or_default()), held_back(held)));
    freeze.into_iter().chain(held).collect()
}

fn freeze_of(freeze: &FreezeStatus, sync: &SyncStatus) -> Finding {
    let since = freeze.since.map(|since| format!(" since {}", rfc3339(since))).unwrap_or_default();
    let waiting = sync.pass.as_ref().and_then(|pass| pass.waiting.as_ref());
    let waits = match waiting.map(|waiting| waiting.changes) {
        None => String::new(),
        Some(0) => ", and nothing waits".to_owned(),
        Some(1) => ", and 1 change waits".to_owned(),
        Some(changes) => format!(", and {changes} changes wait"),
    };
    let said = freeze.said();
    let text =
        format!("the sync has been frozen{since}{said}; it writes no zone file{waits}; what is in service stays");
    Finding::warning(text).with(format!("when the lists are right, run: {}", freeze.what_to_do))
}

fn frozen(sync: &SyncStatus, found: &mut Vec<Finding>) {
    let Some(freeze) = &sync.frozen else { return };
    found.push(freeze_of(freeze, sync));
    if let Some(problem) = &freeze.problem {
        found.push(Finding::error(problem.to_string()).with(freeze.what_to_do.clone()));
    }
    let waiting = sync.pass.as_ref().and_then(|pass| pass.waiting.as_ref());
    let gone: Vec<&str> = waiting.iter().flat_map(|waiting| &waiting.gone).map(String::as_str).collect();
    if !gone.is_empty() {
        let text = format!(
            "the zone file of {} is gone and is not written anew while the sync is frozen: its last good copy is served, \
             and a restart would lose it",
            some(&gone)
        );
        found.push(Finding::error(text).with(format!("put the file back, or run: {}", freeze.what_to_do)));
    }
}

fn held_back(held: &HeldStatus) -> Finding {
    let zones = held.reasons.iter().filter_map(|reason| match &reason.place {
        Place::Zone { zone } => Some(zone.as_str()),
        _ => None,
    });
    let zones: BTreeSet<&str> = zones.collect();
    let zones = some(&zones.into_iter().collect::<Vec<_>>());
    let of = if zones.is_empty() { String::new() } else { format!(" of {zones}") };
    let (waits, help) = match &held.digest {
        Some(_) => ("they wait for consent", format!("if a list is wrong, mend it; {}", held.what_to_do)),
        None => ("they cannot be approved", held.what_to_do.clone()),
    };
    Finding::error(format!("changes{of} are held back: clients get what was there before; {waits}")).with(help)
}

fn sources(status: &Status, found: &mut Vec<Finding>) {
    for source in &status.sources {
        let live = status.live.iter().find(|report| report.source == source.name);
        let mut all = source.errors.iter().chain(live.into_iter().flat_map(LiveReport::all_problems));
        let Some(first) = worst(&mut all) else { continue };
        // A place that is the source itself says nothing new.
        let is_known = matches!(&first.place, Place::Source { source: name } if *name == source.name);
        let why = if is_known { first.text.clone() } else { first.to_string() };
        let of = source.view.as_ref().map(|view| format!(" of view {view}")).unwrap_or_default();
        let text = match source.last_good {
            Some(_) => format!("source '{}'{of} fails, its last good lists stay in use: {why}", source.name),
            None => format!("source '{}'{of} gives nothing: {why}", source.name),
        };
        let finding = if first.is_error() { Finding::error(text) } else { Finding::warning(text) };
        found.push(finding.with(help(first, &status.config.file)));
    }
}

/// What helps a source with such a problem.
fn help(problem: &Diagnostic, config: &str) -> String {
    let text = match problem.id {
        Id::SOURCE_NO_FILES if !problem.is_error() => {
            return format!(
                "docs/lists.md has the forms that are read; to see what is read of yours, run: {}",
                diag::command(&["check"], config)
            );
        }
        Id::SOURCE_LATE => "check the share or the disk that its lists are on; the other sources go on",
        Id::SOURCE_NO_FILES => "put its lists there, or correct its path in the config; the other sources go on",
        Id::AZURE_UNREAD => "the server reads it by itself, as soon as Azure answers",
        Id::AZURE_NO_TOKEN | Id::AZURE_FORBIDDEN | Id::AZURE_NO_SCOPE => {
            let check = diag::command(&["check", "--online"], config);
            return format!("to see which right is missing, run: {check}; the other sources go on");
        }
        id if id.as_str().starts_with("azure-") => "its lists stay as they are until Azure was read again",
        _ => "mend its lists; the other sources go on",
    };
    text.to_owned()
}

/// The first error, or else the first warning.
fn worst<'d>(found: &mut dyn Iterator<Item = &'d Diagnostic>) -> Option<&'d Diagnostic> {
    let mut warning = None;
    for each in found {
        if each.is_error() {
            return Some(each);
        }
        if !each.is_note() {
            warning = warning.or(Some(each));
        }
    }
    warning
}

fn upstreams(status: &Status, found: &mut Vec<Finding>) {
    let all_down = !status.upstreams.is_empty() && !status.upstreams.iter().any(UpstreamStatus::is_up);
    let what = |upstream: &UpstreamStatus| {
        let last = upstream.last_error.as_ref().map(|error| format!(" ({})", error.text)).unwrap_or_default();
        match upstream.state {
            State::Looping => format!("upstream {} leads back to this server and is not asked", upstream.address),
            _ => format!("upstream {} does not answer{last}", upstream.address),
        }
    };
    for upstream in status.upstreams.iter().filter(|upstream| !upstream.is_up()) {
        let then = "; names that are forwarded are SERVFAIL unless they are cached, our zones go on";
        let finding = if all_down { Finding::error(what(upstream) + then) } else { Finding::warning(what(upstream)) };
        found.push(finding.with(match upstream.state {
            State::Looping => "take it out of upstreams, or have it forward these names elsewhere",
            _ => "check that it runs, and that UDP and TCP reach it from here",
        }));
    }
    for group in status.groups.iter().filter(|group| !group.absent.is_empty()) {
        let text = format!("for '{}', entries of upstreams are not in use: {}", group.suffix, group.absent.join("; "));
        found.push(Finding::warning(text));
    }
}

fn config(status: &Status, found: &mut Vec<Finding>) {
    if let Some(first) = status.config.problems.first() {
        let text = format!("the newest config is not taken, the one before stays in service: {first}");
        found.push(Finding::error(text).with(diag::command(&["check"], &status.config.file)));
    }
    for waiting in &status.config.waits_for_restart {
        found.push(Finding::warning(waiting.to_string()).with("restart the server"));
    }
}

fn misses(status: &Status, found: &mut Vec<Finding>) {
    let steps = status.traffic.steps.iter().filter(|step| step.at + MISSES_S > status.at);
    let count: u64 = steps.map(|step| step.misses).sum();
    if count > 0 {
        let text = format!("{count} questions of the last 10 minutes asked for names that no list has");
        found.push(Finding::warning(text).with("compare the names below the zones with the endpoints in Azure"));
    }
}

#[cfg(test)]
mod tests;
