//! Who answers for a name, and the part of a reply that is kept, in presentation format.

use super::*;
use crate::forward::NoUpstream;
use crate::forward::resolver::special;
use crate::zone::{Hosted, OnMiss};

const ZONE: &str = "@ 3600 SOA a. b. 1 2 3 4 10\n@ 10 NS a.\nacct 10 A 10.0.0.1\n";

const DEFAULT: RouteId = RouteId(1);
const CORP: RouteId = RouteId(2);

struct World {
    zones: ZoneSet,
    routes: RouteTable,
    special: Arc<ZoneSet>,
}

impl World {
    fn new() -> Self {
        let apex: Name = "privatelink.blob.core.windows.net".parse().unwrap();
        let zone = Zone::from_text(&apex, ZONE.as_bytes()).0.map(Arc::new);
        let zones = ZoneSet::new([Hosted::new(apex, OnMiss::Forward, zone)]);
        let route =
            |id, suffix: &str| Arc::new(Route { id, suffix: suffix.parse().unwrap(), group: Arc::new(NoUpstream) });
        let routes = RouteTable::new(vec![route(DEFAULT, "."), route(CORP, "corp.example")]);
        Self { zones, routes, special: Arc::new(ZoneSet::new(special::zones(true))) }
    }

    fn responsibilities(&self, public_names: PublicNames) -> Responsibilities<'_> {
        Responsibilities { zones: &self.zones, routes: &self.routes, special: &self.special, public_names }
    }

    fn of(&self, name: &str, qtype: Rtype, public_names: PublicNames) -> String {
        match self.responsibilities(public_names).of(&name.parse().unwrap(), qtype) {
            Responsible::Hosted => "zone".to_owned(),
            Responsible::Special(zone) => format!("special {}", zone.apex()),
            Responsible::PublicName(reply) => format!("this server: {}", reply.answer[0]),
            Responsible::Upstreams(route) => format!("upstreams of {}", route.suffix),
            Responsible::Nobody => "nobody".to_owned(),
        }
    }

    /// What is left of a reply to a question for the A of its first owner.
    fn believed(&self, by: RouteId, rcode: Rcode, answer: &[&str]) -> String {
        let answer: Vec<Record> = answer.iter().map(|text| record(text)).collect();
        let first = answer.iter().find(|record| record.rtype != Rtype::DNAME).map(|record| record.owner.clone());
        let reply = Reply { answer, ..Reply::new(rcode) };
        let qname = first.unwrap_or_else(|| "core.windows.net".parse().unwrap());
        let responsibilities = self.responsibilities(PublicNames::OnFailure);
        let Believed { reply, .. } = responsibilities.believed(&qname, Rtype::A, Some(by), &reply);
        let records: Vec<String> = reply.answer.iter().map(ToString::to_string).collect();
        format!("{} {}", reply.rcode, records.join("; "))
    }
}

#[test]
fn a_name_in_a_derived_zone_is_never_an_upstreams() {
    let mut world = World::new();
    let derived = Hosted::new("rpz.privatelink".parse().unwrap(), OnMiss::NxDomain, None);
    world.zones = world.zones.with_derived([derived]);
    for name in ["rpz.privatelink", "acct.blob.core.windows.net.rpz.privatelink"] {
        assert_eq!(world.of(name, Rtype::A, PublicNames::Always), "zone", "{name}");
    }
    assert_eq!(world.of("x.privatelink", Rtype::A, PublicNames::Always), "upstreams of .");
    let chain = ["www.example CNAME a.rpz.privatelink", "a.rpz.privatelink A 192.0.2.1"];
    assert_eq!(world.believed(DEFAULT, Rcode::NOERROR, &chain), "NOERROR www.example. 60 IN CNAME a.rpz.privatelink.");
}

fn record(text: &str) -> Record {
    let mut words = text.split(' ');
    let owner = words.next().unwrap().parse().unwrap();
    let rtype: Rtype = words.next().unwrap().parse().unwrap();
    let value = words.next().unwrap();
    let rdata = match rtype {
        Rtype::A => crate::dns::rdata::address(value.parse().unwrap()).1.into(),
        _ => value.parse::<Name>().unwrap().as_wire().into(),
    };
    Record { owner, rtype, ttl: 60, rdata }
}

#[test]
fn a_name_is_answered_by_a_zone_a_special_name_this_server_or_the_longest_suffix() {
    let world = World::new();
    for (name, expected) in [
        ("acct.privatelink.blob.core.windows.net", "zone"),
        ("privatelink.blob.core.windows.net", "zone"),
        ("other.privatelink.blob.core.windows.net", "upstreams of ."),
        ("acct.blob.core.windows.net", "upstreams of ."),
        ("host.corp.example", "upstreams of corp.example."),
        ("corp.example", "upstreams of corp.example."),
        ("xcorp.example", "upstreams of ."),
        ("x.localhost", "special localhost."),
        ("1.0.0.10.in-addr.arpa", "special 10.in-addr.arpa."),
    ] {
        assert_eq!(world.of(name, Rtype::A, PublicNames::OnFailure), expected, "{name}");
    }
    let ours = "this server: acct.blob.core.windows.net. 10 IN CNAME acct.privatelink.blob.core.windows.net.";
    assert_eq!(world.of("acct.blob.core.windows.net", Rtype::A, PublicNames::Always), ours);
}

