//! Every path at each listener.

use super::*;
use crate::status::model::{Readiness, ZoneStatus};

fn status() -> Status {
    Status {
        at: 1000,
        readiness: Readiness { ready: true, answering: true, last_beat: 999, ..Readiness::default() },
        zones: vec![ZoneStatus { zone: "corp.example".to_owned(), serial: Some(7), ..ZoneStatus::default() }],
        ..Status::default()
    }
}

fn ask(listener: Listener, target: &str) -> Answer {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    answer(&Asked { listener, path, query, form: Form::Text }, &status())
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value)
}

#[test]
fn each_path_has_its_kind_and_the_probe_shows_two_of_them_alone() {
    for (path, code, kind, probe) in [
        ("/", 200, "text/html; charset=utf-8", 404),
        ("/metrics", 200, "text/plain; version=0.0.4; charset=utf-8", 404),
        ("/status.json", 200, "application/json", 404),
        ("/health", 200, TEXT, 200),
        ("/ready", 200, TEXT, 200),
        ("/ready?verbose", 200, TEXT, 200),
        ("/metrics/", 404, TEXT, 404),
        ("/READY", 404, TEXT, 404),
        ("//", 404, TEXT, 404),
        ("/../ready", 404, TEXT, 404),
        ("*", 404, TEXT, 404),
        ("", 404, TEXT, 404),
    ] {
        let answered = ask(Listener::Admin, path);
        assert_eq!((answered.code, header(&answered, "content-type")), (code, kind), "{path}");
        assert_eq!(ask(Listener::Probe, path).code, probe, "{path}");
    }
}

#[test]
fn every_answer_has_a_policy_that_loads_nothing() {
    let all = ["/", "/metrics", "/status.json", "/health", "/ready", "/x"].map(|path| ask(Listener::Admin, path));
    let refused = [Refusal::Stranger, Refusal::BadHost, Refusal::OtherHost, Refusal::Method].map(refuse);
    for answered in all.iter().chain(&refused) {
        let policy = header(answered, "content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{answered:?}");
        assert!(!policy.contains("script") && !policy.contains("unsafe"), "{answered:?}");
    }
}

#[test]
fn a_refusal_has_its_code_and_a_stranger_sees_nothing_of_ours() {
    for (refusal, code) in
        [(Refusal::Stranger, 403), (Refusal::BadHost, 400), (Refusal::OtherHost, 421), (Refusal::Method, 405)]
    {
        assert_eq!(refuse(refusal).code, code);
    }
    assert_eq!(refuse(Refusal::Stranger).body, "");
    assert_eq!(header(&refuse(Refusal::Method), "allow"), "GET, HEAD", "RFC 9110 section 15.5.6");
    assert!(refuse(Refusal::OtherHost).body.contains("hosts in [admin]"));
}

#[test]
fn an_unknown_path_is_answered_with_those_that_there_are() {
    let all = "/ /explain /explain.json /metrics /status.json /health /ready";
    assert!(ask(Listener::Admin, "/nowhere").body.contains(all));
    assert!(ask(Listener::Probe, "/metrics").body.ends_with(": /health /ready\n"));
}

#[test]
fn the_metrics_have_the_form_that_is_asked_for() {
    let asked = Asked { listener: Listener::Admin, path: "/metrics", query: None, form: Form::OpenMetrics };
    let answered = answer(&asked, &status());
    assert_eq!(header(&answered, "content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(answered.body.ends_with("# EOF\n"));
    assert_eq!(header(&answered, "vary"), "accept");
}

#[test]
fn the_status_is_the_same_as_on_the_control_socket() {
    let read: Status = serde_json::from_str(&ask(Listener::Admin, "/status.json").body).unwrap();
    assert_eq!(read, status());
}

#[test]
fn the_page_is_loaded_again_unless_the_reader_does_not_want_that() {
    for (query, seconds) in [
        (None, Some(10)),
        (Some(""), Some(10)),
        (Some("refresh"), Some(10)),
        (Some("refresh=60"), Some(60)),
        (Some("a=b&refresh=60"), Some(60)),
        (Some("refresh=off"), None),
        (Some("refresh=0"), None),
        (Some("refresh=-1"), Some(10)),
        (Some("refresh=99999999999"), Some(3600)),
        (Some("refresh=60\">"), Some(10)),
    ] {
        assert_eq!(refresh(query), seconds, "{query:?}");
    }
}
