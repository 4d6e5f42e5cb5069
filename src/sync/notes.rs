//! Findings in number: the first few are kept as text, the rest are counted.

use std::fmt;

use crate::diag;

/// Problems or warnings, each with its place first. A list of a million bad lines makes twenty texts and a count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    shown: Vec<String>,
    total: usize,
}

impl Notes {
    /// How many are kept as text.
    pub const SHOWN: usize = 20;

    /// Characters of one text that are kept: a line of a list may be a whole file that lost its line feeds.
    const LENGTH: usize = 600;

    /// Adds one; the text is only made if it is kept, and what it quotes of others is made safe to show.
    pub fn push(&mut self, text: impl FnOnce() -> String) {
        self.total += 1;
        if self.shown.len() < Self::SHOWN {
            self.shown.push(diag::printable(&shortened(text())).into_owned());
        }
    }

    /// Each as a line, and a last one that counts those that were not kept.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = self.shown.clone();
        match self.total - self.shown.len() {
            0 => {}
            more => lines.push(format!("and {more} more")),
        }
        lines
    }

    /// Adds all of another.
    pub fn append(&mut self, other: Self) {
        self.total += other.total;
        let room = Self::SHOWN.saturating_sub(self.shown.len());
        self.shown.extend(other.shown.into_iter().take(room));
    }

    /// The texts that were kept.
    pub fn shown(&self) -> &[String] {
        &self.shown
    }

    /// How many there are in all.
    pub fn total(&self) -> usize {
        self.total
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }
}

/// The text, its middle left out if it is too long: place and advice stand at the ends.
fn shortened(text: String) -> String {
    let length = text.chars().count();
    if length <= Notes::LENGTH {
        return text;
    }
    let start: String = text.chars().take(Notes::LENGTH / 2).collect();
    let end: String = text.chars().skip(length - Notes::LENGTH / 2).collect();
    format!("{start} [...] {end}")
}

impl fmt::Display for Notes {
    /// One a line, without a final line end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_keeps_its_place_and_its_advice() {
        let mut notes = Notes::default();
        notes.push(|| format!("a.txt:1: '{}' is no address", "ü".repeat(100_000)));
        let shown = &notes.shown()[0];
        assert!(shown.starts_with("a.txt:1: 'ü") && shown.ends_with("ü' is no address"), "{shown}");
        assert!(shown.chars().count() < 700, "{}", shown.len());
    }

    #[test]
    fn the_first_few_are_shown_and_the_rest_counted() {
        let mut notes = Notes::default();
        for n in 0..25 {
            notes.push(|| format!("note {n}"));
        }
        assert_eq!((notes.shown().len(), notes.total()), (Notes::SHOWN, 25));
        assert!(notes.to_string().ends_with("note 19\nand 5 more"));
        let mut sum = Notes::default();
        sum.append(notes);
        assert_eq!(sum.total(), 25);
    }
}
