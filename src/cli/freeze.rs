//! `freeze` and `thaw`, and what other verbs say of a freeze.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::control::{passed, unexpected, with_reply};
use super::{FAILED, count, print, print_diagnostic, print_error};
use crate::control::protocol::{ControlReply, ControlRequest};
use crate::diag;
use crate::status::sync::{FreezeStatus, WaitingStatus};
use crate::sync::pass::{Frozen, rfc3339};
use crate::sync::plan::Waiting;
use crate::sync::state::freeze::by_whom;

/// Has the server write no zone file until thaw.
pub(super) fn freeze(file: Result<PathBuf, String>, reason: &[String]) -> ExitCode {
    let reason = Some(reason.join(" ")).filter(|reason| !reason.is_empty());
    with_reply(file, &ControlRequest::Freeze { reason }, |reply| match reply {
        ControlReply::Frozen { reason, since, is_settled } => {
            let why = by_whom(None, reason.as_deref());
            print(format!("frozen since {}{why}: no zone file is written until thaw", rfc3339(since)));
            if is_settled {
                return ExitCode::SUCCESS;
            }
            print_error("warning: a sync that began before is still writing; what it writes comes into service");
            ExitCode::from(FAILED)
        }
        other => unexpected(other),
    })
}

/// Ends the freeze; what waited is planned, reviewed and written.
pub(super) fn thaw(file: Result<PathBuf, String>) -> ExitCode {
    with_reply(file, &ControlRequest::Thaw, |reply| match reply {
        ControlReply::Passed(pass) => {
            print("not frozen any more; a pass was made:");
            passed(&pass)
        }
        other => unexpected(other),
    })
}

/// Says that a pass by hand wrote nothing.
pub(super) fn show_outcome(frozen: &Frozen, config: &Path) {
    if let Some(problem) = &frozen.freeze.problem {
        print_diagnostic(problem);
    }
    let since = Some(frozen.freeze.since).filter(|since| *since > 0);
    let Waiting { changes, zones, .. } = frozen.waiting;
    say(since, &frozen.freeze.by_whom(), (changes, zones), &diag::path(config));
    gone(&frozen.waiting.gone);
}

/// The same of the running server's pass.
pub(super) fn show_status(freeze: &FreezeStatus, waiting: &WaitingStatus, config: &str) {
    freeze.problem.iter().for_each(print_diagnostic);
    say(freeze.since, &freeze.said(), (waiting.changes, waiting.zones), config);
    gone(&waiting.gone);
}

fn say(since: Option<u64>, by: &str, (changes, zones): (usize, usize), config: &str) {
    let since = since.map(|since| format!(" since {}", rfc3339(since))).unwrap_or_default();
    let waits = match (changes, zones) {
        (_, 0) => "nothing waits".to_owned(),
        (0, zones) => format!("nothing was written; {} would be", count(zones, "zone file")),
        (1, _) => "nothing was written; 1 change waits".to_owned(),
        (changes, _) => format!("nothing was written; {changes} changes wait"),
    };
    print_error(format!("frozen{since}{by}; {waits}"));
    print_error(format!("when the lists are right, run: privatelink-dns thaw --config {config}"));
}

fn gone(zones: &[String]) {
    for zone in zones {
        print_error(format!("zone '{zone}': its file is gone, and is not written anew while the sync is frozen"));
    }
}
