//! `fetch`, `check --online`, `status` and `reload` with live sources, against the scripted Azure.

use std::fs;

use serde_json::Value;

use crate::support::azure::Azure;
use crate::support::azure::estate::{Endpoint, GROUP, group_scope};
use crate::support::azure::fault::{Act, Fault};
use crate::support::azure::setting::{scoped, source};
use crate::support::page::{documented, keys};
use crate::support::site::{Ran, Site};
use crate::support::wait_until;

const STATUS_PAGE: &str = include_str!("../../docs/status-json.md");
const NAME: &str = "1000000000000000001-ab-pod01-rec2.privatelink.we.backup.windowsazure.com";
const LATER: &str = "1000000000000000001-ab-pod01-prot1.privatelink.we.backup.windowsazure.com";

fn azure() -> Azure {
    let azure = Azure::start();
    azure.world().estate.endpoints.push(Endpoint::vault("pe-vault").with(NAME, "10.1.0.5"));
    azure
}

/// A site that hosts `we` and has the live source of most tests.
fn site(azure: &Azure) -> Site {
    Site::new().with_config("[backup]\ngeos = [\"we\"]").with_azure(azure, "")
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:#?}"))
}

/// The files below `state_dir/azure`, with the folder of each.
fn files(site: &Site) -> Vec<String> {
    let mut found = Vec::new();
    for folder in fs::read_dir(site.path("zones/.state/azure")).into_iter().flatten().flatten() {
        let inside = fs::read_dir(folder.path()).into_iter().flatten().flatten();
        found.extend(inside.map(|file| file.path().display().to_string()));
    }
    found.sort();
    found
}

#[test]
fn fetch_writes_the_lists_and_a_sync_without_azure_makes_zones_of_them() {
    let mut azure = azure();
    let site = site(&azure);
    for (verb, said) in [("plan", "no changes"), ("sync", "nothing to change")] {
        site.run(verb, &[]).expect(0, &["warning: source 'live': ", "has not been read yet", said]);
    }
    let fetched = site.run_with(&azure, "fetch", &[]);
    fetched.expect(0, &["live: ", " requests in ", "endpoints", &group_scope(GROUP)]);
    assert!(files(&site).iter().any(|file| file.contains(".toml")), "{:?}", files(&site));
    azure.leave();
    site.sync();
    assert!(site.zone("privatelink.we.backup.windowsazure.com").contains("10.1.0.5"));
    site.run_with(&azure, "fetch", &[]).expect(1, &["not everything could be read", "not read: last"]);
    assert!(!fetched.all().contains("eyJ"), "no token is shown");
}

#[test]
fn fetch_prints_lists_and_writes_nothing() {
    let azure = azure();
    let site = site(&azure);
    let printed = site.run_with(&azure, "fetch", &["--print", "--source", "live"]);
    printed.expect(0, &[NAME, "10.1.0.5", "rg-backup/pe-vault"]);
    assert_eq!(files(&site), [""; 0]);
    azure.world().estate.refused.insert(GROUP.to_owned());
    site.run_with(&azure, "fetch", &["--print"]).expect(1, &["error: ", "privateEndpoints/read"]);
}

#[test]
fn fetch_of_nothing_says_what_to_do() {
    let azure = azure();
    site(&azure).run("fetch", &["--source", "other"]).expect(2, &["is not in the config", "live"]);
    Site::new().run("fetch", &[]).expect(2, &["has no live source", "kind = \"azure\""]);
}

