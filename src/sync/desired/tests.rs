use super::*;
use crate::sync::source::{Format, parse};
use std::path::Path;

const WE: &str = "privatelink.we.backup.windowsazure.com";
const BLOB: &str = "privatelink.blob.core.windows.net";

fn settings() -> Settings {
    Settings::of_cloud(Cloud::Public, &[])
}

#[test]
fn without_a_cloud_only_the_zones_that_are_hosted_take_records() {
    let hosted = ["privatelink.blob.core.windows.net".parse().unwrap()].into_iter().collect();
    let lists = vec![listing("a", "acct.blob.core.windows.net 10.0.0.1\nacct.queue.core.windows.net 10.0.0.2\n")];
    let state = merge(lists, &Settings { cloud: None, hosted, views: Vec::new() }).unwrap();
    assert_eq!(state.zones.len(), 1);
    assert_eq!(state.warnings.total(), 1, "{}", state.warnings);
}

fn listing(source: &str, text: &str) -> Listing {
    let file = format!("{source}.txt");
    parse(source, Path::new(&file), Format::Auto, format!("{text}\n").into_bytes()).unwrap()
}

fn merged(texts: &[(&str, &str)]) -> Result<DesiredState, SourceError> {
    merge(texts.iter().map(|(source, text)| listing(source, text)).collect(), &settings())
}

fn zone<'a>(state: &'a DesiredState, apex: &str) -> &'a DesiredZone {
    &state.zones[&apex.parse::<ZoneId>().unwrap()]
}

fn records(state: &DesiredState, apex: &str) -> Vec<String> {
    let show = |r: AddressRecordView<'_>| format!("{} {} {}", r.owner, r.address, state.places.show(r.origin.unwrap()));
    zone(state, apex).records.iter().map(show).collect()
}

type AddressRecordView<'a> = crate::sync::records::AddressRecord<'a>;

#[test]
fn entries_go_to_their_zones_with_their_origin() {
    let state = merged(&[("a", "x.we.backup.windowsazure.com 10.0.0.4\n\nabc.blob.core.windows.net 10.0.0.5 fd00::5")]);
    let state = state.unwrap();
    assert_eq!(records(&state, WE), ["x 10.0.0.4 a (a.txt:1)"]);
    assert_eq!(records(&state, BLOB), ["abc 10.0.0.5 a (a.txt:3)", "abc fd00::5 a (a.txt:3)"]);
    assert_eq!(state.zones.len(), 3, "the queue zone is hosted too");
}

#[test]
fn in_one_file_the_later_line_wins_with_a_warning() {
    let text = "abc.blob.core.windows.net 10.0.0.4\nabc.privatelink.blob.core.windows.net 10.0.0.5\n";
    let state = merged(&[("a", text)]).unwrap();
    assert_eq!(records(&state, BLOB), ["abc 10.0.0.5 a (a.txt:2)"]);
    assert_eq!(
        state.warnings.lines(),
        [
            "a.txt:1: 'abc.privatelink.blob.core.windows.net' is 10.0.0.4 here but 10.0.0.5 in line 2; the later line counts"
        ]
    );
}

#[test]
fn the_same_line_twice_is_no_news() {
    let state = merged(&[("a", &"abc.blob.core.windows.net 10.0.0.4\n".repeat(2))]).unwrap();
    assert_eq!(records(&state, BLOB).len(), 1);
    assert!(state.warnings.is_empty());
}

#[test]
fn addresses_of_one_statement_belong_together() {
    let text = "abc.blob.core.windows.net {10.0.0.4, 10.0.0.5}\nabc.blob.core.windows.net fd00::4";
    let state = merged(&[("a", text)]).unwrap();
    assert_eq!(records(&state, BLOB).len(), 3);
    assert!(state.warnings.is_empty(), "A and AAAA are two RRsets");
}

#[test]
fn two_sources_that_agree_are_no_conflict() {
    let state =
        merged(&[("a", "abc.blob.core.windows.net 10.0.0.4"), ("b", "abc.z33.blob.storage.azure.net 10.0.0.4")])
            .unwrap();
    assert_eq!(records(&state, BLOB), ["abc 10.0.0.4 a (a.txt:1)"]);
    assert!(zone(&state, BLOB).conflicts.is_empty());
}

#[test]
fn two_sources_that_disagree_are_a_conflict_and_all_else_goes_in() {
    let state = merged(&[
        ("a", "abc.blob.core.windows.net 10.0.0.4\ndef.blob.core.windows.net 10.0.0.6"),
        ("b", "abc.blob.core.windows.net 10.0.0.5"),
    ])
    .unwrap();
    assert_eq!(records(&state, BLOB), ["def 10.0.0.6 a (a.txt:2)"]);
    let conflict = &zone(&state, BLOB).conflicts[0];
    let places: Vec<String> = conflict.claims.iter().map(|claim| state.places.show(claim.origin)).collect();
    assert_eq!((conflict.owner.as_str(), conflict.rtype), ("abc", Rtype::A));
    assert_eq!(places, ["a (a.txt:1)", "b (b.txt:1)"]);
}

