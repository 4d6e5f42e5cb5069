//! What is remembered of queries that the answerer answers, by the fast path and by the full one.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::*;
use crate::dns::Rtype;
use crate::server::admission::access::Access;
use crate::server::context::Transport;
use crate::server::harness::{self, BothPaths, Incoming};
use crate::server::recent::RecentEntry;
use crate::server::views::{ViewIndex, Views};
use crate::server::{Settings as ServerSettings, Shared};
use crate::zone::{Hosted, OnMiss, Zone, ZoneSet};

const FRIEND: &str = "192.0.2.1:5353";
const STRANGER: &str = "203.0.113.7:5353";
const ZONE: &str = "$TTL 10\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 10.0.0.1\na A 10.0.0.2\n";

struct World {
    shared: Arc<Shared>,
    paths: RefCell<BothPaths>,
    now: Instant,
}

impl World {
    fn new(observer: Settings) -> Self {
        let apex: Name = "b.test".parse().unwrap();
        let zone = Arc::new(Zone::from_text(&apex, ZONE.as_bytes()).0.unwrap());
        let without_copy = Hosted::new("f.test".parse().unwrap(), OnMiss::NxDomain, None);
        let zones = ZoneSet::new([Hosted::new(apex, OnMiss::NxDomain, Some(zone)), without_copy]);
        let now = Instant::now();
        let settings = ServerSettings { observer, ..ServerSettings::default() };
        let access = Access::new(["192.0.2.0/24".parse().unwrap()]);
        let shared = Shared::new(harness::offline(zones, access, settings, (now, SystemTime::now())));
        let paths = RefCell::new(BothPaths::new(Arc::clone(&shared), now));
        Self { shared, paths, now }
    }

    /// Asks by the path that serves clients.
    fn ask(&self, name: &str, client: &str) {
        let mut out = Vec::new();
        self.paths.borrow_mut().answer(incoming(&question(name), client), self.now, &mut out);
    }

    fn entries(&self) -> Vec<RecentEntry> {
        self.shared.observer.recent().entries((self.now, SystemTime::now()))
    }

    fn shown(&self) -> Vec<String> {
        let line = |entry: RecentEntry| {
            format!("{:?} {} {} {} {}", entry.kind, entry.name, entry.rtype, entry.network, entry.count)
        };
        self.entries().into_iter().map(line).collect()
    }
}

fn incoming<'a>(message: &'a [u8], client: &str) -> Incoming<'a> {
    Incoming {
        message,
        client: client.parse::<SocketAddr>().unwrap(),
        local: ([127, 0, 0, 1], 53).into(),
        transport: Transport::Udp,
    }
}

fn question(name: &str) -> Vec<u8> {
    let mut message = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend_from_slice(name.parse::<Name>().unwrap().as_wire());
    message.extend_from_slice(&Rtype::A.0.to_be_bytes());
    message.extend_from_slice(&[0, 1]);
    message
}

#[test]
fn a_miss_a_refusal_and_a_failure_are_remembered_and_good_answers_are_not() {
    let world = World::new(Settings::default());
    for name in ["a.b.test", "nope.b.test", "NOPE.b.test"] {
        world.ask(name, FRIEND);
    }
    // No good copy of its zone was ever read.
    world.ask("a.f.test", FRIEND);
    world.ask("a.b.test", STRANGER);
    let expected = [
        "Refusal a.b.test A 203.0.113.0/24 1",
        "Miss nope.b.test A 192.0.2.0/24 2",
        "Failure a.f.test A 192.0.2.0/24 1",
    ];
    let mut shown = world.shown();
    shown.sort();
    let mut sorted = expected.map(str::to_owned);
    sorted.sort();
    assert_eq!(shown, sorted);
}

#[test]
fn the_fast_and_the_full_path_remember_the_same() {
    let (fast, full) = (World::new(Settings::default()), World::new(Settings::default()));
    let message = question("nope.b.test");
    assert!(fast.paths.borrow_mut().fast(incoming(&message, FRIEND), fast.now, &mut Vec::new()));
    full.paths.borrow_mut().full(incoming(&message, FRIEND), full.now);
    assert_eq!(fast.shown(), ["Miss nope.b.test A 192.0.2.0/24 1"]);
    assert_eq!(fast.shown(), full.shown());
}

