//! A zone of a view beside the same zone made by hand, of the same records in one file.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::dns::{Name, Serial};
use crate::zone::{Cursor, Outcome};

const APEX: &str = "z.example";

/// Records by owner: type and data.
type Contents = BTreeMap<String, Vec<(&'static str, String)>>;

fn zone(serial: u32, contents: &Contents) -> Arc<Zone> {
    let mut text = format!("$TTL 10\n@ SOA ns h {serial} 2 3 4 5\n@ NS ns.other.\n");
    for (owner, records) in contents {
        for (rtype, data) in records {
            let _ = writeln!(text, "{owner} {rtype} {data}");
        }
    }
    let (zone, findings) = Zone::from_text(&APEX.parse().unwrap(), text.as_bytes());
    Arc::new(zone.unwrap_or_else(|| panic!("{findings:?}\n{text}")))
}

/// What the view says of a name replaces what the base says of it.
fn merged(base: &Contents, own: &Contents) -> Contents {
    base.clone().into_iter().chain(own.clone()).collect()
}

fn shown(zone: &Zone, name: &Name, rtype: Rtype) -> String {
    let set = |rrset: crate::zone::RRsetRef<'_>| {
        let mut records: Vec<String> = rrset.records(name).map(|record| record.to_string()).collect();
        records.sort();
        records.join(", ")
    };
    match zone.lookup(name.canonical(), rtype) {
        Outcome::Answer(rrset) => set(rrset),
        Outcome::Cname(rrset) => format!("alias {}", set(rrset)),
        Outcome::Referral { cut, name_servers } => format!("referral {cut} {}", set(name_servers)),
        Outcome::Dname { dname, alias } => format!("{dname} {alias:?}"),
        Outcome::NoData => "NODATA".to_owned(),
        Outcome::NxDomain => "NXDOMAIN".to_owned(),
    }
}

fn all(zone: &Zone) -> Vec<String> {
    let mut records = Vec::new();
    let rest = zone.walk(Cursor::default(), |record| {
        records.push(format!("{:?} {} {} {:?}", record.owner, record.rtype, record.ttl, record.rdata));
        true
    });
    assert_eq!(rest, None);
    records.sort();
    records
}

fn contents() -> impl Strategy<Value = Contents> {
    let owner = prop::sample::select(vec!["a", "b", "a.b", "c.a.b", "*.a", "*", "x.y.z", "y.z", "d", "e.d"]);
    let address = |rtype: &'static str, addresses: Vec<&'static str>| {
        prop::sample::select(addresses).prop_map(move |address| (rtype, address.to_owned()))
    };
    let records = prop_oneof![
        4 => prop::collection::vec(address("A", vec!["10.0.0.1", "10.0.0.2", "10.0.0.3"]), 1..3),
        2 => prop::collection::vec(address("AAAA", vec!["fd00::1", "fd00::2"]), 1..2),
        1 => Just(vec![("CNAME", "d".to_owned())]),
        1 => Just(vec![("NS", "ns.other.".to_owned())]),
        1 => Just(vec![("DNAME", "other.example.".to_owned())]),
        1 => Just(vec![("TXT", "x".to_owned())]),
    ];
    prop::collection::btree_map(owner.prop_map(str::to_owned), records, 0..7).prop_filter(
        "a DNAME has no names below",
        {
            |contents: &Contents| {
                let of =
                    |rtype| contents.iter().filter(move |(_, records)| records[0].0 == rtype).map(|(owner, _)| owner);
                of("DNAME").chain(of("NS")).all(|owner| {
                    !owner.starts_with('*') && !contents.keys().any(|other| other.ends_with(&format!(".{owner}")))
                })
            }
        },
    )
}

