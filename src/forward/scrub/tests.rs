use super::*;
use proptest::prelude::*;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn record(owner: &str, rtype: Rtype, ttl: u32, rdata: &[u8]) -> Record {
    Record { owner: name(owner), rtype, ttl, rdata: rdata.into() }
}

fn a(owner: &str, last: u8) -> Record {
    record(owner, Rtype::A, 60, &[10, 0, 0, last])
}

fn to(rtype: Rtype, owner: &str, target: &str) -> Record {
    record(owner, rtype, 60, name(target).as_wire())
}

fn cname(owner: &str, target: &str) -> Record {
    to(Rtype::CNAME, owner, target)
}

fn signature(owner: &str, covered: Rtype) -> Record {
    // The numbers behind the type are not read; then the root signs, with one octet.
    record(owner, Rtype::RRSIG, 60, &[&covered.0.to_be_bytes()[..], &[0; 16], &[0, 1]].concat())
}

fn message(rcode: Rcode, answer: Vec<Record>, authority: Vec<Record>) -> Message {
    Message {
        id: 0,
        response: true,
        flags: [0x81, 0x80],
        rcode,
        answer,
        names_servers: authority.iter().any(|record| record.rtype == Rtype::NS),
        authority,
        has_edns: true,
        ede: None,
    }
}

fn ask(rtype: Rtype, dnssec_ok: bool) -> Question {
    Question { name: name("q.test"), rtype, dnssec_ok, checking_disabled: false, authentic_data: false }
}

fn answer(records: Vec<Record>) -> Vec<Record> {
    scrub(&message(Rcode::NOERROR, records, vec![]), &ask(Rtype::A, false)).answer
}

#[test]
fn a_chain_comes_out_in_order_whatever_order_it_came_in() {
    let chain = [cname("q.test", "b.test"), cname("b.test", "c.test"), a("c.test", 1)];
    assert_eq!(answer(vec![chain[2].clone(), chain[1].clone(), chain[0].clone()]), chain);
}

#[test]
fn records_off_the_chain_are_dropped() {
    let kept = answer(vec![
        a("bank.test", 9),
        a("q.test", 1),
        cname("c.test", "d.test"),
        record("q.test", Rtype(99), 1, b"x"),
    ]);
    assert_eq!(kept, [a("q.test", 1)]);
}

#[test]
fn ns_and_foreign_soa_are_dropped() {
    let authority = vec![to(Rtype::NS, "test", "ns.evil"), record("other.test", Rtype::SOA, 60, &[0; 22])];
    let scrubbed = scrub(&message(Rcode::NXDOMAIN, vec![], authority), &ask(Rtype::A, true));
    assert_eq!(scrubbed.authority, []);
}

#[test]
fn a_negative_response_keeps_its_chain_and_the_soa_above_the_chains_end() {
    let soa = record("c.test", Rtype::SOA, 60, &[0; 22]);
    let reply =
        message(Rcode::NXDOMAIN, vec![cname("q.test", "b.c.test")], vec![soa.clone(), to(Rtype::NS, "c.test", "x")]);
    let scrubbed = scrub(&reply, &ask(Rtype::A, false));
    assert_eq!(scrubbed.answer, [cname("q.test", "b.c.test")]);
    assert_eq!(scrubbed.authority, [soa]);
}

#[test]
fn a_loop_and_a_chain_too_long_are_marked_and_leave_nothing() {
    let looped = vec![cname("q.test", "b.test"), cname("b.test", "q.test")];
    let scrubbed = scrub(&message(Rcode::NOERROR, looped, vec![]), &ask(Rtype::A, false));
    assert_eq!((scrubbed.chain, scrubbed.answer.len()), (Chain::Loop, 1));
    let long = |links: usize| {
        let name = |n: usize| if n == 0 { "q.test".to_owned() } else { format!("n{n}.test") };
        let mut records: Vec<Record> = (0..links).map(|n| cname(&name(n), &name(n + 1))).collect();
        records.push(a(&name(links), 1));
        scrub(&message(Rcode::NOERROR, records, vec![]), &ask(Rtype::A, false))
    };
    assert_eq!(long(MAX_LINKS).answer.len(), MAX_LINKS + 1);
    assert_eq!((long(40).chain, long(40).answer.len()), (Chain::TooLong, MAX_LINKS));
}

