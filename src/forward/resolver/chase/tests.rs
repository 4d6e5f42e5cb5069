//! The re-chase against zones and replies in presentation format.

use std::sync::Arc;

use super::*;
use crate::dns::rdata;
use crate::forward::NoUpstream;
use crate::forward::cache::RouteId;
use crate::forward::resolver::public::PublicNames;
use crate::forward::resolver::responsible::Responsibilities;
use crate::forward::resolver::route::{Route, RouteTable};
use crate::zone::{Hosted, OnMiss};

const BLOB: &str = "privatelink.blob.core.windows.net";

fn zones(on_miss: OnMiss, records: &str) -> ZoneSet {
    let apex: Name = BLOB.parse().unwrap();
    let text = format!("@ 3600 SOA a. b. 1 2 3 4 10\n@ 10 NS a.\n{records}");
    let (zone, findings) = Zone::from_text(&apex, text.as_bytes());
    let zone = Some(Arc::new(zone.unwrap_or_else(|| panic!("{findings:?}"))));
    ZoneSet::new([Hosted::new(apex, on_miss, zone)])
}

#[test]
fn a_chain_into_a_derived_zone_ends_without_its_records_and_asks_nobody() {
    let derived = Hosted::new("rpz.privatelink".parse().unwrap(), OnMiss::NxDomain, None);
    let zones = zones(OnMiss::Forward, "acct 10 CNAME a.rpz.privatelink.\n").with_derived([derived]);
    let (resolved, asks) = resolve(&zones, "acct.privatelink.blob.core.windows.net", Rtype::A, &[]);
    assert_eq!((resolved.rcode, resolved.answer.len(), asks), (Rcode::SERVFAIL, 0, 0));
    assert_eq!(resolved.ede, Some(TRANSFER_ONLY));
    let (resolved, asks) = resolve(&zones, "a.rpz.privatelink", Rtype::A, &[]);
    assert_eq!((resolved.rcode, resolved.ede, asks), (Rcode::REFUSED, Some(TRANSFER_ONLY), 0));
}

fn record(text: &str) -> Record {
    let mut parts = text.split_whitespace();
    let owner: Name = parts.next().unwrap().parse().unwrap();
    let rtype: Rtype = parts.next().unwrap().parse().unwrap();
    let value = parts.next().unwrap();
    let rdata = match rtype {
        Rtype::CNAME => value.parse::<Name>().unwrap().as_wire().into(),
        Rtype::SOA => rdata::soa(
            &value.parse().unwrap(),
            &Name::root(),
            &rdata::SoaNumbers { serial: crate::dns::Serial(1), refresh: 1, retry: 1, expire: 1, minimum: 1 },
        ),
        _ => rdata::address(value.parse().unwrap()).1,
    };
    Record { owner, rtype, ttl: 60, rdata: rdata.into() }
}

fn reply(answer: &[&str], authority: &[&str], rcode: Rcode) -> Reply {
    Reply {
        rcode,
        authentic: true,
        ede: None,
        answer: answer.iter().map(|text| record(text)).collect(),
        authority: authority.iter().map(|text| record(text)).collect(),
        chain: Chain::Whole,
        shortened: false,
        upstream: None,
    }
}

/// Follows a question; each `Ask` takes the script's reply for that name, as far as an upstream for all names is
/// believed.
fn resolve(zones: &ZoneSet, qname: &str, qtype: Rtype, script: &[(&str, Reply)]) -> (Resolved, usize) {
    let route = Route { id: RouteId(1), suffix: Name::root(), group: Arc::new(NoUpstream) };
    let routes = RouteTable::new(vec![Arc::new(route)]);
    let (special, public_names) = (ZoneSet::default(), PublicNames::Never);
    let responsibilities = Responsibilities { zones, routes: &routes, special: &special, public_names };
    let mut chase = Chase::new(qname.parse().unwrap(), qtype);
    let mut step = chase.follow(zones);
    for asked in 0.. {
        match step {
            Step::Done(resolved) => return (resolved, asked),
            Step::Ask(name) => {
                let found = script.iter().find(|(known, _)| known.parse::<Name>().unwrap() == name);
                let (_, reply) = found.unwrap_or_else(|| panic!("asked for {name}"));
                let believed = responsibilities.believed(&name, qtype, Some(RouteId(1)), reply);
                step = chase.follow_reply(zones, &believed.reply);
            }
        }
    }
    unreachable!()
}

