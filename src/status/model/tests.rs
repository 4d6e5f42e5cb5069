use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::diag::{Id, Place};
use crate::status::peers::{NotifyStatus, PeerZoneStatus};
use crate::status::queries::{AnswerCount, Received, ResponseTimes};
use crate::status::sync::{FreezeStatus, HeldStatus, WaitingStatus};
use crate::status::traffic::Step;
use crate::status::upstreams::UpstreamError;
use crate::status::verdict::{self, Finding, Level};
use crate::sync::state::changes::ChangeCounts;

/// A status in which nothing is left out.
fn whole() -> Status {
    let found = Diagnostic::error(Id::LIST_SYNTAX, Place::source("we"), "x");
    let held =
        HeldStatus { digest: Some("a".into()), reasons: vec![found.clone()], what_to_do: "x".into(), stale: None };
    let finding = Finding { level: Level::Error, text: "x".into(), what_to_do: Some("y".into()) };
    Status {
        form_version: FORM_VERSION,
        verdict: Verdict { findings: vec![finding], ..Verdict::default() },
        server: ServerStatus { process: Some(ProcessStatus::default()), ..ServerStatus::default() },
        zones: vec![ZoneStatus { serial: Some(1), changed: ChangeCounts::default(), ..ZoneStatus::default() }],
        sources: vec![SourceStatus::default()],
        sync: SyncStatus {
            pass: Some(PassStatus {
                held: Some(held),
                waiting: Some(WaitingStatus::default()),
                ..PassStatus::default()
            }),
            frozen: Some(FreezeStatus::default()),
            ..SyncStatus::default()
        },
        changes: vec![AppliedChange {
            view: None,
            at: String::new(),
            zone: String::new(),
            name: String::new(),
            rtype: "A".into(),
            before: Vec::new(),
            after: Vec::new(),
            source: None,
            place: None,
            approved: false,
            by: Some("alice".into()),
            undoes: Some("x".into()),
        }],
        upstreams: vec![UpstreamStatus { last_error: Some(UpstreamError::default()), ..UpstreamStatus::default() }],
        groups: vec![GroupStatus::default()],
        peers: vec![PeerStatus {
            zones: vec![PeerZoneStatus { notify: vec![NotifyStatus::default()], ..PeerZoneStatus::default() }],
            ..PeerStatus::default()
        }],
        derived: vec![DerivedStatus::default()],
        queries: QueryStatus {
            received: vec![Received::default()],
            answers: vec![AnswerCount::default()],
            response_times: vec![ResponseTimes::default()],
            ..QueryStatus::default()
        },
        traffic: Traffic { step_s: 10, steps: vec![Step::default()] },
        recent: Recent { entries: vec![RecentEntry::default()], ..Recent::default() },
        ..Status::default()
    }
}

/// Every key, at any depth.
fn keys(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                found.insert(key.clone());
                keys(value, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}

#[test]
fn every_key_of_the_status_is_documented() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/status-json.md")).unwrap();
    let documented: BTreeSet<&str> = page.split('`').skip(1).step_by(2).collect();
    let mut all = BTreeSet::new();
    keys(&serde_json::to_value(whole()).unwrap(), &mut all);
    assert!(all.len() > 80, "{all:?}");
    let missing: Vec<&String> = all.iter().filter(|key| !documented.contains(key.as_str())).collect();
    assert!(missing.is_empty(), "docs/status-json.md does not have {missing:?}");
    assert!(page.contains(&format!("| `form_version` | {FORM_VERSION} |")));
}

#[test]
fn a_status_survives_its_way_through_json_and_keys_of_a_later_version_are_passed_over() {
    let status = whole();
    let mut sent = serde_json::to_value(&status).unwrap();
    sent["new"] = Value::from(1);
    sent["zones"][0]["new"] = Value::from(1);
    assert_eq!(serde_json::from_value::<Status>(sent).unwrap(), status);
}

#[test]
fn the_verdict_is_part_of_the_status_and_no_input_of_it() {
    let status = whole();
    let other = Status { verdict: verdict::of(&status), ..status.clone() };
    assert_eq!(verdict::of(&status), verdict::of(&other));
}

#[test]
fn a_share_lies_in_the_range_whose_end_is_given() {
    let times = Histogram { bounds_s: vec![0.1, 0.2, 0.4], counts: vec![50, 40, 9, 1], sum_s: 1.0 };
    assert_eq!([0.5, 0.9, 0.99, 1.0].map(|share| times.quantile_s(share)), [Some(0.1), Some(0.2), Some(0.4), None]);
    assert_eq!(Histogram::default().quantile_s(0.5), None);
}
