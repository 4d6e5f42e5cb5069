//! The engine without sockets: transcripts, and a property over all scripts.

use super::*;
use proptest::prelude::*;

const MS: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(5);

/// The transcript, with the times rounded down to the tenth of a second that the timer wheel is exact to.
fn shown(script: &Script) -> Vec<String> {
    let text = script.transcript.lock().unwrap();
    let rounded = |line: &str| {
        let (at, what) = line.split_once(" ms: ").unwrap();
        format!("{:.1} s: {what}", (at.parse::<f64>().unwrap() / 100.0).floor() / 10.0)
    };
    text.lines().map(rounded).collect()
}

#[test]
fn silent_upstreams_are_asked_in_turn_then_again_then_without_edns_then_over_tcp() {
    let mut script = Script::new(&[&[0, 1]], 9);
    script.ask(0, "www.example", PATIENCE, None);
    script.end().unwrap();
    let expected = [
        "0.0 s: to 0: www.example.",
        "0.4 s: to 1: www.example.",
        "0.8 s: to 0: again",
        "1.6 s: to 1: again",
        "2.4 s: to 0: www.example. without EDNS",
        "3.6 s: to 1: www.example. without EDNS",
        "4.8 s: to 0: www.example. over TCP",
        "5.0 s: waiter 0: Timeout",
    ];
    assert_eq!(shown(&script), expected);
}

#[test]
fn a_refusal_or_servfail_moves_on_at_once_and_the_first_good_answer_wins() {
    let mut script = Script::new(&[&[0, 1, 2]], 9);
    script.ask(0, "www.example", PATIENCE, None);
    script.happens(0, Event::Unreachable);
    script.happens(0, Event::Answer(Rcode::SERVFAIL));
    script.happens(0, Event::Answer(Rcode::NXDOMAIN));
    let expected = [
        "0.0 s: to 0: www.example.",
        "0.0 s: to 1: www.example.",
        "0.0 s: to 2: www.example.",
        "0.0 s: waiter 0: NXDOMAIN",
    ];
    assert_eq!(shown(&script), expected);
    script.end().unwrap();
}

#[test]
fn an_impatient_waiter_is_answered_first_and_the_exchange_goes_on() {
    let mut script = Script::new(&[&[0]], 9);
    script.ask(0, "www.example", PATIENCE, Some(1800 * MS));
    script.pass(2000 * MS);
    script.happens(0, Event::Answer(Rcode::NOERROR));
    let answers: Vec<String> = shown(&script).into_iter().filter(|line| line.contains("waiter")).collect();
    assert_eq!(answers, ["1.8 s: waiter 1: Timeout", "2.0 s: waiter 0: NOERROR"]);
    let counters = &script.exchanges.groups[0].counters;
    assert_eq!((counters.status().timeouts, counters.status().asked), (0, 1), "the group did not fail");
}

#[test]
fn an_error_of_the_network_is_a_hint_and_the_reply_after_it_still_counts() {
    let mut script = Script::new(&[&[0]], 9);
    script.ask(0, "www.example", PATIENCE, None);
    for _ in 0..3 {
        script.happens(0, Event::Unreachable);
    }
    script.tcp_happens(0, Err(Failure::Unreachable));
    script.pass(200 * MS);
    script.happens(0, Event::Answer(Rcode::NXDOMAIN));
    let expected = ["0.0 s: to 0: www.example.", "0.0 s: to 0: www.example. over TCP", "0.2 s: waiter 0: NXDOMAIN"];
    assert_eq!(shown(&script), expected);
    assert!(script.exchanges.upstreams[0].is_up());
    script.end().unwrap();
}

#[test]
fn an_upstream_whose_every_error_is_forged_stays_up() {
    let mut script = Script::new(&[&[0, 1]], 9);
    for number in 0..20 {
        script.ask(0, &format!("n{number}.example"), PATIENCE, None);
        script.happens(0, Event::Unreachable);
        script.happens(1, Event::Answer(Rcode::NXDOMAIN));
        script.pass(10 * MS);
        script.happens(0, Event::Answer(Rcode::NXDOMAIN));
        script.pass(600 * MS);
    }
    assert!(script.exchanges.upstreams[0].is_up());
    assert_eq!(shown(&script).iter().filter(|line| line.contains("to 0")).count(), 20);
    script.end().unwrap();
}

#[test]
fn the_silence_after_an_error_of_the_network_makes_an_upstream_down() {
    let mut script = Script::new(&[&[0, 1]], 9);
    for number in 0..3 {
        script.ask(0, &format!("n{number}.example"), PATIENCE, None);
        assert_eq!(script.exchanges.upstreams[0].is_up(), number < 2);
        if number < 2 {
            script.happens(0, Event::Unreachable);
            script.happens(1, Event::Answer(Rcode::NXDOMAIN));
            script.pass(500 * MS);
        }
    }
    script.end().unwrap();
}

