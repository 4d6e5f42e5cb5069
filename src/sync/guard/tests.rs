use super::*;
use crate::dns::Serial;
use crate::sync::Records;
use crate::sync::desired::{self, merge};
use crate::sync::plan::{Current, plan};
use crate::sync::source::{Format, Listing, SourceError, parse};
use crate::zone::Aliases;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

const ZONES: [&str; 2] = ["privatelink.blob.core.windows.net", "privatelink.queue.core.windows.net"];

fn listing(text: &str) -> Result<Listing, SourceError> {
    parse("a", Path::new("a.txt"), Format::Auto, text.as_bytes().to_vec())
}

/// `n` names of blob and queue each, numbered, and their list.
fn names(range: std::ops::Range<usize>, zone: &str) -> String {
    range.map(|n| format!("acct{n}.{zone} 10.0.0.{n}\n")).collect::<Vec<_>>().concat()
}

fn managed(n: usize) -> Current {
    let owners: Vec<(String, std::net::IpAddr)> =
        (0..n).map(|n| (format!("acct{n}"), format!("10.0.0.{n}").parse().unwrap())).collect();
    Current {
        serial: Some(Serial(7)),
        file: FileState::Managed,
        ttl: Some(10),
        records: Records::from_unsorted(owners.iter().map(|(owner, address)| (owner.as_str(), *address))),
        foreign: Vec::new(),
        aliases: Aliases::default(),
    }
}

fn planned(blob: Current, queue: Current, texts: &[&str]) -> Plan {
    let listings = texts.iter().map(|text| listing(text).unwrap()).collect();
    let wanted = merge(listings, &desired::Settings::of_cloud(crate::azure::Cloud::Public, &[])).unwrap();
    let current = BTreeMap::from([(ZONES[0].parse().unwrap(), blob), (ZONES[1].parse().unwrap(), queue)]);
    plan(wanted, current, 10)
}

fn settings() -> Settings {
    Settings { max_removed: "30%".parse().unwrap(), allowed_targets: vec!["10.0.0.0/8".parse().unwrap()] }
}

fn refused(plan: Plan) -> Box<UnsafePlan> {
    review(plan, &settings(), None).unwrap_err()
}

/// What is wrong with a plan for the blob zone alone.
fn reasons(blob: Current, text: &str) -> Vec<Reason> {
    let plan = planned(blob, managed(0), &[text]);
    review(plan, &settings(), None)
        .err()
        .map(|e| e.refusals.into_iter().map(|r| r.reason).collect())
        .unwrap_or_default()
}

#[test]
fn a_list_with_a_bad_line_makes_no_plan() {
    let error = listing("abc.blob.core.windows.net 10.0.0.4\nnonsense\n").unwrap_err();
    assert!(error.to_string().starts_with("a.txt:2: "));
}

#[test]
fn a_zone_that_would_become_empty_is_unsafe_however_small() {
    assert_eq!(reasons(managed(1), &names(0..3, "queue.core.windows.net")), [Reason::Empty { in_service: 1 }]);
}

#[test]
fn removals_above_the_share_are_unsafe_and_up_to_it_they_are_not() {
    assert_eq!(reasons(managed(10), &names(3..10, "blob.core.windows.net")), []);
    let limit = "30%".parse().unwrap();
    let share = Reason::Share { updated: 0, deleted: 4, in_service: 10, allowed: 3, limit };
    assert_eq!(reasons(managed(10), &names(4..10, "blob.core.windows.net")), [share]);
}

#[test]
fn changed_records_count_as_removed_ones_do() {
    let text = names(0..10, "blob.core.windows.net").replace("10.0.0.", "10.1.0.");
    assert!(matches!(reasons(managed(10), &text)[..], [Reason::Share { updated: 10, deleted: 0, .. }]));
}

#[test]
fn a_small_zone_has_no_exemption_but_one_record_may_always_change() {
    assert_eq!(reasons(managed(2), &names(1..2, "blob.core.windows.net")), []);
    assert!(matches!(
        reasons(managed(3), &names(2..3, "blob.core.windows.net"))[..],
        [Reason::Share { deleted: 2, .. }]
    ));
}

