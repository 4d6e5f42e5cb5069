//! How long a token is kept.

use super::*;
use crate::sync::live::tests::with_header;

const HOUR: u64 = 3600;

/// A VM whose tokens are numbered and live so long, and fail while `fails` says so.
fn vm(life: u64, fails: impl Fn(u64) -> bool + Send + 'static) -> Script {
    let world = Script::default();
    let mut number = 0;
    world.serve(move |sent: &Sent| {
        if fails(sent.at.as_secs()) {
            return Some(Ok(reply(400, "{}")));
        }
        number += 1;
        Some(Ok(token(&format!("t{number}"), life)))
    });
    world
}

fn at(world: &Script, second: u64) {
    world.pass(Duration::from_secs(second).checked_sub(world.elapsed()).unwrap());
}

#[test]
fn a_token_is_used_until_five_minutes_before_its_end() {
    let (world, mut tokens) = (vm(HOUR, |_| false), managed());
    for (second, expected) in [(0, "t1"), (3299, "t1"), (3300, "t2"), (3300 + 3299, "t2"), (3300 + 3300, "t3")] {
        at(&world, second);
        assert_eq!(text(tokens.get(&world)), expected, "{second}");
    }
    assert_eq!(world.sent().len(), 3);
}

#[test]
fn a_token_that_lives_two_hours_or_more_is_renewed_from_half_of_its_life_on() {
    let (world, mut tokens) = (vm(2 * HOUR, |_| false), managed());
    for (second, expected) in [(0, "t1"), (3599, "t1"), (3600, "t2")] {
        at(&world, second);
        assert_eq!(text(tokens.get(&world)), expected, "{second}");
    }
    let (world, mut tokens) = (vm(2 * HOUR - 1, |_| false), managed());
    for (second, expected) in [(0, "t1"), (3600, "t1"), (6898, "t1"), (6899, "t2")] {
        at(&world, second);
        assert_eq!(text(tokens.get(&world)), expected, "{second}");
    }
}

#[test]
fn the_old_token_stays_while_no_new_one_comes_and_the_place_is_not_asked_at_each_call() {
    let (world, mut tokens) = (vm(24 * HOUR, |second| (1..24 * HOUR).contains(&second)), managed());
    assert_eq!(text(tokens.get(&world)), "t1");
    for second in (12 * HOUR..24 * HOUR).step_by(5) {
        at(&world, second);
        assert_eq!(text(tokens.get(&world)), "t1");
    }
    assert!(tokens.trouble().is_some_and(|error| error.text.contains("status 400")));
    let asked = world.sent().len();
    assert!((12 * 12..12 * 60).contains(&asked), "every five minutes in the end: {asked}");
    assert!(world.waits().is_empty(), "nobody waits while there is a good token");
    at(&world, 24 * HOUR);
    assert_eq!(text(tokens.get(&world)), "t2", "and a new one is taken as soon as it comes");
    assert_eq!(tokens.trouble(), None);
}

#[test]
fn a_token_that_is_over_is_never_given() {
    let (world, mut tokens) = (vm(HOUR, |second| second > 0), managed());
    assert_eq!(text(tokens.get(&world)), "t1");
    at(&world, HOUR - 1);
    assert_eq!(text(tokens.get(&world)), "t1");
    at(&world, HOUR);
    assert!(tokens.get(&world).is_err());
}

#[test]
fn a_short_token_is_not_asked_for_at_each_call() {
    let (world, mut tokens) = (vm(200, |_| false), managed());
    for second in 0..100 {
        at(&world, second);
        tokens.get(&world).unwrap();
    }
    assert_eq!(world.sent().len(), 1);
}

#[test]
fn a_place_that_hands_out_an_older_token_does_not_take_the_better_one_away() {
    let world = Script::default();
    world.answer("169.254", Ok(token("long", 24 * HOUR))).serve(|_| Some(Ok(token("short", 60))));
    let mut tokens = managed();
    tokens.get(&world).unwrap();
    at(&world, 13 * HOUR);
    assert_eq!(text(tokens.get(&world)), "long");
    assert_eq!(text(tokens.get(&world)), "long");
    assert_eq!(world.sent().len(), 2);
}

#[test]
fn a_rejected_token_is_replaced_once_past_the_hosts_own_cache() {
    let (world, mut tokens) = (vm(HOUR, |_| false), managed());
    assert_eq!(text(tokens.get(&world)), "t1");
    tokens.reject();
    assert_eq!(text(tokens.get(&world)), "t2");
    assert_eq!(world.sent()[1].field("bypass_cache").as_deref(), Some("true"));
    tokens.reject();
    assert_eq!(
        text(tokens.get(&world)),
        "t2",
        "a fresh one that is not taken either is no reason to ask again at once"
    );
    at(&world, 60);
    assert_eq!(text(tokens.get(&world)), "t2");
    tokens.reject();
    assert_eq!(text(tokens.get(&world)), "t3");
    assert_eq!(world.sent().len(), 3);
}

#[test]
fn a_rejected_token_does_not_come_back_when_no_new_one_comes() {
    let (world, mut tokens) = (vm(HOUR, |second| second == 0), managed());
    assert!(tokens.get(&world).is_err());
    tokens.reject();
    at(&world, 1);
    assert_eq!(text(tokens.get(&world)), "t1", "a rejection of nothing is forgotten");
    tokens.reject();
    world.answer("169.254", Ok(reply(400, "")));
    assert!(tokens.get(&world).is_err());
    assert_eq!((tokens.expires(), tokens.holder()), (None, None));
}

#[test]
fn a_renewal_that_is_throttled_waits_as_long_as_it_is_told() {
    let world = Script::default();
    world.answer("169.254", Ok(token("old", 24 * HOUR)));
    world
        .answer("169.254", Ok(with_header(reply(429, ""), "retry-after", "500")))
        .serve(|_| Some(Ok(token("new", 24 * HOUR))));
    let mut tokens = managed();
    tokens.get(&world).unwrap();
    for (second, expected) in [(0, "old"), (499, "old"), (500, "new")] {
        at(&world, 13 * HOUR + second);
        assert_eq!(text(tokens.get(&world)), expected, "{second}");
    }
}

#[test]
fn the_holder_is_read_from_the_token_and_a_token_that_is_no_jwt_has_none() {
    use base64::Engine as _;
    let claims = |json: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json);
    for (text, holder) in [
        (format!("h.{}.s", claims(r#"{"oid":"o-1","appid":"a-1"}"#)), Some("o-1")),
        (format!("h.{}.s", claims(r#"{"appid":"a-1"}"#)), Some("a-1")),
        (format!("h.{}.s", claims(r#"{"oid":"\u001b[31m","appid":7}"#)), None),
        ("opaque".to_owned(), None),
        ("a.%%%.c".to_owned(), None),
    ] {
        let world = Script::default();
        world.serve(move |_| Some(Ok(token(&text, HOUR))));
        let mut tokens = managed();
        tokens.get(&world).unwrap();
        assert_eq!(tokens.holder().as_deref(), holder);
    }
}
