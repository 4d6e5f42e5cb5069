//! `Label : value` screens, as PowerShell prints objects (Format-List), with JSON behind some of the labels.
//!
//! An object ends at a blank line and where a label comes again, so that its labels may stand in any order. What an
//! object means is decided in [`block`]. A line that is neither a label with its value nor the rest of a value is a
//! problem: a screen does not say what it would be.

mod block;
mod wrap;

use super::json;
use super::lines::feeds;
use super::listing::ListingBuilder;
use super::token::{quoted, tokens};
use crate::diag::Id;
use block::Block;

/// True if a line looks like the first of such a screen. A column of its own for the colon tells it from IPv6.
pub(super) fn is_labelled(line: &str) -> bool {
    label(line).is_some()
}

/// The label, and where the value starts.
fn label(line: &str) -> Option<(&str, usize)> {
    let colon = line.find(':')?;
    let (label, value) = (&line[..colon], &line[colon + 1..]);
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '-' | '\t');
    let starts = label.trim_start().starts_with(|c: char| c.is_ascii_alphabetic());
    let spaced = label.ends_with([' ', '\t']) && value.chars().next().is_none_or(char::is_whitespace);
    if !starts || !spaced || !label.chars().all(is_word) {
        return None;
    }
    Some((label.trim(), line.len() - value.trim_start().len()))
}

/// `{10.0.0.5}` is a list of PowerShell's, `{ "Fqdn"` and `{}` are JSON.
fn is_json(value: &str) -> bool {
    let inside = value.strip_prefix('{').map(|rest| rest.trim_start_matches([' ', '\t', '\r']));
    value.starts_with('[') || inside.is_some_and(|rest| rest.is_empty() || rest.starts_with(['\n', '"', '}']))
}

pub(super) fn read(text: &str, out: &mut ListingBuilder) {
    let mut screen = Screen { block: Block::default(), aliases: 0, out };
    let mut at = 0;
    let mut number = 1;
    while at < text.len() {
        let end = text[at..].find('\n').map_or(text.len(), |length| at + length);
        let next = screen.line(text, at, end, number);
        number += feeds(&text.as_bytes()[at..next.min(text.len())]);
        at = next;
    }
    screen.flush();
}

struct Screen<'t, 'b> {
    block: Block<'t>,
    /// Records of other types than A and AAAA that were left aside.
    aliases: usize,
    out: &'b mut ListingBuilder,
}

impl<'t> Screen<'t, '_> {
    /// Reads the line at these octets, with the JSON that starts on it, and gives the start of the next one.
    fn line(&mut self, text: &'t str, at: usize, end: usize, number: u32) -> usize {
        let line = &text[at..end];
        let words = line.trim();
        match label(line) {
            _ if words.is_empty() => self.flush(),
            _ if words.starts_with('#') || words.starts_with("//") => {}
            Some((label, value)) => {
                if self.block.has(label) {
                    self.flush();
                }
                let (indent, value) = (value, at + value);
                let is_json = is_json(&text[value..]);
                let length = if is_json { json::value_length(&text[value..]) } else { end - value };
                let json_indent = is_json.then_some(indent);
                self.block.push(label, &text[value..value + length], json_indent, number, self.out);
                return self.behind(text, value + length, number);
            }
            None if words.starts_with(['[', '{']) => {
                let start = at + (line.len() - line.trim_start().len());
                let length = json::value_length(&text[start..]);
                self.refuse(number, "JSON starts here, below a screen of labels: give it in a file of its own");
                return self.behind(text, start + length, number);
            }
            None if line.starts_with([' ', '\t']) && self.block.is_open() => self.block.continue_with(words, number),
            None if tokens(words).next().is_none() => {}
            None => {
                let text = format!(
                    "'{}' is neither `Label : value` nor the rest of a value: give the lines of another form in a file of \
                     their own, and start a title above them with '#'",
                    quoted(words)
                );
                self.refuse(number, &text);
            }
        }
        end + 1
    }

    /// The start of the line behind a value; nothing may stand between.
    fn behind(&mut self, text: &str, value_end: usize, number: u32) -> usize {
        let rest = &text[value_end..];
        let end = rest.find('\n').unwrap_or(rest.len());
        if !rest[..end].trim().is_empty() {
            self.refuse(number, "text stands behind the end of the JSON: remove it");
        }
        value_end + end + 1
    }

    fn refuse(&mut self, number: u32, text: &str) {
        self.out.problem(number, Id::LIST_SYNTAX, || text.to_owned());
    }

    fn flush(&mut self) {
        std::mem::take(&mut self.block).add(&mut self.aliases, self.out);
    }
}
