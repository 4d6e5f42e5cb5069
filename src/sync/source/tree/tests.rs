//! The shapes in which people hold lists, each in its smallest document.

use std::path::Path;

use crate::sync::source::{Format, Gap, Listing, SourceError, parse};

fn read(text: &str) -> Result<Listing, SourceError> {
    let text = text
        .replace("KQWZ", "kqwz.privatelink.blob.core.windows.net")
        .replace("ZONE", "privatelink.blob.core.windows.net");
    parse("s", Path::new("list.json"), Format::Json, text.into_bytes())
}

/// The records of a list, in the order of the list.
fn records(text: &str) -> Vec<String> {
    let listing = read(text).unwrap_or_else(|problems| panic!("{text}: {problems}"));
    listing.entries().map(|entry| format!("{} {}", entry.fqdn, entry.address)).collect()
}

fn problem(text: &str) -> String {
    match read(text) {
        Ok(listing) => panic!("{text}: {:?}", listing.entries().collect::<Vec<_>>()),
        Err(problems) => problems.to_string(),
    }
}

fn warnings(text: &str) -> Vec<String> {
    let listing = read(text).unwrap_or_else(|problems| panic!("{text}: {problems}"));
    listing.warnings.lines()
}

const NAME: &str = "kqwz.privatelink.blob.core.windows.net 10.20.0.12";

#[test]
fn every_shape_of_one_record_is_that_record() {
    for text in [
        // Azure private DNS: az, REST, PowerShell, templates.
        r#"[{"fqdn":"KQWZ.","name":"kqwz","aRecords":[{"ipv4Address":"10.20.0.12"}],"type":"Microsoft.Network/privateDnsZones/A"}]"#,
        r#"{"value":[{"name":"kqwz","properties":{"fqdn":"KQWZ.","ttl":10,"aRecords":[{"ipv4Address":"10.20.0.12"}]}}]}"#,
        r#"{"id":"/subscriptions/1/resourceGroups/rg/providers/Microsoft.Network/privateDnsZones/ZONE/A/kqwz","name":"kqwz","properties":{"aRecords":[{"ipv4Address":"10.20.0.12"}]}}"#,
        r#"{"Name":"kqwz","ZoneName":"ZONE","RecordType":0,"Records":[{"Ipv4Address":"10.20.0.12"}]}"#,
        r#"{"type":"Microsoft.Network/privateDnsZones/A","name":"ZONE/kqwz","properties":{"aRecords":[{"ipv4Address":"10.20.0.12"}]}}"#,
        r#"{"name":"ZONE","aRecords":[{"name":"KQWZ","aRecords":[{"ipv4Address":"10.20.0.12"}]}]}"#,
        // Windows DNS.
        r#"{"HostName":"kqwz","ZoneName":"ZONE","RecordType":"A","RecordData":{"IPv4Address":"10.20.0.12"}}"#,
        r#"{"HostName":"kqwz","DistinguishedName":"DC=kqwz,DC=ZONE,cn=MicrosoftDNS","RecordData":{"IPv4Address":{"Address":201331722,"IPAddressToString":"10.20.0.12"}}}"#,
        r#"{"HostName":"kqwz","ZoneName":"ZONE","RecordData":{"CimClass":"x","CimInstanceProperties":["IPv4Address = \"10.20.0.12\""]}}"#,
        r#"{"HostName":"kqwz","ZoneName":"ZONE","RecordData":{"CimInstanceProperties":[{"Name":"IPv4Address","Value":"10.20.0.12"}]}}"#,
        r#"{"Name":"KQWZ","Type":1,"QueryType":1,"IPAddress":"10.20.0.12","IP4Address":"10.20.0.12","TTL":10}"#,
        // Terraform.
        r#"{"pe":{"sensitive":false,"type":["object",{"fqdn":"string"}],"value":{"fqdn":"KQWZ","ip_addresses":["10.20.0.12"]}}}"#,
        r#"{"pe":{"sensitive":false,"type":["map","string"],"value":{"KQWZ":"10.20.0.12"}}}"#,
        r#"{"attributes":{"name":"kqwz","zone_name":"ZONE","records":["10.20.0.12"],"ttl":10}}"#,
        r#"{"attributes":{"name":"pe","custom_dns_configs":[{"fqdn":"KQWZ","ip_addresses":["10.20.0.12"]}],"private_service_connection":[{"name":"c","private_ip_address":"10.20.0.12","subresource_names":["blob"]}]}}"#,
        // Maps and rows.
        r#"{"KQWZ":["10.20.0.12"]}"#,
        r#"{"a":{"b":{"KQWZ":{"ip":"10.20.0.12"}}}}"#,
        r#"{"10.20.0.12":"KQWZ"}"#,
        r#"{"ZONE":{"kqwz":"10.20.0.12"}}"#,
        r#"{"ZONE":[{"name":"kqwz","ip":"10.20.0.12"}]}"#,
        r#"[["KQWZ","10.20.0.12"]]"#,
        // Keys that people choose, and those that flattening makes.
        r#"{"record":"kqwz","zone":"ZONE","ip":"10.20.0.12"}"#,
        r#"{"dns":"KQWZ","ip":"10.20.0.12"}"#,
        r#"{"Host_Name":"kqwz","DNS Zone":"ZONE","IP Address":"10.20.0.12"}"#,
        r#"{"name":"pe-1","customDnsConfigs_fqdn":"KQWZ","customDnsConfigs_ipAddresses":["10.20.0.12"]}"#,
        // Other DNS servers.
        r#"{"name":"KQWZ","ipv4addrs":[{"host":"KQWZ","ipv4addr":"10.20.0.12"}]}"#,
        r#"{"name":"KQWZ","ipv4addr":"10.20.0.12","_ref":"record:a/x"}"#,
        r#"{"rrsets":[{"name":"KQWZ.","type":"A","records":[{"content":"10.20.0.12","disabled":false}]}]}"#,
        r#"{"Name":"KQWZ.","Type":"A","ResourceRecords":[{"Value":"10.20.0.12"}]}"#,
        r#"{"hostAliases":[{"ip":"10.20.0.12","hostnames":["KQWZ"]}]}"#,
        // Spaces around.
        r#"[{"fqdn":" KQWZ ","ip":" 10.20.0.12 "}]"#,
    ] {
        assert_eq!(records(text).iter().map(|record| record.replace(". ", " ")).collect::<Vec<_>>(), [NAME], "{text}");
        assert_eq!(warnings(text), [""; 0], "{text}");
    }
}

