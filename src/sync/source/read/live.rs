//! Reads the lists of a live source: one file for each scope, which [`crate::sync::live`] writes whole.
//!
//! No copy of them is kept: they lie in `state_dir` already, and hold what the last complete read found. A list that is
//! not there yet, or damaged, makes its source silent: it may hold any record, so none is removed for want of it.

use std::path::Path;

use super::{Bounds, Reading, checked, read_bytes};
use crate::diag::{Diagnostic, Id, Place};
use crate::files;
use crate::sync::MAX_BYTES;
use crate::sync::live::report::LiveReport;
use crate::sync::source::{Listing, LiveList, Settings, SourceError};

/// Octets of a report that is read. It grows with its scopes and their findings.
const MAX_REPORT: u64 = 16 << 20;

/// Reads the list of every scope.
pub(super) fn read(source: &Settings, lists: &[LiveList], report: &Path, bounds: Bounds<'_>) -> Reading {
    let report = last_report(report).unwrap_or_default();
    let mut reading = Reading::default();
    // All lists of a source together may be as large as one list.
    let mut left = MAX_BYTES;
    for list in lists {
        match read_one(source, list, bounds, &mut left) {
            Ok((listing, modified)) => {
                let scope = report.scopes.iter().find(|scope| scope.scope.eq_ignore_ascii_case(&list.scope));
                reading.add(listing, scope.and_then(|scope| scope.last_complete).unwrap_or(modified));
            }
            Err(problems) => {
                reading.is_silent = true;
                problems.into_iter().for_each(|problem| reading.problems.push(problem.of_source(&source.name)));
            }
        }
    }
    reading
}

/// The report of the last read, if there is a whole one.
fn last_report(path: &Path) -> Option<LiveReport> {
    let (bytes, _) = files::read(path, MAX_REPORT).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// A list, and the time when it last changed, seconds since 1970.
fn read_one(
    source: &Settings,
    list: &LiveList,
    bounds: Bounds<'_>,
    left: &mut u64,
) -> Result<(Listing, u64), Vec<Diagnostic>> {
    if list.path.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return Err(vec![unread(source, list)]);
    }
    let damaged = || {
        let text = format!(
            "the list of {} cannot be used: the next read of Azure replaces this file; until then no record is removed for \
             want of it",
            list.scope
        );
        Diagnostic::error(Id::LIST_UNREADABLE, Place::file(&list.path), text)
    };
    let (bytes, stamp) = read_bytes(&list.path, *left)
        .map_err(|(id, problem)| vec![damaged(), Diagnostic::error(id, Place::file(&list.path), problem)])?;
    *left = left.saturating_sub(bytes.len() as u64);
    let listing = checked(source, &list.path, bounds, bytes)
        .map_err(|SourceError(problems)| [damaged()].into_iter().chain(problems.to_vec()).collect::<Vec<_>>())?;
    Ok((listing, stamp.modified()))
}

fn unread(source: &Settings, list: &LiveList) -> Diagnostic {
    let text = format!(
        "{} has not been read yet ('serve' reads it by itself, 'fetch' at once); until then no record is removed for want of \
         it",
        list.scope
    );
    Diagnostic::warning(Id::AZURE_UNREAD, Place::source(&source.name), text)
}