#[test]
fn check_shows_the_last_read_and_tries_the_rights_only_when_told() {
    let azure = azure();
    let site = site(&azure);
    let unread = site.run("check", &["--json"]);
    unread.expect(0, &["azure-unread"]);
    assert_eq!(json(&unread)["result"], "warnings");
    site.run_with(&azure, "fetch", &[]).expect(0, &[]);
    let asked = azure.count("");
    let checked = json(&site.run_with(&azure, "check", &["--json"]));
    assert_eq!((azure.count(""), &checked["result"]), (asked, &Value::from("good")), "{checked:#}");
    let scope = &checked["live"][0]["scopes"][0];
    assert_eq!((&scope["names"], &scope["endpoints"]), (&Value::from(1), &Value::from(1)), "{checked:#}");
    site.run_with(&azure, "check", &[]).expect(0, &["managed identity of the VM", "1 endpoint, 1 name"]);
    let readable = "note: source 'live': Azure gave a token, and every right that is needed is there: 1 scope read";
    site.run_with(&azure, "check", &["--online"]).expect(0, &[readable, "good"]);
    azure.world().estate.refused.insert(GROUP.to_owned());
    let refused = site.run_with(&azure, "check", &["--online"]);
    refused.expect(2, &["Microsoft.Network/privateEndpoints/read"]);
    assert!(!refused.all().contains("every right that is needed is there"), "{refused:#?}");
    site.run_with(&azure, "fetch", &[]).expect(1, &[]);
    let past = json(&site.run_with(&azure, "check", &["--json"]));
    assert_eq!(past["result"], "warnings", "what was read before stays in use: {past:#}");
}

#[test]
fn status_shows_each_live_source_as_the_page_says() {
    let azure = azure();
    azure.world().estate.endpoints.push(Endpoint::vault("pe-new").with(LATER, "10.1.0.6").status("Pending"));
    let site = site(&azure);
    let server = site.start_with(&azure);
    server.until_resolves(NAME, "10.1.0.5");
    wait_until("the report", || site.status()["live"][0]["scopes"][0]["names"] == 1);
    let status = site.status();
    let live = &status["live"][0];
    assert_eq!(
        (&status["form_version"], &live["source"], &live["identity"]),
        (&2.into(), &"live".into(), &"vm".into())
    );
    assert_eq!(keys(live), documented(STATUS_PAGE, "## A live source"));
    assert_eq!(keys(&live["scopes"][0]), documented(STATUS_PAGE, "A scope:"));
    assert_eq!(keys(&live["last"]), documented(STATUS_PAGE, "The cost of a read:"));
    site.shown(&["read from Azure", "live: managed identity of the VM", "left out: 1"]);
    azure.is_silent_about_secrets("status", &status.to_string());
    azure.is_silent_about_secrets("the log", &server.stop());
}

#[test]
fn a_name_that_azure_gets_later_is_read_at_the_first_question_for_it() {
    let azure = azure();
    let site = Site::new()
        .with_config("[backup]\ngeos = [\"we\"]\n[sync]\nmiss_interval = \"100ms\"\n")
        .with_config(&source(&azure, "").replace("\"1s\"", "\"1h\""));
    let server = site.start_with(&azure);
    server.until_resolves(NAME, "10.1.0.5");
    azure.world().estate.endpoint("pe-vault").add(LATER, "10.1.0.6");
    server.until_resolves(LATER, "10.1.0.6");
}

#[test]
fn a_reload_starts_new_live_sources_and_ends_those_that_are_gone() {
    let azure = azure();
    let mut site = Site::new().with_config("[backup]\ngeos = [\"we\"]");
    let server = site.start_with(&azure);
    site.add(&source(&azure, ""));
    site.reload();
    server.until_resolves(NAME, "10.1.0.5");
    let other = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-gone";
    site.remove_config("sources");
    site.add(&scoped(&azure, &[&group_scope(GROUP), other], ""));
    site.reload();
    server.until_says("rg-gone", 0);
    site.remove_config("sources");
    site.run("reload", &[]).expect(5, &["would become empty"]);
    let status = site.status();
    assert_eq!(status["live"], Value::Array(Vec::new()), "{status:#}");
    assert_eq!(server.resolves(NAME), ["10.1.0.5"], "what was read is in service until somebody says otherwise");
}

#[test]
fn the_end_of_the_server_does_not_wait_for_azure() {
    let azure = azure();
    let site = site(&azure);
    azure.fault(Fault::on("privateEndpoints", Act::Hang));
    let server = site.start_with(&azure);
    azure.until_seen("privateEndpoints", 1);
    // The answer never comes, and nothing that is waited for here lasts as long as that request may.
    let log = server.stop();
    assert!(log.contains("stopped"), "{log}");
}
