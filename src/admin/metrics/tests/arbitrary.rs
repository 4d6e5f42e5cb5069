//! Any status.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::samples;
use crate::forward::State;
use crate::status::Status;
use crate::status::model::{Counts, Histogram, ProcessStatus, SourceStatus, ZoneStatus};
use crate::status::queries::{AnswerCount, Received, ResponseTimes};
use crate::status::upstreams::UpstreamStatus;
use crate::sync::live::report::{LiveReport, ScopeReport};

/// Texts with all that the forms have a use for.
pub(super) fn text() -> impl Strategy<Value = String> + Clone {
    prop_oneof!["[a-c\"\\\\\n\r{},=# ]{0,8}", ".{0,12}", Just("zone".to_owned()), Just("other".to_owned())]
}

fn histogram() -> impl Strategy<Value = Histogram> {
    let bounds = vec(prop_oneof![any::<f64>(), 0.0..9.0], 0..5);
    let counts = vec(prop_oneof![any::<u64>(), 0..9_u64], 0..7);
    (bounds, counts, any::<f64>()).prop_map(|(bounds_s, counts, sum)| Histogram {
        bounds_s,
        counts,
        sum_s: if sum < 0.0 { 0.0 } else { sum },
    })
}

fn counts() -> impl Strategy<Value = Counts> {
    btree_map(text(), any::<u64>(), 0..4)
}

fn upstream() -> impl Strategy<Value = UpstreamStatus> {
    (text(), any::<bool>(), counts(), counts(), histogram()).prop_map(
        |(address, is_up, failures, counts, round_trips)| {
            let state = if is_up { State::Up } else { State::Looping };
            UpstreamStatus { address, state, failures, round_trips, counts, ..UpstreamStatus::default() }
        },
    )
}

fn answer() -> impl Strategy<Value = AnswerCount> {
    (text(), prop::option::of(text()), text(), any::<u64>()).prop_map(|(transport, rcode, origin, count)| AnswerCount {
        transport,
        rcode,
        origin,
        count,
        ..AnswerCount::default()
    })
}

fn live() -> impl Strategy<Value = LiveReport> {
    (text(), any::<Option<u64>>(), vec(any::<Option<u64>>(), 0..3), counts()).prop_map(
        |(source, token_expires, scopes, remaining)| {
            let scope =
                |last_complete: &Option<u64>| ScopeReport { last_complete: *last_complete, ..Default::default() };
            let scopes = scopes.iter().map(scope).collect();
            let mut report = LiveReport { source, token_expires, scopes, ..LiveReport::default() };
            report.last.remaining = remaining;
            report
        },
    )
}

/// Any status.
pub(super) fn status() -> impl Strategy<Value = Status> {
    let zone = (text(), any::<Option<u32>>(), any::<u64>()).prop_map(|(zone, serial, misses)| ZoneStatus {
        zone,
        serial,
        misses,
        ..ZoneStatus::default()
    });
    let source = (text(), any::<Option<u64>>(), any::<usize>()).prop_map(|(name, last_good, entries)| SourceStatus {
        name,
        last_good,
        entries,
        ..SourceStatus::default()
    });
    let received =
        (text(), text(), any::<u64>()).prop_map(|(transport, family, count)| Received { transport, family, count });
    let times = (text(), histogram()).prop_map(|(class, times)| ResponseTimes { class, times });
    let served = (vec(received, 0..4), vec(answer(), 0..6), vec(times, 0..3), counts(), counts());
    let lists = (vec(zone, 0..4), vec(source, 0..4), vec(live(), 0..3), vec(upstream(), 0..4));
    let process = (any::<bool>(), any::<f64>(), any::<u64>());
    (text(), any::<u64>(), served, lists, process).prop_map(|(version, at, served, lists, process)| {
        let mut status = samples::full();
        (status.server.version, status.at) = (version, at);
        let queries = &mut status.queries;
        (queries.received, queries.answers, queries.response_times, queries.types, queries.counters) = served;
        (status.zones, status.sources, status.live, status.upstreams) = lists;
        let (is_known, cpu_s, open_fds) = process;
        status.server.process =
            is_known.then_some(ProcessStatus { cpu_s: cpu_s.abs(), open_fds, ..ProcessStatus::default() });
        status
    })
}
