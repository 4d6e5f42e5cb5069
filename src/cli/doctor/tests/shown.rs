//! The findings as text and as JSON.

use std::path::Path;

use serde_json::Value;

use crate::cli::doctor::finding::{Finding, Section, State, Topic, worst};
use crate::cli::doctor::id::Id;
use crate::cli::doctor::{json, show};

fn sections() -> Vec<Section> {
    let served = vec![
        Finding::good(Id::SERVED_UDP, "4 of 4 over UDP"),
        Finding::problem(Id::SERVED_TCP, "1 of 4 over TCP:\na.example: \u{1b}[31mno answer").run("first\nsecond"),
    ];
    let lists = vec![Finding::warning(Id::AGE, "old").run("look"), Finding::good(Id::LISTS, "fine")];
    vec![
        Section { topic: Topic::Lists, findings: lists },
        Section { topic: Topic::Served, findings: served },
        Section { topic: Topic::Reach, findings: vec![Finding::skipped(Id::REACH, "--connect tries them")] },
    ]
}

/// The lines without colours.
fn plain(all: bool) -> Vec<String> {
    show::lines(&sections(), all).iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
}

#[test]
fn a_section_has_the_mark_of_its_worst_finding_and_good_ones_are_a_number() {
    let expected = [
        "[!] lists: 1 good",
        "    PD402 ! old",
        "        why: A list that nobody refreshes lacks the names that Azure has added since.",
        "        run: look",
        "[×] what is served: 1 good",
        "    PD502 × 1 of 4 over TCP:",
        "            a.example: \\u{1b}[31mno answer",
        "        why: Clients and resolvers ask over TCP when a datagram was truncated or lost.",
        "        run: first",
        "             second",
        "[-] reach: skipped: --connect tries them",
        "1 problem, 1 warning, 2 checks good, 1 skipped; --all shows each",
    ];
    assert_eq!(plain(false), expected);
    let all = plain(true);
    assert!(all.contains(&"    PD401 √ problems of lists: fine".to_owned()), "{all:#?}");
    assert!(all.contains(&"    PD601 - TCP 443 of listed addresses: --connect tries them".to_owned()), "{all:#?}");
}

#[test]
fn the_json_has_the_keys_that_the_page_describes_and_no_others() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/doctor.md")).unwrap();
    let report: Value = serde_json::from_str(&json::text(&sections(), 7)).unwrap();
    let levels = [&report, &report["sections"][0], &report["sections"][0]["findings"][0]];
    let mut keys: Vec<&String> = levels.iter().flat_map(|level| level.as_object().unwrap().keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        assert!(page.contains(&format!("| `{key}` |")), "docs/doctor.md lacks `{key}`");
    }
    assert_eq!((&report["version"], &report["at"], &report["state"]), (&1.into(), &7.into(), &"problem".into()));
    assert_eq!(report["sections"][0]["section"], "lists");
    assert_eq!(report["sections"][0]["findings"][0]["id"], "PD402");
    assert_eq!(report["sections"][2]["findings"][0]["to_do"], Value::Null);
    for topic in
        [Topic::Config, Topic::Machine, Topic::Upstream, Topic::Lists, Topic::Served, Topic::Reach, Topic::Clients]
    {
        let word = serde_json::to_value(topic).unwrap();
        assert!(
            page.contains(&format!("(`{}`)", word.as_str().unwrap())),
            "docs/doctor.md lacks the heading of {topic}"
        );
    }
}

#[test]
fn the_worst_state_of_all_sections_decides() {
    assert_eq!(worst(&sections()), State::Problem);
    assert_eq!(worst(&sections()[..1]), State::Warning);
    assert_eq!(worst(&sections()[2..]), State::Skipped);
    assert_eq!(worst(&[]), State::Skipped);
}
