//! A long array at the start of a file, read in parts side by side.
//!
//! Input: the text and the place of the array. Output: the same entries, problems, warnings and open questions as if it
//! was read from its start to its end, or nothing where that is not certain: then the caller reads it so. The places to
//! cut it are found by a look at its octets; they are right if the part before one ends exactly there.

use super::parse::Parser;
use super::read_text;
use super::shape::element_ends;
use crate::sync::source::lines::feeds;
use crate::sync::source::listing::ListingBuilder;
use crate::sync::source::tree::{self, Ledger, MAX_TREE, Piece, Tree};

/// The elements of the array between two places.
struct Part<'t> {
    text: &'t str,
    from: usize,
    /// The end behind a comma; `None` for the end of the array.
    end: Option<usize>,
    /// Of its start.
    line: u32,
}

/// What a part holds.
struct Found {
    out: ListingBuilder,
    ledger: Ledger,
    /// The place behind it, if it was read without a fault.
    end: Option<usize>,
}

/// Reads the array at a place in this many parts, and gives the place behind it with what is still open.
pub(super) fn read(text: &str, start: usize, threads: usize, out: &mut ListingBuilder) -> Option<(usize, Ledger)> {
    let parts = split(text, start, threads);
    if parts.len() < 2 {
        return None;
    }
    let found: Vec<Found> = std::thread::scope(|scope| {
        let mut readers = Vec::with_capacity(parts.len());
        for part in &parts {
            let out = out.for_part();
            readers.push(scope.spawn(move || part.read(out)));
        }
        readers
            .into_iter()
            .map(|reader| reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let is_whole = parts.iter().zip(&found).all(|(part, found)| found.is_good(part));
    let ledgers: Vec<&Ledger> = found.iter().map(|found| &found.ledger).collect();
    if !is_whole || !Ledger::has_room_for(&ledgers) {
        for part in found {
            part.out.discard();
        }
        return None;
    }
    let mut ledger = Ledger::default();
    let mut end = start;
    for part in found {
        end = part.end.unwrap_or(end);
        ledger.append(part.ledger, part.out.mark());
        out.append(part.out);
    }
    Some((end, ledger))
}

/// Cuts the array at a place into about equal parts, each of whole elements.
fn split(text: &str, start: usize, parts: usize) -> Vec<Part<'_>> {
    let Some(array) = text.get(start..).filter(|rest| parts > 1 && rest.starts_with('[')) else { return Vec::new() };
    let length = array.len() / parts;
    let mut cuts = vec![1];
    for end in element_ends(array) {
        if end >= cuts.len() * length {
            cuts.push(end);
        }
        if cuts.len() == parts {
            break;
        }
    }
    let mut line = 1 + feeds(&text.as_bytes()[..start]);
    let ends = cuts.iter().skip(1).map(|end| Some(start + end)).chain([None]);
    let part = |(from, end): (&usize, Option<usize>)| {
        let from = start + from;
        let part = Part { text, from, end, line };
        line += end.map_or(0, |end| feeds(&text.as_bytes()[from..end]));
        part
    };
    cuts.iter().zip(ends).map(part).collect()
}

impl Part<'_> {
    fn read(&self, mut out: ListingBuilder) -> Found {
        let length = self.end.unwrap_or(self.text.len()) - self.from;
        out.expect_lines(length / 100, length / 2);
        let mut ledger = Ledger::default();
        let mut tree = Tree::starting(self.text, self.from, self.line, MAX_TREE);
        let read = Parser::part(&mut tree, self.from, self.end, |tree| {
            tree::walk(tree, Piece::Element, 0, Some(read_text), &mut ledger, &mut out);
        });
        Found { out, ledger, end: read.ok() }
    }
}

impl Found {
    /// True if the part was read to its end, and there was room for all of it.
    fn is_good(&self, part: &Part<'_>) -> bool {
        self.end.is_some_and(|end| part.end.is_none_or(|expected| expected == end)) && !self.out.is_full()
    }
}

#[cfg(test)]
mod tests;