#[test]
fn records_of_other_types_and_apexes_are_left_aside() {
    for text in [
        r#"[{"fqdn":"ZONE.","name":"@","type":"Microsoft.Network/privateDnsZones/SOA","soaRecord":{"host":"azureprivatedns.net"}}]"#,
        r#"{"Name":"@","ZoneName":"ZONE","RecordType":"A","Records":[{"Ipv4Address":"10.20.0.12"}]}"#,
        r#"{"HostName":"@","ZoneName":"ZONE","RecordType":"NS","RecordData":{"NameServer":"dc.corp."}}"#,
    ] {
        assert_eq!(warnings(text), ["list.json: names no endpoint at all"], "{text}");
    }
    for text in [
        r#"{"Name":"kqwz","ZoneName":"ZONE","RecordType":"TXT","Records":[{"Value":"10.20.0.99"}]}"#,
        r#"{"Name":"kqwz","ZoneName":"ZONE","RecordType":7,"Records":[{"Value":"10.20.0.99"}]}"#,
        r#"{"fqdn":"KQWZ","type":"CNAME","cnameRecord":{"cname":"x.example"}}"#,
    ] {
        assert!(records(text).is_empty());
        assert!(warnings(text)[0].contains("'kqwz.privatelink.blob.core.windows.net'"), "{:?}", warnings(text));
    }
}

