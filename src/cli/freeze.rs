//! What the verbs say of a freeze.

use std::path::Path;

use super::{count, print_diagnostic, print_error};
use crate::diag;
use crate::status::sync::{FreezeStatus, WaitingStatus};
use crate::sync::pass::{Frozen, rfc3339};
use crate::sync::plan::Waiting;

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
    print_error(format!("when the lists are right, run: {}", diag::command(&["thaw"], config)));
}

fn gone(zones: &[String]) {
    for zone in zones {
        print_error(format!("zone '{zone}': its file is gone, and is not written anew while the sync is frozen"));
    }
}
