//! Section 3.

use std::time::Duration;

use hickory_proto::op::ResponseCode;

use super::expect;
use super::served::{fails, leads, says};
use crate::azure::Cloud;
use crate::cli::doctor::ask::{Reply, Said};
use crate::cli::doctor::finding::{Finding, State};
use crate::cli::doctor::upstream::through::{Probe, Through};
use crate::cli::doctor::upstream::{Chain, Upstream, Upstreams, check};

const HOP: &str = "acct.privatelink.blob.core.windows.net";
const PUBLIC: &str = "20.60.1.1";

fn upstream(address: &str) -> Upstream {
    let address = address.parse().unwrap();
    Upstream { address, name: "a.example".to_owned(), udp: says(&[PUBLIC]), tcp: says(&[PUBLIC]), is_loop: false }
}

fn chain(said: Said) -> Chain {
    Chain { name: "acct.blob.core.windows.net".to_owned(), listed: vec!["10.1.0.4".parse().unwrap()], said }
}

fn probe(name: &str, said: Said) -> Probe {
    Probe { name: name.to_owned(), listed: vec!["10.1.0.4".parse().unwrap()], said }
}

fn through(account: Said, vault: Said) -> Through {
    let probes = vec![probe("acct.blob.core.windows.net", account), probe("1-ab-pod01-id1", vault)];
    Through { resolver: "10.9.9.9:53".parse().unwrap(), cloud: Cloud::Public, probes }
}

fn all_well() -> Upstreams {
    Upstreams {
        servers: vec![upstream("10.0.0.1:53")],
        chains: vec![chain(leads(&[HOP], &[PUBLIC]))],
        entra: vec![("login.microsoftonline.com".to_owned(), says(&["20.190.128.1"]))],
        through: vec![through(says(&["10.1.0.4"]), says(&["10.1.0.4"]))],
        ..Upstreams::default()
    }
}

/// One upstream with this change.
fn one(change: impl FnOnce(&mut Upstream)) -> Vec<Finding> {
    let mut found = all_well();
    change(&mut found.servers[0]);
    check(&found)
}

fn slow(said: Said) -> Said {
    match said {
        Said::Reply(reply) => Said::Reply(Reply { took: Duration::from_millis(1500), ..reply }),
        other => other,
    }
}

#[test]
fn upstreams_on_which_all_is_well_have_no_finding_worse_than_good() {
    let found = check(&all_well());
    for number in 301..=308 {
        expect(&found, &format!("PD{number}"), State::Good, &[]);
    }
}

#[test]
fn an_upstream_that_is_silent_is_a_problem_unless_others_stand_in() {
    let found = one(|upstream| upstream.udp = Said::Silence);
    expect(&found, "PD301", State::Problem, &["10.0.0.1:53: no answer in time", "dig @10.0.0.1 a.example"]);
    expect(&found, "PD302", State::Good, &[]);
    expect(&found, "PD303", State::Skipped, &[]);
    let found = one(|upstream| upstream.tcp = Said::Unreachable("nothing listens at 10.0.0.1:53".to_owned()));
    expect(&found, "PD302", State::Problem, &["nothing listens", "dig +tcp @10.0.0.1"]);
    let fails = one(|upstream| upstream.udp = fails(ResponseCode::ServFail));
    expect(&fails, "PD301", State::Problem, &["answers SERVFAIL for a.example"]);
    let mut two = all_well();
    two.servers.push(Upstream { udp: Said::Silence, ..upstream("10.0.0.2:53") });
    expect(&check(&two), "PD301", State::Warning, &["10.0.0.2:53"]);
    let none = Upstreams { absent: vec!["/etc/resolv.conf names no server".to_owned()], ..Upstreams::default() };
    expect(&check(&none), "PD301", State::Problem, &["names no server", "[forward]"]);
}

#[test]
fn a_slow_upstream_is_a_warning() {
    expect(&one(|upstream| upstream.udp = slow(says(&[PUBLIC]))), "PD303", State::Warning, &["took 1500 ms"]);
}

