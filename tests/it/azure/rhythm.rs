//! When it asks, and how often.

use crate::support::azure::Azure;
use crate::support::azure::estate::{Endpoint, GROUP, group_scope};
use crate::support::azure::fault::{Act, Fault};
use crate::support::azure::setting::scoped;
use crate::support::client::ask;
use crate::support::site::Site;
use crate::support::wait_until;

use super::{PRIVATE_BLOB, REC, lists, stage, vault};

#[test]
fn a_list_that_did_not_change_is_not_written_again() {
    let (azure, site) = stage();
    let server = site.start_with(&azure);
    server.until_resolves(REC, "10.1.0.5");
    let times = || -> Vec<_> {
        let found = glob::glob(&site.path("**/azure/**/*.toml").display().to_string()).unwrap().map(Result::unwrap);
        found.map(|path| std::fs::metadata(path).unwrap().modified().unwrap()).collect()
    };
    let before = times();
    assert_eq!(before.len(), 1);
    azure.until_seen("privateEndpoints", 3);
    assert_eq!(times(), before);
    server.stop();
}

#[test]
fn a_read_costs_one_call_for_the_endpoints_and_one_each_for_a_few_interfaces() {
    let (azure, site) = stage();
    site.run_with(&azure, "fetch", &[]).expect(0, &[]);
    assert_eq!((azure.count("/privateEndpoints?"), azure.count("networkInterfaces")), (1, 1));
    assert!(azure.seen("networkInterfaces")[0].target.contains("pe-vault.nic.0001?"), "the interface itself");
}

#[test]
fn many_interfaces_of_a_group_are_one_collection() {
    let azure = Azure::start();
    azure.world().estate.page = 100;
    azure.world().estate.machines = 7;
    for number in 0..12 {
        let name = format!("acct{number}pod01prot100.blob.core.windows.net");
        azure
            .world()
            .estate
            .endpoints
            .push(Endpoint::vault(&format!("pe-{number}")).with(&name, &format!("10.1.0.{number}")));
    }
    let site = Site::new().with_azure(&azure, "");
    site.run_with(&azure, "fetch", &[]).expect(0, &[]);
    assert_eq!((azure.count("/privateEndpoints?"), azure.count("networkInterfaces")), (1, 1));
    assert_eq!(lists(&site).matches("fqdn =").count(), 12);
    assert!(!lists(&site).contains("172.20"), "{}", lists(&site));
}

#[test]
fn endpoints_that_are_not_wanted_cost_no_call() {
    let azure = Azure::start();
    let mut web = Endpoint::vault("pe-web").with("site.azurewebsites.net", "10.1.0.99");
    web.part = "sites".to_owned();
    web.target = "/subscriptions/x/resourceGroups/y/providers/Microsoft.Web/sites/site".to_owned();
    azure.world().estate.endpoints.extend([web, vault()]);
    let site = Site::new().with_azure(&azure, "");
    site.run_with(&azure, "fetch", &[]).expect(0, &[]);
    assert_eq!(azure.count("networkInterfaces"), 1);
    assert!(!lists(&site).contains("azurewebsites"));
}

#[test]
fn a_question_for_a_missing_backup_name_makes_it_look_early() {
    let azure = Azure::start();
    azure.world().estate.endpoints.push(vault());
    let more = scoped(&azure, &[&group_scope(GROUP)], "").replace("interval = \"1s\"", "interval = \"1h\"");
    let site = Site::new().with_config(&more);
    let server = site.start_with(&azure);
    server.until_resolves(REC, "10.1.0.5");
    let fresh = "1000000000000000001-ab-pod01-id1.privatelink.we.backup.windowsazure.com";
    azure.world().estate.endpoint("pe-vault").add(fresh, "10.1.0.6");
    server.until_resolves(fresh, "10.1.0.6");
    server.stop();
}

