use super::*;
use crate::sync::live::settings::Service;
use serde_json::{Value, json};

const SUBSCRIPTION: &str = "11111111-2222-3333-4444-555555555555";
const MICROSOFT: &str = "00000000-0000-0000-0000-00000000000f";

fn id(group: &str, kind: &str, name: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/{kind}/{name}")
}

fn scope() -> Scope {
    format!("/subscriptions/{SUBSCRIPTION}").parse().unwrap()
}

/// An endpoint in `rg` of one connection.
fn endpoint(name: &str, array: &str, target: &str, part: &str, status: &str) -> Value {
    json!({
        "name": name,
        "id": id("rg", "Microsoft.Network/privateEndpoints", name),
        "properties": {
            "provisioningState": "Succeeded",
            "subnet": {"id": id("rg", "Microsoft.Network/virtualNetworks/vnet/subnets", "snet-pe")},
            "networkInterfaces": [{"id": id("rg", "Microsoft.Network/networkInterfaces", &format!("{name}.nic"))}],
            array: [connection(target, part, status)],
        }
    })
}

fn connection(target: &str, part: &str, status: &str) -> Value {
    json!({"properties": {
        "privateLinkServiceId": target, "groupIds": [part],
        "privateLinkServiceConnectionState": {"status": status},
    }})
}

const AUTO: &str = "privateLinkServiceConnections";
const MANUAL: &str = "manualPrivateLinkServiceConnections";

fn vault(name: &str) -> String {
    id("rg", "Microsoft.RecoveryServices/vaults", name)
}

fn of_vault(name: &str, vault_name: &str) -> Value {
    endpoint(name, AUTO, &vault(vault_name), "AzureBackup", "Approved")
}

/// An account of Azure Backup.
fn account(name: &str) -> String {
    format!("/subscriptions/{MICROSOFT}/resourceGroups/ms/providers/Microsoft.Storage/storageAccounts/{name}")
}

fn sibling(name: &str, account_name: &str) -> Value {
    endpoint(name, MANUAL, &account(account_name), "blob", "Approved")
}

fn read(values: &[Value]) -> Vec<PrivateEndpoint> {
    values.iter().map(|value| serde_json::from_value(value.clone()).unwrap()).collect()
}

/// The names that are selected, and the reasons of the others.
fn selected(values: &[Value], selection: &Selection) -> (Vec<String>, Vec<String>) {
    let endpoints = read(values);
    let (found, skipped) = select(&endpoints, &scope(), selection);
    let reasons = skipped.into_iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    (found.iter().map(|one| one.endpoint.name.clone()).collect(), reasons)
}

