//! The limits of one upstream in flight and per second, and the questions beyond them.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use super::super::tests::*;

/// Upstreams of one group with changed settings.
fn limited(script: impl FnMut(&Got) -> Replies + Send + 'static, change: impl FnOnce(&mut GroupSettings)) -> World {
    let mut cast = Cast::default();
    let mut settings = group(&[cast.scripted(script)]);
    change(&mut settings);
    cast.begin_with(vec![settings])
}

fn names(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("n{number}"))
}

#[tokio::test]
async fn no_more_are_in_flight_than_the_limit_and_the_rest_follow() {
    let highest = Arc::new(AtomicUsize::new(0));
    let peak = Arc::clone(&highest);
    let script = move |got: &Got| {
        peak.fetch_max(got.open + 1, SeqCst);
        vec![(20 * MS, got.good())]
    };
    let mut world = limited(script, |settings| settings.max_in_flight = Some(10));
    assert!(world.all(names(100)).await.iter().all(|(reply, _)| reply.is_ok()));
    assert_eq!((highest.load(SeqCst), world.asked(0), world.counts(0).delayed), (10, 100, 90));
}

#[tokio::test]
async fn a_question_that_stays_queued_fails_as_overloaded_at_its_deadline() {
    let change = |settings: &mut GroupSettings| (settings.max_in_flight, settings.timeout) = (Some(2), 300 * MS);
    let mut world = limited(|_| vec![], change);
    let replies = world.all(names(10)).await;
    let overloaded = replies.iter().filter(|(reply, _)| *reply == Err(Failure::Overloaded)).count();
    assert_eq!(overloaded, 8, "{replies:?}");
    assert!(replies.iter().all(|(_, took)| (300 * MS..300 * MS + LATE).contains(took)), "{replies:?}");
}

#[tokio::test]
async fn a_question_of_another_network_need_not_wait_for_a_flood_to_pass() {
    let mut world = limited(|got| vec![(50 * MS, got.good())], |settings| settings.max_in_flight = Some(1));
    let flood: Vec<_> = (0..60)
        .map(|number| world.pose(0, question(&format!("n{number}")), Some(network(1)), Duration::from_mins(1)))
        .collect();
    world.turn().await;
    let begin = world.now;
    let other = world.pose(0, question("other"), Some(network(2)), Duration::from_mins(1));
    let (answer, at) = world.answer(&other).await;
    assert!(answer.is_ok() && at - begin <= 3 * 50 * MS, "after the open question and one queued before it");
    assert!(flood.iter().filter(|place| place.lock().unwrap().is_some()).count() <= 2, "it came before the flood");
}

#[tokio::test]
async fn new_questions_of_a_flood_do_not_overtake_those_that_wait() {
    let change = |settings: &mut GroupSettings| {
        (settings.max_qps, settings.timeout) = (NonZeroU32::new(100), Duration::from_secs(2));
    };
    let mut world = limited(|got| now(got.good()), change);
    let flood = |world: &World, round: usize| {
        for number in 0..20 {
            world.pose(0, question(&format!("n{round}-{number}")), Some(network(1)), Duration::from_mins(1));
        }
    };
    (0..25).for_each(|round| flood(&world, round));
    world.turn().await;
    let mut round = 25;
    for number in 0..5 {
        let place = world.pose(0, question(&format!("other{number}")), Some(network(2)), Duration::from_mins(1));
        let is_answered = || place.lock().unwrap().is_some();
        // Ten milliseconds bring one more query and twenty more questions of the flood.
        while !is_answered() {
            flood(&world, round);
            world.pass(10 * MS).await;
            round += 1;
            assert!(round < 2000, "number {number} waits for ever");
        }
        assert!(place.lock().unwrap().as_ref().is_some_and(|(answer, _)| answer.is_ok()), "number {number}");
    }
}

#[tokio::test]
async fn the_rate_is_kept() {
    let mut world = limited(|got| now(got.good()), |settings| settings.max_qps = NonZeroU32::new(100));
    let replies = world.all(names(45)).await;
    assert!(replies.iter().all(|(reply, _)| reply.is_ok()));
    let at_once = replies.iter().filter(|(_, took)| *took == Duration::ZERO).count();
    let last = replies.iter().map(|(_, took)| *took).max().unwrap();
    assert_eq!(at_once, 5, "a twentieth of a second's worth");
    assert!((400 * MS..400 * MS + LATE).contains(&last), "then one every ten milliseconds: {last:?}");
}

#[tokio::test]
async fn ten_thousand_questions_for_a_dead_upstream_all_get_an_answer_and_leave_nothing_behind() {
    let mut cast = Cast::default();
    let mut settings = group(&[cast.deaf()]);
    settings.timeout = 600 * MS;
    let mut world = cast.begin_with(vec![settings]);
    let replies = world.all(names(10_000)).await;
    assert!(replies.iter().all(|(reply, took)| reply.is_err() && *took < 600 * MS + LATE));
    let status = world.status();
    assert_eq!((status.waiting, status.asked), (0, 10_000));
    assert_eq!(status.timeouts + status.overloaded, 10_000);
}

/// A fault for each number; some numbers have none.
fn fault(got: &Got) -> Replies {
    let (good, mut bad) = (got.good(), got.good());
    match (got.number.wrapping_mul(2_654_435_761) >> 7) % 11 {
        0 => vec![],
        1 => vec![(300 * MS, good)],
        2 => {
            bad[0] ^= 0x40;
            vec![(Duration::ZERO, bad), (5 * MS, good)]
        }
        3 => {
            bad[2] |= 0x02;
            now(bad)
        }
        4 => now(got.reply(crate::dns::Rcode::SERVFAIL, &[])),
        5 => {
            bad[12..].make_ascii_lowercase();
            now(bad)
        }
        6 => now([&good[..2], &[0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0]].concat()),
        7 => now(good[..good.len() - 15].to_vec()),
        8 => (0..20).map(|_| (Duration::ZERO, good.clone())).collect(),
        _ => now(good),
    }
}

#[tokio::test]
async fn every_question_ends_and_nothing_stays_open_with_unreliable_upstreams() {
    let mut cast = Cast::default();
    let mut settings = group(&[cast.scripted(fault), cast.nobody(), cast.scripted(fault)]);
    settings.timeout = 1500 * MS;
    settings.max_in_flight = Some(100);
    let mut world = cast.begin_with(vec![settings]);
    let replies = world.all((0..800).map(|number| format!("n{}.example", number % 700))).await;
    assert!(replies.iter().all(|(_, took)| *took < 1500 * MS + LATE));
    let answered = replies.iter().filter(|(reply, _)| reply.is_ok()).count();
    assert!(answered > 400, "{answered} answered");
    world.pass(Duration::from_secs(1)).await;
    let open: Vec<u64> = world.forwarder.status().iter().map(|upstream| upstream.in_flight).collect();
    assert_eq!((open, world.status().waiting), (vec![0, 0, 0], 0));
}