#[test]
fn a_question_for_cname_is_not_followed() {
    let reply = message(Rcode::NOERROR, vec![cname("q.test", "b.test"), cname("b.test", "c.test")], vec![]);
    assert_eq!(scrub(&reply, &ask(Rtype::CNAME, false)).answer, [cname("q.test", "b.test")]);
}

#[test]
fn a_dname_is_kept_only_where_the_chain_follows_from_it() {
    let dname = to(Rtype::DNAME, "test", "other");
    assert_eq!(answer(vec![dname.clone(), a("q.test", 1)]), [a("q.test", 1)], "unasked");
    let link = cname("q.test", "q.other");
    let kept = answer(vec![link.clone(), dname.clone(), a("q.other", 1)]);
    assert_eq!(kept, [dname.clone(), link, a("q.other", 1)]);
    let elsewhere = cname("q.test", "elsewhere");
    assert_eq!(answer(vec![dname, elsewhere.clone()]), [elsewhere], "does not lead there");
}

#[test]
fn rfc1034_3_6_2_a_cname_beside_other_data_is_followed() {
    let link = cname("q.test", "b.test");
    assert_eq!(answer(vec![a("q.test", 9), link.clone(), a("b.test", 1)]), [link.clone(), a("b.test", 1)]);
    assert_eq!(
        answer(vec![link.clone(), a("q.test", 9)]),
        std::slice::from_ref(&link),
        "the target has to be asked for"
    );
    let both = message(Rcode::NOERROR, vec![a("q.test", 9), link.clone()], vec![]);
    assert_eq!(scrub(&both, &ask(Rtype::CNAME, false)).answer, std::slice::from_ref(&link));
    assert_eq!(scrub(&both, &ask(Rtype::ANY, false)).answer, [a("q.test", 9), link]);
}

#[test]
fn rfc6672_3_1_a_dname_without_its_cname_leads_on_and_the_closest_one_counts() {
    let (dname, closer) = (to(Rtype::DNAME, "test", "far"), to(Rtype::DNAME, "y.test", "near"));
    let question = Question { name: name("x.y.test"), ..ask(Rtype::A, false) };
    let reply = message(Rcode::NOERROR, vec![dname.clone(), closer.clone(), a("x.near", 1)], vec![]);
    assert_eq!(scrub(&reply, &question).answer, [closer.clone(), cname("x.y.test", "x.near"), a("x.near", 1)]);
    for rtype in [Rtype::CNAME, Rtype::ANY] {
        let question = Question { rtype, ..question.clone() };
        let expected = [closer.clone(), cname("x.y.test", "x.near")];
        assert_eq!(scrub(&reply, &question).answer, expected, "the CNAME is the answer to {rtype}");
    }
    assert_eq!(answer(vec![to(Rtype::DNAME, "q.test", "other")]), [], "it renames names below it only");
    let growing = to(Rtype::DNAME, "test", &format!("{}test", "long-label-of-twenty.".repeat(6)));
    let kept = answer(vec![growing.clone()]);
    assert_eq!((kept.len(), &kept[0]), (2, &growing), "the next name is too long: {kept:?}");
    let malformed = message(Rcode::NOERROR, vec![dname, record("y.test", Rtype::DNAME, 60, &[7])], vec![]);
    assert!(scrub(&malformed, &question).malformed, "the closest one has no other in its place");
}

#[test]
fn duplicates_go_and_one_rrset_has_one_ttl() {
    let mut second = a("q.test", 2);
    second.ttl = 5;
    let kept = answer(vec![a("q.test", 1), second, a("q.test", 1)]);
    assert_eq!(kept.iter().map(|r| (r.ttl, r.rdata[3])).collect::<Vec<_>>(), [(5, 1), (5, 2)]);
}