fn shown(records: &[Record]) -> Vec<String> {
    records
        .iter()
        .map(|r| format!("{} {} {}", r.owner.without_dot(), r.rtype, rdata::presentation(r.rtype, &r.rdata)))
        .collect()
}

const CHAIN: [&str; 3] = [
    "acct.blob.core.windows.net CNAME acct.privatelink.blob.core.windows.net",
    "acct.privatelink.blob.core.windows.net CNAME blob.store.core.windows.net",
    "blob.store.core.windows.net A 20.60.1.1",
];

#[test]
fn our_account_gets_the_chain_up_to_our_zone_and_our_address() {
    let zones = zones(OnMiss::Forward, "acct 10 A 10.1.0.4\n");
    let script = [("acct.blob.core.windows.net", reply(&CHAIN, &[], Rcode::NOERROR))];
    let (resolved, _) = resolve(&zones, "acct.blob.core.windows.net", Rtype::A, &script);
    assert_eq!(
        shown(&resolved.answer),
        [
            "acct.blob.core.windows.net CNAME acct.privatelink.blob.core.windows.net.",
            "acct.privatelink.blob.core.windows.net A 10.1.0.4",
        ]
    );
    assert!(!resolved.authoritative && !resolved.authentic);
    assert_eq!(resolved.rcode, Rcode::NOERROR);
}

#[test]
fn our_account_without_the_type_is_nodata_with_our_soa_and_the_cname_kept() {
    let zones = zones(OnMiss::Forward, "acct 10 A 10.1.0.4\n");
    let script =
        [("acct.blob.core.windows.net", reply(&CHAIN[..2], &["store.core.windows.net SOA x."], Rcode::NOERROR))];
    let (resolved, _) = resolve(&zones, "acct.blob.core.windows.net", Rtype::AAAA, &script);
    assert_eq!(shown(&resolved.answer).len(), 1);
    assert_eq!((resolved.authority[0].owner.without_dot().as_str(), resolved.authority[0].ttl), (BLOB, 10));
}

#[test]
fn another_tenants_account_gets_the_public_answer_or_nxdomain_as_the_zone_says() {
    let script = [("acct.blob.core.windows.net", reply(&CHAIN, &[], Rcode::NOERROR))];
    let forward = zones(OnMiss::Forward, "");
    let (resolved, asked) = resolve(&forward, "acct.blob.core.windows.net", Rtype::A, &script);
    assert_eq!(
        (shown(&resolved.answer).last().unwrap().as_str(), asked),
        ("blob.store.core.windows.net A 20.60.1.1", 1)
    );
    assert!(resolved.authentic, "nothing of ours is in it");

    let (resolved, _) = resolve(&zones(OnMiss::NxDomain, ""), "acct.blob.core.windows.net", Rtype::A, &script);
    assert_eq!((resolved.rcode, resolved.answer.len()), (Rcode::NXDOMAIN, 1));
    assert_eq!(resolved.authority[0].owner.without_dot(), BLOB);
}

#[test]
fn rfc4035_3_2_3_a_chain_is_authentic_if_every_reply_was() {
    let zones = zones(OnMiss::Forward, "");
    let follow_cname = reply(&["a.test CNAME b.test"], &[], Rcode::NOERROR);
    let end = reply(&["b.test A 192.0.2.1"], &[], Rcode::NOERROR);
    for (first, second) in [(true, true), (false, true), (true, false)] {
        let script = [
            ("a.test", Reply { authentic: first, ..follow_cname.clone() }),
            ("b.test", Reply { authentic: second, ..end.clone() }),
        ];
        let (resolved, asked) = resolve(&zones, "a.test", Rtype::A, &script);
        assert_eq!((resolved.authentic, asked), (first && second, 2));
    }
}

