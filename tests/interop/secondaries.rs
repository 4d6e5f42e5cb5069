//! Secondaries with just the text of `docs/secondaries.md`: resolvers with the RPZ feed give our addresses and the
//! world's, authoritative servers have the backup zones, changes reach them by NOTIFY, and what they have outlives ours.
//!
//! They run on a host of their own, where the page's addresses and port 53 are free; only root may make one.

mod servers;
mod stage;
mod trust;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use crate::forwarders::ANSWERS;
use crate::resolvers::Resolver;
use crate::support::client::ask;
use crate::support::wait_until;
use servers::Secondary;
use stage::{Stage, known, list, page, refused};

/// The time that a client waits before it asks again, and how often it asks.
const PATIENCE: Duration = Duration::from_secs(4);
const TRIES: usize = 6;

/// A name of a vault, and its public name, which the feed has too.
const VAULT: &str = "4611686018427387904-ab-pod01-rec2.privatelink.we.backup.windowsazure.com";
const VAULT_PUBLIC: &str = "4611686018427387904-ab-pod01-rec2.we.backup.windowsazure.com";

/// The addresses that a client gets, else the RCODE.
fn answer(stage: &Stage, server: &Resolver, name: &str, qtype: &str) -> String {
    let question = ask(name, qtype).patience(PATIENCE);
    let reply = stage.world.host.run(|| (0..TRIES).find_map(|_| question.try_to(server.address).ok()));
    let Some(reply) = reply else { return "no answer".to_owned() };
    let addresses = reply.addresses();
    if addresses.is_empty() { reply.rcode } else { addresses.join(" ") }
}

fn until_answers(stage: &Stage, (secondary, server): (Secondary, &Resolver), name: &str, right: &str) {
    wait_until(&format!("{secondary:?} answers {right} for {name}"), || answer(stage, server, name, "A") == right);
}

/// What a resolver with the feed answers: as one that forwards, and the private address for the vault's public name too.
fn right_answers() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let of_feed = |(name, qtype, right)| (name, qtype, if name == VAULT_PUBLIC { "10.1.0.8" } else { right });
    // A name with an A record alone has nothing else.
    let nothing_else = [
        ("acct.privatelink.blob.core.windows.net", "AAAA", "NOERROR"),
        ("acct.privatelink.blob.core.windows.net", "HTTPS", "NOERROR"),
        ("acct.blob.core.windows.net", "HTTPS", "NOERROR"),
    ];
    ANSWERS.into_iter().map(of_feed).chain(nothing_else)
}

/// What is wrong with the answers of a resolver, cold and warm.
fn wrong_answers(stage: &Stage, server: &Resolver) -> Vec<String> {
    let mut wrong = Vec::new();
    for round in ["cold", "warm", "again"] {
        for (name, qtype, right) in right_answers() {
            let is = answer(stage, server, name, qtype);
            if is != right {
                wrong.push(format!("{round}: {name} {qtype}: {is} and not {right}"));
            }
        }
    }
    wrong
}

#[test]
fn resolvers_with_the_text_of_the_page_give_our_addresses_and_the_worlds_also_after_a_start_without_us() {
    let page = page();
    let Some(mut stage) = Stage::start(&page) else { return };
    let started = started(&stage, &page, &Secondary::RESOLVERS);
    for (secondary, server, _) in &started {
        assert_eq!(wrong_answers(&stage, server), [""; 0], "{secondary:?}");
    }
    stage.world.stop_ours();
    stage.world.cut_off();
    for (secondary, server, _) in &started {
        assert_eq!(answer(&stage, server, "acct.queue.core.windows.net", "A"), "10.1.0.6", "{secondary:?}");
    }
    for (secondary, server, kept) in started {
        drop(server);
        let Some(server) = secondary.start(&stage, &page, &kept) else { continue };
        until_answers(&stage, (secondary, &server), "acct.queue.core.windows.net", "10.1.0.6");
    }
}

#[test]
fn an_alias_in_a_zone_that_is_not_hosted_is_private_on_bind_and_powerdns_and_in_the_end_public_on_the_others() {
    let page = page();
    let Some(stage) = Stage::start(&page) else { return };
    for (secondary, server, _) in started(&stage, &page, &Secondary::RESOLVERS) {
        let answers = [(); 6].map(|()| answer(&stage, &server, "alias.example", "A"));
        let (first, last) = match secondary {
            Secondary::Unbound => ("10.1.0.5", "20.60.0.1"),
            Secondary::Kresd => ("20.60.0.1", "20.60.0.1"),
            _ => ("10.1.0.5", "10.1.0.5"),
        };
        assert_eq!((&*answers[0], &*answers[5]), (first, last), "{secondary:?}: {answers:?}");
    }
}

