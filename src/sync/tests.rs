//! The whole way from lists to zone files, and the properties it keeps.

mod azure;
mod gaps;

use super::*;
use crate::sync::apply::apply;
use crate::sync::guard::{ApprovedPlan, review};
use crate::sync::plan::{Current, Plan};
use crate::sync::source::{Format, Listing, parse};
use crate::sync::state::base::Clock;
use crate::zone::Zone;
use crate::zone::ZoneId;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

pub(super) const BLOB: &str = "privatelink.blob.core.windows.net";

pub(super) fn settings(zone_dir: &Path) -> Settings {
    Settings {
        views: Vec::new(),
        live: Vec::new(),
        sources: Vec::new(),
        zone_dir: zone_dir.to_owned(),
        state: State::new(zone_dir.join(".state")),
        cloud: Some(Cloud::Public),
        hosted: desired::Settings::of_cloud(Cloud::Public, &["we"]).hosted,
        ttl: Duration::from_secs(10),
        max_removed: Percent::new(100).unwrap(),
        guard_window: Duration::from_mins(10),
        pass_deadline: Duration::from_secs(30),
        allowed_targets: vec!["10.0.0.0/8".parse().unwrap(), "fc00::/7".parse().unwrap()],
        interval: Duration::from_mins(1),
        miss_interval: Duration::from_secs(10),
    }
}

pub(super) fn listing(text: &str) -> Listing {
    parse("lists", Path::new("list.txt"), Format::Auto, text.as_bytes().to_vec()).unwrap()
}

/// The zones of a folder as the plan wants them.
pub(super) fn current(zone_dir: &Path) -> BTreeMap<ZoneId, Current> {
    let mut zones = BTreeMap::new();
    for file in fs::read_dir(zone_dir).unwrap() {
        let path = file.unwrap().path();
        let Some(apex) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".zone")) else {
            continue;
        };
        let apex: Name = apex.parse().unwrap();
        let (zone, findings) = Zone::from_text(&apex, &fs::read(&path).unwrap());
        assert!(findings.is_empty(), "{findings:?}");
        zones.insert(ZoneId::base(apex), Current::of(&zone.unwrap()));
    }
    zones
}

pub(super) fn planned(listings: Vec<Listing>, current: BTreeMap<ZoneId, Current>, settings: &Settings) -> Plan {
    plan::plan(desired::merge(listings, &settings.desired()).unwrap(), current, settings.ttl_seconds())
}

/// Everything that can be approved is.
fn approved(plan: impl Fn() -> Plan, settings: &Settings) -> ApprovedPlan {
    let bases = BTreeMap::new();
    let first = review(plan(), &bases, &settings.guard(), None);
    let Some(held) = first.held else { return first.approved };
    review(plan(), &bases, &settings.guard(), Some(held.digest)).approved
}

fn clock(seconds: u64) -> Clock {
    Clock { now: seconds * 1000, window: Duration::from_mins(10) }
}

/// One pass.
fn pass(text: &str, settings: &Settings, now: u64) -> apply::Applied {
    let plan = || planned(vec![listing(text)], current(&settings.zone_dir), settings);
    apply(&approved(plan, settings), &settings.zone_dir, &settings.state, clock(now))
}

#[test]
fn a_pass_writes_three_zones_and_the_next_one_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let text = "x.we.backup.windowsazure.com 10.0.0.4\nabc.blob.core.windows.net 10.0.0.5 fd00::5\n";
    let first = pass(text, &settings, 1_800_000_000);
    assert!(first.errors.is_empty());
    assert_eq!(first.written.len(), 3, "the empty queue zone is hosted too");
    let state = |path: &str| fs::metadata(folder.path().join(path)).unwrap().modified().unwrap();
    let before = state(&format!("{BLOB}.zone"));
    let second = pass(text, &settings, 1_800_000_060);
    assert!(second.written.is_empty() && second.errors.is_empty());
    assert_eq!(state(&format!("{BLOB}.zone")), before);
}

#[test]
fn a_change_of_ttl_is_written_and_settles() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(folder.path());
    let text = "abc.blob.core.windows.net 10.0.0.5\n";
    pass(text, &settings, 1_800_000_000);
    settings.ttl = Duration::from_secs(30);
    let written: Vec<String> =
        pass(text, &settings, 1_800_000_001).written.iter().map(|w| w.zone.to_string()).collect();
    assert_eq!(written, [BLOB]);
    assert!(pass(text, &settings, 1_800_000_002).written.is_empty());
}

