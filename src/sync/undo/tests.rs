use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::sync::tests::{BLOB, current, list, planned, settings};
use crate::sync::{Settings, guard::review};

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

/// A pass with its entry in the journal; all that is held is approved.
fn pass(text: &str, settings: &Settings, seconds: u64) {
    let plan = || planned(vec![crate::sync::tests::listing(text)], current(&settings.zone_dir), settings);
    let bases = BTreeMap::new();
    let digest = review(plan(), &bases, &settings.guard(), None).held.map(|held| held.digest);
    let review = review(plan(), &bases, &settings.guard(), digest);
    let applied = apply::apply(&review.approved, &settings.zone_dir, &settings.state, clock(settings, at(seconds)));
    assert!(applied.errors.is_empty(), "{:?}", applied.errors);
    let recorded = settings.state.record_changes(
        review.approved.plan(),
        &applied.written,
        &|_| Wish::default(),
        &time_of(at(seconds)),
    );
    recorded.1.unwrap();
}

fn undo(settings: &Settings, seconds: u64) -> Result<Undone, Diagnostic> {
    let by = "alice".to_owned();
    let first = carry_out(settings, current(&settings.zone_dir), &Undo { by: by.clone(), consent: None }, at(seconds))?;
    let Some(held) = &first.held else { return Ok(first) };
    assert!(first.applied.written.is_empty(), "what is held is not done in part");
    let consent = Some(Consent { digest: held.digest, by: by.clone() });
    carry_out(settings, current(&settings.zone_dir), &Undo { by, consent }, at(seconds))
}

/// All records of all zones, and their serials.
fn records(zone_dir: &Path) -> BTreeMap<ZoneId, Vec<(String, IpAddr)>> {
    let rows = |current: Current| current.records.iter().map(|row| (row.owner.to_owned(), row.address)).collect();
    current(zone_dir).into_iter().map(|(apex, current)| (apex, rows(current))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn an_undo_gives_the_records_of_before_and_a_second_one_those_of_after(
        lists in prop::collection::vec(list(), 1..4),
        last in list(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path());
        for (text, seconds) in lists.iter().zip(0..) {
            pass(text, &settings, seconds);
        }
        let before = records(folder.path());
        pass(&last, &settings, 10);
        let after = records(folder.path());
        prop_assume!(before.values().eq(after.values()).then_some(()).is_none());
        let serial = |zone: &crate::sync::apply::Written| zone.before.is_none_or(|before| zone.serial.is_after(before));
        let undone = undo(&settings, 20).unwrap();
        prop_assert!(undone.left.is_empty() && undone.applied.written.iter().all(serial));
        for (apex, rows) in &before {
            prop_assert_eq!(&records(folder.path())[apex], rows);
        }
        prop_assert!(settings.state.frozen().is_some());
        let redone = undo(&settings, 30).unwrap();
        prop_assert!(redone.left.is_empty() && redone.applied.written.iter().all(serial));
        prop_assert_eq!(records(folder.path()), after);
    }
}

/// With a limit, and twenty accounts that have been in service for long.
fn limited() -> (tempfile::TempDir, Settings, String) {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { max_removed: "30%".parse().unwrap(), ..settings(folder.path()) };
    let line = |n| format!("acct{n}.blob.core.windows.net 10.0.0.{n}\n");
    let text = (0..20).map(line).collect::<Vec<_>>().concat();
    pass(&text, &settings, 0);
    (folder, settings, text)
}

#[test]
fn an_undo_takes_no_name_from_the_journal_that_no_list_can_have() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    pass("acct.blob.core.windows.net 10.0.0.4\n", &settings, 0);
    let before = records(folder.path());
    let journal = settings.state.folder().join("changes.jsonl");
    for (second, name) in
        ["x A 10.1.1.1\\nwww.ZONE", "*.ZONE", "ZONE", "evil.example", "a b.ZONE", "ACCT.ZONE"].iter().enumerate()
    {
        let name = name.replace("ZONE", BLOB);
        let line = format!(
            r#"{{"at":"2027-01-15T08:00:{second:02}.000Z","zone":"{BLOB}","name":"{name}","type":"A","before":["10.9.9.9"],"after":[],"source":null,"place":null,"approved":false}}"#
        );
        let old = std::fs::read_to_string(&journal).unwrap();
        crate::files::replace(
            settings.state.folder(),
            "changes.jsonl",
            ".tmp",
            0o600,
            format!("{old}{line}\n").as_bytes(),
        )
        .unwrap();
        let refused = undo(&settings, 20).unwrap_err();
        assert!(refused.to_string().contains("no list can name") && !refused.to_string().contains('\n'), "{refused}");
    }
    assert_eq!(records(folder.path()), before);
    assert!(settings.state.frozen().is_none());
}

