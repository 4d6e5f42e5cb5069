//! The templates of `deploy/azure`: read as Azure would, held against Microsoft's SDK, the server's check, a policy.
//!
//! In: the templates, the sample parameters beside them, `target/deploy-tools`. Out: a failure for a mistake in them,
//! and for a mistake made on purpose that nobody sees. Azure itself is not asked, and its own schemas are not read:
//! nobody has deployed these templates from here.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::checkers::{self, ROOT};
use crate::tool;

mod planted;

/// The schema of user data, in the package of cloud-init.
const SCHEMA: &str = "cloud-init/usr/lib/python3/dist-packages/cloudinit/config/schemas/schema-cloud-config-v1.json";

const CONFIG: &str = "/etc/privatelink-dns/privatelink-dns.toml";
const SETUP: &str = "/usr/local/sbin/privatelink-dns-setup";

/// Where a machine has its user data.
const PROFILE: &str = "/properties/osProfile";

/// The policies of checkov that do not fit, each with its reason.
const POLICIES_LEFT_OUT: [&str; 2] = [
    // The extension installs nothing: it waits for the first boot, and a boot that fails makes the deployment fail.
    "CKV_AZURE_50",
    // Two DNS servers: an interface of a server has Azure's own DNS alone, which is no single machine, and a client has
    // the balancer before both servers.
    "CKV_AZURE_182",
];

/// A copy of the templates, and the values of their parameters.
struct Site {
    folder: TempDir,
    values: Value,
}

/// What the reader found.
struct Read {
    problems: Vec<String>,
    all: Value,
}

impl Site {
    /// The templates as they are, with the sample parameters.
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        for file in fs::read_dir(Path::new(ROOT).join("deploy/azure")).unwrap().map(Result::unwrap) {
            fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
        }
        let sample: Value = serde_json::from_str(&text("deploy/azure/servers.parameters.json")).unwrap();
        let sample = sample["parameters"].as_object().unwrap();
        let mut servers: Value = sample.iter().map(|(key, value)| (key.clone(), value["value"].clone())).collect();
        servers["cookieSecret"] = json!("000102030405060708090a0b0c0d0e0f");
        servers["packageUrl"] = json!("https://account.blob.example/packages/privatelink-dns.deb?sv=1&sig=a%2Bb%3D");
        servers["sshPublicKey"] = json!("ssh-ed25519 AAAA admin");
        let values = json!({
            "servers.json": servers,
            "rights.json": { "identityResourceGroup": "rg-dns", "endpointResourceGroups": ["rg-backup", "rg-other"] },
            "vnet-dns.json": { "virtualNetworkName": "vnet-hub", "dnsServers": ["10.0.0.4"] },
        });
        Self { folder, values }
    }

    /// Replaces a text of a file that must be there.
    fn replace(&self, file: &str, from: &str, to: &str) {
        let path = self.folder.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} lacks {from}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Runs the reader; `None` where it is not installed.
    fn read(&self) -> Option<Read> {
        let python = checkers::find("python")?;
        let values = self.folder.path().join("values");
        fs::write(&values, self.values.to_string()).unwrap();
        let output = Command::new(&python)
            .arg(Path::new(ROOT).join("tests/deploy/azure/check.py"))
            .args([self.folder.path(), &values, &python.parent().unwrap().with_file_name(SCHEMA)])
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .unwrap();
        let all: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("no answer: {}", String::from_utf8_lossy(&output.stderr)));
        let problems =
            all["problems"].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect();
        Some(Read { problems, all })
    }

    /// Puts cloud-init.yaml into servers.json.
    fn embed(&self) {
        let Some(python) = checkers::find("python") else { return };
        let mut command = Command::new(python);
        command.arg(Path::new(ROOT).join("tests/deploy/azure/check.py")).arg(self.folder.path()).arg("--embed");
        let (works, said) = tool::run(command.env("PYTHONDONTWRITEBYTECODE", "1"));
        assert!(works, "{said}");
    }
}

