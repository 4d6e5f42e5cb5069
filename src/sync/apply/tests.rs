use super::*;
use crate::dns::Name;
use crate::sync::Records;
use crate::sync::desired::{self, merge};
use crate::sync::guard::{Settings, review};
use crate::sync::plan::{Current, plan};
use crate::sync::source::{Format, parse};
use crate::zone::{Aliases, Zone};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

const BLOB: &str = "privatelink.blob.core.windows.net";

fn apex() -> Name {
    BLOB.parse().unwrap()
}

fn approved(current: BTreeMap<ZoneId, Current>, text: &str) -> ApprovedPlan {
    let listing = parse("a", Path::new("a.txt"), Format::Auto, format!("{text}\n").into_bytes()).unwrap();
    let plan = plan(
        merge(vec![listing], &desired::Settings::of_cloud(crate::azure::Cloud::Public, &[])).unwrap(),
        current,
        10,
    );
    let settings = Settings { max_removed: "100%".parse().unwrap() };
    let review = review(plan, &BTreeMap::new(), &settings, None);
    assert!(review.held.is_none(), "{:?}", review.held);
    review.approved
}

/// Applies at so many seconds since 1970; the state lies in the folder.
fn apply(plan: &ApprovedPlan, folder: &Path, now: u64) -> Applied {
    let clock = Clock { now: now * 1000, window: std::time::Duration::from_mins(10) };
    super::apply(plan, folder, &State::new(folder.join(".state")), clock)
}

fn put(path: &Path, text: &str) {
    File::create(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn load_zone(folder: &Path, apex: &Name) -> Zone {
    let text = fs::read(folder.join(format!("{}.zone", apex.without_dot()))).unwrap();
    let (zone, findings) = Zone::from_text(apex, &text);
    assert!(findings.is_empty(), "{findings:?}");
    zone.unwrap()
}

fn load(folder: &Path) -> Zone {
    load_zone(folder, &apex())
}

fn current(folder: &Path) -> BTreeMap<ZoneId, Current> {
    let queue: Name = "privatelink.queue.core.windows.net".parse().unwrap();
    [apex(), queue].map(|apex| (ZoneId::base(apex.clone()), Current::of(&load_zone(folder, &apex)))).into()
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_file_is_sorted_plain_and_says_who_writes_it() {
    let records = [("b.c", "10.0.0.200"), ("a", "fd00::1"), ("a", "10.20.0.3")];
    let records = Records::from_unsorted(records.map(|(owner, ip)| (owner, ip.parse().unwrap())));
    assert_eq!(
        render(&apex(), Serial(7), 10, &records, &Aliases::default()),
        "; Written by privatelink-dns.\n\
         ; Hand edits are lost at the next sync: change the endpoint lists, or put records of your own into another zone file.\n\
         $ORIGIN privatelink.blob.core.windows.net.\n\
         $TTL 10\n\
         @ 3600 SOA ns.privatelink-dns.invalid. hostmaster.privatelink-dns.invalid. 7 3600 300 2419200 10\n\
         @ 3600 NS ns.privatelink-dns.invalid.\n\
         a A 10.20.0.3\n\
         a AAAA fd00::1\n\
         b.c A 10.0.0.200\n"
    );
}

#[test]
fn other_servers_tools_accept_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let owners = ["in", "aaaa", "10", "_x", "soa", "1000000000000000001-ab-pod01-prot1", "a.b"];
    let addresses = owners.iter().flat_map(|owner| ["10.0.0.4", "fd00::4"].map(|ip| (*owner, ip.parse().unwrap())));
    let path = folder.path().join("x.zone");
    put(&path, &render(&apex(), Serial(7), 10, &Records::from_unsorted(addresses), &Aliases::default()));
    for tool in ["named-checkzone", "nsd-checkzone", "kzonecheck"] {
        let mut command = Command::new(tool);
        if tool == "kzonecheck" {
            command.arg("-o")
        } else {
            &mut command
        };
        match command.arg(BLOB).arg(&path).output() {
            Ok(output) => assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stdout)),
            Err(error) => println!("{tool} is not here, not asked: {error}"),
        }
    }
}