#[test]
fn azure_s_resolver_outside_azure_and_its_misprint_are_told_apart() {
    let silent = |address: &str, is_azure| {
        let servers = vec![Upstream { udp: Said::Silence, tcp: Said::Silence, ..upstream(address) }];
        check(&Upstreams { servers, is_azure, ..all_well() })
    };
    expect(
        &silent("168.63.129.16:53", Some(false)),
        "PD304",
        State::Problem,
        &["outside of Azure", "site's own resolver"],
    );
    expect(&silent("168.63.129.16:53", Some(true)), "PD304", State::Problem, &["AzurePlatformDNS"]);
    expect(&silent("169.63.129.16:53", None), "PD304", State::Problem, &["misprint", "168.63.129.16"]);
    expect(&check(&Upstreams { servers: vec![upstream("168.63.129.16:53")], ..all_well() }), "PD304", State::Good, &[]);
}

#[test]
fn an_upstream_that_leads_back_is_a_problem() {
    let found = one(|upstream| upstream.is_loop = true);
    expect(&found, "PD305", State::Problem, &["10.0.0.1:53 leads back to this server", "168.63.129.16"]);
}

#[test]
fn a_chain_says_why_an_account_stays_public() {
    let with = |said| check(&Upstreams { chains: vec![chain(said)], ..all_well() });
    let no_hop = leads(&["blob.ams09.store.core.windows.net"], &[PUBLIC]);
    expect(&with(no_hop), "PD306", State::Problem, &["no privatelink hop", "approve the endpoint"]);
    expect(&with(fails(ResponseCode::NXDomain)), "PD306", State::Problem, &["there is no such account"]);
    expect(
        &with(leads(&[HOP], &["10.7.7.7"])),
        "PD306",
        State::Problem,
        &["from another private zone; listed 10.1.0.4"],
    );
    expect(&with(leads(&[HOP], &["10.1.0.4"])), "PD306", State::Warning, &["from another private zone"]);
    let denied = match leads(&[HOP], &[]) {
        Said::Reply(reply) => Said::Reply(Reply { rcode: ResponseCode::NXDomain, ..reply }),
        other => other,
    };
    expect(&with(denied), "PD306", State::Warning, &["a zone of its own", "lacks this account"]);
    expect(&with(Said::Silence), "PD306", State::Skipped, &[]);
}

#[test]
fn names_of_entra_must_be_public() {
    let with = |said| check(&Upstreams { entra: vec![("login.microsoftonline.com".to_owned(), said)], ..all_well() });
    expect(
        &with(says(&["10.4.4.4"])),
        "PD307",
        State::Problem,
        &["login.microsoftonline.com: 10.4.4.4, which is private"],
    );
    expect(&with(fails(ResponseCode::NXDomain)), "PD307", State::Warning, &["NXDOMAIN"]);
    expect(&with(Said::Silence), "PD307", State::Skipped, &[]);
}

#[test]
fn a_resolver_of_clients_says_what_is_wrong_with_it() {
    let private = || says(&["10.1.0.4"]);
    let public = || says(&[PUBLIC]);
    let unknown = || fails(ResponseCode::NXDomain);
    let with = |account, vault| check(&Upstreams { through: vec![through(account, vault)], ..all_well() });
    for (account, vault, texts) in [
        (
            says(&[]),
            says(&[]),
            [
                "drops private addresses (rebinding protection)",
                "rebind-domain-ok=/blob.core.windows.net/queue.core.windows.net/",
            ],
        ),
        (says(&[]), private(), ["rebinding protection", "private-domain"]),
        (unknown(), unknown(), ["does not forward these names to this server", "backup.windowsazure.com"]),
        (public(), unknown(), ["does not forward these names to this server", "blob.core.windows.net"]),
        (public(), private(), ["forwards some of these names here", "rules for privatelink.* alone are not enough"]),
        (private(), unknown(), ["forwards some of these names here", "backup.windowsazure.com"]),
        (private(), fails(ResponseCode::Refused), ["refuses or fails", "REFUSED"]),
        (says(&["10.8.8.8"]), private(), ["gives other private addresses", "10.8.8.8"]),
        (Said::Silence, Said::Silence, ["does not answer", "firewall"]),
    ] {
        expect(&with(account, vault), "PD308", State::Problem, &texts);
    }
    expect(&check(&Upstreams { through: Vec::new(), ..all_well() }), "PD308", State::Skipped, &["--through"]);
}
