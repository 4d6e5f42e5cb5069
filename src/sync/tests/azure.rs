//! Lists that a live source wrote, on their way to the zone files.

use super::*;
use crate::sync::live::records::{Apart, Row, ScopeList};
use crate::sync::live::render::render;

const SCOPE: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg";

/// The list of a vault's endpoint with these names, and with entries that publish nothing.
fn written(names: &[&str], apart: &[Apart]) -> Listing {
    let row = |name: &&str| Row {
        endpoint: "rg/pe-vault".to_owned(),
        fqdn: format!("{name}.we.backup.windowsazure.com"),
        addresses: vec!["10.0.0.4".parse().unwrap()],
        provisioning: None,
    };
    let list = ScopeList { rows: names.iter().map(row).collect(), apart: apart.to_vec(), ..ScopeList::default() };
    let text = render("azure", &SCOPE.parse().unwrap(), &list, None);
    parse("azure", Path::new("rg.toml"), Format::Toml, text.into_bytes()).unwrap()
}

fn incomplete(provisioning: Option<&str>) -> Apart {
    let provisioning = provisioning.map(str::to_owned);
    Apart { endpoint: "rg/pe-vault".to_owned(), connection: None, provisioning, names: Vec::new() }
}

/// One pass with the guard at its default: the records of each zone after it, and what the guard holds and warns of.
fn pass_with(listing: Listing, settings: &Settings, now: u64) -> (BTreeMap<String, usize>, bool, Vec<String>) {
    let desired = desired::merge(vec![listing], &settings.desired()).unwrap();
    let mut currents = current(&settings.zone_dir);
    for (apex, current) in &mut currents {
        current.provenance = settings.state.provenance(apex);
    }
    let plan = plan::plan(desired, currents, 10);
    let warnings = plan.warnings.lines();
    let guard = guard::Settings { max_removed: Percent::default() };
    let review = review(plan, &BTreeMap::new(), &guard, None);
    let applied = apply(&review.approved, &settings.zone_dir, &settings.state, clock(now));
    assert!(applied.errors.is_empty());
    let plan = review.approved.plan();
    for zone in &plan.zones {
        settings.state.remember_provenance(&zone.id, zone.after(), &plan.places).unwrap();
    }
    let zones = current(&settings.zone_dir).iter().map(|(apex, zone)| (apex.to_string(), zone.records.len())).collect();
    (zones, review.held.is_some(), warnings)
}

fn zones(all: &[(&str, usize)]) -> BTreeMap<String, usize> {
    all.iter().map(|(apex, records)| ((*apex).to_owned(), *records)).collect()
}

const BACKUP: &str = "privatelink.we.backup.windowsazure.com";
const QUEUE: &str = "privatelink.queue.core.windows.net";

#[test]
fn a_complete_first_read_that_names_no_endpoint_makes_empty_good_zones() {
    let pending = Apart { connection: Some("Pending".to_owned()), ..incomplete(None) };
    for apart in [&[][..], &[pending]] {
        for (geos, expected) in
            [(&["we"][..], zones(&[(BACKUP, 0), (BLOB, 0), (QUEUE, 0)])), (&[], zones(&[(BLOB, 0), (QUEUE, 0)]))]
        {
            let folder = tempfile::tempdir().unwrap();
            let hosted = desired::Settings::of_cloud(Cloud::Public, geos).hosted;
            let settings = Settings { hosted, ..settings(folder.path()) };
            let (found, is_held, said) = pass_with(written(&[], apart), &settings, 1);
            assert_eq!((found, is_held, said.len()), (expected, false, apart.len()), "{said:?}");
            // The first endpoint fills them, and a zone that nobody pinned is made.
            let (found, is_held, _) = pass_with(written(&["a"], &[]), &settings, 2);
            assert_eq!((found, is_held), (zones(&[(BACKUP, 1), (BLOB, 0), (QUEUE, 0)]), false));
        }
    }
}

#[test]
fn a_list_that_becomes_empty_takes_nothing_out_of_service_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    pass_with(written(&["a", "b"], &[]), &settings, 1);
    let (found, is_held, _) = pass_with(written(&[], &[]), &settings, 2);
    assert_eq!((found[BACKUP], is_held), (2, true));
}

#[test]
fn what_an_endpoint_lacks_while_it_is_incomplete_stays_and_is_removed_once_it_is_complete() {
    for (state, warnings) in [(None, 1), (Some("Updating"), 0)] {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path());
        pass_with(written(&["a", "b", "c", "d"], &[]), &settings, 1);
        // One name is away, and a new one is there.
        let (found, is_held, said) = pass_with(written(&["a", "b", "c", "e"], &[incomplete(state)]), &settings, 2);
        assert_eq!((found[BACKUP], is_held), (5, false));
        let stays = said.iter().filter(|text| text.contains("1 record stays in service"));
        assert_eq!(stays.count(), 1, "{said:?}");
        assert_eq!(said.iter().filter(|text| text.contains("is not complete here")).count(), warnings, "{said:?}");
        let (found, is_held, said) = pass_with(written(&["a", "b", "c", "e"], &[]), &settings, 3);
        assert_eq!((found[BACKUP], is_held, said.len()), (4, false, 0));
    }
}
