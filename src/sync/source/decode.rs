//! Bytes to text: UTF-8 with or without BOM, and UTF-16 with BOM, which Windows PowerShell writes.
//!
//! The text has no byte order marks, terminal colours or typographic blanks, and the same lines as the file. A file in
//! two encodings, as two versions of PowerShell leave it when both append, is refused instead of guessed at.

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};

use super::lines::feeds;

/// This many pairs of ASCII bytes in a row are no UTF-16 text of any language, but text of one byte a character.
const MIXED_RUN: usize = 16;

const ADVICE: &str = "rewrite the file in one encoding, best with `Out-File -Encoding utf8` and without -Append";

/// The text, or the line where it cannot be read and what is wrong there.
pub(super) fn decode(bytes: Vec<u8>) -> Result<String, (u32, String)> {
    let text = match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => utf16(UTF_16LE, rest, 1)?,
        [0xfe, 0xff, rest @ ..] => utf16(UTF_16BE, rest, 0)?,
        _ => utf8(bytes)?,
    };
    Ok(clean(text))
}

fn utf8(mut bytes: Vec<u8>) -> Result<String, (u32, String)> {
    if bytes.starts_with(&[0xef, 0xbb, 0xbf]) {
        bytes.drain(..3);
    }
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        let what = if at < 2 {
            "the file is UTF-16 without a byte order mark".to_owned()
        } else {
            "from here on the file is UTF-16, but it starts as UTF-8".to_owned()
        };
        return Err((line_of(&bytes[..at], 1), format!("{what}: {ADVICE}")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let line = line_of(&bytes[..at], 1);
        (line, format!("byte 0x{:02x} is not UTF-8: {ADVICE}", bytes.get(at).copied().unwrap_or_default()))
    })
}

/// `high` is the index of the high byte in a pair.
fn utf16(encoding: &'static Encoding, bytes: &[u8], high: usize) -> Result<String, (u32, String)> {
    if let Some(at) = one_byte_run(bytes, high) {
        let what = "from here on the file is UTF-8 or similar, but it starts as UTF-16";
        return Err((line_of(&bytes[..at], 2), format!("{what}: {ADVICE}")));
    }
    let malformed = || (line_of(bytes, 2), format!("the file is not complete UTF-16: {ADVICE}"));
    if !bytes.len().is_multiple_of(2) {
        return Err(malformed());
    }
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes).ok_or_else(malformed)?;
    Ok(text.into_owned())
}

/// The start of text with one byte for each character within UTF-16.
fn one_byte_run(bytes: &[u8], high: usize) -> Option<usize> {
    let is_text = |byte: u8| matches!(byte, b'\t' | b'\r' | b'\n' | b' '..=b'~');
    let mut run = 0;
    for (index, pair) in bytes.chunks_exact(2).enumerate() {
        run = if pair[high] != 0 && is_text(pair[0]) && is_text(pair[1]) { run + 1 } else { 0 };
        if run == MIXED_RUN {
            return Some(2 * (index + 1 - MIXED_RUN));
        }
    }
    None
}

/// The line that follows `before`, counting line feeds; they are as many in UTF-16, where only the low byte is one, as
/// long as the text is what lists are made of.
fn line_of(before: &[u8], width: usize) -> u32 {
    match width {
        1 => feeds(before) + 1,
        _ => before.chunks_exact(2).map(|pair| u32::from(matches!(pair, [b'\n', 0] | [0, b'\n']))).sum::<u32>() + 1,
    }
}

fn clean(text: String) -> String {
    let text = if text.contains('\u{1b}') { without_colours(&text) } else { text };
    if text.is_ascii() { text } else { text.chars().map(plain).collect() }
}

/// Blanks and quotes that web pages and word processors put into what people copy.
fn plain(c: char) -> char {
    match c {
        '\u{a0}' | '\u{2007}' | '\u{202f}' | '\u{200b}' | '\u{feff}' => ' ',
        '“' | '”' | '„' | '«' | '»' => '"',
        '‘' | '’' => '\'',
        other => other,
    }
}

/// Without ANSI control sequences (`az -o jsonc` colours its output).
fn without_colours(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        out.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        let skipped = match tail.strip_prefix('[') {
            Some(parameters) => parameters.find(|c: char| ('@'..='~').contains(&c)).map_or(tail.len(), |end| end + 2),
            None => 0,
        };
        rest = &tail[skipped..];
    }
    out.push_str(rest);
    out
}
