//! From an event to its line: always one line, whatever a field holds.
//!
//! In: a level, a time, a message and fields. Out: text with one line feed, at its end. Never: a character that ends a
//! line or moves a cursor, or a line without bounds.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::time::SystemTime;

use serde_json::Value;
use tracing::Level;
use tracing::field::{Field, Visit};

use crate::diag;

/// Characters of a field that are kept.
const MAX_FIELD: usize = 4096;

/// The form of a line, once it is known what standard error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Text { colour: bool },
    Journal,
    Json,
}

/// The message and the fields of an event.
#[derive(Default)]
pub(super) struct Fields {
    message: String,
    others: Vec<Other>,
}

/// A field: its name, its value as text, and as JSON.
struct Other(&'static str, String, Value);

impl Fields {
    /// A message without fields.
    pub(super) fn message(message: impl Into<String>) -> Self {
        Self { message: message.into(), others: Vec::new() }
    }

    fn add(&mut self, field: &Field, shown: String, value: impl Into<Value>) {
        match field.name() {
            "message" => self.message = shown,
            // What the bridge from the `log` crate adds.
            name if name.starts_with("log.") => {}
            name => self.others.push(Other(name, shown, value.into())),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = shortened(&format!("{value:?}")).into_owned();
        self.add(field, text.clone(), text);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let value = shortened(value);
        let shown = if field.name() == "message" { value.to_string() } else { format!("{value:?}") };
        self.add(field, shown, &*value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.to_string(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.to_string(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.to_string(), value);
    }
}

/// The text, its end left out if it is too long.
fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_FIELD) {
        None => text.into(),
        Some((at, _)) => format!("{} [...]", &text[..at]).into(),
    }
}

impl Form {
    /// The line of an event.
    pub(super) fn line(self, at: SystemTime, level: Level, fields: &Fields) -> String {
        let head = match self {
            Self::Json => return json(at, level, fields) + "\n",
            Self::Text { colour } => head(at, level, colour),
            Self::Journal => format!("<{}>", priority(level)),
        };
        let mut line = head + &diag::printable(&fields.message);
        for Other(name, shown, _) in &fields.others {
            // Writing to a String cannot fail.
            let _ = write!(line, " {name}={}", diag::printable(shown));
        }
        line.push('\n');
        line
    }
}

/// Time and level.
fn head(at: SystemTime, level: Level, colour: bool) -> String {
    let time = humantime::format_rfc3339_micros(at);
    let (dim, style) = if colour {
        (anstyle::Style::new().dimmed(), colour_of(level).on_default())
    } else {
        (anstyle::Style::new(), anstyle::Style::new())
    };
    format!("{dim}{time}{dim:#} {style}{:>5}{style:#} ", level.as_str())
}

fn colour_of(level: Level) -> anstyle::AnsiColor {
    match level {
        Level::ERROR => anstyle::AnsiColor::Red,
        Level::WARN => anstyle::AnsiColor::Yellow,
        Level::INFO => anstyle::AnsiColor::Green,
        _ => anstyle::AnsiColor::Blue,
    }
}

/// The priority that the journal knows (sd-daemon(3)).
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

/// A JSON object; values are what they are, and only their spelling is safe to show.
fn json(at: SystemTime, level: Level, fields: &Fields) -> String {
    let time = humantime::format_rfc3339_micros(at).to_string();
    let head = [
        ("time", Value::from(time)),
        ("level", level.as_str().to_ascii_lowercase().into()),
        ("message", fields.message.as_str().into()),
    ];
    let others = fields.others.iter().map(|Other(name, _, value)| (*name, value.clone()));
    let members: Vec<String> =
        head.into_iter().chain(others).map(|(name, value)| format!("{}:{value}", Value::from(name))).collect();
    let mut object = String::with_capacity(256);
    for c in format!("{{{}}}", members.join(",")).chars() {
        // All of these are in the Basic Multilingual Plane.
        if diag::is_hidden(c) {
            let _ = write!(object, "\\u{:04x}", u32::from(c));
        } else {
            object.push(c);
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use proptest::prelude::*;

    const FORMS: [Form; 4] = [Form::Text { colour: false }, Form::Text { colour: true }, Form::Journal, Form::Json];

    fn fields(message: &str, value: &str) -> Fields {
        let mut fields = Fields::message(shortened(message).into_owned());
        let value = shortened(value);
        fields.others.push(Other("place", format!("{value:?}"), (&*value).into()));
        fields.others.push(Other("shown", value.to_string(), (&*value).into()));
        fields
    }

    fn line(form: Form, level: Level, message: &str, value: &str) -> String {
        form.line(SystemTime::UNIX_EPOCH + Duration::from_micros(1), level, &fields(message, value))
    }

    #[test]
    fn each_form_has_the_level_and_the_fields() {
        let shown = |form| line(form, Level::WARN, "held", "a b");
        assert_eq!(
            shown(Form::Text { colour: false }),
            "1970-01-01T00:00:00.000001Z  WARN held place=\"a b\" shown=a b\n"
        );
        assert_eq!(shown(Form::Journal), "<4>held place=\"a b\" shown=a b\n");
        let json =
            r#"{"time":"1970-01-01T00:00:00.000001Z","level":"warn","message":"held","place":"a b","shown":"a b"}"#;
        assert_eq!(shown(Form::Json), format!("{json}\n"));
        assert!(shown(Form::Text { colour: true }).contains("\u{1b}["));
    }

    #[test]
    fn journald_gets_the_priorities_that_journalctl_filters_by() {
        let priorities = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE].map(priority);
        assert_eq!(priorities, [3, 4, 6, 7, 7]);
    }

    #[test]
    fn a_field_of_64_kb_with_line_feeds_and_escapes_is_one_short_line() {
        let foreign = "\n\u{1b}[2K<3>\r\u{85}\u{2028}x".repeat(8192);
        assert!(foreign.len() > 64 << 10);
        for form in FORMS {
            let line = line(form, Level::ERROR, &foreign, &foreign);
            assert_eq!(line.trim_end_matches('\n').lines().count(), 1, "{form:?}");
            assert!(line.len() < 20 * MAX_FIELD && line.contains("[...]"), "{form:?}: {}", line.len());
            assert!(!line.contains("\u{1b}[2K"), "{form:?}");
        }
    }

    proptest! {
        #[test]
        fn an_event_is_one_line_and_its_json_has_the_very_values(message in any::<String>(), value in any::<String>()) {
            for form in FORMS {
                let line = line(form, Level::INFO, &message, &value);
                prop_assert_eq!(line.matches(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count(), 1);
                prop_assert!(line.ends_with('\n'));
            }
            let json: Value = serde_json::from_str(&line(Form::Json, Level::INFO, &message, &value)).unwrap();
            prop_assert_eq!(json["message"].as_str(), Some(message.as_str()));
            prop_assert_eq!(json["place"].as_str(), Some(value.as_str()));
        }
    }
}
