//! Upstreams that object to AD, and clients that set it.

use super::*;

/// The queries for a name.
fn queries(script: &Script, name: &str) -> Vec<String> {
    shown(script).into_iter().filter(|line| line.contains(&format!("to 0: {name}"))).collect()
}

fn with_ad(mut script: Script) -> Script {
    script.sets_ad = true;
    script
}

#[test]
fn an_rcode_that_is_no_answer_to_ad_is_asked_again_without_it_and_two_of_them_are_remembered() {
    for rcode in [1, 2, 4, 5, 9, 15].map(Rcode) {
        for by_tcp in [false, true] {
            let mut script = with_ad(knowing(&[&[0]]));
            for name in ["one.example", "two.example"] {
                script.ask(0, name, PATIENCE, None);
                if by_tcp {
                    script.happens(0, Event::Truncated);
                }
                script.happens(0, Event::Answer(rcode));
                script.tcp_happens(0, Ok(rcode));
                script.happens(0, Event::Answer(Rcode::NOERROR));
                script.tcp_happens(0, Ok(Rcode::NOERROR));
            }
            script.ask(0, "three.example", PATIENCE, None);
            let lines = shown(&script);
            assert!(lines.contains(&"0.0 s: waiter 0: NOERROR".to_owned()), "{rcode} {by_tcp}: {lines:?}");
            assert_eq!(queries(&script, "three"), ["0.0 s: to 0: three.example."], "{rcode} {by_tcp}");
            script.end().unwrap();
        }
    }
}

#[test]
fn an_rcode_that_stands_without_ad_is_given_and_an_answer_with_ad_is_proof() {
    let mut script = with_ad(knowing(&[&[0]]));
    script.ask(0, "broken.example", PATIENCE, None);
    script.happens(0, Event::Answer(Rcode::SERVFAIL));
    script.happens(0, Event::Answer(Rcode::SERVFAIL));
    script.ask(0, "good.example", PATIENCE, None);
    script.happens(0, Event::Answer(Rcode::NXDOMAIN));
    script.ask(0, "broken.example", PATIENCE, None);
    script.happens(0, Event::Answer(Rcode::SERVFAIL));
    let expected = [
        "0.0 s: to 0: broken.example. with AD",
        "0.0 s: to 0: broken.example.",
        "0.0 s: waiter 0: SERVFAIL",
        "0.0 s: to 0: good.example. with AD",
        "0.0 s: waiter 1: NXDOMAIN",
        "0.0 s: to 0: broken.example. with AD",
        "0.0 s: waiter 2: SERVFAIL",
    ];
    assert_eq!(shown(&script), expected);
    script.end().unwrap();
}

#[test]
fn after_silence_to_ad_the_first_repetition_goes_without_it_and_three_of_them_are_remembered() {
    for mut script in [with_ad(knowing(&[&[0]])), with_ad(Script::new(&[&[0]], 9))] {
        for name in ["one.example", "two.example", "three.example"] {
            script.ask(0, name, PATIENCE, None);
            script.pass(500 * MS);
            let repetition = queries(&script, name).pop().unwrap();
            assert!(!repetition.contains("AD") && !repetition.contains("EDNS"), "{repetition}");
            script.happens(1, Event::Answer(Rcode::NOERROR));
        }
        script.ask(0, "later.example", PATIENCE, None);
        assert!(queries(&script, "later")[0].ends_with("to 0: later.example."), "{:?}", shown(&script));
        script.end().unwrap();
    }
}

#[test]
fn an_upstream_that_keeps_case_and_takes_edns_is_not_found_without_them_because_it_minds_ad() {
    for objection in [Event::Answer(Rcode::FORMERR), Event::Answer(Rcode::NOTIMP), Event::Bare(Rcode::FORMERR)] {
        let mut script = with_ad(Script::new(&[&[0]], 9));
        for name in ["one.example", "two.example", "three.example"] {
            script.ask(0, name, PATIENCE, None);
            // An earlier query may still be watched.
            for event in [objection, Event::Answer(Rcode::NOERROR)] {
                let last = script.sent.queries.len().saturating_sub(1);
                script.happens(last, event);
            }
        }
        let usual = script.exchanges.upstreams[0].forms.usual(script.now);
        assert_eq!(usual, QueryForm { ad: false, ..QueryForm::FULL }, "{objection:?}");
        script.end().unwrap();
    }
}
