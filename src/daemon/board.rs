//! What the daemon last found, kept where `status` can see it while the loop is busy.
//!
//! In: the outcome of each pass, reading of zones and reading of the config. Out: a [`Status`]. It decides nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use super::control::protocol::{
    CacheStatus, GroupStatus, Held, Outcome, Pass, SourceStatus, Status, UpstreamStatus, ZoneStatus,
};
use crate::config::Config;
use crate::forward::State;
use crate::forward::resolver::Resolver;
use crate::server::Shared;
use crate::sync::pass::{self, Done};
use crate::sync::source;
use crate::zone::store::Store;
use crate::zone::{Hosted, OnMiss};

/// The board.
pub(super) struct Board {
    started: Instant,
    config: String,
    listen: Vec<SocketAddr>,
    facts: Mutex<Facts>,
}

#[derive(Default)]
struct Facts {
    config_problems: Vec<String>,
    /// By apex, without the final dot.
    degraded: BTreeMap<String, Vec<String>>,
    sources: Vec<SourceStatus>,
    pass: Option<Pass>,
    last_good_pass: Option<String>,
    passes: BTreeMap<String, u64>,
}

impl Board {
    pub(super) fn new(config: &Path, listen: Vec<SocketAddr>, started: Instant) -> Self {
        Self { started, config: config.display().to_string(), listen, facts: Mutex::default() }
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What keeps the newest config out of service.
    pub(super) fn config_read(&self, problems: Vec<String>) {
        self.facts().config_problems = problems;
    }

    /// What is wrong with zone files.
    pub(super) fn zones_read(&self, store: &Store) {
        let shown = |problem: &crate::zone::store::Problem| format!("{}: {}", problem.place, problem.text);
        self.facts().degraded = store
            .degraded()
            .map(|(apex, problems)| (apex.without_dot(), problems.iter().map(shown).collect()))
            .collect();
    }

    /// How a pass ended.
    pub(super) fn passed(&self, outcome: &pass::Outcome, config: &Config, now: SystemTime) {
        let at = humantime::format_rfc3339_seconds(now).to_string();
        let pass = record(outcome, config, at.clone());
        let was_read = pass.outcome != Outcome::NoPlan;
        let mut facts = self.facts();
        let before = std::mem::take(&mut facts.sources);
        let sources = config.sync.sources.iter().map(|source| {
            let errors: Vec<String> = pass.errors.iter().filter(|line| is_about(source, line)).cloned().collect();
            let known = before.iter().find(|known| known.name == source.name).and_then(|known| known.last_good.clone());
            let is_good = was_read || errors.is_empty();
            let last_good = if is_good { Some(at.clone()) } else { known };
            SourceStatus { name: source.name.clone(), path: source.path.display().to_string(), last_good, errors }
        });
        facts.sources = sources.collect();
        if matches!(pass.outcome, Outcome::Unchanged | Outcome::Written) {
            facts.last_good_pass = Some(at);
        }
        *facts.passes.entry(pass.outcome.to_string()).or_default() += 1;
        facts.pass = Some(pass);
    }

    /// The last pass.
    pub(super) fn last_pass(&self) -> Option<Pass> {
        self.facts().pass.clone()
    }

    /// All there is to say.
    pub(super) fn status(&self, shared: &Shared) -> Status {
        let snapshot = shared.snapshot.load_full();
        let resolver = &snapshot.resolver;
        let facts = self.facts();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uptime_s: self.started.elapsed().as_secs(),
            config: self.config.clone(),
            config_problems: facts.config_problems.clone(),
            listen: self.listen.iter().map(ToString::to_string).collect(),
            zones: snapshot.zones.iter().map(|hosted| zone(hosted, &facts.degraded)).collect(),
            sources: facts.sources.clone(),
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

/// Whether an error line, `path:line: ...` or `path: ...`, is about a file of this source.
fn is_about(source: &source::Settings, line: &str) -> bool {
    let path = line.split(": ").next().unwrap_or_default();
    let path = path.trim_end_matches(|c: char| c.is_ascii_digit() || c == ':');
    source.path == Path::new(path)
        || glob::Pattern::new(&source.path.to_string_lossy()).is_ok_and(|pattern| pattern.matches(path))
}

fn record(outcome: &pass::Outcome, config: &Config, at: String) -> Pass {
    let mut pass = Pass {
        at,
        outcome: Outcome::Unchanged,
        written: BTreeMap::new(),
        held: None,
        errors: Vec::new(),
        warnings: outcome.warnings.to_string().lines().map(str::to_owned).collect(),
        conflicts: outcome.conflicts.to_string().lines().map(str::to_owned).collect(),
    };
    match &outcome.done {
        Done::Unchanged => {}
        Done::Applied(applied) => {
            pass.outcome = if applied.error.is_some() { Outcome::Failed } else { Outcome::Written };
            pass.written = applied.written.iter().map(|zone| (zone.apex.without_dot(), zone.serial.0)).collect();
            pass.errors = applied.error.iter().map(ToString::to_string).collect();
        }
        Done::Held(plan) => {
            pass.outcome = Outcome::Held;
            let why = plan.reasons().join("\n");
            let what_to_do = plan.way_out(&config.file.display().to_string());
            pass.held = Some(Held { digest: plan.digest.to_string(), why, what_to_do });
        }
        Done::NoPlan(error) => {
            pass.outcome = Outcome::NoPlan;
            pass.errors = error.to_string().lines().map(str::to_owned).collect();
        }
    }
    pass
}

fn zone(hosted: &Hosted, degraded: &BTreeMap<String, Vec<String>>) -> ZoneStatus {
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
    resolver.forwarder().upstreams().into_iter().map(shown).collect()
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
        }
    };
    resolver.routes().iter().map(shown).collect()
}