#[test]
fn the_serial_is_the_time_and_never_goes_back() {
    let day = 1_800_000_000;
    assert_eq!(next_serial(None, day), Serial(1_800_000_000));
    assert_eq!(next_serial(Some(Serial(5)), day), Serial(1_800_000_000));
    assert_eq!(next_serial(Some(Serial(1_800_000_000)), day), Serial(1_800_000_001), "two syncs in one second");
    assert_eq!(next_serial(Some(Serial(1_900_000_000)), day), Serial(1_900_000_001), "the clock was set back");
    assert_eq!(next_serial(Some(Serial(u32::MAX)), day), Serial(1_800_000_000), "later on the circle");
    assert_eq!(next_serial(Some(Serial(u32::MAX)), 0xffff_ffff), Serial(1), "it wraps past 0");
    assert_eq!(next_serial(Some(Serial(u32::MAX - 1)), 1 << 32), Serial(1), "after 2106");
    assert_eq!(next_serial(None, 1 << 32), Serial(1));
}

#[test]
fn a_new_file_can_be_read_by_everybody_and_nothing_else_is_left() {
    let folder = tempfile::tempdir().unwrap();
    put(&folder.path().join(".privatelink-dns.tmp"), "half");
    put(&folder.path().join("notes.tmp"), "mine");
    let applied = apply(&approved(BTreeMap::new(), "abc.blob.core.windows.net 10.0.0.4"), folder.path(), 1_800_000_000);
    assert!(applied.errors.is_empty());
    let zone = format!("{BLOB}.zone");
    let all = [".privatelink-dns.lock", ".state", "notes.tmp", &zone, "privatelink.queue.core.windows.net.zone"];
    assert_eq!(files(folder.path()), all);
    let mode = fs::metadata(folder.path().join(zone)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
    assert_eq!(applied.written[0].changed, (1, 0, 0));
}

#[test]
fn a_file_that_changed_since_the_plan_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("{BLOB}.zone"));
    let first = approved(BTreeMap::new(), "abc.blob.core.windows.net 10.0.0.4");
    put(&path, "; mine\n");
    let applied = apply(&first, folder.path(), 1_800_000_000);
    assert!(matches!(applied.errors[..], [ApplyError::Changed(_)]), "a file appeared");
    assert_eq!(fs::read_to_string(&path).unwrap(), "; mine\n");
    fs::remove_file(&path).unwrap();
    fs::remove_file(folder.path().join("privatelink.queue.core.windows.net.zone")).unwrap();
    assert!(apply(&first, folder.path(), 1_800_000_000).errors.is_empty());

    let stale = approved(current(folder.path()), "abc.blob.core.windows.net 10.0.0.5");
    assert!(apply(&stale, folder.path(), 1_800_000_100).errors.is_empty());
    let applied = apply(&stale, folder.path(), 1_800_000_200);
    assert!(matches!(applied.errors[..], [ApplyError::Changed(_)]), "another sync was faster");
    assert_eq!(load(folder.path()).serial(), Serial(1_800_000_100));
    put(&path, "; mine now\n@ 3600 SOA a. b. 1800000100 1 1 1 1\n");
    let applied = apply(&stale, folder.path(), 1_800_000_200);
    assert!(matches!(applied.errors[..], [ApplyError::Changed(_)]), "the header went");
}

#[test]
fn an_edited_file_of_ours_is_still_ours() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("{BLOB}.zone"));
    apply(&approved(BTreeMap::new(), "abc.blob.core.windows.net 10.0.0.4"), folder.path(), 1_800_000_000);
    let edited = fs::read_to_string(&path)
        .unwrap()
        .replace("1800000000 3600", "(\n 1800000009 ; up\n 3600")
        .replace("2419200 10\n", "2419200 10 )\nextra A 10.0.0.9\n");
    put(&path, &edited);
    let plan = approved(current(folder.path()), "abc.blob.core.windows.net 10.0.0.4");
    assert_eq!(plan.plan().zones[0].counts().deleted, 1);
    let applied = apply(&plan, folder.path(), 1_800_000_001);
    assert!(applied.errors.is_empty(), "{:?}", applied.errors);
    assert_eq!(load(folder.path()).serial(), Serial(1_800_000_010));
}

