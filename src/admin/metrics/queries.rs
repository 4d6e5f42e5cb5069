//! Queries, answers and the cache.

use super::family::{Family, bounded};
use crate::status::Status;
use crate::status::model::CacheStatus;
use crate::status::queries::{AnswerCount, QueryStatus};

/// The RCODEs of each origin that have a series of their own; any other is `other`.
const RCODES: &[(&str, &[&str])] = &[
    ("zone", &["NOERROR", "NXDOMAIN", "SERVFAIL"]),
    ("rechased", &["NOERROR", "NXDOMAIN", "SERVFAIL"]),
    ("cache", &["NOERROR", "NXDOMAIN", "SERVFAIL", "other"]),
    ("upstream", &["NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED", "other"]),
    ("stale", &["NOERROR", "NXDOMAIN"]),
    ("synthesized", &["NOERROR", "NXDOMAIN"]),
    ("special", &["NOERROR", "NXDOMAIN"]),
    ("refused", &["FORMERR", "NOTIMP", "REFUSED", "other"]),
    ("failed", &["SERVFAIL"]),
];

/// Transports; the last two are there if something listens for one of them.
const TRANSPORTS: [&str; 4] = ["udp", "tcp", "tls", "https"];

/// Families of addresses.
const FAMILIES: [&str; 2] = ["ipv4", "ipv6"];

/// The types that are counted by name.
const TYPES: [&str; 14] =
    ["A", "AAAA", "ANY", "CNAME", "DS", "HTTPS", "MX", "NS", "PTR", "SOA", "SRV", "SVCB", "TXT", "other"];

/// Queries and their answers.
pub(super) fn families(status: &Status) -> Vec<Family> {
    let queries = &status.queries;
    let encrypts = !(status.encryption.dot.is_empty() && status.encryption.doh.is_empty());
    let transports = if encrypts { &TRANSPORTS } else { &TRANSPORTS[..2] };
    let mut all =
        vec![received(queries, transports), responses(queries, transports), response_times(queries), types(queries)];
    all.extend(events(queries));
    all.push(limited(queries));
    all.extend(connections(queries));
    all
}

fn received(queries: &QueryStatus, transports: &'static [&str]) -> Family {
    let zeros = transports.iter().flat_map(|transport| FAMILIES.map(|family| (*transport, family)));
    Family::new(
        "privatelink_dns_queries_total",
        &["proto", "family"],
        "Messages that came in, by transport and by the client's address family.",
    )
    .with_each(zeros, |(transport, family)| ([transport, family], 0_u64))
    .with_each(&queries.received, |received| ([&*received.transport, &*received.family], received.count))
}

fn responses(queries: &QueryStatus, transports: &'static [&str]) -> Family {
    let of_origin = |(origin, rcodes): &'static (&'static str, &'static [&'static str])| {
        rcodes.iter().flat_map(move |rcode| transports.iter().map(|transport| (*transport, *rcode, *origin)))
    };
    let answers = queries.answers.iter().filter_map(|answer| Some((answer, rcode(answer)?)));
    Family::new(
        "privatelink_dns_responses_total",
        &["proto", "rcode", "origin"],
        "Responses by transport, RCODE, and what the answer came from; none for what got no response.",
    )
    .with_each(RCODES.iter().flat_map(of_origin), |(transport, rcode, origin)| ([transport, rcode, origin], 0_u64))
    .with_each(answers, |(answer, (rcode, origin))| ([&*answer.transport, rcode, origin], answer.count))
}

/// The RCODE and origin under which an answer counts; `None` if nothing was sent.
fn rcode(answer: &AnswerCount) -> Option<(&str, &str)> {
    let rcode = answer.rcode.as_deref()?;
    let known = RCODES.iter().find(|(origin, _)| *origin == answer.origin);
    Some(known.map_or(("other", "other"), |(origin, rcodes)| (bounded(rcode, rcodes), *origin)))
}

fn response_times(queries: &QueryStatus) -> Family {
    Family::histogram(
        "privatelink_dns_response_duration_seconds",
        &["origin"],
        "Time from a query to its answer, by what the answer came from.",
    )
    .with_each(&queries.response_times, |class| ([&*class.class], &class.times))
}

