//! The resolver over upstreams that answer when the test says so, on a clock that the test moves.

use std::sync::Mutex;

use super::*;
use crate::dns::{Record, Rtype};
use crate::forward::cache::{self, RouteId};
use crate::forward::callback::{Batch, Keep};
use crate::forward::engine::flight::Waiter;
use crate::forward::question::Question;
use crate::forward::status::GroupStatus;
use crate::forward::upstreams::AskUpstream;
use crate::zone::{Hosted, OnMiss, Zone};

mod chains;

const SECOND: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(5);

const ZONE: &str = "; Written by privatelink-dns\n@ 3600 SOA a. b. 1 2 3 4 10\n@ 10 NS a.\nacct 10 A 10.0.0.1\n";

/// A question that was asked, what stores its outcome, and the waiters for it.
struct Asked {
    question: Question,
    keep: Option<Keep>,
    waiter: Option<Waiter>,
    impatient: Option<Waiter>,
}

/// Upstreams that record their questions.
#[derive(Default)]
struct Upstream(Mutex<Vec<Asked>>);

impl AskUpstream for Upstream {
    fn ask(&self, question: Question, keep: Keep, waiter: Waiter, impatient: Option<Waiter>, _now: Instant) {
        self.0.lock().unwrap().push(Asked { question, keep: Some(keep), waiter: Some(waiter), impatient });
    }

    fn timeout(&self) -> Duration {
        TIMEOUT
    }

    fn status(&self) -> GroupStatus {
        GroupStatus::default()
    }
}

/// One resolver with one upstream and one hosted zone.
struct World {
    resolver: Arc<Resolver>,
    upstream: Arc<Upstream>,
    zones: Arc<ZoneSet>,
    now: Instant,
}

/// The answer of a resolution, once there is one.
type Place = Arc<Mutex<Option<Resolved>>>;

impl World {
    fn new(public_names: PublicNames) -> Self {
        let upstream = Arc::new(Upstream::default());
        let group = Arc::clone(&upstream) as Arc<dyn AskUpstream>;
        let route = Arc::new(Route { id: RouteId(1), suffix: Name::root(), group });
        let cache = Arc::new(Cache::new(cache::Settings::default()));
        let settings = Settings { public_names, special: Arc::default(), timeout: TIMEOUT };
        let resolver = Arc::new(Resolver::new(vec![route], cache, Arc::new(Upstreams::none()), settings));
        let apex: Name = "privatelink.blob.core.windows.net".parse().unwrap();
        let zone = Zone::from_text(&apex, ZONE.as_bytes()).0.map(Arc::new);
        let zones = Arc::new(ZoneSet::new([Hosted::new(apex, OnMiss::Forward, zone)]));
        Self { resolver, upstream, zones, now: Instant::now() }
    }

    /// A world around a resolver that has upstreams of its own.
    fn with(resolver: Arc<Resolver>) -> Self {
        Self { resolver, upstream: Arc::default(), zones: Arc::default(), now: Instant::now() }
    }

    /// Asks for the A of a name; the answer will be in the returned place.
    fn ask(&self, name: &str) -> Place {
        let flags = QueryFlags { recursion: true, dnssec_ok: false, checking_disabled: false, authentic_data: false };
        let mut resolution = Resolution::new(name.parse().unwrap(), Rtype::A, flags);
        let place = Place::default();
        match self.resolver.start(&self.zones, &mut resolution, self.now) {
            Progress::Done(resolved) => *place.lock().unwrap() = Some(resolved),
            Progress::Ask(question) => {
                let (resolver, zones) = (Arc::clone(&self.resolver), Arc::clone(&self.zones));
                wait(Waiting::new(resolver, zones, resolution, question, self.now), Arc::clone(&place), self.now);
            }
        }
        place
    }

    /// The number of questions asked upstream.
    fn asked(&self) -> usize {
        self.upstream.0.lock().unwrap().len()
    }