#[test]
fn two_syncs_do_not_write_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let other = write::ZoneFolder::lock(folder.path()).unwrap();
    let plan = approved(BTreeMap::new(), "abc.blob.core.windows.net 10.0.0.4");
    assert!(matches!(apply(&plan, folder.path(), 1).errors[..], [ApplyError::Busy(_)]));
    drop(other);
    assert!(apply(&plan, folder.path(), 1).errors.is_empty());
}

#[test]
fn a_folder_that_cannot_be_written_is_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("gone");
    fs::write(&missing, "a file where the folder should be").unwrap();
    let plan = approved(BTreeMap::new(), "abc.blob.core.windows.net 10.0.0.4");
    let error = apply(&plan, &missing, 1).errors[0].to_string();
    assert!(error.contains("gone: cannot make the "), "{error}");
}

#[test]
fn a_user_who_may_only_read_the_folder_cannot_hold_syncs_off() {
    let folder = tempfile::tempdir().unwrap();
    let whole = File::open(folder.path()).unwrap();
    whole.try_lock().unwrap();
    let plan = approved(BTreeMap::new(), "abc.blob.core.windows.net 10.0.0.4");
    assert!(apply(&plan, folder.path(), 1).errors.is_empty(), "the folder itself is not what is locked");
    let lock = fs::metadata(folder.path().join(".privatelink-dns.lock")).unwrap();
    assert_eq!(lock.permissions().mode() & 0o777, 0o600);
}

#[test]
fn one_zone_that_cannot_be_written_stops_no_other() {
    let folder = tempfile::tempdir().unwrap();
    put(&folder.path().join(format!("{BLOB}.zone")), "; mine\n");
    let applied = apply(&approved(BTreeMap::new(), "abc.queue.core.windows.net 10.0.0.4"), folder.path(), 1);
    assert!(matches!(applied.errors[..], [ApplyError::Changed(_)]), "{:?}", applied.errors);
    assert_eq!(applied.written.len(), 1);
}

#[test]
fn a_change_that_the_guard_could_not_know_of_afterwards_is_not_made_and_a_new_record_is() {
    let folder = tempfile::tempdir().unwrap();
    apply(&approved(BTreeMap::new(), "abc.blob.core.windows.net 10.0.0.4"), folder.path(), 1_800_000_000);
    fs::remove_dir_all(folder.path().join(".state")).unwrap();
    put(&folder.path().join(".state"), "a file where the folder should be");
    let applied =
        apply(&approved(current(folder.path()), "abc.blob.core.windows.net 10.0.0.5"), folder.path(), 1_800_000_001);
    assert!(matches!(applied.errors[..], [ApplyError::Base { .. }]), "{:?}", applied.errors);
    assert_eq!(load(folder.path()).serial(), Serial(1_800_000_000));
    let more = "abc.blob.core.windows.net 10.0.0.4\nnew.blob.core.windows.net 10.0.0.6";
    let applied = apply(&approved(current(folder.path()), more), folder.path(), 1_800_000_001);
    assert!(applied.errors.is_empty(), "{:?}", applied.errors);
}

proptest! {
    #[test]
    fn the_serial_is_always_later(current: u32, now: u64) {
        let next = next_serial(Some(Serial(current)), now);
        prop_assert!(next.is_after(Serial(current)) && next.0 != 0);
    }

    #[test]
    fn reading_what_was_rendered_gives_the_same_records(
        rows in prop::collection::vec(("[a-z0-9_]{1,20}(\\.[a-z0-9-]{1,3}x)?", any::<std::net::IpAddr>()), 0..20)
    ) {
        let records = Records::from_unsorted(rows.iter().map(|(owner, address)| (owner.as_str(), *address)));
        let text = render(&apex(), Serial(7), 10, &records, &Aliases::default());
        let (zone, findings) = Zone::from_text(&apex(), text.as_bytes());
        prop_assert!(!findings.has_errors(), "{findings:?}");
        let current = Current::of(&zone.unwrap());
        prop_assert_eq!(&current.records, &records);
        prop_assert!(current.file == FileState::Managed && current.foreign.is_empty());
    }
}
