//! Answers from the answer cache against those of the full path, on a clock of its own.

use std::sync::atomic::Ordering::Relaxed;

use super::super::tests::*;
use crate::dns::{Ede, Record, rdata};
use crate::forward::cache::{Key, RouteId};
use crate::forward::{Question, Reply};
use crate::server::{Decides, Snapshot};

const SECOND: Duration = Duration::from_secs(1);

type Make = fn() -> Reply;

/// Names whose answers are in the cache, with the replies it holds for them.
const CACHED: [(&str, Make); 13] = [
    ("plain.example", || reply(Rcode::NOERROR, vec![address("plain.example", 60, 1)])),
    ("signed.example", || Reply { authentic: true, ..reply(Rcode::NOERROR, vec![address("signed.example", 50, 1)]) }),
    ("alias.example", || {
        reply(Rcode::NOERROR, vec![alias("alias.example", 40, "Plain.Example"), address("plain.example", 30, 2)])
    }),
    ("many.example", || reply(Rcode::NOERROR, (0..60).map(|last| address("many.example", 45, last)).collect())),
    ("ours.example", || reply(Rcode::NOERROR, vec![alias("ours.example", 60, "a.b.test")])),
    ("nodata.example", || reply(Rcode::NOERROR, vec![alias("nodata.example", 60, "mail.b.test")])),
    ("missing.example", || reply(Rcode::NOERROR, vec![alias("missing.example", 60, "nope.b.test")])),
    ("other.example", || reply(Rcode::NOERROR, vec![alias("other.example", 60, "nope.f.test")])),
    ("nope.f.test", || reply(Rcode::NOERROR, vec![address("nope.f.test", 20, 9)])),
    ("elsewhere.example", || reply(Rcode::NOERROR, vec![address("elsewhere.example", 33, 9)])),
    ("gone.example", || Reply { authority: vec![soa()], ..reply(Rcode::NXDOMAIN, vec![]) }),
    ("refused.example", || reply(Rcode::REFUSED, vec![])),
    ("odd.example", || Reply {
        ede: Some(Ede::new(Ede::FORGED_ANSWER, "filtered")),
        ..reply(Rcode::NOERROR, vec![address("odd.example", 60, 1)])
    }),
];

fn record(owner: &str, rtype: Rtype, ttl: u32, rdata: &[u8]) -> Record {
    Record { owner: owner.parse().unwrap(), rtype, ttl, rdata: rdata.into() }
}

fn address(owner: &str, ttl: u32, last: u8) -> Record {
    record(owner, Rtype::A, ttl, &[192, 0, 2, last])
}

fn alias(owner: &str, ttl: u32, target: &str) -> Record {
    record(owner, Rtype::CNAME, ttl, target.parse::<Name>().unwrap().as_wire())
}

fn soa() -> Record {
    let serial = crate::dns::Serial(1);
    let numbers = rdata::SoaNumbers { serial, refresh: 1, retry: 1, expire: 1, minimum: 25 };
    record("example", Rtype::SOA, 60, &rdata::soa(&Name::root(), &Name::root(), &numbers))
}

fn reply(rcode: Rcode, answer: Vec<Record>) -> Reply {
    Reply { answer, ..Reply::new(rcode) }
}

impl World {
    /// Fills the cache at `now`, and forgets the answers that the fast path stored.
    fn fill(&self, now: Instant) {
        self.paths.replace(BothPaths::new(Arc::clone(&self.shared), now));
        let snapshot = self.shared.snapshot.load();
        for (name, reply) in CACHED {
            for flags in 0..8_u8 {
                let name: Name = name.parse().unwrap();
                let (dnssec_ok, checking_disabled) = (flags & 1 != 0, flags & 2 != 0);
                let authentic_data = flags & 4 != 0 && !dnssec_ok;
                let question = Question { name, rtype: Rtype::A, dnssec_ok, checking_disabled, authentic_data };
                snapshot.resolver.cache().put(Key { route: RouteId(1), question }, &reply(), now);
            }
        }
    }

    /// Asks by the full path until the answer is popular and stored.
    fn make_popular(&self, message: &[u8], now: Instant) {
        for _ in 0..4 {
            self.full_at(message, CLIENT, Transport::Udp, now);
        }
    }

    fn is_kept(&self, name: &str, now: Instant) -> bool {
        let message = plain(name, 1);
        self.make_popular(&message, now);
        let fast = self.fast_at(&message, CLIENT, Transport::Udp, now);
        assert!(fast.is_none() || fast == self.full_at(&message, CLIENT, Transport::Udp, now), "{name}");
        fast.is_some()
    }

    fn counts(&self) -> [u64; 3] {
        ["local", "forwarded", "rechased"].map(|name| self.shared.counters.named(name))
    }
}

#[test]
fn popular_forwarded_and_rechased_answers_are_stored_and_no_others() {
    let world = World::new();
    world.fill(world.start);
    for name in ["plain.example", "signed.example", "alias.example", "ours.example", "nodata.example"] {
        assert!(world.is_kept(name, world.start), "{name}");
    }
    for name in ["missing.example", "other.example", "nope.f.test", "gone.example", "out.b.test"] {
        assert!(world.is_kept(name, world.start), "{name}");
    }
    for name in ["many.example", "refused.example", "odd.example", "unknown.example"] {
        assert!(!world.is_kept(name, world.start), "{name}");
    }
}

