//! Views beside other people's programs: what a secondary in a view gets.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::support::client::ask;
use crate::support::server::Server;
use crate::support::site::Site;
use crate::support::wait_until;
use crate::tool::{find, run};

const ZONE: &str = "privatelink.we.backup.windowsazure.com";

const SECRET: &str = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U=";

/// A vault with one address for the clients of view `b`, and another for everybody else; a peer for each of both.
fn site() -> Site {
    let site = Site::new()
        .with_config("[backup]\ngeos = [\"we\"]")
        .with_list("base.txt", format!("10.9.0.4 vault.{ZONE}\n10.9.0.5 shared.{ZONE}\n"))
        .with_list("b.txt", format!("10.2.0.4 vault.{ZONE}\n"))
        .with_config("[[views]]\nname = \"b\"\nclients = [\"127.0.2.0/24\"]\nsources = [\"b.txt\"]")
        .with_config("[[keys]]\nname = \"k1\"\nsecret_file = \"config/k1\"")
        .with_config("[[keys]]\nname = \"k2\"\nsecret_file = \"config/k1\"");
    let peer = |name: &str, key: &str, view: &str| {
        format!(
            "[[peers]]\nname = \"{name}\"\naddress = [\"127.0.0.1:9\"]\nkey = \"{key}\"\nzones = [\"backup\"]\n{view}"
        )
    };
    let site = site.with_config(&peer("of-b", "k1", "view = \"b\"")).with_config(&peer("of-base", "k2", ""));
    std::fs::write(site.path("config/k1"), SECRET).unwrap();
    std::fs::set_permissions(site.path("config/k1"), PermissionsExt::from_mode(0o600)).unwrap();
    site
}

/// What `dig` prints, one record a line.
fn dig(dig: &Path, server: &Server, key: &str, question: &[&str]) -> Vec<String> {
    let (port, key) = (server.address().port().to_string(), format!("hmac-sha256:{key}:{SECRET}"));
    let fixed = ["@127.0.0.1", "-p", &port, "-y", &key, "+onesoa", "+nocmd", "+nostats", "+nocomments"];
    let (is_good, text) = run(Command::new(dig).args(fixed).args(question));
    assert!(is_good, "{text}");
    let lines = text.lines().filter(|line| !line.starts_with(';') && !line.is_empty());
    let lines: Vec<String> = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert!(lines.iter().any(|line| line.contains(" IN ")), "{text}");
    lines.into_iter().filter(|line| !line.contains(" TSIG ")).collect()
}

#[test]
fn a_peer_of_a_view_gets_the_zones_of_that_view_and_their_serial() {
    let Some(program) = find("dig") else { return };
    let site = site();
    let server = Server::start(site.command("serve"));
    let name = format!("vault.{ZONE}");
    wait_until("the view is read", || {
        ask(&name, "A").from([127, 0, 2, 7].into()).to(server.address()).addresses() == ["10.2.0.4"]
    });
    for (key, address) in [("k1", "10.2.0.4"), ("k2", "10.9.0.4")] {
        let zone = dig(&program, &server, key, &["AXFR", ZONE]);
        let mut addresses: Vec<&String> = zone.iter().filter(|record| record.contains(" A ")).collect();
        addresses.sort();
        assert_eq!(addresses, [&format!("shared.{ZONE}. 10 IN A 10.9.0.5"), &format!("{name}. 10 IN A {address}")]);
        // The serial that it asks for first is that of the zone that it transfers, wherever it asks from.
        assert_eq!(dig(&program, &server, key, &["SOA", ZONE, "+noall", "+answer"])[0], zone[0], "{key}");
        assert_eq!(dig(&program, &server, key, &["A", &name]), [format!("{name}. 10 IN A {address}")], "{key}");
    }
    let peers = site.status()["peers"].clone();
    assert_eq!((peers[0]["view"].as_str(), peers[1]["view"].as_str()), (Some("b"), None), "{peers}");
    assert_eq!(peers[0]["zones"][0]["taken"], peers[0]["zones"][0]["serial"], "{peers}");
}
