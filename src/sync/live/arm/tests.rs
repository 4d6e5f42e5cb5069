//! Tests of ARM by a script: what is sent, and what is made of the answers.

use super::*;
use crate::sync::live::model::PrivateEndpoint;
use crate::sync::live::tests::{Script, reply, with_header};

const ARM: &str = "https://arm.example";
const PATH: &str = "/subscriptions/1111/resourceGroups/rg/providers/Microsoft.Network/privateEndpoints";

/// Tokens with a number.
#[derive(Default)]
struct Tokens {
    number: u32,
    is_over: bool,
}

impl Bearer for Tokens {
    fn get(&mut self, _: &dyn Outside) -> Result<Secret, TokenError> {
        if self.is_over {
            let text = "there is none".to_owned();
            return Err(TokenError { text, trace: Vec::new(), is_passing: true, retry_after: None });
        }
        Ok(Secret::new(format!("secret-{}", self.number)))
    }

    fn reject(&mut self) {
        self.number += 1;
    }

    fn who(&self) -> String {
        "identity x".to_owned()
    }

    fn kind(&self) -> Option<IdentityKind> {
        None
    }

    fn expires(&self) -> Option<u64> {
        None
    }

    fn trouble(&self) -> Option<&TokenError> {
        None
    }
}

fn ask(subscription: &str) -> Ask<'_> {
    Ask { path: PATH, version: "2023-11-01", right: "Microsoft.Network/privateEndpoints/read", subscription }
}

fn list(script: &Script, tokens: &mut Tokens) -> Result<Vec<String>, ArmError> {
    let mut holds = Holds::new();
    let mut client = Client::new(script, tokens, &mut holds, ARM);
    let all: Vec<PrivateEndpoint> = client.list(&ask("1111"), |_| true)?;
    Ok(all.into_iter().map(|endpoint| endpoint.name).collect())
}

fn page(names: &[&str], next: &str) -> Reply {
    let value: Vec<_> = names.iter().map(|name| serde_json::json!({"name": name})).collect();
    reply(200, serde_json::json!({"value": value, "nextLink": next}).to_string())
}

/// The error of a list whose first answers are these.
fn error(answers: &[Reply]) -> (ArmError, Script) {
    let script = Script::default();
    for answer in answers {
        script.answer("/privateEndpoints", Ok(answer.clone()));
    }
    let error = list(&script, &mut Tokens::default()).unwrap_err();
    (error, script)
}

fn problem(status: u16, code: &str) -> Reply {
    let body =
        serde_json::json!({"error": {"code": code, "message": "It failed at 2026-11-25T12:00:00Z for secret-0. Id 7"}});
    reply(status, body.to_string())
}

#[test]
fn all_pages_are_one_collection_an_empty_one_in_the_middle_too_and_links_are_taken_as_they_are() {
    let script = Script::default();
    let links = ["https://ARM.example:443/a?$skipToken=x%2Fy==", "https://arm.example/b?c"];
    script.answer(PATH, Ok(page(&["one"], links[0])));
    script.answer("/a?", Ok(page(&[], links[1])));
    script.answer("/b?", Ok(page(&["two"], "")));
    assert_eq!(list(&script, &mut Tokens::default()).unwrap(), ["one", "two"]);
    let sent = script.sent();
    let urls: Vec<&str> = sent.iter().map(|sent| sent.url.as_str()).collect();
    assert_eq!(urls, [&format!("{ARM}{PATH}?api-version=2023-11-01"), links[0], links[1]]);
    let ids: HashSet<_> = sent.iter().map(|sent| sent.header("x-ms-client-request-id").unwrap().len()).collect();
    assert_eq!(ids, HashSet::from([36]), "each has an id, a GUID");
    assert!(sent.iter().all(|sent| sent.header("authorization") == Some("Bearer secret-0")));
}

