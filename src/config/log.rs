//! `[log]`: what is logged, how a line looks, and what is said of single queries.

use super::reader::Section;
use super::values;
use crate::server::{QueriesLogged, observer};
use crate::telemetry::{Format, Level, Settings};

const LEVELS: [(&str, Level); 4] =
    [("error", Level::Error), ("warn", Level::Warn), ("info", Level::Info), ("debug", Level::Debug)];

const FORMATS: [(&str, Format); 3] = [("auto", Format::Auto), ("text", Format::Text), ("json", Format::Json)];

const QUERIES: [(&str, QueriesLogged); 4] = [
    ("off", QueriesLogged::Off),
    ("errors", QueriesLogged::Errors),
    ("misses", QueriesLogged::Misses),
    ("all", QueriesLogged::All),
];

/// The settings of the log itself, and of what is said of single queries.
pub(super) fn settings(top: &Section<'_>) -> (Settings, observer::Settings) {
    let section = top.section_or_empty("log");
    let (log, queries) = (Settings::default(), observer::Settings::default());
    let log = Settings {
        level: section.string("level", |text| values::choice(text, &LEVELS)).unwrap_or(log.level),
        format: section.string("format", |text| values::choice(text, &FORMATS)).unwrap_or(log.format),
    };
    let queries = observer::Settings {
        queries: section.string("queries", |text| values::choice(text, &QUERIES)).unwrap_or(queries.queries),
        recent: section.flag("recent").unwrap_or(queries.recent),
    };
    section.finish();
    (log, queries)
}
