//! Several upstreams, some of which fail.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use super::super::tests::*;
use crate::dns::Rcode;

fn silent(_: &Got) -> Replies {
    vec![]
}

fn good(got: &Got) -> Replies {
    now(got.good())
}

/// A first upstream that acts by this script, and a good second one.
fn with_a_good_second(first: impl FnMut(&Got) -> Replies + Send + 'static) -> World {
    let mut cast = Cast::default();
    cast.scripted(first);
    cast.scripted(good);
    cast.begin()
}

#[tokio::test]
async fn a_dead_first_upstream_costs_the_first_question_one_wait_and_later_ones_nothing() {
    let mut world = with_a_good_second(silent);
    let (reply, took) = world.timed("first.example").await;
    assert!(reply.is_ok() && (400 * MS..400 * MS + LATE).contains(&took), "{took:?}");
    world.ask("second.example").await.unwrap();
    assert_eq!(world.counts(0).silences, 2);
    for number in 0..50 {
        let (reply, took) = world.timed(&format!("n{number}.example")).await;
        assert!(reply.is_ok() && took == Duration::ZERO, "{number}: {took:?}");
    }
}

#[tokio::test]
async fn an_address_of_a_wrong_length_is_a_malformed_reply_and_the_next_upstream_is_asked() {
    for length in [0, 2, 3, 5, 16] {
        let mut world = with_a_good_second(move |got| {
            let record = crate::dns::Record { rdata: [10; 16][..length].into(), ..address(&got.name(), 66) };
            now(got.reply(Rcode::NOERROR, &[record]))
        });
        let (reply, took) = world.timed("www.example").await;
        let reply = reply.unwrap();
        assert_eq!((reply.rcode, &reply.answer), (Rcode::NOERROR, &vec![address(&question("www.example").name, 1)]));
        assert_eq!((took, world.asked(0), world.asked(1)), (Duration::ZERO, 1, 1), "{length}");
    }
}

#[tokio::test]
async fn without_another_upstream_a_malformed_reply_is_servfail_and_none_of_it_is_handed_on() {
    let mut world = World::of(|got| {
        let record = crate::dns::Record { rdata: [10, 0, 0].into(), ..address(&got.name(), 66) };
        now(got.reply(Rcode::NOERROR, &[address(&got.name(), 1), record]))
    });
    let reply = world.ask("www.example").await.unwrap();
    assert_eq!((reply.rcode, &reply.answer), (Rcode::SERVFAIL, &vec![]));
    assert_eq!(reply.ede, Some(Failure::Malformed.ede()));
}

#[tokio::test]
async fn a_closed_port_is_skipped_at_once_and_after_two_silences_not_asked() {
    let mut cast = Cast::default();
    cast.nobody();
    cast.scripted(good);
    let mut world = cast.begin();
    for number in 0..3 {
        let (reply, took) = world.timed(&format!("n{number}")).await;
        assert!(reply.is_ok() && took == Duration::ZERO, "{took:?}");
        assert_eq!(world.counts(0).silences, number);
        world.pass(500 * MS).await;
    }
    assert_eq!(world.forwarder.status()[0].state, State::Down);
}

#[tokio::test]
async fn a_closed_port_is_a_failure_once_every_way_to_ask_has_had_its_time() {
    let mut cast = Cast::default();
    cast.nobody();
    let mut world = cast.begin();
    let (reply, took) = world.timed("www.example").await;
    assert_eq!(reply, Err(Failure::Unreachable));
    let pauses = (400 + 800 + 1200 + 1200) * MS;
    assert!((pauses..pauses + LATE * 4).contains(&took), "{took:?}");
    assert_eq!(world.asked_over_tcp(0), 2, "at once, and again as the last thing to try");
}

#[tokio::test]
async fn an_upstream_without_a_route_is_down_and_the_next_one_is_asked_at_once() {
    let mut cast = Cast::default();
    cast.unroutable();
    cast.scripted(good);
    let mut world = cast.begin();
    for number in 0..3 {
        let (reply, took) = world.timed(&format!("n{number}")).await;
        assert!(reply.is_ok() && took == Duration::ZERO, "{took:?}");
    }
    world.pass(100 * MS).await;
    assert_eq!(world.forwarder.status()[0].state, State::Down);
    let mut cast = Cast::default();
    cast.unroutable();
    cast.unroutable();
    let (reply, took) = cast.begin().timed("www.example").await;
    assert!(reply == Err(Failure::Unreachable) && took == Duration::ZERO, "{reply:?} {took:?}");
}

#[tokio::test]
async fn silence_everywhere_is_a_timeout_at_the_deadline() {
    let mut cast = Cast::default();
    let mut settings = group(&[cast.scripted(silent)]);
    settings.timeout = 700 * MS;
    let mut world = cast.begin_with(vec![settings]);
    let (reply, took) = world.timed("www.example").await;
    assert_eq!(reply, Err(Failure::Timeout));
    assert!((700 * MS..700 * MS + LATE).contains(&took), "{took:?}");
    assert_eq!(world.status().timeouts, 1);
}

#[tokio::test]
async fn a_refusal_is_not_the_last_word_while_another_upstream_has_an_answer() {
    for rcode in [1, 2, 4, 5, 7, 8, 9, 10, 11, 15].map(Rcode) {
        let refusing = move |got: &Got| now(got.reply(rcode, &[]));
        let (reply, took) = with_a_good_second(refusing).timed("www.example").await;
        assert!(reply.unwrap().rcode == Rcode::NOERROR && took == Duration::ZERO, "{took:?}");
        let mut cast = Cast::default();
        cast.scripted(refusing);
        cast.scripted(silent);
        let (reply, took) = cast.begin().timed("www.example").await;
        assert!(reply.unwrap().rcode == rcode && took < 400 * MS + LATE, "{took:?}");
    }
}