#[test]
fn a_flight_ends_early_when_every_way_to_ask_was_tried_and_no_sign_is_good() {
    let mut script = Script::new(&[&[0]], 9);
    script.ask(0, "www.example", PATIENCE, None);
    script.happens(0, Event::Unreachable);
    script.tcp_happens(0, Err(Failure::Unreachable));
    script.pass(2000 * MS);
    script.happens(1, Event::Unreachable);
    script.pass(1000 * MS);
    script.tcp_happens(0, Err(Failure::Unreachable));
    script.end().unwrap();
    let expected = [
        "0.0 s: to 0: www.example.",
        "0.0 s: to 0: www.example. over TCP",
        "0.4 s: to 0: again",
        "1.2 s: to 0: www.example. without EDNS",
        "2.4 s: to 0: www.example. over TCP",
        "3.6 s: waiter 0: Unreachable",
    ];
    assert_eq!(shown(&script), expected);
}

#[test]
fn a_client_with_a_fallback_is_told_at_once_that_a_down_upstream_gives_no_sign_of_life() {
    let mut script = Script::new(&[&[0]], 9);
    for number in 0..2 {
        script.ask(0, &format!("n{number}.example"), 700 * MS, None);
    }
    script.pass(1000 * MS);
    assert!(!script.exchanges.upstreams[0].is_up());
    script.transcript.lock().unwrap().clear();
    script.ask(0, "www.example", PATIENCE, Some(1800 * MS));
    script.happens(0, Event::Unreachable);
    script.ask(0, "www.example", PATIENCE, Some(1800 * MS));
    script.pass(300 * MS);
    script.happens(0, Event::Answer(Rcode::NXDOMAIN));
    let expected = [
        "1.0 s: to 0: www.example.",
        "1.0 s: waiter 3: Unreachable",
        "1.0 s: to 0: www.example. over TCP",
        "1.0 s: waiter 5: Unreachable",
        "1.3 s: waiter 2: NXDOMAIN",
        "1.3 s: waiter 4: NXDOMAIN",
    ];
    assert_eq!(shown(&script), expected);
    script.end().unwrap();
}

#[test]
fn without_a_route_the_next_upstream_is_asked_in_the_same_moment_and_a_lone_one_fails_in_it() {
    let mut script = Script::new(&[&[0, 1], &[0]], 9);
    script.sent.no_socket = Some((UpstreamIndex(0), NoSocket::NoRoute));
    script.ask(0, "www.example", PATIENCE, None);
    script.ask(1, "lone.example", PATIENCE, None);
    script.happens(0, Event::Answer(Rcode::NXDOMAIN));
    let expected = ["0.0 s: to 1: www.example.", "0.0 s: waiter 1: Unreachable", "0.0 s: waiter 0: NXDOMAIN"];
    assert_eq!(shown(&script), expected);
    assert!(!script.exchanges.upstreams[0].is_up());
    script.sent.no_socket = None;
    script.pass(1000 * MS);
    script.ask(0, "later.example", PATIENCE, None);
    script.happens(1, Event::Answer(Rcode::NXDOMAIN));
    assert!(script.exchanges.upstreams[0].is_up(), "a check found it");
    script.end().unwrap();
}

#[test]
fn without_descriptors_a_question_waits_and_no_upstream_goes_down() {
    let mut script = Script::new(&[&[0]], 9);
    script.sent.no_socket = Some((UpstreamIndex(0), NoSocket::Exhausted));
    script.ask(0, "www.example", PATIENCE, None);
    script.sent.no_socket = None;
    script.pass(300 * MS);
    script.happens(0, Event::Answer(Rcode::NXDOMAIN));
    assert_eq!(shown(&script), ["0.2 s: to 0: www.example.", "0.3 s: waiter 0: NXDOMAIN"]);
    assert!(script.exchanges.upstreams[0].is_up());
    script.end().unwrap();
}

#[test]
fn an_upstream_that_refuses_edns_is_asked_without_and_after_two_such_answers_never_with_it() {
    let mut script = Script::new(&[&[0]], 9);
    for name in ["one.example", "two.example"] {
        script.ask(0, name, PATIENCE, None);
        script.happens(0, Event::AnswerWithoutEdns(Rcode::FORMERR));
        script.happens(0, Event::AnswerWithoutEdns(Rcode::NOERROR));
    }
    script.ask(0, "three.example", PATIENCE, None);
    let asked: Vec<String> = shown(&script).into_iter().filter(|line| line.contains("to 0")).collect();
    let expected = [
        "0.0 s: to 0: one.example.",
        "0.0 s: to 0: one.example. without EDNS",
        "0.0 s: to 0: two.example.",
        "0.0 s: to 0: two.example. without EDNS",
        "0.0 s: to 0: three.example. without EDNS",
    ];
    assert_eq!(asked, expected);
    script.end().unwrap();
}

#[test]
fn a_question_waits_while_its_upstream_is_full_and_goes_when_there_is_space() {
    let mut script = Script::new(&[&[0]], 1);
    script.ask(0, "one.example", PATIENCE, None);
    script.ask(0, "two.example", PATIENCE, None);
    script.pass(20 * MS);
    assert_eq!(shown(&script).len(), 1, "{:?}", shown(&script));
    script.happens(0, Event::Answer(Rcode::NOERROR));
    script.pass(20 * MS);
    assert_eq!(shown(&script)[2], "0.0 s: to 0: two.example.");
    script.end().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn every_waiter_is_answered_once_in_time_and_nothing_stays_open(
        script in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        prop_assert_eq!(play(&script), Ok(()));
    }
}
