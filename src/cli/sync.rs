//! `plan` and `sync`: shows the changes, and makes one pass by hand.

use std::process::ExitCode;
use std::time::SystemTime;

use super::progress::ProgressLine;
use super::{CHANGES, FAILED, HELD, fail, freeze, print, print_diagnostic, print_error, unseen, usage};
use crate::config::Config;
use crate::control::who::{Peer, Who};
use crate::diag::{Diagnostic, Id, Place};
use crate::sync::apply::Written;
use crate::sync::gather::Gatherer;
use crate::sync::guard::{self, ApproveCommand, Consent, Review};
use crate::sync::pass::{self, Frozen, SourceReport};
use crate::sync::plan::{self, Digest, Remarks, write_json, write_text};
use crate::zone::store::Store;

/// Shows what sync would change.
pub(super) fn plan(config: &Config, json: bool) -> ExitCode {
    if let Some(refused) = unseen::zones_or_state(config, &["plan"]) {
        return refused;
    }
    let progress = ProgressLine::start();
    let zones = Store::new(config.zones.clone()).reload().zones;
    let show = |step: crate::sync::progress::PassStep<'_>| progress.show(step);
    let planned = pass::dry_run(&config.sync, &zones, &mut Gatherer::default(), SystemTime::now(), &show);
    drop(progress);
    let mut problems: Vec<Diagnostic> = planned.sources.iter().flat_map(problems_of).collect();
    problems.extend(planned.errors.to_vec());
    let review = guard::review(planned.plan, &planned.bases, &config.sync.guard(), None);
    let failed = problems.iter().any(Diagnostic::is_error);
    problems.iter().for_each(print_diagnostic);
    let frozen = config.sync.state.frozen();
    if json {
        show_json(&review, &problems);
    } else {
        show_text(&review, config, frozen.is_some());
    }
    let waiting = review.view().waiting();
    let has_changes = waiting.zones > 0;
    let frozen = frozen.map(|freeze| Frozen { freeze, waiting });
    if let Some(frozen) = &frozen {
        freeze::show_outcome(frozen, &config.file);
    }
    match (failed, review.held.is_some() || frozen.is_some(), has_changes) {
        (true, ..) => ExitCode::from(FAILED),
        (false, true, true) => ExitCode::from(HELD),
        (false, false, true) => ExitCode::from(CHANGES),
        (false, _, false) => ExitCode::SUCCESS,
    }
}

fn show_json(review: &Review, problems: &[Diagnostic]) {
    let held = review.held.as_deref();
    let remarks = Remarks {
        refused: lines(&held.map(guard::UnsafePlan::reasons).unwrap_or_default()),
        digest: held.filter(|held| held.is_approvable()).map(|held| held.digest),
        problems: lines(problems),
    };
    let mut text = Vec::new();
    // Writing to a Vec cannot fail.
    let _ = write_json(&review.view(), &remarks, &mut text);
    print(String::from_utf8_lossy(&text).trim_end());
}

fn lines(found: &[Diagnostic]) -> Vec<String> {
    found.iter().map(Diagnostic::to_string).collect()
}

fn show_text(review: &Review, config: &Config, is_frozen: bool) {
    // A reader that went away ends the output, not the run.
    let _ = write_text(&review.view(), &mut anstream::stdout());
    views_to_paste(&review.view(), config).iter().for_each(print);
    let file = crate::diag::path(&config.file);
    if let Some(held) = &review.held {
        print(held.message(ApproveCommand { frozen: is_frozen, ..ApproveCommand::by_hand(&file) }));
    }
    if review.approved.plan().has_changes() && !is_frozen {
        let rest = if review.held.is_some() { "the rest" } else { "it" };
        print(format!("to apply {rest}, run: {}", crate::diag::command(&["sync"], &file)));
    }
}

/// The views that would settle what lists disagree about, as lines for the config; `None` if there are none.
pub(super) fn views_to_paste(plan: &plan::View<'_>, config: &Config) -> Option<String> {
    let lines = plan::views_to_paste(plan, &config.sync.sources, &config.sync.views)?;
    let file = crate::diag::path(&config.file);
    Some(format!(
        "\nEndpoints of different networks have different addresses. For views that give each network its own, add this to \
         {file};\nwhoever is in no view keeps the addresses of the first:\n\n{}\n",
        lines.trim_end()
    ))
}

