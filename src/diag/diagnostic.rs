//! A problem with its severity, kind, source and place.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Id, Place, printable};

/// The severity of a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Something is not done, or not taken, because of it.
    Error,
    /// All is done; a person should look.
    Warning,
    /// Good to know.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// A message for the operator. No code reads its text to learn its subject: `id`, `source` and `place`
/// say that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Its severity.
    pub severity: Severity,
    /// Its kind; stable, for programs.
    pub id: Id,
    /// The name of the configured source that it belongs to; `None` if it belongs to no source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Its place.
    pub place: Place,
    /// The problem, the remedy, and the effect.
    pub text: String,
}

impl Diagnostic {
    /// Characters of a text that are kept: a line of a list may be a whole file that lost its line feeds.
    const MAX_TEXT: usize = 600;

    /// An error. What its text quotes of others is made safe to show.
    pub fn error(id: Id, place: Place, text: impl AsRef<str>) -> Self {
        let text = printable(&shortened(text.as_ref())).into_owned();
        Self { severity: Severity::Error, id, source: None, place, text }
    }

    /// A warning.
    pub fn warning(id: Id, place: Place, text: impl AsRef<str>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(id, place, text) }
    }

    /// A note.
    pub fn note(id: Id, place: Place, text: impl AsRef<str>) -> Self {
        Self { severity: Severity::Note, ..Self::error(id, place, text) }
    }

    /// The same, belonging to a source.
    #[must_use]
    pub fn of_source(self, name: &str) -> Self {
        Self { source: Some(name.to_owned()), ..self }
    }

    /// The same with more text.
    #[must_use]
    pub fn and(self, more: &str) -> Self {
        Self { text: self.text + &printable(more), ..self }
    }

    /// True if it is only good to know.
    pub fn is_note(&self) -> bool {
        self.severity == Severity::Note
    }

    /// True if it is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    /// `place: text`, always one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, printable(&self.text))
    }
}

/// The text, its middle left out if it is too long: the advice stands at its end.
fn shortened(text: &str) -> std::borrow::Cow<'_, str> {
    let length = text.chars().count();
    if length <= Diagnostic::MAX_TEXT {
        return text.into();
    }
    let start: String = text.chars().take(Diagnostic::MAX_TEXT / 2).collect();
    let end: String = text.chars().skip(length - Diagnostic::MAX_TEXT / 2).collect();
    format!("{start} [...] {end}").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn places() -> impl Strategy<Value = Place> {
        prop_oneof![
            (any::<String>(), any::<Option<u32>>(), any::<Option<u32>>())
                .prop_map(|(file, line, column)| Place::File { file, line, column }),
            any::<String>().prop_map(|source| Place::Source { source }),
            any::<String>().prop_map(|zone| Place::Zone { zone }),
            Just(Place::Server),
        ]
    }

    #[test]
    fn a_place_is_shown_as_far_as_it_is_known() {
        let shown = |line, column| Place::column("a.txt", line, column).to_string();
        assert_eq!(shown(Some(3), Some(7)), "a.txt:3:7");
        assert_eq!(shown(Some(3), None), "a.txt:3");
        assert_eq!(shown(None, None), "a.txt");
        assert_eq!(Place::source("vault").to_string(), "source 'vault'");
        assert_eq!(Place::zone("a.example").to_string(), "zone 'a.example'");
    }

    #[test]
    fn as_json_it_has_its_source_its_place_and_its_id() {
        let found = Diagnostic::error(Id::LIST_BAD_ADDRESS, Place::line("a.txt", 3), "'x' is not an IP address");
        let json = serde_json::to_value(found.of_source("vault")).unwrap();
        let expected = serde_json::json!({
            "severity": "error", "id": "list-bad-address", "source": "vault",
            "place": {"kind": "file", "file": "a.txt", "line": 3}, "text": "'x' is not an IP address",
        });
        assert_eq!(json, expected);
    }

    proptest! {
        #[test]
        fn a_diagnostic_is_one_line_that_starts_with_its_place(place in places(), text in any::<String>()) {
            let found = Diagnostic { text: text.clone(), ..Diagnostic::error(Id::LIST_SYNTAX, place, text) };
            let shown = found.to_string();
            prop_assert_eq!(shown.lines().count(), 1);
            prop_assert!(shown.starts_with(&found.place.to_string()), "{}", shown);
            prop_assert!(!shown.chars().any(char::is_control));
        }

        #[test]
        fn json_and_back_it_is_the_same(place in places(), text in any::<String>(), at in 0..Id::ALL.len()) {
            let found = Diagnostic::warning(Id::ALL[at], place, text);
            let json = serde_json::to_string(&found).unwrap();
            prop_assert_eq!(serde_json::from_str::<Diagnostic>(&json).unwrap(), found);
        }
    }
}
