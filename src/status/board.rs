//! The latest findings of the daemon, kept where every rendering can see them while the loop is busy.
//!
//! In: the outcome of each pass, of each reading of zones and of the config, each turn of the loop. Out: a [`Status`].
//! Nothing is decided here.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::encryption::EncryptionStatus;
use super::gather::{self, Degraded};
use super::listeners::ListenerCounters;
use super::model::{ConfigStatus, FORM_VERSION, ProcessStatus, Readiness, ServerStatus, SourceStatus, Status};
use super::sync::{FreezeStatus, HeldStatus, PassResult, PassStatus, SyncStatus, WaitingStatus};
use super::traffic::{History, Step};
use super::{peers, verdict};
use crate::diag::{self, Diagnostic};
use crate::server::Shared;
use crate::sync::guard::ApproveCommand;
use crate::sync::ledger::Ledger;
use crate::sync::live;
use crate::sync::live::report::LiveReport;
use crate::sync::pass::{PassOutcome, SourceReport};
use crate::sync::source;
use crate::sync::state::changes::{AppliedChange, ChangeCounts, Changes};
use crate::sync::state::freeze::Freeze;

/// The commit that this was built from; empty if that is not known.
const REVISION: &str = env!("PRIVATELINK_DNS_REVISION");

/// Changes that are shown.
const CHANGES: usize = 50;

/// The board.
pub(crate) struct Board {
    server: ServerStatus,
    config: String,
    process: fn() -> Option<ProcessStatus>,
    facts: Mutex<Facts>,
    listeners: ListenerCounters,
}

#[derive(Default)]
struct Facts {
    config: ConfigStatus,
    encryption: EncryptionStatus,
    degraded: Degraded,
    ledger: Arc<Ledger>,
    settings: Option<Arc<crate::sync::Settings>>,
    sources: Vec<SourceStatus>,
    live: Vec<LiveReport>,
    sync: SyncStatus,
    changes: VecDeque<AppliedChange>,
    changed: BTreeMap<String, ChangeCounts>,
    admin: Vec<SocketAddr>,
    admin_failed: Vec<Diagnostic>,
    absent: Vec<Diagnostic>,
    /// True while no address of `listen` is here.
    unreachable: bool,
    answering: bool,
    last_beat: u64,
    draining: bool,
    history: History,
}

