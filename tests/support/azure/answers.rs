//! The resources in the very form in which ARM writes them, with the keys that no specification has.

use serde_json::{Value, json};

use super::estate::{Endpoint, Name, Zone};

const GUID: &str = "00000000-0000-0000-0000-000000000002";

/// The id of a resource of an endpoint's group.
fn id(endpoint: &Endpoint, rest: &str) -> String {
    let id = format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Network/{rest}",
        endpoint.subscription, endpoint.group
    );
    if endpoint.shouts { id.to_ascii_uppercase() } else { id }
}

/// The id of an endpoint.
pub(crate) fn endpoint_id(endpoint: &Endpoint) -> String {
    id(endpoint, &format!("privateEndpoints/{}", endpoint.name))
}

/// The id of its network interface.
pub(crate) fn nic_id(endpoint: &Endpoint) -> String {
    id(endpoint, &format!("networkInterfaces/{}.nic.0001", endpoint.name))
}

/// A private endpoint.
pub(crate) fn endpoint(endpoint: &Endpoint) -> Value {
    let own = endpoint_id(endpoint);
    let kind = if endpoint.manual { "manualPrivateLinkServiceConnections" } else { "privateLinkServiceConnections" };
    let connection = json!([{
        "name": endpoint.name, "id": format!("{own}/{kind}/{}", endpoint.name), "etag": "W/\"x\"",
        "type": format!("Microsoft.Network/privateEndpoints/{kind}"),
        "properties": {
            "provisioningState": "Succeeded", "privateLinkServiceId": endpoint.target, "groupIds": [endpoint.part],
            "requestMessage": "",
            "privateLinkServiceConnectionState": {
                "status": endpoint.status, "description": "None", "actionsRequired": "None"
            }
        }
    }]);
    let (by_itself, by_hand) = if endpoint.manual { (json!([]), connection) } else { (connection, json!([])) };
    let said = endpoint.said.as_ref().unwrap_or(&endpoint.names);
    let said: Vec<Value> = said.iter().map(|name| json!({"fqdn": name.fqdn, "ipAddresses": name.addresses})).collect();
    json!({
        "name": endpoint.name, "id": own, "etag": "W/\"x\"", "type": "Microsoft.Network/privateEndpoints",
        "location": "westeurope",
        "properties": {
            "provisioningState": endpoint.provisioning, "resourceGuid": GUID,
            "privateLinkServiceConnections": by_itself, "manualPrivateLinkServiceConnections": by_hand,
            "customNetworkInterfaceName": "", "subnet": {"id": endpoint.subnet}, "ipConfigurations": [],
            "networkInterfaces": [{"id": nic_id(endpoint)}], "customDnsConfigs": said
        }
    })
}

/// Its network interface.
pub(crate) fn nic(endpoint: &Endpoint) -> Value {
    let own = nic_id(endpoint);
    let addresses = endpoint.names.iter().flat_map(|name| name.addresses.iter().map(move |address| (name, address)));
    let configurations: Vec<Value> =
        addresses.enumerate().map(|(at, (name, address))| configuration(endpoint, &own, at, name, address)).collect();
    json!({
        "name": format!("{}.nic.0001", endpoint.name), "id": own, "etag": "W/\"x\"", "location": "westeurope",
        "type": "Microsoft.Network/networkInterfaces", "kind": "Regular", "tags": {},
        "properties": {
            "provisioningState": "Succeeded", "resourceGuid": GUID, "ipConfigurations": configurations,
            "dnsSettings": {"dnsServers": [], "appliedDnsServers": [], "internalDomainNameSuffix": "x.internal.cloudapp.net"},
            "macAddress": "", "enableAcceleratedNetworking": false, "enableIPForwarding": false,
            "vnetEncryptionSupported": false, "privateEndpoint": {"id": endpoint_id(endpoint)}, "hostedWorkloads": [],
            "tapConfigurations": [], "nicType": "Standard", "allowPort25Out": true, "auxiliaryMode": "None"
        }
    })
}

fn configuration(endpoint: &Endpoint, nic: &str, at: usize, name: &Name, address: &str) -> Value {
    let label = format!("privateEndpointIpConfig.{at}");
    let member = name.fqdn.split('.').next().unwrap_or_default();
    json!({
        "name": label, "id": format!("{nic}/ipConfigurations/{label}"), "etag": "W/\"x\"",
        "type": "Microsoft.Network/networkInterfaces/ipConfigurations",
        "properties": {
            "provisioningState": "Succeeded", "privateIPAddress": address, "privateIPAllocationMethod": "Dynamic",
            "subnet": {"id": endpoint.subnet}, "primary": at == 0,
            "privateIPAddressVersion": if address.contains(':') { "IPv6" } else { "IPv4" },
            "privateLinkConnectionProperties": {
                "groupId": endpoint.part, "requiredMemberName": member, "fqdns": [name.fqdn]
            }
        }
    })
}

/// The network interface of a machine, with a network where others have an address.
pub(crate) fn machine(subscription: &str, group: &str, number: usize) -> Value {
    let name = format!("vm-{number}");
    let own = format!(
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/networkInterfaces/{name}"
    );
    json!({
        "name": name, "id": own, "type": "Microsoft.Network/networkInterfaces", "location": "westeurope",
        "properties": {
            "provisioningState": "Succeeded",
            "ipConfigurations": [{
                "name": "ipconfig1", "id": format!("{own}/ipConfigurations/ipconfig1"),
                "properties": {"privateIPAddress": "172.20.2.16/28", "privateIPAddressVersion": "IPv4", "primary": true}
            }],
            "virtualMachine": {"id": own.replace("networkInterfaces", "virtualMachines")}
        }
    })
}

/// The record sets of a zone of one type; of both for `ALL`.
pub(crate) fn record_sets(zone: &Zone, wanted: &str) -> Vec<Value> {
    let mut sets = Vec::new();
    for (owner, addresses) in &zone.records {
        for (kind, is_v6) in [("A", false), ("AAAA", true)] {
            let addresses: Vec<&String> = addresses.iter().filter(|address| address.contains(':') == is_v6).collect();
            if addresses.is_empty() || !(wanted.eq_ignore_ascii_case(kind) || wanted.eq_ignore_ascii_case("ALL")) {
                continue;
            }
            let fqdn = if owner == "@" { format!("{}.", zone.name) } else { format!("{owner}.{}.", zone.name) };
            let (list, key) = if is_v6 { ("aaaaRecords", "ipv6Address") } else { ("aRecords", "ipv4Address") };
            let records: Vec<Value> = addresses.iter().map(|address| json!({key: address})).collect();
            sets.push(json!({
                "name": owner, "type": format!("Microsoft.Network/privateDnsZones/{kind}"), "etag": GUID,
                "id": format!(
                    "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Network/privateDnsZones/{}/{kind}/{owner}",
                    super::estate::SUBSCRIPTION, zone.group, zone.name
                ),
                "properties": {
                    "fqdn": fqdn, "ttl": 10, list: records, "isAutoRegistered": false,
                    "metadata": {"creator": "created by private endpoint pe-vault"}
                }
            }));
        }
    }
    sets
}
