use super::*;
use crate::sync::live::model::{PrivateEndpoint, RecordSet};
use crate::sync::live::select::select;
use crate::sync::live::settings::Selection;
use serde_json::{Value, json};

const SCOPE: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg";
const A: &str = "a.blob.core.windows.net";
const B: &str = "b.queue.core.windows.net";

fn id(kind: &str, name: &str) -> String {
    format!("{SCOPE}/providers/Microsoft.Network/{kind}/{name}")
}

/// An approved endpoint of a vault, and its interface `NAME.nic`.
fn endpoint(name: &str) -> Value {
    json!({
        "name": name,
        "id": id("privateEndpoints", name),
        "properties": {
            "provisioningState": "Succeeded",
            "networkInterfaces": [{"id": id("networkInterfaces", &format!("{name}.nic"))}],
            "privateLinkServiceConnections": [{"properties": {
                "groupIds": ["AzureBackup"], "privateLinkServiceConnectionState": {"status": "Approved"},
            }}],
        }
    })
}

/// The interface of an endpoint, with an address and its names in each configuration.
fn nic(name: &str, configurations: &[(&str, &[&str])]) -> Value {
    let of = |(address, fqdns): &(&str, &[&str])| json!({"properties": {"privateIPAddress": address, "privateLinkConnectionProperties": {"fqdns": fqdns}}});
    json!({
        "id": id("networkInterfaces", &format!("{name}.nic")),
        "properties": {
            "ipConfigurations": configurations.iter().map(of).collect::<Vec<_>>(),
            "privateEndpoint": {"id": id("privateEndpoints", name)},
        }
    })
}

fn list(endpoints: &[Value], nics: &[Value]) -> ScopeList {
    let scope = SCOPE.parse().unwrap();
    let endpoints: Vec<PrivateEndpoint> =
        endpoints.iter().map(|value| serde_json::from_value(value.clone()).unwrap()).collect();
    let nics: Vec<NetworkInterface> = nics.iter().map(|value| serde_json::from_value(value.clone()).unwrap()).collect();
    let (selected, skipped) = select(&endpoints, &scope, &Selection::default());
    of_endpoints(&scope, &selected, &nics, skipped, &[])
}

/// Endpoint, name and addresses of each row.
fn rows(list: &ScopeList) -> Vec<String> {
    let text = |row: &Row| {
        let addresses: Vec<String> = row.addresses.iter().map(ToString::to_string).collect();
        format!("{} {} {}", row.endpoint, row.fqdn, addresses.join(" "))
    };
    list.rows.iter().map(text).collect()
}

fn gap(endpoint: &str) -> Apart {
    Apart { endpoint: endpoint.to_owned(), connection: None, provisioning: None, names: Vec::new() }
}

#[test]
fn a_name_has_every_address_that_the_interfaces_of_its_endpoint_give_it() {
    let found = list(
        &[endpoint("pe")],
        &[nic("pe", &[("10.0.0.5", &[A, B]), ("fd00::4", &[A]), ("10.0.0.4", &["A.blob.core.windows.net."])])],
    );
    assert_eq!(
        rows(&found),
        [
            "rg/pe A.blob.core.windows.net 10.0.0.4 10.0.0.5 fd00::4",
            "rg/pe a.blob.core.windows.net 10.0.0.4 10.0.0.5 fd00::4",
            "rg/pe b.queue.core.windows.net 10.0.0.5",
        ]
    );
    assert!(found.apart.is_empty() && found.warnings.is_empty(), "{found:?}");
}

#[test]
fn spellings_of_one_record_have_one_set_of_addresses() {
    let spellings = ["a.privatelink.blob.core.windows.net", A, "a.z12.blob.storage.azure.net"];
    let [one, two, three] = &spellings.map(|name| [name]);
    let found = list(&[endpoint("pe")], &[nic("pe", &[("10.0.0.4", one), ("10.0.0.5", two), ("10.0.0.4", three)])]);
    assert!(found.rows.len() == 3 && found.rows.iter().all(|row| row.addresses.len() == 2), "{found:?}");
}