/// Lists of few names and addresses, so that changes of every kind meet.
pub(super) fn list() -> impl Strategy<Value = String> {
    let line = (0..6u8, 0..4u8, 0..4u8).prop_map(|(name, address, zone)| {
        let zone = [
            "blob.core.windows.net",
            "queue.core.windows.net",
            "we.backup.windowsazure.com",
            "z7.blob.storage.azure.net",
        ][usize::from(zone)];
        let v6 = if address == 3 { " fd00::3" } else { "" };
        format!("name{name}.{zone} 10.0.0.{address}{v6}\n")
    });
    prop::collection::vec(line, 1..12).prop_map(|lines| lines.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn applying_a_plan_gives_what_was_wanted_and_a_plan_afterwards_is_empty(a in list(), b in list()) {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path());
        pass(&a, &settings, 1_800_000_000);
        let applied = pass(&b, &settings, 1_800_000_001);
        prop_assert!(applied.errors.is_empty());
        for written in &applied.written {
            prop_assert!(written.before.is_none_or(|before| written.serial.is_after(before)));
        }
        let on_disk = current(folder.path());
        let wanted = desired::merge(vec![listing(&b)], &settings.desired()).unwrap();
        for (apex, zone) in &wanted.zones {
            prop_assert_eq!(&on_disk[apex].records, &zone.records, "{}", apex);
        }
        let again = planned(vec![listing(&b)], on_disk, &settings);
        prop_assert!(!again.has_changes());
    }
}

/// `cargo test --release -- --ignored --nocapture million`
#[test]
#[ignore = "takes seconds and is a measurement"]
fn a_million_lines_go_through_in_one_pass() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(folder.path());
    settings.ttl = Duration::from_secs(10);
    let mut text = String::new();
    for n in 0..1_000_000_u32 {
        // Shuffled, so that sorting has work to do.
        let n = n.wrapping_mul(2_654_435_761) % 4_000_037;
        let zone = "privatelink.we.backup.windowsazure.com";
        let _ = writeln!(text, "1{n:018}-ab-pod01-prot1 \t {zone} \t 10.{}.{}.{}", n >> 16, (n >> 8) & 255, n & 255);
    }
    for round in 0..3 {
        if round == 2 {
            text.push_str("one.we.backup.windowsazure.com 10.0.0.1\n");
        }
        let bytes = text.clone().into_bytes();
        let mut watch = std::time::Instant::now();
        let mut lap = |what: &str| {
            println!("{what:10} {:?}", watch.elapsed());
            watch = std::time::Instant::now();
        };
        let listing = parse("lists", Path::new("list.txt"), Format::Auto, bytes).unwrap();
        lap("read");
        let desired = desired::merge(vec![listing], &settings.desired()).unwrap();
        lap("desired");
        let apex: Name = "privatelink.we.backup.windowsazure.com".parse().unwrap();
        let mut zones = BTreeMap::new();
        if let Ok(text) = fs::read(folder.path().join("privatelink.we.backup.windowsazure.com.zone")) {
            let zone = Zone::from_text(&apex, &text).0.unwrap();
            lap("load");
            zones.insert(ZoneId::base(apex), Current::of(&zone));
            lap("current");
        }
        let plan = plan::plan(desired, zones, 10);
        lap("plan");
        let blob_and_queue = |zone: &plan::ZonePlan| zone.id.to_string().contains("core.windows.net");
        let mut plan = plan;
        plan.zones.retain(|zone| !blob_and_queue(zone));
        let review = review(plan, &BTreeMap::new(), &settings.guard(), None);
        lap("review");
        assert!(
            apply(&review.approved, folder.path(), &settings.state, clock(1_800_000_000 + round)).errors.is_empty()
        );
        lap("apply");
        let status = fs::read_to_string("/proc/self/status").unwrap();
        println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap());
    }
}

#[test]
fn a_last_good_time_of_a_damaged_state_is_shown_without_a_panic() {
    let report = |read_at| pass::SourceReport { read_at, ..pass::SourceReport::default() };
    assert_eq!(report(Some(7)).last_good().as_deref(), Some("1970-01-01T00:00:07Z"));
    assert_eq!(report(Some(u64::MAX)).last_good().as_deref(), Some("9999-12-31T23:59:59Z"));
    assert_eq!(report(None).last_good(), None);
}
