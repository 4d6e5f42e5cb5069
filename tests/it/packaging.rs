//! The files of the packages: unit, users, config. They fit each other, and what the server does.

use std::path::{Path, PathBuf};
use std::time::Duration;

use privatelink_dns::config::Config;

use crate::support::site::Site;
use crate::support::upstream::Upstream;
use crate::support::wait_until;
use crate::support::web::get;

const CONFIG: &str = include_str!("../../packaging/privatelink-dns.toml");
const IMAGE_CONFIG: &str = include_str!("../../packaging/image/privatelink-dns.toml");
const UNIT: &str = include_str!("../../packaging/privatelink-dns.service");
const USERS: &str = include_str!("../../packaging/privatelink-dns.sysusers");
const ARC: &str = include_str!("../../packaging/himds.conf");

/// Where the packages put the config.
const FILE: &str = "/etc/privatelink-dns/privatelink-dns.toml";

/// The folders of the packages' layout.
const FOLDERS: [&str; 3] = ["/etc/privatelink-dns", "/var/lib/privatelink-dns", "/run/privatelink-dns"];

/// The config, on a machine without its groups.
fn config() -> Config {
    let groups = ["privatelink-dns-ask", "privatelink-dns-approve"];
    let text = groups.iter().fold(CONFIG.to_owned(), |text, group| text.replace(&format!("\"{group}\""), "0"));
    let (config, problems) = Config::parse(Path::new(FILE), &text);
    assert!(problems.is_empty(), "{problems:?}");
    config
}

/// The values of a key of the unit, one after the other.
fn unit(key: &str) -> Vec<&'static str> {
    UNIT.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect()
}

fn seconds(key: &str) -> Duration {
    unit(key)[0].strip_suffix('s').and_then(|text| text.parse().ok()).map(Duration::from_secs).unwrap()
}

#[test]
fn the_config_has_no_unknown_key_absolute_paths_alone_and_lets_private_networks_ask() {
    let config = config();
    let listen: Vec<String> = config.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["127.0.0.1:53"], "free beside systemd-resolved");
    for (client, may) in [("10.0.0.9", true), ("fd00::9", true), ("192.0.2.9", false), ("2001:db8::9", false)] {
        assert_eq!(config.access.permits(client.parse().unwrap()), may, "{client}");
    }
    let table: toml::Table = CONFIG.parse().unwrap();
    for key in ["zone_dir", "state_dir", "control"] {
        let path = table[key].as_str().unwrap();
        assert!(FOLDERS.iter().any(|folder| Path::new(path).starts_with(folder)), "{key}: {path}");
    }
    let sources = table["sources"].as_array().unwrap();
    assert_eq!(sources[0]["path"].as_str(), Some("/etc/privatelink-dns/endpoints/*"));
    assert_eq!(config.control, Some(PathBuf::from("/run/privatelink-dns/control.sock")));
}

#[test]
fn the_config_of_the_image_differs_from_that_of_the_packages_in_listeners_clients_and_groups_alone() {
    let (config, problems) = Config::parse(Path::new(FILE), IMAGE_CONFIG);
    assert!(problems.is_empty(), "{problems:?}");
    let [mut packages, mut image] = [CONFIG, IMAGE_CONFIG].map(|text| text.parse::<toml::Table>().unwrap());
    let networks = |table: &toml::Table| table["access"]["allow"].as_array().unwrap().clone();
    let (fewer, more) = (networks(&packages), networks(&image));
    assert!(fewer.iter().all(|network| more.contains(network)), "{more:?}");
    for table in [&mut packages, &mut image] {
        for key in ["listen", "control_group", "approve_group", "access", "admin"] {
            table.remove(key);
        }
    }
    assert_eq!(packages, image);
    // Docker and podman kill ten seconds after SIGTERM; a drain without slow upstreams takes half of one.
    assert!(config.admin.lameduck + Duration::from_secs(1) < Duration::from_secs(10));
}

#[test]
fn the_config_unit_and_users_agree_on_paths_groups_and_times() {
    let config = config();
    for key in ["ExecStart", "ExecReload"] {
        let command = unit(key)[0];
        assert!(command.starts_with("/usr/bin/privatelink-dns ") && command.ends_with(&format!(" --config {FILE}")));
    }
    let state: Vec<PathBuf> =
        unit("StateDirectory")[0].split(' ').map(|name| Path::new("/var/lib").join(name)).collect();
    assert!(
        state.contains(&config.zones.zone_dir) && state.contains(&config.sync.state.folder().to_owned()),
        "{state:?}"
    );
    let run = Path::new("/run").join(unit("RuntimeDirectory")[0]);
    assert_eq!(config.control.as_deref().and_then(Path::parent), Some(&*run));
    let made = |kind: &str, name: &str| USERS.lines().any(|line| line.split_whitespace().take(2).eq([kind, name]));
    assert!(made("u", unit("User")[0]) && unit("User") == unit("Group"), "a user has a group of its own name");
    let table: toml::Table = CONFIG.parse().unwrap();
    for key in ["control_group", "approve_group"] {
        assert!(made("g", table[key].as_str().unwrap()), "{key}");
    }
    // The drain takes six seconds.
    assert!(seconds("TimeoutStopSec") >= config.admin.lameduck + Duration::from_secs(10));
    assert_eq!(unit("RestartPreventExitStatus"), ["2"], "a wrong config is not tried again");
    assert_eq!(unit("Type"), ["notify"]);
}