proptest! {
    #[test]
    fn every_answer_is_that_of_one_zone_with_the_records_of_both(base in contents(), own in contents()) {
        let seen = Zone::overlaid(&zone(7, &own), &zone(5, &base)).unwrap();
        let bare = |contents: &Contents| {
            let (_, findings) = Zone::from_text(&APEX.parse().unwrap(), contents_text(contents).as_bytes());
            !findings.to_vec().iter().any(crate::diag::Diagnostic::is_error)
        };
        let together = merged(&base, &own);
        prop_assume!(bare(&together));
        let one = zone(7, &together);
        for owner in ["", "a", "b", "a.b", "c.a.b", "x.a", "*.a", "*", "q", "q.r", "x.y.z", "y.z", "z", "d", "e.d", "f.e.d", "nope.y.z"] {
            let name: Name = format!("{owner}.{APEX}").trim_start_matches('.').parse().unwrap();
            for rtype in [Rtype::A, Rtype::AAAA, Rtype::TXT, Rtype::NS, Rtype::SOA, Rtype::DS] {
                prop_assert_eq!(shown(&seen, &name, rtype), shown(&one, &name, rtype), "{} {}", name, rtype);
            }
        }
        prop_assert_eq!(all(&seen), all(&one));
        prop_assert_eq!(seen.record_count(), one.record_count());
        prop_assert_eq!(seen.contents(), one.contents());
        prop_assert_eq!(seen.serial(), Serial(7));
        prop_assert_eq!(seen.negative_soa(), one.negative_soa());
    }
}

fn contents_text(contents: &Contents) -> String {
    let mut text = "$TTL 10\n@ SOA ns h 1 2 3 4 5\n@ NS ns.other.\n".to_owned();
    for (owner, records) in contents {
        for (rtype, data) in records {
            let _ = writeln!(text, "{owner} {rtype} {data}");
        }
    }
    text
}

fn of(owners: &[(&str, &'static str, &str)]) -> Contents {
    let mut contents = Contents::new();
    for (owner, rtype, data) in owners {
        contents.entry((*owner).to_owned()).or_default().push((rtype, (*data).to_owned()));
    }
    contents
}

#[test]
fn a_name_of_the_view_hides_all_that_the_base_says_of_it_and_nothing_else() {
    let base = zone(5, &of(&[("a", "A", "10.0.0.1"), ("a", "AAAA", "fd00::1"), ("b", "A", "10.0.0.2")]));
    let seen = Zone::overlaid(&zone(3, &of(&[("a", "A", "10.1.0.1")])), &base).unwrap();
    let at = |owner: &str, rtype| shown(&seen, &format!("{owner}.{APEX}").parse().unwrap(), rtype);
    assert_eq!(at("a", Rtype::A), "a.z.example. 10 IN A 10.1.0.1");
    assert_eq!(at("a", Rtype::AAAA), "NODATA");
    assert_eq!(at("b", Rtype::A), "b.z.example. 10 IN A 10.0.0.2");
    assert_eq!((seen.serial(), seen.record_count()), (Serial(5), 4), "the later serial of both");
    assert_eq!((seen.is_own(b"\x01a"), seen.is_own(b"\x01b"), base.is_own(b"\x01a")), (Some(true), Some(false), None));
}

#[test]
fn a_transfer_of_a_view_in_parts_of_any_size_has_each_record_once() {
    let base = zone(5, &of(&[("a", "A", "10.0.0.1"), ("b", "A", "10.0.0.2"), ("c.d", "A", "10.0.0.3")]));
    let own = zone(6, &of(&[("b", "A", "10.1.0.2"), ("b", "A", "10.1.0.3"), ("d", "A", "10.1.0.4")]));
    let seen = Zone::overlaid(&own, &base).unwrap();
    let whole = all(&seen);
    assert_eq!(whole.len(), 6, "{whole:?}");
    for size in 1..=whole.len() {
        let (mut records, mut next) = (Vec::new(), Some(Cursor::default()));
        while let Some(from) = next {
            let mut room = size;
            next = seen.walk(from, |record| {
                let fits = room > 0;
                if fits {
                    room -= 1;
                    records.push(format!("{:?} {} {} {:?}", record.owner, record.rtype, record.ttl, record.rdata));
                }
                fits
            });
        }
        records.sort();
        assert_eq!(records, whole, "{size}");
    }
}

#[test]
fn records_at_the_apex_of_a_views_file_are_found_since_no_client_sees_them() {
    assert_eq!(hidden_at_apex(&zone(1, &of(&[("a", "A", "10.0.0.1")]))), None);
    assert_eq!(hidden_at_apex(&zone(1, &of(&[("@", "TXT", "x")]))), Some(Rtype::TXT));
}
