//! Where a server listens: at addresses that its host gets later, and after a restart where `listen` says and nowhere
//! else.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::network::{Host, lone_host, two_hosts};
use crate::support::client::ask;
use crate::support::manager::Manager;
use crate::support::server::Server;
use crate::support::site::Site;
use crate::support::wait_until;
use crate::support::web::get;

const LIST: &str = "10.1.0.1 acct.blob.core.windows.net\n";
const NAME: &str = "acct.privatelink.blob.core.windows.net";

/// Waits until a host gets an answer from an address. The client's socket is connected: it hears that address alone.
fn until_answers(client: &Host, address: SocketAddr) {
    let any: IpAddr = if address.is_ipv4() { [0, 0, 0, 0].into() } else { [0_u16; 8].into() };
    let question = ask(NAME, "A").from(any).patience(Duration::from_millis(500));
    wait_until(&format!("{address} answers"), || {
        client.run(|| question.try_to(address).is_ok_and(|reply| reply.addresses() == ["10.1.0.1"]))
    });
    assert_eq!(client.run(|| ask(NAME, "A").tcp().to(address)).addresses(), ["10.1.0.1"], "{address} over TCP");
}

#[test]
fn an_address_that_comes_after_the_start_goes_and_comes_back_is_answered_from_each_time() {
    let Some([server_host, client_host]) = two_hosts() else { return };
    for address in ["192.0.2.101/24", "2001:db8::101/64 nodad"] {
        client_host.ip(&format!("addr add {address} dev wire"));
    }
    let config = "listen = [\"192.0.2.1:0\", \"[2001:db8::1]:0\"]\n[access]\nallow = [\"0.0.0.0/0\", \"::/0\"]\n\
                  [admin]\nprobe = \"192.0.2.1:0\"\n";
    let site = Site::new().with_list("a.txt", LIST).with_config(config);
    let server = server_host.run(|| site.start());
    for (address, length) in [(server.address(), "24"), (server.address6(), "64")] {
        let ip = address.ip();
        let (gone, here) = (format!("{ip} (listen) is not an address"), format!("{ip} (listen) is an address"));
        for _ in 0..2 {
            let start = server.stderr().rfind(&gone).unwrap_or_default();
            server.until_says(&gone, start);
            // An IPv6 address is not usable before nobody else turns out to have it.
            server_host.ip(&format!("addr add {ip}/{length} dev wire"));
            until_answers(&client_host, address);
            server.until_says(&here, start);
            let start = server.stderr().len();
            server_host.ip(&format!("addr del {ip}/{length} dev wire"));
            server.until_says(&gone, start);
        }
        server_host.ip(&format!("addr add {ip}/{length} dev wire"));
        until_answers(&client_host, address);
    }
    let probe = server.probe();
    assert_eq!(client_host.run(|| get(probe, "/ready")).code, 200);
    wait_until("nothing is absent", || site.status()["server"]["absent"] == serde_json::json!([]));
    server.stop();
}

#[test]
fn a_kept_socket_is_not_in_the_way_of_a_wildcard_address() {
    let Some(host) = lone_host() else { return };
    let manager = Manager::new();
    let mut site = Site::new().with_list("a.txt", LIST).with_config("listen = [\"127.0.0.1:0\"]");
    let start = |site: &Site| host.run(|| Server::start(manager.command(&site.command("serve"))));
    let server = start(&site);
    let address = server.address();
    server.stop();
    let mut kept = manager.kept();
    assert!(!kept.is_empty());
    for wanted in ["0.0.0.0", "127.0.0.1"] {
        site.add(&format!("listen = [\"{wanted}:{}\"]", address.port()));
        let server = start(&site);
        assert_eq!(host.run(|| ask(NAME, "A").to(address)).addresses(), ["10.1.0.1"], "{wanted}");
        let before = std::mem::replace(&mut kept, manager.kept());
        assert!(
            kept.len() == before.len() && kept.iter().all(|socket| socket.contains(&format!(" {wanted}:"))),
            "{kept:?}"
        );
        server.stop();
    }
}
