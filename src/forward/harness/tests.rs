//! The engine without sockets: transcripts, and a property over all scripts.

use super::*;
use crate::forward::upstream::forms::{GivenUp, Shown};
use proptest::prelude::*;

mod ad;
mod forms;
mod hints;

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

/// Upstreams that have shown that they keep the case of names.
fn knowing(groups: &[&[u16]]) -> Script {
    let mut script = Script::new(groups, 9);
    for upstream in &mut script.exchanges.upstreams {
        let shown = Shown { rcode: Rcode::NOERROR, has_edns: true, is_positive: true, is_truncated: false };
        upstream.forms.learn(QueryForm { ad: false, ..QueryForm::FULL }, shown, &mut GivenUp::default(), script.now);
    }
    script
}

#[test]
fn an_upstream_that_keeps_the_case_gets_the_same_datagram_again_and_its_denials_are_believed() {
    let mut script = knowing(&[&[0]]);
    script.ask(0, "silent.example", PATIENCE, None);
    script.pass(1300 * MS);
    script.happens(0, Event::NoData);
    script.ask(0, "www.example", PATIENCE, None);
    script.happens(0, Event::Answer(Rcode::NXDOMAIN));
    let expected = [
        "0.0 s: to 0: silent.example.",
        "0.4 s: to 0: again",
        "1.2 s: to 0: silent.example. without EDNS",
        "1.3 s: waiter 0: NOERROR",
        "1.3 s: to 0: www.example.",
        "1.3 s: waiter 1: NXDOMAIN",
    ];
    assert_eq!(shown(&script), expected);
    script.end().unwrap();
}

#[test]
fn silent_upstreams_are_asked_in_turn_then_in_lower_case_then_without_edns_then_over_tcp() {
    let mut script = Script::new(&[&[0, 1]], 9);
    script.ask(0, "www.example", PATIENCE, None);
    script.end().unwrap();
    let expected = [
        "0.0 s: to 0: www.example.",
        "0.4 s: to 1: www.example.",
        "0.8 s: to 0: www.example. in lower case",
        "1.6 s: to 1: www.example. in lower case",
        "2.4 s: to 0: www.example. without EDNS in lower case",
        "3.6 s: to 1: www.example. without EDNS in lower case",
        "4.8 s: to 0: www.example. without EDNS over TCP",
        "5.0 s: waiter 0: Timeout",
    ];
    assert_eq!(shown(&script), expected);
}

#[test]
fn an_icmp_error_or_servfail_moves_on_at_once_and_the_first_good_answer_wins() {
    let mut script = knowing(&[&[0, 1, 2]]);
    script.ask(0, "www.example", PATIENCE, None);
    script.happens(0, Event::Unreachable);
    script.happens(1, Event::Answer(Rcode::SERVFAIL));
    script.happens(1, Event::Answer(Rcode::NOERROR));
    let expected = [
        "0.0 s: to 0: www.example.",
        "0.0 s: to 1: www.example.",
        "0.0 s: to 2: www.example.",
        "0.0 s: waiter 0: NOERROR",
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
