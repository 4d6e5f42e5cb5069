//! The characters and labels of a host name, and how a message names a character that nobody sees.

use super::NotHosted;
use super::labels::{SUFFIXES, strip_labels};

/// The error of a text that is no host name (RFC 952, RFC 1123 section 2.1; underscores are let in).
pub(super) fn check(rest: &str) -> Result<(), NotHosted> {
    if let Some(error) = bad_character(rest) {
        return Err(error);
    }
    if rest.is_empty() {
        return Ok(());
    }
    for label in rest.split('.') {
        let problem = match label.len() {
            0 => "it has an empty label",
            64.. => "a label is over 63 characters",
            _ if label.starts_with('-') || label.ends_with('-') => "a label starts or ends with a hyphen",
            _ => continue,
        };
        return Err(NotHosted::BadHost(problem.to_owned()));
    }
    Ok(())
}

/// The error of the first character that cannot stand in a host name.
pub(super) fn bad_character(text: &str) -> Option<NotHosted> {
    let bad = text.chars().find(|c| !is_host(*c))?;
    Some(match bad {
        '<' | '>' | '{' | '}' => NotHosted::Placeholder,
        '*' => NotHosted::Wildcard,
        c if is_break(c) && has_several_names(text) => {
            NotHosted::BadHost("it is several names: give each its own entry".to_owned())
        }
        c if is_break(c) => NotHosted::BadHost(format!(
            "{} stands inside it: a screen broke this name, so export the list as JSON",
            character(c)
        )),
        c => NotHosted::BadHost(format!("{} cannot stand in one", character(c))),
    })
}

/// The text without the characters that cannot stand in a host name, and with the dots and hyphens of other scripts as
/// the plain ones that they were.
pub(super) fn cleaned(text: &str) -> String {
    let plain = |c: char| match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe63}' | '\u{ff0d}' => '-',
        '\u{3002}' | '\u{ff0e}' | '\u{ff61}' => '.',
        other => other,
    };
    text.chars().map(plain).filter(|c| is_host(*c)).collect()
}

fn is_host(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// Blanks and line ends: what a screen puts where a line is full.
fn is_break(c: char) -> bool {
    c.is_whitespace()
}

/// A name that is whole before the first blank was not broken by a screen.
fn has_several_names(text: &str) -> bool {
    let first = text.split_whitespace().next().unwrap_or_default();
    SUFFIXES.iter().any(|suffix| strip_labels(first, suffix).is_some())
}

/// `'ä'`, `a blank`, `U+200E LEFT-TO-RIGHT MARK`: names as in the Unicode Character Database.
fn character(c: char) -> String {
    let name = match c {
        ' ' => return "a blank".to_owned(),
        '\t' => return "a tab".to_owned(),
        '\n' | '\r' => return "a line end".to_owned(),
        c if c.is_ascii_graphic() => return format!("'{c}'"),
        '\u{85}' => "NEXT LINE",
        '\u{a0}' => "NO-BREAK SPACE",
        '\u{ad}' => "SOFT HYPHEN",
        '\u{2002}' => "EN SPACE",
        '\u{2003}' => "EM SPACE",
        '\u{2009}' => "THIN SPACE",
        '\u{200b}' => "ZERO WIDTH SPACE",
        '\u{200c}' => "ZERO WIDTH NON-JOINER",
        '\u{200d}' => "ZERO WIDTH JOINER",
        '\u{200e}' => "LEFT-TO-RIGHT MARK",
        '\u{200f}' => "RIGHT-TO-LEFT MARK",
        '\u{2010}' => "HYPHEN",
        '\u{2011}' => "NON-BREAKING HYPHEN",
        '\u{2012}' => "FIGURE DASH",
        '\u{2013}' => "EN DASH",
        '\u{2014}' => "EM DASH",
        '\u{2028}' => "LINE SEPARATOR",
        '\u{2029}' => "PARAGRAPH SEPARATOR",
        '\u{202a}' => "LEFT-TO-RIGHT EMBEDDING",
        '\u{202b}' => "RIGHT-TO-LEFT EMBEDDING",
        '\u{202c}' => "POP DIRECTIONAL FORMATTING",
        '\u{202d}' => "LEFT-TO-RIGHT OVERRIDE",
        '\u{202e}' => "RIGHT-TO-LEFT OVERRIDE",
        '\u{202f}' => "NARROW NO-BREAK SPACE",
        '\u{2060}' => "WORD JOINER",
        '\u{2212}' => "MINUS SIGN",
        '\u{3000}' => "IDEOGRAPHIC SPACE",
        '\u{3002}' => "IDEOGRAPHIC FULL STOP",
        '\u{feff}' => "ZERO WIDTH NO-BREAK SPACE",
        '\u{ff0e}' => "FULLWIDTH FULL STOP",
        c if c.is_alphanumeric() => return format!("'{c}' (U+{:04X})", u32::from(c)),
        _ => "",
    };
    format!("U+{:04X} {name}", u32::from(c)).trim_end().to_owned()
}
