//! What a person sees below the headline.

use super::*;
use crate::explain::model::{NotSearched, Teller};
use crate::sync::ledger::ListClaim;
use crate::sync::state::changes::AppliedChange;

fn change() -> AppliedChange {
    AppliedChange {
        view: None,
        at: "2026-11-26T15:00:00Z".to_owned(),
        zone: "z".to_owned(),
        name: "a.z".to_owned(),
        rtype: "A".to_owned(),
        before: Vec::new(),
        after: vec!["10.1.0.5".parse().unwrap()],
        source: None,
        place: None,
        approved: true,
        by: Some("alice".to_owned()),
        undoes: None,
    }
}

fn whole() -> Explanation {
    let text = str::to_owned;
    Explanation {
        asked: Question {
            view: None,
            name: Some(text("a.z")),
            rtype: text("A"),
            client: Some(text("10.2.0.9")),
            text: text("a.z"),
        },
        answer: vec![text("10.1.0.5")],
        rcode: text("NOERROR"),
        chain: vec![Hop { owner: text("a.z"), rtype: text("A"), data: text("10.1.0.5"), ttl: 10, by: Teller::Cache }],
        at: 1_764_000_000,
        cached_until: Some(1_764_000_060),
        record: Some(ServedRecord {
            name: text("a.z"),
            zone: text("z"),
            addresses: vec![text("10.1.0.5")],
            managed: true,
            source: Some(text("s")),
            place: Some(text("l.txt:3")),
            endpoint: Some(text("pe-1")),
            last_change: Some(change()),
        }),
        held: vec![HeldChange { rtype: text("A"), digest: Some(text("eefb")), ..HeldChange::default() }],
        conflicts: vec![Disagreement {
            rtype: text("A"),
            in_service: Vec::new(),
            claims: vec![ListClaim { source: text("s"), place: text("l.txt:3"), addresses: Vec::new() }],
        }],
        left_out: vec![LeftOut { source: text("s"), place: text("l.txt:4"), endpoint: None, state: text("Pending") }],
        mentions: vec![Mention {
            source: text("s"),
            file: text("l.txt"),
            line: 9,
            comment: true,
            ..Mention::default()
        }],
        not_searched: vec![NotSearched::default()],
        names: vec![text("b.z")],
        remarks: vec![text("a remark")],
        what_to_do: vec![text("do this")],
        ..Explanation::default()
    }
}

#[test]
fn each_section_stands_below_its_head() {
    let expected = "\
chain
  a.z A 10.1.0.5, 10 s, from the cache
  cached until 2025-11-24T16:01:00Z, 60 s from now
record
  a.z is 10.1.0.5, by s (l.txt:3), private endpoint 'pe-1'
  last change 2026-11-26T15:00:00Z: none -> 10.1.0.5, approved by alice
waits for consent
  A none -> none, digest eefb
lists disagree
  A in service: none
  s (l.txt:3): none
left out
  s (l.txt:4): the connection is Pending
found in lists
  s (l.txt:9): the label, in a comment
names in service
  b.z
also
  a remark";
    let lines = sections(&whole()).into_iter().flat_map(|section| {
        let entries = section.lines.into_iter().map(|line| format!("  {line}"));
        std::iter::once(section.head.to_owned()).chain(entries).collect::<Vec<_>>()
    });
    assert_eq!(lines.collect::<Vec<_>>().join("\n"), expected);
    assert_eq!(asked(&whole().asked), "asked for a.z A, as client 10.2.0.9");
}

#[test]
fn sections_without_anything_are_not_there() {
    assert_eq!(sections(&Explanation::default()), []);
    let failed = Explanation { rcode: "NXDOMAIN".to_owned(), ..Explanation::default() };
    assert_eq!(sections(&failed)[0].lines, ["ends with NXDOMAIN"]);
}
