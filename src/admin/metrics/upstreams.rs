//! Upstreams.

use super::family::{Family, bounded};
use crate::status::Status;
use crate::status::upstreams::UpstreamStatus;

/// The reasons for failures.
const REASONS: [&str; 6] = ["timeout", "unreachable", "malformed", "spoof", "loop", "tcp"];

/// Every upstream, by its address.
pub(super) fn families(status: &Status) -> Vec<Family> {
    let upstreams = &status.upstreams;
    let absent: usize = status.groups.iter().map(|group| group.absent.len()).sum();
    let gauge = |name, help, value: fn(&UpstreamStatus) -> u64| {
        Family::new(name, &["upstream"], help).with_each(upstreams, |each| ([&*each.address], value(each)))
    };
    vec![
        gauge(
            "privatelink_dns_upstream_up",
            "1 if the upstream answers or has not been asked, 0 if it does not answer or leads back to this server.",
            |upstream| upstream.is_up().into(),
        ),
        Family::histogram(
            "privatelink_dns_upstream_request_duration_seconds",
            &["upstream"],
            "Time from a question to the upstream to the answer that was accepted.",
        )
        .with_each(upstreams, |each| ([&*each.address], &each.round_trips)),
        failures(upstreams),
        gauge(
            "privatelink_dns_upstream_requests_total",
            "Questions sent to the upstream, those sent again included.",
            |upstream| upstream.counter("sent"),
        ),
        gauge("privatelink_dns_upstream_retransmits_total", "Questions sent to the upstream again.", |upstream| {
            upstream.counter("retransmits")
        }),
        gauge("privatelink_dns_upstream_in_flight", "Questions that the upstream has not answered yet.", |upstream| {
            upstream.in_flight
        }),
        Family::single(
            "privatelink_dns_upstreams_absent",
            absent,
            "Entries of the config's upstreams that name no server now.",
        ),
    ]
}

fn failures(upstreams: &[UpstreamStatus]) -> Family {
    let zeros = upstreams.iter().flat_map(|upstream| REASONS.map(|reason| (&*upstream.address, reason)));
    let counted = upstreams.iter().flat_map(|upstream| upstream.failures.iter().map(move |each| (upstream, each)));
    Family::new(
        "privatelink_dns_upstream_failures_total",
        &["upstream", "reason"],
        "Failures of the upstream by reason; spoof is a reply that does not fit its question.",
    )
    .with_each(zeros, |(upstream, reason)| ([upstream, reason], 0_u64))
    .with_each(counted, |(upstream, (reason, count))| ([&*upstream.address, bounded(reason, &REASONS)], **count))
}
