//! Upstreams that object to EDNS or to the case of names.

use super::*;

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
fn edns_that_was_refused_is_left_out_of_the_same_flight_over_udp_and_tcp() {
    let refusals = [
        Event::Answer(Rcode::FORMERR),
        Event::AnswerWithoutEdns(Rcode::NOTIMP),
        Event::Answer(Rcode::BADVERS),
        Event::Bare(Rcode::FORMERR),
    ];
    for refusal in refusals {
        let mut script = knowing(&[&[0]]);
        script.ask(0, "www.example", PATIENCE, None);
        script.happens(0, refusal);
        let plain = script.sent.queries.len() - 1;
        script.happens(plain, Event::Truncated);
        script.tcp_happens(0, Ok(Rcode::NOERROR));
        let expected = [
            "0.0 s: to 0: www.example.",
            "0.0 s: to 0: www.example. without EDNS",
            "0.0 s: to 0: www.example. without EDNS over TCP",
            "0.0 s: waiter 0: NOERROR",
        ];
        assert_eq!(shown(&script), expected, "{refusal:?}");
        script.end().unwrap();
    }
}

#[test]
fn edns_that_is_refused_over_tcp_is_left_out_of_the_next_query_over_tcp() {
    for refusal in [Rcode::FORMERR, Rcode::NOTIMP, Rcode::BADVERS] {
        let mut script = knowing(&[&[0]]);
        script.ask(0, "www.example", PATIENCE, None);
        script.happens(0, Event::Truncated);
        script.tcp_happens(0, Ok(refusal));
        script.tcp_happens(0, Ok(Rcode::NOERROR));
        let expected = [
            "0.0 s: to 0: www.example.",
            "0.0 s: to 0: www.example. over TCP",
            "0.0 s: to 0: www.example. without EDNS over TCP",
            "0.0 s: waiter 0: NOERROR",
        ];
        assert_eq!(shown(&script), expected, "{refusal}");
        script.end().unwrap();
    }
}

#[test]
fn truncated_plain_answers_are_signs_against_edns_too() {
    let mut script = Script::new(&[&[0]], 9);
    for name in ["one.example", "two.example"] {
        script.ask(0, name, PATIENCE, None);
        script.happens(0, Event::AnswerWithoutEdns(Rcode::FORMERR));
        script.happens(0, Event::Truncated);
        script.tcp_happens(0, Ok(Rcode::NOERROR));
    }
    assert!(!script.exchanges.upstreams[0].forms.usual(script.now).edns);
    script.end().unwrap();
}

#[test]
fn a_client_that_wants_signatures_gets_an_unsigned_answer_after_a_refusal_of_edns_and_not_after_a_header_alone() {
    let mut script = knowing(&[&[0]]);
    let name = |text: &str| text.parse().unwrap();
    script.ask_question(GroupIndex(0), name("one.example"), true, 1, PATIENCE, None);
    script.happens(0, Event::Answer(Rcode::FORMERR));
    script.happens(0, Event::Answer(Rcode::NOERROR));
    script.ask_question(GroupIndex(0), name("two.example"), true, 1, PATIENCE, None);
    script.happens(0, Event::Bare(Rcode::FORMERR));
    script.tcp_happens(0, Ok(Rcode::FORMERR));
    script.tcp_happens(0, Ok(Rcode::NOERROR));
    let expected = [
        "0.0 s: to 0: one.example.",
        "0.0 s: to 0: one.example. without EDNS",
        "0.0 s: waiter 0: NOERROR",
        "0.0 s: to 0: two.example.",
        "0.0 s: to 0: two.example. over TCP",
        "0.0 s: to 0: two.example. without EDNS over TCP",
        "0.0 s: waiter 1: NOERROR",
    ];
    assert_eq!(shown(&script), expected);
    script.end().unwrap();
}

#[test]
fn a_reply_that_lost_the_case_is_asked_again_over_tcp_and_only_if_that_fails_in_lower_case() {
    let mut script = Script::new(&[&[0]], 9);
    script.ask(0, "one.example", PATIENCE, None);
    script.happens(0, Event::CaseMismatch);
    script.happens(0, Event::CaseMismatch);
    script.tcp_happens(0, Ok(Rcode::NOERROR));
    script.ask(0, "two.example", PATIENCE, None);
    script.happens(0, Event::CaseMismatch);
    script.tcp_happens(0, Err(Failure::Unreachable));
    script.happens(1, Event::Answer(Rcode::NOERROR));
    script.ask(0, "three.example", PATIENCE, None);
    let expected = [
        "0.0 s: to 0: one.example.",
        "0.0 s: to 0: one.example. over TCP",
        "0.0 s: waiter 0: NOERROR",
        "0.0 s: to 0: two.example.",
        "0.0 s: to 0: two.example. over TCP",
        "0.0 s: to 0: two.example. in lower case",
        "0.0 s: waiter 1: NOERROR",
        "0.0 s: to 0: three.example. in lower case",
    ];
    assert_eq!(shown(&script), expected);
    script.end().unwrap();
}