#[test]
fn a_stored_answer_ages_and_ends_before_the_cache_would_ask_again() {
    let world = World::new();
    world.fill(world.start);
    let message = plain("plain.example", 1);
    world.make_popular(&message, world.start);
    let ttl = |seconds: u32| {
        let fast = world.fast_at(&message, CLIENT, Transport::Udp, world.start + seconds * SECOND)?;
        Some(u32::from_be_bytes(*fast[fast.len() - 10..].first_chunk().unwrap()))
    };
    assert_eq!([ttl(0), ttl(1), ttl(53)], [Some(60), Some(59), Some(7)]);
    assert_eq!([ttl(54), ttl(60)], [None, None], "a tenth before its end the cache decides");
}

#[test]
fn no_stored_answer_outlives_the_snapshot_or_a_flush() {
    let world = World::new();
    world.fill(world.start);
    let kept = |name: &str| world.fast_at(&plain(name, 1), CLIENT, Transport::Udp, world.start).is_some();
    assert!(world.is_kept("plain.example", world.start) && world.is_kept("ours.example", world.start));
    world.shared.snapshot.load().resolver.cache().flush(&"plain.example".parse().unwrap(), false);
    assert!(!kept("plain.example") && !kept("ours.example"));
    assert!(world.is_kept("ours.example", world.start), "an answer that was not flushed is stored again");
    let old = world.shared.snapshot.load_full();
    let text = ZONE.replace("10.0.0.2", "10.9.9.9");
    let zones = Arc::new(ZoneSet::new([hosted("b.test", OnMiss::NxDomain, Some(&text))]));
    world.shared.snapshot.store(Arc::new(Snapshot::new(Decides { zones, ..(**old).clone() })));
    drop(old);
    assert!(!kept("ours.example"));
    world.make_popular(&plain("ours.example", 1), world.start);
    let fast = world.fast_at(&plain("ours.example", 1), CLIENT, Transport::Udp, world.start).unwrap();
    assert!(fast.windows(4).any(|bytes| bytes == [10, 9, 9, 9]) && !fast.ends_with(&[10, 0, 0, 3]));
}

#[test]
fn strangers_do_not_get_what_others_made_popular() {
    let world = World::new();
    world.fill(world.start);
    assert!(world.is_kept("plain.example", world.start));
    assert_eq!(world.fast(&plain("plain.example", 1), "198.51.100.1:53", Transport::Udp), None);
    let mut without_rd = plain("plain.example", 1);
    without_rd[2] = 0;
    assert_eq!(world.fast(&without_rd, CLIENT, Transport::Udp), None);
}

#[test]
fn a_stored_answer_counts_as_the_full_paths_does() {
    let world = World::new();
    world.fill(world.start);
    for name in ["plain.example", "ours.example", "missing.example"] {
        assert!(world.is_kept(name, world.start));
        let misses = || world.shared.snapshot.load().zones.iter().map(|zone| zone.misses.load(Relaxed)).sum::<u64>();
        let before = (world.counts(), misses());
        world.full_at(&plain(name, 1), CLIENT, Transport::Udp, world.start);
        let full = (world.counts(), misses());
        world.fast_at(&plain(name, 1), CLIENT, Transport::Udp, world.start).unwrap();
        let fast = (world.counts(), misses());
        assert_eq!(
            fast.0.map(i128::from),
            [0, 1, 2].map(|n| 2 * i128::from(full.0[n]) - i128::from(before.0[n])),
            "{name}"
        );
        assert_eq!(fast.1 - full.1, full.1 - before.1, "{name}");
    }
}

/// A question about one of the cached names, or one of our own that leads there.
fn key() -> impl Strategy<Value = Vec<u8>> {
    let names = CACHED.map(|(name, _)| name).into_iter().chain(["out.b.test", "a.b.test", "f.test"]);
    let name = prop::sample::select(names.collect::<Vec<_>>());
    let flags = (prop_oneof![9 => Just(1_u8), 1 => Just(0)], any::<u8>());
    let payload = prop::sample::select(vec![0_u16, 512, 600, 1000, 1232, 4096]);
    let options = prop::sample::select(vec![&b""[..], b"\0\x0a\0\x08abcdefgh", b"\0\x03\0\0"]);
    let edns = prop::option::of((payload, any::<bool>(), Just(0), options));
    let rtype = prop_oneof![9 => Just(1), 1 => prop::sample::select(vec![5_u16, 28, 255])];
    (name, rtype, flags, edns, any::<u64>()).prop_map(|(name, rtype, (rd, second), edns, case)| {
        let mut message = message(&name.parse().unwrap(), rtype, [rd, second], edns);
        for (index, octet) in message[12..12 + name.len() + 2].iter_mut().enumerate() {
            if case >> (index % 64) & 1 == 1 {
                octet.make_ascii_uppercase();
            }
        }
        message
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn stored_answers_have_the_full_paths_bytes_at_any_time(
        questions in prop::collection::vec((key(), prop::sample::select(Transport::ALL.to_vec()), 0_u64..1500), 1..120),
    ) {
        let world = WORLD.with(Rc::clone);
        // Earlier times are over: the fill replaces the answers and failures of earlier cases.
        let mut now = Instant::now() + Duration::from_mins(5);
        world.fill(now);
        for (message, transport, pause) in questions {
            now += Duration::from_millis(pause);
            let fast = world.fast_at(&message, CLIENT, transport, now);
            let full = world.full_at(&message, CLIENT, transport, now);
            prop_assert!(fast.is_none() || fast == full, "{:02x?} {:02x?} {:02x?}", message, fast, full);
        }
    }
}
