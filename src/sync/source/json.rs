//! JSON lists: whatever `az`, `az rest`, exported templates and `ConvertTo-Json` make of endpoints.
//!
//! The whole tree is walked, and three shapes in it count, with keys in any case: an object with an FQDN and addresses
//! (`customDnsConfigs`, `recordSets`, what queries rename them to), an IP configuration with
//! `privateLinkConnectionProperties`, and a label with a zone and addresses. All else is left aside.

mod object;

use jsonc_parser::ast::Value;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::lines::Lines;
use super::listing::Builder;
pub(super) use object::{is_address_key, is_name_key};

/// PowerShell stops at a depth of two and puts type names where the rest should be.
const DEPTH_ADVICE: &str = "PowerShell cut the list off at its default depth: use `ConvertTo-Json -Depth 10`";

/// Reads a file: one document, or several that were appended.
pub(super) fn read(text: &str, out: &mut Builder) {
    let mut lines = Lines::new(text, 1);
    let mut at = 0;
    let mut round = 0;
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        if at == text.len() {
            return;
        }
        let length = value_length(&text[at..]);
        let first = lines.at(at);
        document(&text[at..at + length], first, round, out);
        at += length;
        round += 1;
    }
}

/// Reads JSON that stands in something else from `line` on.
pub(super) fn read_part(text: &str, line: u32, out: &mut Builder) {
    document(text, line, 0, out);
}

fn document(text: &str, first: u32, round: u32, out: &mut Builder) {
    // Strict where laxness would hide that a list is damaged: a lost comma often goes with a lost line.
    let options = ParseOptions {
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        ..ParseOptions::default()
    };
    match parse_to_ast(text, &CollectOptions::default(), &options) {
        Ok(parsed) => {
            let lines = Lines::new(text, first);
            let mut walker = object::Walker { lines, round, out };
            if let Some(value) = &parsed.value {
                walker.walk(value, None);
            }
        }
        Err(error) => {
            let line = first + u32::try_from(error.line_display()).unwrap_or(u32::MAX).saturating_sub(1);
            let column = error.column_display();
            out.problem(line, || {
                format!("column {column}: this is not JSON: {}", error.kind().to_string().to_lowercase())
            });
        }
    }
}

/// The length of the JSON value at the start of the text: up to its closing bracket, or everything if there is none.
pub(super) fn value_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += bytes[at..].iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len() - at - 1);
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                at = text[at + 2..].find("*/").map_or(bytes.len(), |end| at + end + 3);
            }
            b'[' | b'{' => depth += 1,
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// The index of the quote that ends the string at `start`.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'"' => return at,
            _ => {}
        }
        at += 1;
    }
    at
}

/// The text of a value that is a string.
fn as_text<'v>(value: &'v Value<'_>) -> Option<&'v str> {
    value.as_string_lit().map(|literal| literal.value.as_ref())
}
