//! A text that is not UTF-8: read as Windows-1252 where that cannot matter.
//!
//! Excel's "CSV" and old editors write the system's own encoding, of which only ASCII is sure. Names and addresses are
//! ASCII, so such a list can be read if all other characters stand in comments and other columns.

use std::net::IpAddr;
use std::string::FromUtf8Error;

use super::clean::{Quotes, clean};
use super::{Decoded, Undecodable, checked, encoding_problem, kinds, line_after};
use crate::diag::Id;
use crate::sync::source::token::quoted;

const ADVICE: &str = "save the list as UTF-8 (Excel: 'CSV UTF-8'; PowerShell: `Out-File -Encoding utf8`; Notepad: Save \
                      as, Encoding UTF-8)";

/// Parts of names of ours, of which some are in each, however the others are broken.
const PARTS: [&str; 6] = ["privatelink", ".core.", ".backup.", ".storage.", "windowsazure", "-ab-pod"];

/// The characters of the bytes 0x80 to 0x9f (WHATWG Encoding Standard, index windows-1252). Every other byte is the
/// code point of its character.
const FROM_0X80: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// The text with a warning, or the first place where the encoding matters.
pub(super) fn decode(error: FromUtf8Error) -> Result<Decoded, Undecodable> {
    let at = error.utf8_error().valid_up_to();
    let bytes = error.into_bytes();
    let line = line_after(&bytes[..at]);
    let byte = bytes.get(at).copied().unwrap_or_default();
    if kinds::is_binary(&bytes) {
        let text =
            format!("byte 0x{byte:02x} is not UTF-8, and control characters stand beside it: this is not a text");
        return Err((Some(line), (Id::LIST_FOREIGN, text)));
    }
    let text = clean(bytes.iter().copied().map(character).collect(), Quotes::Kept);
    for (number, content) in (1..).zip(text.split('\n')) {
        if let Some(word) = words(content).find(|word| matters(word)) {
            let text = format!("'{}' has a byte that is not UTF-8: {ADVICE}", quoted(word));
            return Err(encoding_problem(number, text));
        }
    }
    let warning = format!("byte 0x{byte:02x} is not UTF-8, so the list was read as Windows-1252: {ADVICE}");
    checked(Decoded { text, warning: Some((line, (Id::LIST_ENCODING, warning))) })
}

/// The character that a byte is in Windows-1252.
fn character(byte: u8) -> char {
    byte.checked_sub(0x80).and_then(|at| FROM_0X80.get(usize::from(at)).copied()).unwrap_or(char::from(byte))
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    let is_ascii = line.is_ascii();
    let is_end = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '|' | '"' | '\'' | '=');
    line.split(is_end).filter(move |word| !is_ascii && !word.is_ascii())
}

/// True if a word with other characters than ASCII would be a name of ours or an address without them, or part of one.
fn matters(word: &str) -> bool {
    let ascii: String = word.chars().filter(char::is_ascii).map(|c| c.to_ascii_lowercase()).collect();
    PARTS.iter().any(|part| ascii.contains(part)) || ascii.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_the_characters_that_python_reads_in_windows_1252() {
        for (byte, expected) in [(0x41, 'A'), (0x7f, '\u{7f}'), (0x80, '€'), (0x84, '„'), (0x93, '“'), (0x9f, 'Ÿ')]
        {
            assert_eq!(character(byte), expected, "{byte:#x}");
        }
        for (byte, expected) in [(0x81, '\u{81}'), (0x9d, '\u{9d}'), (0xa0, '\u{a0}'), (0xe4, 'ä'), (0xff, 'ÿ')] {
            assert_eq!(character(byte), expected, "{byte:#x}");
        }
    }
}
