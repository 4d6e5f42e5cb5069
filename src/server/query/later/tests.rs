//! Queries that wait for one long answer, with an upstream that answers when the test says so.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use super::*;
use crate::dns::{Message, Name, Rcode, Record, Rtype};
use crate::forward::cache::{self, Cache, RouteId};
use crate::forward::resolver::{Resolver, Route, public::PublicNames};
use crate::forward::{AskUpstream, ExchangeOutcome, GroupStatus, Keep, Question, Upstreams, Waiter};
use crate::server::admission::access::Access;
use crate::server::query::process;
use crate::server::views::ViewIndex;
use crate::server::{Decides, Settings, Transport, harness};
use crate::zone::ZoneSet;

/// Records of the answer: more than a datagram holds.
const RECORDS: u32 = 4000;

/// Upstreams that record the waiters.
#[derive(Default)]
struct Upstream(Mutex<Vec<Waiter>>);

impl AskUpstream for Upstream {
    fn ask(&self, _question: Question, _keep: Keep, waiter: Waiter, _impatient: Option<Waiter>, _now: Instant) {
        self.0.lock().unwrap().push(waiter);
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn status(&self) -> GroupStatus {
        GroupStatus::default()
    }
}

struct World {
    shared: Arc<Shared>,
    upstream: Arc<Upstream>,
    now: Instant,
}

impl World {
    fn new() -> Self {
        let (upstream, now) = (Arc::new(Upstream::default()), Instant::now());
        let access = Access::new(["127.0.0.0/8".parse().unwrap()]);
        let offline = harness::offline(ZoneSet::default(), access, Settings::default(), (now, SystemTime::now()));
        let group = Arc::clone(&upstream) as Arc<dyn AskUpstream>;
        let route = Arc::new(Route { id: RouteId(1), suffix: Name::root(), group });
        let cache = Arc::new(Cache::new(cache::Settings::default()));
        let settings = resolver::Settings {
            public_names: PublicNames::Never,
            special: Arc::default(),
            timeout: Duration::from_secs(5),
        };
        let resolver = Arc::new(Resolver::new(vec![route], cache, Arc::new(Upstreams::none()), settings));
        Self { shared: Shared::new(Snapshot::new(Decides { resolver, ..(*offline).clone() })), upstream, now }
    }

    /// A query that waits; it will be in `arrived` when its wait is over.
    fn ask(&self, transport: Transport, arrived: &Arc<Mutex<Vec<Arrived>>>) {
        let message = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x04long\x07example\0\0\x01\0\x01";
        let (client, view) = ("127.0.0.1:4242".parse().unwrap(), ViewIndex::BASE);
        let context = RequestContext { client, transport, is_xot: false, view, at: self.now };
        let (_, Served::Later(later)) = process(&self.shared, &self.shared.snapshot.load(), message, context) else {
            panic!("memory has the answer");
        };
        let arrived = Arc::clone(arrived);
        later.ask(self.now, move |query, _| arrived.lock().unwrap().push(query));
    }

    /// Calls all waiters, as the forwarding thread does at the end of their flight.
    fn answer(&self, outcome: &ExchangeOutcome) {
        let mut batch = Batch::new(self.now);
        self.upstream.0.lock().unwrap().drain(..).for_each(|waiter| (waiter.then)(outcome.clone(), &mut batch));
        batch.end();
    }
}

fn long() -> Arc<Reply> {
    let owner: Name = "long.example".parse().unwrap();
    let record = |n: u32| Record { owner: owner.clone(), rtype: Rtype::A, ttl: 60, rdata: n.to_be_bytes().into() };
    Arc::new(Reply { answer: (0..RECORDS).map(record).collect(), ..Reply::new(Rcode::NOERROR) })
}

#[test]
fn the_thread_that_has_the_outcome_hands_one_reply_to_all_and_each_answer_is_composed_where_its_client_is_served() {
    let (world, arrived) = (World::new(), Arc::default());
    (0..100).for_each(|_| world.ask(Transport::Tcp, &arrived));
    let reply = long();
    world.answer(&Ok(Arc::clone(&reply)));
    let arrived = std::mem::take(&mut *arrived.lock().unwrap());
    assert_eq!((arrived.len(), Arc::strong_count(&reply)), (100, 101), "nobody has a copy");
    assert!(arrived.iter().all(|query| query.reply().is_some_and(|shared| Arc::ptr_eq(shared, &reply))));
    assert_eq!(world.shared.waiting(), 100, "and nobody has an answer");
    for query in arrived {
        let Served::Now(answer) = query.resume(&world.shared, world.now) else { panic!("an answer") };
        assert_eq!(Message::parse(&answer.bytes).unwrap().answer.len(), RECORDS as usize);
    }
    assert_eq!((world.shared.waiting(), Arc::strong_count(&reply)), (0, 1));
}

#[test]
fn a_chain_that_leads_upstream_again_is_asked_for_where_its_client_is_served() {
    let (world, arrived) = (World::new(), Arc::default());
    world.ask(Transport::Udp, &arrived);
    let target: Name = "target.example".parse().unwrap();
    let alias =
        Record { owner: "long.example".parse().unwrap(), rtype: Rtype::CNAME, ttl: 60, rdata: target.as_wire().into() };
    world.answer(&Ok(Arc::new(Reply { answer: vec![alias], ..Reply::new(Rcode::NOERROR) })));
    assert!(world.upstream.0.lock().unwrap().is_empty(), "the thread that has the outcome asks nothing");
    let query = arrived.lock().unwrap().pop().unwrap();
    let Served::Later(later) = query.resume(&world.shared, world.now) else { panic!("another question") };
    let again = Arc::clone(&arrived);
    later.ask(world.now, move |query, _| again.lock().unwrap().push(query));
    assert_eq!((world.upstream.0.lock().unwrap().len(), world.shared.waiting()), (1, 1), "with the same permit");
}
