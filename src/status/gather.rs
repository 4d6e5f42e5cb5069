//! The parts of the status that the server and the forwarder have, in the words of the model.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant, SystemTime};

use super::model::{
    CacheStatus, Counts, DerivedStatus, Histogram, Recent, RecentEntry, SourceKind, SourceStatus, ZoneStatus,
};
use super::queries::{AnswerCount, QueryStatus, Received, ResponseTimes};
use super::upstreams::{GroupStatus, UpstreamError, UpstreamStatus};
use crate::diag::{self, Diagnostic};
use crate::forward::resolver::{Resolver, Route};
use crate::server::{self, Shared};
use crate::sync::pass::SourceReport;
use crate::sync::source;
use crate::sync::state::changes::ChangeCounts;
use crate::zone::store::Store;
use crate::zone::{Hosted, OnMiss, Zone, ZoneId, ZoneSet};

/// Zones that differ from their files, by [`ZoneId`] as text, with the reasons.
pub(crate) type Degraded = BTreeMap<String, Vec<Diagnostic>>;

/// The degraded zones of a store.
pub(crate) fn degraded(store: &Store) -> Degraded {
    store.degraded().map(|(zone, problems)| (zone.to_string(), problems.to_vec())).collect()
}

/// Questions for names that nobody but a list of ours could have: those of zones that do not forward what they lack.
pub(super) fn own_misses(zones: &ZoneSet) -> u64 {
    let own = zones.parts().filter(|(_, hosted)| hosted.on_miss == OnMiss::NxDomain);
    own.map(|(_, hosted)| hosted.misses.load(Relaxed)).sum()
}

/// Every hosted zone, and the part of it that each view has.
pub(super) fn zones(zones: &ZoneSet, degraded: &Degraded, changed: &BTreeMap<String, ChangeCounts>) -> Vec<ZoneStatus> {
    zones.parts().map(|(id, hosted)| zone(&id, hosted, degraded, changed)).collect()
}

fn zone(id: &ZoneId, hosted: &Hosted, degraded: &Degraded, changed: &BTreeMap<String, ChangeCounts>) -> ZoneStatus {
    let zone = hosted.zone.as_deref();
    let name = id.to_string();
    ZoneStatus {
        serial: zone.map(|zone| zone.serial().0),
        records: zone.map_or(0, Zone::record_count),
        contents: zone.map(Zone::contents),
        managed: zone.is_some_and(Zone::is_managed),
        on_miss: hosted.on_miss,
        misses: hosted.misses.load(Relaxed),
        degraded: degraded.get(&name).cloned().unwrap_or_default(),
        changed: changed.get(&name).copied().unwrap_or_default(),
        zone: id.apex.without_dot(),
        view: id.view.clone(),
    }
}

/// Every zone for secondaries alone.
pub(super) fn derived(zones: &ZoneSet, degraded: &Degraded) -> Vec<DerivedStatus> {
    let status = |hosted: &Hosted| {
        let zone = hosted.apex.without_dot();
        DerivedStatus {
            serial: hosted.zone.as_ref().map(|zone| zone.serial().0),
            records: hosted.zone.as_deref().map_or(0, Zone::record_count),
            degraded: degraded.get(&zone).cloned().unwrap_or_default(),
            zone,
        }
    };
    zones.derived().map(status).collect()
}

/// Queries and answers since the start.
pub(super) fn queries(shared: &Shared) -> QueryStatus {
    let counters = &shared.counters;
    let received = |each: server::MessageCount| Received {
        transport: each.transport.name().to_owned(),
        family: each.family.name().to_owned(),
        count: each.count,
    };
    let answer = |each: server::AnswerCount| AnswerCount {
        transport: each.transport.name().to_owned(),
        reason: each.reason.name().to_owned(),
        response: each.response.name().to_owned(),
        rcode: each.response.rcode().map(str::to_owned),
        origin: each.origin.name().to_owned(),
        count: each.count,
    };
    let times = |(class, times): (server::Class, server::Histogram)| ResponseTimes {
        class: class.name().to_owned(),
        times: histogram(times),
    };
    QueryStatus {
        received: counters.messages().into_iter().map(received).collect(),
        answers: counters.answers().into_iter().map(answer).collect(),
        types: named(counters.qtypes()),
        response_times: counters.response_times().into_iter().map(times).collect(),
        counters: named(counters.all()),
        waiting: shared.waiting(),
        connections: shared.connections(),
    }
}