#[test]
fn where_tcp_is_silent_too_lower_case_over_udp_is_one_wait_away() {
    let mut script = Script::new(&[&[0]], 9);
    script.ask(0, "www.example", PATIENCE, None);
    script.happens(0, Event::CaseMismatch);
    script.pass(500 * MS);
    script.happens(1, Event::Answer(Rcode::NOERROR));
    let expected = [
        "0.0 s: to 0: www.example.",
        "0.0 s: to 0: www.example. over TCP",
        "0.4 s: to 0: www.example. in lower case",
        "0.5 s: waiter 0: NOERROR",
    ];
    assert_eq!(shown(&script), expected);
    script.end().unwrap();
}

#[test]
fn a_denial_or_error_of_an_upstream_that_never_kept_the_case_is_asked_again_in_lower_case() {
    for denial in
        [Event::NoData, Event::Answer(Rcode::NXDOMAIN), Event::Answer(Rcode::REFUSED), Event::Answer(Rcode(9))]
    {
        let mut script = Script::new(&[&[0]], 9);
        for name in ["one.example", "two.example"] {
            script.ask(0, name, PATIENCE, None);
            script.happens(0, denial);
            script.happens(0, Event::Answer(Rcode::NOERROR));
        }
        script.ask(0, "three.example", PATIENCE, None);
        let expected = [
            "0.0 s: to 0: one.example.",
            "0.0 s: to 0: one.example. in lower case",
            "0.0 s: waiter 0: NOERROR",
            "0.0 s: to 0: two.example.",
            "0.0 s: to 0: two.example. in lower case",
            "0.0 s: waiter 1: NOERROR",
            "0.0 s: to 0: three.example. in lower case",
        ];
        assert_eq!(shown(&script), expected, "{denial:?}");
        script.end().unwrap();
    }
}

#[test]
fn a_denial_that_lower_case_does_not_better_stands_after_one_more_round_trip_or_one_wait() {
    let mut script = Script::new(&[&[0, 1]], 9);
    for (name, second) in
        [("one.example", Some(Rcode::NXDOMAIN)), ("two.example", Some(Rcode::SERVFAIL)), ("three.example", None)]
    {
        script.ask(0, name, PATIENCE, None);
        script.happens(0, Event::Answer(Rcode::NXDOMAIN));
        match second {
            Some(rcode) => script.happens(0, Event::Answer(rcode)),
            None => script.pass(500 * MS),
        }
    }
    let answers: Vec<String> = shown(&script).into_iter().filter(|line| !line.contains("to 0")).collect();
    let expected = ["0.0 s: waiter 0: NXDOMAIN", "0.0 s: waiter 1: NXDOMAIN", "0.2 s: waiter 2: NXDOMAIN"];
    assert_eq!(answers, expected, "and no other upstream is asked");
    assert!(script.exchanges.upstreams[0].forms.usual(script.now).mixed);
    script.end().unwrap();
}

#[test]
fn names_without_letters_and_groups_that_turn_it_off_have_no_random_case() {
    let mut script = Script::new(&[&[0], &[0]], 9);
    script.exchanges.groups[1].settings.case_randomization = CaseRandomization::Off;
    script.ask(0, "4711", PATIENCE, None);
    script.happens(0, Event::Answer(Rcode::NXDOMAIN));
    script.ask(1, "off.example", PATIENCE, None);
    script.happens(0, Event::Answer(Rcode::NXDOMAIN));
    script.ask(0, "auto.example", PATIENCE, None);
    let expected = [
        "0.0 s: to 0: 4711. in lower case",
        "0.0 s: waiter 0: NXDOMAIN",
        "0.0 s: to 0: off.example. in lower case",
        "0.0 s: waiter 1: NXDOMAIN",
        "0.0 s: to 0: auto.example.",
    ];
    assert_eq!(shown(&script), expected);
    script.end().unwrap();
}