#[tokio::test]
async fn noerror_nxdomain_and_yxdomain_are_answers_and_no_other_upstream_is_asked() {
    for rcode in [Rcode::NOERROR, Rcode::NXDOMAIN, Rcode::YXDOMAIN] {
        let answering = move |got: &Got| now(got.reply(rcode, &[]));
        let mut world = with_a_good_second(answering);
        assert_eq!(world.ask("www.example").await.unwrap().rcode, rcode);
        assert_eq!(world.asked(1), 0);
    }
}

#[tokio::test]
async fn an_upstream_that_comes_back_is_used_again() {
    let well = Arc::new(AtomicBool::new(false));
    let state = Arc::clone(&well);
    let mut world = with_a_good_second(move |got| if state.load(SeqCst) { now(got.good()) } else { vec![] });
    for number in 0..3 {
        world.ask(&format!("n{number}")).await.unwrap();
    }
    assert_eq!(world.forwarder.status()[0].counts.received, 0);
    well.store(true, SeqCst);
    // The first check of a down upstream is due after a second, and clients' questions are the checks.
    world.pass(Duration::from_secs(1)).await;
    let before = world.asked(1);
    world.ask("probe").await.unwrap();
    world.pass(MS).await;
    assert_eq!(world.ask("next").await.unwrap().upstream, Some(world.forwarder.status()[0].address));
    assert_eq!(world.asked(1) - before, 1, "the probe's client did not depend on it");
}

#[tokio::test]
async fn an_upstream_that_leads_back_to_us_is_not_used() {
    let mut world = World::of(silent);
    world.turn().await;
    assert!(world.forwarder.is_probe(&world.probes(0)[0]));
    // A copy of the probe would look the same; only the missing answer tells.
    assert_eq!(world.forwarder.status()[0].state, State::Up);
    world.pass(1000 * MS).await;
    let (reply, took) = world.timed("www.example").await;
    assert!(reply == Err(Failure::Loop) && took == Duration::ZERO, "{reply:?} {took:?}");
    assert_eq!((world.asked(0), world.counts(0).loops), (0, 1));
    assert_eq!(world.forwarder.status()[0].state, State::Looping);
}

#[tokio::test]
async fn an_upstream_that_is_this_server_is_never_asked() {
    let own = Scripted::start(good).await;
    let settings =
        Settings { groups: vec![group(&[own.address])], resolv_conf: "/nonexistent".into(), listen: vec![own.address] };
    let forwarder = Upstreams::start(settings).unwrap();
    assert_eq!(ask(&forwarder, "www.example").await, Err(Failure::Loop));
    assert_eq!((own.asked(), forwarder.status().len()), (0, 0));
    assert_eq!(forwarder.groups()[0].status().absent, [format!("'{}' is this server itself", own.address)]);
}

#[tokio::test]
async fn with_one_of_two_dead_many_at_once_are_answered_as_fast_as_with_both_alive() {
    let mut world = with_a_good_second(silent);
    let begin = world.now;
    for round in 0..60 {
        let replies = world.all((0..20).map(|number| format!("n{round}-{number}"))).await;
        assert!(replies.iter().all(|(reply, _)| reply.is_ok()));
        let slow = replies.iter().filter(|(_, took)| *took > Duration::ZERO).count();
        assert!(slow == 0 || world.now - begin < Duration::from_secs(1), "{slow} of round {round} waited");
        world.pass(30 * MS).await;
    }
    assert!(world.now - begin > Duration::from_secs(2), "some of it was later than the first second");
}

#[tokio::test]
async fn a_question_for_a_name_that_was_given_up_is_asked_again() {
    let alive = Arc::new(AtomicBool::new(false));
    let answers = Arc::clone(&alive);
    let mut world = World::of(move |got| if answers.load(SeqCst) { now(got.good()) } else { vec![] });
    let first = world.pose(0, question("www.example"), None, Duration::from_mins(1));
    // TCP is the last thing to try; after the longest pauses between all of them nothing is left.
    world.pass((400 + 800 + 1200 + 1300) * MS).await;
    let tried = world.asked(0);
    assert_eq!(world.asked_over_tcp(0), 1);
    world.pass(500 * MS).await;
    assert!(world.asked(0) == tried && first.lock().unwrap().is_none(), "given up");
    alive.store(true, SeqCst);
    let (reply, took) = world.timed("www.example").await;
    assert!(reply.is_ok() && took < LATE, "{reply:?} {took:?}");
    assert!(world.answer(&first).await.0.is_ok(), "the question that still waits is answered too");
}

#[tokio::test]
async fn a_system_that_is_azures_resolver_is_known_as_that_and_may_change() {
    let folder = tempfile::tempdir().unwrap();
    let resolv_conf = folder.path().join("resolv.conf");
    std::fs::write(&resolv_conf, "nameserver 10.0.0.1\n").unwrap();
    let groups = vec![GroupSettings { upstreams: vec![UpstreamSpec::System], ..group(&[]) }];
    let settings = Settings { groups, resolv_conf: resolv_conf.clone(), listen: vec![] };
    // The engine does not run, so nothing is sent to these addresses.
    let (forwarder, mut engine, _inbox) = Upstreams::assemble(settings, Instant::now()).unwrap();
    assert!(!forwarder.groups()[0].includes_azure());
    for (address, is_azures) in [("168.63.129.16", true), ("10.0.0.1", false), ("::ffff:168.63.129.16", true)] {
        std::fs::write(&resolv_conf, format!("nameserver {address}\n")).unwrap();
        engine.look_for_upstreams(Instant::now());
        assert_eq!(forwarder.groups()[0].includes_azure(), is_azures, "{address}");
    }
}