#[test]
fn two_endpoints_of_one_vault_say_what_they_say() {
    let found = list(
        &[endpoint("pe-2"), endpoint("pe-1")],
        &[nic("pe-2", &[("10.2.0.4", &[A])]), nic("pe-1", &[("10.1.0.4", &[A])])],
    );
    assert_eq!(rows(&found), [format!("rg/pe-1 {A} 10.1.0.4"), format!("rg/pe-2 {A} 10.2.0.4")]);
}

#[test]
fn an_interface_counts_if_it_says_so_itself_or_names_no_endpoint() {
    let mut silent = nic("pe", &[("10.0.0.4", &[A])]);
    silent["properties"]["privateEndpoint"] = Value::Null;
    assert_eq!(rows(&list(&[endpoint("pe")], &[silent])).len(), 1);
    // One that the endpoint does not name, or names with a misspelled id.
    let own = nic("pe", &[("10.0.0.4", &[A])]);
    for references in [Value::Null, json!([{"id": "/subscriptions/1/resourceGroups/rg/provders/PE.nic"}])] {
        let mut odd = endpoint("pe");
        odd["properties"]["networkInterfaces"] = references;
        let found = list(&[odd], std::slice::from_ref(&own));
        assert!(rows(&found).len() == 1 && found.apart.is_empty(), "{found:?}");
    }
    let mut foreign = own.clone();
    foreign["properties"]["privateEndpoint"]["id"] = json!(id("privateEndpoints", "other"));
    let found = list(&[endpoint("pe")], &[foreign]);
    assert_eq!((rows(&found).len(), &found.apart), (0, &vec![gap("rg/pe")]));
    assert!(found.warnings[0].contains("'pe.nic', which says that it belongs to another endpoint"), "{found:?}");
    let machine = json!({"id": id("networkInterfaces", "vm.nic"), "properties": {"ipConfigurations": [
        {"properties": {"privateIPAddress": "10.0.0.9", "privateLinkConnectionProperties": {"fqdns": [B]}}}]}});
    assert_eq!(rows(&list(&[endpoint("pe")], &[own, machine])).len(), 1);
}

#[test]
fn what_an_endpoint_has_is_published_and_what_it_lacks_makes_it_incomplete() {
    let over: Vec<String> = (0..101).map(|n| format!("10.3.0.{n}")).collect();
    let many: Vec<(&str, &[&str])> = over.iter().map(|address| (address.as_str(), &[B][..])).collect();
    let good: (&str, &[&str]) = ("10.0.0.4", &[A]);
    for (configurations, said) in [
        (vec![good, ("10.0.0.5", &[])], "has an address without a name"),
        (vec![good, ("10.0.0.5", &[" "]), ("10.0.0.6", &[])], "has several addresses without a name"),
        (vec![good, ("172.20.2.16/28", &[B])], "has '172.20.2.16/28' where 'b.queue.core.windows.net' should have"),
        (vec![good, ("", &[B])], "has no address where 'b.queue.core.windows.net' should have"),
        (vec![good, ("0.0.0.0", &[B])], "has '0.0.0.0' where"),
        (vec![good, ("10.0.0.5", &["x y.blob.core.windows.net"])], "the name 'x y.blob.core.windows.net', which"),
        (vec![good, ("10.0.0.5", &["*.blob.core.windows.net"])], "which is a wildcard"),
        (vec![good, ("10.0.0.5", &["x.westeurope.backup.windowsazure.com"])], "did you mean 'we'"),
        (vec![good, ("10.0.0.5", &["a\u{7}b.example"])], "U+0007"),
        (vec![good, ("10.0.0.5", &["x.blob.core.window.net"])], "the name 'x.blob.core.window.net', which"),
        ([vec![good], many].concat(), "over 100 addresses for 'b.queue.core.windows.net'"),
    ] {
        let found = list(&[endpoint("pe"), endpoint("other")], &[nic("pe", &configurations), nic("other", &[good])]);
        let expected = [format!("rg/other {A} 10.0.0.4"), format!("rg/pe {A} 10.0.0.4")];
        assert_eq!((rows(&found), &found.apart), (expected.to_vec(), &vec![gap("rg/pe")]), "{said}");
        let [warning] = found.warnings.as_slice() else { panic!("{found:?}") };
        assert!(warning.starts_with("private endpoint 'rg/pe' ") && warning.contains(said), "{warning}");
    }
}

