//! Diagnostics as lines, a bounded number of them.

use super::mark::Mark;
use crate::diag::{Diagnostic, printable};

/// Things that are shown, and how many more there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bounded<T> {
    pub(super) shown: Vec<T>,
    pub(super) more: usize,
}

impl<T> Bounded<T> {
    /// The first of them.
    pub(super) fn of(all: impl IntoIterator<Item = T>, limit: usize) -> Self {
        let mut all = all.into_iter();
        let shown = all.by_ref().take(limit).collect();
        Self { shown, more: all.count() }
    }
}

/// A diagnostic as a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) mark: Mark,
    /// Where the cause is.
    pub(super) place: String,
    pub(super) text: String,
}

/// Lines that one thing may have.
pub(super) const LINES: usize = 10;

/// Diagnostics as lines, as many as one thing may have.
pub(super) fn lines<'d>(all: impl IntoIterator<Item = &'d Diagnostic>) -> Bounded<Line> {
    Bounded::of(all.into_iter().map(line), LINES)
}

fn line(found: &Diagnostic) -> Line {
    Line {
        mark: Mark::new(found.severity, found.severity.to_string()),
        place: found.place.to_string(),
        text: printable(&found.text).into_owned(),
    }
}