#[test]
fn rfc4035_3_1_4_1_ds_at_the_suffix_of_a_rule_is_asked_of_the_upstreams_above() {
    let world = World::new();
    let of = |name| world.of(name, Rtype::DS, PublicNames::OnFailure);
    assert_eq!(of("corp.example"), "upstreams of .");
    assert_eq!(of("sub.corp.example"), "upstreams of corp.example.");
    assert_eq!(of("."), "upstreams of .");
}

#[test]
fn a_chain_is_cut_where_somebody_else_answers_for_its_target() {
    let world = World::new();
    for (by, answer, kept) in [
        (
            DEFAULT,
            &[
                "a.test CNAME acct.privatelink.blob.core.windows.net",
                "acct.privatelink.blob.core.windows.net A 192.0.2.6",
            ][..],
            1,
        ),
        (
            DEFAULT,
            &["a.test CNAME x.privatelink.blob.core.windows.net", "x.privatelink.blob.core.windows.net A 192.0.2.6"],
            2,
        ),
        (
            CORP,
            &[
                "a.corp.example CNAME x.privatelink.blob.core.windows.net",
                "x.privatelink.blob.core.windows.net A 192.0.2.6",
            ],
            1,
        ),
        (DEFAULT, &["a.test CNAME a.corp.example", "a.corp.example A 192.0.2.6"], 1),
        (CORP, &["a.corp.example CNAME www.bank.example", "www.bank.example A 192.0.2.6"], 1),
        (CORP, &["a.corp.example CNAME b.corp.example", "b.corp.example A 192.0.2.6"], 2),
        (DEFAULT, &["a.test CNAME localhost", "localhost A 192.0.2.6"], 1),
        (
            DEFAULT,
            &[
                "a.test CNAME b.test",
                "b.test CNAME a.corp.example",
                "a.corp.example CNAME c.test",
                "c.test A 192.0.2.6",
            ],
            2,
        ),
    ] {
        let expected: Vec<String> = answer[..kept].iter().map(|text| record(text).to_string()).collect();
        assert_eq!(world.believed(by, Rcode::NOERROR, answer), format!("NOERROR {}", expected.join("; ")));
    }
}

#[test]
fn a_failure_or_a_denial_at_a_public_name_of_ours_leaves_the_chain_up_to_it() {
    let world = World::new();
    let chain = ["backup.contoso.com CNAME acct.blob.core.windows.net"];
    let link = "backup.contoso.com. 60 IN CNAME acct.blob.core.windows.net.";
    for rcode in [Rcode::SERVFAIL, Rcode::REFUSED, Rcode::NXDOMAIN] {
        assert_eq!(world.believed(DEFAULT, rcode, &chain), format!("NOERROR {link}"));
    }
    let others = ["backup.contoso.com CNAME other.blob.core.windows.net"];
    assert!(world.believed(DEFAULT, Rcode::NXDOMAIN, &others).starts_with("NXDOMAIN "));
}

#[test]
fn a_dname_over_names_that_others_answer_for_is_dropped_and_its_cname_is_kept() {
    let world = World::new();
    for (by, dname, link, is_kept) in [
        (DEFAULT, "core.windows.net DNAME evil.test", "x.core.windows.net CNAME x.evil.test", false),
        (DEFAULT, ". DNAME evil.test", "x.test CNAME x.test.evil.test", false),
        (DEFAULT, "example DNAME evil.test", "x.example CNAME x.evil.test", false),
        (
            DEFAULT,
            "y.privatelink.blob.core.windows.net DNAME t",
            "x.y.privatelink.blob.core.windows.net CNAME x.t",
            false,
        ),
        (CORP, "example DNAME corp.example", "x.example CNAME x.corp.example", false),
        (CORP, "corp.example DNAME a.corp.example", "x.corp.example CNAME x.a.corp.example", true),
        (DEFAULT, "old.test DNAME new.test", "x.old.test CNAME x.new.test", true),
        (DEFAULT, "windows.org DNAME new.test", "x.windows.org CNAME x.new.test", true),
    ] {
        let records = [dname, link].map(|text| record(text).to_string());
        let expected = if is_kept { records.join("; ") } else { records[1].clone() };
        assert_eq!(world.believed(by, Rcode::NOERROR, &[dname, link]), format!("NOERROR {expected}"), "{dname}");
    }
    assert_eq!(world.believed(DEFAULT, Rcode::NOERROR, &["core.windows.net DNAME evil.test"]), "SERVFAIL ");
}