#[test]
fn order_has_no_meaning_inside_one_json_document() {
    let text = r#"[{"fqdn": "abc.blob.core.windows.net", "ip": "10.0.0.4"},
                   {"fqdn": "abc.blob.core.windows.net", "ip": "10.0.0.5"}]"#;
    let state = merged(&[("a", text)]).unwrap();
    assert_eq!(zone(&state, BLOB).conflicts.len(), 1);
}

#[test]
fn names_that_cannot_be_records_are_all_reported() {
    let error = merged(&[(
        "a",
        "<vaultId>-ab-pod01-fc1 privatelink.eus.backup.windowsazure.com 10.0.0.4\n\
         x.privatelink.westeurope.backup.windowsazure.com 10.0.0.4\n\
         x.ugv.backup.windowsazure.us 10.0.0.4\n\
         privatelink.blob.core.windows.net 10.0.0.4\n",
    )])
    .unwrap_err();
    let SourceError(notes) = error;
    assert_eq!(
        notes.lines(),
        [
            "a.txt:1:1: '<vaultId>-ab-pod01-fc1.privatelink.eus.backup.windowsazure.com' holds a placeholder: put the real \
             value there",
            "a.txt:2:1: 'x.privatelink.westeurope.backup.windowsazure.com' has a region's name where the geo code belongs: \
             did you mean 'we' instead of 'westeurope'?",
            "a.txt:3:1: 'x.ugv.backup.windowsazure.us' is a name of the usgov cloud, but the config says cloud = \"public\"",
            "a.txt:4:1: 'privatelink.blob.core.windows.net' is the name of a zone, not of a record in it: put the label of \
             the record before it",
        ]
    );
}

#[test]
fn other_services_are_reported_and_unknown_geo_codes_wait_for_consent() {
    let state = merged(&[(
        "a",
        "sql.database.windows.net 10.0.0.4\nx.xyz.backup.windowsazure.com 10.0.0.5\ny.xyz.backup.windowsazure.com 10.0.0.6",
    )])
    .unwrap();
    assert_eq!(
        state.warnings.lines(),
        [
            "a.txt:2:1: geo code 'xyz' is not known; zone 'privatelink.xyz.backup.windowsazure.com' is not hosted, and its \
             records wait: correct the list, or consent with geos = [\"xyz\"] in [backup]",
            "a.txt:1:1: 'sql.database.windows.net' is of another service; left aside",
        ]
    );
    assert!(!state.zones.contains_key(&"privatelink.xyz.backup.windowsazure.com".parse().unwrap()));
}

#[test]
fn a_source_without_endpoints_is_known() {
    let state =
        merged(&[("a", ""), ("b", "abc.blob.core.windows.net 10.0.0.4"), ("c", "www.example.com 10.0.0.9")]).unwrap();
    let empty = |source: &str| EmptyList { source: source.into(), file: format!("{source}.txt").into(), view: None };
    assert_eq!(state.empty_lists, [empty("a"), empty("c")], "names of others are none of ours");
}

#[test]
fn a_geo_code_that_the_config_names_is_hosted_whether_it_is_known_or_not() {
    let lists = vec![listing("a", "x.xyz.backup.windowsazure.com 10.0.0.5")];
    let state = merge(lists, &Settings::of_cloud(Cloud::Public, &["xyz"])).unwrap();
    assert_eq!(records(&state, "privatelink.xyz.backup.windowsazure.com"), ["x 10.0.0.5 a (a.txt:1)"]);
}

#[test]
fn however_many_geo_codes_a_list_makes_up_no_zone_comes_of_them() {
    let line = |n| format!("x.made{n}up.backup.windowsazure.com 10.0.0.5\n");
    let text = (0..500).map(line).collect::<Vec<_>>().concat();
    let state = merged(&[("a", &text)]).unwrap();
    assert_eq!((state.zones.len(), state.warnings.total()), (2, 500));
}

#[test]
fn an_address_outside_allowed_targets_makes_the_list_unfit_and_is_named_with_its_line() {
    let limits = Limits { names: settings(), allowed_targets: vec!["10.0.0.0/8".parse().unwrap()] };
    let text =
        "a.blob.core.windows.net 10.0.0.4\nb.blob.core.windows.net 20.60.0.1\nsql.database.windows.net 20.0.0.1\n";
    assert_eq!(
        check(&listing("a", text), &limits).lines(),
        [
            "a.txt:2:1: 'b.blob.core.windows.net' has the address 20.60.0.1, which is outside allowed_targets; correct it, \
             or add its network to allowed_targets"
        ]
    );
}
