//! Compares the lookup with the algorithm of RFC 1034 section 4.3.2, written down label by label from the apex over a
//! plain list of records.

use proptest::prelude::*;

use crate::dns::{Name, Rtype};
use crate::zone::{Outcome, Zone};

/// An owner relative to the apex, labels from left to right, and a type.
type Entry = (Vec<&'static str>, Rtype);

const APEX: &str = "example";

fn text(entries: &[Entry]) -> String {
    let rdata = |rtype: Rtype| match rtype {
        Rtype::A => "10.0.0.1".to_owned(),
        Rtype::DS => r"\# 5 0001080200".to_owned(),
        _ => "elsewhere.".to_owned(),
    };
    let line = |(owner, rtype): &Entry| {
        let owner = if owner.is_empty() { "@".to_owned() } else { owner.join(".") };
        format!("{owner} 10 {rtype} {}\n", rdata(*rtype))
    };
    let top = "@ 10 SOA a. b. 1 2 3 4 5\n@ 10 NS elsewhere.\n".to_owned();
    entries.iter().map(line).fold(top, |text, line| text + &line)
}

/// The expected answer to a question.
fn model(entries: &[Entry], qname: &[&'static str], qtype: Rtype) -> String {
    let has = |owner: &[&str], rtype| entries.iter().any(|(at, of)| at == owner && *of == rtype);
    let exists = |name: &[&str]| name.is_empty() || entries.iter().any(|(owner, _)| owner.ends_with(name));
    let mut source = qname.to_vec();
    for depth in 0..=qname.len() {
        let name = &qname[qname.len() - depth..];
        let is_qname = depth == qname.len();
        if depth > 0 && has(name, Rtype::NS) && !(is_qname && qtype == Rtype::DS) {
            return format!("referral at {}", name.join("."));
        }
        if !is_qname && has(name, Rtype::DNAME) {
            return format!("DNAME at {}", name.join("."));
        }
        if !is_qname && !exists(&qname[qname.len() - depth - 1..]) {
            source = [&["*"], name].concat();
            if !exists(&source) {
                return "NXDOMAIN".to_owned();
            }
            break;
        }
    }
    let of_apex = source.is_empty() && (qtype == Rtype::NS || qtype == Rtype::SOA);
    if of_apex || has(&source, qtype) {
        return format!("answer {qtype}");
    }
    if has(&source, Rtype::CNAME) { "alias".to_owned() } else { "NODATA".to_owned() }
}

/// The same in the words of the model.
fn told(outcome: &Outcome<'_>) -> String {
    let apex: Name = APEX.parse().unwrap();
    match outcome {
        Outcome::Answer(rrset) => format!("answer {}", rrset.rtype()),
        Outcome::Cname(_) => "alias".to_owned(),
        Outcome::Referral { cut, .. } => format!("referral at {}", cut.relative_to(&apex)),
        Outcome::Dname { dname, .. } => format!("DNAME at {}", dname.owner.relative_to(&apex)).replace('@', ""),
        Outcome::NoData => "NODATA".to_owned(),
        Outcome::NxDomain => "NXDOMAIN".to_owned(),
    }
}

fn name() -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(prop::sample::select(vec!["a", "a", "b", "b", "c", "*"]), 0..5)
}

fn rtype() -> impl Strategy<Value = Rtype> {
    use Rtype as R;
    prop::sample::select(vec![R::A, R::A, R::A, R::NS, R::CNAME, R::DNAME, R::DS])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn the_lookup_is_the_algorithm_of_rfc1034_4_3_2(
        entries in prop::collection::vec((name(), rtype()), 0..7),
        questions in prop::collection::vec((name(), rtype()), 40),
    ) {
        let (zone, _) = Zone::from_text(&APEX.parse().unwrap(), text(&entries).as_bytes());
        let Some(zone) = zone else { return Err(TestCaseError::reject("not a zone")) };
        for (qname, qtype) in questions {
            let full: Name = [&qname[..], &[APEX]].concat().join(".").parse().unwrap();
            let outcome = zone.lookup(full.canonical(), qtype);
            prop_assert_eq!(told(&outcome), model(&entries, &qname, qtype), "{} {} in\n{}", full, qtype, text(&entries));
        }
    }
}