/// Seconds since 1970.
pub(crate) fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl Board {
    /// An empty board of a process that started at this time with this config. Its path is whole: a client tells it
    /// from another server's by that.
    pub(crate) fn new(config: &Path, listen: &[SocketAddr], started: SystemTime) -> Self {
        let config = diag::path(config);
        let started = seconds(started);
        let server = ServerStatus {
            host: diag::printable(&rustix::system::uname().nodename().to_string_lossy()).into_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            revision: REVISION.to_owned(),
            rustc: env!("PRIVATELINK_DNS_RUSTC").to_owned(),
            pid: std::process::id(),
            started,
            listen: listen.iter().map(ToString::to_string).collect(),
            ..ServerStatus::default()
        };
        let read = ConfigStatus { file: config.clone(), taken: started, read: started, ..ConfigStatus::default() };
        let facts = Facts { config: read, last_beat: started, ..Facts::default() };
        let listeners = ListenerCounters::default();
        Self { server, config, process: || None, facts: Mutex::new(facts), listeners }
    }

    /// The config file of the server, as it is shown.
    pub(crate) fn config(&self) -> &str {
        &self.config
    }

    /// With a way to learn what the process uses of the machine.
    pub(crate) fn measured_by(self, process: fn() -> Option<ProcessStatus>) -> Self {
        Self { process, ..self }
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest config was read, and these problems keep it out of service.
    pub(crate) fn config_refused(&self, problems: Vec<Diagnostic>, now: SystemTime) {
        let mut facts = self.facts();
        (facts.config.problems, facts.config.read) = (problems, seconds(now));
    }

    /// The newest config is in service, but for what waits for the next start.
    pub(crate) fn config_taken(&self, waiting: Vec<Diagnostic>, now: SystemTime) {
        let (file, now) = (self.config.clone(), seconds(now));
        self.facts().config =
            ConfigStatus { file, taken: now, read: now, problems: Vec::new(), waits_for_restart: waiting };
    }

    /// The listeners that encrypt, and their certificates.
    pub(crate) fn encryption(&self, status: EncryptionStatus) {
        self.facts().encryption = status;
    }

    /// The problems with zone files.
    pub(crate) fn zones_read(&self, degraded: Degraded) {
        self.facts().degraded = degraded;
    }

    /// The sources there are and the longest time of a pass, as a config has them; what is known of those that stay is
    /// kept.
    pub(crate) fn sync_set(&self, settings: &crate::sync::Settings) {
        let mut facts = self.facts();
        let facts = &mut *facts;
        facts.settings = Some(Arc::new(settings.clone()));
        facts.sync.pass_deadline_s = settings.pass_deadline.as_secs();
        let before = std::mem::take(&mut facts.sources);
        let known = |source: &source::Settings| {
            let yet_to_be_read = gather::source_status(source, &SourceReport::default());
            let same = |known: &&SourceStatus| known.name == source.name && known.path == yet_to_be_read.path;
            before.iter().find(same).cloned().unwrap_or(yet_to_be_read)
        };
        facts.sources = settings.sources.iter().map(known).collect();
        let mut before = std::mem::take(&mut facts.live);
        let wanted: &[live::settings::Settings] = &settings.live;
        facts.live = wanted.iter().map(|source| taken(&mut before, &source.name)).collect();
    }

    /// The state of a live source, if there still is such a source.
    pub(crate) fn live_read(&self, report: &LiveReport) {
        if let Some(shown) = self.facts().live.iter_mut().find(|shown| shown.source == report.source) {
            shown.clone_from(report);
        }
    }

    /// The state of every live source.
    #[cfg(test)]
    pub(crate) fn live(&self) -> Vec<LiveReport> {
        self.facts().live.clone()
    }

    /// The addresses of the admin and the probe listener, and why one of them is not open.
    pub(crate) fn admin_listens(&self, addresses: Vec<SocketAddr>, failed: Vec<Diagnostic>) {
        let mut facts = self.facts();
        (facts.admin, facts.admin_failed) = (addresses, failed);
    }

    /// The addresses of all listeners that this machine does not have.
    pub(crate) fn addresses_absent(&self, absent: Vec<Diagnostic>, unreachable: bool) {
        let mut facts = self.facts();
        (facts.absent, facts.unreachable) = (absent, unreachable);
    }

    /// The requests to the admin and the probe listener.
    pub(crate) fn listeners(&self) -> &ListenerCounters {
        &self.listeners
    }

    /// Queries are answered from now on.
    pub(crate) fn answering(&self) {
        self.facts().answering = true;
    }

    /// The server is about to stop.
    pub(crate) fn draining(&self) {
        self.facts().draining = true;
    }

    /// True once it is.
    pub(crate) fn is_draining(&self) -> bool {
        self.facts().draining
    }

    /// The loop turned. The counters are looked at once in ten seconds.
    pub(crate) fn beat(&self, shared: &Shared, now: SystemTime) {
        let now = seconds(now);
        let is_due = {
            let mut facts = self.facts();
            facts.last_beat = now;
            facts.history.is_due(now)
        };
        if is_due {
            let snapshot = shared.snapshot.load();
            let totals = Step::totals(now, &gather::queries(shared), gather::own_misses(&snapshot.zones));
            self.facts().history.add(totals);
        }
    }

    /// The sync is frozen from now on, or not any more.
    /// True if it was frozen before.
    pub(crate) fn frozen(&self, freeze: Option<&Freeze>) -> bool {
        let status = freeze.map(|freeze| FreezeStatus {
            since: Some(freeze.since).filter(|since| *since > 0),
            by: freeze.by.clone(),
            reason: freeze.reason.clone(),
            problem: freeze.problem.clone(),
            what_to_do: diag::command(&["thaw"], &self.config),
        });
        std::mem::replace(&mut self.facts().sync.frozen, status).is_some()
    }

    /// A pass, or a reading of zones, has begun.
    pub(crate) fn task_started(&self, now: SystemTime) {
        self.facts().sync.running_since = Some(seconds(now));
    }

    /// The task is over.
    pub(crate) fn task_ended(&self) {
        self.facts().sync.running_since = None;
    }

    /// Stores the result of a pass that took this long, and gives it as it is shown. `running`: the server can be asked
    /// to approve.
    pub(crate) fn store_pass(
        &self,
        outcome: &PassOutcome,
        sources: &[source::Settings],
        (now, took): (SystemTime, Duration),
        running: bool,
    ) -> PassStatus {
        let now = seconds(now);
        let pass = self.pass_status(outcome, (now, took), running);
        let mut facts = self.facts();
        let shown = |report| gather::source(report, sources);
        facts.sources = outcome.sources.iter().map(shown).collect();
        facts.changed_by(&outcome.changes);
        facts.ledger = Arc::clone(&outcome.ledger);
        let sync = &mut facts.sync;
        if pass.outcome.is_good() {
            sync.last_good = Some(now);
        }
        sync.held_since = pass.held.as_ref().map(|_| sync.held_since.unwrap_or(now));
        *sync.passes.entry(pass.outcome).or_default() += 1;
        sync.pass = Some(pass.clone());
        pass
    }

    fn pass_status(&self, outcome: &PassOutcome, (at, took): (u64, Duration), running: bool) -> PassStatus {
        let command = ApproveCommand { config: &self.config, running, frozen: outcome.frozen.is_some(), undo: false };
        let held = outcome.held.as_deref().map(|held| HeldStatus::of(held, command));
        let written: BTreeMap<String, u32> =
            outcome.applied.written.iter().map(|zone| (zone.zone.to_string(), zone.serial.0)).collect();
        let ended = if outcome.has_failed() {
            PassResult::Failed
        } else if outcome.is_frozen() {
            PassResult::Frozen
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
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            outcome: ended,
            written,
            held,
            waiting: outcome.frozen.as_ref().map(|frozen| WaitingStatus {
                changes: frozen.waiting.changes,
                zones: frozen.waiting.zones,
                gone: frozen.waiting.gone.clone(),
            }),
            errors: outcome.all_errors(),
            warnings: outcome.warnings.to_vec(),
            conflicts: outcome.conflicts.to_vec(),
        }
    }

    /// Changes of records besides those of a pass.
    pub(crate) fn changed(&self, changes: &Changes) {
        self.facts().changed_by(changes);
    }

    /// What waits for a person's consent or thaw, each with a key that tells it from another.
    pub(crate) fn waits(&self) -> Vec<(String, verdict::Finding)> {
        let facts = self.facts();
        verdict::waits(&facts.sync)
    }

    /// The peers that have lacked what is in service for minutes, by name.
    pub(crate) fn behind(&self, shared: &Shared, now: SystemTime) -> Vec<(String, verdict::Finding)> {
        verdict::behind(&peers::of(&shared.snapshot.load()), seconds(now), &self.server.listen)
    }

    /// What the last pass knows of names that the zones do not show, and the settings of the sync.
    pub(crate) fn of_sync(&self) -> (Arc<Ledger>, Option<Arc<crate::sync::Settings>>) {
        let facts = self.facts();
        (Arc::clone(&facts.ledger), facts.settings.clone())
    }

    /// True if something waits for consent.
    pub(crate) fn is_held(&self) -> bool {
        self.facts().sync.pass.as_ref().is_some_and(|pass| pass.held.is_some())
    }

    /// True if the sync is frozen.
    pub(crate) fn is_frozen(&self) -> bool {
        self.facts().sync.frozen.is_some()
    }

    /// The whole status at this moment.
    pub(crate) fn status(&self, shared: &Shared, now: SystemTime) -> Status {
        let snapshot = shared.snapshot.load_full();
        let resolver = &snapshot.resolver;
        let queries = gather::queries(shared);
        let servfail = snapshot.zones.not_served_anywhere();
        let process = (self.process)();
        let facts = self.facts();
        let status = Status {
            form_version: FORM_VERSION,
            at: seconds(now),
            verdict: verdict::Verdict::default(),
            server: ServerStatus {
                admin: facts.admin.iter().map(ToString::to_string).collect(),
                process,
                admin_failed: facts.admin_failed.clone(),
                absent: facts.absent.clone(),
                admin_counts: self.listeners.all(),
                ..self.server.clone()
            },
            readiness: Readiness {
                ready: servfail.is_empty() && facts.answering && !facts.draining && !facts.unreachable,
                unreachable: facts.unreachable,
                answering: facts.answering,
                draining: facts.draining,
                servfail,
                last_beat: facts.last_beat,
            },
            encryption: facts.encryption.clone(),
            config: facts.config.clone(),
            no_list_read: snapshot.zones.unread().is_some(),
            zones: gather::zones(&snapshot.zones, &facts.degraded, &facts.changed),
            derived: gather::derived(&snapshot.zones, &facts.degraded),
            sources: facts.sources.clone(),
            live: facts.live.clone(),
            sync: facts.sync.clone(),
            changes: facts.changes.iter().cloned().collect(),
            upstreams: gather::upstreams(resolver),
            peers: peers::of(&snapshot),
            groups: gather::groups(resolver),
            cache: gather::cache(resolver, &queries),
            queries,
            traffic: facts.history.traffic(),
            recent: gather::recent(shared, now),
        };
        drop(facts);
        Status { verdict: verdict::of(&status), ..status }
    }
}

impl Facts {
    fn changed_by(&mut self, changes: &Changes) {
        for change in &changes.shown {
            self.changes.push_front(change.clone());
        }
        self.changes.truncate(CHANGES);
        for (zone, counts) in &changes.by_zone {
            self.changed.entry(zone.clone()).or_default().add(*counts);
        }
    }
}

/// The report of this name, or an empty one.
fn taken(reports: &mut Vec<LiveReport>, name: &str) -> LiveReport {
    let known = reports.iter().position(|report| report.source == name).map(|at| reports.swap_remove(at));
    known.unwrap_or_else(|| LiveReport { version: 1, source: name.to_owned(), ..LiveReport::default() })
}
