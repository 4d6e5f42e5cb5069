//! A config that changes under the server: what looks like an accident waits for a person's word.

use std::process::Command;

use crate::support::client::ask;
use crate::support::server::Server;
use crate::support::site::Site;
use crate::support::upstream::Upstream;
use crate::support::wait_until;

const LIST: &str = "10.1.0.1 acct.blob.core.windows.net\n";
const OTHER: &str = "other.blob.core.windows.net";

fn upstream() -> Upstream {
    Upstream::serving(
        "other.blob.core.windows.net. 60 CNAME other.privatelink.blob.core.windows.net.\n\
         other.privatelink.blob.core.windows.net. 60 A 20.60.0.2\n",
    )
}

fn is_as_before(site: &Site, server: &Server, said: &str) {
    server.until_says(said, 0);
    server.until_says("privatelink-dns reload", 0);
    assert_eq!(server.resolves(OTHER), ["20.60.0.2"], "somebody else's account");
    assert_eq!(server.resolves("acct.privatelink.blob.core.windows.net"), ["10.1.0.1"]);
    assert!(site.status()["config"]["problems"].to_string().contains(said));
}

#[test]
fn an_emptied_config_is_not_taken_by_itself_and_check_says_that_it_hosts_nothing() {
    let upstream = upstream();
    let site = Site::new().with_upstream(&upstream).with_list("a.txt", LIST);
    let server = site.start();
    site.write_raw_config("");
    is_as_before(&site, &server, "it hosts no zone");
    server.stop();
    for text in ["", "zone_dir = \"nowhere\"\n"] {
        site.write_raw_config(text);
        site.run("check", &[]).expect(2, &["hosts no zone"]);
    }
    // Without a zone file there is nothing to serve at all.
    site.run("serve", &[]).expect(2, &["hosts no zone"]);
    site.run("query", &["acct.blob.core.windows.net"]).expect(2, &["hosts no zone"]);
}

#[test]
fn a_config_that_drops_a_source_or_a_zone_waits_for_a_persons_word() {
    let upstream = upstream();
    let mut site =
        Site::new().with_upstream(&upstream).with_list("a.txt", LIST).with_config("[backup]\ngeos = [\"we\", \"ne\"]");
    let server = site.start();
    let good = std::fs::read_to_string(site.config_file()).unwrap();
    site.remove_config("sources");
    is_as_before(&site, &server, "source 'a.txt' is no longer in it");
    site.write_raw_config(&good.replace("\"we\", \"ne\"", "\"we\""));
    is_as_before(&site, &server, "zone 'privatelink.ne.backup.windowsazure.com' is no longer in it");
    site.run("reload", &[]).expect(0, &["config read"]);
    assert_eq!(site.status()["config"]["problems"], serde_json::json!([]), "a reload by hand is consent");
    server.stop();
}

#[test]
fn on_miss_of_a_storage_zone_follows_from_its_name_and_not_from_the_config_that_mentions_it() {
    let upstream = upstream();
    let site = Site::new().with_upstream(&upstream).with_list("a.txt", LIST);
    site.sync();
    let address = upstream.address();
    site.write_raw_config(&format!(
        "listen = [\"127.0.0.1:0\"]\nzone_dir = \"zones\"\n[forward]\nupstreams = [\"{address}\"]\n"
    ));
    let server = site.start();
    assert_eq!(ask(OTHER, "A").to(server.address()).rcode, "NOERROR", "its file is there, so it is hosted");
    assert_eq!(server.resolves(OTHER), ["20.60.0.2"]);
    server.stop();
}

#[test]
fn a_config_in_another_encoding_or_no_file_at_all_is_named_with_what_to_do() {
    let site = Site::new();
    let utf16: Vec<u8> =
        std::iter::once(0xfeff).chain("listen = []\n".encode_utf16()).flat_map(u16::to_le_bytes).collect();
    std::fs::write(site.config_file(), utf16).unwrap();
    site.run("check", &[]).expect(2, &["save the config as UTF-8"]);
    std::fs::remove_file(site.config_file()).unwrap();
    nix::unistd::mkfifo(&site.config_file(), nix::sys::stat::Mode::S_IRWXU).unwrap();
    site.run("check", &[]).expect(2, &["it is a pipe, socket or device"]);
    std::fs::remove_file(site.config_file()).unwrap();
    std::os::unix::fs::symlink("/dev/zero", site.config_file()).unwrap();
    site.run("check", &[]).expect(2, &["it is a pipe, socket or device"]);
}

#[test]
fn a_config_that_others_may_write_or_whose_secrets_they_may_read_is_warned_of() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new().with_config("[cookies]\nsecrets = [\"000102030405060708090a0b0c0d0e0f\"]");
    for (mode, said) in [(0o644, Some("may read it")), (0o666, Some("may write the config")), (0o640, None)] {
        set_permissions(site.config_file(), Permissions::from_mode(mode)).unwrap();
        let ran = site.run("check", &[]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(ran.all().contains("every user of this machine"), said.is_some(), "{ran:?}");
        assert!(said.is_none_or(|said| ran.all().contains(said)), "{ran:?}");
    }
}

#[test]
fn the_control_socket_goes_where_the_new_config_has_it_and_reload_says_what_waits_for_the_next_start() {
    let mut site = Site::new().with_list("a.txt", LIST);
    let server = site.start();
    site.add("control = \"elsewhere.sock\"");
    wait_until("the socket has moved", || site.run("status", &["--live"]).code == Some(0));
    assert!(!site.path("zones/.control.sock").exists());
    site.add("listen = [\"127.0.0.9:0\"]");
    site.run("reload", &[]).expect(0, &["config read", "'listen' changed; that takes effect at the next start"]);
    site.shown(&["waits: ", ": 'listen' changed"]);
    server.stop();
}

#[test]
fn without_descriptors_for_new_upstreams_the_old_ones_stay_and_the_next_reload_takes_the_new_ones() {
    let upstream = upstream();
    let mut site = Site::new().with_upstream(&upstream).with_list("a.txt", LIST);
    let server = site.start();
    let pid = server.pid().to_string();
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    let limit = |count: usize| {
        let limit = format!("--nofile={count}:1024");
        assert!(Command::new("prlimit").args(["--pid", &pid, &limit]).status().unwrap().success());
    };
    site.add("[forward]\nupstreams = [\"127.0.0.7:9\"]");
    // Enough to read the config and to talk, not enough for an event loop of its own.
    let mut refused = false;
    for more in 1..6 {
        limit(open + more);
        let ran = site.run("reload", &[]);
        refused |= ran.all().contains("Too many open files");
        limit(1024);
        site.add(&format!("[forward]\nupstreams = [\"127.0.0.7:{}\"]", 10 + more));
    }
    assert!(refused, "some of it failed");
    site.add(&format!("[forward]\nupstreams = [\"{}\"]", upstream.address()));
    site.run("reload", &[]).expect(0, &["config read"]);
    assert_eq!(server.resolves(OTHER), ["20.60.0.2"]);
    server.stop();
}
