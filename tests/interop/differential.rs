//! Ours, Unbound and BIND forward to one upstream and are asked the same.

use std::fmt::Write;

use crate::comparison::{Comparison, are_listed_versions, path, said};
use crate::resolvers::{bind, unbound};
use crate::support::casefile::{Action, read};
use crate::support::site::Site;
use crate::support::upstream::Upstream;

#[test]
fn every_difference_to_unbound_and_bind_is_listed_with_its_reason() {
    if !are_listed_versions() {
        return;
    }
    let case = read(&path("tests/interop/questions.case")).unwrap();
    let upstream = Upstream::of(case.upstreams[""].clone());
    let (Some(unbound), Some(bind)) = (unbound(upstream.address()), bind(upstream.address())) else { return };
    let site = Site::new().with_upstream(&upstream);
    let server = site.start();
    let (mut comparison, mut wrong) = (Comparison::with("As a forwarder: Unbound and BIND"), String::new());
    for step in &case.steps {
        let Action::Query(question) = &step.action else { continue };
        let ours = said(&question.ask, server.address());
        let again = said(&question.ask, server.address());
        if again != ours {
            // Writing to a String cannot fail.
            let _fits = write!(wrong, "the second time: {}\n{}{}", step.words, ours.show("first"), again.show("then"));
        }
        for (who, other) in [("Unbound", &unbound), ("BIND", &bind)] {
            comparison.compare(&step.words, &ours, who, &said(&question.ask, other.address));
        }
    }
    server.stop();
    wrong += &comparison.verdict();
    assert!(wrong.is_empty(), "\n{wrong}");
}