/// The name of a vault in another place, which has a zone of its own.
const NEW_VAULT: &str = "4611686018427387904-ab-pod01-rec2.privatelink.ne.backup.windowsazure.com";
const NEW_LINE: &str = "10.1.0.9 4611686018427387904-ab-pod01-rec2.ne.backup.windowsazure.com";

/// The zones that a change reaches by NOTIFY, and whose.
const TOLD: [(Secondary, &str); 6] = [
    (Secondary::Bind, "rpz.privatelink"),
    (Secondary::Unbound, "rpz.privatelink"),
    (Secondary::Bind, "catalog.privatelink"),
    (Secondary::Knot, "catalog.privatelink"),
    (Secondary::Knot, "privatelink.we.backup.windowsazure.com"),
    (Secondary::Nsd, "privatelink.we.backup.windowsazure.com"),
];

/// Starts these with the text of a page, and waits until they have the zones.
fn started(stage: &Stage, page: &str, secondaries: &[Secondary]) -> Vec<(Secondary, Resolver, TempDir)> {
    let start = |secondary: &Secondary| {
        let kept = TempDir::new().unwrap();
        secondary.start(stage, page, &kept).map(|server| (*secondary, server, kept))
    };
    let started: Vec<_> = secondaries.iter().filter_map(start).collect();
    for (secondary, server, _) in &started {
        until_answers(stage, (*secondary, server), VAULT, "10.1.0.8");
    }
    started
}

/// Waits until a secondary answers this; one that reads a file fetches it, as its timer does.
fn until_has(stage: &Stage, page: &str, (secondary, server, kept): &(Secondary, Resolver, TempDir), right: &str) {
    wait_until(&format!("{secondary:?} answers {right}"), || {
        let _has_new = *secondary == Secondary::Kresd && secondary.fetch(stage, page, kept);
        answer(stage, server, VAULT, "A") == right
    });
}

/// Transfers that a peer had completely from our servers together.
fn transfers(stage: &Stage, secondary: Secondary, zone: &str) -> u64 {
    let of = |site| known(site, secondary, zone)["transfers"].as_u64().unwrap_or_default();
    stage.world.sites.iter().map(of).sum()
}

/// Waits until a peer has acknowledged the present serial of each of our servers.
fn until_told(stage: &Stage, secondary: Secondary, zone: &str) {
    wait_until(&format!("{secondary:?} acknowledges {zone}"), || {
        stage.world.sites.iter().all(|site| {
            let known = known(site, secondary, zone);
            known["notify"][0]["state"] == "acknowledged" && known["notify"][0]["serial"] == known["serial"]
        })
    });
}

#[test]
fn a_changed_list_reaches_every_secondary_and_costs_one_transfer_from_each_of_our_servers_at_most() {
    let page = page();
    let Some(stage) = Stage::start(&page) else { return };
    let started = started(&stage, &page, &Secondary::ALL);
    let told = TOLD.iter().filter(|(secondary, _)| started.iter().any(|(one, ..)| one == secondary));
    let told: Vec<_> = told.map(|(secondary, zone)| (*secondary, *zone, transfers(&stage, *secondary, zone))).collect();
    stage.have_list(&list("").replace("10.1.0.8", "10.1.0.18"));
    for one in &started {
        until_has(&stage, &page, one, "10.1.0.18");
    }
    for (secondary, zone, before) in told {
        until_told(&stage, secondary, zone);
        let more = transfers(&stage, secondary, zone) - before;
        let least = u64::from(zone != "catalog.privatelink");
        assert!((least..=2).contains(&more), "{secondary:?} transferred {zone} {more} times for one change");
    }
    assert!(stage.world.sites.iter().all(|site| refused(site) == 0), "a peer was refused something");
}