impl Read {
    /// The resources of a type in a template, after evaluation.
    fn resources(&self, template: &str, kind: &str) -> Vec<&Value> {
        self.all["resources"][template].as_array().unwrap().iter().filter(|one| one["type"] == kind).collect()
    }

    /// A file that the user data of a machine writes.
    fn file(&self, machine: &str, path: &str) -> &str {
        self.all["files"][machine][path].as_str().unwrap_or_else(|| panic!("{machine} writes no {path}"))
    }

    /// What checkov says of the resources, with their values in place of expressions; empty if nothing is wrong.
    fn policy(&self) -> Option<String> {
        let checkov = checkers::find("checkov")?;
        let folder = TempDir::new().unwrap();
        for (name, resources) in self.all["resources"].as_object().unwrap() {
            let mut resources = resources.clone();
            for profile in resources.as_array_mut().unwrap().iter_mut().filter_map(|one| one.pointer_mut(PROFILE)) {
                // Of base64 checkov makes much work and no finding.
                profile["customData"] = json!("");
            }
            let schema = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#";
            let template = json!({ "$schema": schema, "contentVersion": "1.0.0.0", "resources": resources });
            fs::write(folder.path().join(name), serde_json::to_string_pretty(&template).unwrap()).unwrap();
        }
        let mut command = Command::new(checkov);
        command.args(["--framework", "arm", "--skip-download", "--compact", "--quiet", "-d"]).arg(folder.path());
        command.args(["--skip-check", &POLICIES_LEFT_OUT.join(",")]);
        let (works, said) = tool::run(&mut command);
        Some(if works { String::new() } else { said })
    }
}

/// A file of the repository.
fn text(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_else(|why| panic!("{path}: {why}"))
}

/// The config of a server.
fn config(read: &Read) -> toml::Table {
    read.file("dns-1", CONFIG).parse().unwrap()
}

/// The texts in a list, in order.
fn list(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect()
}

#[test]
fn templates_and_user_data_have_no_mistake_that_a_reader_finds() {
    let Some(read) = Site::new().read() else { return };
    assert_eq!(read.problems, [""; 0]);
}

#[test]
fn the_other_values_of_parameters_make_no_mistake_either() {
    let mut site = Site::new();
    let servers = &mut site.values["servers.json"];
    servers["routeTableId"] =
        json!(format!("/subscriptions/1/resourceGroups/rg/providers/{}", "Microsoft.Network/routeTables/rt"));
    servers["managementNetworks"] = json!(["10.7.0.0/24"]);
    servers["forwardRules"] = json!([]);
    servers["servers"] = json!([{ "name": "dns-2", "zone": "2", "address": "10.0.0.6" }]);
    site.values["rights.json"]["roleDefinitionId"] = json!("/providers/Microsoft.Authorization/roleDefinitions/1");
    let Some(read) = site.read() else { return };
    assert_eq!(read.problems, [""; 0]);
    let groups = read.resources("servers.json", "Microsoft.Network/networkSecurityGroups");
    assert_eq!(groups[0]["properties"]["securityRules"].as_array().unwrap().last().unwrap()["name"], "ssh");
    let subnets = read.resources("servers.json", "Microsoft.Network/virtualNetworks/subnets");
    assert_eq!(subnets[0]["properties"]["natGateway"], Value::Null);
    assert!(read.file("dns-2", CONFIG).contains("\nrules = []\n"));
}

#[test]
fn no_policy_is_broken_but_those_that_do_not_fit() {
    let Some(read) = Site::new().read() else { return };
    let Some(said) = read.policy() else { return };
    assert_eq!(said, "");
}

