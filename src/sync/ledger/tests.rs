//! What a pass knows of names, from lists and zones.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::azure::Cloud;
use crate::dns::Name;
use crate::sync::desired;
use crate::sync::guard::{Percent, Settings, review};
use crate::sync::plan::{Current, plan};
use crate::sync::source::{Format, parse};
use crate::zone::Zone;
use crate::zone::ZoneId;

const BLOB: &str = "privatelink.blob.core.windows.net";

fn listing(source: &str, text: &str) -> Listing {
    parse(source, Path::new(&format!("{source}.txt")), Format::Auto, text.as_bytes().to_vec()).unwrap()
}

/// The ledger of a pass over these lists, with these records in service.
fn ledger(lists: Vec<Listing>, records: &str) -> Ledger {
    let apex: Name = BLOB.parse().unwrap();
    let head = "; Written by privatelink-dns\n@ 3600 SOA a. b. 1 2 3 4 10\n@ 10 NS a.\n";
    let zone = Zone::from_text(&apex, format!("{head}{records}").as_bytes()).0.unwrap();
    let current = BTreeMap::from([(ZoneId::base(apex), Current::of(&zone))]);
    let mut ledger = Ledger::default();
    ledger.left_out(&lists);
    let desired = desired::merge(lists, &desired::Settings::of_cloud(Cloud::Public, &[])).unwrap();
    let review = review(
        plan(desired, current, 10),
        &BTreeMap::new(),
        &Settings { max_removed: Percent::new(30).unwrap() },
        None,
    );
    ledger.planned(review.approved.plan(), review.held.as_deref());
    ledger
}

#[test]
fn a_held_change_is_known_by_its_record_with_its_line_and_the_digest() {
    let records = "a 10 A 10.0.0.1\nb 10 A 10.0.0.2\nc 10 A 10.0.0.3\n";
    let lists = vec![listing(
        "s",
        "10.0.0.9 a.blob.core.windows.net\n10.0.0.8 b.blob.core.windows.net\n10.0.0.4 d.blob.core.windows.net\n",
    )];
    let ledger = ledger(lists, records);
    let [held] = &ledger.of(None, &format!("a.{BLOB}")).held[..] else { panic!("{ledger:?}") };
    assert_eq!((held.before.len(), held.after[0].to_string()), (1, "10.0.0.9".to_owned()));
    assert_eq!((held.source.as_deref(), held.place.as_deref()), (Some("s"), Some("s.txt:1")));
    assert!(held.digest.as_ref().is_some_and(|digest| digest.len() == 32), "{held:?}");
    assert!(held.reasons[0].contains("3 of 3 RRsets"), "{held:?}");
    let gone = &ledger.of(None, &format!("c.{BLOB}")).held[0];
    assert_eq!((gone.after.len(), &gone.source), (0, &None));
    assert!(ledger.of(None, &format!("d.{BLOB}")).held.is_empty(), "what is new goes in");
    assert_eq!(ledger.of(None, "nobody.example"), NameEntry::default());
}

#[test]
fn lists_that_disagree_are_known_with_what_stays_in_service() {
    let lists =
        vec![listing("s", "10.0.0.1 a.blob.core.windows.net\n"), listing("t", "10.0.0.2 a.blob.core.windows.net\n")];
    let ledger = ledger(lists, "a 10 A 10.0.0.1\n");
    let [conflict] = &ledger.of(None, &format!("a.{BLOB}")).conflicts[..] else { panic!("{ledger:?}") };
    assert_eq!(conflict.in_service.len(), 1);
    let places: Vec<&str> = conflict.claims.iter().map(|claim| claim.place.as_str()).collect();
    assert_eq!(places, ["s.txt:1", "t.txt:1"]);
}

#[test]
fn names_of_endpoints_that_are_not_connected_are_known_in_every_form_of_list() {
    let text =
        "[[endpoint]]\nfqdn = \"A.blob.core.windows.net\"\nprivate_endpoint = \"pe-1\"\nconnection = \"Pending\"\n";
    let json = r#"[{"name": "pe-1", "customDnsConfigs": [{"fqdn": "a.blob.core.windows.net", "ipAddresses": ["10.0.0.1"]}],
        "manualPrivateLinkServiceConnections": [{"privateLinkServiceConnectionState": {"status": "Pending"}}]}]"#;
    for list in [text, json] {
        let ledger = ledger(vec![listing("s", list)], "");
        let [left] = &ledger.of(None, &format!("a.{BLOB}")).left_out[..] else { panic!("{list}: {ledger:?}") };
        assert_eq!((left.state.as_str(), left.endpoint.as_deref()), ("Pending", Some("pe-1")));
        assert!(left.place.starts_with("s.txt:"), "{left:?}");
    }
}

#[test]
fn more_entries_than_are_kept_are_counted() {
    let entry = |n: usize| {
        format!(
            "[[endpoint]]\nfqdn = \"a{n}.blob.core.windows.net\"\nprivate_endpoint = \"p\"\nconnection = \"Rejected\"\n"
        )
    };
    let text: String = (0..MAX_ENTRIES + 7).map(entry).collect();
    let ledger = ledger(vec![listing("s", &text)], "");
    assert_eq!(ledger.omitted(), 7);
}
