//! Derived zones in a folder.

use super::*;
use crate::diag::Id;
use crate::sync::state::freeze::Freeze;
use crate::zone::store::{self, Store};
use std::fs;
use std::path::PathBuf;

const RPZ: &str = "rpz.privatelink";
const CORP: &str = "corp.example";

/// A folder with a store, as the server has them.
struct World {
    folder: tempfile::TempDir,
    store: Store,
    settings: Settings,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings { rpz: RPZ.parse().ok(), catalog: "catalog.privatelink".parse().ok() };
        let store = Store::new(Self::store_settings(folder.path(), &settings));
        let world = Self { folder, store, settings };
        world.put(CORP, "@ 10 SOA a. b. 1 2 3 4 5\n@ 10 NS a.\nx 10 A 10.0.0.1\n");
        world
    }

    fn store_settings(folder: &Path, settings: &Settings) -> store::Settings {
        store::Settings {
            views: std::collections::BTreeSet::new(),
            parts: std::collections::BTreeSet::new(),
            zone_dir: folder.to_owned(),
            hosted: [(CORP.parse().unwrap(), crate::zone::OnMiss::NxDomain)].into(),
            on_miss: std::collections::BTreeMap::new(),
            unread_suffix: None,
            history: 0,
            derived: settings.zones().map(|(apex, _)| apex.clone()).collect(),
        }
    }

    fn path(&self, apex: &str) -> PathBuf {
        self.folder.path().join(format!("{apex}.zone"))
    }

    fn put(&self, apex: &str, text: &str) {
        fs::write(self.folder.path().join("staged"), text).unwrap();
        fs::rename(self.folder.path().join("staged"), self.path(apex)).unwrap();
    }

    /// Reads the zones and makes the derived ones at this second.
    fn make(&mut self, now: u64) -> Vec<Outcome> {
        self.try_make(now).unwrap().unwrap().into_iter().map(|made| made.outcome).collect()
    }

    fn try_make(&mut self, now: u64) -> Result<Option<Vec<Made>>, ApplyError> {
        let zones = self.store.reload().zones;
        make(&self.settings, &zones, self.folder.path(), &State::new(self.folder.path().join(".state")), now)
    }

    fn serial(&self) -> u32 {
        serial_of(&fs::read(self.path(RPZ)).unwrap()).unwrap().0
    }
}

#[test]
fn a_derived_zone_is_written_once_and_again_with_a_later_serial_when_its_records_change() {
    let mut world = World::new();
    assert_eq!(world.make(1_800_000_000), [Outcome::Written, Outcome::Written]);
    assert_eq!(world.serial(), 1_800_000_000);
    let text = fs::read_to_string(world.path(RPZ)).unwrap();
    assert_eq!(
        text,
        "; Derived by privatelink-dns from the zones in service: the response policy zone of [feed], for secondaries alone.\n\
         ; Hand edits are lost at the next change.\n\
         $ORIGIN rpz.privatelink.\n$TTL 10\n\
         @ 3600 SOA localhost. hostmaster.privatelink-dns.invalid. 1800000000 60 30 2419200 10\n\
         @ 3600 NS localhost.\n\
         x.corp.example A 10.0.0.1\n*.corp.example CNAME .\n"
    );
    assert_eq!(world.make(1_800_000_060), [Outcome::Same, Outcome::Same], "the time alone is no change");
    world.put(CORP, "@ 10 SOA a. b. 2 2 3 4 5\n@ 10 NS a.\nx 10 A 10.0.0.2\n");
    assert_eq!(world.make(1_800_000_060), [Outcome::Written, Outcome::Same], "no zone came or went");
    assert_eq!(world.serial(), 1_800_000_060);
}

#[test]
fn rfc1982_no_serial_goes_back_when_the_clock_does_or_the_file_is_lost() {
    let mut world = World::new();
    world.make(1_800_000_000);
    world.put(CORP, "@ 10 SOA a. b. 2 2 3 4 5\n@ 10 NS a.\nx 10 A 10.0.0.2\n");
    world.make(5);
    assert_eq!(world.serial(), 1_800_000_001, "the clock was set back");
    world.make(5);
    fs::remove_file(world.path(RPZ)).unwrap();
    world.make(5);
    assert_eq!(world.serial(), 1_800_000_002, "the file was lost, and the server knows what it served");
    fs::remove_file(world.path(RPZ)).unwrap();
    let mut restarted =
        World { store: Store::new(World::store_settings(world.folder.path(), &world.settings)), ..world };
    restarted.make(1_800_000_100);
    assert_eq!(restarted.serial(), 1_800_000_100, "all was lost but the clock");
}

#[test]
fn a_restart_moves_no_serial() {
    let mut world = World::new();
    world.make(1_800_000_000);
    let before = fs::read(world.path(RPZ)).unwrap();
    let mut restarted =
        World { store: Store::new(World::store_settings(world.folder.path(), &world.settings)), ..world };
    assert_eq!(restarted.make(1_800_000_100), [Outcome::Same, Outcome::Same]);
    assert_eq!(fs::read(restarted.path(RPZ)).unwrap(), before);
}