#[test]
fn the_config_of_each_server_is_good_and_its_script_too() {
    let Some(read) = Site::new().read() else { return };
    let folder = TempDir::new().unwrap();
    for machine in ["dns-1", "dns-2"] {
        let file = folder.path().join("config.toml");
        let own = |path: &str| folder.path().join(path).display().to_string();
        let config = read.file(machine, CONFIG).replace("/var/lib/privatelink-dns", &own("lib"));
        // This machine has no group of the package.
        let config = config.replace("control_group", "# control_group").replace("approve_group", "# approve_group");
        fs::write(&file, config).unwrap();
        let mut server = Command::new(env!("CARGO_BIN_EXE_privatelink-dns"));
        let (works, said) = tool::run(server.args(["check", "--config"]).arg(&file));
        assert!(works, "{machine}: {said}");
        let Some(shellcheck) = tool::find("shellcheck") else { continue };
        let script = folder.path().join("setup");
        fs::write(&script, read.file(machine, SETUP)).unwrap();
        let (works, said) = tool::run(Command::new(shellcheck).arg(script));
        assert!(works, "{machine}: {said}");
    }
}

#[test]
fn balancer_security_group_and_config_agree_on_ports_and_networks() {
    let Some(read) = Site::new().read() else { return };
    let config = config(&read);
    let balancer = read.resources("servers.json", "Microsoft.Network/loadBalancers")[0];
    let probe = &balancer["properties"]["probes"][0]["properties"];
    assert_eq!(config["admin"]["probe"].as_str().unwrap(), format!("10.0.0.5:{}", probe["port"]));
    assert_eq!(probe["requestPath"], "/ready");
    let rules = balancer["properties"]["loadBalancingRules"].as_array().unwrap();
    assert_eq!(rules.iter().map(|rule| &rule["properties"]["protocol"]).collect::<Vec<_>>(), ["Udp", "Tcp"]);
    for rule in rules {
        let rule = &rule["properties"];
        assert_eq!([&rule["frontendPort"], &rule["backendPort"]], [53, 53]);
        // With a floating address the server would have to listen at the balancer's own.
        assert_eq!(rule["enableFloatingIP"], false);
    }
    assert_eq!(config["listen"][0].as_str().unwrap(), "10.0.0.5:53");
    let group = read.resources("servers.json", "Microsoft.Network/networkSecurityGroups")[0];
    let inbound: Vec<(&str, &str, &str)> = group["properties"]["securityRules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| &rule["properties"])
        .map(|rule| ["access", "protocol", "destinationPortRange"].map(|key| rule[key].as_str().unwrap()).into())
        .collect();
    assert_eq!(inbound, [("Allow", "Udp", "53"), ("Allow", "Tcp", "53"), ("Allow", "Tcp", "8053"), ("Deny", "*", "*")]);
    let clients = &group["properties"]["securityRules"][0]["properties"]["sourceAddressPrefixes"];
    let allowed: Vec<&str> =
        config["access"]["allow"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    assert_eq!(allowed, [&["127.0.0.0/8"][..], &list(clients)].concat());
    // Two probes of the balancer, and a little more.
    let wait = probe["intervalInSeconds"].as_u64().unwrap() * probe["probeThreshold"].as_u64().unwrap();
    let lameduck: u64 = config["admin"]["lameduck"].as_str().unwrap().trim_end_matches('s').parse().unwrap();
    assert!(lameduck > wait, "{lameduck} s are no longer than {wait} s");
}

/// What is wrong with the ports for clients that encrypt: what the balancer passes on and the group lets in is one list,
/// and the group lets in whoever may ask by plain DNS.
fn encrypted(read: &Read, ports: &[u64]) -> Vec<String> {
    let balancer = read.resources("servers.json", "Microsoft.Network/loadBalancers")[0];
    let group = read.resources("servers.json", "Microsoft.Network/networkSecurityGroups")[0];
    let rules = |list: &Value| -> Vec<Value> {
        let rules = list.as_array().unwrap().iter().map(|rule| rule["properties"].clone());
        rules.filter(|rule| rule["protocol"] == "Tcp" && rule["access"] != "Deny").collect()
    };
    let (passed, open) =
        (rules(&balancer["properties"]["loadBalancingRules"]), rules(&group["properties"]["securityRules"]));
    let plain = &open[0]["sourceAddressPrefixes"];
    let is_passed = |port: u64| {
        let rule = |rule: &&Value| rule["frontendPort"] == port && rule["backendPort"] == port;
        passed.iter().find(rule).is_some_and(|rule| rule["enableFloatingIP"] == false && rule["probe"].is_object())
    };
    let is_open = |port: u64| {
        let rule = |rule: &&Value| rule["destinationPortRange"].as_str() == Some(port.to_string().as_str());
        open.iter().find(rule).is_some_and(|rule| rule["sourceAddressPrefixes"] == *plain)
    };
    let mut wrong: Vec<String> = Vec::new();
    wrong.extend(ports.iter().filter(|port| !is_passed(**port)).map(|port| format!("{port} is not passed on")));
    wrong.extend(ports.iter().filter(|port| !is_open(**port)).map(|port| format!("{port} is not open to clients")));
    // Plain DNS, and the probe in the group.
    let more = [passed.len() - 1, open.len() - 2].into_iter().any(|count| count != ports.len());
    wrong.extend(more.then(|| "other ports are open or passed on".to_owned()));
    let mut priorities: Vec<u64> = open.iter().map(|rule| rule["priority"].as_u64().unwrap()).collect();
    priorities.sort_unstable();
    priorities.dedup();
    wrong.extend((priorities.len() < open.len()).then(|| "two rules have one priority".to_owned()));
    wrong
}

#[test]
fn ports_for_clients_that_encrypt_are_opened_and_passed_on_as_the_parameter_says() {
    for ports in [&[][..], &[853], &[853, 443]] {
        let mut site = Site::new();
        site.values["servers.json"]["encryptedPorts"] = json!(ports);
        let Some(read) = site.read() else { return };
        assert_eq!(read.problems, [""; 0]);
        assert_eq!(encrypted(&read, ports), [""; 0]);
    }
}

#[test]
fn no_server_asks_itself_or_has_a_public_address() {
    let Some(read) = Site::new().read() else { return };
    assert!(!has_public_address(&read));
    let interfaces = read.resources("servers.json", "Microsoft.Network/networkInterfaces");
    assert_eq!(interfaces.len(), 2);
    for interface in interfaces {
        assert_eq!(list(&interface["properties"]["dnsSettings"]["dnsServers"]), ["168.63.129.16"]);
    }
    assert_eq!(config(&read)["forward"]["upstreams"][0].as_str().unwrap(), "168.63.129.16");
}

/// Whether the interface of a server has one; that of the NAT gateway is for the way out alone.
fn has_public_address(read: &Read) -> bool {
    let interfaces = read.resources("servers.json", "Microsoft.Network/networkInterfaces");
    interfaces.iter().any(|interface| interface.to_string().contains("publicIPAddress"))
}

#[test]
fn the_role_is_the_one_of_the_page_on_azure() {
    let Some(read) = Site::new().read() else { return };
    let page = text("docs/azure.md");
    let json = page.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let said: Value = serde_json::from_str(json).unwrap();
    let role = &read.resources("rights.json", "Microsoft.Authorization/roleDefinitions")[0]["properties"];
    assert_eq!(role["permissions"][0]["actions"], said["Actions"]);
    assert_eq!([&role["roleName"], &role["description"]], [&said["Name"], &said["Description"]]);
    assert_eq!(read.resources("rights.json", "Microsoft.Authorization/roleAssignments").len(), 2);
}

#[test]
fn all_of_a_network_but_its_dns_servers_is_written_back() {
    for servers in [json!([]), json!(["10.0.0.4"]), json!(["10.9.0.4", "10.9.0.5"])] {
        let mut site = Site::new();
        site.values["vnet-dns.json"]["dnsServers"] = servers.clone();
        let Some(read) = site.read() else { return };
        let mut before = read.all["network"].clone();
        before["properties"]["dhcpOptions"]["dnsServers"] = servers;
        let after = read.resources("vnet-dns.json", "Microsoft.Network/virtualNetworks")[0];
        for key in ["location", "tags", "properties"] {
            assert_eq!(after[key], before[key], "{key}");
        }
    }
}