    /// The upstream answers its nth question.
    fn answer(&self, nth: usize, outcome: Result<Reply, Failure>) {
        let take = |asked: &mut Asked| (asked.keep.take(), [asked.waiter.take(), asked.impatient.take()]);
        // The waiters may ask again.
        let (keep, waiters) = take(&mut self.upstream.0.lock().unwrap()[nth]);
        let outcome = keep.expect("a flight ends once")(outcome.map(Arc::new), self.now);
        waiters.into_iter().flatten().for_each(|waiter| self.call(waiter, outcome.clone()));
    }

    /// The deadline passes for the client that waits for the nth question.
    fn client_gives_up(&self, nth: usize) {
        let impatient = self.upstream.0.lock().unwrap()[nth].impatient.take().expect("an impatient waiter");
        self.call(impatient, Err(Failure::Timeout));
    }

    fn call(&self, waiter: Waiter, outcome: Result<Arc<Reply>, Failure>) {
        let mut batch = Batch::new(self.now);
        (waiter.then)(outcome, &mut batch);
        batch.end();
    }

    /// The reason of the failure or the text of the records, with the source.
    fn shown(place: &Place) -> String {
        let resolved = place.lock().unwrap().clone().expect("an answer");
        let records: Vec<String> = resolved.answer.iter().map(ToString::to_string).collect();
        format!("{} {}", resolved.rcode, records.join("; "))
    }
}

/// Asks until there is an answer.
fn wait(waiting: Box<Waiting>, place: Place, now: Instant) {
    waiting.ask(now, move |arrived, batch| match arrived.resume(batch.now) {
        Resumed::Done(resolved, _) => *place.lock().unwrap() = Some(*resolved),
        Resumed::Ask(next) => wait(next, place, batch.now),
    });
}

fn record(owner: &str, rtype: Rtype, rdata: &[u8]) -> Record {
    Record { owner: owner.parse().unwrap(), rtype, ttl: 60, rdata: rdata.into() }
}

fn address(owner: &str) -> Reply {
    Reply { answer: vec![record(owner, Rtype::A, &[192, 0, 2, 1])], ..Reply::new(Rcode::NOERROR) }
}

fn cname(owner: &str, target: &str) -> Reply {
    let target: Name = target.parse().unwrap();
    Reply { answer: vec![record(owner, Rtype::CNAME, target.as_wire())], ..Reply::new(Rcode::NOERROR) }
}

#[test]
fn a_question_without_a_fallback_has_one_waiter_and_its_answer_is_stored() {
    let world = World::new(PublicNames::OnFailure);
    let place = world.ask("www.example");
    assert!(world.upstream.0.lock().unwrap()[0].impatient.is_none());
    world.answer(0, Ok(address("www.example")));
    assert_eq!(World::shown(&place), "NOERROR www.example. 60 IN A 192.0.2.1");
    assert_eq!(World::shown(&world.ask("www.example")), World::shown(&place), "from the cache");
    assert_eq!(world.asked(), 1);
}

#[test]
fn a_chain_goes_on_from_the_upstream_into_a_zone_and_from_a_zone_to_the_upstream() {
    let world = World::new(PublicNames::OnFailure);
    let place = world.ask("alias.example");
    world.answer(0, Ok(cname("alias.example", "acct.privatelink.blob.core.windows.net")));
    assert!(World::shown(&place).ends_with("acct.privatelink.blob.core.windows.net. 10 IN A 10.0.0.1"));
    let place = world.ask("first.example");
    world.answer(1, Ok(cname("first.example", "second.example")));
    assert_eq!(world.upstream.0.lock().unwrap()[2].question.name, "second.example".parse().unwrap());
    world.answer(2, Ok(address("second.example")));
    assert!(World::shown(&place).ends_with("second.example. 60 IN A 192.0.2.1"));
}

#[test]
fn rfc8767_5_the_client_of_a_stale_answer_waits_1_8_seconds_and_its_failure_is_not_the_groups() {
    let mut world = World::new(PublicNames::OnFailure);
    world.ask("www.example");
    world.answer(0, Ok(address("www.example")));
    world.now += 61 * SECOND;
    world.ask("www.example");
    let asked = world.upstream.0.lock().unwrap();
    let waits =
        |waiter: &Option<Waiter>| waiter.as_ref().map(|waiter| (waiter.deadline - world.now, waiter.has_fallback));
    assert_eq!(waits(&asked[1].impatient), Some((Duration::from_millis(1800), true)));
    assert_eq!(waits(&asked[1].waiter), Some((TIMEOUT, false)));
}

