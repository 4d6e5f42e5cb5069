//! Measures a TOML text before it is parsed: the memory that its tables take. One pass over the octets that keeps
//! nothing, so that no text is too large for it.

use crate::diag::Id;
use crate::sync::source::Wrong;

/// Octets that the tables of a list may take, as reckoned from its marks; a list that is as large as it may be has a
/// quarter.
const MAX_TREE: usize = 256 << 20;

/// Octets for a mark outside of strings. A dot in a key is a table, and so is a brace; both have a kilobyte as
/// measured.
const fn weight(mark: u8) -> usize {
    match mark {
        b'.' | b'{' => 1200,
        b'[' => 300,
        b'=' | b',' => 150,
        _ => 0,
    }
}

/// The place in a text and the problem there, if the text must not be parsed.
pub(super) fn check(text: &str) -> Result<(), (usize, Wrong)> {
    let bytes = text.as_bytes();
    let (mut at, mut tree) = (0, 0);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'#' => at = line_end(bytes, at),
            b'"' | b'\'' if bytes[at..].starts_with(&[byte; 3]) => {
                let problem =
                    "a multi-line string, which cannot be a name or an address: put it on one line, in single quotes";
                return Err((at, (Id::LIST_SYNTAX, problem.to_owned())));
            }
            b'"' | b'\'' => at = string_end(bytes, at),
            mark => tree += weight(mark),
        }
        if tree > MAX_TREE {
            let problem = "more tables and dotted keys than a list has: is this the right file?";
            return Err((at, (Id::LIST_TOO_LARGE, problem.to_owned())));
        }
        at += 1;
    }
    Ok(())
}

/// The end of the line of a place.
fn line_end(bytes: &[u8], at: usize) -> usize {
    memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |end| at + end)
}

/// The end of the string that begins at a place: the quote that it began with, or the end of its line.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let quote = bytes[start];
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if quote == b'"' && bytes.get(at + 1) != Some(&b'\n') => at += 1,
            b'\n' => return at,
            _ if byte == quote => return at,
            _ => {}
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_comments_do_not_count() {
        let max = MAX_TREE / weight(b'.');
        let dots = ".".repeat(max + 1);
        for text in
            [format!("a = \"\\\"{dots}\""), format!("a = '{dots}'"), format!("# \"{dots}\n"), format!("a = \"{dots}")]
        {
            assert_eq!(check(&text), Ok(()));
        }
        for text in
            [format!("a{dots} = 1"), format!("a = \"\"{dots}"), format!("a = '\\'{dots}"), format!("\"\n{dots}")]
        {
            assert!(check(&text).unwrap_err().1.1.starts_with("more tables"));
        }
        assert_eq!(check(&".".repeat(max)), Ok(()));
    }

    #[test]
    fn strings_of_several_lines_are_no_part_of_a_list() {
        assert_eq!(check("a = \"\"\nb = '\"\"\"'\nc = \"'''\" # \"\"\"\n"), Ok(()));
        for quotes in ["\"\"\"", "'''"] {
            assert_eq!(check(&format!("a = {quotes}x{quotes}")).unwrap_err().0, 4);
        }
    }
}