fn named(counts: impl IntoIterator<Item = (&'static str, u64)>) -> Counts {
    counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

fn histogram(times: server::Histogram) -> Histogram {
    let bounds_s = times.bounds.iter().map(Duration::as_secs_f64).collect();
    Histogram { bounds_s, counts: times.counts, sum_s: times.sum.as_secs_f64() }
}

/// The cache of forwarded answers.
pub(super) fn cache(resolver: &Resolver, queries: &QueryStatus) -> CacheStatus {
    let cache = resolver.cache();
    let counts = cache.counts();
    // Popular answers are kept a second time where the fast path finds them.
    let popular = queries.counter("answer_cache_hits");
    CacheStatus {
        entries: cache.len(),
        max_entries: cache.settings().max_entries,
        requests: counts.requests + popular,
        hits: counts.hits + popular,
        stale: counts.stale,
        evictions: counts.evictions,
    }
}

/// Every upstream in use.
pub(crate) fn upstreams(resolver: &Resolver) -> Vec<UpstreamStatus> {
    let shown = |upstream: crate::forward::UpstreamStatus| UpstreamStatus {
        address: upstream.address.to_string(),
        state: upstream.state,
        since: upstream.since,
        round_trip_ms: upstream.round_trip.map(|time| (time.as_secs_f64() * 1e5).round() / 100.0),
        in_flight: upstream.in_flight,
        without_edns: upstream.without_edns,
        without_case: upstream.without_case,
        without_ad: upstream.without_ad,
        last_error: upstream.last_error.map(|error| UpstreamError {
            at: error.at,
            kind: error.kind.name().to_owned(),
            text: error.text,
        }),
        failures: named(upstream.counts.failures()),
        round_trips: histogram(upstream.round_trips),
        counts: named(upstream.counts.named()),
    };
    resolver.upstreams().status().into_iter().map(shown).collect()
}

/// Every group of upstreams.
pub(super) fn groups(resolver: &Resolver) -> Vec<GroupStatus> {
    let shown = |route: &Arc<Route>| {
        let status = route.group.status();
        GroupStatus {
            suffix: route.suffix.to_string(),
            asked: status.asked,
            shared: status.shared,
            overloaded: status.overloaded,
            timeouts: status.timeouts,
            failures: status.failures,
            waiting: status.waiting,
            absent: status.absent,
        }
    };
    resolver.routes().iter().map(shown).collect()
}

/// Names that clients asked for in vain.
pub(super) fn recent(shared: &Shared, now: SystemTime) -> Recent {
    let recent = shared.observer.recent();
    let shown = |entry: crate::server::RecentEntry| RecentEntry {
        kind: entry.kind,
        name: entry.name,
        rtype: entry.rtype,
        network: entry.network,
        view: entry.view,
        count: entry.count,
        first: entry.first,
        last: entry.last,
    };
    Recent {
        enabled: recent.is_enabled(),
        entries: recent.entries((Instant::now(), now)).into_iter().map(shown).collect(),
        unrecorded: recent.unrecorded(),
    }
}

/// What a pass says of a source of the config that it was made with.
pub(super) fn source(report: &SourceReport, sources: &[source::Settings]) -> SourceStatus {
    match sources.iter().find(|source| source.name == report.name) {
        Some(source) => source_status(source, report),
        None => SourceStatus { name: report.name.clone(), ..SourceStatus::default() },
    }
}

/// What a pass says of a source.
pub(super) fn source_status(source: &source::Settings, report: &SourceReport) -> SourceStatus {
    let kind = match source.kind {
        source::Kind::Files(_) => SourceKind::File,
        source::Kind::Live { .. } => SourceKind::Azure,
    };
    SourceStatus {
        name: source.name.clone(),
        view: source.view.clone(),
        kind,
        path: diag::path(&source.path),
        last_good: report.read_at,
        modified: report.modified_at,
        entries: report.entries,
        errors: report.problems.to_vec(),
    }
}