#[test]
fn a_client_that_gives_up_gets_the_stale_answer_and_the_next_one_the_late_answer() {
    let mut world = World::new(PublicNames::OnFailure);
    world.ask("www.example");
    world.answer(0, Ok(address("www.example")));
    world.now += 61 * SECOND;
    let place = world.ask("www.example");
    world.client_gives_up(1);
    assert_eq!(World::shown(&place), "NOERROR www.example. 30 IN A 192.0.2.1");
    let fresh = Reply { answer: vec![record("www.example", Rtype::A, &[192, 0, 2, 2])], ..Reply::new(Rcode::NOERROR) };
    world.answer(1, Ok(fresh));
    assert_eq!(World::shown(&world.ask("www.example")), "NOERROR www.example. 60 IN A 192.0.2.2");
}

#[test]
fn a_public_name_of_ours_is_answered_from_the_zone_where_the_upstream_fails_or_denies_it() {
    let expected = "NOERROR acct.blob.core.windows.net. 10 IN CNAME acct.privatelink.blob.core.windows.net.; \
                    acct.privatelink.blob.core.windows.net. 10 IN A 10.0.0.1";
    for outcome in [
        Err(Failure::Timeout),
        Err(Failure::Overloaded),
        Ok(Reply::new(Rcode::SERVFAIL)),
        Ok(Reply::new(Rcode::NXDOMAIN)),
    ] {
        let world = World::new(PublicNames::OnFailure);
        let place = world.ask("acct.blob.core.windows.net");
        world.answer(0, outcome.clone());
        assert_eq!(World::shown(&place), expected, "{outcome:?}");
        let origin = place.lock().unwrap().clone().unwrap().origin;
        assert_eq!(origin.provenance, Some(Provenance::SynthesizedCname));
    }
}

#[test]
fn a_public_name_is_asked_for_always_or_never_as_the_config_says() {
    let world = World::new(PublicNames::Always);
    assert!(World::shown(&world.ask("acct.blob.core.windows.net")).contains("10.0.0.1"));
    assert_eq!(world.asked(), 0);
    let world = World::new(PublicNames::Never);
    let place = world.ask("acct.blob.core.windows.net");
    world.answer(0, Err(Failure::Timeout));
    assert_eq!(World::shown(&place), "SERVFAIL ");
}

#[test]
fn rfc9520_a_failure_of_the_upstream_is_remembered_and_an_overload_of_ours_is_not() {
    for (failure, after, asked) in [
        (Failure::Timeout, TIMEOUT, 1),
        (Failure::Timeout, TIMEOUT / 2, 2),
        (Failure::Unreachable, Duration::ZERO, 1),
        (Failure::Overloaded, TIMEOUT, 2),
        (Failure::Loop, Duration::ZERO, 2),
    ] {
        let mut world = World::new(PublicNames::OnFailure);
        let place = world.ask("www.example");
        world.now += after;
        world.answer(0, Err(failure));
        assert_eq!(World::shown(&place), "SERVFAIL ", "{failure:?}");
        assert!(place.lock().unwrap().clone().unwrap().origin.failed);
        world.ask("www.example");
        assert_eq!(world.asked(), asked, "{failure:?} after {after:?}");
    }
}

#[test]
fn a_popular_answer_near_its_end_is_asked_for_with_no_client_waiting() {
    let mut world = World::new(PublicNames::OnFailure);
    world.ask("www.example");
    world.answer(0, Ok(address("www.example")));
    (0..3).for_each(|_| drop(world.ask("www.example")));
    assert_eq!(world.asked(), 1);
    world.now += 57 * SECOND;
    assert!(World::shown(&world.ask("www.example")).contains(" 3 IN A "), "from the cache");
    assert_eq!(world.asked(), 2);
    let asked = world.upstream.0.lock().unwrap();
    assert_eq!(asked[1].waiter.as_ref().unwrap().network, None);
}