#[test]
fn an_approved_endpoint_without_any_name_is_incomplete() {
    let mut no_nics = endpoint("pe");
    no_nics["properties"]["networkInterfaces"] = json!([]);
    for (endpoint, nics) in [
        (no_nics, vec![]),
        (endpoint("pe"), vec![]),
        (endpoint("pe"), vec![nic("pe", &[])]),
        (endpoint("pe"), vec![json!({"id": id("networkInterfaces", "pe.nic"), "properties": null})]),
        (endpoint("pe"), vec![nic("pe", &[("10.0.0.4", &[])])]),
    ] {
        let found = list(&[endpoint], &nics);
        assert_eq!((found.rows.len(), &found.apart, found.warnings.len()), (0, &vec![gap("rg/pe")], 1));
        assert_eq!(found.skipped.get("no-names"), Some(&1));
    }
}

#[test]
fn while_azure_changes_an_endpoint_nothing_of_it_is_removed_and_nothing_is_a_warning() {
    let mut value = endpoint("pe");
    value["properties"]["provisioningState"] = json!("Updating");
    value["properties"]["customDnsConfigs"] = json!([{"fqdn": B, "ipAddresses": ["10.0.0.9"]}]);
    let found = list(&[value], &[nic("pe", &[("10.0.0.4", &[A]), ("10.0.0.5", &[])])]);
    let updating = Apart { provisioning: Some("Updating".to_owned()), ..gap("rg/pe") };
    assert_eq!((rows(&found).len(), &found.apart, found.is_settling), (1, &vec![updating], true));
    assert!(found.warnings.is_empty(), "{found:?}");
}

#[test]
fn endpoints_that_are_not_connected_publish_nothing_and_all_but_those_that_wait_are_worth_a_look() {
    let with = |name: &str, status: &str| {
        let mut value = endpoint(name);
        let connection = &mut value["properties"]["privateLinkServiceConnections"][0]["properties"];
        connection["privateLinkServiceConnectionState"]["status"] = json!(status);
        value
    };
    let nics = ["pe-1", "pe-2", "pe-3"].map(|name| nic(name, &[("10.0.0.4", &[A])]));
    let mut pending = with("pe-1", "Pending");
    pending["properties"]["customDnsConfigs"] = json!([{"fqdn": A}, {"fqdn": A}, {"fqdn": "no name"}]);
    let found = list(&[pending, with("pe-2", "Disconnected"), with("pe-3", "")], &nics);
    let down = |endpoint: &str, state: &str| Apart { connection: Some(state.to_owned()), ..gap(endpoint) };
    let named = Apart { names: vec![A.to_owned()], ..down("rg/pe-1", "Pending") };
    let apart = [named, down("rg/pe-2", "Disconnected"), gap("rg/pe-3")];
    assert_eq!((found.rows.len(), found.apart.as_slice()), (0, &apart[..]));
    assert_eq!(found.warnings.len(), 2, "{found:?}");
}

#[test]
fn a_failed_endpoint_is_published_with_its_state() {
    let mut value = endpoint("pe");
    value["properties"]["provisioningState"] = json!("Failed");
    let found = list(&[value], &[nic("pe", &[("10.0.0.4", &[A])])]);
    assert_eq!(found.rows[0].provisioning.as_deref(), Some("Failed"));
}