#[test]
fn signatures_and_proofs_come_with_do_alone() {
    let records = vec![a("q.test", 1), signature("q.test", Rtype::A), signature("q.test", Rtype::MX)];
    assert_eq!(answer(records.clone()).len(), 1);
    let signed = scrub(&message(Rcode::NOERROR, records, vec![]), &ask(Rtype::A, true)).answer;
    assert_eq!(signed, [a("q.test", 1), signature("q.test", Rtype::A)]);
    let authority = vec![
        record("test", Rtype::SOA, 60, &[0; 22]),
        signature("test", Rtype::SOA),
        record("p.test", Rtype::NSEC, 60, &[0]),
        signature("p.test", Rtype::NSEC),
        record("p.evil", Rtype::NSEC, 60, &[0]),
        to(Rtype::NS, "test", "ns.test"),
    ];
    let negative = message(Rcode::NXDOMAIN, vec![], authority.clone());
    assert_eq!(scrub(&negative, &ask(Rtype::A, true)).authority, authority[..4]);
    assert_eq!(scrub(&negative, &ask(Rtype::A, false)).authority, authority[..1]);
}

#[test]
fn a_hundred_and_twenty_addresses_are_all_kept() {
    assert_eq!(answer((0..120).map(|n| a("q.test", n)).collect()).len(), 120);
}

fn any_record() -> impl Strategy<Value = Record> {
    let names = prop::sample::select(vec!["q.test", "b.test", "c.test", "x.q.test", "test", "evil"]);
    let types = prop::sample::select(vec![
        Rtype::A,
        Rtype::CNAME,
        Rtype::DNAME,
        Rtype::NS,
        Rtype::SOA,
        Rtype::RRSIG,
        Rtype::NSEC,
    ]);
    (names.clone(), types, 0_u32..100, names, any::<u8>()).prop_map(|(owner, rtype, ttl, target, last)| {
        let rdata = match rtype {
            Rtype::A => vec![10, 0, 0, last & 3],
            Rtype::SOA => vec![0; 22],
            Rtype::RRSIG => signature(owner, Rtype(u16::from(last & 7))).rdata.to_vec(),
            _ => name(target).as_wire().to_vec(),
        };
        let cut = usize::from(last / 4 == 0);
        record(owner, rtype, ttl, &rdata[..rdata.len() - cut])
    })
}

proptest! {
    #[test]
    fn only_records_that_follow_from_the_question_are_kept(
        answer in prop::collection::vec(any_record(), 0..30),
        authority in prop::collection::vec(any_record(), 0..10),
        dnssec_ok: bool,
    ) {
        let reply = message(Rcode::NOERROR, answer, authority);
        let scrubbed = scrub(&reply, &ask(Rtype::A, dnssec_ok));
        let mut at = name("q.test");
        for record in &scrubbed.answer {
            match record.rtype {
                Rtype::CNAME => {
                    prop_assert_eq!(&record.owner, &at);
                    at = record.cname_target().unwrap();
                }
                Rtype::A => prop_assert_eq!(&record.owner, &at),
                Rtype::DNAME => prop_assert!(at.is_at_or_below(&record.owner) && at != record.owner),
                Rtype::RRSIG => prop_assert!(dnssec_ok),
                other => prop_assert!(false, "{} kept", other),
            }
        }
        for record in &scrubbed.authority {
            match record.rtype {
                Rtype::SOA => prop_assert!(at.is_at_or_below(&record.owner)),
                Rtype::NSEC | Rtype::RRSIG => prop_assert!(dnssec_ok),
                other => prop_assert!(false, "{} kept", other),
            }
        }
        if scrubbed.chain != Chain::Whole || scrubbed.malformed {
            prop_assert!(scrubbed.authority.is_empty());
        }
        prop_assert!(!scrubbed.answer.iter().chain(&scrubbed.authority).any(Record::is_malformed));
        // Scrubbing a second time keeps the same records.
        let again = scrub(&message(Rcode::NOERROR, scrubbed.answer.clone(), scrubbed.authority.clone()), &ask(Rtype::A, dnssec_ok));
        if scrubbed.chain == Chain::Whole && !scrubbed.malformed {
            prop_assert_eq!((again.answer, again.authority), (scrubbed.answer, scrubbed.authority));
        }
    }
}

