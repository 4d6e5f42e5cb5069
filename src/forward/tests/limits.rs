//! What one upstream is given at once and per second, and what happens to the rest.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

#[tokio::test]
async fn no_more_are_in_flight_than_the_limit_and_the_rest_get_their_turn() {
    let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now_open, peak) = (Arc::clone(&open), Arc::clone(&most));
    let upstream = Scripted::start(move |got: &Got| {
        peak.fetch_max(now_open.fetch_add(1, SeqCst) + 1, SeqCst);
        let open = Arc::clone(&now_open);
        tokio::spawn(async move {
            tokio::time::sleep(19 * MS).await;
            open.fetch_sub(1, SeqCst);
        });
        vec![(20 * MS, got.good())]
    })
    .await;
    let mut settings = group(&[upstream.address]);
    settings.max_in_flight = Some(10);
    let forwarder = start(vec![settings]);
    let names: Vec<String> = (0..100).map(|number| format!("n{number}")).collect();
    let replies = futures(names.iter().map(|name| ask(&forwarder, name))).await;
    assert!(replies.iter().all(Result::is_ok));
    assert!(most.load(SeqCst) <= 10, "{} at once", most.load(SeqCst));
    assert!(counts(&forwarder, 0).delayed >= 80);
}

#[tokio::test]
async fn what_never_gets_its_turn_fails_as_overloaded_at_its_deadline() {
    let dead = Scripted::start(|_: &Got| vec![]).await;
    let mut settings = group(&[dead.address]);
    (settings.max_in_flight, settings.timeout) = (Some(2), 300 * MS);
    let forwarder = start(vec![settings]);
    let names: Vec<String> = (0..10).map(|number| format!("n{number}")).collect();
    let replies = futures(names.iter().map(|name| ask(&forwarder, name))).await;
    let overloaded = replies.iter().filter(|reply| **reply == Err(Failure::Overloaded)).count();
    assert_eq!(overloaded, 8, "{replies:?}");
}

#[tokio::test]
async fn a_question_of_another_network_need_not_wait_for_a_flood_to_pass() {
    let upstream = Scripted::start(|got: &Got| vec![(50 * MS, got.good())]).await;
    let mut settings = group(&[upstream.address]);
    settings.max_in_flight = Some(1);
    let forwarder = start(vec![settings]);
    let deadline = Instant::now() + Duration::from_mins(1);
    let group = Arc::clone(&forwarder.groups()[0]);
    let flood: Vec<_> = (0..60)
        .map(|number| {
            let (group, question) = (Arc::clone(&group), question(&format!("n{number}")));
            tokio::spawn(async move { group.ask(&question, 1, deadline).await })
        })
        .collect();
    while group.status().asked < 60 {
        tokio::task::yield_now().await;
    }
    assert!(group.ask(&question("other"), 2, deadline).await.is_ok());
    assert!(flood.iter().filter(|asked| asked.is_finished()).count() < 30, "it came before most of the flood");
}

#[tokio::test]
async fn new_questions_of_a_flood_do_not_overtake_those_that_wait() {
    let upstream = Scripted::start(|got: &Got| now(got.good())).await;
    let mut settings = group(&[upstream.address]);
    (settings.max_qps, settings.timeout) = (Some(100), Duration::from_secs(2));
    let forwarder = start(vec![settings]);
    let group = Arc::clone(&forwarder.groups()[0]);
    let deadline = Instant::now() + Duration::from_mins(1);
    let (flooded, flooding) = (Arc::clone(&group), Arc::new(AtomicUsize::new(0)));
    let numbers = Arc::clone(&flooding);
    let flood = tokio::spawn(async move {
        loop {
            let name = format!("n{}", numbers.fetch_add(1, SeqCst));
            flooded.ask_then(question(&name), 1, deadline, Instant::now(), Box::new(|_, _| {}));
            tokio::task::yield_now().await;
        }
    });
    while flooding.load(SeqCst) < 500 {
        tokio::task::yield_now().await;
    }
    for number in 0..5 {
        assert!(group.ask(&question(&format!("other{number}")), 2, deadline).await.is_ok(), "number {number}");
    }
    flood.abort();
}

#[tokio::test]
async fn the_rate_is_kept() {
    let upstream = Scripted::start(|got: &Got| now(got.good())).await;
    let mut settings = group(&[upstream.address]);
    settings.max_qps = Some(100);
    let forwarder = start(vec![settings]);
    let names: Vec<String> = (0..45).map(|number| format!("n{number}")).collect();
    let begin = Instant::now();
    let replies = futures(names.iter().map(|name| ask(&forwarder, name))).await;
    assert!(replies.iter().all(Result::is_ok));
    assert!(begin.elapsed() >= 380 * MS, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn ten_thousand_questions_for_a_dead_upstream_all_get_an_answer_and_leave_nothing_behind() {
    let dead = Scripted::start(|_: &Got| vec![]).await;
    let mut settings = group(&[dead.address]);
    settings.timeout = 600 * MS;
    let forwarder = start(vec![settings]);
    let names: Vec<String> = (0..10_000).map(|number| format!("n{number}")).collect();
    let replies = futures(names.iter().map(|name| ask(&forwarder, name))).await;
    assert!(replies.iter().all(Result::is_err));
    let status = forwarder.groups()[0].status();
    assert_eq!((status.waiting, status.asked), (0, 10_000));
    assert_eq!(status.timeouts + status.overloaded, 10_000);
}

/// A fault for each number, some of them none.
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
async fn whatever_upstreams_do_every_question_ends_and_nothing_stays_open() {
    let (one, two) = (Scripted::start(fault).await, Scripted::start(fault).await);
    let mut settings = group(&[one.address, nobody(), two.address]);
    settings.timeout = 1500 * MS;
    settings.max_in_flight = Some(100);
    let forwarder = start(vec![settings]);
    let names: Vec<String> = (0..800).map(|number| format!("n{}.example", number % 700)).collect();
    let replies = futures(names.iter().map(|name| timed(&forwarder, name))).await;
    assert!(replies.iter().all(|(_, took)| *took < 2000 * MS));
    let answered = replies.iter().filter(|(reply, _)| reply.is_ok()).count();
    assert!(answered > 400, "{answered} answered");
    let deadline = Instant::now() + Duration::from_secs(10);
    while forwarder.upstreams().iter().any(|upstream| upstream.in_flight > 0) {
        assert!(Instant::now() < deadline, "{:?}", forwarder.upstreams());
        tokio::time::sleep(10 * MS).await;
    }
    assert_eq!(forwarder.groups()[0].status().waiting, 0);
}
