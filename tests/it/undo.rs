//! `sync --undo` on the real binary: the last change goes back, stays back, and can be done again.

use crate::support::site::Site;
use crate::support::wait_until;

const BLOB: &str = "privatelink.blob.core.windows.net";

fn accounts(network: u8, moved: u32) -> String {
    let line = |n| {
        let network = if n < moved { network } else { 1 };
        format!("10.{network}.0.{n} acct{n}.blob.core.windows.net\n")
    };
    (0..20).map(line).collect::<Vec<_>>().concat()
}

fn site() -> Site {
    let site = Site::new().with_list("a.txt", accounts(1, 0)).with_config("[sync]\ninterval = \"1h\"");
    site.sync();
    site
}

fn serial(site: &Site) -> u64 {
    let status = site.status();
    let zone = status["zones"].as_array().unwrap().iter().find(|zone| zone["zone"] == BLOB).unwrap().clone();
    zone["serial"].as_u64().unwrap()
}

#[test]
fn the_running_server_undoes_its_last_change_and_is_frozen_so_that_the_undo_lasts() {
    let site = site();
    let server = site.start();
    let name = format!("acct2.{BLOB}");
    site.write_list("a.txt", accounts(9, 4));
    site.run("sync", &["--running"]).expect(0, &[]);
    assert_eq!(server.resolves(&name), ["10.9.0.2"]);
    let before = serial(&site);
    let said = ["undone: the change of", "4 records", "the sync is frozen", "privatelink-dns thaw"];
    site.run("sync", &["--running", "--undo"]).expect(0, &said);
    assert_eq!(server.resolves(&name), ["10.1.0.2"], "right after the verb");
    assert!(serial(&site) > before, "the serial goes forward");
    wait_until("a pass finds what waits", || site.status()["sync"]["pass"]["outcome"] == "frozen");
    let status = site.status();
    let reason = status["sync"]["frozen"]["reason"].as_str().unwrap();
    let change = &status["changes"][0];
    assert_eq!(reason, format!("undo of the change of {}", change["undoes"].as_str().unwrap()));
    assert!(change["by"].is_string(), "{change}");
    site.run("sync", &[]).expect(5, &["4 changes wait"]);
    assert_eq!(server.resolves(&name), ["10.1.0.2"]);
    site.run("sync", &["--running", "--undo"]).expect(0, &["undone"]);
    assert_eq!(server.resolves(&name), ["10.9.0.2"], "the undo of an undo does the change again");
    site.write_list("a.txt", accounts(1, 0));
    // The pass of a file event may be the one that writes.
    site.run("thaw", &[]).expect(0, &["not frozen any more"]);
    assert_eq!(server.resolves(&name), ["10.1.0.2"]);
    let log = server.stop();
    assert_eq!(log.matches("the last change is undone").count(), 2, "{log}");
}

#[test]
fn an_undo_of_more_than_the_guard_allows_waits_for_its_digest() {
    let site = site();
    let server = site.start();
    let name = format!("acct2.{BLOB}");
    site.write_list("a.txt", accounts(9, 20));
    site.run("sync", &["--running"]).expect(5, &[]);
    let digest = site.status()["sync"]["pass"]["held"]["digest"].as_str().unwrap().to_owned();
    site.run("sync", &["--running", "--approve", &digest]).expect(0, &[]);
    assert_eq!(server.resolves(&name), ["10.9.0.2"]);
    let held = site.run("sync", &["--running", "--undo"]);
    held.expect(5, &["nothing was undone", "20 of 20 RRsets", "--running --undo --approve"]);
    assert!(site.status()["sync"]["frozen"].is_null(), "what is held freezes nothing");
    let command = held.all().lines().find(|line| line.contains("--approve")).unwrap().to_owned();
    let digest = command.split("--approve ").nth(1).unwrap().split(' ').next().unwrap();
    site.run("sync", &["--running", "--approve", digest]).expect(0, &["nothing to change"]);
    assert_eq!(server.resolves(&name), ["10.9.0.2"], "the digest of an undo is for an undo");
    site.run("sync", &["--running", "--undo", "--approve", digest]).expect(0, &["undone", "20 records"]);
    assert_eq!(server.resolves(&name), ["10.1.0.2"]);
    server.stop();
}

#[test]
fn without_a_server_an_undo_says_who_did_it_and_the_server_that_starts_is_frozen() {
    let site = site();
    site.write_list("a.txt", accounts(9, 4));
    site.run("sync", &[]).expect(0, &[]);
    site.run("sync", &["--undo"]).expect(0, &["acct2", "10.9.0.2 -> 10.1.0.2", "undone"]);
    let journal = std::fs::read_to_string(site.path("zones/.state/changes.jsonl")).unwrap();
    let last = journal.lines().last().unwrap();
    assert!(last.contains("\"undoes\":") && last.contains("\"by\":"), "{last}");
    let server = site.start();
    wait_until("the first pass", || site.status()["sync"]["pass"]["outcome"] == "frozen");
    assert_eq!(server.resolves(&format!("acct2.{BLOB}")), ["10.1.0.2"]);
    server.stop();
}

#[test]
fn where_nothing_is_known_or_not_all_of_it_nothing_is_undone() {
    let site = site();
    std::fs::remove_file(site.path("zones/.state/changes.jsonl")).unwrap();
    site.run("sync", &["--undo"]).expect(1, &["no change is known"]);
    std::fs::write(site.path("zones/.state/changes.jsonl"), "{\"at\":\"x\",\"more\":7}\n").unwrap();
    site.run("sync", &["--undo"]).expect(1, &["cannot be undone", "lacks 7 records"]);
    site.run("sync", &["--undo", "--approve", "x"]).expect(2, &["32 hexadecimal digits"]);
    site.run("plan", &[]).expect(0, &[]);
}
