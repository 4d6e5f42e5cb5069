//! The format of a text, by what it looks like.
//!
//! A wrong guess costs a bad message, so a format is only chosen for what no other has: TOML by our own header, JSON by
//! a bracket with JSON behind it, YAML by its tree, a screen by two labels, a zone file by its directives and records.
//! Everything else is text, whose reader refuses what it does not understand.

mod foreign;
mod yaml;
mod zone;

use std::path::Path;

use super::{Format, screens};
pub(super) use foreign::holds_entry;

/// The reason why a text of this format is no list, if it certainly is none, with its line.
pub(super) fn foreign(text: &str, format: Format) -> Option<(u32, String)> {
    match format {
        Format::Json | Format::Toml => foreign::conflict(text),
        _ => foreign::find(text),
    }
}

/// The format of a list. `path` is only looked at for its ending.
pub(super) fn format(path: &Path, text: &str) -> Format {
    let has_ending = |endings: &[&str]| {
        path.extension().is_some_and(|ending| endings.iter().any(|other| ending.eq_ignore_ascii_case(other)))
    };
    if has_ending(&["toml"]) {
        return Format::Toml;
    }
    if has_ending(&["yaml", "yml"]) {
        return Format::Yaml;
    }
    let start = content(text);
    let mut lines = start.lines().map(str::trim_end).filter(|line| !line.trim_start().is_empty());
    let (first, second) = (lines.next().unwrap_or_default().trim_start(), lines.next());
    if is_own_header(first) {
        Format::Toml
    } else if is_json(start) {
        Format::Json
    } else if is_screen(first, second) {
        Format::Screen
    } else if yaml::is_yaml(text) {
        Format::Yaml
    } else if zone::is_zone_file(text) {
        Format::Zone
    } else {
        Format::Text
    }
}

/// The text from its first character that is no blank and stands in no comment.
pub(super) fn content(text: &str) -> &str {
    let mut rest = text.trim_start();
    loop {
        let end = match rest.as_bytes() {
            [b'#', ..] | [b'/', b'/', ..] => rest.find('\n'),
            [b'/', b'*', ..] => rest.find("*/").map(|at| at + 1),
            _ => return rest,
        };
        rest = end.map_or("", |end| rest[end + 1..].trim_start());
    }
}

/// `[[endpoint]]`, as nothing else has it.
fn is_own_header(line: &str) -> bool {
    let name = line.strip_prefix("[[").and_then(|rest| rest.split_once("]]")).map_or("", |(name, _)| name.trim());
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// True if a text starts with a bracket and does not look like a list of lines in which brackets stand: `[section]`,
/// `[name](link)`, `[fd00::4] name`, `{10.0.0.4, 10.0.0.5} name`.
fn is_json(text: &str) -> bool {
    let close = match text.as_bytes() {
        [b'[', ..] => ']',
        [b'{', ..] => '}',
        _ => return false,
    };
    let (line, below) = text[1..].split_once('\n').unwrap_or((&text[1..], ""));
    let Some((inside, behind)) = line.split_once(close) else { return !line.starts_with('\\') };
    let behind = content(behind);
    if inside.trim().is_empty() || inside.contains(['"', '{']) || behind.starts_with([',', ']', '}']) {
        return true;
    }
    let is_section = inside.starts_with(|c: char| c.is_ascii_alphabetic()) && !content(below).is_empty();
    behind.is_empty() && !is_section
}

/// A single title such as `Generated : 2026-03-30` does not make a screen of what stands below it.
fn is_screen(first: &str, second: Option<&str>) -> bool {
    let opens_json = first.trim_end().ends_with(['[', '{']);
    let goes_on = |line: &str| line.starts_with([' ', '\t']) || screens::is_labelled(line);
    screens::is_labelled(first) && (opens_json || second.is_none_or(goes_on))
}

#[cfg(test)]
mod tests;