#[test]
fn on_miss_fires_on_nxdomain_alone() {
    let zones = zones(OnMiss::Forward, "x.acct 10 A 10.1.0.4\n*.wild 10 TXT x\n");
    for name in ["acct.privatelink.blob.core.windows.net", "a.wild.privatelink.blob.core.windows.net"] {
        let (resolved, asked) = resolve(&zones, name, Rtype::A, &[]);
        assert_eq!((resolved.rcode, asked, resolved.authority.len()), (Rcode::NOERROR, 0, 1), "{name}");
    }
}

#[test]
fn a_chain_that_stops_half_way_is_asked_further() {
    let zones = zones(OnMiss::Forward, "");
    let script = [
        ("acct.blob.core.windows.net", reply(&CHAIN[..1], &[], Rcode::NOERROR)),
        ("acct.privatelink.blob.core.windows.net", reply(&CHAIN[1..], &[], Rcode::NOERROR)),
    ];
    let (resolved, asked) = resolve(&zones, "acct.blob.core.windows.net", Rtype::A, &script);
    assert_eq!((resolved.answer.len(), asked), (3, 2));
}

fn long_chain(links: usize) -> Reply {
    let mut texts: Vec<String> = (0..links).map(|i| format!("n{i}.example CNAME n{}.example", i + 1)).collect();
    texts.push(format!("n{links}.example A 192.0.2.1"));
    reply(&texts.iter().map(String::as_str).collect::<Vec<_>>(), &[], Rcode::NOERROR)
}

#[test]
fn sixteen_links_are_followed_and_seventeen_end_in_servfail() {
    let zones = ZoneSet::default();
    let (resolved, _) = resolve(&zones, "n0.example", Rtype::A, &[("n0.example", long_chain(16))]);
    assert_eq!(resolved.answer.len(), 17);
    let (resolved, _) = resolve(&zones, "n0.example", Rtype::A, &[("n0.example", long_chain(17))]);
    assert_eq!((resolved.rcode, resolved.answer.len()), (Rcode::SERVFAIL, 0));
    assert!(resolved.ede.is_some());
}

#[test]
fn loops_end_in_servfail_also_through_a_zone() {
    let zones = zones(OnMiss::Forward, "a 10 CNAME b\nb 10 CNAME www.example.\n");
    let script =
        [("www.example", reply(&["www.example CNAME a.privatelink.blob.core.windows.net"], &[], Rcode::NOERROR))];
    let (resolved, _) = resolve(&zones, "a.privatelink.blob.core.windows.net", Rtype::A, &script);
    assert_eq!(resolved.rcode, Rcode::SERVFAIL);
    assert_eq!(resolved.ede.unwrap().text, "CNAME loop");
}

#[test]
fn a_chain_that_breaks_behind_our_name_is_cut_before_the_break() {
    let zones = zones(OnMiss::Forward, "acct 10 A 10.1.0.4\n");
    let broken = Reply { chain: Chain::Loop, ..reply(&CHAIN[..2], &[], Rcode::NOERROR) };
    let script = [("acct.blob.core.windows.net", broken)];
    let (resolved, _) = resolve(&zones, "acct.blob.core.windows.net", Rtype::A, &script);
    assert_eq!(shown(&resolved.answer)[1], "acct.privatelink.blob.core.windows.net A 10.1.0.4");
}

#[test]
fn a_zone_without_data_is_servfail_never_nxdomain() {
    let apex: Name = BLOB.parse().unwrap();
    let zones = ZoneSet::new([Hosted::new(apex, OnMiss::Forward, None)]);
    let script = [("acct.blob.core.windows.net", reply(&CHAIN, &[], Rcode::NOERROR))];
    for name in ["acct.blob.core.windows.net", "acct.privatelink.blob.core.windows.net"] {
        let (resolved, _) = resolve(&zones, name, Rtype::A, &script);
        assert_eq!((resolved.rcode, resolved.ede.unwrap().code), (Rcode::SERVFAIL, Ede::NOT_READY));
    }
}

#[test]
fn a_question_for_the_cname_itself_is_not_followed() {
    let zones = zones(OnMiss::Forward, "acct 10 A 10.1.0.4\n");
    let script = [("acct.blob.core.windows.net", reply(&CHAIN[..1], &[], Rcode::NOERROR))];
    let (resolved, _) = resolve(&zones, "acct.blob.core.windows.net", Rtype::CNAME, &script);
    assert_eq!(resolved.answer.len(), 1);
}
