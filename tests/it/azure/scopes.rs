//! Each scope stands by itself: what goes wrong in one changes nothing of it, and the others go on.

use crate::support::azure::Azure;
use crate::support::azure::estate::{Endpoint, GROUP, SUBSCRIPTION, Zone, group_scope};
use crate::support::azure::fault::Fault;
use crate::support::azure::setting::scoped;
use crate::support::site::Site;

use super::{PRIVATE_BLOB, REC, lists, stage, vault};

/// A name in the second group.
const OTHER: &str = "acct7pod01prot100.privatelink.blob.core.windows.net";

fn two_groups() -> (Azure, Site) {
    let azure = Azure::start();
    let other =
        Endpoint::vault("pe-other").in_group("rg-other").with("acct7pod01prot100.blob.core.windows.net", "10.2.0.7");
    azure.world().estate.endpoints.extend([vault(), other]);
    let site = Site::new().with_config(&scoped(&azure, &[&group_scope(GROUP), &group_scope("rg-other")], ""));
    (azure, site)
}

#[test]
fn a_scope_that_is_forbidden_changes_nothing_of_it_and_the_other_goes_on() {
    let (azure, site) = two_groups();
    let server = site.start_with(&azure);
    server.until_resolves(REC, "10.1.0.5");
    server.until_resolves(OTHER, "10.2.0.7");
    azure.world().estate.refused.insert("rg-other".to_owned());
    let said = server.stderr().len();
    server.until_says("403 AuthorizationFailed", said);
    azure.world().estate.endpoint("pe-vault").add("acct9pod01prot100.blob.core.windows.net", "10.1.0.40");
    server.until_resolves("acct9pod01prot100.privatelink.blob.core.windows.net", "10.1.0.40");
    assert_eq!(server.resolves(OTHER), ["10.2.0.7"]);
    let status = site.status().to_string();
    assert!(status.contains("Microsoft.Network/privateEndpoints/read"), "{status}");
    let log = server.stop();
    let lines = log.lines().filter(|line| line.contains("403 AuthorizationFailed")).count();
    assert!(lines <= 2, "an error that stays is said once, not at each read:\n{log}");
}

#[test]
fn a_scope_that_was_forbidden_from_the_start_holds_up_no_other() {
    let (azure, site) = two_groups();
    azure.world().estate.refused.insert("rg-other".to_owned());
    let server = site.start_with(&azure);
    server.until_resolves(REC, "10.1.0.5");
    azure.world().estate.refused.clear();
    server.until_resolves(OTHER, "10.2.0.7");
    server.stop();
}

#[test]
fn a_scope_that_reads_empty_after_it_was_not_stays_and_is_named() {
    let (azure, site) = two_groups();
    let server = site.start_with(&azure);
    server.until_resolves(REC, "10.1.0.5");
    server.until_resolves(OTHER, "10.2.0.7");
    let before = lists(&site);
    azure.world().estate.blind.insert("rg-other".to_owned());
    let said = server.stderr().len();
    server.until_says("rg-other", said);
    azure.until_seen("rg-other", 3);
    assert_eq!(server.resolves(OTHER), ["10.2.0.7"]);
    assert_eq!(lists(&site), before);
    server.stop();
}

#[test]
fn a_scope_whose_interfaces_are_forbidden_is_not_read() {
    let (azure, site) = stage();
    azure.world().estate.refused.insert("networkinterfaces".to_owned());
    let server = site.start_with(&azure);
    server.until_says("Microsoft.Network/networkInterfaces/read", 0);
    assert_eq!(lists(&site), "");
    azure.world().estate.refused.clear();
    server.until_resolves(REC, "10.1.0.5");
    server.stop();
}

#[test]
fn a_group_or_a_subscription_that_is_gone_takes_nothing_away() {
    let (azure, site) = two_groups();
    let server = site.start_with(&azure);
    server.until_resolves(OTHER, "10.2.0.7");
    {
        let mut world = azure.world();
        world.estate.endpoints.retain(|endpoint| endpoint.group != "rg-other");
    }
    let said = server.stderr().len();
    server.until_says("ResourceGroupNotFound", said);
    assert_eq!(server.resolves(OTHER), ["10.2.0.7"]);
    azure.world().estate.subscriptions.clear();
    let said = server.stderr().len();
    server.until_says("SubscriptionNotFound", said);
    assert_eq!(server.resolves(OTHER), ["10.2.0.7"]);
    server.stop();
}

#[test]
fn a_subscription_is_a_scope_and_ids_may_have_any_case() {
    let azure = Azure::start();
    let mut shouting = vault();
    shouting.shouts = true;
    let other =
        Endpoint::vault("pe-other").in_group("rg-other").with("acct7pod01prot100.blob.core.windows.net", "10.2.0.7");
    azure.world().estate.endpoints.extend([shouting, other]);
    let scope = format!("/subscriptions/{}", SUBSCRIPTION.to_ascii_uppercase());
    let site = Site::new().with_config(&scoped(&azure, &[&scope], ""));
    let server = site.start_with(&azure);
    server.until_resolves(REC, "10.1.0.5");
    server.until_resolves(OTHER, "10.2.0.7");
    server.stop();
}

#[test]
fn the_records_of_a_private_dns_zone_are_a_scope_too() {
    let (azure, mut site) = stage();
    let zone = "privatelink.blob.core.windows.net";
    azure.world().estate.zones.push(Zone {
        group: "rg-dns".to_owned(),
        name: zone.to_owned(),
        records: (0..5).map(|number| (format!("zoned{number}"), vec![format!("10.3.0.{number}")])).collect(),
    });
    let id = format!("{}/providers/Microsoft.Network/privateDnsZones/{zone}", group_scope("rg-dns"));
    site.add(&format!(
        "[[sources]]\nname = \"zones\"\nkind = \"azure\"\nprivate_dns_zones = [\"{id}\"]\ninterval = \"1s\"\n\
         arm = \"{0}\"\nauthority = \"{0}\"",
        azure.arm()
    ));
    let server = site.start_with(&azure);
    server.until_resolves("zoned4.privatelink.blob.core.windows.net", "10.3.0.4");
    server.until_resolves(PRIVATE_BLOB, "10.1.0.20");
    azure.world().estate.zones[0].records.push(("zoned9".to_owned(), vec!["10.3.0.9".to_owned()]));
    server.until_resolves("zoned9.privatelink.blob.core.windows.net", "10.3.0.9");
    server.stop();
}

#[test]
fn a_page_that_fails_fails_its_listing_and_half_a_listing_is_none() {
    let (azure, site) = stage();
    for number in 0..5 {
        let name = format!("acct{number}pod02prot100.blob.core.windows.net");
        azure.world().estate.endpoints.push(Endpoint::vault(&format!("pe-{number}")).with(&name, "10.1.0.9"));
    }
    let server = site.start_with(&azure);
    server.until_resolves("acct4pod02prot100.privatelink.blob.core.windows.net", "10.1.0.9");
    let before = lists(&site);
    azure.fault(Fault::status("skipToken=4", 400, "BadRequest"));
    let said = server.stderr().len();
    server.until_says("BadRequest", said);
    azure.until_seen("skipToken=4", 2);
    assert_eq!(lists(&site), before);
    assert_eq!(server.resolves("acct4pod02prot100.privatelink.blob.core.windows.net"), ["10.1.0.9"]);
    server.stop();
}