#[test]
fn an_address_outside_allowed_targets_is_refused_and_cannot_be_approved() {
    let plan = || planned(managed(0), managed(0), &["abc.blob.core.windows.net 8.8.8.8"]);
    let digest = plan().digest();
    let refusal = review(plan(), &settings(), Some(digest)).unwrap_err();
    assert!(!refusal.is_approvable());
    let message = refusal.to_string();
    assert!(
        message.contains("1 address outside allowed_targets, first 8.8.8.8 of 'abc' from a (a.txt:1)"),
        "{message}"
    );
    assert!(message.contains("cannot be approved") && !message.contains("--approve"), "{message}");
}

#[test]
fn a_hand_written_or_unreadable_file_is_never_written() {
    let mut by_hand = managed(1);
    by_hand.file = FileState::HandWritten;
    assert_eq!(reasons(by_hand, &names(0..2, "blob.core.windows.net")), [Reason::HandWritten]);
    let broken = Current::unreadable("line 3: bad");
    assert!(matches!(reasons(broken, &names(0..2, "blob.core.windows.net"))[..], [Reason::Unreadable(_)]));
}

#[test]
fn foreign_records_in_our_file_are_not_lost_without_consent() {
    let mut edited = managed(1);
    edited.foreign.push("www TXT \"x\"".into());
    assert!(matches!(reasons(edited, &names(0..2, "blob.core.windows.net"))[..], [Reason::Foreign { count: 1, .. }]));
}

#[test]
fn an_empty_list_takes_nothing_away_without_consent() {
    let plan = planned(managed(10), managed(0), &["", &names(1..10, "blob.core.windows.net")]);
    let refusal = refused(plan);
    assert!(matches!(refusal.refusals[0].reason, Reason::EmptySource { removed: 1, .. }));
    assert!(refusal.to_string().contains("a list names no endpoint at all: a (a.txt)"));
}

#[test]
fn one_unsafe_zone_holds_back_the_safe_one() {
    let text = names(0..2, "blob.core.windows.net");
    let refusal = refused(planned(managed(0), managed(5), &[&text]));
    assert_eq!(refusal.refusals.len(), 1);
    assert_eq!(refusal.refusals[0].zone.as_ref().unwrap().without_dot(), ZONES[1]);
    assert_eq!(refusal.plan.zones[0].counts().created, 2);
}

#[test]
fn consent_is_for_one_plan_only() {
    let plan = |n| planned(managed(10), managed(0), &[&names(n..10, "blob.core.windows.net")]);
    let digest = plan(5).digest();
    assert!(review(plan(5), &settings(), Some(digest)).is_ok());
    let refusal = review(plan(6), &settings(), Some(digest)).unwrap_err();
    assert_eq!(refusal.stale, Some(digest));
    let message = refusal.message("config/privatelink-dns.toml");
    let command = format!("privatelink-dns sync --config config/privatelink-dns.toml --approve {}", plan(6).digest());
    assert!(message.ends_with(&command), "{message}");
    assert!(message.contains("approves another plan"), "{message}");
}

#[test]
fn shares_are_percentages() {
    assert_eq!("30%".parse::<Percent>().unwrap().to_string(), "30%");
    for bad in ["30", "101%", "-1%", "%", "x%"] {
        assert!(bad.parse::<Percent>().is_err(), "{bad}");
    }
}

proptest! {
    /// What is safe stays safe when less is removed, more is allowed, or more networks are.
    #[test]
    fn the_guard_is_monotone(total in 1..30usize, gone in 0..30usize, fewer in 0..30usize, limit in 0..=100u8, wider in 0..=100u8) {
        let gone = gone.min(total);
        let fewer = fewer.min(gone);
        let verdict = |gone: usize, limit: u8, outside: bool, nets: &[&str]| {
            let mut text = names(gone..total, "blob.core.windows.net");
            text += if outside { "far.blob.core.windows.net 192.168.0.1\n" } else { "# nothing\n" };
            let settings = Settings {
                max_removed: Percent::new(limit).unwrap(),
                allowed_targets: nets.iter().map(|net| net.parse().unwrap()).collect(),
            };
            review(planned(managed(total), managed(0), &[&text]), &settings, None).is_ok()
        };
        for outside in [false, true] {
            let narrow = ["10.0.0.0/8"];
            let wide = ["10.0.0.0/8", "192.168.0.0/16"];
            if verdict(gone, limit, outside, &narrow) {
                prop_assert!(verdict(fewer, limit, outside, &narrow));
                prop_assert!(verdict(gone, limit.max(wider), outside, &narrow));
                prop_assert!(verdict(gone, limit, outside, &wide));
            }
        }
    }
}
