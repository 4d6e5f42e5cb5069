//! The page in each state, read as strict XML.

use super::super::tests::document::Document;
use super::*;
use crate::explain::model::{Hop, Question, ServedRecord};

fn explanation(text: &str) -> Explanation {
    let text = || text.to_owned();
    Explanation {
        asked: Question { text: text(), name: Some(text()), ..Question::default() },
        headline: format!("FAILED {}", text()),
        what_to_do: vec![text(), format!("privatelink-dns {}", text())],
        remarks: vec![text()],
        chain: vec![Hop { owner: text(), data: text(), ..Hop::default() }],
        record: Some(ServedRecord { name: text(), ..ServedRecord::default() }),
        names: vec![text()],
        ..Explanation::default()
    }
}

fn words(text: &str) -> Words {
    Words { name: text.to_owned(), rtype: text.to_owned(), client: text.to_owned() }
}

/// The page of this text in every field, and its size.
fn page(text: &str) -> (String, (usize, usize)) {
    let html = render(&words(text), &Outcome::Explained(Box::new(explanation(text))), "privatelink-dns explain NAME");
    let document = Document::read(&html);
    document.is_safe();
    document.is_accessible();
    let size = document.size();
    (html, size)
}

#[test]
fn in_each_state_the_page_is_a_document_without_script_that_loads_nothing() {
    for outcome in [Outcome::Nothing, Outcome::Bad("no name".to_owned()), Outcome::Failed("busy".to_owned())] {
        let html = render(&Words::default(), &outcome, "privatelink-dns explain NAME");
        let document = Document::read(&html);
        document.is_safe();
        document.is_accessible();
        assert!(html.contains("<form action=\"explain\" method=\"get\""), "{html}");
    }
    let found =
        Explanation { verdict: Verdict::Private, headline: "PRIVATE 10.1.0.5: x lists it".into(), ..explanation("a") };
    let html = render(&words("a"), &Outcome::Explained(Box::new(found)), "privatelink-dns explain NAME");
    assert!(html.contains("On this host: <code>privatelink-dns explain NAME</code>"), "{html}");
    assert_eq!(Document::read(&html).heading(), "Private 10.1.0.5: x lists it");
    assert!(html.contains("<p class=\"command\"><code>privatelink-dns a</code></p>"), "{html}");
}

#[test]
fn text_of_others_is_shown_as_text_whatever_it_is() {
    let plain = page("x").1;
    for text in [
        "<b>",
        "</code><script>alert(1)</script>",
        "\" onmouseover=\"alert(1)",
        "' autofocus onfocus='x",
        "<!-- ",
        "]]>",
        "&lt;b&gt;&amp;",
        "{{ title }}{% if %}",
        "a\u{202e}gpj.exe",
        "\u{1b}[2J\0\r\n\tend",
        "javascript:alert(1)//",
        "\u{fffe}",
    ] {
        let (html, size) = page(text);
        assert_eq!(size, plain, "{text:?}");
        assert!(!html.contains(|c: char| c != '\n' && c.is_control() || c == '\u{202e}'), "{text:?}");
    }
}

#[test]
fn what_stood_behind_the_host_of_a_url_is_not_shown_again() {
    let pasted = words("https://acct.blob.core.windows.net/c?sig=SECRET");
    for outcome in [Outcome::Bad("no name".to_owned()), Outcome::Failed("busy".to_owned())] {
        assert!(!render(&pasted, &outcome, "").contains("SECRET"));
    }
    let pasted = Words { name: pasted.name, ..Words::default() };
    let found = Outcome::Explained(Box::new(explanation("acct.blob.core.windows.net")));
    assert!(!render(&pasted, &found, "").contains("SECRET"));
}