fn types(queries: &QueryStatus) -> Family {
    Family::new("privatelink_dns_qtype_total", &["type"], "Queries by type.")
        .with_each(TYPES, |rtype| ([*rtype], 0_u64))
        .with_each(&queries.types, |(rtype, count)| ([bounded(rtype, &TYPES)], **count))
}

/// What can happen to a message besides an answer.
fn events(queries: &QueryStatus) -> [Family; 5] {
    let counter = |name| queries.counter(name);
    [
        Family::single(
            "privatelink_dns_responses_truncated_total",
            counter("truncated"),
            "Responses cut to the size that the client takes over UDP.",
        ),
        Family::single(
            "privatelink_dns_dropped_total",
            counter("dropped"),
            "Messages without a response: responses, messages too short for a header, messages from port 0.",
        ),
        Family::single(
            "privatelink_dns_access_refused_total",
            counter("refused_access"),
            "Queries from clients outside the access list.",
        ),
        Family::single(
            "privatelink_dns_forwarding_loops_total",
            counter("loops"),
            "Own loop probes that came back as queries: an upstream leads to this server.",
        ),
        Family::single(
            "privatelink_dns_waiting_for_upstream",
            queries.waiting,
            "Queries that wait for an upstream now.",
        ),
    ]
}

fn limited(queries: &QueryStatus) -> Family {
    let counter = |name| queries.counter(name);
    let kinds = [
        ("refused", counter("limited_refused")),
        ("negative", counter("limited_negative").saturating_sub(counter("slipped"))),
        ("slipped", counter("slipped")),
        ("forwarded", counter("limited_forwarded")),
        ("share", counter("over_share")),
        ("overloaded", counter("overloaded")),
    ];
    Family::new(
        "privatelink_dns_limited_total",
        &["kind"],
        "What limits kept back: refusals and negative answers unsent, answers slipped as empty with TC, questions not \
         forwarded for the rate or the share of a client network, or because too many wait.",
    )
    .with_each(kinds, |(kind, count)| ([*kind], *count))
}

fn connections(queries: &QueryStatus) -> [Family; 5] {
    let counter = |name| queries.counter(name);
    [
        Family::single("privatelink_dns_tcp_connections", queries.connections, "TCP connections that are open now."),
        Family::single(
            "privatelink_dns_tcp_connections_accepted_total",
            counter("tcp_connections"),
            "TCP connections accepted.",
        ),
        Family::single(
            "privatelink_dns_tcp_connections_rejected_total",
            counter("tcp_rejected"),
            "TCP connections turned away: too many are open, and all of them wait for upstreams.",
        ),
        Family::single(
            "privatelink_dns_tcp_connections_displaced_total",
            counter("tcp_displaced"),
            "TCP connections closed to make room for others.",
        ),
        Family::single(
            "privatelink_dns_tcp_accept_failures_total",
            counter("tcp_accept_failed"),
            "Times that no connection could be accepted, for example because descriptors ran out.",
        ),
    ]
}

/// The cache of forwarded answers.
pub(super) fn cache(cache: &CacheStatus) -> [Family; 6] {
    [
        Family::single("privatelink_dns_cache_entries", cache.entries, "Forwarded answers in the cache."),
        Family::single("privatelink_dns_cache_max_entries", cache.max_entries, "Answers that the cache may hold."),
        Family::single("privatelink_dns_cache_requests_total", cache.requests, "Questions looked for in the cache."),
        Family::single(
            "privatelink_dns_cache_hits_total",
            cache.hits,
            "Questions that the cache answered within the time to live.",
        ),
        Family::single(
            "privatelink_dns_cache_stale_served_total",
            cache.stale,
            "Questions that the cache answered past the time to live because upstreams failed (RFC 8767).",
        ),
        Family::single(
            "privatelink_dns_cache_evictions_total",
            cache.evictions,
            "Answers that made room for others in the cache.",
        ),
    ]
}
