//! That each message is counted once, whichever path answers it.

use std::time::{Duration, SystemTime};

use super::*;
use crate::dns::{Name, Rcode, Record, Rtype};
use crate::forward::cache::{Key, RouteId};
use crate::forward::{Question, Reply};
use crate::server::admission::access::Access;
use crate::server::counters::{Class, Origin};
use crate::server::harness::{BothPaths, Incoming, offline};
use crate::server::{Settings, Shared, Transport};
use crate::zone::{Hosted, OnMiss, Zone, ZoneSet};

const CLIENT: &str = "192.0.2.1:5353";

fn zones() -> ZoneSet {
    let apex: Name = "b.test".parse().unwrap();
    let text = b"$TTL 10\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 10.0.0.1\nmail MX 10 ns\n";
    let zone = Zone::from_text(&apex, text).0.unwrap();
    ZoneSet::new([Hosted::new(apex, OnMiss::NxDomain, Some(Arc::new(zone)))])
}

fn message(name: &str, qtype: Rtype) -> Vec<u8> {
    let mut message = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend_from_slice(name.parse::<Name>().unwrap().as_wire());
    message.extend_from_slice(&qtype.0.to_be_bytes());
    message.extend_from_slice(&[0, 1]);
    message
}

/// A server whose cache has an answer for `www.example`.
fn world() -> (Arc<Shared>, BothPaths, Instant) {
    let now = Instant::now();
    let access = Access::new(["192.0.2.0/24".parse().unwrap()]).trusting(["192.0.2.0/24".parse().unwrap()]);
    let shared = Shared::new(offline(zones(), access, Settings::default(), (now, SystemTime::now())));
    let name: Name = "www.example".parse().unwrap();
    let record = Record { owner: name.clone(), rtype: Rtype::A, ttl: 60, rdata: [192, 0, 2, 1].into() };
    let reply = Reply { answer: vec![record], ..Reply::new(Rcode::NOERROR) };
    let question =
        Question { name, rtype: Rtype::A, dnssec_ok: false, checking_disabled: false, authentic_data: false };
    shared.snapshot.load().resolver.cache().put(Key { route: RouteId(1), question }, &reply, now);
    let paths = BothPaths::new(Arc::clone(&shared), now);
    (shared, paths, now)
}

#[test]
fn each_message_is_counted_once_by_transport_and_family_its_type_its_answer_and_its_time() {
    let (shared, mut paths, now) = world();
    let response = {
        let mut bytes = message("ns.b.test", Rtype::A);
        bytes[2] |= 0x80;
        bytes
    };
    let messages = [
        (message("ns.b.test", Rtype::A), CLIENT),
        // Only the full path composes MX.
        (message("mail.b.test", Rtype::MX), CLIENT),
        (message("nope.b.test", Rtype::HTTPS), CLIENT),
        (message("www.example", Rtype::A), CLIENT),
        (message("ns.b.test", Rtype(65_280)), "198.51.100.1:53"),
        (message("ns.b.test", Rtype::A), "192.0.2.1:0"),
        (response, CLIENT),
        (b"\0\x07\x01\0\0\x01\0\0\0\0\0\0".to_vec(), CLIENT),
    ];
    let rounds = 6;
    let mut out = Vec::new();
    for transport in [Transport::Udp, Transport::Tcp] {
        for (message, client) in messages.iter().cycle().take(rounds * messages.len()) {
            paths.answer(
                Incoming { message, client: client.parse().unwrap(), local: ([127, 0, 0, 1], 53).into(), transport },
                now,
                &mut out,
            );
        }
    }
    let (counters, rounds) = (&shared.counters, 2 * rounds as u64);
    assert_eq!(counters.messages().iter().map(|each| each.count).sum::<u64>(), 8 * rounds);
    let answers = counters.answers();
    assert_eq!(answers.iter().map(|answer| answer.count).sum::<u64>(), 8 * rounds);
    let types: Vec<_> = counters.qtypes().into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(types, [("A", 2 * rounds), ("MX", rounds), ("HTTPS", rounds), ("other", rounds)]);
    let sent = counters.responses().iter().map(|response| response.count).sum::<u64>();
    let times = counters.response_times();
    assert_eq!(times.iter().map(|(_, times)| times.count()).sum::<u64>(), sent);
    let of = |class: Class| times.iter().find(|(own, _)| *own == class).map_or(0, |(_, times)| times.count());
    assert_eq!((of(Class::Zone), of(Class::Cache), of(Class::Upstream)), (3 * rounds, rounds, 0));
    let dropped = answers.iter().filter(|answer| answer.origin == Origin::Dropped).map(|answer| answer.count);
    assert_eq!(dropped.sum::<u64>(), 2 * rounds);
}

#[test]
fn each_look_into_a_cache_is_a_request_of_the_cache_or_a_hit_of_the_fast_paths_own() {
    let (shared, mut paths, now) = world();
    let message = message("www.example", Rtype::A);
    let mut out = Vec::new();
    for _ in 0..10 {
        let incoming = Incoming {
            message: &message,
            client: CLIENT.parse().unwrap(),
            local: ([127, 0, 0, 1], 53).into(),
            transport: Transport::Udp,
        };
        assert!(paths.answer(incoming, now, &mut out));
    }
    let (own, cache) = (shared.counters.named("answer_cache_hits"), shared.snapshot.load().resolver.cache().counts());
    assert!(own > 0 && cache.hits > 0, "{own} {cache:?}");
    assert_eq!((own + cache.hits, own + cache.requests), (10, 10));
}

#[test]
fn the_answers_of_a_batch_have_the_time_from_its_arrival_to_its_end() {
    let (shared, _, now) = world();
    let snapshot = shared.snapshot.load();
    let mut counts = shared.counters.writer();
    let listener = Listener { transport: Transport::Udp, address: ([127, 0, 0, 1], 53).into(), is_xot: false };
    let mut answerer = Answerer::new(&shared, &snapshot, None, &mut counts, listener, now);
    let (asked, mut out) = (message("ns.b.test", Rtype::A), Vec::new());
    for _ in 0..3 {
        answerer.answer(&asked, CLIENT.parse().unwrap(), &mut out);
    }
    let took = Duration::from_micros(100);
    answerer.finish(now + took);
    let times = shared.counters.response_times().remove(Class::Zone as usize).1;
    assert_eq!((times.count(), times.sum), (3, took * 3));
    let place = times.counts.iter().position(|count| *count == 3).unwrap();
    assert_eq!(times.bounds[place], took, "on the bound is in its bucket");
}
