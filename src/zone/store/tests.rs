//! The store against a real folder.

use super::*;

const GOOD: &str = "@ 10 SOA a. b. 1 2 3 4 5\n@ 10 NS a.\nx 10 A 10.0.0.1\n";

struct Folder(tempfile::TempDir, Store);

impl Folder {
    fn new(hosted: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let hosted = hosted.iter().map(|apex| (apex.parse().unwrap(), OnMiss::NxDomain)).collect();
        let store = Store::new(Settings {
            zone_dir: dir.path().to_owned(),
            hosted,
            on_miss: BTreeMap::new(),
            unread_suffix: None,
            history: 1 << 20,
            derived: BTreeSet::new(),
            views: BTreeSet::new(),
            parts: BTreeSet::new(),
        });
        Self(dir, store)
    }

    fn write(&self, name: &str, text: &str) {
        let staged = self.0.path().join("staged");
        let mut file = std::fs::File::create(&staged).unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        std::fs::rename(staged, self.0.path().join(name)).unwrap();
    }

    fn serial(report: &Report, apex: &str) -> Option<u32> {
        Some(report.zones.get(&apex.parse().unwrap())?.zone.as_ref()?.serial().0)
    }
}

#[test]
fn a_hand_written_zone_is_hosted_and_followed() {
    let mut folder = Folder::new(&[]);
    folder.write("corp.example.zone", GOOD);
    let report = folder.1.reload();
    assert_eq!(Folder::serial(&report, "corp.example"), Some(1));
    assert_eq!(report.published.len(), 1);
    assert!(folder.1.reload().published.is_empty(), "no change, no work");
    folder.write("corp.example.zone", &GOOD.replace("b. 1", "b. 2"));
    assert_eq!(Folder::serial(&folder.1.reload(), "corp.example"), Some(2));
    std::fs::remove_file(folder.0.path().join("corp.example.zone")).unwrap();
    assert_eq!(Folder::serial(&folder.1.reload(), "corp.example"), None, "removed on purpose");
}

#[test]
fn the_history_goes_on_while_a_file_is_bad_and_begins_anew_with_a_serial_that_stays() {
    let mut folder = Folder::new(&[]);
    let many = (0..100).fold(String::new(), |text, host| text + &format!("h{host} 10 A 10.0.0.1\n"));
    let version = |serial: u32, more: &str| GOOD.replace("b. 1", &format!("b. {serial}")) + &many + more;
    let has = |report: &Report, serial: u32| {
        let hosted = report.zones.get(&"corp.example".parse().unwrap()).unwrap();
        hosted.history.since(Serial(serial), usize::MAX).is_some()
    };
    folder.write("corp.example.zone", &version(1, ""));
    folder.1.reload();
    folder.write("corp.example.zone", &version(2, "y 10 A 10.0.0.2\n"));
    assert!(has(&folder.1.reload(), 1));
    folder.write("corp.example.zone", "x A oops\n");
    assert!(has(&folder.1.reload(), 1));
    folder.write("corp.example.zone", &version(3, ""));
    let report = folder.1.reload();
    assert!(has(&report, 1) && has(&report, 2));
    folder.write("corp.example.zone", &version(3, "z 10 A 10.0.0.3\n"));
    let report = folder.1.reload();
    assert!(!has(&report, 1) && !has(&report, 2));
    assert!(report.warnings.iter().any(|warning| warning.text.contains("the serial is still 3")));
}

#[test]
fn a_zone_that_turns_bad_keeps_its_last_good_copy_and_says_so_once() {
    let mut folder = Folder::new(&[]);
    folder.write("corp.example.zone", GOOD);
    folder.1.reload();
    folder.write("corp.example.zone", "x A oops\ny A oops\n");
    let report = folder.1.reload();
    assert_eq!(Folder::serial(&report, "corp.example"), Some(1));
    assert_eq!((report.errors.len(), folder.1.degraded().count()), (2, 1));
    assert!(report.errors[0].text.ends_with("; serial 1 stays in service"), "{}", report.errors[0].text);
    let again = folder.1.reload();
    assert_eq!((again.errors.len(), folder.1.degraded().count()), (0, 1));
}

#[test]
fn a_pipe_in_a_zones_place_is_an_error_instead_of_waited_for() {
    let mut folder = Folder::new(&[]);
    folder.write("corp.example.zone", GOOD);
    folder.1.reload();
    let path = folder.0.path().join("corp.example.zone");
    std::fs::remove_file(&path).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let report = folder.1.reload();
    assert_eq!(Folder::serial(&report, "corp.example"), Some(1));
    assert!(
        report.errors[0].text.contains("it is a pipe, socket or device, not a regular file; serial 1 stays in service")
    );
    assert!(folder.1.reload().errors.is_empty(), "it is said once");
}

#[test]
fn a_zone_without_a_good_copy_is_hosted_without_data() {
    let mut folder = Folder::new(&["missing.example"]);
    folder.write("bad.example.zone", "oops\n");
    let report = folder.1.reload();
    assert!(report.zones.get(&"missing.example".parse().unwrap()).unwrap().zone.is_none());
    assert!(report.zones.get(&"bad.example".parse().unwrap()).unwrap().zone.is_none());
    assert_eq!(folder.1.degraded().count(), 2);
}

#[test]
fn a_hosted_zone_whose_file_vanishes_stays_in_service() {
    let mut folder = Folder::new(&["corp.example"]);
    folder.write("corp.example.zone", GOOD);
    folder.1.reload();
    std::fs::remove_file(folder.0.path().join("corp.example.zone")).unwrap();
    let report = folder.1.reload();
    assert_eq!(Folder::serial(&report, "corp.example"), Some(1));
    assert_eq!(report.errors.len(), 1);
}

#[test]
fn what_sync_wrote_stays_in_service_while_its_file_is_gone_and_a_zone_without_records_goes_with_its_file() {
    let mut folder = Folder::new(&[]);
    let managed = format!("; Written by privatelink-dns.\n{GOOD}");
    let empty = managed.replace("x 10 A 10.0.0.1\n", "");
    folder.write("full.example.zone", &managed);
    folder.write("empty.example.zone", &empty);
    folder.1.reload();
    for apex in ["full.example", "empty.example"] {
        std::fs::remove_file(folder.0.path().join(format!("{apex}.zone"))).unwrap();
    }
    for (errors, why) in [(1, "its file is gone"), (0, "it is said once")] {
        let report = folder.1.reload();
        assert_eq!(Folder::serial(&report, "full.example"), Some(1));
        assert_eq!(Folder::serial(&report, "empty.example"), None);
        assert_eq!(report.errors.len(), errors, "{why}");
    }
    assert_eq!(folder.1.degraded().count(), 1);
    folder.write("full.example.zone", &managed.replace("b. 1", "b. 2"));
    assert_eq!(Folder::serial(&folder.1.reload(), "full.example"), Some(2));
    assert_eq!(folder.1.degraded().count(), 0);
}

#[test]
fn a_zone_folder_that_vanishes_takes_no_zone_with_it() {
    let mut folder = Folder::new(&["corp.example"]);
    folder.write("hand.example.zone", GOOD);
    folder.1.reload();
    std::fs::remove_dir_all(folder.0.path()).unwrap();
    let report = folder.1.reload();
    assert_eq!(Folder::serial(&report, "hand.example"), Some(1));
    assert!(report.errors[0].text.contains("the zones in service stay"), "{}", report.errors[0].text);
}
