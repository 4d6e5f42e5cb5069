//! Faults that keep the server from starting: one clear line, and the exit code of the contract.

use std::net::{TcpListener, UdpSocket};

use crate::support::server::fails_to_start;
use crate::support::site::{Ran, Site};
use crate::support::wait_until;

const LIST: &str = "10.1.0.1 acct.blob.core.windows.net\n";

fn one_line_with(ran: &Ran, code: i32, said: &[&str]) {
    ran.expect(code, said);
    assert_eq!(ran.stdout, "", "stdout is for the ready line");
    let about: Vec<&str> = ran.stderr.lines().filter(|line| said.iter().all(|text| line.contains(text))).collect();
    assert_eq!(about.len(), 1, "one line has it all: {}", ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
}

/// This process, as a message names it.
fn process() -> String {
    format!("(process {}) has", std::process::id())
}

#[test]
fn a_port_that_is_taken_is_named_with_who_has_it() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let site = Site::new().with_list("a.txt", LIST).with_config(&format!("listen = [\"{address}\"]"));
    one_line_with(&fails_to_start(site.command("serve")), 1, &[&address, &process(), "over UDP"]);
}

#[test]
fn a_tcp_port_that_is_taken_is_named_too() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let site = Site::new().with_list("a.txt", LIST).with_config(&format!("listen = [\"{address}\"]"));
    one_line_with(&fails_to_start(site.command("serve")), 1, &[&address, &process(), "over TCP"]);
}

#[test]
fn an_address_that_this_machine_does_not_have_is_waited_for_and_named() {
    let config = "listen = [\"127.0.0.1:0\", \"198.51.100.1:0\"]\n[admin]\nprobe = \"203.0.113.1:0\"\n";
    let site = Site::new().with_list("a.txt", LIST).with_config(config);
    let server = site.start();
    assert_eq!(server.ask("acct.privatelink.blob.core.windows.net", "A").addresses(), ["10.1.0.1"]);
    for said in ["198.51.100.1 (listen) is not an address of this machine", "203.0.113.1 ([admin] probe) is not"] {
        server.until_says(said, 0);
        assert_eq!(server.stderr().matches(said).count(), 1, "{}", server.stderr());
        wait_until("the status says so", || site.status()["server"]["absent"].to_string().contains(said));
        site.shown(&[said]);
    }
    server.stop();
}

#[test]
fn a_config_that_is_not_there_is_named() {
    let site = Site::new();
    std::fs::remove_file(site.config_file()).unwrap();
    one_line_with(&fails_to_start(site.command("serve")), 2, &["privatelink-dns.toml"]);
}

#[test]
fn a_config_that_is_a_folder_is_named() {
    let site = Site::new();
    std::fs::remove_file(site.config_file()).unwrap();
    std::fs::create_dir(site.config_file()).unwrap();
    one_line_with(&fails_to_start(site.command("serve")), 2, &["privatelink-dns.toml"]);
}

#[test]
fn a_config_that_is_no_toml_is_named_with_its_line() {
    let site = Site::new();
    site.write_raw_config("listen = [\"127.0.0.1:0\"]\nzone_dir = \n");
    one_line_with(&fails_to_start(site.command("serve")), 2, &["privatelink-dns.toml:2"]);
}
