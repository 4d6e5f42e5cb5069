use super::*;
use crate::diag::{Id, Place};
use crate::forward::State;
use crate::status::model::{Readiness, SourceStatus, ZoneStatus};
use crate::status::sync::{HeldStatus, PassStatus};
use crate::status::traffic::Step;

fn well() -> Status {
    let zone = ZoneStatus { zone: "z.example".into(), serial: Some(1), records: 4, ..ZoneStatus::default() };
    let upstream = UpstreamStatus { address: "10.0.0.1:53".into(), ..UpstreamStatus::default() };
    Status {
        at: 10_000,
        readiness: Readiness { ready: true, last_beat: 9_999, ..Readiness::default() },
        zones: vec![zone],
        sources: vec![SourceStatus { name: "we".into(), last_good: Some(9_990), ..SourceStatus::default() }],
        upstreams: vec![upstream],
        ..Status::default()
    }
}

fn found(change: impl FnOnce(&mut Status)) -> (Level, String) {
    let mut status = well();
    change(&mut status);
    let verdict = of(&status);
    (verdict.level, verdict.headline)
}

#[track_caller]
fn is(level: Level, headline: &str, change: impl FnOnce(&mut Status)) {
    let (found, said) = found(change);
    assert!(found == level && said.contains(headline), "{found}: {said}");
}

fn error(text: &str) -> Diagnostic {
    Diagnostic::error(Id::LIST_SYNTAX, Place::source("we"), text)
}

fn pass(change: impl FnOnce(&mut PassStatus)) -> PassStatus {
    let mut pass = PassStatus::default();
    change(&mut pass);
    pass
}

#[test]
fn all_well_is_one_line_with_what_there_is() {
    is(Level::Good, "all well: 1 zone, 4 records, 1 source, 1 upstream", |_| {});
}

#[test]
fn whatever_waits_for_a_person_or_gives_clients_errors_is_an_error() {
    is(Level::Error, "loop is stuck", |status| status.readiness.last_beat = 9_000);
    is(Level::Error, "no good copy of z.example", |status| status.readiness.servfail = vec!["z.example".into()]);
    is(Level::Error, "no list was read yet; until one is, the answer is SERVFAIL for names", |status| {
        (status.no_list_read, status.readiness.servfail) = (true, vec!["privatelink.*.backup".into()]);
    });
    is(Level::Error, "the file of z.example is not good", |status| status.zones[0].degraded = vec![error("x")]);
    is(Level::Error, "has been running for 100 s", |status| status.sync.running_since = Some(9_900));
    is(Level::Error, "changes of z.example are held back: clients get what was there before; they wait", |status| {
        let reasons = vec![Diagnostic::warning(Id::GUARD_SHARE, Place::zone("z.example"), "x"); 2];
        let held = HeldStatus { digest: Some("abc".into()), reasons, ..HeldStatus::default() };
        status.sync.pass = Some(pass(|pass| pass.held = Some(held)));
    });
    is(Level::Error, "lists disagree (1 conflict)", |status| {
        status.sync.pass = Some(pass(|pass| pass.conflicts = vec![error("x")]));
    });
    is(Level::Error, "could not do everything", |status| {
        status.sync.pass = Some(pass(|pass| pass.outcome = PassResult::Failed));
    });
    is(Level::Error, "source 'we' fails, its last good lists stay in use: broken", |status| {
        status.sources[0].errors = vec![error("broken")];
    });
    is(Level::Error, "source 'we' gives nothing", |status| {
        (status.sources[0].errors, status.sources[0].last_good) = (vec![error("broken")], None);
    });
    is(Level::Error, "the newest config is not taken", |status| status.config.problems = vec![error("x")]);
    is(Level::Error, "upstream 10.0.0.1:53 does not answer", |status| status.upstreams[0].state = State::Down);
}

#[test]
fn what_clients_do_not_feel_is_a_warning() {
    is(Level::Warning, "upstream 10.0.0.1:53 leads back", |status| {
        status.upstreams.push(status.upstreams[0].clone());
        status.upstreams[0].state = State::Looping;
    });
    is(Level::Warning, "takes effect", |status| status.config.waits_for_restart = vec![error("it takes effect later")]);
    is(Level::Warning, "7 questions", |status| {
        status.traffic.steps =
            vec![Step { at: 100, misses: 9, ..Step::default() }, Step { at: 9_500, misses: 7, ..Step::default() }];
    });
    is(Level::Warning, "source 'we': x (and 1 more warning)", |status| {
        let warning = Diagnostic::warning(Id::LIST_EMPTY, Place::source("we"), "x");
        let note = Diagnostic::note(Id::NAME_NOT_HOSTED, Place::source("we"), "x");
        status.sync.pass = Some(pass(|pass| pass.warnings = vec![warning.clone(), warning, note]));
    });
}

#[test]
fn a_part_of_a_view_is_named_with_its_view_and_many_of_them_are_one_finding() {
    is(Level::Good, "all well: 1 zone, 12 records, 2 views, 1 source", |status| {
        status.zones = crate::status::views::tests::zones(2);
    });
    is(Level::Error, "the file of spoke-0001/z.example is not good: its last good copy", |status| {
        status.zones = crate::status::views::tests::troubled(2);
    });
    let (_, many) = found(|status| {
        status.zones = crate::status::views::tests::zones(1_000);
        status.zones.iter_mut().for_each(|zone| zone.degraded = vec![error("x")]);
    });
    assert_eq!(
        many,
        "the files of z.example, spoke-0000/z.example, spoke-0001/z.example and 998 more are not good: their last good copies \
         are served"
    );
    is(Level::Error, "source 'we' of view spoke-a gives nothing", |status| {
        status.sources[0].view = "spoke-a".parse().ok();
        (status.sources[0].errors, status.sources[0].last_good) = (vec![error("broken")], None);
    });
}

#[test]
fn the_worst_comes_first_and_the_headline_counts_the_others() {
    is(Level::Error, "our zones go on (and 2 more)", |status| {
        status.upstreams[0].state = State::Down;
        status.readiness.draining = true;
        status.config.waits_for_restart = vec![error("x")];
    });
}
