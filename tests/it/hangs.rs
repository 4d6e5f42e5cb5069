//! A share that hangs: whatever touches it waits for ever, and nothing else does.
//!
//! The share is a shim between the server and the C library (`tests/support/hang.c`): calls about paths below `/hangs/`
//! do not come back as long as a file is there. It needs a C compiler, which building Rust needs anyway.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use nix::sys::signal::Signal;

use crate::support::server::Server;
use crate::support::site::Site;
use crate::support::wait_until;
use crate::support::web::get;

const LIST: &str = "10.1.0.1 acct.blob.core.windows.net\n";
const NAME: &str = "acct.privatelink.blob.core.windows.net";
const FAR: &str = "far.privatelink.blob.core.windows.net";

pub(crate) fn shim() -> PathBuf {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let shim = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("hang.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hang.c");
        let built = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&shim).arg(source).status();
        assert!(built.expect("a C compiler").success());
        shim
    };
    SHIM.get_or_init(build).clone()
}

/// A good list, and one on a share that hangs while the flag is there.
fn site() -> Site {
    let site = Site::new()
        .with_list("near.txt", LIST)
        .with_config("[[sources]]\nname = \"far\"\npath = \"hangs/far.txt\"")
        .with_config("[admin]\nlisten = \"127.0.0.1:0\"")
        .with_config("[sync]\npass_deadline = \"300ms\"\ninterval = \"1s\"\nmax_removed = \"100%\"");
    std::fs::create_dir(site.path("hangs")).unwrap();
    std::fs::write(site.path("hangs/far.txt"), "10.1.0.2 far.blob.core.windows.net\n").unwrap();
    site
}

fn hang(site: &Site) {
    std::fs::write(site.path("flag"), "").unwrap();
}

fn heal(site: &Site) {
    std::fs::remove_file(site.path("flag")).unwrap();
}

fn start(site: &Site) -> Server {
    let mut command = site.command("serve");
    command.env("LD_PRELOAD", shim()).env("HANG_WHILE", site.path("flag"));
    Server::start(command)
}

fn far(site: &Site) -> serde_json::Value {
    let status = site.status();
    status["sources"].as_array().unwrap().iter().find(|source| source["name"] == "far").unwrap().clone()
}

#[test]
fn a_cold_start_with_a_share_that_hangs_gets_ready_serves_the_rest_and_hears_sigterm() {
    let site = site();
    hang(&site);
    let mut server = start(&site);
    wait_until("the near list is served", || server.resolves(NAME) == ["10.1.0.1"]);
    wait_until("the far one is named", || far(&site)["errors"].to_string().contains("no answer"));
    server.until_says("source 'far': no answer", 0);
    wait_until("its health names it", || get(server.admin(), "/health").body.contains("source 'far' does not answer"));
    assert_eq!(get(server.admin(), "/health").code, 200, "a restart does not mend a share");
    server.signal(Signal::SIGTERM);
    assert_eq!(server.ended().code(), Some(0), "it does not wait for the share");
}

#[test]
fn while_the_first_zones_cannot_be_read_it_is_healthy_not_ready_and_says_why() {
    let mut site = Site::new().with_list("near.txt", LIST);
    std::fs::create_dir(site.path("hangs")).unwrap();
    site.add("zone_dir = \"hangs\"\ncontrol = \"control.sock\"\n[admin]\nprobe = \"127.0.0.1:0\"");
    hang(&site);
    let mut command = site.command("serve");
    command.env("LD_PRELOAD", shim()).env("HANG_WHILE", site.path("flag"));
    let mut server = Server::begin(command);
    server.until_says("[admin] probe is open address=", 0);
    let log = server.stderr();
    let probe = log.split_once("probe is open address=").unwrap().1.lines().next().unwrap().parse().unwrap();
    let not_ready = get(probe, "/ready");
    assert_eq!(not_ready.code, 503);
    assert!(not_ready.body.starts_with("starting"), "{}", not_ready.body);
    assert_eq!(get(probe, "/health").code, 200);
    let is_late = || site.status()["at"].as_u64() > site.status()["server"]["started"].as_u64().map(|at| at + 11);
    wait_until("it has waited long", is_late);
    assert_eq!(get(probe, "/health").code, 200, "a restart does not mend a disk");
    heal(&site);
    wait_until("it is ready", || get(probe, "/ready").code == 200);
    server.signal(Signal::SIGTERM);
    assert_eq!(server.ended().code(), Some(0));
}

