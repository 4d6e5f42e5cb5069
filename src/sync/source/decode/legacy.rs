//! A text that is not UTF-8: read as Windows-1252 where that cannot matter.
//!
//! Excel's "CSV" and old editors write the system's own encoding, of which only ASCII is sure. Names and addresses are
//! ASCII, so such a list can be read if all other characters stand in comments and other columns.

use std::net::IpAddr;
use std::string::FromUtf8Error;

use encoding_rs::WINDOWS_1252;

use super::clean::{Quotes, clean};
use super::{Decoded, Undecodable, checked, encoding_problem, kinds, line_after};
use crate::diag::Id;
use crate::sync::source::token::quoted;

const ADVICE: &str = "save the list as UTF-8 (Excel: 'CSV UTF-8'; PowerShell: `Out-File -Encoding utf8`; Notepad: Save \
                      as, Encoding UTF-8)";

/// Parts of names of ours, of which some are in each, however the others are broken.
const PARTS: [&str; 6] = ["privatelink", ".core.", ".backup.", ".storage.", "windowsazure", "-ab-pod"];

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
    let (text, _) = WINDOWS_1252.decode_without_bom_handling(&bytes);
    let text = clean(text.into_owned(), Quotes::Kept);
    for (number, content) in (1..).zip(text.split('\n')) {
        if let Some(word) = words(content).find(|word| matters(word)) {
            let text = format!("'{}' has a byte that is not UTF-8: {ADVICE}", quoted(word));
            return Err(encoding_problem(number, text));
        }
    }
    let warning = format!("byte 0x{byte:02x} is not UTF-8, so the list was read as Windows-1252: {ADVICE}");
    checked(Decoded { text, warning: Some((line, (Id::LIST_ENCODING, warning))) })
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
