//! The age of lists: those that a person or a task writes by their last change, live ones by their last whole read.

use std::time::Duration;

use crate::cli::doctor::facts::Lists;
use crate::cli::doctor::finding::Finding;
use crate::cli::doctor::id::Id;
use crate::diag;
use crate::sync::live::report::LiveReport;

/// The age of a list at which a person should ask whether anything still refreshes it, seconds.
const OLD_FILE: u64 = 180 * DAY;

/// A live source that missed this many reads in a row has a problem.
const MISSED_READS: u64 = 5;

/// But no sooner than this, seconds.
const OLD_READ: u64 = 600;

const DAY: u64 = 86_400;

/// One finding for each source that is old, or one for all.
pub(super) fn check(lists: &Lists, now: u64) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    let mut oldest = None;
    for source in &lists.sources {
        let name = diag::printable(&source.name);
        if let Some(report) = lists.live.iter().find(|report| report.source == source.name) {
            let interval = lists.intervals.get(&source.name).copied().unwrap_or(60);
            found.extend(live(report, interval, now, &lists.config));
            continue;
        }
        // A list of a view is as old as the scope that it is read with.
        let is_read = lists.intervals.contains_key(&source.name);
        let Some(changed) = source.modified_at.filter(|_| !is_read) else { continue };
        let age = now.saturating_sub(changed);
        oldest = oldest.max(Some((age, name.clone())));
        if age > OLD_FILE {
            let fact = format!("source '{name}': no list of it has changed for {}", shown(age));
            let help = "compare it with the endpoints in Azure, and see whether the task that writes it still runs; kind = \
                        \"azure\" reads them without a list";
            found.push(Finding::warning(Id::AGE, fact).run(help));
        }
    }
    if found.is_empty() {
        found.push(match oldest {
            Some((age, name)) => Finding::good(Id::AGE, format!("the oldest, of '{name}', changed {} ago", shown(age))),
            None => Finding::good(Id::AGE, "no list is old"),
        });
    }
    found
}

fn live(report: &LiveReport, interval: u64, now: u64, config: &str) -> Vec<Finding> {
    let allowed = OLD_READ.max(MISSED_READS * interval);
    let mut found = Vec::new();
    for scope in &report.scopes {
        let (name, at) = (diag::printable(&report.source), diag::printable(&scope.scope));
        let fact = match scope.last_complete {
            None => format!("source '{name}': {at} was never read whole"),
            Some(read) if now.saturating_sub(read) > allowed => {
                let age = shown(now.saturating_sub(read));
                format!("source '{name}': {at} was last read whole {age} ago, with an interval of {}", shown(interval))
            }
            Some(_) => continue,
        };
        let fetch = diag::command(&["fetch", "--print"], config);
        found.push(Finding::warning(Id::AGE, fact).run(format!("{fetch}; it says what is in the way")));
    }
    found
}

/// `3 days`, `2h 5m`.
fn shown(seconds: u64) -> String {
    if seconds >= 2 * DAY {
        return format!("{} days", seconds / DAY);
    }
    humantime::format_duration(Duration::from_secs(seconds)).to_string()
}
