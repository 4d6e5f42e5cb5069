//! Bytes to text: UTF-8 with or without BOM, UTF-16 with BOM, which Windows PowerShell writes, and Windows-1252.
//!
//! Input: the bytes of a list. Output: a text with one kind of line end and of blank and without byte order marks and
//! terminal colours (see [`mod@clean`]), or what the file is instead and what to do. A file in two encodings, as two
//! versions of PowerShell leave it when both append, is refused instead of guessed at.

mod clean;
mod kinds;
mod legacy;

use super::Wrong;
use super::lines::feeds;
use crate::diag::Id;
use clean::{Quotes, clean};

/// This many pairs of ASCII bytes in a row are no UTF-16 text of any language, but text of one byte a character.
const MIXED_RUN: usize = 16;

/// This many NUL bytes in a row are no text of any encoding, but a part of the file that was never written.
const HOLE: usize = 4;

const ADVICE: &str = "rewrite the file in one encoding, best with `Out-File -Encoding utf8` and without -Append";

/// A list as text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) text: String,
    /// What was assumed about the encoding, with the first line that it matters for.
    pub(super) warning: Option<(u32, Wrong)>,
}

/// A problem with the bytes of a file; without a line it is one of the whole file.
pub(super) type Undecodable = (Option<u32>, Wrong);

/// The text, or the place where it cannot be read and what is wrong there.
pub(super) fn decode(bytes: Vec<u8>) -> Result<Decoded, Undecodable> {
    if let Some(problem) = kinds::refusal(&bytes) {
        return Err((None, problem));
    }
    let text = match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => utf16(u16::from_le_bytes, rest, 1)?,
        [0xfe, 0xff, rest @ ..] => utf16(u16::from_be_bytes, rest, 0)?,
        _ => match utf8(bytes)? {
            Ok(text) => text,
            Err(error) => return legacy::decode(error),
        },
    };
    checked(Decoded { text: clean(text, Quotes::Plain), warning: None })
}

/// A text, unless something else stood on the screen that it was recorded from, or nobody can tell where a comment in
/// it ends.
fn checked(decoded: Decoded) -> Result<Decoded, Undecodable> {
    let line_at = |at: usize| Some(feeds(&decoded.text.as_bytes()[..at]) + 1);
    if let Some(at) = memchr::memchr(0x1b, decoded.text.as_bytes()) {
        let text = "a control sequence of a terminal stands here, and the screen showed something else than the file \
                    holds: write the output to a file, not the screen";
        return Err((line_at(at), (Id::LIST_FOREIGN, text.to_owned())));
    }
    if let Some(at) = clean::glued_comment(&decoded.text) {
        let text = "a byte order mark stands behind a comment sign, as where one file was put behind another: put a line \
                    end there";
        return Err((line_at(at), (Id::LIST_ENCODING, text.to_owned())));
    }
    Ok(decoded)
}

/// The text, or the error if some bytes are not UTF-8.
fn utf8(mut bytes: Vec<u8>) -> Result<Result<String, std::string::FromUtf8Error>, Undecodable> {
    if bytes.starts_with(&[0xef, 0xbb, 0xbf]) {
        bytes.drain(..3);
    }
    match memchr::memchr(0, &bytes) {
        Some(at) => Err(encoding_problem(line_after(&bytes[..at]), why_nul(&bytes, at))),
        None => Ok(String::from_utf8(bytes)),
    }
}

/// The cause of the first NUL byte, and what to do.
fn why_nul(bytes: &[u8], at: usize) -> String {
    let rest = &bytes[at..];
    let run = rest.iter().take_while(|byte| **byte == 0).count();
    let what = if run == rest.len() && at > 0 && run > 1 {
        return "the file ends in NUL bytes: its last part was never written; export the list again".to_owned();
    } else if at == 1 && bytes.get(1..4) == Some(&[0, 0, 0]) {
        "the file is UTF-32 without a byte order mark"
    } else if run >= HOLE {
        return "NUL bytes stand here: this part of the file was lost; export the list again".to_owned();
    } else if at < 2 {
        "the file is UTF-16 without a byte order mark"
    } else if is_utf16_like(&bytes[at - 1..]) {
        "from here on the file is UTF-16, but it starts as UTF-8"
    } else {
        return "a NUL byte stands here, so this is not a text: is it the right file?".to_owned();
    };
    format!("{what}: {ADVICE}")
}

/// True if every other byte is NUL for as far as it matters, in either order.
fn is_utf16_like(bytes: &[u8]) -> bool {
    let pairs = &bytes[..bytes.len().min(2 * MIXED_RUN)];
    [0, 1].iter().any(|first| pairs.iter().skip(*first).step_by(2).skip(1).all(|byte| *byte == 0))
}

/// `unit` reads a pair of bytes; `high` is the index of the high byte in it.
fn utf16(unit: fn([u8; 2]) -> u16, bytes: &[u8], high: usize) -> Result<String, Undecodable> {
    let units = |bytes: &[u8]| bytes.as_chunks().0.iter().map(|pair| unit(*pair)).collect::<Vec<_>>();
    let line = |before: &[u8]| line_behind(String::from_utf16_lossy(&units(before)));
    if let Some(at) = one_byte_run(bytes, high) {
        let what = "from here on the file is UTF-8 or similar, but it starts as UTF-16";
        return Err(encoding_problem(line(&bytes[..at]), format!("{what}: {ADVICE}")));
    }
    if let Some(at) = memchr::memmem::find(bytes, &[0; HOLE]) {
        let what = "NUL bytes stand here: this part of the file was lost; export the list again";
        return Err(encoding_problem(line(&bytes[..at.next_multiple_of(2)]), what.to_owned()));
    }
    let whole = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let malformed = || {
        encoding_problem(
            line(whole.strip_suffix(b"\r\0").unwrap_or(whole)),
            format!("the file is not complete UTF-16: {ADVICE}"),
        )
    };
    if !bytes.len().is_multiple_of(2) {
        return Err(malformed());
    }
    String::from_utf16(&units(bytes)).map_err(|_| malformed())
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

fn encoding_problem(line: u32, text: String) -> Undecodable {
    (Some(line), (Id::LIST_ENCODING, text))
}

/// The line that follows these bytes of one byte a character.
fn line_after(before: &[u8]) -> u32 {
    line_behind(String::from_utf8_lossy(before).into_owned())
}

/// The line that follows a text, as an editor counts.
fn line_behind(text: String) -> u32 {
    feeds(clean(text, Quotes::Plain).as_bytes()) + 1
}

#[cfg(test)]
mod tests;
