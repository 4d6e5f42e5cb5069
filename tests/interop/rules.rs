//! Ours, Unbound and BIND have the same forward rules, in the worlds of case files, and are asked the same: cold and
//! warm, from the first question to the last and back.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;

use crate::comparison::{Comparison, Said, are_listed_versions, path, said};
use crate::resolvers::{Resolver, Routes, bind_over, unbound_over};
use crate::support::casefile::{Action, Case, Question, Setup, Step, read};
use crate::support::runner::{filled_in, site, upstreams};
use crate::support::upstream::Upstream;

/// The forward rules in the config of a case; all the rest is for the upstream without a name.
fn routes(case: &Case, upstreams: &BTreeMap<String, Upstream>) -> Vec<(String, Vec<SocketAddr>)> {
    let mut routes = vec![(".".to_owned(), vec![upstreams[""].address()])];
    for setup in &case.setup {
        let Setup::Config(text) = setup else { continue };
        let config: toml::Table = filled_in(text, upstreams).parse().unwrap();
        let rules = config.get("forward").and_then(|forward| forward.get("rules")).and_then(toml::Value::as_array);
        for rule in rules.into_iter().flatten() {
            let addresses = rule["upstreams"].as_array().unwrap().iter().map(|a| a.as_str().unwrap().parse().unwrap());
            routes.push((rule["suffix"].as_str().unwrap().to_owned(), addresses.collect()));
        }
    }
    routes
}

/// The questions of a case, as steps.
fn questions(case: &Case) -> Vec<(&Step, &Question)> {
    let mut questions = Vec::new();
    for step in &case.steps {
        if let Action::Query(question) = &step.action {
            questions.push((step, &**question));
        }
    }
    questions
}

/// A resolver by its name in the tables, and how it is started.
type Peer = (&'static str, fn(&Routes) -> Option<Resolver>);

const PEERS: [Peer; 2] = [("Unbound", unbound_over), ("BIND", bind_over)];

/// Asks everything in this order, and again; `skips` are parts of the questions that a peer is not asked, with its name.
fn ask_all(case: &Case, questions: &[(&Step, &Question)], skips: &[(&str, &str)], to: &mut Comparison) -> String {
    let upstreams = upstreams(case);
    let site = site(case, &upstreams);
    let server = site.start();
    let routes = routes(case, &upstreams);
    let mut wrong = String::new();
    let rounds = ["cold", "warm"];
    let mut ours = Vec::new();
    for round in rounds {
        for (step, question) in questions {
            let reply = question.ask.try_to(server.address());
            let differs = match &reply {
                Err(why) => Some(format!("  {why}\n")),
                Ok(reply) => question.expected.differs(reply, 0),
            };
            if let Some(differs) = differs {
                // Writing to a String cannot fail.
                let _fits = write!(wrong, "{}: {}, {round}: {}\n{differs}", step.line, step.words, step.test);
            }
            ours.push(Said::of(reply));
        }
    }
    for (who, start) in PEERS {
        let Some(peer) = start(&routes) else { continue };
        let twice = questions.iter().chain(questions);
        for ((step, question), ours) in twice.zip(&ours) {
            if !skips.iter().any(|(skipper, part)| *skipper == who && step.words.contains(part)) {
                to.compare(&step.words, ours, who, &said(&question.ask, peer.address));
            }
        }
    }
    server.stop();
    wrong
}

#[test]
fn a_chain_over_the_borders_of_rules_has_each_name_from_whoever_answers_for_it_in_any_order() {
    if !are_listed_versions() {
        return;
    }
    let case = read(&path("tests/cases/rule-borders.case")).unwrap();
    let mut comparison = Comparison::with("Chains over the borders of forward rules: Unbound and BIND");
    let mut order = questions(&case);
    let mut wrong = ask_all(&case, &order, &[], &mut comparison);
    order.reverse();
    wrong += &ask_all(&case, &order, &[], &mut comparison);
    wrong += &comparison.verdict();
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Questions that a resolver is not asked, by a part of them.
///
/// An upstream that is silent to EDNS costs Unbound more than 12 seconds for each question, and BIND 10. Of two upstreams
/// both ask one at random, and Unbound passes on what the wrong one says if it is the first.
const SKIPPED: [(&str, &str); 4] =
    [("Unbound", ".silence.edns."), ("BIND", ".silence.edns."), ("Unbound", ".short."), ("BIND", ".short.")];

#[test]
fn an_upstream_that_is_wrong_in_its_own_way_is_used_all_the_same() {
    if !are_listed_versions() {
        return;
    }
    let case = read(&path("tests/cases/odd-upstreams.case")).unwrap();
    let mut comparison = Comparison::with("Upstreams as they are: Unbound and BIND");
    let mut wrong = ask_all(&case, &questions(&case), &SKIPPED, &mut comparison);
    wrong += &comparison.verdict();
    assert!(wrong.is_empty(), "\n{wrong}");
}
