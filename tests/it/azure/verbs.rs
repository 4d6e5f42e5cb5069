//! `fetch`, `check --online`, `plan` and `status` on live sources.

use crate::support::azure::estate::{Endpoint, GROUP, group_scope};
use crate::support::azure::setting::scoped;

use super::{BLOB, REC, lists, stage};

#[test]
fn fetch_writes_the_lists_from_which_plan_and_sync_go_on() {
    let (azure, site) = stage();
    site.run_with(&azure, "fetch", &[]).expect(0, &[]);
    let written = lists(&site);
    for text in [REC, BLOB, "10.1.0.20", "rg-backup/pe-vault"] {
        assert!(written.contains(text), "{text} is missing in {written}");
    }
    assert_eq!(site.run("plan", &[]).code, Some(3));
    site.sync();
    assert!(site.zone("privatelink.we.backup.windowsazure.com").contains("10.1.0.5"));
}

#[test]
fn fetch_prints_a_list_that_can_be_read_as_a_list_and_writes_nothing() {
    let (azure, site) = stage();
    let ran = site.run_with(&azure, "fetch", &["--print"]);
    ran.expect(0, &[]);
    assert_eq!(lists(&site), "");
    assert!(ran.stdout.contains(REC) && ran.stdout.contains("[[endpoint]]"), "{ran:#?}");
    let copy = crate::support::site::Site::new().with_list("copy.toml", &ran.stdout);
    copy.sync();
    assert!(copy.zone("privatelink.blob.core.windows.net").contains("10.1.0.20"));
}

#[test]
fn fetch_reads_one_source_by_its_name_and_names_those_that_there_are() {
    let (azure, mut site) = stage();
    let other = scoped(&azure, &[&group_scope("rg-other")], "").replace("name = \"live\"", "name = \"other\"");
    site.add(&other);
    azure.world().estate.endpoints.push(
        Endpoint::vault("pe-other").in_group("rg-other").with("acct7pod01prot100.blob.core.windows.net", "10.2.0.7"),
    );
    site.run_with(&azure, "fetch", &["--source", "other"]).expect(0, &[]);
    assert!(lists(&site).contains("acct7") && !lists(&site).contains(BLOB));
    let ran = site.run_with(&azure, "fetch", &["--source", "none"]);
    assert_ne!(ran.code, Some(0));
    assert!(ran.all().contains("live") && ran.all().contains("other"), "{ran:#?}");
}

#[test]
fn check_online_names_the_right_that_is_missing_in_the_words_of_the_role() {
    let (azure, site) = stage();
    site.run_with(&azure, "check", &["--online"]).expect(0, &[]);
    for (part, right) in [("privateendpoints", "privateEndpoints"), ("networkinterfaces", "networkInterfaces")] {
        azure.world().estate.refused = [part.to_owned()].into();
        let ran = site.run_with(&azure, "check", &["--online"]);
        assert_ne!(ran.code, Some(0), "{ran:#?}");
        assert!(ran.all().contains(&format!("Microsoft.Network/{right}/read")), "{ran:#?}");
        assert!(ran.all().contains(GROUP), "{ran:#?}");
    }
    assert_eq!(lists(&site), "", "a check writes nothing");
}

#[test]
fn check_without_online_asks_nobody() {
    let (azure, site) = stage();
    site.run_with(&azure, "check", &[]);
    site.run_with(&azure, "plan", &[]);
    site.run_with(&azure, "sync", &[]);
    assert_eq!(azure.world().seen.len(), 0);
}

#[test]
fn the_status_shows_the_last_read_its_cost_what_is_left_and_what_was_skipped() {
    let (azure, site) = stage();
    azure
        .world()
        .estate
        .endpoints
        .push(Endpoint::vault("pe-pending").status("Pending").with("x.blob.core.windows.net", "10.1.0.9"));
    let server = site.start_with(&azure);
    server.until_resolves(REC, "10.1.0.5");
    let mut status = String::new();
    crate::support::wait_until("the status has the read", || {
        status = site.status().to_string();
        status.contains("\"vm\"")
    });
    for text in ["subscription-reads", "last_complete", "token_expires", "Pending"] {
        assert!(status.contains(text), "{text} is missing in {status}");
    }
    let shown = site.run_with(&azure, "status", &[]).stdout;
    assert!(shown.contains("live"), "{shown}");
    server.stop();
}
