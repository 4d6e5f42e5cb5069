//! Lists that do not look complete: what they no longer give stays in service.

use super::*;
use crate::diag::Id;
use crate::sync::source::made;

const VAULTS: [&str; 4] = ["pe-1", "pe-2", "pe-3", "pe-4"];
const NAMES: usize = 8;

/// What a pass did.
struct Passed {
    /// Records created, changed, removed.
    changed: (usize, usize, usize),
    records: usize,
    is_held: bool,
    warnings: Vec<String>,
}

/// One pass as the server and the command line make it: the guard at its default, the memory of the passes before.
fn pass_with(listings: Vec<Listing>, folder: &Path, now: u64) -> Passed {
    let settings = Settings { max_removed: Percent::default(), ..settings(folder) };
    let desired = desired::merge(listings, &settings.desired()).unwrap();
    let mut currents = current(folder);
    if desired.needs_provenance() {
        for (apex, current) in &mut currents {
            current.provenance = settings.state.provenance(apex);
        }
    }
    let plan = plan::plan(desired, currents, 10);
    let gaps = plan.warnings.shown().iter().filter(|found| found.id == Id::LIST_INCOMPLETE);
    let warnings = gaps.map(ToString::to_string).collect();
    let review = review(plan, &BTreeMap::new(), &settings.guard(), None);
    let applied = apply(&review.approved, folder, &settings.state, clock(now));
    let plan = review.approved.plan();
    for zone in &plan.zones {
        settings.state.remember_provenance(&zone.id, zone.after(), &plan.places).unwrap();
    }
    let sum = |of: fn(&apply::Written) -> usize| applied.written.iter().map(of).sum();
    Passed {
        changed: (sum(|zone| zone.changed.0), sum(|zone| zone.changed.1), sum(|zone| zone.changed.2)),
        records: plan.zones.iter().map(|zone| zone.after().len()).sum(),
        is_held: review.held.is_some(),
        warnings,
    }
}

fn entries<'v>(vaults: &[&'v str]) -> Vec<(&'v str, String, &'static str)> {
    let of = |vault: &&'v str| {
        let vault = *vault;
        (0..NAMES).map(move |n| (vault, format!("{vault}-{n}.we.backup.windowsazure.com"), "10.0.0.4"))
    };
    vaults.iter().flat_map(of).collect()
}

fn list(vaults: &[&str], gaps: &[Option<&str>]) -> Vec<Listing> {
    vec![made::listing("list.json", &entries(vaults), gaps)]
}

#[test]
fn an_endpoint_that_lost_its_names_keeps_its_records_until_the_list_has_them_again_or_has_it_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let first = pass_with(list(&VAULTS, &[]), folder.path(), 1);
    assert_eq!((first.changed, first.warnings.len()), ((32, 0, 0), 0));
    for now in 2..5 {
        let emptied = pass_with(list(&VAULTS[1..], &[Some("pe-1")]), folder.path(), now);
        assert_eq!((emptied.changed, emptied.records, emptied.is_held), ((0, 0, 0), 32, false));
        assert_eq!(
            emptied.warnings,
            [
                "list.json: 8 records stay in service although this list no longer has them, as it does not look complete: \
                 'pe-1-0.privatelink.we.backup.windowsazure.com', 'pe-1-1.privatelink.we.backup.windowsazure.com', \
                 'pe-1-2.privatelink.we.backup.windowsazure.com' and 5 more; complete the list to change or remove them",
                "list.json:1000: the endpoint has no names",
            ]
        );
    }
    let back = pass_with(list(&VAULTS, &[]), folder.path(), 5);
    assert_eq!((back.changed, back.records, back.warnings.len()), ((0, 0, 0), 32, 0));
    let deleted = pass_with(list(&VAULTS[1..], &[]), folder.path(), 6);
    assert_eq!((deleted.changed, deleted.records, deleted.is_held), ((0, 0, 8), 24, false));
}

#[test]
fn a_gap_keeps_what_its_own_endpoint_had_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    pass_with(list(&VAULTS, &[]), folder.path(), 1);
    // By its id now, and in capitals: exports do not agree.
    let gap = Some("/subscriptions/1/resourceGroups/rg/providers/Microsoft.Network/privateEndpoints/PE-1");
    let passed = pass_with(list(&VAULTS[2..], &[gap]), folder.path(), 2);
    assert_eq!((passed.changed, passed.records, passed.is_held), ((0, 0, 8), 24, false), "pe-2 is gone, pe-1 stays");
}

