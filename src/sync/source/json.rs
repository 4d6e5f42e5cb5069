//! JSON lists: the output of `az`, `az rest`, exported templates and `ConvertTo-Json`.
//!
//! A file has one document or several behind one another, with comments (`//`, `/* */`, and lines with `#` between
//! documents). Each becomes a tree for [`super::tree`]; an array is read element by element, so that a long list takes
//! no more memory than its largest element.

mod parse;
mod parts;
mod shape;

use super::lines::LineCounter;
use super::listing::ListingBuilder;
use super::token::quoted;
use super::tree::{self, Ledger, MAX_INNER_TREE, MAX_TREE, Tree};
use crate::diag::Id;
use parse::{Fault, Parser};
pub(super) use shape::value_length;

/// Below this, a thread costs more than it brings.
const PART: usize = 4 << 20;

/// Reads a file: one document, or several that were appended. A long array at its start is read in parts.
pub(super) fn read(text: &str, out: &mut ListingBuilder) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(text.len() / PART + 1);
    read_with(text, threads, out);
}

fn read_with(text: &str, threads: usize, out: &mut ListingBuilder) {
    if let Some((end, ledger)) = parts::read(text, skip_comments(text, 0), threads, out) {
        return read_documents(text, 1, (end, 1), ledger, out);
    }
    // An entry takes a hundred octets and more. Room that is not used costs nothing.
    out.expect_lines(text.len() / 100, text.len() / 2);
    read_part(text, 1, out);
}

/// Reads JSON that stands in something else from `line` on.
pub(super) fn read_part(text: &str, line: u32, out: &mut ListingBuilder) {
    read_documents(text, line, (0, 0), Ledger::default(), out);
}

/// Reads the documents from a place on, and settles the ledger. The first of them is that of the given round.
fn read_documents(text: &str, line: u32, from: (usize, u32), mut ledger: Ledger, out: &mut ListingBuilder) {
    let mut tree = Tree::new(text, line, MAX_TREE);
    let (mut at, mut round) = from;
    loop {
        at = skip_comments(text, at);
        if at == text.len() {
            break;
        }
        let read = Parser::new(&mut tree, at)
            .document(|tree, piece| tree::walk(tree, piece, round, Some(read_text), &mut ledger, out));
        match read {
            Ok(end) => at = end.max(at + 1),
            Err(fault) => return refuse(text, line, fault, out),
        }
        round += 1;
    }
    ledger.settle(out);
}

/// Reads JSON that stands in a string of another document, all of it in one line of the file: one value and comments.
pub(super) fn read_text(text: &str, line: u32, round: u32, ledger: &mut Ledger, out: &mut ListingBuilder) {
    let mut tree = Tree::in_line(text, line, MAX_INNER_TREE);
    let read = Parser::new(&mut tree, 0).document(|tree, piece| tree::walk(tree, piece, round, None, ledger, out));
    let rest = read.and_then(|end| {
        let end = skip_comments(text, end);
        Ok(Parser::new(&mut tree, end).next_start()?.and_then(|at| text.get(at..)))
    });
    match rest {
        Ok(None) => {}
        Ok(Some(rest)) => out.problem(line, Id::LIST_SYNTAX, || {
            format!("'{}' stands behind the end of the JSON in a string: remove it", quoted(rest.trim_end()))
        }),
        Err((_, (id, problem))) => {
            out.problem(line, id, || format!("{problem}, in the JSON that stands in a string"));
        }
    }
}

fn refuse(text: &str, first: u32, (at, (id, problem)): Fault, out: &mut ListingBuilder) {
    let before = text.get(..at).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |feed| feed + 1);
    let column = u32::try_from(before[start..].chars().count() + 1).ok();
    out.problem_at(LineCounter::new(text, first).at(at), column, id, || problem);
}

/// The next place that is neither white space nor in a line with `#` in front.
fn skip_comments(text: &str, mut at: usize) -> usize {
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let trimmed = rest.trim_start();
        at = text.len() - trimmed.len();
        if !trimmed.starts_with('#') {
            return at;
        }
        at += trimmed.find('\n').unwrap_or(trimmed.len());
    }
}
