//! Comments that start with `;`, as zone files and INI files have them, in a list of lines.
//!
//! In other lists a semicolon stands between columns, and the first column may be empty: `;acct.blob...;10.0.0.4`. So
//! it starts a comment only in a text where it stands between no two columns, and not on all lines. An entry behind it
//! stays, for the reader to refuse: who takes a line out means that its record goes.

use std::borrow::Cow;

use super::recognise;

/// The text with `#` in the place of such semicolons.
pub(super) fn as_comments(text: &str) -> Cow<'_, str> {
    if !(text.starts_with(';') || memchr::memmem::find(text.as_bytes(), b"\n;").is_some()) {
        return Cow::Borrowed(text);
    }
    let is_comment = |line: &str| line.trim().is_empty() || line.starts_with(';');
    if text.split('\n').any(has_columns) || text.split('\n').all(is_comment) {
        return Cow::Borrowed(text);
    }
    let mut copy = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match line.strip_prefix(';').filter(|comment| !recognise::holds_entry(comment)) {
            Some(comment) => copy.extend(["#", comment]),
            None => copy.push_str(line),
        }
    }
    Cow::Owned(copy)
}

/// True if a semicolon stands between two words, or one on a line that starts with one.
fn has_columns(line: &str) -> bool {
    let starts = line.starts_with(';');
    let mut parts = line.trim_start_matches(';').split(';');
    let mut left = parts.next().unwrap_or_default();
    parts.any(|right| {
        let is_between = !left.ends_with(char::is_whitespace) || !right.starts_with(char::is_whitespace);
        left = right;
        starts || (is_between && !left.trim().is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_semicolon_at_the_start_of_a_line_is_a_comment_where_none_parts_columns() {
        for (text, expected) in [
            ("; blob\n10.0.0.4 a\n", "# blob\n10.0.0.4 a\n"),
            ("10.0.0.4 a ; x\r\n;10.0.0.5 b\r\n;;\n;", "10.0.0.4 a ; x\r\n;10.0.0.5 b\r\n#;\n#"),
            ("; a.blob.core.windows.net\n; x\nb", "; a.blob.core.windows.net\n# x\nb"),
            ("10.0.0.4 a;\n; x", "10.0.0.4 a;\n# x"),
        ] {
            assert_eq!(as_comments(text), expected);
        }
        for text in [
            ";a;10.0.0.4\n",
            "; a ; 10.0.0.4\n",
            "a;10.0.0.4\n;b 10.0.0.5\n",
            "a b\n",
            " ; x",
            ";a 10.0.0.4\n\n;b 10.0.0.5",
            "a ;10.0.0.4\n;b",
        ] {
            assert!(matches!(as_comments(text), Cow::Borrowed(_)), "{text}");
        }
    }
}