#[test]
fn an_undo_goes_through_the_guard_and_says_which_command_approves_it() {
    let (folder, settings, text) = limited();
    pass(&text.replace("10.0.0.", "10.9.0."), &settings, 10_000);
    let order = Undo { by: "alice".into(), consent: None };
    let held = carry_out(&settings, current(folder.path()), &order, at(20_000)).unwrap();
    assert!(held.applied.written.is_empty() && settings.state.frozen().is_none(), "nothing is done, nothing is frozen");
    let reasons = held.held.unwrap();
    assert!(reasons.reasons()[0].to_string().contains("20 of 20 RRsets"), "{reasons}");
    let consent = |digest| Undo { consent: Some(Consent { digest, by: "alice".into() }), ..order.clone() };
    let other = "eefb3f0b5d6c7e88a1b2c3d4e5f60718".parse().unwrap();
    let stale = carry_out(&settings, current(folder.path()), &consent(other), at(20_000)).unwrap();
    assert!(stale.applied.written.is_empty() && stale.held.unwrap().stale.is_some());
    let done = carry_out(&settings, current(folder.path()), &consent(reasons.digest), at(20_000)).unwrap();
    assert_eq!(done.changes.total, 20);
    assert!(done.changes.shown.iter().all(|change| change.approved && change.by.as_deref() == Some("alice")));
    assert_eq!(done.changes.shown[0].undoes.as_deref(), Some(done.of.as_str()));
    let again = carry_out(&settings, current(folder.path()), &consent(reasons.digest), at(20_001)).unwrap();
    assert!(again.applied.written.is_empty(), "the digest of the undo is none of its own undo");
}

#[test]
fn small_steps_add_up_through_an_undo() {
    let (folder, settings, text) = limited();
    let moved = |range: std::ops::Range<u32>| {
        range.fold(text.clone(), |text, n| text.replace(&format!("10.0.0.{n}\n"), &format!("10.9.0.{n}\n")))
    };
    let base = 10_000;
    pass(&moved(0..6), &settings, base);
    undo(&settings, base + 1).unwrap();
    settings.state.thaw().unwrap();
    // What was undone is no change any more, and what the guard allows is as much as before.
    let held = |text: &str, seconds| {
        let apex: ZoneId = BLOB.parse().unwrap();
        let plan = planned(vec![crate::sync::tests::listing(text)], current(folder.path()), &settings);
        let base = Base::load(&settings.state, &apex, clock(&settings, at(seconds))).unwrap();
        review(plan, &BTreeMap::from([(apex, base)]), &settings.guard(), None).held.is_some()
    };
    assert!(!held(&moved(6..12), base + 2));
    assert!(held(&moved(6..13), base + 2));
    pass(&moved(6..12), &settings, base + 2);
    assert!(held(&moved(5..12), base + 3), "within the window all steps count");
}

#[test]
fn what_has_changed_since_is_left_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    pass("a.blob.core.windows.net 10.0.0.1\nb.blob.core.windows.net 10.0.0.2\n", &settings, 0);
    pass("a.blob.core.windows.net 10.0.0.3\nb.blob.core.windows.net 10.0.0.4\n", &settings, 1);
    let file = folder.path().join(format!("{BLOB}.zone"));
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("b A 10.0.0.4", "b A 10.0.0.5")).unwrap();
    let undone = undo(&settings, 2).unwrap();
    assert_eq!(undone.left, [format!("b.{BLOB} A: it has changed since, to 10.0.0.5")]);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("a A 10.0.0.1\nb A 10.0.0.5\n"), "{text}");
}

#[test]
fn nothing_is_undone_that_is_not_known_or_not_allowed_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    assert!(undo(&settings, 0).unwrap_err().text.contains("no change is known"));
    pass("a.blob.core.windows.net 10.0.0.1\n", &settings, 0);
    pass("a.blob.core.windows.net 10.1.0.1\n", &settings, 1);
    let narrow = Settings { allowed_targets: vec!["10.1.0.0/16".parse().unwrap()], ..settings };
    let refused = undo(&narrow, 2).unwrap_err();
    assert!(refused.text.contains("10.0.0.1") && refused.text.contains("outside allowed_targets"), "{refused}");
    assert!(narrow.state.frozen().is_none());
}
