//! The scripted Azure as Microsoft's own SDK sees it, and the metadata service at its real address.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::network::lone_host;
use crate::support::azure::Azure;
use crate::support::azure::estate::{Endpoint, GROUP, TENANT, Zone, group_scope};
use crate::support::azure::identity::{ASSIGNED, CLIENT, CLIENT_SECRET, FEDERATED};
use crate::support::azure::setting::scoped;
use crate::support::azure::tls::Certificate;
use crate::support::server::Server;
use crate::support::site::Site;

const ZONE: &str = "privatelink.blob.core.windows.net";
const KEY: &str = include_str!("../data/azure/principal.key.pem");

/// The Python that has the SDK; a loud line where `cargo xtask acceptance` has not made it.
fn python() -> Option<PathBuf> {
    let found = std::env::var_os("AZURE_SDK_PYTHON").map(PathBuf::from);
    if let Some(python) = &found {
        assert!(python.is_file(), "AZURE_SDK_PYTHON is {}, which is not there", python.display());
    } else {
        eprintln!("SKIPPED: no AZURE_SDK_PYTHON; `cargo xtask acceptance interop` installs Microsoft's SDK");
    }
    found
}

/// Endpoints in every state, of both address families, in more than one page.
fn estate(azure: &Azure) {
    let mut world = azure.world();
    for number in 0..7 {
        let rec = format!("100000000000000000{number}-ab-pod01-rec2.privatelink.we.backup.windowsazure.com");
        let blob = format!("acct{number}pod01prot100.blob.core.windows.net");
        let endpoint = Endpoint::vault(&format!("pe-{number}"));
        let endpoint = endpoint.with(&rec, &format!("10.1.0.{number}")).with(&blob, &format!("10.1.1.{number}"));
        world.estate.endpoints.push(endpoint.with(&blob, &format!("fd00::1{number}")));
    }
    let account = |name: &str| Endpoint::account(&format!("pe-0_{name}"), &format!("{name}pod01prot100"), "blob");
    let name = |name: &str| format!("{name}pod01prot100.blob.core.windows.net");
    world.estate.endpoints.push(account("waits").with(&name("waits"), "10.1.2.1").status("Pending"));
    world.estate.endpoints.push(account("goes").with(&name("goes"), "10.1.2.2").status("Disconnected"));
    world.estate.endpoints.push(account("manual").with(&name("manual"), "10.1.2.3"));
    world.estate.zones.push(Zone {
        group: GROUP.to_owned(),
        name: ZONE.to_owned(),
        records: vec![
            ("acct0pod01prot100".to_owned(), vec!["10.1.1.0".to_owned(), "fd00::a".to_owned()]),
            ("zoned1".to_owned(), vec!["10.3.0.1".to_owned()]),
            ("zoned2".to_owned(), vec!["10.3.0.2".to_owned()]),
        ],
    });
}

/// What the SDK finds.
fn by_microsoft(python: &Path, azure: &Azure, kind: &str, file: &Path) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/azure/read.py");
    let client = if kind == "user-assigned" { ASSIGNED } else { CLIENT };
    let mut command = Command::new(python);
    azure.introduce(&mut command);
    command.arg(script).args([&azure.arm(), kind, TENANT, client]).arg(file).args([GROUP, ZONE]);
    let output = command.env("REQUESTS_CA_BUNDLE", azure.ca()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{kind}: {error}: {said}"))
}

/// What ours finds: each name with each address, of the lists that it prints.
fn by_us(azure: &Azure, site: &Site) -> BTreeSet<(String, String)> {
    let ran = site.run_with(azure, "fetch", &["--print"]);
    ran.expect(0, &[]);
    let mut pairs = BTreeSet::new();
    // One list for each scope, each of which begins with the sentence that says what it is.
    for list in ran.stdout.split("# Read from Azure") {
        let list = list.split_once('\n').map_or("", |(_, rest)| rest);
        let table: toml::Table = list.parse().unwrap_or_else(|error| panic!("{error}: {list}"));
        let rows = table.get("endpoint").and_then(toml::Value::as_array).cloned().unwrap_or_default();
        for row in rows {
            let Some(name) = row.get("fqdn").and_then(toml::Value::as_str) else { continue };
            let addresses = row.get("addresses").or_else(|| row.get("address")).unwrap();
            let one = std::slice::from_ref(addresses);
            let all = addresses.as_array().map_or(one, Vec::as_slice);
            pairs.extend(all.iter().map(|address| (name.to_owned(), address.as_str().unwrap().to_owned())));
        }
    }
    pairs
}

fn pairs(list: &Value) -> BTreeSet<(String, String)> {
    serde_json::from_value(list.clone()).unwrap()
}

fn our_site(azure: &Azure) -> Site {
    let zone = format!("{}/providers/Microsoft.Network/privateDnsZones/{ZONE}", group_scope(GROUP));
    Site::new().with_config(&scoped(azure, &[&group_scope(GROUP)], &format!("private_dns_zones = [\"{zone}\"]\n")))
}

#[test]
fn microsofts_sdk_and_ours_read_the_same_records() {
    let Some(python) = python() else { return };
    let azure = Azure::start();
    estate(&azure);
    let theirs = by_microsoft(&python, &azure, "managed", Path::new("none"));
    let both = pairs(&theirs["records"]).union(&pairs(&theirs["zone"])).cloned().collect::<BTreeSet<_>>();
    assert_eq!(by_us(&azure, &our_site(&azure)), both);
    assert_eq!(both.len(), 7 * 3 + 1 + 3, "each approved endpoint, and the zone");
}

#[test]
fn microsofts_sdk_takes_every_identity_of_the_scripted_azure_and_knows_its_answers() {
    let Some(python) = python() else { return };
    let azure = Azure::start();
    estate(&azure);
    let dir = tempfile::TempDir::new().unwrap();
    let certificate = Certificate::of(KEY);
    let files = [
        ("user-assigned", ""),
        ("workload", FEDERATED),
        ("secret", CLIENT_SECRET),
        ("certificate", certificate.pem.as_str()),
    ];
    for (kind, content) in files {
        let file = dir.path().join(kind);
        std::fs::write(&file, content).unwrap();
        azure.world().identities.certificate = Some(certificate.clone());
        let found = by_microsoft(&python, &azure, kind, &file);
        assert_eq!(found["records"].as_array().unwrap().len(), 7 * 3 + 1, "{kind}");
        // Keys that real replies carry and that no specification has.
        let extra = [
            "NetworkInterface.kind",
            "NetworkInterfacePropertiesFormat.allowPort25Out",
            "PrivateEndpointProperties.resourceGuid",
        ];
        assert_eq!(found["unknown"], serde_json::json!(extra), "{kind}");
    }
}

#[test]
fn the_metadata_service_is_asked_at_its_own_address_and_through_no_proxy() {
    let Some(host) = lone_host() else { return };
    host.ip("addr add 169.254.169.254/32 dev lo");
    host.run(|| {
        let azure = Azure::start_at("169.254.169.254:80".parse().unwrap());
        estate(&azure);
        let site = Site::new().with_config(&scoped(&azure, &[&group_scope(GROUP)], ""));
        let mut command = site.azure_command(&azure, "serve");
        command.env_remove("AZURE_POD_IDENTITY_AUTHORITY_HOST");
        for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
            command.env(name, "http://127.0.0.1:9");
        }
        let server = Server::start(command);
        server.until_resolves("acct6pod01prot100.privatelink.blob.core.windows.net", "10.1.1.6");
        assert_eq!(azure.count("/metadata/identity/oauth2/token"), 1);
        server.stop();
    });
}
