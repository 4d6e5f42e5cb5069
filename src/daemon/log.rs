//! The log messages of the daemon.

use tracing::{error, info, warn};

use crate::diag::{Diagnostic, Severity};
use crate::sync::pass::PassOutcome;
use crate::sync::state::changes::{Changes, addresses};
use crate::zone::store::Report;

/// A diagnostic, with its id as a field.
pub(super) fn found(found: &Diagnostic) {
    match found.severity {
        Severity::Error => error!(id = %found.id, "{found}"),
        Severity::Warning => warn!(id = %found.id, "{found}"),
        Severity::Note => info!(id = %found.id, "{found}"),
    }
}

/// One line for each change of a record, as far as anybody reads them.
pub(super) fn changes(made: &Changes) {
    for change in &made.shown {
        info!(
            zone = change.zone,
            name = change.name,
            rtype = change.rtype,
            before = addresses(&change.before),
            after = addresses(&change.after),
            source = change.source.as_deref().unwrap_or("none"),
            place = change.place.as_deref().unwrap_or("none"),
            approved = change.approved,
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
        let zone = published.apex.without_dot();
        if let Some(before) = published.before {
            info!(zone, records = published.records, "serial {before} -> {}", published.serial);
        } else {
            info!(zone, records = published.records, "serial {} in service", published.serial);
        }
    }
}

/// The diagnostics of the last pass, so that they are not logged again at the next interval.
#[derive(Default)]
pub(super) struct PassLog {
    already_logged: Vec<Diagnostic>,
    last_pass_failed: bool,
}

impl PassLog {
    /// Logs the findings of a pass once: the same findings at the next interval are not logged again.
    pub(super) fn pass(&mut self, outcome: &PassOutcome, config: &str) {
        changes(&outcome.changes);
        let mut found = outcome.warnings.to_vec();
        let notes = found.split_off(found.partition_point(|found| !found.is_note()));
        found.extend(outcome.conflicts.to_vec());
        let errors = outcome.all_errors();
        let has_failed = errors.iter().any(Diagnostic::is_error) || outcome.held.is_some();
        found.extend(errors);
        let held = outcome.held.iter().flat_map(|held| held.for_log(config));
        // Everything that waits for a person is an error in the log.
        found.extend(held.map(|held| Diagnostic { severity: Severity::Error, ..held }));
        found.extend(notes);
        found.iter().filter(|found| !self.already_logged.contains(found)).for_each(self::found);
        if !has_failed && self.last_pass_failed {
            info!("the sync is good again");
        }
        self.last_pass_failed = has_failed;
        self.already_logged = found;
    }
}