#[test]
fn a_reply_about_other_names_or_a_referral_answers_nothing_and_nodata_does() {
    let soa = record("test", Rtype::SOA, 60, &[0; 22]);
    let ns = to(Rtype::NS, "test", "ns.test");
    for (answer, authority, evasive) in [
        (vec![a("bank.test", 9)], vec![], true),
        (vec![record("q.test", Rtype::AAAA, 60, &[0; 16])], vec![], false),
        (vec![record("q.test", Rtype::AAAA, 60, &[0; 16]), a("bank.test", 9)], vec![ns.clone()], false),
        (vec![], vec![ns.clone()], true),
        (vec![], vec![ns.clone(), soa.clone()], false),
        (vec![], vec![soa], false),
        (vec![], vec![], false),
        (vec![cname("q.test", "b.test")], vec![ns.clone()], false),
        (vec![a("q.test", 1), a("bank.test", 9)], vec![ns], false),
    ] {
        let message = message(Rcode::NOERROR, answer, authority);
        assert_eq!(evades(&message, &scrub(&message, &ask(Rtype::A, false))), evasive, "{message:?}");
    }
}

#[test]
fn a_malformed_record_that_would_be_kept_makes_the_reply_malformed_and_no_other_does() {
    let short = |owner: &str| record(owner, Rtype::A, 60, &[10, 0, 0]);
    let bad_soa = record("test", Rtype::SOA, 60, &[0; 21]);
    let bad_link = record("b.test", Rtype::CNAME, 60, b"\x01c\x04test\0\0");
    let bad_signature = record("q.test", Rtype::RRSIG, 60, &[0, 1, 8]);
    let link = || cname("q.test", "b.test");
    for (answer, authority, dnssec_ok, kept) in [
        // On the chain, or the records asked for: the links before them are good.
        (vec![short("q.test")], vec![], false, Some(vec![])),
        (vec![a("q.test", 1), short("q.test"), a("q.test", 2)], vec![], false, Some(vec![])),
        (vec![link(), a("b.test", 1), short("b.test")], vec![], false, Some(vec![link()])),
        (vec![link(), bad_link.clone(), a("c.test", 1)], vec![], false, Some(vec![link()])),
        (vec![a("q.test", 1), bad_signature.clone()], vec![], true, Some(vec![])),
        (vec![link()], vec![bad_soa.clone()], false, Some(vec![link()])),
        // Dropped in any case.
        (vec![a("q.test", 1), short("bank.test")], vec![], false, None),
        (vec![a("q.test", 1), bad_link], vec![], false, None),
        (vec![a("q.test", 1), bad_signature], vec![], false, None),
        (vec![a("q.test", 1), record("q.test", Rtype::MX, 60, &[0])], vec![], false, None),
        (vec![a("q.test", 1)], vec![bad_soa, record("q.test", Rtype::NS, 60, &[9])], false, None),
    ] {
        let message = message(Rcode::NOERROR, answer, authority);
        let scrubbed = scrub(&message, &ask(Rtype::A, dnssec_ok));
        assert_eq!(scrubbed.malformed, kept.is_some(), "{message:?}");
        assert_eq!(evades(&message, &scrubbed), kept.is_some(), "{message:?}");
        assert_eq!(scrubbed.answer, kept.unwrap_or_else(|| vec![a("q.test", 1)]), "{message:?}");
        assert_eq!(scrubbed.authority, []);
    }
}
