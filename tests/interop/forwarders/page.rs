//! `docs/forwarders.md`, as text: its blocks, and its tables.

use std::fmt::Write;

/// The page.
pub(crate) fn page() -> String {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/forwarders.md");
    std::fs::read_to_string(file).unwrap()
}

/// The only fenced block with this info string, such as `unbound` or `named options`.
pub(crate) fn block(page: &str, info: &str) -> String {
    let blocks = blocks(page);
    let mut found = blocks.iter().filter(|(this, _)| this == info);
    let (_, text) = found.next().unwrap_or_else(|| panic!("the page has no block '{info}'"));
    assert!(found.next().is_none(), "the page has two blocks '{info}'");
    text.clone()
}

/// Every fenced block: its info string and its text.
pub(crate) fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((info.to_owned(), text.join("\n") + "\n"));
        }
    }
    blocks
}

/// The rows of the table with this first line, without it and the line below.
pub(crate) fn table(page: &str, head: &str) -> Vec<String> {
    let mut lines = page.lines().skip_while(|line| *line != head);
    assert!(lines.next().is_some(), "the page has no table '{head}'");
    lines.skip(1).take_while(|line| line.starts_with('|')).map(str::to_owned).collect()
}

/// The rows that are on the page and were not seen, and the other way round.
pub(crate) fn differences(page: &[String], seen: &[String]) -> String {
    let mut text = String::new();
    for (these, others, words) in [(page, seen, "on the page"), (seen, page, "was seen")] {
        for row in these.iter().filter(|row| !others.contains(row)) {
            // Writing to a String cannot fail.
            let _fits = writeln!(text, "{words} alone: {row}");
        }
    }
    text
}
