//! Section 5.

use std::time::Duration;

use hickory_proto::op::ResponseCode;

use super::{expect, listed, lists_of};
use crate::cli::doctor::ask::{Reply, Said};
use crate::cli::doctor::facts::{Listed, Lists, Standing};
use crate::cli::doctor::finding::{Finding, State};
use crate::cli::doctor::served::{Served, check, reachable, skipped};

/// An answer from the zone.
pub(super) fn says(addresses: &[&str]) -> Said {
    Said::Reply(Reply {
        rcode: ResponseCode::NoError,
        is_authoritative: true,
        is_truncated: false,
        addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
        chain: Vec::new(),
        took: Duration::from_millis(1),
    })
}

pub(super) fn fails(rcode: ResponseCode) -> Said {
    match says(&[]) {
        Said::Reply(reply) => Said::Reply(Reply { rcode, is_authoritative: false, ..reply }),
        other => other,
    }
}

/// An answer by way of a chain.
pub(super) fn leads(chain: &[&str], addresses: &[&str]) -> Said {
    match says(addresses) {
        Said::Reply(reply) => {
            let chain = chain.iter().map(ToString::to_string).collect();
            Said::Reply(Reply { chain, is_authoritative: false, ..reply })
        }
        other => other,
    }
}

fn checked(lists: &Lists, udp: Said, tcp: Said, public: Said) -> Vec<Finding> {
    let server = "127.0.0.1:53".parse().unwrap();
    check(lists, &Served { server, others: Vec::new(), udp: vec![udp], tcp: vec![tcp], public: vec![(0, public)] })
}

const HOP: &str = "acct.privatelink.blob.core.windows.net";

fn right() -> (Lists, Said, Said, Said) {
    let says = || says(&["10.1.0.4"]);
    (lists_of(&["acct blob 10.1.0.4"]), says(), says(), leads(&[HOP], &["10.1.0.4"]))
}

#[test]
fn a_server_that_gives_what_is_listed_is_good() {
    let (lists, udp, tcp, public) = right();
    let found = checked(&lists, udp, tcp, public);
    for id in ["PD501", "PD502", "PD503", "PD504"] {
        expect(&found, id, State::Good, &[]);
    }
}

#[test]
fn every_kind_of_wrong_answer_is_a_problem_with_the_line_of_the_list() {
    let (lists, right, _, public) = right();
    for (said, shown) in [
        (says(&["10.1.0.5"]), "10.1.0.5"),
        (says(&["10.1.0.4", "10.1.0.5"]), "10.1.0.4 10.1.0.5"),
        (says(&[]), "NODATA"),
        (fails(ResponseCode::NXDomain), "NXDOMAIN"),
        (fails(ResponseCode::ServFail), "SERVFAIL"),
        (leads(&[], &["10.1.0.4"]), "not authoritative"),
        (Said::Silence, "no answer in time"),
        (Said::Malformed("junk".to_owned()), "junk"),
    ] {
        let found = checked(&lists, said.clone(), right.clone(), public.clone());
        expect(&found, "PD501", State::Problem, &["acct.privatelink.blob", shown, "status --config c.toml"]);
        expect(&found, "PD502", State::Good, &[]);
        let found = checked(&lists, right.clone(), said, public.clone());
        expect(&found, "PD502", State::Problem, &["acct.privatelink.blob", shown]);
        expect(&found, "PD501", State::Good, &[]);
    }
}

#[test]
fn what_is_held_or_in_conflict_is_a_warning_with_its_reason() {
    let (_, _, _, public) = right();
    for (standing, reason) in
        [(Standing::Held, "guard holds"), (Standing::Conflict, "lists disagree"), (Standing::Pending, "next pass")]
    {
        let waits = Listed { in_service: vec!["10.1.0.3".parse().unwrap()], standing, ..listed("acct blob 10.1.0.4") };
        let lists = Lists { records: vec![waits], config: "c.toml".to_owned(), ..Lists::default() };
        let was = || says(&["10.1.0.3"]);
        let found = checked(&lists, was(), was(), public.clone());
        expect(&found, "PD501", State::Warning, &[reason, "in service 10.1.0.3, listed 10.1.0.4", "lists/a.txt:1"]);
        assert!(found.iter().all(|finding| finding.state < State::Problem), "{found:#?}");
    }
}

#[test]
fn a_server_that_refuses_this_machine_is_not_called_wrong() {
    let (lists, ..) = right();
    let refused = || fails(ResponseCode::Refused);
    let found = checked(&lists, refused(), refused(), refused());
    expect(&found, "PD503", State::Warning, &["refuses this machine's own address", "allow in [access]"]);
    expect(&found, "PD501", State::Skipped, &["not in [access]"]);
}

#[test]
fn a_public_name_that_leads_elsewhere_says_why() {
    let (lists, udp, tcp, _) = right();
    let with = |public| checked(&lists, udp.clone(), tcp.clone(), public);
    let elsewhere = leads(&["blob.ams09.store.core.windows.net"], &["20.60.1.1"]);
    expect(&with(elsewhere), "PD504", State::Problem, &["20.60.1.1", "no privatelink hop", "approve the endpoint"]);
    expect(&with(leads(&[HOP], &["10.1.0.9"])), "PD504", State::Problem, &["10.1.0.9, listed 10.1.0.4"]);
    expect(&with(fails(ResponseCode::ServFail)), "PD504", State::Problem, &["SERVFAIL"]);
    expect(&with(Said::NotAsked), "PD504", State::Warning, &["1 not answered"]);
    expect(&with(fails(ResponseCode::Refused)), "PD504", State::Warning, &["[limits]", "trusted"]);
}

#[test]
fn a_further_address_that_is_silent_is_named() {
    let (lists, udp, tcp, public) = right();
    let others = vec![("10.0.0.4:53".parse().unwrap(), vec![udp.clone()], vec![Said::Silence])];
    let server = "127.0.0.1:53".parse().unwrap();
    let found = check(&lists, &Served { server, others, udp: vec![udp], tcp: vec![tcp], public: vec![(0, public)] });
    expect(&found, "PD501", State::Good, &[]);
    expect(&found, "PD502", State::Problem, &["at 10.0.0.4:53: acct.privatelink", "no answer in time"]);
}

#[test]
fn questions_that_found_no_time_are_counted() {
    let (lists, _, tcp, public) = right();
    let found = checked(&lists, Said::NotAsked, tcp, public);
    expect(&found, "PD501", State::Warning, &["1 of 1 not asked over UDP"]);
}

#[test]
fn a_server_at_any_address_is_asked_at_loopback() {
    let at = |listen: &[&str]| {
        let listen: Vec<_> = listen.iter().map(|text| text.parse().unwrap()).collect();
        reachable(&listen).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(at(&["0.0.0.0:53", "127.0.0.1:53"]), ["127.0.0.1:53"]);
    assert_eq!(at(&["[::]:53"]), ["[::1]:53"]);
    assert_eq!(at(&["10.0.0.4:53", "127.0.0.1:5300"]), ["127.0.0.1:5300", "10.0.0.4:53"]);
    assert_eq!(at(&["10.0.0.4:53", "127.0.0.1:0"]), ["10.0.0.4:53"]);
    assert!(at(&[]).is_empty());
    assert_eq!(skipped("why").len(), 4);
}
