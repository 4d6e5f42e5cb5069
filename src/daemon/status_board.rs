//! The latest findings of the daemon, kept where `status` can see them while the loop is busy.
//!
//! Input: the outcome of each pass, of each reading of zones and of the config. Output: a [`Status`]. Nothing is
//! decided here.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use super::control::protocol::{
    CacheStatus, GroupStatus, HeldStatus, PassResult, PassStatus, STATUS_VERSION, SourceStatus, Status, UpstreamStatus,
    ZoneStatus,
};
use crate::config::Config;
use crate::diag::{self, Diagnostic};
use crate::forward::State;
use crate::forward::resolver::Resolver;
use crate::server::Shared;
use crate::sync::live;
use crate::sync::live::report::LiveReport;
use crate::sync::pass;
use crate::sync::source;
use crate::zone::store::Store;
use crate::zone::{Hosted, OnMiss};

/// The board.
pub(super) struct StatusBoard {
    started: Instant,
    config: String,
    listen: Vec<SocketAddr>,
    facts: Mutex<Facts>,
}

#[derive(Default)]
struct Facts {
    config_problems: Vec<Diagnostic>,
    /// The settings that wait for the next start.
    waiting: Vec<Diagnostic>,
    degraded: Degraded,
    sources: Vec<SourceStatus>,
    live: Vec<LiveReport>,
    running_since: Option<SystemTime>,
    pass: Option<PassStatus>,
    last_good_pass: Option<String>,
    passes: BTreeMap<String, u64>,
}

/// Zones that differ from their files, by apex without the final dot, with the reasons.
pub(super) type Degraded = BTreeMap<String, Vec<Diagnostic>>;

/// The degraded zones of a store.
pub(super) fn degraded(store: &Store) -> Degraded {
    store.degraded().map(|(apex, problems)| (apex.without_dot(), problems.to_vec())).collect()
}

