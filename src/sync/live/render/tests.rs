use super::*;
use crate::diag::Id;
use crate::sync::live::model::{NetworkInterface, PrivateEndpoint, RecordSet};
use crate::sync::live::records::{of_endpoints, of_zone};
use crate::sync::live::select::select;
use crate::sync::live::settings::Selection;
use crate::sync::source::{Format, Gap, Listing, parse};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const GROUP: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-backup";

#[derive(serde::Deserialize)]
struct Page<T> {
    value: Vec<T>,
}

fn page<T: serde::de::DeserializeOwned>(name: &str) -> Vec<T> {
    let text = fs::read(Path::new("tests/data/azure").join(name)).unwrap();
    serde_json::from_slice::<Page<T>>(&text).unwrap().value
}

fn golden(name: &str, text: &str) {
    let path = Path::new("tests/data/azure").join(name);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(&path).unwrap(), "{}", path.display());
}

fn read(text: &str) -> Listing {
    parse("s", Path::new("l.toml"), Format::Auto, text.as_bytes().to_vec())
        .unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn a_whole_answer_of_azure_is_this_list() {
    let scope: Scope = GROUP.parse().unwrap();
    let (mut endpoints, mut interfaces) =
        (page::<PrivateEndpoint>("endpoints.json"), page::<NetworkInterface>("interfaces.json"));
    let mut texts = Vec::new();
    for _ in 0..2 {
        let (selected, skipped) = select(&endpoints, &scope, &Selection::default());
        let list = of_endpoints(&scope, &selected, &interfaces, skipped, &[]);
        texts.push((render("vault-we", &scope, &list, None), list));
        // Azure promises no order.
        endpoints.reverse();
        interfaces.reverse();
    }
    assert_eq!(texts[0], texts[1]);
    let (text, list) = &texts[0];
    golden("endpoints.toml", text);
    golden("endpoints.warnings", &(list.warnings.join("\n") + "\n"));
    let count = |reason: &str| list.skipped.get(reason).copied().unwrap_or_default();
    assert_eq!((list.selected, list.is_settling), (8, true));
    assert_eq!((count("other-service"), count("pending"), count("disconnected"), count("no-names")), (1, 1, 1, 1));
    same(list, &read(text));
}

#[test]
fn a_zone_of_azure_is_this_list() {
    let scope: Scope = format!("{GROUP}/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net")
        .parse()
        .unwrap();
    let list = of_zone("privatelink.blob.core.windows.net", &page::<RecordSet>("record-sets.json"));
    let text = render("zones", &scope, &list, None);
    golden("record-sets.toml", &text);
    assert!(list.warnings.is_empty(), "{:?}", list.warnings);
    assert_eq!(list.selected, 3);
    same(&list, &read(&text));
}

#[test]
fn an_empty_scope_is_a_good_list() {
    let text = render("s", &GROUP.parse().unwrap(), &ScopeList::default(), None);
    let listing = read(&text);
    assert!(listing.is_empty() && listing.warnings.is_empty() && listing.gaps.is_empty(), "{text}");
}

/// The reader has exactly what was written: rows, notes for what is not connected, gaps for what is incomplete.
fn same(list: &ScopeList, listing: &Listing) {
    let mut rows: Vec<(String, String, IpAddr)> = list
        .rows
        .iter()
        .flat_map(|row| row.addresses.iter().map(|address| (row.endpoint.clone(), row.fqdn.clone(), *address)))
        .collect();
    let mut entries: Vec<(String, String, IpAddr)> = listing
        .entries()
        .map(|entry| (entry.endpoint.unwrap_or_default().to_owned(), entry.fqdn.to_owned(), entry.address))
        .collect();
    rows.sort();
    entries.sort();
    assert_eq!(rows, entries);
    let expected: Vec<Gap> = list
        .apart
        .iter()
        .filter(|apart| apart.connection.is_none())
        .map(|apart| Gap::Endpoint(apart.endpoint.as_str().into()))
        .collect();
    assert_eq!(listing.gaps, expected);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for found in listing.warnings.shown() {
        *counts.entry(found.id.as_str()).or_default() += 1;
    }
    let not_connected = list.apart.len() - expected.len();
    let failed = list.rows.iter().filter(|row| row.provisioning.is_some()).count();
    let count = |id: Id| counts.get(id.as_str()).copied().unwrap_or_default();
    assert_eq!(count(Id::LIST_NOT_CONNECTED), not_connected);
    assert_eq!(count(Id::LIST_INCOMPLETE), expected.len());
    assert_eq!(count(Id::LIST_PROVISIONING), failed);
    assert_eq!(listing.warnings.shown().len(), not_connected + expected.len() + failed, "{:?}", listing.warnings);
}

/// Any text that is not blank: Azure's names are plain, but nobody vouches for what answers in its place.
fn text() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        "\"",
        "\\",
        "\n",
        "\t",
        "\u{7f}",
        "\u{2028}",
        "\u{1f600}",
        "'''",
        "\"\"\"",
        "#",
        "rg/pe",
    ]);
    let any = prop_oneof![odd.prop_map(str::to_owned), "\\PC{0,4}", any::<char>().prop_map(String::from)];
    prop::collection::vec(any, 1..5)
        .prop_map(|parts| parts.concat())
        .prop_filter("blank", |text| !text.trim().is_empty())
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![any::<[u8; 4]>().prop_map(IpAddr::from), any::<[u8; 16]>().prop_map(IpAddr::from)]
}