#[test]
fn questions_for_names_that_no_one_has_do_not_make_it_ask_and_ask() {
    let azure = Azure::start();
    azure.world().estate.endpoints.push(vault());
    let more = scoped(&azure, &[&group_scope(GROUP)], "").replace("interval = \"1s\"", "interval = \"1h\"");
    let site = Site::new().with_config(&more).with_config("[sync]\nmiss_interval = \"1h\"");
    let server = site.start_with(&azure);
    server.until_resolves(REC, "10.1.0.5");
    for number in 0..200 {
        ask(&format!("x{number}-ab-pod01-rec2.privatelink.we.backup.windowsazure.com"), "A").to(server.address());
    }
    server.until_idle();
    assert!(azure.count("/privateEndpoints?") < 6, "{} lists", azure.count("/privateEndpoints?"));
    server.stop();
}

#[test]
fn the_server_ends_while_a_call_hangs_and_answers_until_then() {
    for part in ["/privateEndpoints?", "networkInterfaces", "/oauth2/token"] {
        let (azure, site) = stage();
        let with_list = site.with_list("own.txt", "10.9.0.1 mine.blob.core.windows.net\n");
        azure.fault(Fault::on(part, Act::Hang));
        let server = with_list.start_with(&azure);
        wait_until("the call hangs", || azure.count(part) > 0);
        server.until_resolves("mine.privatelink.blob.core.windows.net", "10.9.0.1");
        server.stop();
    }
}

#[test]
fn a_source_that_hangs_holds_up_no_other() {
    let (azure, mut site) = stage();
    azure.world().estate.endpoints.push(
        Endpoint::vault("pe-other").in_group("rg-other").with("acct7pod01prot100.blob.core.windows.net", "10.2.0.7"),
    );
    let other = scoped(&azure, &[&group_scope("rg-other")], "").replace("name = \"live\"", "name = \"other\"");
    site.add(&other);
    azure.fault(Fault::on("rg-backup", Act::Hang));
    let server = site.start_with(&azure);
    server.until_resolves("acct7pod01prot100.privatelink.blob.core.windows.net", "10.2.0.7");
    azure.heal();
    server.until_resolves(PRIVATE_BLOB, "10.1.0.20");
    server.stop();
}

#[test]
fn a_reload_takes_new_scopes_and_keeps_what_it_has() {
    let azure = Azure::start();
    let other =
        Endpoint::vault("pe-other").in_group("rg-other").with("acct7pod01prot100.blob.core.windows.net", "10.2.0.7");
    azure.world().estate.endpoints.extend([vault(), other]);
    let mut site = Site::new().with_azure(&azure, "");
    let server = site.start_with(&azure);
    server.until_resolves(REC, "10.1.0.5");
    let tokens = azure.count("/oauth2/token");
    server.reload();
    server.until_says("config read", 0);
    azure.until_seen("privateEndpoints", 2);
    assert_eq!(azure.count("/oauth2/token"), tokens, "a source that did not change keeps its token");
    site.remove_config("sources");
    site.add(&scoped(&azure, &[&group_scope(GROUP), &group_scope("rg-other")], ""));
    server.reload();
    server.until_resolves("acct7pod01prot100.privatelink.blob.core.windows.net", "10.2.0.7");
    assert_eq!(server.resolves(REC), ["10.1.0.5"]);
    server.stop();
}

#[test]
fn a_token_that_azure_takes_back_is_replaced() {
    let (azure, site) = stage();
    let server = site.start_with(&azure);
    server.until_resolves(REC, "10.1.0.5");
    azure.world().identities.revoke();
    azure.world().estate.endpoint("pe-vault").add("acct9pod01prot100.blob.core.windows.net", "10.1.0.40");
    server.until_resolves("acct9pod01prot100.privatelink.blob.core.windows.net", "10.1.0.40");
    assert_eq!(azure.count("/oauth2/token"), 2);
    server.stop();
}

#[test]
fn a_good_token_is_used_while_its_place_is_away() {
    let (azure, site) = stage();
    let server = site.start_with(&azure);
    server.until_resolves(REC, "10.1.0.5");
    azure.fault(Fault::on("/oauth2/token", Act::Reset));
    azure.world().estate.endpoint("pe-vault").add("acct9pod01prot100.blob.core.windows.net", "10.1.0.40");
    server.until_resolves("acct9pod01prot100.privatelink.blob.core.windows.net", "10.1.0.40");
    server.stop();
}
