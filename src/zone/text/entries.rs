//! Entries that go on over line feeds, within parentheses or quotes (RFC 1035 section 5.1).
//!
//! Input: the text of a zone file. Output: the places where entries begin, and the unfinished entry at the end, if
//! there is one. The contents of entries are not looked at.

/// A parenthesis or quote that nothing closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Open {
    /// The character.
    pub(super) what: char,
    /// The number of lines above its own.
    pub(super) lines_before: u32,
    /// From 1.
    pub(super) column: u32,
    /// The start of its entry, which may be lines above.
    pub(super) entry_start: usize,
}

/// The outermost parenthesis or quote that is still open at the end.
pub(super) fn unclosed(text: &[u8]) -> Option<Open> {
    walk(text, |_, _| {})
}

/// The same, and on the way each line that an entry may start with: where it begins, and how many are above it.
pub(super) fn walk(text: &[u8], mut entry: impl FnMut(usize, u32)) -> Option<Open> {
    entry(0, 0);
    let (mut lines_before, mut line_start, mut entry_start) = (0, 0, 0);
    let (mut depth, mut parenthesis, mut quote, mut is_comment) = (0_usize, None, None, false);
    let mut bytes = text.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        let column = u32::try_from(at - line_start + 1).unwrap_or(u32::MAX);
        let open = |what| Some(Open { what, lines_before, column, entry_start });
        match byte {
            b'\n' => {
                is_comment = false;
                lines_before += 1;
                line_start = at + 1;
                if depth == 0 && quote.is_none() {
                    entry_start = line_start;
                    entry(line_start, lines_before);
                }
            }
            _ if is_comment => {}
            // An escaped line feed still counts as a line.
            b'\\' if text.get(at + 1).is_some_and(|next| *next != b'\n') => {
                bytes.next();
            }
            b'"' => quote = if quote.is_some() { None } else { open('"') },
            _ if quote.is_some() => {}
            b';' => is_comment = true,
            b'(' => {
                depth += 1;
                parenthesis = parenthesis.or(open('('));
            }
            b')' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    parenthesis = None;
                }
            }
            _ => {}
        }
    }
    parenthesis.or(quote)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_or_missing_parentheses_are_fine() {
        for text in
            ["", "a A 1\n", "a (\n)\n", "a (()) b\n", "\"(\" x", "; (\n", "\\( x", "\"\\\"\"", ") (\n)", "\"a\nb\""]
        {
            assert_eq!(unclosed(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn the_outermost_group_is_named_with_its_place() {
        let open = |text: &str| {
            unclosed(text.as_bytes()).map(|open| (open.what, open.lines_before, open.column, open.entry_start))
        };
        assert_eq!(open("a\nb ( (c\n)\nd"), Some(('(', 1, 3, 2)));
        assert_eq!(open("a \"b (\n"), Some(('"', 0, 3, 0)));
        assert_eq!(open("a ( \"b\n"), Some(('(', 0, 3, 0)));
        assert_eq!(open("a () (\n"), Some(('(', 0, 6, 0)));
        assert_eq!(open("x\na (\n) (\n"), Some(('(', 2, 3, 2)), "the entry begins a line above");
    }
}
