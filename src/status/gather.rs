//! The parts of the status that the server and the forwarder have, in the words of the model.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Instant, SystemTime};

use super::model::{CacheStatus, Recent, RecentEntry, ZoneStatus};
use super::queries::QueryStatus;
use super::upstreams::{GroupStatus, UpstreamStatus};
use crate::diag::Diagnostic;
use crate::forward::State;
use crate::forward::resolver::{Resolver, Route};
use crate::server::Shared;
use crate::sync::state::changes::ChangeCounts;
use crate::zone::store::Store;
use crate::zone::{Hosted, OnMiss, Zone, ZoneSet};

/// Zones that differ from their files, by apex without the final dot, with the reasons.
pub(crate) type Degraded = BTreeMap<String, Vec<Diagnostic>>;

/// The degraded zones of a store.
pub(crate) fn degraded(store: &Store) -> Degraded {
    store.degraded().map(|(apex, problems)| (apex.without_dot(), problems.to_vec())).collect()
}

/// Questions for names that nobody but a list of ours could have: those of zones that do not forward what they lack.
pub(super) fn own_misses(zones: &ZoneSet) -> u64 {
    let own = zones.iter().filter(|hosted| hosted.on_miss == OnMiss::NxDomain);
    own.map(|hosted| hosted.misses.load(Relaxed)).sum()
}

/// Every hosted zone.
pub(super) fn zones(zones: &ZoneSet, degraded: &Degraded, changed: &BTreeMap<String, ChangeCounts>) -> Vec<ZoneStatus> {
    zones.iter().map(|hosted| zone(hosted, degraded, changed)).collect()
}

fn zone(hosted: &Hosted, degraded: &Degraded, changed: &BTreeMap<String, ChangeCounts>) -> ZoneStatus {
    let zone = hosted.zone.as_deref();
    let name = hosted.apex.without_dot();
    ZoneStatus {
        serial: zone.map(|zone| zone.serial().0),
        records: zone.map_or(0, Zone::record_count),
        managed: zone.is_some_and(Zone::is_managed),
        on_miss: match hosted.on_miss {
            OnMiss::Forward => "forward".to_owned(),
            OnMiss::NxDomain => "nxdomain".to_owned(),
        },
        misses: hosted.misses.load(Relaxed),
        degraded: degraded.get(&name).cloned().unwrap_or_default(),
        changed: changed.get(&name).copied().unwrap_or_default(),
        zone: name,
    }
}

/// Queries and answers since the start.
pub(super) fn queries(shared: &Shared) -> QueryStatus {
    QueryStatus {
        counters: shared.counters.all().into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
        waiting: shared.waiting(),
        connections: shared.connections(),
        ..QueryStatus::default()
    }
}

/// The cache of forwarded answers.
pub(super) fn cache(resolver: &Resolver, _queries: &QueryStatus) -> CacheStatus {
    let cache = resolver.cache();
    CacheStatus { entries: cache.len(), max_entries: cache.settings().max_entries, ..CacheStatus::default() }
}

/// Every upstream in use.
pub(crate) fn upstreams(resolver: &Resolver) -> Vec<UpstreamStatus> {
    let shown = |upstream: crate::forward::UpstreamStatus| UpstreamStatus {
        address: upstream.address.to_string(),
        state: match upstream.state {
            State::Up => "up".to_owned(),
            State::Down => "down".to_owned(),
            State::Looping => "looping".to_owned(),
        },
        round_trip_ms: upstream.round_trip.map(|time| (time.as_secs_f64() * 1e5).round() / 100.0),
        in_flight: upstream.in_flight,
        without_edns: upstream.without_edns,
        without_case: upstream.without_case,
        counts: upstream.counts.named().map(|(name, count)| (name.to_owned(), count)).collect(),
        ..UpstreamStatus::default()
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
        kind: entry.kind.word().to_owned(),
        name: entry.name,
        rtype: entry.rtype,
        network: entry.network,
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