#[test]
fn junk_leaves_no_entry() {
    let world = World::new(Settings::default());
    for message in [&b""[..], &[0; 11], &[0xff; 12], &[0; 600], &question("x.b.test")[..20]] {
        world.paths.borrow_mut().answer(incoming(message, FRIEND), world.now, &mut Vec::new());
        world.paths.borrow_mut().answer(incoming(message, STRANGER), world.now, &mut Vec::new());
    }
    assert_eq!(world.entries(), []);
}

#[test]
fn a_flood_of_misses_is_remembered_in_part_and_counted_whole() {
    let world = World::new(Settings::default());
    for n in 0..1000 {
        world.ask(&format!("n{n}.b.test"), FRIEND);
    }
    let recorded: u64 = world.entries().iter().map(|entry| entry.count).sum();
    assert!((1..=32).contains(&recorded), "all in one moment: {recorded}");
    assert_eq!(recorded + world.shared.observer.recent().unrecorded(), 1000);
}

#[test]
fn with_recent_off_nothing_is_remembered_and_with_both_off_nothing_is_watched() {
    let off = Settings { recent: false, queries: QueriesLogged::Off };
    let world = World::new(off);
    world.ask("nope.b.test", FRIEND);
    assert_eq!((world.entries().len(), world.shared.observer.recent().unrecorded()), (0, 0));
    assert!(world.shared.observer.watch().is_none());
    world.shared.observer.follow(Settings { queries: QueriesLogged::All, ..off });
    assert!(world.shared.observer.watch().is_some());
    world.ask("nope.b.test", FRIEND);
    assert_eq!(world.entries(), [], "logged, not remembered");
    world.shared.observer.follow(Settings::default());
    world.ask("nope.b.test", FRIEND);
    assert_eq!(world.entries().len(), 1);
    world.shared.observer.follow(off);
    assert_eq!(world.entries(), [], "dropped");
}

/// The context of a query over UDP.
fn asked_at(at: Instant) -> RequestContext {
    RequestContext {
        client: FRIEND.parse().unwrap(),
        transport: Transport::Udp,
        is_xot: false,
        view: ViewIndex::BASE,
        at,
    }
}

#[test]
fn each_choice_of_queries_includes_those_before_it() {
    let now = Instant::now();
    let context = asked_at(now);
    let good = Response::Answered(Rcode::NOERROR).to(Reason::Zone);
    let failed = Response::Answered(Rcode::SERVFAIL).to(Reason::Failed);
    let (message, views) = (question("x.b.test"), Views::default());
    let seen = |disposition, missed| Seen { message: &message, context, views: &views, disposition, missed };
    let each = [seen(failed, false), seen(good, true), seen(good, false)];
    for (queries, expected) in QueriesLogged::ALL.into_iter().zip([0, 1, 2, 3]) {
        let observer = Observer::new(Settings { queries, recent: false }, now);
        let left = || (0..10_000).take_while(|_| observer.log.take(now)).count();
        if let Some(mut watch) = observer.watch() {
            for seen in &each {
                watch.saw(seen, || None);
            }
        }
        assert_eq!(left(), 200 - expected, "{queries:?}");
    }
}

#[test]
fn queries_beyond_the_rate_are_counted() {
    let now = Instant::now();
    let observer = Observer::new(Settings { queries: QueriesLogged::All, recent: false }, now);
    while observer.log.take(now) {}
    let context = asked_at(now);
    let disposition = Response::Answered(Rcode::NOERROR).to(Reason::Zone);
    let views = Views::default();
    let seen = Seen { message: &question("x.b.test"), context, views: &views, disposition, missed: false };
    let mut watch = observer.watch().unwrap();
    (0..50).for_each(|_| watch.saw(&seen, || None));
    drop(watch);
    assert_eq!(observer.log.unlogged(), 50);
    observer.beat(now + Duration::from_secs(2));
    assert_eq!(observer.log.unlogged(), 0, "said");
}
