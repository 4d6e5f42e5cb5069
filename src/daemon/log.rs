//! How the daemon speaks in the log.

use tracing::{error, info, warn};

use crate::diag::{Diagnostic, Severity};
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
        more => info!(more, "records changed that are not told one by one; see changes.jsonl in state_dir"),
    }
}

/// What a reading of zones found and changed.
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