#[test]
fn a_difference_to_what_the_endpoint_names_is_said_with_the_names_that_differ() {
    let compared = |configs: Value, configurations: &[(&str, &[&str])]| {
        let mut value = endpoint("pe");
        value["properties"]["customDnsConfigs"] = configs;
        let found = list(&[value], &[nic("pe", configurations)]);
        assert!(found.apart.is_empty(), "{found:?}");
        found.warnings
    };
    let own = json!([{"fqdn": "A.privatelink.blob.core.windows.net", "ipAddresses": ["10.0.0.4", null]}, null, {"fqdn": null}]);
    assert!(compared(own, &[("10.0.0.4", &[A])]).is_empty(), "another spelling is no difference");
    assert!(compared(json!([]), &[("10.0.0.4", &[A])]).is_empty(), "a zone group keeps them");
    let other = json!([{"fqdn": A, "ipAddresses": ["10.0.0.9"]}, {"fqdn": "x y", "ipAddresses": []}]);
    assert_eq!(
        compared(other, &[("10.0.0.4", &[A]), ("10.0.0.5", &[B])]),
        ["private endpoint 'rg/pe' names other records on its network interface than in customDnsConfigs: \
             'a.privatelink.blob.core.windows.net' is 10.0.0.4 here and 10.0.0.9 there; \
             'b.privatelink.queue.core.windows.net' is 10.0.0.5 here and missing there; \
             'x y' is missing here and without an address there; the interface counts"]
    );
    let names: Vec<String> = (0..50).map(|n| format!("x{n}.blob.core.windows.net")).collect();
    let configs: Vec<Value> = names.iter().map(|name| json!({"fqdn": name, "ipAddresses": ["10.0.0.5"]})).collect();
    let warnings = compared(json!(configs), &[("10.0.0.4", &[A])]);
    assert!(warnings[0].len() < 600 && warnings[0].contains("; 48 more; the interface counts"), "{warnings:?}");
}

#[test]
fn findings_are_a_bounded_number_and_no_text_of_azures_is_longer_than_a_name() {
    let long = "x".repeat(100_000);
    let endpoints: Vec<Value> = (0..200).map(|n| endpoint(&format!("{n}\n{long}"))).collect();
    let found = list(&endpoints, &[]);
    assert_eq!((found.warnings.len(), found.warnings.last().unwrap().as_str()), (51, "150 more findings of this kind"));
    assert!(found.warnings.iter().all(|text| text.len() < 600 && !text.contains('\n')));
}

#[test]
fn the_record_sets_of_a_zone_are_its_names_with_their_addresses() {
    let sets: Vec<RecordSet> = [
        json!({"name": "acct", "properties": {"fqdn": "acct.zone.example.", "aRecords": [{"ipv4Address": "10.0.0.4"}]}}),
        json!({"name": "acct", "properties": {"aaaaRecords": [null, {"ipv6Address": "fd00::4"}]}}),
        json!({"name": "@", "properties": {"fqdn": "zone.example.", "aRecords": [{"ipv4Address": "10.0.0.9"}]}}),
        json!({"name": "*", "properties": {"fqdn": "*.zone.example.", "aRecords": [{"ipv4Address": "10.0.0.9"}]}}),
        json!({"name": "txt", "properties": {"fqdn": "txt.zone.example.", "txtRecords": [{"value": ["x"]}]}}),
        json!({"name": "null", "properties": null}),
        json!({}),
    ]
    .map(|value| serde_json::from_value(value).unwrap())
    .into();
    let found = of_zone("Zone.example.", &sets);
    // The name that says itself in full, and the one that is put together, are one.
    assert!(found.rows.iter().all(|row| row.endpoint.is_empty() && row.addresses.len() == 2), "{found:?}");
    assert!(found.warnings.is_empty() && found.apart.is_empty());
    let odd: Vec<RecordSet> = [
        json!({"name": "a", "properties": {"aRecords": [{"ipv4Address": "10.0.0.4"}, {"ipv4Address": "10.0.0.0/24"}]}}),
        json!({"name": "b", "properties": {"fqdn": "b.other.example.", "aRecords": [{"ipv4Address": "10.0.0.4"}]}}),
        json!({"name": "c d", "properties": {"aRecords": [{"ipv4Address": "10.0.0.4"}]}}),
    ]
    .map(|value| serde_json::from_value(value).unwrap())
    .into();
    let found = of_zone("zone.example", &odd);
    assert_eq!(rows(&found), [" a.zone.example 10.0.0.4"]);
    assert_eq!((found.apart.as_slice(), found.warnings.len()), (&[gap("zone.example")][..], 3));
}
