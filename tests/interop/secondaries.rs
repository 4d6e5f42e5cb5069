//! Secondaries with just the text of `docs/secondaries.md`: resolvers with the RPZ feed give our addresses and the
//! world's, authoritative servers have the backup zones, changes reach them by NOTIFY, and what they have outlives ours.
//!
//! They run on a host of their own, where the page's addresses and port 53 are free; only root may make one.

mod servers;
mod stage;

use std::time::Duration;

use tempfile::TempDir;

use crate::forwarders::ANSWERS;
use crate::resolvers::Resolver;
use crate::support::client::ask;
use crate::support::wait_until;
use servers::Secondary;
use stage::{Stage, known, list, page};

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
    ANSWERS.into_iter().map(of_feed)
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
    let started = Secondary::RESOLVERS.map(|secondary| {
        let kept = TempDir::new().unwrap();
        secondary.start(&stage, &page, &kept).map(|server| (secondary, server, kept))
    });
    let started: Vec<_> = started.into_iter().flatten().collect();
    for (secondary, server, _) in &started {
        until_answers(&stage, (*secondary, server), VAULT, "10.1.0.8");
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

/// Transfers of a zone that a peer had completely, from each of our servers.
fn transfers(stage: &Stage, secondary: Secondary, zone: &str) -> Vec<u64> {
    let of = |site| known(site, secondary, zone)["transfers"].as_u64().unwrap_or_default();
    stage.world.sites.iter().map(of).collect()
}

/// The name of a vault in another place, which has a zone of its own.
const NEW_VAULT: &str = "4611686018427387904-ab-pod01-rec2.privatelink.ne.backup.windowsazure.com";
const NEW_LINE: &str = "10.1.0.9 4611686018427387904-ab-pod01-rec2.ne.backup.windowsazure.com";

#[test]
fn a_changed_list_and_a_new_geo_zone_reach_every_secondary_by_notify_with_one_transfer_for_each_change() {
    let page = page();
    let Some(stage) = Stage::start(&page) else { return };
    let started = Secondary::ALL.map(|secondary| {
        let kept = TempDir::new().unwrap();
        secondary.start(&stage, &page, &kept).map(|server| (secondary, server, kept))
    });
    let started: Vec<_> = started.into_iter().flatten().collect();
    for (secondary, server, _) in &started {
        until_answers(&stage, (*secondary, server), VAULT, "10.1.0.8");
    }
    let changed = list("").replace("10.1.0.8", "10.1.0.18");
    stage.have_list(&changed);
    for (secondary, server, kept) in &started {
        if *secondary == Secondary::Kresd {
            wait_until("the script has the change", || {
                secondary.fetch(&stage, &page, kept) && answer(&stage, server, VAULT, "A") == "10.1.0.18"
            });
        }
        until_answers(&stage, (*secondary, server), VAULT, "10.1.0.18");
    }
    let was_told = |secondary: &Secondary, zone: &str| {
        stage.world.sites.iter().all(|site| {
            let known = known(site, *secondary, zone);
            known["notify"][0]["state"] == "acknowledged" && known["notify"][0]["serial"] == known["serial"]
        })
    };
    for (secondary, zone) in [
        (Secondary::Bind, "rpz.privatelink"),
        (Secondary::Unbound, "rpz.privatelink"),
        (Secondary::Bind, "catalog.privatelink"),
        (Secondary::Knot, "catalog.privatelink"),
        (Secondary::Knot, "privatelink.we.backup.windowsazure.com"),
        (Secondary::Nsd, "privatelink.we.backup.windowsazure.com"),
    ] {
        wait_until(&format!("{secondary:?} acknowledges {zone}"), || was_told(&secondary, zone));
        eprintln!("{secondary:?} {zone} {:?}", transfers(&stage, secondary, zone));
    }
    stage.have_list(&format!("{changed}{NEW_LINE}\n"));
    for (secondary, server, _) in started.iter().filter(|(one, ..)| [Secondary::Bind, Secondary::Knot].contains(one)) {
        until_answers(&stage, (*secondary, server), NEW_VAULT, "10.1.0.9");
    }
}
