//! What is served follows the estate.

use crate::support::azure::Azure;
use crate::support::azure::estate::{Endpoint, GROUP};
use crate::support::azure::fault::{Act, Fault};
use crate::support::client::ask;
use crate::support::prober::Prober;
use crate::support::site::Site;
use crate::support::wait_until;

use super::{BLOB, FABRIC, PRIVATE_BLOB, REC, lists, stage, vault};

#[test]
fn every_approved_endpoint_is_served_from_an_empty_folder_and_no_list() {
    let azure = Azure::start();
    let mut wanted = Vec::new();
    for number in 0..7 {
        let name = format!("20000000000000000{number:02}-ab-pod01-rec2.privatelink.we.backup.windowsazure.com");
        let address = format!("10.1.0.{}", 5 + number);
        azure.world().estate.endpoints.push(Endpoint::vault(&format!("pe-{number}")).with(&name, &address));
        wanted.push((name, address));
    }
    azure.world().estate.endpoints.push(vault().with("acct1pod01ecs100.queue.core.windows.net", "10.1.0.21"));
    wanted.push((PRIVATE_BLOB.to_owned(), "10.1.0.20".to_owned()));
    wanted.push(("acct1pod01ecs100.privatelink.queue.core.windows.net".to_owned(), "10.1.0.21".to_owned()));
    let site = Site::new().with_azure(&azure, "");
    let server = site.start_with(&azure);
    for (name, address) in &wanted {
        server.until_resolves(name, address);
    }
    azure.kept_its_tokens();
    server.stop();
}

#[test]
fn an_endpoint_appears_when_it_is_approved_and_not_before() {
    let (azure, site) = stage();
    let name = "acct2pod01prot100.blob.core.windows.net";
    let pending = Endpoint::account("pe-vault_prot100", "acct2pod01prot100", "blob").with(name, "10.1.0.30");
    azure.world().estate.endpoints.push(pending.status("Pending"));
    let server = site.start_with(&azure);
    server.until_resolves(REC, "10.1.0.5");
    azure.until_seen("privateEndpoints", 4);
    assert_eq!(server.resolves("acct2pod01prot100.privatelink.blob.core.windows.net"), [""; 0]);
    "Approved".clone_into(&mut azure.world().estate.endpoint("pe-vault_prot100").status);
    server.until_resolves("acct2pod01prot100.privatelink.blob.core.windows.net", "10.1.0.30");
    server.stop();
}

#[test]
fn an_endpoint_that_grows_by_a_name_is_served_with_it() {
    let (azure, site) = stage();
    let server = site.start_with(&azure);
    server.until_resolves(REC, "10.1.0.5");
    {
        let mut world = azure.world();
        let endpoint = world.estate.endpoint("pe-vault");
        "Updating".clone_into(&mut endpoint.provisioning);
        endpoint.add("acct9pod01prot100.blob.core.windows.net", "10.1.0.40");
    }
    server.until_resolves("acct9pod01prot100.privatelink.blob.core.windows.net", "10.1.0.40");
    assert_eq!(server.resolves(REC), ["10.1.0.5"]);
    server.stop();
}

#[test]
fn a_disconnected_endpoint_goes_and_too_many_at_once_wait_for_consent() {
    let (azure, site) = stage();
    let small = "acct2pod01prot100.blob.core.windows.net";
    let keep = "acct3pod01prot100.privatelink.blob.core.windows.net";
    {
        let mut world = azure.world();
        world
            .estate
            .endpoints
            .push(Endpoint::account("pe-small", "acct2pod01prot100", "blob").with(small, "10.1.0.30"));
        for number in 3..9 {
            let name = format!("acct{number}pod01prot100.blob.core.windows.net");
            world.estate.endpoint("pe-vault").add(&name, &format!("10.1.0.3{number}"));
        }
    }
    let server = site.start_with(&azure);
    server.until_resolves(keep, "10.1.0.33");
    server.until_resolves("acct2pod01prot100.privatelink.blob.core.windows.net", "10.1.0.30");
    "Disconnected".clone_into(&mut azure.world().estate.endpoint("pe-small").status);
    wait_until("the small endpoint's name is gone", || {
        server.resolves("acct2pod01prot100.privatelink.blob.core.windows.net").is_empty()
    });
    "Disconnected".clone_into(&mut azure.world().estate.endpoint("pe-vault").status);
    let said = server.stderr().len();
    server.until_says("would", said);
    azure.until_seen("privateEndpoints", 3);
    assert_eq!(server.resolves(keep), ["10.1.0.33"], "the guard holds it");
    assert_eq!(server.resolves(REC), ["10.1.0.5"], "a zone that would become empty");
    server.stop();
}

