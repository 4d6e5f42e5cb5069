//! Peers as an operator sees them: what each secondary has, and whether another server of ours serves the same.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;

use serde_json::Value;

use crate::support::client::ask;
use crate::support::site::Site;
use crate::support::wait_until;
use crate::support::web::get;

const RPZ: &str = "rpz.privatelink";
const ADMIN: &str = "[admin]\nlisten = \"127.0.0.1:0\"\nprobe = \"127.0.0.1:0\"";

fn list(address: &str) -> String {
    format!("{address} acct.blob.core.windows.net\n10.1.0.9 1-ab-pod01-rec2.privatelink.we.backup.windowsazure.com\n")
}

fn site() -> Site {
    Site::new()
        .with_list("a.txt", list("10.1.0.1"))
        .with_config("[backup]\ngeos = [\"we\"]\n[sync]\nmax_removed = \"100%\"")
        .with_config(ADMIN)
}

/// A secondary that listens for NOTIFY and has no key: it is known by its address.
struct Secondary(UdpSocket);

impl Secondary {
    fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        Self(socket)
    }

    fn config(&self) -> String {
        let address = self.0.local_addr().unwrap();
        format!("[feed]\nrpz = \"{RPZ}\"\n[[peers]]\nname = \"lab\"\naddress = [\"{address}\"]\nzones = [\"rpz\"]")
    }

    /// Waits for a NOTIFY of this serial; answers it with this RCODE.
    fn answers(&self, serial: u64, rcode: u8) {
        let mut buffer = [0; 1232];
        loop {
            let (length, from) = self.0.recv_from(&mut buffer).unwrap();
            let mut message = buffer[..length].to_vec();
            // Serial, then refresh, retry, expire and minimum.
            let end = length - 16;
            let told = u32::from_be_bytes(message[end - 4..end].try_into().unwrap());
            (message[2], message[3]) = (message[2] | 0x80, rcode);
            message.truncate(12 + RPZ.len() + 2 + 4);
            message[6..12].fill(0);
            self.0.send_to(&message, from).unwrap();
            if u64::from(told) == serial {
                return;
            }
        }
    }
}

/// The only zone of the only peer.
fn zone(site: &Site) -> Value {
    site.status()["peers"][0]["zones"][0].clone()
}

#[test]
fn a_secondary_has_what_it_took_and_lacks_what_was_published_since() {
    let secondary = Secondary::new();
    let site = site().with_config(&secondary.config());
    let server = site.start();
    wait_until("the feed is in service", || zone(&site)["serial"].as_u64().is_some());
    wait_until("the peer is told", || zone(&site)["notify"][0]["tries"].as_u64() > Some(0));
    let before = zone(&site);
    assert!(before["behind_since"].as_u64().is_some() && before["taken"].is_null(), "{before}");
    assert!(site.run("status", &[]).all().contains("has not answered"), "{before}");

    let serial = before["serial"].as_u64().unwrap();
    let reply = ask(RPZ, "AXFR").tcp().to(server.address());
    assert_eq!(reply.rcode, "NOERROR", "{reply}");
    wait_until("the transfer is noted", || zone(&site)["taken"].as_u64() == Some(serial));
    let after = zone(&site);
    assert!(after["behind_since"].is_null() && after["transfers"] == 1, "{after}");
    server.until_says(&format!("serial {serial} taken"), 0);
    let metrics = get(server.admin(), "/metrics").body;
    for line in [
        format!("privatelink_dns_peer_serial{{peer=\"lab\",zone=\"{RPZ}\"}} {serial}"),
        format!("privatelink_dns_peer_transfers_total{{peer=\"lab\",zone=\"{RPZ}\"}} 1"),
        format!("privatelink_dns_peer_behind_seconds{{peer=\"lab\",zone=\"{RPZ}\"}} 0"),
    ] {
        assert!(metrics.contains(&line), "{line}\n{metrics}");
    }

    site.rename_list("a.txt", list("10.1.0.2"));
    wait_until("the feed changed", || zone(&site)["serial"].as_u64() > Some(serial));
    let serial = zone(&site)["serial"].as_u64().unwrap();
    secondary.answers(serial, 0);
    wait_until("the peer knows", || zone(&site)["notify"][0]["state"] == "acknowledged");
    assert!(zone(&site)["behind_since"].as_u64().is_some(), "it knows of the change, and did not take it");
    let page = get(server.admin(), "/").body;
    assert!(page.contains("id=\"peers\""), "{page}");
    server.stop();
}

#[test]
fn a_secondary_that_refuses_notify_is_shown_with_its_rcode() {
    let secondary = Secondary::new();
    let site = site().with_config(&secondary.config());
    let server = site.start();
    wait_until("the feed is in service", || zone(&site)["serial"].as_u64().is_some());
    secondary.answers(zone(&site)["serial"].as_u64().unwrap(), 9);
    wait_until("the refusal is noted", || zone(&site)["notify"][0]["rcode"] == "NOTAUTH");
    assert!(site.run("status", &[]).all().contains("answered NOTIFY with NOTAUTH"));
    server.stop();
}

#[test]
fn two_servers_with_the_same_lists_are_in_step_and_the_zone_that_differs_is_named() {
    let (a, b) = (site(), site());
    let (server_a, server_b) = (a.start(), b.start());
    let peer = server_b.admin().to_string();
    wait_until("both are in step", || a.run("status", &["--peer", &peer]).code == Some(0));
    a.run("status", &["--peer", &format!("http://{peer}/")])
        .expect(0, &["in step with", "3 zones with the same records"]);

    b.rename_list("a.txt", list("10.1.0.2"));
    server_b.until_resolves("acct.privatelink.blob.core.windows.net", "10.1.0.2");
    // The admin listener keeps a status for a moment.
    wait_until("the difference is seen", || a.run("status", &["--peer", &peer]).code == Some(3));
    let differs = a.run("status", &["--peer", &peer]);
    differs.expect(3, &["out of step with", "1 of 3 zones", "privatelink.blob.core.windows.net: other records"]);
    let json: Value = serde_json::from_str(&a.run("status", &["--json", "--peer", &peer]).stdout).unwrap();
    assert_eq!((&json["version"], &json["in_step"]), (&Value::from(1), &Value::from(false)));
    let same: Vec<&Value> = json["zones"].as_array().unwrap().iter().map(|zone| &zone["same"]).collect();
    assert_eq!(same.iter().filter(|same| **same == &Value::from(false)).count(), 1, "{json}");
    server_a.stop();
    server_b.stop();
}

#[test]
fn a_server_that_cannot_be_compared_with_says_why() {
    let site = site();
    let server = site.start();
    let closed: SocketAddr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (peer, said) in [
        (closed.to_string(), "no answer"),
        (server.probe().to_string(), "that is the probe listener"),
        (format!("localhost.:{}", closed.port()), "no answer"),
    ] {
        site.run("status", &["--peer", &peer]).expect(1, &[said]);
    }
    site.run("status", &["--peer", "https://10.0.0.5"]).expect(2, &["speaks http alone"]);
    server.stop();
}