#[test]
fn a_collection_of_which_a_page_fails_is_an_error_and_no_token_goes_elsewhere() {
    for (second, expected) in [
        (reply(200, r#"{"value":null}"#), "no collection"),
        (reply(200, "{\"value\":[{"), "breaks off"),
        (reply(200, "<html>"), "HTML"),
        (page(&[], "https://evil.example/x"), "another server"),
        (page(&[], &format!("{ARM}/again")), "no end"),
        (page(&[], &format!("{ARM}{PATH}?api-version=2023-11-01")), "no end"),
        (reply(301, ""), "a redirect, which is not followed"),
        (problem(404, "ResourceGroupNotFound"), "no such resource group"),
    ] {
        let script = Script::default();
        script.answer(PATH, Ok(page(&["one"], &format!("{ARM}/again"))));
        script.answer("/again", Ok(second));
        let error = list(&script, &mut Tokens::default()).unwrap_err();
        assert!(error.text.contains(expected), "{error}");
        assert!(script.sent().iter().all(|sent| sent.url.starts_with(ARM)) && script.sent().len() == 2);
    }
}

#[test]
fn a_collection_without_an_end_is_left_after_a_thousand_pages() {
    let script = Script::default();
    let mut number = 0;
    script.serve(move |_| {
        number += 1;
        Some(Ok(page(&["x"], &format!("{ARM}/{number}"))))
    });
    let error = list(&script, &mut Tokens::default()).unwrap_err();
    assert!(error.text.contains("1000 pages"), "{error}");
    assert_eq!(script.sent().len(), MAX_PAGES);
}

#[test]
fn a_token_that_is_not_taken_is_replaced_once() {
    let script = Script::default();
    script.answer(PATH, Ok(problem(401, "ExpiredAuthenticationToken"))).answer(PATH, Ok(page(&["one"], "")));
    assert_eq!(list(&script, &mut Tokens::default()).unwrap(), ["one"]);
    assert_eq!(script.sent()[1].header("authorization"), Some("Bearer secret-1"));
    let (error, script) =
        error(&[problem(401, "InvalidAuthenticationTokenTenant"), problem(401, "InvalidAuthenticationTokenTenant")]);
    assert_eq!((error.kind, script.sent().len()), (ArmErrorKind::Unauthorized, 2));
    assert!(error.text.contains("another tenant than identity x"), "{error}");
}

#[test]
fn errors_say_who_may_not_do_what_and_are_the_same_each_time() {
    for (answer, kind, expected) in [
        (
            problem(403, "AuthorizationFailed"),
            ArmErrorKind::Forbidden,
            "403 AuthorizationFailed: identity x may not Microsoft.Network/privateEndpoints/read here: assign it the custom role",
        ),
        (
            problem(404, "SubscriptionNotFound"),
            ArmErrorKind::NotFound,
            "404 SubscriptionNotFound: there is no such subscription",
        ),
        (problem(400, "Bad"), ArmErrorKind::Other, "400 Bad: It failed at ... for (secret)"),
        (reply(400, ""), ArmErrorKind::Other, "400: no answer that is known here"),
        (reply(403, "<html>"), ArmErrorKind::Other, "403 with a page of HTML: look for a proxy"),
        (problem(302, ""), ArmErrorKind::Other, "302: a redirect, which is not followed"),
    ] {
        let answer = with_header(answer, "x-ms-request-id", "id-7 secret-0");
        let (error, script) = error(&[answer]);
        assert!(error.text.starts_with(expected), "{error}");
        assert_eq!((error.kind, script.sent().len()), (kind, 1), "{error}");
        assert_eq!(error.trace, [("request_id", "id-7 (secret)".to_owned())]);
    }
}

#[test]
fn what_fails_in_passing_is_tried_three_times_more_within_the_time_that_a_read_may_lose() {
    let (error, script) = error(&[]);
    assert_eq!(error.text, "nobody is there");
    let waits: Vec<u64> = script.waits().iter().map(Duration::as_secs).filter(|wait| *wait > 0).collect();
    assert_eq!((waits, script.sent().len()), (vec![1, 2, 4], 4));
}

#[test]
fn a_subscription_that_is_to_be_left_alone_is_not_asked_and_others_are() {
    let script = Script::default();
    script.answer(PATH, Ok(with_header(problem(429, "TooManyRequests"), "retry-after", "90")));
    script.answer(PATH, Ok(page(&["two"], "")));
    let (mut tokens, mut holds) = (Tokens::default(), Holds::new());
    let mut client = Client::new(&script, &mut tokens, &mut holds, ARM);
    let mut list = |subscription| client.list::<PrivateEndpoint>(&ask(subscription), |_| true);
    let throttled = |result: Result<Vec<PrivateEndpoint>, ArmError>| result.unwrap_err().kind;
    assert_eq!(throttled(list("AAAA")), ArmErrorKind::Throttled(Duration::from_secs(90)));
    script.pass(Duration::from_secs(30));
    assert_eq!(throttled(list("aaaa")), ArmErrorKind::Throttled(Duration::from_mins(1)));
    assert_eq!(list("bbbb").unwrap().len(), 1);
    assert_eq!(script.sent().len(), 2);
    script.pass(Duration::from_mins(1)).answer(PATH, Ok(page(&[], "")));
    assert!(Client::new(&script, &mut tokens, &mut holds, ARM).list::<PrivateEndpoint>(&ask("aaaa"), |_| true).is_ok());
}

#[test]
fn requests_replies_and_remaining_quotas_are_counted() {
    let script = Script::default();
    script.answer(PATH, Err(CallError::Unreachable("x".to_owned()))).answer(PATH, Ok(reply(500, "")));
    script.answer(PATH, Ok(with_header(page(&[], ""), "x-ms-ratelimit-remaining-subscription-reads", "249")));
    let (mut tokens, mut holds) = (Tokens::default(), Holds::new());
    let mut client = Client::new(&script, &mut tokens, &mut holds, ARM);
    client.list::<PrivateEndpoint>(&ask("1"), |_| true).unwrap();
    let expected = Meter {
        requests: 3,
        replies: BTreeMap::from([(0, 1), (200, 1), (500, 1)]),
        remaining: BTreeMap::from([("subscription-reads".to_owned(), 249)]),
    };
    assert_eq!(client.meter(), &expected);
}

#[test]
fn a_source_that_is_to_end_or_has_no_token_sends_nothing() {
    let script = Script::default();
    script.end();
    assert_eq!(list(&script, &mut Tokens::default()).unwrap_err().kind, ArmErrorKind::Stopped);
    let error = list(&script, &mut Tokens { is_over: true, ..Tokens::default() }).unwrap_err();
    assert_eq!((error.kind, error.text.as_str()), (ArmErrorKind::Unauthorized, "there is none"));
    assert!(script.sent().is_empty());
}

#[test]
fn a_resource_that_is_gone_is_none_and_an_id_that_leads_elsewhere_is_not_asked() {
    let script = Script::default();
    script.answer("/nic", Ok(problem(404, "ResourceNotFound"))).answer("/nic", Ok(reply(200, r#"{"name":"n"}"#)));
    let (mut tokens, mut holds) = (Tokens::default(), Holds::new());
    let mut client = Client::new(&script, &mut tokens, &mut holds, ARM);
    let mut get = |path| client.get::<PrivateEndpoint>(&Ask { path, ..ask("1") });
    assert_eq!(get("/nic"), Ok(None));
    assert_eq!(get("/nic").unwrap().unwrap().name, "n");
    for path in ["", ".evil.example/nic", "@evil.example/nic", ":80/nic"] {
        assert!(get(path).is_err(), "{path}");
    }
    assert!(script.sent().iter().all(|sent| sent.url.starts_with("https://arm.example/nic?")));
}
