//! Several upstreams, some of which are not well.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use super::*;
use crate::dns::Rcode;

fn silent(_: &Got) -> Replies {
    vec![]
}

fn good(got: &Got) -> Replies {
    now(got.good())
}

#[tokio::test]
async fn a_dead_first_upstream_costs_the_first_question_one_wait_and_later_ones_nothing() {
    let (dead, alive) = (Scripted::start(silent).await, Scripted::start(good).await);
    let forwarder = forwarder(&[&dead, &alive]);
    let (reply, took) = timed(&forwarder, "first.example").await;
    assert!(reply.is_ok() && took < 600 * MS, "{took:?}");
    ask(&forwarder, "second.example").await.unwrap();
    assert!(forwarder.upstreams()[0].state == State::Down || counts(&forwarder, 0).silences >= 2);
    let mut worst = Duration::ZERO;
    for number in 0..50 {
        let (reply, took) = timed(&forwarder, &format!("n{number}.example")).await;
        assert!(reply.is_ok());
        worst = worst.max(took);
    }
    assert!(worst < 200 * MS, "{worst:?}");
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_passed_over_at_once() {
    let alive = Scripted::start(good).await;
    let forwarder = start(vec![group(&[nobody(), alive.address])]);
    let (reply, took) = timed(&forwarder, "www.example").await;
    assert!(reply.is_ok() && took < 150 * MS, "{took:?}");
}

#[tokio::test]
async fn nobody_listening_anywhere_is_a_failure_well_before_the_deadline() {
    let forwarder = start(vec![group(&[nobody(), nobody()])]);
    let (reply, took) = timed(&forwarder, "www.example").await;
    assert!(reply == Err(Failure::Unreachable) && took < 3000 * MS, "{reply:?} {took:?}");
}

#[tokio::test]
async fn silence_everywhere_is_a_timeout_at_the_deadline() {
    let dead = Scripted::start(silent).await;
    let mut settings = group(&[dead.address]);
    settings.timeout = 700 * MS;
    let forwarder = start(vec![settings]);
    let (reply, took) = timed(&forwarder, "www.example").await;
    assert!(reply == Err(Failure::Timeout) && took >= 700 * MS && took < 900 * MS, "{reply:?} {took:?}");
    assert_eq!(forwarder.groups()[0].status().timeouts, 1);
}

#[tokio::test]
async fn a_refusal_is_not_the_last_word_while_another_upstream_has_an_answer() {
    for rcode in [Rcode::REFUSED, Rcode::SERVFAIL] {
        let refusing = Scripted::start(move |got: &Got| now(got.reply(rcode, &[]))).await;
        let alive = Scripted::start(good).await;
        let both = forwarder(&[&refusing, &alive]);
        let (reply, took) = timed(&both, "www.example").await;
        assert!(reply.unwrap().rcode == Rcode::NOERROR && took < 150 * MS, "{took:?}");
        let dead = Scripted::start(silent).await;
        let alone = forwarder(&[&refusing, &dead]);
        let (reply, took) = timed(&alone, "www.example").await;
        assert!(reply.unwrap().rcode == rcode && took < 700 * MS, "{took:?}");
    }
}

#[tokio::test]
async fn an_upstream_that_comes_back_is_used_again() {
    let well = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let state = Arc::clone(&well);
    let first = Scripted::start(
        move |got: &Got| {
            if state.load(std::sync::atomic::Ordering::SeqCst) { now(got.good()) } else { vec![] }
        },
    )
    .await;
    let second = Scripted::start(good).await;
    let forwarder = forwarder(&[&first, &second]);
    for number in 0..3 {
        ask(&forwarder, &format!("n{number}")).await.unwrap();
    }
    well.store(true, std::sync::atomic::Ordering::SeqCst);
    for number in 0..500 {
        let reply = ask(&forwarder, &format!("m{number}")).await.unwrap();
        if reply.upstream == first.address && number > 5 {
            return;
        }
        tokio::time::sleep(10 * MS).await;
    }
    panic!("never used again");
}

#[tokio::test]
async fn an_upstream_that_leads_back_to_us_is_not_used() {
    let found = Arc::new(tokio::sync::Notify::new());
    let (sender, mut probes) = mpsc::unbounded_channel();
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let forwarder = start(vec![group(&[socket.local_addr().unwrap()])]);
    let signal = Arc::clone(&found);
    let echo = tokio::spawn(async move {
        let mut buffer = [0; 512];
        while let Ok((length, _)) = socket.recv_from(&mut buffer).await {
            let query = crate::dns::Query::parse(&buffer[..length]).unwrap();
            let _ = sender.send(query.qname.to_vec());
            signal.notify_one();
        }
    });
    found.notified().await;
    assert!(forwarder.is_probe(&probes.recv().await.unwrap()));
    let (reply, took) = timed(&forwarder, "www.example").await;
    assert!(reply == Err(Failure::Loop) && took < 100 * MS, "{reply:?} {took:?}");
    assert_eq!(forwarder.upstreams()[0].state, State::Looping);
    assert_eq!(counts(&forwarder, 0).loops, 1);
    echo.abort();
}

#[tokio::test]
async fn an_upstream_that_is_this_server_is_never_asked() {
    let own = Scripted::start(good).await;
    let settings =
        Settings { groups: vec![group(&[own.address])], resolv_conf: "/nonexistent".into(), listen: vec![own.address] };
    let forwarder = Forwarder::start(settings).unwrap();
    assert_eq!(ask(&forwarder, "www.example").await, Err(Failure::Loop));
    assert_eq!((own.asked(), forwarder.upstreams().len()), (0, 0));
}

#[tokio::test]
async fn with_one_of_two_dead_many_at_once_are_answered_as_fast_as_with_both_alive() {
    let (dead, alive) = (Scripted::start(silent).await, Scripted::start(good).await);
    let forwarder = forwarder(&[&dead, &alive]);
    let (begin, mut slow, mut late) = (Instant::now(), 0, 0);
    for round in 0..60 {
        let names: Vec<String> = (0..20).map(|number| format!("n{round}-{number}")).collect();
        let replies = futures(names.iter().map(|name| timed(&forwarder, name))).await;
        assert!(replies.iter().all(|(reply, _)| reply.is_ok()));
        let waited = replies.iter().filter(|(_, took)| *took > 150 * MS).count();
        *(if begin.elapsed() < Duration::from_secs(1) { &mut slow } else { &mut late }) += waited;
        tokio::time::sleep(30 * MS).await;
    }
    assert!(late == 0, "{slow} slow in the first second, {late} later");
}

#[tokio::test]
async fn who_asks_for_a_name_that_was_given_up_has_it_asked_again() {
    let alive = Arc::new(AtomicBool::new(false));
    let answers = Arc::clone(&alive);
    let upstream = Scripted::start(move |got: &Got| if answers.load(SeqCst) { now(got.good()) } else { vec![] }).await;
    let forwarder = Arc::new(forwarder(&[&upstream]));
    let asking = Arc::clone(&forwarder);
    let first = tokio::spawn(async move { ask(&asking, "www.example").await });
    while upstream.connections.load(SeqCst) == 0 {
        tokio::time::sleep(10 * MS).await;
    }
    // TCP was the last way; after the longest pause between ways there is nothing left to try.
    tokio::time::sleep(1300 * MS).await;
    alive.store(true, SeqCst);
    let (reply, took) = timed(&forwarder, "www.example").await;
    assert!(reply.is_ok() && took < 500 * MS, "{reply:?} {took:?}");
    assert!(first.await.unwrap().is_ok(), "and so it is for who waits still");
}