#[test]
fn a_hand_edit_of_a_derived_file_is_undone_and_a_file_without_its_header_is_never_written() {
    let mut world = World::new();
    world.make(1_800_000_000);
    let good = fs::read_to_string(world.path(RPZ)).unwrap();
    world.put(RPZ, &(good.clone() + "evil.example A 192.0.2.1\n"));
    assert_eq!(world.make(1_800_000_001)[0], Outcome::Written);
    assert_eq!(fs::read_to_string(world.path(RPZ)).unwrap(), good.replace("1800000000", "1800000001"));
    for others in ["; mine\n@ 10 SOA a. b. 1 2 3 4 5\n@ 10 NS a.\n", "; Written by privatelink-dns.\n", ""] {
        world.put(RPZ, others);
        assert_eq!(world.make(1_800_000_002)[0], Outcome::Same);
        assert_eq!(fs::read_to_string(world.path(RPZ)).unwrap(), others);
    }
}

#[test]
fn a_frozen_sync_writes_no_derived_zone() {
    let mut world = World::new();
    State::new(world.folder.path().join(".state")).freeze(Freeze::new(1, "alice", None)).unwrap();
    assert!(world.try_make(1_800_000_000).unwrap().is_none());
    assert!(!world.path(RPZ).exists());
}

#[test]
fn a_folder_that_cannot_be_written_is_one_clear_problem_and_the_file_stays() {
    let mut world = World::new();
    world.make(1_800_000_000);
    let before = fs::read(world.path(RPZ)).unwrap();
    // In place of the temporary file, so that root cannot write it either.
    let zones = world.store.reload().zones;
    fs::create_dir(world.folder.path().join(".privatelink-dns.tmp")).unwrap();
    world.put(CORP, "@ 10 SOA a. b. 2 2 3 4 5\n@ 10 NS a.\nx 10 A 10.0.0.2\n");
    let made = world.make(1_800_000_001);
    let Outcome::Failed(problem) = &made[0] else { panic!("{made:?}") };
    assert!(problem.to_string().contains("the file on disk is the last good one"), "{problem}");
    assert_eq!(fs::read(world.path(RPZ)).unwrap(), before);
    drop(zones);
}

#[test]
fn without_a_good_copy_of_a_zone_no_first_feed_is_made_and_the_reason_names_it() {
    let mut world = World::new();
    fs::remove_file(world.path(CORP)).unwrap();
    let made = world.make(1_800_000_000);
    let Outcome::Waits(why) = &made[0] else { panic!("{made:?}") };
    assert!(why.to_string().contains("no good copy of corp.example"), "{why}");
    assert_eq!(made[1], Outcome::Written, "the catalog has names alone");
    assert!(!world.path(RPZ).exists());
}

#[test]
fn the_store_serves_derived_zones_to_transfers_alone_and_ignores_those_that_no_feed_names() {
    let mut world = World::new();
    world.make(1_800_000_000);
    let report = world.store.reload();
    let rpz: Name = RPZ.parse().unwrap();
    assert!(report.zones.get(&rpz).unwrap().zone.is_some() && report.zones.find(rpz.canonical()).is_none());
    assert_eq!((report.zones.iter().count(), report.zones.derived().count()), (1, 2));
    assert_eq!(report.errors, []);

    world.store.set_settings(World::store_settings(world.folder.path(), &Settings::default()));
    let report = world.store.reload();
    assert_eq!((report.zones.iter().count(), report.zones.derived().count()), (1, 0));
    assert!(report.zones.get(&rpz).is_none());
    let said: Vec<Id> = report.warnings.iter().map(|found| found.id).collect();
    assert_eq!(said, [Id::ZONE_STRAY_DERIVED; 2], "{:?}", report.warnings);
    assert!(world.store.reload().warnings.is_empty(), "said once");

    world.store.set_settings(World::store_settings(world.folder.path(), &world.settings));
    assert!(world.store.reload().zones.get(&rpz).unwrap().zone.is_some(), "named again");
}

#[test]
fn a_hand_written_file_at_the_name_of_the_feed_is_an_error_and_not_served() {
    let mut world = World::new();
    world.put(RPZ, "@ 10 SOA a. b. 1 2 3 4 5\n@ 10 NS a.\nx 10 A 10.0.0.1\n");
    let report = world.store.reload();
    assert_eq!(report.errors.iter().map(|found| found.id).collect::<Vec<_>>(), [Id::ZONE_NOT_DERIVED]);
    assert!(report.zones.get(&RPZ.parse().unwrap()).unwrap().zone.is_none());
}

#[test]
fn a_copy_of_a_feed_at_the_name_of_a_hosted_zone_is_an_error_and_the_last_good_copy_stays() {
    let mut world = World::new();
    world.make(1_800_000_000);
    let feed = fs::read_to_string(world.path(RPZ)).unwrap();
    world.put(CORP, &feed);
    let report = world.store.reload();
    assert_eq!(report.errors.iter().map(|found| found.id).collect::<Vec<_>>(), [Id::ZONE_STRAY_DERIVED]);
    assert_eq!(report.zones.get(&CORP.parse().unwrap()).unwrap().zone.as_ref().unwrap().serial(), Serial(1));
}
