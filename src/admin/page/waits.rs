//! What waits for a person: the findings of the verdict with what helps, the held plan, and what the last pass said.

use super::age::Moment;
use super::lines::{Bounded, Line, lines};
use super::mark::Mark;
use crate::diag::Diagnostic;
use crate::status::Status;
use crate::status::sync::{HeldStatus, PassResult};
use crate::status::verdict::Finding;

/// Findings that are shown.
const FINDINGS: usize = 20;

/// The section.
pub(super) struct Waits {
    pub(super) findings: Bounded<Item>,
    pub(super) pass: Option<Pass>,
    pub(super) running: Option<Moment>,
    pub(super) config: Bounded<Line>,
}

/// A finding.
pub(super) struct Item {
    pub(super) mark: Mark,
    pub(super) text: String,
    pub(super) help: Option<Help>,
    /// Of the held plan: since when it is held.
    pub(super) since: Option<Moment>,
    /// Of the held plan: its reasons.
    pub(super) reasons: Bounded<Line>,
}

/// What helps: a command, and words around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Help {
    pub(super) before: String,
    pub(super) command: String,
    pub(super) after: String,
}

/// The last pass.
pub(super) struct Pass {
    pub(super) at: Moment,
    pub(super) took_ms: u64,
    pub(super) result: Mark,
    pub(super) last_good: Option<Moment>,
    pub(super) lines: Bounded<Line>,
}

impl Waits {
    pub(super) fn of(status: &Status) -> Self {
        let findings = status.verdict.findings.iter().map(|finding| item(finding, status));
        let config = &status.config;
        Self {
            findings: Bounded::of(findings, FINDINGS),
            pass: pass(status),
            running: status.sync.running_since.map(|since| Moment::seen(since, status.at)),
            config: lines(config.problems.iter().chain(&config.waits_for_restart)),
        }
    }
}

fn item(finding: &Finding, status: &Status) -> Item {
    let help = finding.what_to_do.as_deref();
    // The finding about the held plan is the one whose help has the plan's own.
    let is_about = |held: &&HeldStatus| help.is_some_and(|help| help.contains(&held.what_to_do));
    let held = status.pass().and_then(|pass| pass.held.as_ref()).filter(is_about);
    Item {
        mark: Mark::new(finding.level, finding.level.to_string()),
        text: finding.text.clone(),
        help: help.map(Help::of),
        since: held.and(status.sync.held_since).map(|since| Moment::seen(since, status.at)),
        reasons: lines(held.into_iter().flat_map(|held| &held.reasons)),
    }
}

impl Help {
    /// Finds the command in the words: from the program's name to a semicolon or the end of the line.
    fn of(text: &str) -> Self {
        const PROGRAM: &str = "privatelink-dns ";
        let start = text.find(PROGRAM).filter(|at| *at == 0 || text[..*at].ends_with([' ', '\n']));
        let (before, rest) = text.split_at(start.unwrap_or(text.len()));
        // A semicolon in quotes belongs to a path.
        let mut is_quoted = false;
        let ends = |c: char| {
            is_quoted ^= c == '\'';
            c == '\n' || c == ';' && !is_quoted
        };
        let (command, after) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
        Self {
            before: before.trim().to_owned(),
            command: command.trim().to_owned(),
            after: after.trim_matches([';', '\n', ' ']).to_owned(),
        }
    }
}

fn pass(status: &Status) -> Option<Pass> {
    let pass = status.pass()?;
    let at_source = |found: &&Diagnostic| status.sources.iter().any(|source| source.errors.contains(found));
    let errors = pass.errors.iter().filter(|found| !at_source(found));
    let tone = match pass.outcome {
        PassResult::Unchanged | PassResult::Written => super::Tone::Good,
        PassResult::Frozen => super::Tone::Warning,
        PassResult::Held | PassResult::Incomplete | PassResult::Failed => super::Tone::Error,
    };
    let words = match pass.outcome {
        PassResult::Unchanged => "nothing to change",
        PassResult::Written => "changes written",
        PassResult::Frozen => "frozen, changes wait",
        PassResult::Held => "changes held",
        PassResult::Incomplete => "a source is missing",
        PassResult::Failed => "failed",
    };
    Some(Pass {
        at: Moment::seen(pass.at, status.at),
        took_ms: pass.took_ms,
        result: Mark::new(tone, words),
        last_good: status.sync.last_good.filter(|_| !pass.outcome.is_good()).map(|at| Moment::seen(at, status.at)),
        lines: lines(errors.chain(&pass.conflicts).chain(&pass.warnings)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_found_in_the_words() {
        let help = Help::of("if this is right, run: privatelink-dns sync --approve ab; the rest: fix the files");
        assert_eq!(help.before, "if this is right, run:");
        assert_eq!(help.command, "privatelink-dns sync --approve ab");
        assert_eq!(help.after, "the rest: fix the files");
        assert_eq!(Help::of("privatelink-dns check").command, "privatelink-dns check");
        let quoted = Help::of("privatelink-dns thaw --config '/srv/a;b'; then mend it");
        assert_eq!(
            (quoted.command, quoted.after),
            ("privatelink-dns thaw --config '/srv/a;b'".into(), "then mend it".into())
        );
        assert_eq!(Help::of("restart the server").command, "");
        assert_eq!(Help::of("mend /etc/privatelink-dns x").command, "");
    }
}