#[test]
fn the_drop_in_for_arc_is_the_one_that_the_documentation_shows() {
    let own: Vec<&str> = ARC.lines().filter(|line| !line.starts_with('#')).collect();
    let shown = format!("```ini\n{}\n```", own.join("\n"));
    assert!(include_str!("../../docs/azure.md").contains(&shown), "{shown}");
}

/// The packages' config with its folders elsewhere and ports that are free.
fn installed() -> Site {
    let site = Site::new();
    for folder in ["endpoints", "zones", "state"] {
        std::fs::create_dir_all(site.path("installed").join(folder)).unwrap();
    }
    let root = site.path("installed");
    let moved = FOLDERS
        .iter()
        .fold(CONFIG.to_owned(), |text, folder| text.replace(&format!("\"{folder}"), &format!("\"{}", root.display())));
    let changes = [
        ("\"127.0.0.1:53\"", "\"127.0.0.1:0\""),
        ("\"127.0.0.1:9153\"", "\"127.0.0.1:0\""),
        ("\"privatelink-dns-ask\"", "0"),
        ("\"privatelink-dns-approve\"", "0"),
        ("\"12s\"", "\"0s\""),
    ];
    site.write_raw_config(&changes.iter().fold(moved, |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    }));
    site
}

#[test]
fn check_of_a_new_installation_says_what_is_missing_and_what_to_do_and_does_not_fail() {
    let site = installed();
    let ran = site.run("check", &[]);
    let folder = site.path("installed/endpoints");
    ran.expect(0, &["there is no list yet: put an endpoint list into ", folder.to_str().unwrap(), ": good; 1 source"]);
    assert!(!ran.all().contains("error:"), "{ran:#?}");
    std::fs::write(folder.join("vault.txt"), "10.1.0.1 acct.blob.core.windows.net\n").unwrap();
    let ran = site.run("check", &[]);
    ran.expect(0, &[": good; 1 source, 1 listed record"]);
}

#[test]
fn doctor_of_a_new_installation_asks_for_the_first_list_alone_and_for_geo_codes_once_a_list_names_them() {
    let site = installed();
    let found = |id: &str| {
        let ran = site.run("doctor", &["--json"]);
        let found: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let sections = found["sections"].as_array().unwrap().iter();
        let mut all = sections.flat_map(|section| section["findings"].as_array().unwrap());
        all.find(|finding| finding["id"] == id).map(|finding| finding["state"].clone()).unwrap()
    };
    assert_eq!((found("PD103"), found("PD106")), ("skipped".into(), "warning".into()));
    let list = "10.1.0.1 1000000000000000001-ab-pod01-id1.privatelink.we.backup.windowsazure.com\n";
    std::fs::write(site.path("installed/endpoints/vault.txt"), list).unwrap();
    assert_eq!((found("PD103"), found("PD106")), ("warning".into(), "good".into()));
}

#[test]
fn a_new_installation_starts_waits_for_its_first_list_and_is_well_once_it_has_one() {
    let upstream = Upstream::serving("www.example. 60 A 192.0.2.1");
    let site = installed();
    let config = std::fs::read_to_string(site.config_file()).unwrap();
    let forward = format!("upstreams = [\"{}\"]", upstream.address());
    site.write_raw_config(&config.replace("upstreams = [\"system\"]", &forward));
    let server = site.start();
    site.shown(&["error: no list was read yet; ", "warning: source 'endpoints' gives nothing: there is no list yet"]);
    assert_eq!(get(server.admin(), "/ready").code, 503, "its zones have no contents yet");
    assert_eq!(server.ask("acct.blob.core.windows.net", "A").rcode, "NXDOMAIN", "the upstream's answer");
    assert_eq!(server.ask("acct.privatelink.blob.core.windows.net", "A").rcode, "SERVFAIL");
    assert!(!server.stderr().contains("ERROR"), "nothing is wrong: {}", server.stderr());
    std::fs::write(site.path("installed/endpoints/vault.txt"), "10.1.0.1 acct.blob.core.windows.net\n").unwrap();
    server.until_resolves("acct.privatelink.blob.core.windows.net", "10.1.0.1");
    wait_until("all is well", || site.shown(&[]).starts_with("all well: 2 zones, "));
    // The listener keeps a status for a moment.
    wait_until("it is ready", || get(server.admin(), "/ready").code == 200);
    server.stop();
}
