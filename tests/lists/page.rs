//! The page on lists is true: its examples are read or refused as it says, and it has a cure for every message.

use std::collections::BTreeSet;
use std::net::IpAddr;

use privatelink_dns::diag::Id;
use privatelink_dns::sync::source::Format;

use crate::support::naive::{Reading, read};

const PAGE: &str = include_str!("../../docs/lists.md");

/// The blocks whose fence has this behind it.
fn blocks(word: &str) -> Vec<String> {
    let fence = format!("```{word}");
    let mut found = Vec::new();
    let mut lines = PAGE.lines();
    while lines.any(|line| line == fence) {
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        found.push(block.join("\n") + "\n");
    }
    found
}

#[test]
fn each_example_of_the_page_means_the_same_record() {
    let address: IpAddr = [10, 0, 0, 5].into();
    let record = ("abcdeypod01ecs114.privatelink.blob.core.windows.net".to_owned(), address);
    let expected = BTreeSet::from([record]);
    let examples = blocks("list").into_iter().map(|text| (Format::Auto, text));
    let examples: Vec<_> = examples.chain(blocks("list yaml").into_iter().map(|text| (Format::Yaml, text))).collect();
    assert!(examples.len() > 7, "{examples:?}");
    for (format, text) in examples {
        match read(format, text.as_bytes()) {
            Reading::Taken(taken) => assert_eq!(taken.records, expected, "{text}"),
            Reading::Refused(problems) => panic!("{problems}\n{text}"),
        }
    }
}

#[test]
fn each_list_that_the_page_calls_refused_is_refused() {
    let examples = blocks("list refused");
    assert!(examples.len() > 3, "{examples:?}");
    for text in examples {
        assert!(matches!(read(Format::Auto, text.as_bytes()), Reading::Refused(_)), "{text}");
    }
}

#[test]
fn the_page_has_a_cure_for_every_message_about_a_list() {
    let starts = ["list-", "name-", "geo-", "target-", "source-", "sources-"];
    let ids: Vec<&str> =
        Id::ALL.iter().map(|id| id.as_str()).filter(|id| starts.iter().any(|s| id.starts_with(s))).collect();
    assert!(ids.len() > 20, "{ids:?}");
    for id in ids {
        assert!(PAGE.contains(&format!("\n| `{id}` | ")), "docs/lists.md has no cure for {id}");
    }
}
