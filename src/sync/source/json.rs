//! JSON lists: the output of `az`, `az rest`, exported templates and `ConvertTo-Json`.
//!
//! The reader walks the whole tree and takes three shapes, with keys in any case: an object with an FQDN and addresses
//! (`customDnsConfigs`, `recordSets`, and the names that queries give to them), an IP configuration with
//! `privateLinkConnectionProperties`, and a label with a zone and addresses. Everything else is ignored. A text that is
//! too deep or too large for parser and stack is refused before it is parsed.

mod object;
mod shape;

use jsonc_parser::ast::Value;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::lines::LineCounter;
use super::listing::ListingBuilder;
use crate::diag::Id;
pub(super) use shape::value_length;

/// PowerShell stops at a depth of two and puts type names where the rest should be.
const DEPTH_ADVICE: &str = "PowerShell cut the list off at its default depth: use `ConvertTo-Json -Depth 10`";

/// Reads a file: one document, or several that were appended.
pub(super) fn read(text: &str, out: &mut ListingBuilder) {
    let mut lines = LineCounter::new(text, 1);
    let mut at = 0;
    let mut round = 0;
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        if at == text.len() {
            return;
        }
        let length = value_length(&text[at..]);
        let first = lines.at(at);
        document(&text[at..at + length], first, round, Within::File, out);
        at += length;
        round += 1;
    }
}

/// Reads JSON that stands in something else from `line` on.
pub(super) fn read_part(text: &str, line: u32, out: &mut ListingBuilder) {
    document(text, line, 0, Within::File, out);
}

/// The surroundings of a document.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    File,
    /// A string of another document. There is no further one in it: each takes the whole depth of the stack again, and
    /// escapes make them as small as they are many.
    Text,
}

/// JSON with comments and a comma behind the last value, and no more. Strict where laxness would hide that a list is
/// damaged: a lost comma often goes with a lost line.
fn options() -> ParseOptions {
    ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        // The additions of JSON5.
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

fn document(text: &str, first: u32, round: u32, within: Within, out: &mut ListingBuilder) {
    let max_tree = if within == Within::File { shape::MAX_TREE } else { shape::MAX_INNER_TREE };
    if let Err((at, problem)) = shape::check(text, max_tree) {
        return out.problem(LineCounter::new(text, first).at(at), Id::LIST_TOO_LARGE, || problem);
    }
    match parse_to_ast(text, &CollectOptions::default(), &options()) {
        Ok(parsed) => {
            let lines = LineCounter::new(text, first);
            let mut walker = object::Walker { lines, round, within, out };
            if let Some(value) = &parsed.value {
                walker.walk(value, None);
            }
        }
        Err(error) => {
            let line = first + u32::try_from(error.line_display()).unwrap_or(u32::MAX).saturating_sub(1);
            let column = u32::try_from(error.column_display()).ok();
            out.problem_at(line, column, Id::LIST_SYNTAX, || {
                format!("this is not JSON: {}", error.kind().to_string().to_lowercase())
            });
        }
    }
}

/// The text of a value that is a string.
fn as_text<'v>(value: &'v Value<'_>) -> Option<&'v str> {
    value.as_string_lit().map(|literal| literal.value.as_ref())
}
