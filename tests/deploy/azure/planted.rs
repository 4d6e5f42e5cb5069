//! Mistakes made on purpose in copies of the templates: each must be found.

use super::{Site, encrypted, has_public_address};

/// A mistake: the file, a text of it, what is there in its place, and what the reader says.
const MISTAKES: [(&str, &str, &str, &str); 16] = [
    (
        "servers.json",
        "\"probeThreshold\"",
        "\"probeTreshold\"",
        "probeTreshold: ProbePropertiesFormat has no such property",
    ),
    (
        "servers.json",
        "\"port\": 8053",
        "\"port\": \"8053\"",
        "probes[0].properties.port: '8053' is not of the type int",
    ),
    ("servers.json", "\"protocol\": \"Http\"", "\"protocol\": \"Htp\"", "'Htp' is none of Http, Tcp, Https"),
    ("servers.json", "\"name\": \"[parameters('servers')[copyIndex()].name]\"", "\"name\": \"dns\"", "there twice"),
    ("servers.json", "parameters('vmSize')", "parameters('vmsize2')", "the parameter vmsize2 is not declared"),
    (
        "servers.json",
        "\"computerName\": \"[par",
        "\"computerName\": \"dns\", \"x\": \"[par",
        "osProfile.x: OSProfile has no such",
    ),
    ("servers.json", "variables('probeId')", "variables('probe')", "the variable probe is not declared"),
    (
        "servers.json",
        "\"dependsOn\": [\"[variables('natAddressId')]\"],",
        "",
        "privatelink-dns-nat-ip and does not wait for it",
    ),
    (
        "servers.json",
        "'-nic'))]\"\n      ],\n      \"identity\"",
        "'-card'))]\"\n      ],\n      \"identity\"",
        "which is not in the template",
    ),
    ("servers.json", "[concat('/home/', ", "[concat('/home/' ", "',' is missing"),
    ("servers.json", "2026-04-01", "2016-04-01", "apiVersion 2016-04-01, and the model is of 2026-04-01"),
    ("servers.parameters.json", "10.0.0.6", "10.0.0.4", "is outside 10.0.0.0/28, kept by Azure, or used twice"),
    (
        "rights.json",
        "\"principalType\": \"ServicePrincipal\"",
        "\"principal\": \"x\"",
        "RoleAssignmentCreateParameters has no such property",
    ),
    ("rights.json", "\"scope\": \"inner\"", "\"scope\": \"outer\"", "to be of the scope 'inner'"),
    ("cloud-init.yaml", "runcmd:", "run_cmd:", "run_cmd is no key of cloud-init"),
    ("cloud-init.yaml", "permissions:", "permision:", "'permision' was unexpected"),
];

#[test]
fn the_reader_finds_each_mistake() {
    for (file, from, to, said) in MISTAKES {
        let mut site = Site::new();
        if file == "servers.parameters.json" {
            let changed = site.values["servers.json"].to_string().replace(from, to);
            site.values["servers.json"] = serde_json::from_str(&changed).unwrap();
        } else {
            site.replace(file, from, to);
        }
        if file == "cloud-init.yaml" {
            site.embed();
        }
        let Some(read) = site.read() else { return };
        assert!(read.problems.iter().any(|line| line.contains(said)), "{from} -> {to}: {:#?}", read.problems);
    }
}

#[test]
fn a_port_for_clients_that_encrypt_that_is_open_or_passed_on_alone_is_found() {
    let of_rule = "\"sourceAddressPrefixes\": \"[parameters('clientNetworks')]\",\n            \"sourcePortRange\"";
    for (from, to, said) in [
        ("variables('rules'), variables('encryptedRules'), ", "variables('rules'), ", "853 is not open to clients"),
        (
            "variables('balancerRules'), variables('encryptedBalancerRules')",
            "variables('balancerRules'), createArray()",
            "443 is not passed on",
        ),
        (
            "\"backendPort\": \"[parameters('encryptedPorts')",
            "\"backendPort\": \"[createArray(53, 53)",
            "853 is not passed",
        ),
        (of_rule, "\"sourceAddressPrefix\": \"*\",\n            \"sourcePortRange\"", "853 is not open to clients"),
        ("add(140, copyIndex('encryptedRules'))", "add(140, 0)", "two rules have one priority"),
        (
            "[concat(variables('rules'), ",
            "[concat(variables('rules'), variables('encryptedRules'), ",
            "other ports are open or passed on",
        ),
    ] {
        let mut site = Site::new();
        site.replace("servers.json", from, to);
        site.values["servers.json"]["encryptedPorts"] = serde_json::json!([853, 443]);
        let Some(read) = site.read() else { return };
        let found = encrypted(&read, &[853, 443]);
        assert!(found.iter().any(|line| line.contains(said)), "{from} -> {to}: {found:?}");
    }
}

#[test]
fn user_data_that_differs_from_its_file_is_found() {
    let site = Site::new();
    site.replace("cloud-init.yaml", "--retry 10", "--retry 9");
    let Some(read) = site.read() else { return };
    assert!(read.problems.iter().any(|line| line.contains("is not cloud-init.yaml")), "{:?}", read.problems);
}

#[test]
fn a_public_address_of_a_server_is_found() {
    let site = Site::new();
    let address = "\"privateIPAddress\": \"[parameters('servers')[copyIndex()].address]\",";
    let public = format!("{address} \"publicIPAddress\": {{ \"id\": \"[variables('natAddressId')]\" }},");
    site.replace("servers.json", address, &public);
    let Some(read) = site.read() else { return };
    assert!(has_public_address(&read));
}

#[test]
fn a_password_breaks_a_policy() {
    let site = Site::new();
    let keys_only = "\"disablePasswordAuthentication\": ";
    site.replace("servers.json", &format!("{keys_only}true"), &format!("{keys_only}false"));
    let Some(read) = site.read() else { return };
    let Some(said) = read.policy() else { return };
    assert!(said.contains("FAILED for resource: Microsoft.Compute/virtualMachines"), "{said}");
}