#[test]
fn a_share_that_begins_to_hang_keeps_its_records_holds_up_nobody_and_heals_by_itself() {
    let site = site();
    let server = start(&site);
    server.until_resolves(FAR, "10.1.0.2");
    hang(&site);
    server.until_says("source 'far': no answer", 0);
    site.rename_list("near.txt", "10.1.0.9 acct.blob.core.windows.net\n");
    server.until_resolves(NAME, "10.1.0.9");
    assert_eq!(server.resolves(FAR), ["10.1.0.2"], "its last good lists stay in use");
    assert!(far(&site)["last_good"].is_u64());
    let ran = site.run("sync", &["--running"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    ran.expect(1, &["source 'far': no answer"]);
    site.write_zone("corp.example", "$TTL 9\n@ SOA a. b. 1 2 3 4 5\n@ NS a.\n@ A 10.0.0.1\n");
    server.until_resolves("corp.example", "10.0.0.1");
    std::fs::write(site.path("hangs/far.txt"), "10.1.0.3 far.blob.core.windows.net\n").unwrap();
    heal(&site);
    server.until_resolves(FAR, "10.1.0.3");
    wait_until("it is named no more", || far(&site)["errors"] == serde_json::json!([]));
    server.stop();
}

#[test]
fn a_zone_folder_that_hangs_keeps_neither_status_nor_sigterm_waiting() {
    let mut site = Site::new().with_list("near.txt", LIST).with_config("[sync]\ninterval = \"1s\"");
    std::fs::create_dir(site.path("hangs")).unwrap();
    site.add("zone_dir = \"hangs\"\ncontrol = \"control.sock\"");
    let mut server = start(&site);
    server.until_resolves(NAME, "10.1.0.1");
    hang(&site);
    let hangs = |status: &serde_json::Value| {
        status["sync"]["running_since"].as_u64().is_some_and(|since| status["at"].as_u64().unwrap() > since + 2)
    };
    wait_until("a pass hangs", || hangs(&site.status()));
    assert_eq!(server.resolves(NAME), ["10.1.0.1"], "answers are given from memory");
    server.signal(Signal::SIGTERM);
    assert_eq!(server.ended().code(), Some(0));
}

#[test]
fn a_freeze_does_not_wait_for_a_pass_that_hangs_on_a_share_and_that_pass_writes_nothing_then() {
    let site = Site::new()
        .with_list("near.txt", LIST)
        .with_config("[[sources]]\nname = \"far\"\npath = \"hangs/far.txt\"")
        .with_config("[sync]\npass_deadline = \"1h\"\ninterval = \"1h\"\nmax_removed = \"100%\"");
    std::fs::create_dir(site.path("hangs")).unwrap();
    std::fs::write(site.path("hangs/far.txt"), "10.1.0.2 far.blob.core.windows.net\n").unwrap();
    let server = start(&site);
    server.until_resolves(FAR, "10.1.0.2");
    hang(&site);
    site.rename_list("near.txt", "10.1.0.9 acct.blob.core.windows.net\n");
    let hangs = |status: &serde_json::Value| {
        status["sync"]["running_since"].as_u64().is_some_and(|since| status["at"].as_u64().unwrap() > since + 1)
    };
    wait_until("a pass hangs", || hangs(&site.status()));
    site.run("freeze", &[]).expect(0, &["frozen since"]);
    assert!(hangs(&site.status()), "the pass hangs still");
    heal(&site);
    wait_until("the pass is over", || site.status()["sync"]["passes"]["frozen"].as_u64() >= Some(1));
    assert_eq!(server.resolves(NAME), ["10.1.0.1"]);
    server.stop();
}
