//! The sources: what gives names, how old it is, and what is wrong with it.

use super::age::Moment;
use super::lines::{Bounded, Line, lines};
use super::mark::{Mark, Tone};
use super::number::whole;
use crate::diag::{Diagnostic, printable};
use crate::status::Status;
use crate::status::model::SourceKind;
use crate::status::model::SourceStatus;
use crate::sync::live::report::{LiveReport, ScopeReport};

/// Sources that are shown.
const SOURCES: usize = 50;

/// Scopes of a live source that are shown.
const SCOPES: usize = 20;

/// The section.
pub(super) struct Sources {
    pub(super) rows: Bounded<Row>,
    pub(super) live: Vec<Live>,
}

/// A source.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) path: String,
    pub(super) mark: Mark,
    pub(super) last_good: Option<Moment>,
    pub(super) modified: Option<Moment>,
    pub(super) entries: String,
    pub(super) lines: Bounded<Line>,
}

/// A live source.
pub(super) struct Live {
    pub(super) name: String,
    pub(super) identity: String,
    pub(super) token_expires: Option<Moment>,
    pub(super) requests: String,
    pub(super) scopes: Bounded<Scope>,
    pub(super) lines: Bounded<Line>,
}

/// A scope of a live source.
pub(super) struct Scope {
    pub(super) id: String,
    pub(super) last_complete: Option<Moment>,
    pub(super) endpoints: String,
    pub(super) names: String,
    pub(super) skipped: String,
    pub(super) lines: Bounded<Line>,
}

impl Sources {
    pub(super) fn of(status: &Status) -> Self {
        let mut rows: Vec<Row> = status.sources.iter().map(|source| row(source, status)).collect();
        if rows.len() > SOURCES {
            rows.sort_by_key(|row| std::cmp::Reverse(row.mark.tone));
        }
        let live = status.live.iter().take(SOURCES).map(|report| live(report, status.at)).collect();
        Self { rows: Bounded::of(rows, SOURCES), live }
    }
}

/// How a source is.
pub(super) fn mark(status: &Status, source: &SourceStatus) -> Mark {
    let report = status.live.iter().find(|report| report.source == source.name);
    let mut problems = source.errors.iter().chain(report.into_iter().flat_map(LiveReport::all_problems));
    let is_bad = problems.by_ref().any(Diagnostic::is_error);
    let warns = source.errors.iter().any(|found| !found.is_note() && !found.is_error());
    match (source.last_good, is_bad) {
        (Some(_), true) => Mark::new(Tone::Error, "fails, last good lists in use"),
        (None, true) => Mark::new(Tone::Error, "gives nothing"),
        (None, false) => Mark::new(Tone::Quiet, "not read yet"),
        (Some(_), false) if warns => Mark::new(Tone::Warning, "good, with warnings"),
        (Some(_), false) => Mark::new(Tone::Good, "good"),
    }
}

fn row(source: &SourceStatus, status: &Status) -> Row {
    let kind = if source.kind == SourceKind::Azure { "live from Azure" } else { "file" };
    let moment = |at: Option<u64>| at.map(|at| Moment::seen(at, status.at));
    Row {
        name: printable(&source.name).into_owned(),
        kind: match &source.view {
            Some(view) => format!("for view {view}, {kind}"),
            None => kind.to_owned(),
        },
        path: printable(&source.path).into_owned(),
        mark: mark(status, source),
        last_good: moment(source.last_good),
        modified: moment(source.modified),
        entries: whole(source.entries as u64),
        lines: lines(&source.errors),
    }
}

fn live(report: &LiveReport, now: u64) -> Live {
    Live {
        name: printable(&report.source).into_owned(),
        identity: report.identity.map_or("not found out yet".to_owned(), |identity| identity.to_string()),
        token_expires: report.token_expires.map(|at| Moment::seen(at, now)),
        requests: whole(report.requests),
        scopes: Bounded::of(report.scopes.iter().map(|found| scope(found, now)), SCOPES),
        lines: lines(&report.problems),
    }
}

fn scope(scope: &ScopeReport, now: u64) -> Scope {
    let skipped: Vec<String> =
        scope.skipped.iter().take(SCOPES).map(|(reason, count)| format!("{count} {}", printable(reason))).collect();
    Scope {
        id: printable(&scope.scope).into_owned(),
        last_complete: scope.last_complete.map(|at| Moment::seen(at, now)),
        endpoints: whole(scope.endpoints as u64),
        names: whole(scope.names as u64),
        skipped: skipped.join(", "),
        lines: lines(scope.problems.iter().chain(&scope.warnings)),
    }
}
