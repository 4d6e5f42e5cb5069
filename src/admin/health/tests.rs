//! What counts for each check, and what does not.

use super::*;
use crate::diag::{Diagnostic, Id, Place};
use crate::forward::State;
use crate::status::model::{Readiness, SourceStatus, ZoneStatus};
use crate::status::sync::{HeldStatus, PassResult, PassStatus};
use crate::status::upstreams::UpstreamStatus;

fn zone(zone: &str, serial: Option<u32>) -> ZoneStatus {
    ZoneStatus { zone: zone.to_owned(), serial, ..ZoneStatus::default() }
}

fn good() -> Status {
    let mut status = Status {
        at: 1000,
        readiness: Readiness { ready: true, answering: true, last_beat: 1000, ..Readiness::default() },
        zones: vec![zone("a.example", Some(1)), zone("b.example", Some(2))],
        ..Status::default()
    };
    status.sync.pass_deadline_s = 30;
    status
}

fn with(change: impl FnOnce(&mut Status)) -> Status {
    let mut status = good();
    change(&mut status);
    status
}

#[test]
fn all_that_is_good_is_a_word_and_in_full_a_line_for_each_check() {
    assert_eq!(health(&good()).brief(), "ok\n");
    assert_eq!(health(&good()).verbose(), "[+]loop ok\nok\n");
    assert_eq!(ready(&good()).brief(), "ready\n");
    let all = "[+]shutdown ok\n[+]listen ok\n[+]address ok\n[+]zone a.example ok\n[+]zone b.example ok\nready\n";
    assert_eq!(ready(&good()).verbose(), all);
}

#[test]
fn a_loop_that_does_not_turn_is_not_healthy() {
    let turned = |last_beat| with(|status| status.readiness.last_beat = last_beat);
    for (last_beat, is_good) in [(1000, true), (991, true), (990, false), (0, false), (2000, true)] {
        assert_eq!(health(&turned(last_beat)).is_good(), is_good, "{last_beat}");
    }
    assert!(health(&turned(900)).brief().starts_with("the daemon's loop has not turned for 100 s"));
    assert!(health(&turned(900)).verbose().starts_with("[-]loop failed: the daemon's loop"));
}

#[test]
fn a_share_that_hangs_is_said_and_is_no_reason_to_restart() {
    let runs = |since| with(|status| status.sync.running_since = Some(since));
    assert_eq!(health(&runs(940)).brief(), "ok\n", "within the deadline and some time for the disk");
    let long = health(&runs(900));
    assert!(long.is_good());
    assert!(long.brief().starts_with("ok\na pass has been running for 100 s"), "{}", long.brief());
    assert!(long.verbose().contains("[!]a pass has been running for 100 s"));
    assert!(ready(&runs(0)).is_good());
    let late = with(|status| {
        let errors = vec![Diagnostic::error(Id::SOURCE_LATE, Place::source("we"), "no answer within 30s")];
        status.sources = vec![SourceStatus { name: "we".to_owned(), errors, ..SourceStatus::default() }];
    });
    assert!(health(&late).is_good());
    assert!(health(&late).brief().starts_with("ok\nsource 'we' does not answer"), "{}", health(&late).brief());
}

#[test]
fn a_zone_without_a_good_copy_is_named_in_a_line_of_its_own() {
    let status = with(|status| {
        status.zones[1].serial = None;
        status.readiness.ready = false;
        status.readiness.servfail = vec!["b.example".to_owned(), "privatelink.*.backup.windowsazure.com".to_owned()];
    });
    let not_ready = ready(&status);
    assert!(!not_ready.is_good());
    let lines: Vec<String> = not_ready.brief().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("b.example: no good copy"), "{lines:?}");
    assert!(not_ready.verbose().contains("[+]zone a.example ok\n[-]zone b.example failed: "));
}

#[test]
fn a_server_that_starts_or_stops_is_not_ready_and_is_healthy() {
    for (change, word) in [
        (Readiness { draining: true, ..good().readiness }, "draining"),
        (Readiness { answering: false, ..good().readiness }, "starting"),
    ] {
        let status = with(|status| status.readiness = Readiness { ready: false, ..change });
        assert!(!ready(&status).is_good());
        assert!(ready(&status).brief().starts_with(word), "{}", ready(&status).brief());
        assert!(health(&status).is_good());
    }
}

#[test]
fn neither_depends_on_upstreams_held_plans_or_sources() {
    let found = Diagnostic::error(Id::LIST_SYNTAX, Place::source("we"), "broken");
    let held =
        HeldStatus { digest: Some("a".into()), reasons: vec![found.clone()], what_to_do: "x".into(), stale: None };
    let status = with(|status| {
        status.upstreams = vec![UpstreamStatus { state: State::Down, ..UpstreamStatus::default() }];
        status.sources = vec![SourceStatus { errors: vec![found.clone()], ..SourceStatus::default() }];
        let pass = PassStatus { outcome: PassResult::Failed, held: Some(held), ..PassStatus::default() };
        status.sync.pass = Some(pass);
        status.zones[0].degraded = vec![found.clone()];
        status.config.problems = vec![found];
    });
    assert_eq!((health(&status).brief(), ready(&status).brief()), ("ok\n".to_owned(), "ready\n".to_owned()));
}

#[test]
fn the_checks_agree_with_the_readiness_of_the_status() {
    for bits in 0..8_u8 {
        let (draining, answering, servfail) = (bits & 1 > 0, bits & 2 > 0, bits & 4 > 0);
        let status = with(|status| {
            status.readiness.draining = draining;
            status.readiness.answering = answering;
            status.readiness.servfail = if servfail { vec!["a.example".to_owned()] } else { Vec::new() };
        });
        assert_eq!(ready(&status).is_good(), !draining && answering && !servfail, "{bits:b}");
    }
}