#[test]
fn a_connection_that_is_not_approved_is_a_note_wherever_its_state_stands() {
    for text in [
        r#"{"name":"pe-1","privateLinkServiceConnections":[{"privateLinkServiceConnectionState":{"status":"Pending"}}],"customDnsConfigs":[{"fqdn":"KQWZ","ipAddresses":["10.20.0.12"]}]}"#,
        r#"{"name":"pe-1","properties":{"manualPrivateLinkServiceConnections":[{"properties":{"privateLinkServiceConnectionState":{"status":"Rejected"}}}],"customDnsConfigs":[{"fqdn":"KQWZ","ipAddresses":["10.20.0.12"]}]}}"#,
        r#"{"name":"pe-1","connectionState":"Disconnected","fqdn":"KQWZ","ip":"10.20.0.12"}"#,
        r#"{"name":"pe-1","status":"removed","fqdn":"KQWZ","ip":"10.20.0.12"}"#,
    ] {
        let listing = read(text).unwrap();
        assert_eq!(listing.len(), 0, "{text}");
        let notes = listing.warnings.lines();
        assert_eq!(notes.len(), 1, "the list is not called empty besides: {notes:?}");
        assert!(notes[0].contains("is not published: the connection of its endpoint 'pe-1' is"), "{notes:?}");
    }
    for state in ["Approved", "Running", "", "Succeeded"] {
        assert_eq!(records(&format!(r#"{{"fqdn":"KQWZ","ip":"10.20.0.12","state":"{state}"}}"#)), [NAME]);
    }
    let failed = r#"{"name":"pe-1","provisioningState":"Failed","customDnsConfigs":[{"fqdn":"KQWZ","ipAddresses":["10.20.0.12"]}]}"#;
    assert_eq!(records(failed), [NAME]);
    assert!(warnings(failed)[0].contains("endpoint 'pe-1' is Failed"));
}

#[test]
fn the_endpoint_of_a_record_is_known_by_what_stands_around_it() {
    for text in [
        r#"{"name":"pe-1","customDnsConfigs":[{"fqdn":"KQWZ","ipAddresses":["10.20.0.12"]}]}"#,
        r#"{"privateEndpoint":{"id":"/subscriptions/1/resourceGroups/r/providers/Microsoft.Network/privateEndpoints/pe-1"},"ipConfigurations":[{"privateIPAddress":"10.20.0.12","privateLinkConnectionProperties":{"fqdns":["KQWZ"]}}]}"#,
        r#"{"id":"/x/privateEndpoints/pe-1/privateDnsZoneGroups/default","privateDnsZoneConfigs":[{"recordSets":[{"fqdn":"KQWZ","ipAddresses":["10.20.0.12"]}]}]}"#,
        r#"{"name":"pe-1","fqdn":"KQWZ","ip":"10.20.0.12"}"#,
    ] {
        let listing = read(text).unwrap();
        assert_eq!(listing.entries().map(|entry| entry.endpoint).collect::<Vec<_>>(), [Some("pe-1")], "{text}");
    }
}

#[test]
fn an_endpoint_without_names_is_a_gap_unless_the_list_gives_them_otherwise() {
    let empty = r#"{"name":"pe-1","customDnsConfigs":[],"privateLinkServiceConnections":[{"groupIds":["AzureBackup"]}],"networkInterfaces":[{"id":"/x/networkInterfaces/nic-1"}]}"#;
    let listing = read(empty).unwrap();
    assert_eq!(listing.gaps, [Gap::Endpoint("pe-1".into())]);
    assert!(
        warnings(empty)[0].contains("az network nic show --ids /x/networkInterfaces/nic-1"),
        "{:?}",
        warnings(empty)
    );
    let nic = r#"{"privateEndpoint":{"id":"/x/privateEndpoints/PE-1"},"privateIPAddress":"10.20.0.12","privateLinkConnectionProperties":{"fqdns":["KQWZ"]}}"#;
    assert!(read(&format!("[{empty},{nic}]")).unwrap().gaps.is_empty());
    let vault = empty.replace("AzureBackup", "vault");
    assert!(read(&vault).unwrap().gaps.is_empty());
    for text in [
        r#"[{"fqdn":null,"ipAddresses":["10.20.0.12"]}]"#,
        r#"[{"name":"pe-1","fqdn":"","ip":""}]"#,
        r#"{"name":"pe-1","properties":{"customDnsConfigs":null}}"#,
    ] {
        assert_eq!(read(text).unwrap().gaps.len(), 1, "{text}");
    }
}

#[test]
fn a_name_without_an_address_is_refused_with_the_cause() {
    for (text, cause) in [
        (r#"{"fqdn":"KQWZ","adress":"10.20.0.12"}"#, "none of the keys here ('fqdn', 'adress')"),
        (r#"{"fqdn":"KQWZ","ip":null}"#, "since 'ip' is empty"),
        (r#"{"fqdn":"KQWZ","ipAddresses":[]}"#, "since 'ipAddresses' is empty"),
        (r#"{"fqdn":"KQWZ","ip":169082892}"#, "'169082892' is a number"),
        (r#"{"fqdn":"KQWZ","ip":"System.Object[]"}"#, "ConvertTo-Json -Depth 10"),
        (r#"{"fqdn":"KQWZ","ip":"Dynamic"}"#, "'Dynamic' is not an IP address"),
        (r#"{"KQWZ":"pending"}"#, "'pending' is not an IP address"),
        (r#"{"KQWZ":null}"#, "the value is empty"),
        (r#"["KQWZ"]"#, "stands alone"),
        (r#"{"fqdns":["KQWZ"],"state":"Approved"}"#, "has no address"),
        (
            r#"{"HostName":"kqwz","ZoneName":"ZONE","RecordType":"A","RecordData":{"CimInstanceProperties":"IPv4Address"}}"#,
            "-Depth 10",
        ),
    ] {
        let message = problem(text);
        assert!(message.contains(cause), "{text}: {message}");
    }
}

#[test]
fn a_label_without_a_zone_is_refused_where_it_can_be_a_record() {
    for text in [
        r#"[{"Name":"kqwz","IP":"10.20.0.12"}]"#,
        r#"[{"HostName":"kqwz","IPAddress":"10.20.0.12"}]"#,
        r#"[{"fqdn":"kqwz","ip":"10.20.0.12"}]"#,
        r#"[{"recordName":"kqwz","ip":"10.20.0.12","etag":"x"}]"#,
        r#"[{"HostName":"kqwz","RecordType":"A","RecordData":{"IPv4Address":"10.20.0.12"}}]"#,
    ] {
        assert!(problem(text).contains("'kqwz' has no zone"), "{text}");
    }
    let of_a_machine = r#"{"ipConfigurations":[{"name":"ipconfig1","privateIPAddress":"10.20.0.12","etag":"x","subnet":{"id":"/x"}}]}"#;
    assert!(records(of_a_machine).is_empty());
}

#[test]
fn names_and_addresses_side_by_side_are_refused() {
    for text in [
        r#"{"fqdns":["a.blob.core.windows.net","b.blob.core.windows.net"],"ips":["10.20.0.12","10.20.0.13"]}"#,
        r#"{"fqdn":"a.blob.core.windows.net, b.blob.core.windows.net","ip":"10.20.0.12, 10.20.0.13"}"#,
        r#"{"fqdn":"a.blob.core.windows.net b.blob.core.windows.net","ip":"10.20.0.12 10.20.0.13"}"#,
    ] {
        assert!(problem(text).contains("nothing says which belongs to which"), "{text}");
    }
    assert!(problem(r#"{"fqdn":"KQWZ","ip":"10.20.0.12","privateIp":"10.20.0.13"}"#).contains("gives other addresses"));
}

#[test]
fn a_name_with_white_space_inside_is_refused_with_advice() {
    for name in ["kqwz.blob.core.windows\\n      .net", "kqwz.blob.core.win dows.net", "kqwz .blob.core.windows.net"] {
        let message = problem(&format!(r#"{{"fqdn":"{name}","ip":"10.20.0.12"}}"#));
        assert!(message.contains("broke this name") && message.contains("-Depth 10"), "{message}");
    }
}

#[test]
fn a_name_of_ours_under_another_key_is_covered_by_its_record_or_reported() {
    for text in [
        r#"{"fqdn":"KQWZ","ip":"10.20.0.12","publicUrl":"https://kqwz.blob.core.windows.net/"}"#,
        r#"[{"fqdn":"KQWZ","ip":"10.20.0.12"},{"note":"see kqwz.blob.core.windows.net"}]"#,
        r#"[{"note":"see kqwz.blob.core.windows.net"},{"fqdn":"KQWZ","ip":"10.20.0.12"}]"#,
    ] {
        assert_eq!(warnings(text), [""; 0], "{text}");
    }
    for text in [
        r#"{"name":"pe","privateIpAddress":"10.20.0.12","dnsRecords":["KQWZ"]}"#,
        r#"{"x":["KQWZ","10.20.0.12","b.blob.core.windows.net","10.20.0.13"]}"#,
        r#"{"fqdn":"KQWZ","ip":"10.20.0.12","alias":"other.blob.core.windows.net"}"#,
    ] {
        assert!(problem(text).contains("under a key that is not known"), "{text}");
    }
    for text in [
        "[{\"fqdn\":\"KQWZ\",\"ip\":\"10.20.0.12\"},\n{\"note\":\"see other.blob.core.windows.net\"}]",
        "{\"a\":{\"fqdn\":\"KQWZ\",\"ip\":\"10.20.0.12\"},\n\"json\":\"[{\\\"fqdn\\\":\\\"other.blob.core.windows.net\\\"}]\"}",
        "{\"a\":{\"fqdn\":\"KQWZ\",\"ip\":\"10.20.0.12\"},\n\"other.blob.core.windows.net\":{\"x\":1}}",
    ] {
        let warnings = warnings(text);
        assert!(warnings.len() == 1 && warnings[0].starts_with("list.json:2: 'other.blob"), "{text}: {warnings:?}");
    }
}

#[test]
fn what_azure_says_instead_of_a_list_is_refused_as_that() {
    let message = problem(r#"{"error":{"code":"AuthorizationFailed","message":"no"}}"#);
    assert!(message.contains("an error of Azure, 'AuthorizationFailed': no"), "{message}");
}

#[test]
fn comments_may_stand_around_documents() {
    let documents = "# one\n{\"fqdn\":\"KQWZ\",\"ip\":\"10.20.0.12\"}\n# two\n[{\"fqdn\":\"KQWZ\",\"ip\":\"10.20.0.12\"}] # three\n// four\n";
    assert_eq!(records(documents), [NAME, NAME]);
    assert!(problem("[]\n10.20.0.12 kqwz").contains("this is not JSON"));
    assert!(problem("{ fqdn: 'x' }").contains("the key fqdn has no quotes"));
}

#[test]
fn a_key_that_stands_twice_in_an_object_is_refused() {
    let text = r#"[{"fqdn": "a.blob.core.windows.net", "fqdn": "b.blob.core.windows.net", "ip": "10.0.0.4"}]"#;
    let problems = parse("s", Path::new("l.json"), Format::Auto, text.into()).unwrap_err().to_string();
    assert!(problems.starts_with("l.json:1:") && problems.contains("'fqdn' stands twice"), "{problems}");
}

#[test]
fn a_name_that_stands_without_an_address_keeps_its_record_in_service() {
    let text = r#"[{"fqdn": "a.blob.core.windows.net", "ip": "10.0.0.4"}, {"note": "B.blob.core.windows.net"}]"#;
    let listing = parse("s", Path::new("l.json"), Format::Auto, text.into()).unwrap();
    assert_eq!(listing.gaps, [Gap::Record("b.privatelink.blob.core.windows.net".into())]);
}

#[test]
fn something_else_among_addresses_is_refused() {
    let text = r#"[{"fqdn": "a.blob.core.windows.net", "ips": [{"10.0.0.4 - fqdn": "x"}], "ip": "10.0.0.5"}]"#;
    let problems = parse("s", Path::new("l.json"), Format::Auto, text.into()).unwrap_err().to_string();
    assert!(problems.contains("'ips' holds no IP address"), "{problems}");
}

#[test]
fn text_behind_the_end_of_the_json_in_a_string_is_refused() {
    let list = |text: &str| {
        let text = serde_json::to_string(text).unwrap();
        format!("{{\n\"customDnsConfigsText\": {text}}}")
    };
    let one = r#"[{"fqdn": "a.blob.core.windows.net", "ipAddresses": ["10.0.0.4"]}]"#;
    for end in ["", " \n", "\n# b\n// c", " /* b */ "] {
        let text = list(&format!("{one}{end}"));
        assert_eq!(parse("s", Path::new("l.json"), Format::Auto, text.into()).unwrap().len(), 1, "{end}");
    }
    for rest in [
        one,
        ", b.blob.core.windows.net",
        "10.0.0.5 b.blob.core.windows.net",
        "]",
        "\"b",
        "# c\n{\"fqdn\": \"b.blob.core.windows.net\"}",
    ] {
        let message = problem(&list(&format!("{one} {rest}")));
        assert!(message.starts_with("list.json:2: ") && message.contains("in a string"), "{rest}: {message}");
    }
}

/// A network interface of the endpoint with this name.
fn nic(endpoint: &str, name: &str, octet: u8) -> String {
    let id = format!("/subscriptions/1/resourceGroups/rg/providers/Microsoft.Network/privateEndpoints/{endpoint}");
    format!(
        r#"{{"name": "nic-{octet}", "privateEndpoint": {{"id": "{id}"}}, "ipConfigurations": [{{"privateIPAddress": "10.0.0.{octet}",
        "privateLinkConnectionProperties": {{"fqdns": ["{name}.blob.core.windows.net"], "groupId": "blob"}}}}]}}"#
    )
}

fn endpoint(name: &str, state: &str) -> String {
    let state = format!(r#"{{"privateLinkServiceConnectionState": {{"status": "{state}"}}}}"#);
    format!(r#"{{"name": "{name}", "customDnsConfigs": [], "privateLinkServiceConnections": [{state}]}}"#)
}

#[test]
fn an_interface_has_the_state_of_its_endpoint_elsewhere_in_the_list() {
    let nics = [nic("PE-1", "a", 4), nic("pe-2", "b", 5), nic("pe-1", "c", 6)].join(",\n");
    let endpoints = [endpoint("pe-1", "Pending"), endpoint("pe-2", "Approved")].join(",\n");
    for text in [
        format!("[{nics},\n{endpoints}]"),
        format!("[{endpoints},\n{nics}]"),
        format!(r#"{{"nics": [{nics}], "privateEndpoints": [{endpoints}]}}"#),
    ] {
        let listing = parse("s", Path::new("l.json"), Format::Auto, text.clone().into()).unwrap();
        let names: Vec<&str> = listing.entries().map(|entry| entry.fqdn).collect();
        assert_eq!(names, ["b.blob.core.windows.net"], "{text}");
        let notes: Vec<String> = listing.warnings.lines();
        for name in ["a", "c"] {
            let start = format!("'{name}.blob.core.windows.net' is not published: the connection of its endpoint");
            assert!(notes.iter().any(|note| note.contains(&start) && note.contains("is Pending")), "{notes:#?}");
        }
    }
}

#[test]
fn the_last_document_says_whether_an_endpoint_is_connected() {
    let count = |text: String| parse("s", Path::new("l.json"), Format::Auto, text.into()).unwrap().len();
    let (nic, down, up) = (nic("pe-1", "a", 4), endpoint("pe-1", "Rejected"), endpoint("pe-1", "Approved"));
    assert_eq!(count(format!("[{nic}, {down}]\n[{nic}, {up}]")), 2);
    assert_eq!(count(format!("[{nic}, {up}]\n[{nic}, {down}]")), 0);
    // Two endpoints of one name are in two resource groups.
    assert_eq!(count(format!("[{nic}, {up}, {down}]")), 1);
}
