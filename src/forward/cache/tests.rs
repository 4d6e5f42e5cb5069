//! The cache on a clock of its own.

use super::*;
use crate::dns::{Record, Serial};

fn key(name: &str) -> Key {
    let question = Question {
        name: name.parse().unwrap(),
        rtype: Rtype::A,
        dnssec_ok: false,
        checking_disabled: false,
        authentic_data: false,
    };
    Key { route: RouteId(1), question }
}

fn address(ttl: u32) -> Reply {
    let record = Record { owner: "a.example".parse().unwrap(), rtype: Rtype::A, ttl, rdata: [192, 0, 2, 1].into() };
    Reply { answer: vec![record], ..Reply::new(Rcode::NOERROR) }
}

fn negative(rcode: Rcode, ttl: u32, minimum: u32) -> Reply {
    let numbers = rdata::SoaNumbers { serial: Serial(1), refresh: 1, retry: 1, expire: 1, minimum };
    let rdata = rdata::soa(&Name::root(), &Name::root(), &numbers);
    let soa = Record { owner: "example".parse().unwrap(), rtype: Rtype::SOA, ttl, rdata: rdata.into() };
    Reply { rcode, answer: Vec::new(), authority: vec![soa], ..address(0) }
}

fn fresh_ttl(cache: &Cache, name: &str, now: Instant) -> Option<u32> {
    match cache.get(&key(name), usize::MAX, now) {
        Hit::Fresh { reply, .. } => reply.answer.iter().chain(&reply.authority).map(|record| record.ttl).next(),
        _ => None,
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn ttls_age_and_entries_end() {
    let (cache, start) = (Cache::new(Settings::default()), Instant::now());
    cache.put(key("a.example"), &address(60), start);
    assert_eq!(fresh_ttl(&cache, "a.example", start + 20 * SECOND), Some(40));
    assert_eq!(fresh_ttl(&cache, "a.example", start + 60 * SECOND), None);
}

#[test]
fn ttls_are_clamped_on_both_sides() {
    let settings = Settings { min_ttl: 5 * SECOND, max_ttl: 100 * SECOND, ..Settings::default() };
    let (cache, now) = (Cache::new(settings), Instant::now());
    cache.put(key("low.example"), &address(0), now);
    cache.put(key("high.example"), &address(86_400), now);
    assert_eq!(fresh_ttl(&cache, "low.example", now), Some(5));
    assert_eq!(fresh_ttl(&cache, "high.example", now), Some(100));
}

#[test]
fn a_ttl_of_zero_is_not_kept() {
    let (cache, now) = (Cache::new(Settings::default()), Instant::now());
    cache.put(key("a.example"), &address(0), now);
    assert!(cache.is_empty());
}

#[test]
fn rfc2308_5_negative_answers_live_as_long_as_the_soa_says() {
    let (cache, now) = (Cache::new(Settings::default()), Instant::now());
    cache.put(key("a.example"), &negative(Rcode::NXDOMAIN, 3600, 30), now);
    assert_eq!(fresh_ttl(&cache, "a.example", now + 29 * SECOND), Some(1));
    assert_eq!(fresh_ttl(&cache, "a.example", now + 30 * SECOND), None);
    cache.put(key("long.example"), &negative(Rcode::NXDOMAIN, 86_400, 86_400), now);
    assert_eq!(fresh_ttl(&cache, "long.example", now), Some(900));
}

#[test]
fn rfc8767_4_a_stale_answer_is_offered_with_a_ttl_of_30_for_its_time_only() {
    let (cache, start) = (Cache::new(Settings::default()), Instant::now());
    cache.put(key("a.example"), &address(60), start);
    let Hit::Miss(Some(reply)) = cache.get(&key("a.example"), usize::MAX, start + 61 * SECOND) else {
        panic!("no stale answer")
    };
    assert_eq!(reply.answer[0].ttl, STALE_TTL);
    assert_eq!(cache.get(&key("a.example"), usize::MAX, start + 3661 * SECOND), Hit::Miss(None));
}

#[test]
fn rfc8767_4_no_other_rcode_is_data_and_a_newer_answer_replaces_it_whatever_its_ttl() {
    let (cache, start) = (Cache::new(Settings::default()), Instant::now());
    cache.put(key("a.example"), &Reply { rcode: Rcode::SERVFAIL, answer: Vec::new(), ..address(0) }, start);
    assert!(matches!(cache.get(&key("a.example"), usize::MAX, start), Hit::Fresh { .. }));
    assert_eq!(cache.get(&key("a.example"), usize::MAX, start + 3 * SECOND), Hit::Miss(None));
    for newer in [address(0), negative(Rcode::NXDOMAIN, 60, 0)] {
        cache.put(key("b.example"), &address(60), start);
        assert!(cache.has_data(&key("b.example"), start + 61 * SECOND));
        cache.put(key("b.example"), &newer, start + 61 * SECOND);
        assert_eq!(cache.get(&key("b.example"), usize::MAX, start + 62 * SECOND), Hit::Miss(None));
    }
}

#[test]
fn rfc9520_a_failure_is_remembered_briefly_and_keeps_the_stale_answer() {
    let (cache, start) = (Cache::new(Settings::default()), Instant::now());
    cache.put(key("a.example"), &address(60), start);
    cache.put_failure(key("a.example"), Failure::Timeout, start + 61 * SECOND);
    let hit = cache.get(&key("a.example"), usize::MAX, start + 62 * SECOND);
    assert!(matches!(hit, Hit::Failed(Failure::Timeout, Some(_))), "{hit:?}");
    assert!(matches!(cache.get(&key("a.example"), usize::MAX, start + 64 * SECOND), Hit::Miss(Some(_))));
    cache.put_failure(key("new.example"), Failure::Timeout, start);
    assert_eq!(cache.get(&key("new.example"), usize::MAX, start), Hit::Failed(Failure::Timeout, None));
}

#[test]
fn answers_of_one_route_or_flag_never_serve_another() {
    let (cache, now) = (Cache::new(Settings::default()), Instant::now());
    cache.put(key("a.example"), &address(60), now);
    assert_eq!(cache.get(&Key { route: RouteId(2), ..key("a.example") }, usize::MAX, now), Hit::Miss(None));
    let mut dnssec = key("a.example");
    dnssec.question.dnssec_ok = true;
    assert_eq!(cache.get(&dnssec, usize::MAX, now), Hit::Miss(None));
    let mut unchecked = key("a.example");
    unchecked.question.checking_disabled = true;
    assert_eq!(cache.get(&unchecked, usize::MAX, now), Hit::Miss(None));
    let mut authentic = key("a.example");
    authentic.question.authentic_data = true;
    assert_eq!(cache.get(&authentic, usize::MAX, now), Hit::Miss(None));
}

#[test]
fn popular_answers_near_their_end_are_worth_a_prefetch() {
    let (cache, start) = (Cache::new(Settings::default()), Instant::now());
    cache.put(key("a.example"), &address(100), start);
    let prefetch = |at: u32| {
        matches!(cache.get(&key("a.example"), usize::MAX, start + at * SECOND), Hit::Fresh { prefetch: true, .. })
    };
    assert_eq!([prefetch(1), prefetch(50), prefetch(95)], [false, false, true]);
}

#[test]
fn of_a_thousand_hits_one_is_told_to_ask_again_and_after_a_failure_one_more() {
    let (cache, start) = (Cache::new(Settings::default()), Instant::now());
    cache.put(key("a.example"), &address(100), start);
    let told = |at: u32| {
        let hit = || cache.get(&key("a.example"), usize::MAX, start + at * SECOND);
        (0..1000).filter(|_| matches!(hit(), Hit::Fresh { prefetch: true, .. })).count()
    };
    assert_eq!((told(1), told(95)), (0, 1));
    cache.put_failure(key("a.example"), Failure::Timeout, start + 96 * SECOND);
    assert_eq!((told(97), told(98)), (0, 1), "not while the failure is remembered");
}

#[test]
fn the_number_of_entries_and_of_octets_is_bounded() {
    let now = Instant::now();
    let few = Cache::new(Settings { max_entries: 100, ..Settings::default() });
    let small = Cache::new(Settings { max_bytes: 100_000, ..Settings::default() });
    for n in 0..10_000 {
        few.put(key(&format!("n{n}.example")), &address(60), now);
        small.put(key(&format!("n{n}.example")), &address(60), now);
    }
    assert!(few.len() <= 110, "{}", few.len());
    assert!(small.len() <= 400, "{}", small.len());
}

#[test]
fn lookups_stale_answers_and_evictions_are_counted_and_a_replaced_entry_is_no_eviction() {
    let (cache, now) = (Cache::new(Settings { max_entries: 100, ..Settings::default() }), Instant::now());
    for _ in 0..3 {
        cache.put(key("a.example"), &address(60), now);
    }
    cache.get(&key("a.example"), usize::MAX, now);
    cache.get(&key("b.example"), usize::MAX, now);
    cache.put_failure(key("b.example"), Failure::Timeout, now);
    cache.get(&key("b.example"), usize::MAX, now);
    cache.served_stale();
    cache.flush(&Name::root(), true);
    assert_eq!(cache.counts(), CacheCounts { requests: 3, hits: 2, stale: 1, evictions: 0 });
    for n in 0..1000 {
        cache.put(key(&format!("n{n}.example")), &address(60), now);
    }
    assert_eq!(cache.counts().evictions + cache.len() as u64, 1000);
}

#[test]
fn a_name_or_a_subtree_is_flushed() {
    let (cache, now) = (Cache::new(Settings::default()), Instant::now());
    for name in ["example", "a.example", "b.a.example", "other"] {
        cache.put(key(name), &address(60), now);
    }
    assert_eq!(cache.flush(&"a.example".parse().unwrap(), false), 1);
    assert_eq!(cache.flush(&"example".parse().unwrap(), true), 2);
    assert_eq!(cache.len(), 1);
}

/// The number of these names that are fresh, without a hit.
fn left(cache: &Cache, names: &[String], now: Instant) -> usize {
    names.iter().filter(|name| cache.entries.peek(&key(name)).is_some_and(|entry| now < entry.expires)).count()
}

#[test]
fn a_flood_of_nonexistent_names_leaves_used_answers_alone() {
    let (cache, now) = (Cache::new(Settings { max_entries: 10_000, ..Settings::default() }), Instant::now());
    let useful: Vec<String> = (0..5000).map(|n| format!("n{n}.example")).collect();
    for name in &useful {
        cache.put(key(name), &address(600), now);
        assert!(fresh_ttl(&cache, name, now).is_some() && fresh_ttl(&cache, name, now).is_some());
    }
    for n in 0..200_000 {
        let random = key(&format!("x{n}.victim.example"));
        // Each question is looked up, asked and stored, as in the resolver.
        assert_eq!(cache.get(&random, usize::MAX, now), Hit::Miss(None));
        match n % 2 {
            0 => cache.put(random, &negative(Rcode::NXDOMAIN, 600, 600), now),
            _ => cache.put_failure(random, Failure::Timeout, now),
        }
    }
    let left = left(&cache, &useful, now);
    assert!(left > 4900, "{left} of 5000 left");
    assert!(cache.len() <= 10_000, "{}", cache.len());
}
