//! `freeze` and `thaw` on the real binary: nothing is written, whoever asks and however often it is killed.

use nix::sys::signal::Signal;

use crate::support::site::Site;
use crate::support::wait_until;

const BLOB: &str = "privatelink.blob.core.windows.net";
const OLD: &str = "10.1.0.1 acct.blob.core.windows.net\n10.1.0.2 other.blob.core.windows.net\n";
const NEW: &str = "10.1.0.9 acct.blob.core.windows.net\n10.1.0.2 other.blob.core.windows.net\n";
const NAME: &str = "acct.privatelink.blob.core.windows.net";

/// Two accounts, in service; no pass but those that somebody asks for.
fn site() -> Site {
    let site = Site::new().with_list("a.txt", OLD).with_config("[sync]\ninterval = \"1h\"");
    site.sync();
    site
}

#[test]
fn while_frozen_no_pass_writes_and_thaw_makes_one_at_once() {
    let site = site();
    let server = site.start();
    let before = site.zone(BLOB);
    site.run("freeze", &["a", "wrong", "list"]).expect(0, &["frozen since", "a wrong list", "until thaw"]);
    server.until_says("the sync is frozen", 0);
    site.run("sync", &["--running"]).expect(0, &["frozen since", "by ", "nothing waits"]);
    site.write_list("a.txt", NEW);
    let said = ["frozen since", ": a wrong list", "1 change waits", "privatelink-dns thaw --config"];
    site.run("sync", &["--running"]).expect(5, &said);
    site.run("sync", &[]).expect(5, &said);
    let plan = site.run("plan", &[]);
    plan.expect(5, &said);
    assert!(!plan.all().contains("to apply it"), "{plan:#?}");
    assert_eq!(site.zone(BLOB), before);
    assert_eq!(server.resolves(NAME), ["10.1.0.1"]);
    let status = site.status();
    assert_eq!(status["sync"]["pass"]["outcome"], "frozen");
    assert_eq!(status["sync"]["pass"]["waiting"]["changes"], 1);
    assert_eq!(status["sync"]["frozen"]["reason"], "a wrong list");
    assert_eq!(status["verdict"]["level"], "warning");
    site.run("status", &[]).expect(3, &["the sync has been frozen since", "1 change waits", "privatelink-dns thaw"]);
    site.run("thaw", &[]).expect(0, &["not frozen any more"]);
    assert_eq!(server.resolves(NAME), ["10.1.0.9"], "right after the verb");
    let status = site.status();
    assert!(status["sync"]["frozen"].is_null() && status["sync"]["pass"]["waiting"].is_null(), "{status:#}");
    site.run("thaw", &[]).expect(0, &["nothing to change"]);
    let log = server.stop();
    assert_eq!(log.matches("the sync is thawed").count(), 1, "{log}");
}

#[test]
fn a_freeze_outlives_the_server_even_one_that_is_killed_and_keeps_its_beginning() {
    let site = site();
    let mut server = site.start();
    site.run("freeze", &["one"]).expect(0, &[]);
    let since = site.status()["sync"]["frozen"]["since"].clone();
    server.signal(Signal::SIGKILL);
    server.ended();
    site.write_list("a.txt", NEW);
    site.run("sync", &[]).expect(5, &["frozen since", "one"]);
    let server = site.start();
    wait_until("the first pass", || site.status()["sync"]["pass"]["outcome"] == "frozen");
    assert_eq!(server.resolves(NAME), ["10.1.0.1"]);
    site.run("freeze", &["two"]).expect(0, &["two"]);
    let frozen = site.status()["sync"]["frozen"].clone();
    assert_eq!((&frozen["since"], &frozen["reason"]), (&since, &"two".into()));
    server.stop();
}

#[test]
fn no_file_event_and_no_reload_gets_past_a_freeze() {
    let site = site();
    let server = site.start();
    site.run("freeze", &[]).expect(0, &[]);
    for round in 1..=5 {
        let passes = || site.status()["sync"]["passes"]["frozen"].as_u64().unwrap_or_default();
        let before = passes();
        site.write_list("a.txt", NEW.replace("10.1.0.9", &format!("10.1.1.{round}")));
        wait_until("a pass after the file event", || passes() > before);
    }
    server.reload();
    wait_until("a reload", || server.stderr().contains("config read"));
    assert_eq!(server.resolves(NAME), ["10.1.0.1"]);
    server.stop();
}

#[test]
fn consent_does_not_break_a_freeze() {
    let accounts = |network: u8| -> String {
        (0..20).map(|n| format!("10.{network}.0.{n} acct{n}.blob.core.windows.net\n")).collect::<Vec<_>>().concat()
    };
    let site = Site::new().with_list("a.txt", accounts(1)).with_config("[sync]\ninterval = \"1h\"");
    site.sync();
    let server = site.start();
    site.run("freeze", &[]).expect(0, &[]);
    site.write_list("a.txt", accounts(2));
    site.run("sync", &["--running"]).expect(5, &["20 changes wait"]);
    let digest = site.status()["sync"]["pass"]["held"]["digest"].as_str().unwrap().to_owned();
    site.run("sync", &["--approve", &digest]).expect(5, &["frozen since", "20 changes wait"]);
    assert_eq!(server.resolves(&format!("acct7.{BLOB}")), ["10.1.0.7"]);
    site.run("thaw", &[]).expect(5, &["--approve"]);
    assert_eq!(server.resolves(&format!("acct7.{BLOB}")), ["10.1.0.7"], "the guard still holds it");
    server.stop();
}

#[test]
fn a_freeze_that_cannot_be_read_stays_one_and_status_says_so() {
    let site = site();
    let server = site.start();
    std::fs::write(site.path("zones/.state/frozen.json"), "{").unwrap();
    site.write_list("a.txt", NEW);
    site.run("sync", &["--running"]).expect(5, &["frozen", "counts as frozen", "frozen.json"]);
    site.run("status", &[]).expect(1, &["error: ", "counts as frozen", "privatelink-dns thaw"]);
    assert_eq!(server.resolves(NAME), ["10.1.0.1"]);
    site.run("thaw", &[]).expect(0, &[]);
    assert_eq!(server.resolves(NAME), ["10.1.0.9"]);
    server.stop();
}

#[test]
fn a_zone_file_that_vanishes_under_a_freeze_is_not_written_anew_and_status_says_what_that_means() {
    let site = site();
    let server = site.start();
    site.run("freeze", &[]).expect(0, &[]);
    std::fs::remove_file(site.path(&format!("zones/{BLOB}.zone"))).unwrap();
    site.run("sync", &["--running"]).expect(5, &[BLOB, "its file is gone", "not written anew"]);
    assert_eq!(site.zone(BLOB), "");
    assert_eq!(server.resolves(NAME), ["10.1.0.1"]);
    site.run("status", &[]).expect(1, &["is gone and is not written anew", "a restart would lose it"]);
    site.run("thaw", &[]).expect(0, &[]);
    assert!(site.zone(BLOB).contains("acct A 10.1.0.1"));
    server.stop();
}

#[test]
fn freeze_and_thaw_say_so_where_no_server_runs() {
    let site = site();
    for verb in ["freeze", "thaw"] {
        site.run(verb, &[]).expect(1, &["no server is running"]);
    }
}
