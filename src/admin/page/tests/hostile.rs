//! Text that others wrote: it is shown as text, whatever it is.

use crate::server::RecentKind;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::Value;

use super::document::Document;
use super::states;
use super::*;
use crate::diag::printable;
use crate::status::model::RecentEntry;
use crate::sync::live::report::{LiveReport, ScopeReport};

/// The keys whose values are words of ours and not of others.
const OURS: [&str; 10] =
    ["severity", "id", "kind", "level", "outcome", "identity", "before", "after", "state", "on_miss"];

/// A status with something in every list.
fn whole() -> Status {
    let mut status = states::held();
    status.sources = states::source_gone().sources;
    status.zones = states::servfail().zones;
    status.upstreams = states::upstream_down().upstreams;
    status.groups[0].absent = vec!["x".into()];
    status.peers = states::peer_behind().peers;
    let error = status.sources[0].errors[0].clone();
    status.config.problems = vec![error.clone()];
    let scope = ScopeReport { problems: vec![error.clone()], ..ScopeReport::default() };
    let scope = ScopeReport { skipped: [("x".to_owned(), 1)].into(), ..scope };
    status.live = vec![LiveReport { scopes: vec![scope], problems: vec![error], ..LiveReport::default() }];
    let entry = |kind| RecentEntry { kind, ..RecentEntry::default() };
    status.recent.entries = RecentKind::ALL.map(entry).into();
    status.server.revision = "x".into();
    status
}

/// The same with this in place of every text of others.
fn with_text(text: &str) -> Status {
    let mut value = serde_json::to_value(whole()).unwrap();
    replace(&mut value, text);
    serde_json::from_value(value).unwrap()
}

fn replace(value: &mut Value, text: &str) {
    match value {
        Value::String(found) => text.clone_into(found),
        Value::Array(values) => values.iter_mut().for_each(|value| replace(value, text)),
        Value::Object(fields) => {
            for (_, value) in fields.iter_mut().filter(|(key, _)| !OURS.contains(&key.as_str())) {
                replace(value, text);
            }
        }
        _ => {}
    }
}

/// The size of the page of a plain text.
fn plain() -> (usize, usize) {
    Document::read(&render(&with_text("x"), None)).size()
}

fn stays_text(text: &str, plain: (usize, usize)) {
    let html = render(&with_text(text), None);
    let document = Document::read(&html);
    document.is_safe();
    assert_eq!(document.size(), plain, "{text:?}");
    let shown: String = printable(text).split_whitespace().collect();
    let all: String = document.text().split_whitespace().collect();
    assert!(all.contains(&shown), "{text:?}: {all}");
    let hidden =
        |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{200b}'..='\u{200f}'));
    assert!(!html.contains(hidden), "{text:?}");
}

#[test]
fn markup_in_names_of_files_zones_and_clients_is_shown_and_obeyed_by_nobody() {
    let plain = plain();
    for text in [
        "<b>",
        "</code><script>alert(1)</script>",
        "\" onmouseover=\"alert(1)",
        "' autofocus onfocus='x",
        "<!-- ",
        "]]>",
        "</style><style>*{display:none}",
        "&lt;b&gt;&amp;&#60;",
        "{{ title }}{% if %}",
        "a\u{202e}gpj.exe",
        "\u{1b}[2J\0\r\n\tend",
        "javascript:alert(1)//",
        "http://evil.example/",
        "שלום.example",
    ] {
        stays_text(text, plain);
    }
}

/// Text that may break out of something.
fn texts() -> impl Strategy<Value = String> {
    let strategy = "\\PC{1,12}|.{1,12}|[<>&\"'/!=a\\-\\]\\[\n ]{1,12}";
    // Characters that no document may hold are replaced.
    strategy.prop_filter("text", |text| !text.contains(['\u{fffe}', '\u{ffff}']) && !text.trim().is_empty())
}

#[test]
fn no_text_is_more_than_text() {
    let plain = plain();
    let mut runner = TestRunner::new(ProptestConfig::with_cases(48));
    let checked = runner.run(&texts(), |text| {
        stays_text(&text, plain);
        Ok(())
    });
    checked.unwrap();
}