#[test]
fn a_kept_denial_or_error_waits_for_what_a_later_reply_of_the_upstream_has_announced() {
    for kept in [Event::NoData, Event::Answer(Rcode::NXDOMAIN), Event::Answer(Rcode::REFUSED)] {
        for announced in [Event::Truncated, Event::AnswerWithoutEdns(Rcode::FORMERR)] {
            let mut script = Script::new(&[&[0]], 9);
            script.ask(0, "www.example", PATIENCE, None);
            script.happens(0, kept);
            script.happens(0, announced);
            script.pass(1000 * MS);
            script.happens(script.sent.queries.len().saturating_sub(1), Event::Answer(Rcode::NOERROR));
            script.tcp_happens(0, Ok(Rcode::NOERROR));
            assert_eq!(shown(&script).last().unwrap(), "1.0 s: waiter 0: NOERROR", "{kept:?} {announced:?}");
            script.end().unwrap();
        }
    }
}

#[test]
fn a_kept_denial_is_given_when_what_was_announced_fails_or_the_time_is_over() {
    for (fails, at) in [(true, "0.0"), (false, "5.0")] {
        let mut script = Script::new(&[&[0]], 9);
        script.ask(0, "www.example", PATIENCE, None);
        script.happens(0, Event::Answer(Rcode::NXDOMAIN));
        script.happens(0, Event::Truncated);
        if fails {
            script.tcp_happens(0, Err(Failure::Unreachable));
        }
        script.end().unwrap();
        assert_eq!(shown(&script).last().unwrap(), &format!("{at} s: waiter 0: NXDOMAIN"));
    }
}

/// Lets time pass at an upstream that answers what has no EDNS, and nothing else.
fn pass_without_edns(script: &mut Script, time: Duration) {
    let until = script.now + time;
    while script.now < until {
        script.pass(100 * MS);
        if let Some(nth) = script.sent.queries.iter().position(|query| !query.form.edns) {
            script.happens(nth, Event::Answer(Rcode::NOERROR));
        }
    }
}

#[test]
fn a_question_with_do_goes_without_edns_when_udp_and_tcp_were_silent_and_three_such_answers_are_remembered() {
    let mut script = Script::new(&[&[0]], 9);
    for number in 0..4 {
        let name = format!("n{number}.example").parse().unwrap();
        script.ask_question(GroupIndex(0), name, true, 1, PATIENCE, None);
        pass_without_edns(&mut script, PATIENCE);
    }
    let lines = shown(&script);
    let expected = [
        "0.0 s: to 0: n0.example.",
        "0.4 s: to 0: n0.example. in lower case",
        "1.2 s: to 0: n0.example. over TCP",
        "2.4 s: to 0: n0.example. without EDNS in lower case",
        "2.4 s: waiter 0: NOERROR",
    ];
    assert_eq!(lines[..5], expected);
    let last = ["15.0 s: to 0: n3.example. without EDNS", "15.1 s: waiter 3: NOERROR"];
    assert_eq!(lines[lines.len() - 2..], last, "it is known by now: {lines:?}");
    script.end().unwrap();
}

#[test]
fn three_upstreams_that_drop_edns_leave_time_for_one_question_with_do_to_be_asked_without() {
    let mut script = Script::new(&[&[0, 1, 2]], 9);
    script.ask_question(GroupIndex(0), "www.example".parse().unwrap(), true, 1, PATIENCE, None);
    pass_without_edns(&mut script, PATIENCE);
    assert_eq!(shown(&script).last().unwrap(), "4.8 s: waiter 0: NOERROR");
    script.end().unwrap();
}

#[test]
fn where_edns_fails_over_tcp_alone_the_question_goes_over_tcp_without_it() {
    for failure in [Some(Failure::Unreachable), Some(Failure::Malformed), None] {
        for dnssec_ok in [false, true] {
            let mut script = knowing(&[&[0]]);
            script.ask_question(GroupIndex(0), "www.example".parse().unwrap(), dnssec_ok, 1, PATIENCE, None);
            for _ in 0..45 {
                script.happens(0, Event::Truncated);
                match (script.sent.jobs.first().map(|(_, job)| job.form.edns), failure) {
                    (Some(false), _) => script.tcp_happens(0, Ok(Rcode::NOERROR)),
                    (Some(true), Some(failure)) => script.tcp_happens(0, Err(failure)),
                    _ => {}
                }
                script.pass(100 * MS);
            }
            let lines = shown(&script);
            assert!(lines.last().unwrap().ends_with("waiter 0: NOERROR"), "{failure:?} {dnssec_ok}: {lines:?}");
            script.end().unwrap();
        }
    }
}
