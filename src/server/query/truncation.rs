//! Answers that do not fit: the same bytes whether their records were looked at or left where they are.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::options::ReplyOptions;
use super::{is_negative, response};
use crate::dns::{Name, Query, Rcode, Record, Rtype};
use crate::forward::cache::{self, Cache, Hit, Key, RouteId};
use crate::forward::resolver::chase::{Chase, Resolved, Step};
use crate::forward::{Chain, Question, Reply};
use crate::server::context::Transport;
use crate::zone::{Hosted, OnMiss, Zone, ZoneSet};

const RRSIG: Rtype = Rtype(46);
const NSEC: Rtype = Rtype(47);
const TXT: Rtype = Rtype(16);

fn name(number: usize) -> Name {
    format!("n{number}.example").parse().unwrap()
}

fn record(owner: usize, rtype: Rtype, rdata: &[u8]) -> Record {
    Record { owner: name(owner), rtype, ttl: 60, rdata: rdata.into() }
}

fn signature(owner: usize, covered: Rtype) -> Record {
    record(owner, RRSIG, &[&covered.0.to_be_bytes()[..], &[7; 90]].concat())
}

/// RDATA of this many octets, where the type leaves a choice.
fn rdata(rtype: Rtype, length: usize) -> Vec<u8> {
    let target = if length.is_multiple_of(7) { Name::root() } else { name(length) };
    match rtype {
        Rtype::A => vec![10, 0, 0, u8::try_from(length).unwrap_or(255)],
        Rtype::NS | Rtype::CNAME | Rtype::PTR | Rtype::DNAME => target.as_wire().to_vec(),
        Rtype::MX => [&[0, 1], target.as_wire()].concat(),
        Rtype::SOA => [target.as_wire(), target.as_wire(), &[0; 20]].concat(),
        _ => vec![1; length],
    }
}

fn rtype() -> impl Strategy<Value = Rtype> {
    let all = [Rtype::A, Rtype::NS, Rtype::MX, Rtype::PTR, Rtype::CNAME, Rtype::DNAME, Rtype::ANY, TXT, RRSIG];
    prop::sample::select(all.to_vec())
}

/// Records of one type, or of many for ANY, at the end of a chain.
fn records(owner: usize, qtype: Rtype, most: usize) -> impl Strategy<Value = Vec<Record>> {
    let length = prop_oneof![9 => 0..40_usize, 1 => 0..400_usize];
    prop::collection::vec((rtype(), length), 0..most).prop_map(move |all| {
        let types = all.into_iter().map(|(other, length)| (if qtype == Rtype::ANY { other } else { qtype }, length));
        types
            .filter(|(rtype, _)| *rtype != Rtype::ANY)
            .map(|(rtype, n)| record(owner, rtype, &rdata(rtype, n)))
            .collect()
    })
}

/// A question about the first name, and a reply whose chain has some links.
fn replies() -> impl Strategy<Value = (Rtype, Reply)> {
    let rcode = prop::sample::select(vec![Rcode::NOERROR, Rcode::NOERROR, Rcode::NXDOMAIN, Rcode::SERVFAIL]);
    let negative = prop::sample::select(vec![Rtype::SOA, NSEC]);
    (rtype(), 0..4_usize, any::<bool>(), rcode, negative).prop_flat_map(|(qtype, links, signed, rcode, negative)| {
        let links = if [Rtype::CNAME, Rtype::ANY].contains(&qtype) { 0 } else { links };
        (records(links, qtype, 150), records(links, negative, 20)).prop_map(move |(set, authority)| {
            let link = |at: usize| record(at, Rtype::CNAME, name(at + 1).as_wire());
            let chain = (0..links)
                .flat_map(|at| [Some(link(at)), signed.then(|| signature(at, Rtype::CNAME))].into_iter().flatten());
            let answer = chain.chain(set).collect();
            (qtype, Reply { answer, authority, chain: Chain::Whole, ..Reply::new(rcode) })
        })
    })
}

fn message(qtype: Rtype, payload: Option<u16>) -> Vec<u8> {
    let mut message = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(payload.is_some())];
    message.extend_from_slice(name(0).as_wire());
    message.extend_from_slice(&qtype.0.to_be_bytes());
    message.extend_from_slice(&[0, 1]);
    if let Some(payload) = payload {
        message.extend_from_slice(&[0, 0, 41]);
        message.extend_from_slice(&payload.to_be_bytes());
        message.extend_from_slice(&[0; 6]);
    }
    message
}

