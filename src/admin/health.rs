//! `/health`, whether the server should be restarted, and `/ready`, whether clients should be sent here.
//!
//! In: a [`Status`]. Out: checks, each good or failed with its reason. Neither depends on anything that another replica
//! would lack too: upstreams, held plans and sources that fail are alerts.

use std::fmt::Write as _;

use crate::diag::{Id, printable};
use crate::status::Status;
use crate::status::model::SourceStatus;

/// Seconds beyond `pass_deadline` after which a pass counts as stuck.
const STUCK_S: u64 = 30;

/// Sources that are named.
const MAX_REMARKS: usize = 10;

/// The checks, and what to say of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The word for all checks that are good.
    good: &'static str,
    /// What is said in addition, good or not.
    remarks: Vec<String>,
    checks: Vec<Check>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Check {
    name: String,
    /// The reason, if it failed.
    failed: Option<String>,
}

/// Whether the process works: the daemon's loop turns. A share that hangs is said, and is no reason to restart.
pub(super) fn health(status: &Status) -> Verdict {
    let readiness = &status.readiness;
    let still = status.at.saturating_sub(readiness.last_beat);
    let stuck = (!readiness.is_alive(status.at)).then(|| {
        format!(
            "the daemon's loop has not turned for {still} s: queries are answered, but no list, zone or config is read"
        )
    });
    Verdict { good: "ok", remarks: hanging(status), checks: vec![Check { name: "loop".to_owned(), failed: stuck }] }
}

/// The disks and shares that do not answer.
fn hanging(status: &Status) -> Vec<String> {
    let limit = status.sync.pass_deadline_s + STUCK_S;
    let pass = status.running_s().filter(|seconds| *seconds > limit).map(|seconds| {
        format!("a pass has been running for {seconds} s: a disk or a share hangs, which a restart does not cure")
    });
    let is_late = |source: &&SourceStatus| source.errors.iter().any(|found| found.id == Id::SOURCE_LATE);
    let late = status.sources.iter().filter(is_late).take(MAX_REMARKS).map(|source| {
        format!("source '{}' does not answer: its share hangs, which a restart does not cure", printable(&source.name))
    });
    pass.into_iter().chain(late).collect()
}

/// Whether clients should be sent here: queries are answered, each hosted zone from a good copy, and the server is not
/// about to stop.
pub(super) fn ready(status: &Status) -> Verdict {
    let readiness = &status.readiness;
    let failed = |is_bad: bool, why: &str| is_bad.then(|| why.to_owned());
    let mut checks = vec![
        Check {
            name: "shutdown".to_owned(),
            failed: failed(readiness.draining, "draining: the server is about to stop"),
        },
        Check {
            name: "listen".to_owned(),
            failed: failed(!readiness.answering, "starting: the zones are being read, and no query is answered yet"),
        },
        Check {
            name: "address".to_owned(),
            failed: failed(
                readiness.unreachable,
                "this machine has no address of listen yet: no query reaches the server",
            ),
        },
    ];
    let good = status.zones.iter().filter(|zone| zone.serial.is_some() && !readiness.servfail.contains(&zone.zone));
    checks.extend(good.map(|zone| Check { name: format!("zone {}", zone.zone), failed: None }));
    checks.extend(readiness.servfail.iter().map(|zone| Check {
        name: format!("zone {zone}"),
        failed: Some(format!("{zone}: no good copy, its names are SERVFAIL")),
    }));
    Verdict { good: "ready", remarks: Vec::new(), checks }
}

impl Verdict {
    pub(super) fn is_good(&self) -> bool {
        self.checks.iter().all(|check| check.failed.is_none())
    }

    /// One word if all is good, else a line for each check that failed.
    pub(super) fn brief(&self) -> String {
        let failed = self.checks.iter().filter_map(|check| check.failed.as_deref());
        let first = self.is_good().then_some(self.good);
        first
            .into_iter()
            .chain(failed)
            .chain(self.remarks.iter().map(String::as_str))
            .fold(String::new(), |text, line| text + line + "\n")
    }

    /// A line for each check, in the form of the Kubernetes API server.
    pub(super) fn verbose(&self) -> String {
        let mut text = String::new();
        for Check { name, failed } in &self.checks {
            // Writing to a string cannot fail.
            let _ = match failed {
                None => writeln!(text, "[+]{name} ok"),
                Some(reason) => writeln!(text, "[-]{name} failed: {reason}"),
            };
        }
        for remark in &self.remarks {
            let _ = writeln!(text, "[!]{remark}");
        }
        text + if self.is_good() { self.good } else { "failed" } + "\n"
    }
}

#[cfg(test)]
mod tests;