#[test]
fn a_restart_with_azure_away_serves_the_same() {
    let (mut azure, site) = stage();
    let server = site.start_with(&azure);
    for (name, address) in [(REC, "10.1.0.5"), (FABRIC, "10.1.0.4"), (PRIVATE_BLOB, "10.1.0.20")] {
        server.until_resolves(name, address);
    }
    server.stop();
    let written = lists(&site);
    azure.leave();
    let server = site.start_with(&azure);
    for (name, address) in [(REC, "10.1.0.5"), (FABRIC, "10.1.0.4"), (PRIVATE_BLOB, "10.1.0.20")] {
        assert_eq!(server.resolves(name), [address], "{name}");
    }
    wait_until("the status says so", || site.status().to_string().contains("live"));
    azure.come_back();
    azure.world().estate.endpoint("pe-vault").add("acct9pod01prot100.blob.core.windows.net", "10.1.0.40");
    server.until_resolves("acct9pod01prot100.privatelink.blob.core.windows.net", "10.1.0.40");
    server.stop();
    assert_ne!(lists(&site), written);
}

/// Without zone files too: the lists alone bring them back.
#[test]
fn zone_files_that_are_lost_come_back_from_the_lists_with_azure_away() {
    let (mut azure, site) = stage();
    let server = site.start_with(&azure);
    server.until_resolves(REC, "10.1.0.5");
    server.until_resolves(PRIVATE_BLOB, "10.1.0.20");
    server.stop();
    azure.leave();
    for entry in std::fs::read_dir(site.path("zones")).unwrap().map(Result::unwrap) {
        if entry.path().extension().is_some_and(|ending| ending == "zone") {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    let server = site.start_with(&azure);
    server.until_resolves(REC, "10.1.0.5");
    server.until_resolves(PRIVATE_BLOB, "10.1.0.20");
    server.stop();
}

#[test]
fn a_complete_first_read_without_endpoints_makes_empty_good_zones() {
    let azure = Azure::start();
    let site = Site::new().with_config("[backup]\ngeos = [\"we\"]").with_azure(&azure, "");
    let server = site.start_with(&azure);
    wait_until("the zone is empty and good", || ask(REC, "A").to(server.address()).rcode == "NXDOMAIN");
    azure.world().estate.endpoints.push(vault());
    server.until_resolves(REC, "10.1.0.5");
    server.stop();
}

#[test]
fn backup_names_are_servfail_while_azure_was_never_read() {
    let (mut azure, site) = stage();
    azure.leave();
    let server = site.start_with(&azure);
    let reply = ask(REC, "A").to(server.address());
    assert_eq!(reply.rcode, "SERVFAIL", "{reply}");
    azure.come_back();
    server.until_resolves(REC, "10.1.0.5");
    server.stop();
}

#[test]
fn what_is_served_is_served_while_reads_fail_in_every_way() {
    let (azure, site) = stage();
    let server = site.start_with(&azure);
    server.until_resolves(REC, "10.1.0.5");
    let written = lists(&site);
    let kept = Prober::start(ask(REC, "A"), server.address(), &["10.1.0.5"]);
    let faults = [
        Fault::status("privateEndpoints", 500, "InternalServerError"),
        Fault::status("networkInterfaces", 404, "ResourceNotFound"),
        Fault::on("privateEndpoints", Act::Cut(40)),
        Fault::on("networkInterfaces", Act::Reset),
        Fault::on("privateEndpoints", Act::Raw(b"\x16\x03\x01 no HTTP at all\r\n\r\n".to_vec())),
        Fault::edit("privateEndpoints", |body| body["value"] = serde_json::Value::Null),
    ];
    for fault in faults {
        azure.heal();
        azure.fault(fault);
        azure.until_seen(GROUP, 2);
    }
    azure.heal();
    azure.world().estate.endpoint("pe-vault").add("acct9pod01prot100.blob.core.windows.net", "10.1.0.40");
    server.until_resolves("acct9pod01prot100.privatelink.blob.core.windows.net", "10.1.0.40");
    kept.all_were_right();
    assert!(written.contains(BLOB), "{written}");
    server.stop();
}
