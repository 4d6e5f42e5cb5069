//! Floor 0: messages for the operator.
//!
//! One [`Diagnostic`] serves lists, zone files, the config, the guard and the daemon, and is shown by the log, by
//! `check` and by `status`: it says how much something matters, which source it belongs to, where it is, and what is
//! wrong. [`Id`] has the registry of all kinds.
//!
//! Lists and file names are written by people who may want a terminal or a log to show something else (CWE-150): the
//! text of others reaches neither before it has been through [`printable`].

mod command;
mod diagnostic;
mod diagnostics;
mod id;
mod place;

pub use command::command;
pub use diagnostic::{Diagnostic, Severity};
pub use diagnostics::Diagnostics;
pub use id::Id;
pub use place::Place;

use std::borrow::Cow;
use std::fmt::Write;
use std::path::Path;

/// The text with every character escaped that moves a cursor, ends a line, or turns the direction of text.
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, is_hidden)
}

/// The same for text of several lines, whose line feeds stay.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c != '\n' && is_hidden(c))
}

/// A path as messages show it.
pub fn path(path: &Path) -> String {
    printable(&path.to_string_lossy()).into_owned()
}

/// A text as one word of a command that people paste into a shell (POSIX.1-2024, XCU 2.2.2).
pub fn shell(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', "'\\''")))
}

fn escaped(text: &str, is_hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    let Some(first) = text.find(&is_hidden) else { return Cow::Borrowed(text) };
    let (plain, rest) = text.split_at(first);
    let mut out = plain.to_owned();
    for c in rest.chars() {
        if is_hidden(c) {
            // Writing to a String cannot fail.
            let _ = write!(out, "{}", c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Control characters (C0, DEL, C1), line and paragraph separators, and those that turn or hide text (Unicode UAX 9).
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_that_a_terminal_would_obey_is_escaped() {
        assert_eq!(printable("a\u{1b}[2Kb\r\nc\u{9b}1m\u{202e}d"), "a\\u{1b}[2Kb\\r\\nc\\u{9b}1m\\u{202e}d");
        assert_eq!(printable_lines("a\nb\u{7}"), "a\nb\\u{7}");
        assert!(matches!(printable("Überall „gut“"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_word_of_a_command_is_quoted_where_a_shell_would_see_more_in_it() {
        assert_eq!(shell("/etc/privatelink-dns/a.toml"), "/etc/privatelink-dns/a.toml");
        assert_eq!(shell("a b;touch $(x) `y`"), "'a b;touch $(x) `y`'");
        assert_eq!(shell("it's"), "'it'\\''s'");
        assert_eq!(shell(""), "''");
    }

    proptest! {
        #[test]
        fn no_text_moves_a_cursor(text in any::<String>()) {
            prop_assert!(!printable(&text).chars().any(char::is_control));
            prop_assert!(printable_lines(&text).chars().all(|c| c == '\n' || !c.is_control()));
        }
    }
}
