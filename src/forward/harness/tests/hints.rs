//! Errors of the network, headers without a question, replies that do not parse.

use super::*;

#[test]
fn an_error_of_the_network_is_a_hint_and_the_reply_after_it_still_counts() {
    let mut script = Script::new(&[&[0]], 9);
    script.ask(0, "www.example", PATIENCE, None);
    for _ in 0..3 {
        script.happens(0, Event::Unreachable);
    }
    script.tcp_happens(0, Err(Failure::Unreachable));
    script.pass(200 * MS);
    script.happens(0, Event::Answer(Rcode::NOERROR));
    let expected = ["0.0 s: to 0: www.example.", "0.0 s: to 0: www.example. over TCP", "0.2 s: waiter 0: NOERROR"];
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
        script.happens(1, Event::Answer(Rcode::NOERROR));
        script.pass(10 * MS);
        script.happens(0, Event::Answer(Rcode::NOERROR));
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
            script.happens(1, Event::Answer(Rcode::NOERROR));
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
    script.pass(500 * MS);
    script.happens(1, Event::Unreachable);
    script.pass(1500 * MS);
    script.happens(2, Event::Unreachable);
    script.pass(1000 * MS);
    script.tcp_happens(0, Err(Failure::Unreachable));
    script.end().unwrap();
    let expected = [
        "0.0 s: to 0: www.example.",
        "0.0 s: to 0: www.example. over TCP",
        "0.4 s: to 0: www.example. in lower case",
        "1.2 s: to 0: www.example. without EDNS in lower case",
        "2.4 s: to 0: www.example. without EDNS over TCP",
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
    script.happens(0, Event::Answer(Rcode::NOERROR));
    let expected = [
        "1.0 s: to 0: www.example.",
        "1.0 s: waiter 3: Unreachable",
        "1.0 s: to 0: www.example. over TCP",
        "1.0 s: waiter 5: Unreachable",
        "1.3 s: waiter 2: NOERROR",
        "1.3 s: waiter 4: NOERROR",
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
    script.happens(0, Event::Answer(Rcode::NOERROR));
    let expected = ["0.0 s: to 1: www.example.", "0.0 s: waiter 1: Unreachable", "0.0 s: waiter 0: NOERROR"];
    assert_eq!(shown(&script), expected);
    assert!(!script.exchanges.upstreams[0].is_up());
    script.sent.no_socket = None;
    script.pass(1000 * MS);
    script.ask(0, "later.example", PATIENCE, None);
    script.happens(1, Event::Answer(Rcode::NOERROR));
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
    script.happens(0, Event::Answer(Rcode::NOERROR));
    assert_eq!(shown(&script), ["0.2 s: to 0: www.example.", "0.3 s: waiter 0: NOERROR"]);
    assert!(script.exchanges.upstreams[0].is_up());
    script.end().unwrap();
}

#[test]
fn a_header_alone_is_a_hint_and_a_lone_upstream_is_asked_over_tcp_at_once() {
    for rcode in [Rcode::REFUSED, Rcode::SERVFAIL, Rcode::NXDOMAIN, Rcode::NOERROR] {
        let mut script = Script::new(&[&[0], &[0, 1]], 9);
        script.ask(0, "lone.example", PATIENCE, None);
        script.happens(0, Event::Bare(rcode));
        script.tcp_happens(0, Ok(Rcode::REFUSED));
        script.ask(1, "www.example", PATIENCE, None);
        script.happens(1, Event::Bare(rcode));
        let lines = shown(&script);
        let expected = [
            "0.0 s: to 0: lone.example.",
            "0.0 s: to 0: lone.example. over TCP",
            "0.0 s: waiter 0: REFUSED",
            "0.0 s: to 0: www.example.",
            "0.0 s: to 1: www.example.",
        ];
        assert_eq!(lines, expected, "{rcode}");
        script.end().unwrap();
    }
}

#[test]
fn a_reply_that_does_not_parse_is_no_silence_and_the_question_goes_elsewhere_then_plain_then_over_tcp() {
    let mut script = Script::new(&[&[0], &[0, 1]], 9);
    for number in 0..9 {
        script.ask(0, &format!("n{number}.example"), PATIENCE, None);
        script.happens(0, Event::Malformed);
        script.happens(1, Event::Malformed);
        script.tcp_happens(0, Err(Failure::Malformed));
        script.pass(500 * MS);
        script.happens(2, Event::Malformed);
        script.pass(500 * MS);
        script.tcp_happens(0, Err(Failure::Malformed));
        script.pass(PATIENCE);
        assert!(script.exchanges.upstreams[0].is_up());
    }
    script.transcript.lock().unwrap().clear();
    script.ask(1, "www.example", PATIENCE, None);
    script.happens(0, Event::Malformed);
    script.happens(1, Event::Answer(Rcode::NOERROR));
    let lines = shown(&script);
    assert!(lines[0].contains("to 0: www") && lines[1].contains("to 1: www") && lines[2].ends_with("NOERROR"));
    script.end().unwrap();
}
