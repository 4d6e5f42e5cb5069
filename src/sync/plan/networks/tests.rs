//! The lines that are offered, read by the config's own reader, and what becomes of the conflict with them.

use super::*;
use crate::azure::Cloud;
use crate::sync::desired::{Settings, merge};
use crate::sync::plan::{Plan, plan};
use crate::sync::source::{Format, LiveList, made};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// An entry as [`made::listing`] takes it.
type MadeEntry<'t> = (&'t str, String, &'t str);

/// A plan of lists `(source, endpoint, address)`, which all name the same account; those of one source are one list.
fn disagreeing(claims: &[(&str, &str, &str)]) -> Plan {
    let mut lists: Vec<(String, Vec<MadeEntry<'_>>)> = Vec::new();
    for (source, endpoint, address) in claims {
        let entry = (*endpoint, "acct.blob.core.windows.net".to_owned(), *address);
        match lists.iter_mut().find(|(name, _)| name == source) {
            Some((_, entries)) => entries.push(entry),
            None => lists.push(((*source).to_owned(), vec![entry])),
        }
    }
    let listing = |(source, entries): (String, Vec<_>)| {
        let mut listing = made::listing(&format!("/srv/lists/{source}.json"), &entries, &[]);
        listing.source = source.into();
        listing
    };
    let listings = lists.into_iter().map(listing).collect();
    plan(merge(listings, &Settings::of_cloud(Cloud::Public, &[])).unwrap(), BTreeMap::new(), 10)
}

fn files(name: &str) -> source::Settings {
    let path = PathBuf::from(format!("/srv/lists/{name}.json"));
    source::Settings { name: name.to_owned(), path, kind: Kind::Files(Format::Auto), view: None }
}

fn live(name: &str) -> source::Settings {
    let kind = Kind::Live { lists: Vec::<LiveList>::new(), report: PathBuf::new() };
    source::Settings { kind, ..files(name) }
}

fn offered(plan: &Plan, sources: &[source::Settings]) -> Option<String> {
    views_to_paste(&plan.view(), sources, &[])
}

#[test]
fn a_source_of_another_network_is_offered_a_view_and_the_first_goes_on_feeding_the_base() {
    let plan = disagreeing(&[("vault-a", "", "10.1.0.4"), ("vault-b", "", "10.2.0.4")]);
    assert_eq!(
        offered(&plan, &[files("vault-a"), files("vault-b")]).unwrap(),
        "[[views]]\nname = \"vault-b\"\nclients = [\"10.2.0.0/24\"]  # a guess: correct it\nsources = [\"vault-b\"]\n\n"
    );
    let said = plan.conflicts().to_string();
    assert!(said.ends_with("make views: 'privatelink-dns plan' prints the lines") && !said.contains('\n'), "{said}");
}

#[test]
fn an_endpoint_of_a_file_is_offered_a_list_of_its_own_where_no_pattern_finds_it() {
    let plan = disagreeing(&[("we", "/x/privateEndpoints/pe-a", "10.1.0.4"), ("we", "rg/pe-b", "10.2.0.4")]);
    let text = offered(&plan, &[files("we")]).unwrap();
    assert!(
        text.contains("name = \"pe-b\"\npath = \"/srv/lists/views/pe-b.json\"  # move the entries of 'pe-b'"),
        "{text}"
    );
    assert!(text.contains("sources = [\"pe-b\"]") && !text.contains("pe-a"), "{text}");
}

#[test]
fn an_endpoint_of_a_live_source_is_offered_the_key_that_sorts_by_subnet() {
    let plan = disagreeing(&[("we", "rg/pe-a", "10.1.0.4"), ("we", "rg/pe-b", "10.2.0.4")]);
    let text = offered(&plan, &[live("we")]).unwrap();
    assert!(
        text.starts_with("# [[sources]] \"we\" gets this key: views = { \"pe-b\" = [\"<id of the subnet"),
        "{text}"
    );
    assert!(!text.contains("sources = ") && !text.contains("path = "), "{text}");
}

#[test]
fn lists_of_one_network_share_a_view() {
    let mut groups = Vec::new();
    for (source, network) in [("a", "10.2.0.0/24"), ("b", "10.3.0.0/24"), ("c", "10.2.0.0/24"), ("b", "10.2.0.0/24")] {
        let networks = BTreeSet::from([network.parse().unwrap()]);
        add(&mut groups, Side { source: source.to_owned(), endpoint: None, networks });
    }
    let names: Vec<&str> = groups[0].sides.iter().map(Side::name).collect();
    assert_eq!((groups.len(), names, groups[0].networks.len()), (1, vec!["b", "a", "c"], 2));
}

#[test]
fn a_conflict_inside_a_view_is_no_matter_of_views() {
    let mut plan = disagreeing(&[("a", "", "10.1.0.4"), ("b", "", "10.2.0.4")]);
    assert!(offered(&plan, &[]).is_some());
    plan.zones.iter_mut().for_each(|zone| zone.id = ZoneId::of_view(&"v".parse().unwrap(), zone.id.apex.clone()));
    assert_eq!(offered(&plan, &[]), None);
    assert!(plan.conflicts().to_string().ends_with("; take one of them out"));
}

#[test]
fn nothing_is_offered_where_both_addresses_are_of_one_network_or_one_side_has_both() {
    for claims in
        [[("a", "", "10.1.0.4"), ("b", "", "10.1.0.5")], [("a", "pe-1", "10.1.0.4"), ("a", "pe-2", "10.1.0.5")]]
    {
        let plan = disagreeing(&claims);
        assert_eq!(plan.conflicts().total(), 1, "{claims:?}");
        assert_eq!(offered(&plan, &[]), None, "{claims:?}");
        assert!(plan.conflicts().to_string().ends_with("; take one of them out"), "{claims:?}");
    }
}

#[test]
fn names_are_made_of_what_a_view_may_be_called_and_are_given_once() {
    let mut taken = BTreeSet::from(["spoke-b".to_owned()]);
    let names = ["Spoke-B", "spoke b", "((", "a\"b\\c", &"x".repeat(90)].map(|text| free_name(text, &mut taken));
    assert_eq!(names[..4], ["Spoke-B-2", "spoke-b-3", "network", "a-b-c"]);
    assert!(names.iter().all(|name| name.parse::<ViewName>().is_ok()), "{names:?}");
}
