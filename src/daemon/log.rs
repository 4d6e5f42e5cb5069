//! The log messages of the daemon.

mod peers;
mod reminder;
mod upstreams;

use std::collections::BTreeSet;

use tracing::{debug, error, info, warn};

use crate::diag::{Diagnostic, Severity};
use crate::status::verdict::{Finding, Level};
use crate::sync::guard::{ApproveCommand, Consent};
use crate::sync::pass::{PassOutcome, SourceReport};
use crate::sync::state::changes::{Changes, addresses};
use crate::transfer::board::{Board, News};
use crate::zone::ViewName;
use crate::zone::store::Report;
pub(super) use peers::PeerLog;
pub(super) use reminder::Reminder;
use upstreams::Transition;
pub(super) use upstreams::UpstreamLog;

/// A diagnostic, with its id as a field.
pub(super) fn found(found: &Diagnostic) {
    match found.severity {
        Severity::Error => error!(id = %found.id, "{found}"),
        Severity::Warning => warn!(id = %found.id, "{found}"),
        Severity::Note => info!(id = %found.id, "{found}"),
    }
}

/// Somebody consents to held changes; a pass finds out whether they are still these.
pub(super) fn consent(consent: &Consent) {
    info!(by = consent.by, digest = %consent.digest, "consent to held changes");
}

/// One line for each change of a record, as far as anybody reads them.
pub(super) fn changes(made: &Changes) {
    for change in &made.shown {
        info!(
            zone = change.zone,
            view = change.view.as_ref().map(ViewName::as_str),
            name = change.name,
            rtype = change.rtype,
            before = addresses(&change.before),
            after = addresses(&change.after),
            source = change.source.as_deref().unwrap_or("none"),
            place = change.place.as_deref().unwrap_or("none"),
            approved = change.approved,
            by = change.by.as_deref().unwrap_or("none"),
            "record changed"
        );
    }
    match made.total - made.shown.len() {
        0 => {}
        more => info!(more, "more records changed; see changes.jsonl in state_dir"),
    }
}

/// Logs the findings and changes of a reading of zones.
pub(super) fn report(report: &Report) {
    report.errors.iter().chain(&report.warnings).for_each(found);
    for published in &report.published {
        let zone = published.zone.to_string();
        if let Some(before) = published.before {
            info!(zone, records = published.records, "serial {before} -> {}", published.serial);
        } else {
            info!(zone, records = published.records, "serial {} in service", published.serial);
        }
    }
}

/// Something that still waits for a person.
pub(super) fn still_waits(waits: &Finding) {
    let what_to_do = waits.what_to_do.as_deref().unwrap_or_default();
    if waits.level == Level::Error {
        error!("reminder: {}; {what_to_do}", waits.text);
    } else {
        warn!("reminder: {}; {what_to_do}", waits.text);
    }
}

/// The sources of a pass.
pub(super) fn sources(sources: &[SourceReport]) {
    for source in sources {
        let errors = source.problems.count(Severity::Error);
        debug!(source = source.name, entries = source.entries, errors, "source read");
    }
}

/// Complete transfers of zones to peers: one line for each peer and zone, however many there were.
pub(super) fn transfers(board: &Board) {
    for ((peer, zone), News { serial, is_whole, transfers }) in board.take_news() {
        let (zone, what) = (zone.without_dot(), if is_whole { "whole" } else { "changes" });
        info!(peer = &*peer, zone, what, transfers, "serial {serial} taken");
    }
}

/// A transition of an upstream or a peer.
pub(super) fn transition(Transition { is_good, text }: &Transition) {
    if *is_good { info!("{text}") } else { warn!("{text}") }
}

/// The diagnostics of the last pass, so that they are not logged again at the next interval.
#[derive(Default)]
pub(super) struct PassLog {
    already_logged: Vec<Diagnostic>,
    last_pass_failed: bool,
    failing_sources: BTreeSet<String>,
}

impl PassLog {
    /// Logs the findings of a pass once: the same findings at the next interval are not logged again.
    pub(super) fn pass(&mut self, outcome: &PassOutcome, config: &str, running: bool) {
        changes(&outcome.changes);
        let mut found = outcome.warnings.to_vec();
        let notes = found.split_off(found.partition_point(|found| !found.is_note()));
        found.extend(outcome.conflicts.to_vec());
        let errors = outcome.all_errors();
        let has_failed = errors.iter().any(Diagnostic::is_error) || outcome.held.is_some();
        found.extend(errors);
        let command = ApproveCommand { config, running, frozen: outcome.frozen.is_some(), undo: false };
        let held = outcome.held.iter().flat_map(|held| held.for_log(command));
        // Everything that waits for a person is an error in the log.
        found.extend(held.map(|held| Diagnostic { severity: Severity::Error, ..held }));
        found.extend(notes);
        found.iter().filter(|found| !self.already_logged.contains(found)).for_each(self::found);
        for source in self.good_again(&outcome.sources) {
            info!(source, "the source is good again");
        }
        if !has_failed && self.last_pass_failed {
            info!("the sync is good again");
        }
        self.last_pass_failed = has_failed;
        self.already_logged = found;
    }

    /// The sources that failed in the last pass and do not in this one.
    fn good_again(&mut self, sources: &[SourceReport]) -> Vec<String> {
        let is_failing = |source: &&SourceReport| source.problems.count(Severity::Error) > 0;
        let failing: BTreeSet<String> = sources.iter().filter(is_failing).map(|source| source.name.clone()).collect();
        let before = std::mem::replace(&mut self.failing_sources, failing);
        let is_there = |name: &String| sources.iter().any(|source| source.name == *name);
        before.into_iter().filter(|name| !self.failing_sources.contains(name)).filter(is_there).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Diagnostics, Id, Place};

    fn report(name: &str, errors: usize) -> SourceReport {
        let mut problems = Diagnostics::default();
        for _ in 0..errors {
            problems.error(|| Diagnostic::error(Id::LIST_SYNTAX, Place::source(name), "x"));
        }
        SourceReport { name: name.to_owned(), problems, ..SourceReport::default() }
    }

    #[test]
    fn a_source_is_good_again_once_and_not_if_it_is_gone() {
        let mut log = PassLog::default();
        let passes = [
            vec![report("a", 2), report("b", 1)],
            vec![report("a", 1), report("b", 0)],
            vec![report("a", 0), report("b", 0)],
            vec![report("a", 1), report("b", 0)],
            vec![report("b", 0)],
        ];
        let said: Vec<Vec<String>> = passes.iter().map(|sources| log.good_again(sources)).collect();
        assert_eq!(said, [vec![], vec!["b"], vec!["a"], vec![], vec![]]);
    }
}
