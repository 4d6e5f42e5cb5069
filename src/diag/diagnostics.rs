//! Diagnostics in number: the first few are kept, the rest are counted.

use std::fmt;

use super::{Diagnostic, Id, Severity};

/// Diagnostics of which a number is kept for each severity. A list of a million bad lines makes twenty and a count.
/// Notes come last: nobody reads what matters below twenty lines that do not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    capacity: usize,
    kept: Vec<Diagnostic>,
    /// The numbers of all errors, warnings and notes.
    totals: [usize; 3],
}

impl Default for Diagnostics {
    fn default() -> Self {
        Self::with_capacity(Self::CAPACITY)
    }
}

impl Diagnostics {
    /// The number that is kept of each severity by default.
    pub const CAPACITY: usize = 20;

    /// Keeps this many of each severity.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { capacity, kept: Vec::new(), totals: [0; 3] }
    }

    /// Adds an error, which is only made if it is kept.
    pub fn error(&mut self, make: impl FnOnce() -> Diagnostic) {
        self.add(Severity::Error, make);
    }

    /// Adds a warning, which is only made if it is kept.
    pub fn warning(&mut self, make: impl FnOnce() -> Diagnostic) {
        self.add(Severity::Warning, make);
    }

    /// Adds a note, which is only made if it is kept.
    pub fn note(&mut self, make: impl FnOnce() -> Diagnostic) {
        self.add(Severity::Note, make);
    }

    /// Adds what was made already.
    pub fn push(&mut self, found: Diagnostic) {
        self.add(found.severity, || found);
    }

    fn add(&mut self, severity: Severity, make: impl FnOnce() -> Diagnostic) {
        let total = &mut self.totals[severity as usize];
        *total += 1;
        if *total <= self.capacity {
            let at = if severity == Severity::Note { self.kept.len() } else { self.before_notes() };
            self.kept.insert(at, Diagnostic { severity, ..make() });
        }
    }

    /// The number of errors and warnings that were kept: the notes follow.
    fn before_notes(&self) -> usize {
        self.kept.partition_point(|found| found.severity != Severity::Note)
    }

    /// Adds all of another.
    pub fn append(&mut self, other: Self) {
        let sum: [usize; 3] = std::array::from_fn(|at| self.totals[at] + other.totals[at]);
        for found in other.kept {
            self.push(found);
        }
        self.totals = sum;
    }

    /// Those that were kept.
    pub fn shown(&self) -> &[Diagnostic] {
        &self.kept
    }

    /// Keeps those that are meant; the others are not counted either.
    pub fn retain(&mut self, keeps: impl Fn(&Diagnostic) -> bool) {
        let totals = &mut self.totals;
        self.kept.retain(|found| {
            let stays = keeps(found);
            totals[found.severity as usize] -= usize::from(!stays);
            stays
        });
    }

    /// Sorts those that were kept by their line.
    pub fn sort_by_line(&mut self) {
        self.kept.sort_by_key(|found| (found.severity == Severity::Note, found.place.line_number()));
    }

    /// The number of all of them.
    pub fn total(&self) -> usize {
        self.totals.iter().sum()
    }

    /// The number of those of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.totals[severity as usize]
    }

    /// True if it is empty.
    pub fn is_empty(&self) -> bool {
        self.total() == 0
    }

    /// True if there is an error among them.
    pub fn has_errors(&self) -> bool {
        self.totals[Severity::Error as usize] > 0
    }

    /// Those that were kept, and for each severity one that counts those that were not.
    pub fn to_vec(&self) -> Vec<Diagnostic> {
        let (others, notes) = self.kept.split_at(self.before_notes());
        let mut all = others.to_vec();
        all.extend([Severity::Error, Severity::Warning].into_iter().filter_map(|of| self.rest(of)));
        all.extend(notes.iter().cloned().chain(self.rest(Severity::Note)));
        all
    }

    /// A count of those of a severity that were not kept.
    fn rest(&self, severity: Severity) -> Option<Diagnostic> {
        let of_severity = || self.kept.iter().filter(|found| found.severity == severity);
        let more = self.totals[severity as usize].checked_sub(of_severity().count()).filter(|more| *more > 0)?;
        let last = of_severity().next_back()?;
        let text = format!("and {more} more {severity}s");
        Some(Diagnostic { severity, ..Diagnostic::error(Id::MORE, last.place.clone().whole(), text) })
    }

    /// Each as a line.
    pub fn lines(&self) -> Vec<String> {
        self.to_vec().iter().map(Diagnostic::to_string).collect()
    }
}

impl fmt::Display for Diagnostics {
    /// One a line, without a final line end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Place;

    #[test]
    fn a_long_text_keeps_its_place_and_its_advice() {
        let mut found = Diagnostics::default();
        let text = format!("'{}' is no address", "ü".repeat(100_000));
        found.error(|| Diagnostic::error(Id::LIST_BAD_ADDRESS, Place::line("a.txt", 1), text));
        let shown = found.shown()[0].to_string();
        assert!(shown.starts_with("a.txt:1: 'ü") && shown.ends_with("ü' is no address"), "{shown}");
        assert!(shown.chars().count() < 700, "{}", shown.len());
    }

    #[test]
    fn the_first_few_are_shown_and_the_rest_counted() {
        let mut found = Diagnostics::default();
        for n in 0..25 {
            found.error(|| Diagnostic::error(Id::LIST_SYNTAX, Place::line("a.txt", n), format!("note {n}")));
        }
        assert_eq!((found.shown().len(), found.total()), (Diagnostics::CAPACITY, 25));
        assert!(found.to_string().ends_with("note 19\na.txt: and 5 more errors"), "{found}");
        let mut sum = Diagnostics::default();
        sum.append(found);
        assert_eq!(sum.total(), 25);
    }

    #[test]
    fn each_severity_has_room_of_its_own() {
        let mut found = Diagnostics::with_capacity(1);
        for n in [3, 2, 1] {
            found.error(|| Diagnostic::error(Id::LIST_SYNTAX, Place::line("a", n), "bad"));
            found.warning(|| Diagnostic::warning(Id::LIST_SYNTAX, Place::line("b", n), "odd"));
        }
        let lines = ["a:3: bad", "b:3: odd", "a: and 2 more errors", "b: and 2 more warnings"];
        assert_eq!(found.lines(), lines);
        found.note(|| Diagnostic::note(Id::NAME_NOT_HOSTED, Place::line("c", 1), "fine"));
        found.note(|| Diagnostic::note(Id::NAME_NOT_HOSTED, Place::line("c", 2), "fine"));
        assert_eq!(found.lines(), [&lines[..], &["c:1: fine", "c: and 1 more notes"]].concat());
        found.retain(|found| found.severity != Severity::Note || found.place.line_number() != Some(1));
        let mut early = Diagnostics::with_capacity(1);
        early.note(|| Diagnostic::note(Id::NAME_NOT_HOSTED, Place::line("c", 1), "fine"));
        early.warning(|| Diagnostic::warning(Id::LIST_SYNTAX, Place::line("b", 1), "odd"));
        assert_eq!(early.lines(), ["b:1: odd", "c:1: fine"], "what matters comes first");
        found.retain(Diagnostic::is_error);
        assert_eq!((found.total(), found.count(Severity::Error), found.has_errors()), (6, 3, true));
    }
}