fn row() -> impl Strategy<Value = Row> {
    let failed = prop::option::of(prop::sample::select(vec!["Failed", "Canceled"]));
    let name = prop_oneof!["[a-z0-9]{1,8}\\.blob\\.core\\.windows\\.net", text()];
    (prop::option::of(text()), name, prop::collection::btree_set(address(), 1..4), failed).prop_map(
        |(endpoint, fqdn, addresses, failed)| Row {
            endpoint: endpoint.unwrap_or_default(),
            fqdn,
            addresses: addresses.into_iter().collect(),
            provisioning: failed.map(str::to_owned),
        },
    )
}

#[test]
fn an_endpoint_that_is_not_connected_is_found_by_each_of_its_names() {
    let names = ["a.blob.core.windows.net", "b.blob.core.windows.net"].map(str::to_owned).to_vec();
    let apart =
        Apart { endpoint: "rg/pe".to_owned(), connection: Some("Pending".to_owned()), provisioning: None, names };
    let text = render("s", &GROUP.parse().unwrap(), &ScopeList { apart: vec![apart], ..ScopeList::default() }, None);
    let read = read(&text);
    assert_eq!((read.len(), read.gaps.len()), (0, 0), "{text}");
    let left: Vec<&str> = read.left.iter().map(|left| &*left.name).collect();
    assert_eq!(left, ["a.blob.core.windows.net", "b.blob.core.windows.net"]);
    assert!(read.left.iter().all(|left| &*left.state == "Pending" && left.endpoint.as_deref() == Some("rg/pe")));
}

fn apart() -> impl Strategy<Value = Apart> {
    let state = text().prop_filter("approved", |state| !state.trim().eq_ignore_ascii_case("approved"));
    let settling = prop::option::of(prop::sample::select(vec!["Updating", "Accepted"]));
    let down = (text(), state).prop_map(|(endpoint, state)| Apart {
        endpoint,
        connection: Some(state),
        provisioning: None,
        names: Vec::new(),
    });
    let gap = (text(), settling).prop_map(|(endpoint, state)| Apart {
        endpoint,
        connection: None,
        provisioning: state.map(str::to_owned),
        names: Vec::new(),
    });
    prop_oneof![down, gap]
}

proptest! {
    #[test]
    fn the_reader_has_exactly_what_was_written(
        rows in prop::collection::vec(row(), 0..8),
        apart in prop::collection::vec(apart(), 0..4),
        source in text(),
    ) {
        let list = ScopeList { rows, apart, ..ScopeList::default() };
        let text = render(&source, &GROUP.parse().unwrap(), &list, None);
        prop_assert!(text.lines().all(|line| line.chars().all(|c| !c.is_control())));
        same(&list, &read(&text));
    }
}