/// Whether a problem of a source is that its first list is yet to come, or that Azure was not read yet.
pub(super) fn is_to_come(problem: &Diagnostic) -> bool {
    problem.id == Id::AZURE_UNREAD || (problem.id == Id::SOURCE_NO_FILES && !problem.is_error())
}

/// The problems of a source, and their effect on its records.
pub(super) fn problems_of(source: &SourceReport) -> Vec<Diagnostic> {
    let mut problems = source.problems.to_vec();
    // That says all there is to say.
    if problems.iter().all(is_to_come) {
        return problems;
    }
    let (id, text) = source.last_good().map_or_else(
        || {
            let text = "gives no records; no record is removed because of that, and other sources are not affected";
            (Id::SOURCE_SILENT, text.to_owned())
        },
        |at| {
            let text = format!("its last good lists stay in use, the oldest of {at}; other sources are not affected");
            (Id::SOURCE_STANDS_IN, text)
        },
    );
    problems.push(Diagnostic::error(id, Place::source(&source.name), text).of_source(&source.name));
    problems
}

fn print_changes(outcome: &pass::PassOutcome) {
    outcome.changes.shown.iter().for_each(print);
    match outcome.changes.total - outcome.changes.shown.len() {
        0 => {}
        more => print(format!("and {more} more changes")),
    }
}

/// One pass.
pub(super) fn sync(config: &Config, approve: Option<&str>) -> ExitCode {
    let consent = match approve.map(str::parse).transpose() {
        Ok(digest) => digest.map(|digest: Digest| Consent { digest, by: Who::of(Peer::own()).to_string() }),
        Err(error) => return usage(error),
    };
    if let Some(refused) = unseen::zones_or_state(config, &["sync"]) {
        return refused;
    }
    let progress = ProgressLine::start();
    let zones = Store::new(config.zones.clone()).reload().zones;
    let show = |step: crate::sync::progress::PassStep<'_>| progress.show(step);
    let mut gatherer = Gatherer::default();
    let mut outcome = pass::run(&config.sync, &zones, &mut gatherer, consent.as_ref(), SystemTime::now(), &show);
    let remembered =
        outcome.aftermath.take().map_or(Ok(()), |aftermath| aftermath.remember(&mut pass::Seen::default()));
    drop(progress);
    let not_remembered = remembered.err().map(|error| pass::not_remembered(&error));
    let (notes, warnings): (Vec<_>, Vec<_>) = outcome.warnings.to_vec().into_iter().partition(Diagnostic::is_note);
    warnings.iter().chain(&not_remembered).for_each(print_diagnostic);
    for conflict in outcome.conflicts.lines() {
        print_error(format!("conflict: {conflict}"));
    }
    outcome
        .sources
        .iter()
        .flat_map(problems_of)
        .chain(outcome.errors.to_vec())
        .for_each(|error| print_diagnostic(&error));
    print_changes(&outcome);
    outcome.applied.written.iter().for_each(print_applied);
    outcome.applied.errors.iter().for_each(|error| print_diagnostic(&error.diagnostic()));
    if let Some(held) = &outcome.held {
        let file = crate::diag::path(&config.file);
        print_error(
            held.message(ApproveCommand { frozen: outcome.frozen.is_some(), ..ApproveCommand::by_hand(&file) }),
        );
    }
    if let Some(frozen) = &outcome.frozen {
        freeze::show_outcome(frozen, &config.file);
    }
    notes.iter().for_each(print_diagnostic);
    if outcome.has_failed() || !outcome.is_complete() {
        return fail("not everything could be done; the rest stays as it is in service");
    }
    if outcome.held.is_some() || outcome.is_frozen() {
        return ExitCode::from(HELD);
    }
    if outcome.applied.written.is_empty() {
        print("nothing to change");
    }
    ExitCode::SUCCESS
}

fn print_applied(zone: &Written) {
    let (created, updated, deleted) = zone.changed;
    let before = zone.before.map_or_else(|| "new".to_owned(), |serial| serial.to_string());
    print(format!(
        "{}: serial {before} -> {}, {created} created, {updated} changed, {deleted} removed, {} records",
        zone.zone, zone.serial, zone.records
    ));
}