#[test]
fn a_list_that_lacks_anything_removes_nothing_and_may_still_add_and_change() {
    let folder = tempfile::tempdir().unwrap();
    pass_with(list(&VAULTS, &[]), folder.path(), 1);
    let mut rest = entries(&VAULTS[..1]);
    rest[0].2 = "10.0.0.9";
    rest.push(("pe-5", "new.we.backup.windowsazure.com".to_owned(), "10.0.0.5"));
    let cut = vec![made::listing("list.json", &rest, &[None])];
    let passed = pass_with(cut, folder.path(), 2);
    assert_eq!((passed.changed, passed.records, passed.is_held), ((1, 1, 0), 33, false));
}

#[test]
fn a_list_of_gaps_alone_is_no_empty_list() {
    let folder = tempfile::tempdir().unwrap();
    pass_with(list(&VAULTS, &[]), folder.path(), 1);
    let passed = pass_with(list(&[], &VAULTS.map(Some)), folder.path(), 2);
    assert_eq!((passed.changed, passed.records, passed.is_held), ((0, 0, 0), 32, false));
    assert_eq!(passed.warnings.len(), 5);
}

#[test]
fn what_another_list_gives_is_no_business_of_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    pass_with(list(&VAULTS, &[]), folder.path(), 1);
    let mut moved = entries(&VAULTS[..1]);
    moved.iter_mut().take(2).for_each(|entry| entry.2 = "10.0.0.7");
    let lists = [list(&VAULTS[1..], &[Some("pe-1")]), vec![made::listing("other.json", &moved, &[])]].concat();
    let passed = pass_with(lists, folder.path(), 2);
    assert_eq!((passed.changed, passed.records), ((0, 2, 0), 32));
    assert_eq!(passed.warnings.len(), 1, "only the list's own: {:?}", passed.warnings);
}

#[test]
fn where_it_is_not_known_which_list_had_a_record_it_stays_while_any_has_a_gap() {
    let provenance = |folder: &Path| folder.join(".state/provenance/privatelink.we.backup.windowsazure.com.txt");
    for old_state in [None, Some(())] {
        let folder = tempfile::tempdir().unwrap();
        pass_with(list(&VAULTS, &[]), folder.path(), 1);
        let path = provenance(folder.path());
        let text = fs::read_to_string(&path).unwrap();
        fs::remove_file(&path).unwrap();
        if old_state.is_some() {
            let head = "privatelink-dns provenance 1: owner, type, line, source, file";
            let lines = text.lines().skip(1).map(|line| {
                let fields: Vec<&str> = line.split('\t').collect();
                [&fields[..4], &fields[5..]].concat().join("\t")
            });
            let old = std::iter::once(head.to_owned()).chain(lines).collect::<Vec<_>>().join("\n");
            crate::files::replace(
                path.parent().unwrap(),
                path.file_name().unwrap().to_str().unwrap(),
                ".tmp",
                0o600,
                old.as_bytes(),
            )
            .unwrap();
        }
        let passed = pass_with(list(&VAULTS[2..], &[Some("pe-1")]), folder.path(), 2);
        assert_eq!((passed.changed, passed.records), ((0, 0, 0), 32), "{old_state:?}");
        let complete = pass_with(list(&VAULTS[1..], &[]), folder.path(), 3);
        assert_eq!((complete.changed, complete.records, complete.is_held), ((0, 0, 8), 24, false), "{old_state:?}");
    }
}

#[test]
fn an_export_under_another_name_is_the_same_list() {
    let folder = tempfile::tempdir().unwrap();
    pass_with(vec![made::listing("monday.json", &entries(&VAULTS), &[])], folder.path(), 1);
    let tuesday = vec![made::listing("tuesday.json", &entries(&VAULTS[1..]), &[Some("pe-1")])];
    let passed = pass_with(tuesday, folder.path(), 2);
    assert_eq!((passed.changed, passed.records), ((0, 0, 0), 32));
}
