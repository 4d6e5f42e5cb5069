//! Text lists: `PrivateIP.ps1` output, hosts files, CSV, tables and text pasted from the portal.
//!
//! A header says what its columns hold ([`super::table`]). Any other line stands for itself ([`mod@line`]): it has one
//! address and one or more full names, or a label and its zone, in any order and with any separators between. Titles,
//! drawn lines, blank lines and `#` comments are skipped; a line that is nothing of that is a problem.

mod aside;
mod line;

use super::lines::feeds;
use super::listing::ListingBuilder;
use super::table::{Head, Layout, Outcome, Row};
use crate::azure::names::mentions;
use aside::Aside;
use line::Line;

/// Below this, a thread costs more than it brings.
const PART: usize = 4 << 20;

pub(super) fn read(text: &str, out: &mut ListingBuilder) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(text.len() / PART + 1);
    let mut aside = Aside::default();
    let parts = split_at_lines(text, threads);
    match parts.as_slice() {
        [whole] => drop(read_part(whole, 1, Start::default(), out, &mut aside)),
        parts => read_parts(parts, out, &mut aside),
    }
    aside.report(out);
}

/// Reads the parts side by side, each as if the first header of the text stood above it. Where another header came
/// between, the rest of the text is read again, with that.
fn read_parts(parts: &[&str], out: &mut ListingBuilder, aside: &mut Aside) {
    let Some((first, others)) = parts.split_first() else { return };
    let above = Start { layout: first_layout(first), is_first: false };
    std::thread::scope(|scope| {
        let mut number = 1 + feeds(first.as_bytes());
        let mut readers = Vec::new();
        for part in others {
            let (mut builder, start, line) = (out.for_part(), above.clone(), number);
            number += feeds(part.as_bytes());
            let reader = scope.spawn(move || {
                let mut aside = Aside::default();
                let end = read_part(part, line, start, &mut builder, &mut aside);
                (builder, aside, end)
            });
            readers.push((line, reader));
        }
        let mut end = read_part(first, 1, Start::default(), out, aside);
        let mut is_good = true;
        for (at, (line, reader)) in readers.into_iter().enumerate() {
            let (mut builder, mut found, next) = match reader.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            is_good &= end == above.layout;
            if is_good {
                end = next;
            } else {
                builder.discard();
                builder = out.for_part();
                found = Aside::default();
                let start = Start { layout: end, is_first: false };
                end = read_part(others[at], line, start, &mut builder, &mut found);
            }
            out.append(builder);
            aside.append(found);
        }
    });
}

/// The layout that is in force behind the first lines of a text.
fn first_layout(text: &str) -> Option<Layout<'_>> {
    const LINES: usize = 20;
    let mut lines = text.split('\n').take(LINES).peekable();
    let mut layout = None;
    let mut line = Line::default();
    while let Some(content) = lines.next() {
        line.read(content);
        if let Some(Head::Table(found)) = head(&line, content, lines.peek().copied(), layout.is_none()) {
            layout = Some(*found);
        }
    }
    layout
}

/// What stands above a part of a text.
#[derive(Clone)]
struct Start<'t> {
    layout: Option<Layout<'t>>,
    /// Nothing but comments and titles.
    is_first: bool,
}

impl Default for Start<'_> {
    fn default() -> Self {
        Self { layout: None, is_first: true }
    }
}

/// Cuts a text into about equal parts that end with their lines.
fn split_at_lines(mut text: &str, parts: usize) -> Vec<&str> {
    let length = text.len() / parts.max(1);
    let mut cut = Vec::with_capacity(parts);
    while cut.len() + 1 < parts {
        let end = text.as_bytes().iter().skip(length).position(|byte| *byte == b'\n');
        let Some(end) = end.map(|end| length + end + 1) else {
            break;
        };
        // A character starts behind a line feed.
        let (head, tail) = text.split_at(end);
        cut.push(head);
        text = tail;
    }
    cut.push(text);
    cut
}

/// Reads a part whose first line has this number, and gives the layout in force at its end.
fn read_part<'t>(
    text: &'t str,
    first: u32,
    start: Start<'t>,
    out: &mut ListingBuilder,
    aside: &mut Aside,
) -> Option<Layout<'t>> {
    let lines = usize::try_from(feeds(text.as_bytes())).unwrap_or_default() + 1;
    // In a line of three columns the name takes the most room, not the address.
    out.expect_lines(lines, text.len());
    let Start { mut layout, mut is_first } = start;
    let (mut line, mut row) = (Line::default(), Row::default());
    let mut lines = (first..).zip(text.split('\n')).peekable();
    while let Some((number, content)) = lines.next() {
        if content.trim().is_empty() {
            layout = layout.filter(|layout| !layout.ends_at_blank());
            continue;
        }
        let outcome = match &layout {
            Some(layout) => row.read(layout, content, number, out),
            None => Outcome::NoRow,
        };
        let fault = match outcome {
            Outcome::Read => continue,
            Outcome::OtherType(name) => {
                aside.other_type(number, name);
                continue;
            }
            Outcome::Bad(fault) => Some(fault),
            Outcome::NoRow => None,
        };
        line.read(content);
        if !line.has_text() || is_separator_hint(content, is_first) {
            continue;
        }
        let next = lines.peek().map(|(_, next)| *next);
        match head(&line, content, next, is_first) {
            Some(Head::Title) => continue,
            Some(Head::Table(found)) => layout = Some(*found),
            None => match fault {
                Some(fault) => line.refuse(number, fault, out),
                None => line.report(number, out, aside),
            },
        }
        is_first = false;
    }
    layout
}

/// A line as the head of those below, if it has nothing that an entry has.
fn head<'t>(line: &Line<'_>, content: &'t str, next: Option<&str>, is_first: bool) -> Option<Head<'t>> {
    let may_be_head = line.is_of_words() && mentions(content).next().is_none();
    if may_be_head { Head::of(content, next, is_first) } else { None }
}

/// Excel's first line, `sep=;`.
fn is_separator_hint(content: &str, is_first: bool) -> bool {
    let text = content.trim().trim_matches('"');
    let rest = text.get(..4).filter(|start| start.eq_ignore_ascii_case("sep=")).map(|_| &text[4..]);
    is_first && rest.is_some_and(|rest| rest.chars().count() <= 1)
}