/// The answer from one reply; `None` if the chain leads on.
fn resolved(qtype: Rtype, room: usize, reply: &Reply) -> Option<Resolved> {
    let (mut chase, zones) = (Chase::new(name(0), qtype), ZoneSet::default());
    chase.limit_to(room);
    assert!(matches!(chase.follow(&zones), Step::Ask(_)));
    match chase.follow_reply(&zones, &reply.within(qtype, room)) {
        Step::Done(resolved) => Some(resolved),
        Step::Ask(_) => None,
    }
}

fn key(rtype: Rtype) -> Key {
    let (dnssec_ok, checking_disabled, authentic_data) = (true, false, false);
    let question = Question { name: name(0), rtype, dnssec_ok, checking_disabled, authentic_data };
    Key { route: RouteId(1), question }
}

/// The reply that the cache gives to a client with this room.
fn from_cache(cache: &Cache, qtype: Rtype, room: usize, now: Instant) -> Option<Reply> {
    match cache.get(&key(qtype), room, now) {
        Hit::Fresh { reply, .. } => Some(reply),
        Hit::Miss(stale) | Hit::Failed(_, stale) => stale,
    }
}

proptest! {
    #[test]
    fn a_truncated_answer_has_the_same_bytes_whether_its_records_were_looked_at_or_not(
        (qtype, reply) in replies(),
        payload in prop::option::of(prop_oneof![Just(512), Just(1232), any::<u16>()]),
        later in prop::sample::select(vec![0_u64, 20, 100]),
    ) {
        let message = message(qtype, payload);
        let query = Query::parse(&message).unwrap();
        for transport in Transport::ALL {
            let room = response::room(&query, transport, &ReplyOptions::default());
            let compose = |resolved: Option<Resolved>| resolved.map(|resolved| {
                let composed = response::compose(&query, &resolved, transport, &ReplyOptions::default());
                (composed.bytes, composed.truncated, is_negative(&resolved))
            });
            let short = reply.within(qtype, room);
            prop_assert_eq!((short.denies(), short.answers()), (reply.denies(), reply.answers()));
            prop_assert_eq!(compose(resolved(qtype, room, &reply)), compose(resolved(qtype, usize::MAX, &reply)));
            let (cache, now) = (Cache::new(cache::Settings::default()), Instant::now());
            cache.put(key(qtype), &reply, now);
            let reply = |room| from_cache(&cache, qtype, room, now + Duration::from_secs(later));
            let answer = |room| compose(reply(room).and_then(|reply| resolved(qtype, room, &reply)));
            prop_assert_eq!(answer(room), answer(usize::MAX));
        }
    }
}

#[test]
fn of_a_set_that_does_not_fit_one_record_is_copied_however_many_it_has() {
    let (set, room) = ((0..4000).map(|_| record(0, Rtype::A, &[10, 0, 0, 1])).collect(), 1232);
    let reply = Reply { answer: set, ..Reply::new(Rcode::NOERROR) };
    let (cache, now) = (Cache::new(cache::Settings::default()), Instant::now());
    cache.put(key(Rtype::A), &reply, now);
    let counts = |room| {
        let cached = from_cache(&cache, Rtype::A, room, now).unwrap();
        [cached.answer.len(), resolved(Rtype::A, room, &reply).unwrap().answer.len()]
    };
    assert_eq!((counts(room), counts(usize::from(u16::MAX))), ([1, 1], [4000, 4000]));
}

#[test]
fn of_a_zones_set_that_does_not_fit_one_record_is_copied_and_the_answer_is_truncated() {
    let apex: Name = "example".parse().unwrap();
    let top = "@ 60 SOA a. b. 1 2 3 4 5\n@ 60 NS a.\n".to_owned();
    let text = (0..4000).fold(top, |text, n| text + &format!("n0 60 A 10.0.{}.{}\n", n / 256, n % 256));
    let zone = Zone::from_text(&apex, text.as_bytes()).0.unwrap();
    let zones = ZoneSet::new([Hosted::new(apex, OnMiss::NxDomain, Some(zone.into()))]);
    let resolve = |room| {
        let mut chase = Chase::new(name(0), Rtype::A);
        chase.limit_to(room);
        let Step::Done(resolved) = chase.follow(&zones) else { panic!("the zone has it") };
        (resolved.answer.len(), resolved.truncated)
    };
    assert_eq!((resolve(1232), resolve(65_000)), ((1, true), (4000, false)));
}