impl StatusBoard {
    pub(super) fn new(config: &Path, listen: Vec<SocketAddr>, started: Instant) -> Self {
        // The whole path, so that a client can tell it from another server's.
        let config = config.canonicalize().map_or_else(|_| diag::path(config), |config| diag::path(&config));
        Self { started, config, listen, facts: Mutex::default() }
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The problems that keep the newest config out of service.
    pub(super) fn config_read(&self, problems: Vec<Diagnostic>) {
        self.facts().config_problems = problems;
    }

    /// The newest config is in service, but for what waits for the next start.
    pub(super) fn config_taken(&self, waiting: Vec<Diagnostic>) {
        let mut facts = self.facts();
        facts.config_problems.clear();
        facts.waiting = waiting;
    }

    /// The problems with zone files.
    pub(super) fn zones_read(&self, degraded: Degraded) {
        self.facts().degraded = degraded;
    }

    /// The sources there are, before the first pass.
    pub(super) fn sources(&self, config: &Config) {
        let yet_to_be_read = |source: &source::Settings| SourceStatus {
            name: source.name.clone(),
            path: diag::path(&source.path),
            last_good: None,
            entries: 0,
            errors: Vec::new(),
        };
        self.facts().sources = config.sync.sources.iter().map(yet_to_be_read).collect();
    }

    /// The live sources there are; what is known of those that stay is kept.
    pub(super) fn live_sources(&self, wanted: &[live::settings::Settings]) {
        let mut facts = self.facts();
        let mut before = std::mem::take(&mut facts.live);
        facts.live = wanted.iter().map(|source| taken(&mut before, &source.name)).collect();
    }

    /// The state of a live source, if there still is such a source.
    pub(super) fn live_read(&self, report: &LiveReport) {
        if let Some(shown) = self.facts().live.iter_mut().find(|shown| shown.source == report.source) {
            shown.clone_from(report);
        }
    }

    /// The state of every live source.
    #[cfg(test)]
    pub(super) fn live(&self) -> Vec<LiveReport> {
        self.facts().live.clone()
    }

    /// A pass, or a reading of zones, has begun.
    pub(super) fn task_started(&self, now: SystemTime) {
        self.facts().running_since = Some(now);
    }

    /// The task is over.
    pub(super) fn task_ended(&self) {
        self.facts().running_since = None;
    }

    /// Stores the result of a pass, and gives it as it is shown.
    pub(super) fn store_pass(&self, outcome: &pass::PassOutcome, config: &Config, now: SystemTime) -> PassStatus {
        let at = humantime::format_rfc3339_seconds(now).to_string();
        let pass = pass_status(outcome, config, at.clone());
        let mut facts = self.facts();
        facts.sources = outcome.sources.iter().map(|source| self::source(source, config)).collect();
        if matches!(pass.outcome, PassResult::Unchanged | PassResult::Written) {
            facts.last_good_pass = Some(at);
        }
        *facts.passes.entry(pass.outcome.to_string()).or_default() += 1;
        facts.pass = Some(pass.clone());
        pass
    }

    /// True if something waits for consent.
    pub(super) fn is_held(&self) -> bool {
        self.facts().pass.as_ref().is_some_and(|pass| pass.held.is_some())
    }

    /// The whole status.
    pub(super) fn status(&self, shared: &Shared) -> Status {
        let snapshot = shared.snapshot.load_full();
        let resolver = &snapshot.resolver;
        let facts = self.facts();
        Status {
            form_version: STATUS_VERSION,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uptime_s: self.started.elapsed().as_secs(),
            config: self.config.clone(),
            config_problems: facts.config_problems.clone(),
            waits_for_restart: facts.waiting.clone(),
            listen: self.listen.iter().map(ToString::to_string).collect(),
            servfail: super::ready::not_served(&snapshot.zones),
            no_list_read: snapshot.zones.unread().is_some(),
            zones: snapshot.zones.iter().map(|hosted| zone(hosted, &facts.degraded)).collect(),
            sources: facts.sources.clone(),
            live: facts.live.clone(),
            task_running_s: facts.running_since.map(|since| since.elapsed().unwrap_or_default().as_secs()),
            pass: facts.pass.clone(),
            last_good_pass: facts.last_good_pass.clone(),
            passes: facts.passes.clone(),
            upstreams: upstreams(resolver),
            groups: groups(resolver),
            cache: CacheStatus {
                entries: resolver.cache().len(),
                max_entries: resolver.cache().settings().max_entries,
            },
            pending: shared.waiting(),
            connections: shared.connections(),
            counters: shared.counters.all().into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
        }
    }
}

/// The report of this name, or an empty one.
fn taken(reports: &mut Vec<LiveReport>, name: &str) -> LiveReport {
    let known = reports.iter().position(|report| report.source == name).map(|at| reports.swap_remove(at));
    known.unwrap_or_else(|| LiveReport { version: 1, source: name.to_owned(), ..LiveReport::default() })
}

fn source(report: &pass::SourceReport, config: &Config) -> SourceStatus {
    let path = config.sync.sources.iter().find(|source| source.name == report.name).map(|source| &source.path);
    SourceStatus {
        name: report.name.clone(),
        path: path.map(|path| diag::path(path)).unwrap_or_default(),
        last_good: report.last_good(),
        entries: report.entries,
        errors: report.problems.to_vec(),
    }
}

fn pass_status(outcome: &pass::PassOutcome, config: &Config, at: String) -> PassStatus {
    let held = outcome.held.as_ref().map(|held| HeldStatus {
        digest: held.is_approvable().then(|| held.digest.to_string()),
        reasons: held.reasons(),
        what_to_do: held.way_out(&diag::path(&config.file)),
    });
    let written: BTreeMap<String, u32> =
        outcome.applied.written.iter().map(|zone| (zone.apex.without_dot(), zone.serial.0)).collect();
    let ended = if outcome.has_failed() {
        PassResult::Failed
    } else if held.is_some() {
        PassResult::Held
    } else if !outcome.is_complete() {
        PassResult::Incomplete
    } else if written.is_empty() {
        PassResult::Unchanged
    } else {
        PassResult::Written
    };
    PassStatus {
        at,
        outcome: ended,
        written,
        held,
        errors: outcome.all_errors(),
        warnings: outcome.warnings.to_vec(),
        conflicts: outcome.conflicts.to_vec(),
    }
}

fn zone(hosted: &Hosted, degraded: &Degraded) -> ZoneStatus {
    let zone = hosted.zone.as_deref();
    let name = hosted.apex.without_dot();
    ZoneStatus {
        serial: zone.map(|zone| zone.serial().0),
        records: zone.map_or(0, crate::zone::Zone::record_count),
        managed: zone.is_some_and(crate::zone::Zone::is_managed),
        on_miss: match hosted.on_miss {
            OnMiss::Forward => "forward".to_owned(),
            OnMiss::NxDomain => "nxdomain".to_owned(),
        },
        misses: hosted.misses.load(Ordering::Relaxed),
        degraded: degraded.get(&name).cloned().unwrap_or_default(),
        zone: name,
    }
}

fn upstreams(resolver: &Resolver) -> Vec<UpstreamStatus> {
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
    };
    resolver.upstreams().status().into_iter().map(shown).collect()
}

fn groups(resolver: &Resolver) -> Vec<GroupStatus> {
    let shown = |route: &std::sync::Arc<crate::forward::resolver::Route>| {
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
