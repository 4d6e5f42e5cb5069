//! `plan` and `sync`: what would change, and one pass by hand.

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::SystemTime;

use super::progress::Progress;
use super::{CHANGES, FAILED, HELD, complain, fail, paint, say, usage};
use crate::config::Config;
use crate::sync::apply::Written;
use crate::sync::gather::Gatherer;
use crate::sync::guard::{self, Review};
use crate::sync::pass::{self, SourceReport};
use crate::sync::plan::{Digest, Remarks, write_json, write_text};
use crate::zone::store::Store;

/// Shows what sync would change.
pub(super) fn plan(config: &Config, json: bool) -> ExitCode {
    let progress = Progress::start();
    let zones = Store::new(config.zones.clone()).reload().zones;
    let show = |step: crate::sync::progress::Step<'_>| progress.show(step);
    let look = pass::look(&config.sync, &zones, &mut Gatherer::default(), SystemTime::now(), &show);
    drop(progress);
    let mut problems: Vec<String> = look.sources.iter().flat_map(problems_of).collect();
    problems.extend(look.errors.lines());
    let review = guard::review(look.plan, &look.bases, &config.sync.guard(), None);
    let failed = !problems.is_empty();
    for problem in &problems {
        complain(format!("error: {problem}"));
    }
    if json {
        show_json(&review, problems);
    } else {
        show_text(&review, config);
    }
    match (failed, &review.held, review.view().has_changes()) {
        (true, ..) => ExitCode::from(FAILED),
        (false, Some(_), _) => ExitCode::from(HELD),
        (false, None, true) => ExitCode::from(CHANGES),
        (false, None, false) => ExitCode::SUCCESS,
    }
}

fn show_json(review: &Review, problems: Vec<String>) {
    let held = review.held.as_deref();
    let remarks = Remarks {
        refused: held.map(guard::UnsafePlan::reasons).unwrap_or_default(),
        digest: held.filter(|held| held.is_approvable()).map(|held| held.digest),
        problems,
    };
    let mut text = Vec::new();
    // Writing to a Vec cannot fail.
    let _ = write_json(&review.view(), &remarks, &mut text);
    say(String::from_utf8_lossy(&text).trim_end());
}

fn show_text(review: &Review, config: &Config) {
    let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut text = Vec::new();
    // Writing to a Vec cannot fail.
    let _ = write_text(&review.view(), colour, &mut text);
    paint(String::from_utf8_lossy(&text).trim_end());
    let file = crate::diag::path(&config.file);
    if let Some(held) = &review.held {
        say(held.message(&file));
    }
    if review.approved.plan().has_changes() {
        let rest = if review.held.is_some() { "the rest" } else { "it" };
        say(format!("to write {rest}: privatelink-dns sync --config {file}"));
    }
}

/// What is wrong with a source, and what that means for its records.
pub(super) fn problems_of(source: &SourceReport) -> Vec<String> {
    let mut lines = source.problems.lines();
    if !lines.is_empty() {
        let name = crate::diag::printable(&source.name);
        lines.push(match source.read_at {
            Some(at) => {
                let at = humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + std::time::Duration::from_secs(at));
                format!("source '{name}': what it gave before stands, the oldest of {at}; other sources go on")
            }
            None => format!("source '{name}': gives nothing; no record is removed for want of it, other sources go on"),
        });
    }
    lines
}

/// One pass.
pub(super) fn sync(config: &Config, approve: Option<&str>) -> ExitCode {
    let approved: Option<Digest> = match approve.map(str::parse).transpose() {
        Ok(approved) => approved,
        Err(error) => return usage(error),
    };
    let progress = Progress::start();
    let zones = Store::new(config.zones.clone()).reload().zones;
    let show = |step: crate::sync::progress::Step<'_>| progress.show(step);
    let mut gatherer = Gatherer::default();
    let mut outcome = pass::run(&config.sync, &zones, &mut gatherer, approved, SystemTime::now(), &show);
    let remembered =
        outcome.aftermath.take().map_or(Ok(()), |aftermath| aftermath.remember(&mut pass::Seen::default()));
    drop(progress);
    for warning in outcome.warnings.lines().into_iter().chain(remembered.err().map(|error| error.to_string())) {
        complain(format!("warning: {warning}"));
    }
    for conflict in outcome.conflicts.lines() {
        complain(format!("conflict: {conflict}"));
    }
    for problem in outcome.sources.iter().flat_map(problems_of).chain(outcome.errors.lines()) {
        complain(format!("error: {problem}"));
    }
    outcome.changes.shown.iter().for_each(say);
    match outcome.changes.total - outcome.changes.shown.len() {
        0 => {}
        more => say(format!("and {more} more changes")),
    }
    outcome.applied.written.iter().for_each(tell);
    outcome.applied.errors.iter().for_each(|error| complain(format!("error: {error}")));
    if let Some(held) = &outcome.held {
        complain(held.message(&crate::diag::path(&config.file)));
    }
    if outcome.has_failed() || !outcome.is_complete() {
        return fail("not everything could be done; what is in service for the rest stays");
    }
    if outcome.held.is_some() {
        return ExitCode::from(HELD);
    }
    if outcome.applied.written.is_empty() {
        say("nothing to change");
    }
    ExitCode::SUCCESS
}

fn tell(zone: &Written) {
    let (created, updated, deleted) = zone.changed;
    let before = zone.before.map_or_else(|| "new".to_owned(), |serial| serial.to_string());
    say(format!(
        "{}: serial {before} -> {}, {created} created, {updated} changed, {deleted} removed, {} records",
        zone.apex.without_dot(),
        zone.serial,
        zone.records
    ));
}
