//! The guard on the real binary: no road leads round it, and one word of consent fits every server.

use serde_json::Value;

use crate::support::site::{Ran, Site};
use crate::support::wait_until;

const BLOB: &str = "privatelink.blob.core.windows.net";

/// Accounts in this range, those below `moved` at an attacker's address.
fn accounts(range: std::ops::Range<u32>, moved: u32) -> String {
    let network = |n| if n < moved { 66 } else { 1 };
    let line = |n| format!("acct{n}.blob.core.windows.net 10.{}.{}.{}\n", network(n), n / 250, n % 250);
    range.map(line).collect::<Vec<_>>().concat()
}

fn made_up(count: u32) -> String {
    (0..count).map(|n| format!("x{n}.blob.core.windows.net 10.9.0.1\n")).collect::<Vec<_>>().concat()
}

/// Two hundred accounts, in service since before the guard's window.
fn site() -> Site {
    let site = Site::new().with_list("a.txt", accounts(0..200, 0)).with_config("[sync]\ninterval = \"1h\"");
    site.sync();
    site
}

fn synced(site: &Site, list: &str) -> Ran {
    site.write_list("a.txt", list);
    site.run("sync", &[])
}

/// The number of accounts that have their first address.
fn right(site: &Site) -> usize {
    site.zone(BLOB).lines().filter(|line| line.starts_with("acct") && line.contains(" A 10.1.")).count()
}

fn plan(site: &Site) -> Value {
    serde_json::from_str(&site.run("plan", &["--json"]).stdout).unwrap()
}

#[test]
fn made_up_names_make_no_room_to_move_the_real_ones() {
    let site = site();
    synced(&site, &(accounts(0..200, 0) + &made_up(600))).expect(0, &[]);
    synced(&site, &(accounts(0..200, 200) + &made_up(600))).expect(5, &["200 of 200 RRsets", "--approve"]);
    assert_eq!(right(&site), 200);
}

#[test]
fn a_sync_in_a_loop_moves_no_more_than_one_sync() {
    let site = site();
    for step in 1..=10 {
        synced(&site, &accounts(0..200, step * 20));
    }
    assert_eq!(right(&site), 140);
    for step in 1..=10 {
        synced(&site, &accounts(step * 20..200, 0));
    }
    assert_eq!(right(&site), 140, "nor does it remove more");
}

#[test]
fn a_restart_forgets_nothing_of_what_was_moved() {
    let site = site();
    synced(&site, &accounts(0..200, 60)).expect(0, &[]);
    site.write_list("a.txt", accounts(0..200, 120));
    for _ in 0..2 {
        let server = site.start();
        assert_eq!(site.status()["sync"]["pass"]["outcome"], "held");
        server.stop();
    }
    assert_eq!(right(&site), 140);
}

#[test]
fn additions_and_other_zones_go_on_while_losses_wait() {
    let site = site();
    let more = "new.blob.core.windows.net 10.1.9.9\nq.queue.core.windows.net 10.1.9.8\n";
    synced(&site, &(accounts(100..200, 0) + more)).expect(5, &["100 of 200 RRsets", "(100 removed, 0 changed)"]);
    assert_eq!(right(&site), 200);
    assert!(site.zone(BLOB).contains("\nnew A 10.1.9.9\n"));
    assert!(site.zone("privatelink.queue.core.windows.net").contains("\nq A 10.1.9.8\n"));
}

#[test]
fn one_word_of_consent_fits_two_servers_whatever_their_serials_and_clocks() {
    let (one, other) = (site(), site());
    // Its serial is another, and so is what it has in other zones.
    synced(&other, &(accounts(0..200, 0) + "q.queue.core.windows.net 10.1.9.8\n")).expect(0, &[]);
    other.write_list("a.txt", accounts(0..200, 100) + "q.queue.core.windows.net 10.1.9.8\n");
    one.write_list("a.txt", accounts(0..200, 100));
    let digest = plan(&one)["digest"].as_str().unwrap().to_owned();
    assert_eq!(plan(&other)["digest"], Value::from(digest.as_str()));
    for site in [&one, &other] {
        site.run("sync", &["--approve", &digest]).expect(0, &[]);
        assert_eq!(right(site), 100);
    }
    assert_eq!(plan(&one)["digest"], Value::Null, "nothing is held any more");
}