fn of(services: &[Service]) -> Selection {
    Selection { services: services.to_vec(), ..Selection::default() }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn the_endpoints_of_a_vault_are_known_by_their_part_or_their_target() {
    let site_recovery = endpoint("asr", AUTO, &vault("v"), "AzureSiteRecovery", "Approved");
    let secondary = endpoint("second", AUTO, &vault("v"), "AzureBackup_secondary", "Approved");
    let values = [
        of_vault("pe", "v"),
        endpoint("manual", MANUAL, &vault("v"), "AZUREBACKUP", "Approved"),
        endpoint("old", AUTO, &vault("v").to_uppercase(), "vault", "Approved"),
        endpoint("no-target", AUTO, "", "AzureBackup", "Approved"),
        secondary,
        site_recovery,
        endpoint("sql", AUTO, &id("rg", "Microsoft.Sql/servers", "s"), "sqlServer", "Approved"),
        json!({}),
        json!({"properties": {AUTO: null, MANUAL: [null], "networkInterfaces": [null, {"id": null}]}}),
        json!({"name": null, "id": null, "properties": {AUTO: [{"properties": {"groupIds": [null]}}]}}),
    ];
    let (found, reasons) = selected(&values, &Selection::default());
    assert_eq!(found, ["pe", "manual", "old", "no-target"]);
    assert_eq!(reasons, ["6 other-service"]);
    let both = of(&[Service::Backup, Service::BackupSecondary]);
    assert_eq!(selected(&values, &both).0, ["pe", "manual", "old", "no-target", "second"]);
    assert_eq!(selected(&values, &of(&[Service::BackupSecondary])).0, ["second"]);
}

#[test]
fn storage_endpoints_of_the_first_generation_follow_their_vault() {
    let own = id("rg", "Microsoft.Storage/storageAccounts", "abcpod01ecs1");
    let other_group: Value = {
        let mut value = sibling("pe_ecs9_blob", "plain");
        value["id"] = json!(id("rg-other", "Microsoft.Network/privateEndpoints", "pe_ecs9_blob"));
        value
    };
    let values = [
        sibling("PE_ecs1_blob", "plain"),
        sibling("pe_prot1_blob", "plain"),
        endpoint("pe_ecs2_queue", MANUAL, &account("plain"), "Queue", "Approved"),
        sibling("orphan", "abcdeypod01prot120"),
        of_vault("pe", "v"),
        // None of these is one.
        endpoint("pe_ecs3_blob", AUTO, &account("plain"), "blob", "Approved"),
        endpoint("pe_ecs4_blob", MANUAL, &own, "blob", "Approved"),
        endpoint("pe_ecs5_file", MANUAL, &account("plain"), "file", "Approved"),
        sibling("pe_other", "plain"),
        sibling("pod", "podcast1ecs"),
        other_group,
    ];
    let (found, reasons) = selected(&values, &Selection::default());
    assert_eq!(found, ["PE_ecs1_blob", "pe_prot1_blob", "pe_ecs2_queue", "orphan", "pe"]);
    assert_eq!(reasons, ["6 other-service"]);
}

#[test]
fn siblings_are_in_or_out_with_the_endpoint_of_their_vault() {
    let values = [
        of_vault("pe-a", "vault-a"),
        of_vault("pe-b", "vault-b"),
        sibling("pe-a_ecs1_blob", "xpod01ecs1"),
        sibling("pe-b_ecs1_blob", "xpod01ecs2"),
        sibling("orphan", "xpod01prot3"),
    ];
    for text in ["VAULT-A".to_owned(), vault("vault-a"), format!(" {}/", vault("Vault-A").to_uppercase())] {
        let selection = Selection { vaults: vec![text], ..Selection::default() };
        let (found, reasons) = selected(&values, &selection);
        assert_eq!((found, reasons), (texts(&["pe-a", "pe-a_ecs1_blob"]), texts(&["3 other-vault"])));
    }
    let by_name = Selection { endpoints: texts(&["PE-?"]), ..Selection::default() };
    let (found, reasons) = selected(&values, &by_name);
    assert_eq!(found, ["pe-a", "pe-b", "pe-a_ecs1_blob", "pe-b_ecs1_blob"]);
    assert_eq!(reasons, ["1 other-name"]);
    // Blobs of all accounts are another wish.
    let blobs = Selection { vaults: texts(&["vault-a"]), ..of(&[Service::Backup, Service::Blob]) };
    assert_eq!(selected(&values, &blobs).0, ["pe-a", "pe-a_ecs1_blob", "pe-b_ecs1_blob", "orphan"]);
}

#[test]
fn blobs_and_queues_of_any_account_are_selected_if_the_config_says_so() {
    let own = id("rg", "Microsoft.Storage/storageAccounts", "acct");
    let values = [
        endpoint("blob", AUTO, &own, "blob", "Approved"),
        endpoint("second", AUTO, &own, "blob_secondary", "Approved"),
        endpoint("queue", MANUAL, &own, "queue", "Approved"),
        endpoint("file", AUTO, &own, "file", "Approved"),
        of_vault("pe", "v"),
    ];
    assert_eq!(selected(&values, &Selection::default()).0, ["pe"]);
    assert_eq!(selected(&values, &of(&[Service::Blob])).0, ["blob", "second"]);
    assert_eq!(selected(&values, &of(&[Service::Queue, Service::Backup])).0, ["queue", "pe"]);
}

#[test]
fn subnets_and_scopes_are_compared_without_case_and_what_does_not_say_its_scope_is_inside() {
    let subnet = id("rg", "Microsoft.Network/virtualNetworks/vnet/subnets", "snet-pe");
    let mut elsewhere = of_vault("elsewhere", "v");
    elsewhere["properties"]["subnet"]["id"] = json!(subnet.replace("snet-pe", "other"));
    let mut foreign = of_vault("foreign", "v");
    foreign["id"] = json!("/subscriptions/99999999-2222-3333-4444-555555555555/resourceGroups/rg/providers/x/y/z");
    let mut nameless = of_vault("nameless", "v");
    nameless["id"] = Value::Null;
    let values = [of_vault("pe", "v"), elsewhere, foreign, nameless];
    let selection = Selection { subnets: vec![subnet.to_uppercase()], ..Selection::default() };
    let (found, reasons) = selected(&values, &selection);
    assert_eq!((found, reasons), (texts(&["pe", "nameless"]), texts(&["1 other-subnet", "1 outside-scope"])));
    let endpoints = read(&values);
    let group: Scope = format!("/subscriptions/{SUBSCRIPTION}/resourcegroups/RG").parse().unwrap();
    let (found, _) = select(&endpoints, &group, &Selection::default());
    let labels: Vec<String> = found.iter().map(|one| label(one.endpoint, &group)).collect();
    assert_eq!(labels, ["rg/pe", "rg/elsewhere", "RG/nameless"]);
}

#[test]
fn an_endpoint_that_two_pages_have_counts_once_as_the_later_one_says() {
    let (mut old, new) = (of_vault("pe", "v"), of_vault("PE", "v"));
    old["properties"]["provisioningState"] = json!("Creating");
    old["id"] = json!(old["id"].as_str().unwrap().to_uppercase());
    let endpoints = read(&[old, new]);
    let (found, _) = select(&endpoints, &scope(), &Selection::default());
    assert_eq!(found.iter().map(|one| one.standing).collect::<Vec<_>>(), [Standing::Publish]);
}

#[test]
fn the_standing_follows_from_the_connection_and_the_provisioning() {
    use Standing::{NotConnected, Passing, Publish, PublishFailed, Unknown};
    for (status, provisioning, standing, is_settling, reason) in [
        ("Approved", "Succeeded", Publish, false, None),
        (" approved ", "succeeded ", Publish, false, None),
        ("Approved", "", Publish, false, None),
        ("Approved", "Updating", Publish, true, None),
        ("Approved", "Accepted", Publish, true, None),
        ("Approved", "Failed", PublishFailed, false, None),
        ("Approved", "CANCELED", PublishFailed, false, None),
        ("Pending", "Succeeded", NotConnected, false, Some("pending")),
        ("rejected", "Failed", NotConnected, false, Some("rejected")),
        ("Disconnected", "Updating", NotConnected, true, Some("disconnected")),
        ("Removed", "", NotConnected, false, Some("removed")),
        ("Unheard-of", "Succeeded", NotConnected, false, Some("other-state")),
        ("", "Succeeded", Unknown, false, Some("unknown-state")),
        (" ", "Failed", Unknown, false, Some("unknown-state")),
        ("Approved", "Deleting", Passing, true, Some("deleting")),
        ("Pending", "creating", Passing, true, Some("creating")),
    ] {
        let mut value = endpoint("pe", AUTO, &vault("v"), "AzureBackup", status);
        value["properties"]["provisioningState"] = json!(provisioning);
        let endpoints = read(&[value]);
        let (found, skipped) = select(&endpoints, &scope(), &Selection::default());
        assert_eq!((found[0].standing, found[0].is_settling), (standing, is_settling), "{status}, {provisioning}");
        assert_eq!(skipped.keys().next().map(String::as_str), reason);
        assert_eq!(found[0].connection, status.trim());
    }
}

#[test]
fn of_several_connections_that_count_one_that_is_not_approved_decides() {
    let target = vault("v");
    let other = connection(&id("rg", "Microsoft.Sql/servers", "s"), "sqlServer", "Pending");
    let mut value = endpoint("pe", AUTO, &target, "AzureBackup", "Approved");
    value["properties"][MANUAL] = json!([other, connection(&target, "AzureBackup", "Approved")]);
    let endpoints = read(&[value.clone()]);
    let (found, _) = select(&endpoints, &scope(), &Selection::default());
    assert_eq!(found[0].standing, Standing::Publish, "one that leads elsewhere is no matter");
    for status in ["Pending", "Disconnected"] {
        value["properties"][MANUAL] = json!([connection(&target, "AzureBackup", status)]);
        let endpoints = read(&[value.clone()]);
        let (found, _) = select(&endpoints, &scope(), &Selection::default());
        assert_eq!((found[0].standing, found[0].connection), (Standing::NotConnected, status));
    }
    value["properties"][MANUAL] = json!([connection(&target, "AzureBackup", "")]);
    let endpoints = read(&[value]);
    assert_eq!(select(&endpoints, &scope(), &Selection::default()).0[0].standing, Standing::Unknown);
}

#[test]
fn interfaces_are_read_one_by_one_up_to_four_endpoints_of_a_group_and_as_a_list_above() {
    let many = |count: usize| -> Vec<Value> { (0..count).map(|n| of_vault(&format!("pe-{n}"), "v")).collect() };
    let plan = |values: &[Value]| {
        let endpoints = read(values);
        interfaces(&select(&endpoints, &scope(), &Selection::default()).0)
    };
    let four = plan(&many(4));
    assert_eq!((four.groups.len(), four.single.len()), (0, 4));
    assert!(four.single[0].ends_with("/pe-0.nic"));
    let group = vec![(SUBSCRIPTION.to_owned(), "rg".to_owned())];
    let five = plan(&many(5));
    assert_eq!((five.groups, five.single.len()), (group.clone(), 0));
    // Those that publish nothing need none, and two ids of one interface are one.
    let mut values = many(6);
    for value in &mut values[..2] {
        value["properties"][AUTO][0]["properties"]["privateLinkServiceConnectionState"]["status"] = json!("Pending");
    }
    let nic = values[2]["properties"]["networkInterfaces"][0]["id"].as_str().unwrap().to_uppercase();
    values[2]["properties"]["networkInterfaces"].as_array_mut().unwrap().push(json!({"id": nic}));
    assert_eq!((plan(&values).groups.len(), plan(&values).single.len()), (0, 4));
    // An endpoint that does not say which is its own is found in the list of its group.
    let mut silent = many(1);
    silent[0]["properties"]["networkInterfaces"] = Value::Null;
    assert_eq!(plan(&silent), NicPlan { groups: group, single: Vec::new() });
    let mut odd = many(1);
    odd[0]["properties"]["networkInterfaces"][0]["id"] = json!("/opaque/pe-0.nic");
    assert_eq!(plan(&odd).single, ["/opaque/pe-0.nic"]);
}

#[test]
fn a_pattern_fits_whole_names() {
    let by = |pattern: &str, name: &str| {
        let selection = Selection { endpoints: texts(&[pattern]), ..Selection::default() };
        !selected(&[of_vault(name, "v")], &selection).0.is_empty()
    };
    for (pattern, name, fits) in [
        ("pe-*", "pe-vault", true),
        ("PE-VAULT", "pe-vault", true),
        ("*vault*", "pe-vault", true),
        ("*a*b*c", "xaxbxbc", true),
        ("pe-?", "pe-", false),
        ("pe-?", "pe-ab", false),
        ("pe", "pe-vault", false),
        ("*t", "pe-vault-1", false),
        ("[p]e", "pe", false),
        ("**", "x", true),
    ] {
        assert_eq!(by(pattern, name), fits, "{pattern} {name}");
    }
    assert!(!by(&"*a".repeat(1_000), &"a".repeat(900)), "and costs little");
}

#[test]
fn an_endpoint_is_in_the_view_of_its_subnet_before_that_of_its_vnet_whatever_the_case() {
    let view = |name: &str, networks: &[&str]| ViewNetworks {
        view: name.parse().unwrap(),
        networks: networks.iter().map(|network| ids::key(network)).collect(),
    };
    let vnet = |name: &str| id("rg", "Microsoft.Network/virtualNetworks", name);
    let subnet = |of: &str, name: &str| format!("{}/subnets/{name}", vnet(of));
    let views = [view("whole", &[&vnet("vnet-a")]), view("part", &[&subnet("VNET-A", "Snet-Pe"), &vnet("vnet-b")])];
    for (of, expected) in [
        (subnet("vnet-a", "other"), Some(0)),
        (subnet("vnet-a", "snet-pe").to_uppercase(), Some(1)),
        (subnet("vnet-b", "any"), Some(1)),
        (subnet("vnet-ab", "snet-pe"), None),
        (String::new(), None),
    ] {
        let mut endpoint = of_vault("pe", "v");
        endpoint["properties"]["subnet"]["id"] = json!(of);
        assert_eq!(view_of(&read(&[endpoint])[0], &views), expected, "{of}");
    }
}