#[test]
fn a_new_geo_zone_is_served_by_those_that_read_the_catalog_and_a_zone_that_forwards_is_not_in_it() {
    let page = page();
    let Some(stage) = Stage::start(&page) else { return };
    let readers = started(&stage, &page, &[Secondary::Bind, Secondary::Knot, Secondary::PowerDns]);
    let changed = Instant::now();
    stage.have_list(&list(NEW_LINE));
    for (secondary, server, _) in &readers {
        until_answers(&stage, (*secondary, server), NEW_VAULT, "10.1.0.9");
        println!("{secondary:?} has the new zone after {:?} at most", changed.elapsed());
    }
    // Those that heard of the zone before they had read the catalog are told again.
    for (secondary, ..) in &readers {
        until_told(&stage, *secondary, "privatelink.ne.backup.windowsazure.com");
    }
    if let Some((_, knot, _)) = readers.iter().find(|(secondary, ..)| *secondary == Secondary::Knot) {
        assert_eq!(answer(&stage, knot, "acct.privatelink.blob.core.windows.net", "A"), "REFUSED");
    }
}

/// Waits until a zone that is written now has a later serial than those that there are: serials are seconds.
fn until_serials_are_past(stage: &Stage) {
    let of = |site| TOLD.map(|(secondary, zone)| known(site, secondary, zone)["serial"].as_u64().unwrap_or_default());
    let last = stage.world.sites.iter().flat_map(of).max().unwrap_or_default();
    wait_until("the clock is past the serials", || {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() > last
    });
}

/// Without `PowerDNS`: it has acknowledged the later server's NOTIFY and kept its version until its own REFRESH.
#[test]
fn while_one_of_our_servers_is_stuck_or_gone_secondaries_follow_the_other_one() {
    let page = page();
    let Some(mut stage) = Stage::start(&page) else { return };
    let followers = Secondary::ALL.into_iter().filter(|secondary| *secondary != Secondary::PowerDns);
    let started = started(&stage, &page, &followers.collect::<Vec<_>>());
    for (number, ours) in [0, 1, 0].into_iter().enumerate() {
        let address = format!("10.1.0.{}", 20 + number);
        until_serials_are_past(&stage);
        stage.world.sites[ours].rename_list("a.txt", list("").replace("10.1.0.8", &address));
        for one in started.iter().filter(|(secondary, ..)| *secondary != Secondary::Recursor) {
            // The script of the page asks the first server, and the second one while that is away.
            if one.0 != Secondary::Kresd {
                until_has(&stage, &page, one, &address);
            }
        }
    }
    until_serials_are_past(&stage);
    stage.world.stop_first();
    stage.world.sites[1].rename_list("a.txt", list("").replace("10.1.0.8", "10.1.0.30"));
    for one in &started {
        until_has(&stage, &page, one, "10.1.0.30");
    }
}

#[test]
fn a_mistake_in_the_text_of_the_page_is_found() {
    let page = page();
    let mistakes = [
        // The key is another one, or none; the NOTIFY of a server is not taken; the zone is not the peer's.
        (Secondary::Bind, "10.0.0.4 key pl-bind; 10.0.0.5 key pl-bind;", "10.0.0.4; 10.0.0.5;", "rpz.privatelink"),
        (Secondary::Unbound, "    access-control: 10.0.0.5/32 allow\n", "", "rpz.privatelink"),
        (Secondary::Nsd, "    allow-notify: 10.0.0.5 pl-nsd\n", "", "privatelink.we.backup.windowsazure.com"),
        (Secondary::Knot, "address: [10.0.0.4, 10.0.0.5]", "address: [10.0.0.4]", "catalog.privatelink"),
    ];
    for (secondary, right, wrong, zone) in mistakes {
        let mistaken = page.replace(right, wrong);
        assert_ne!(page, mistaken, "the page has no '{right}'");
        let Some(stage) = Stage::start(&page) else { return };
        let kept = TempDir::new().unwrap();
        let Some(server) = secondary.start(&stage, &mistaken, &kept) else { continue };
        let second = &stage.world.sites[1];
        wait_until(&format!("{secondary:?} is there or is refused"), || {
            refused(second) > 0 || answer(&stage, &server, VAULT, "A") == "10.1.0.8"
        });
        let before = known(second, secondary, zone)["serial"].clone();
        // A change of the zone, and of the catalog.
        second.rename_list("a.txt", list(NEW_LINE).replace("10.1.0.8", "10.1.0.18"));
        wait_until(&format!("the status says that {secondary:?} takes no NOTIFY, or has no right"), || {
            let known = known(second, secondary, zone);
            let notify = &known["notify"][0];
            let is_deaf = notify["state"] == "refused" || notify["tries"].as_u64() >= Some(3);
            refused(second) > 0 || known["serial"] != before && notify["serial"] == known["serial"] && is_deaf
        });
    }
}