#[test]
fn consent_for_something_else_is_none() {
    let site = site();
    site.write_list("a.txt", accounts(0..200, 100));
    let digest = plan(&site)["digest"].as_str().unwrap().to_owned();
    site.write_list("a.txt", accounts(0..200, 101));
    site.run("sync", &["--approve", &digest]).expect(5, &["approves other changes"]);
    site.run("sync", &["--approve", "xyz"]).expect(2, &["32 hexadecimal digits"]);
    assert_eq!(right(&site), 200);
}

#[test]
fn approved_changes_are_in_service_and_no_longer_held_in_status() {
    let site = site();
    site.write_list("a.txt", accounts(0..200, 100));
    let server = site.start();
    let digest = site.status()["sync"]["pass"]["held"]["digest"].as_str().unwrap().to_owned();
    site.run("sync", &["--approve", &digest]).expect(0, &[]);
    server.until_resolves(&format!("acct0.{BLOB}"), "10.66.0.0");
    wait_until("status holds nothing", || site.status()["sync"]["pass"]["held"].is_null());
    server.stop();
}

#[test]
fn after_a_window_the_state_at_its_start_counts() {
    let site = Site::new()
        .with_list("a.txt", accounts(0..10, 0))
        .with_config("[sync]\ninterval = \"1h\"\nguard_window = \"1s\"");
    site.sync();
    synced(&site, &accounts(0..10, 3));
    site.write_list("a.txt", accounts(0..10, 6));
    wait_until("the window has passed", || site.run("sync", &[]).code == Some(0));
    assert_eq!(right(&site), 4);
}

#[test]
fn state_that_is_lost_costs_the_memory_and_nothing_else() {
    let site = site();
    std::fs::remove_dir_all(site.path("zones/.state")).unwrap();
    synced(&site, &accounts(0..200, 1)).expect(0, &[]);
    assert_eq!(right(&site), 199);
}

#[test]
fn a_zone_file_that_vanishes_is_written_again_and_makes_no_way_round_the_guard() {
    let site = site();
    let server = site.start();
    std::fs::remove_file(site.path(&format!("zones/{BLOB}.zone"))).unwrap();
    site.run("sync", &["--running"]).expect(0, &[]);
    assert_eq!(right(&site), 200);
    site.write_list("a.txt", accounts(0..200, 200));
    site.run("sync", &["--running"]).expect(5, &["200 of 200 RRsets"]);
    server.stop();
    let server = site.start();
    assert_eq!(server.resolves(&format!("acct7.{BLOB}")), ["10.1.0.7"]);
    server.stop();
}

#[test]
fn a_list_is_the_same_list_however_the_config_is_named() {
    let site = Site::new()
        .with_list("a.txt", "acct0.blob.core.windows.net 10.1.0.0\n")
        .with_list("b.txt", "acct1.blob.core.windows.net 10.1.0.1\n");
    site.sync();
    site.write_list("b.txt", "");
    let relative = std::process::Command::new(crate::support::site::BINARY)
        .args(["sync", "--config", "config/privatelink-dns.toml"])
        .current_dir(site.path(""))
        .output()
        .unwrap();
    Ran::from(relative).expect(5, &["a list names no endpoint: b.txt"]);
}

#[test]
fn one_consent_fits_a_server_that_holds_more_than_that() {
    let (one, other) = (site(), site());
    let queue = "q0.queue.core.windows.net 10.1.9.0\nq1.queue.core.windows.net 10.1.9.1\n";
    synced(&other, &(accounts(0..200, 0) + queue)).expect(0, &[]);
    one.write_list("a.txt", accounts(0..200, 100));
    other.write_list("a.txt", accounts(0..200, 100));
    let digest = plan(&one)["digest"].as_str().unwrap().to_owned();
    other
        .run("sync", &["--approve", &digest])
        .expect(5, &["zone 'privatelink.queue.core.windows.net': would become empty"]);
    assert_eq!(right(&other), 100, "what was consented to is done");
}
