//! Background work on lists and zones: passes, and readings of the zone files.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tracing::debug;

use super::work::{Running, Task, Waiter, Wish};
use super::{Daemon, answer, background, log, snapshot};
use crate::config::{Config, Contents};
use crate::control::protocol::ControlReply;
use crate::diag::{self, Diagnostic, Id, Place};
use crate::feed::derived::{self, Made};
use crate::status::{self, Degraded, seconds};
use crate::sync::apply::ApplyError;
use crate::sync::gather::Gatherer;
use crate::sync::pass::{self, Aftermath, PassOutcome, Seen};
use crate::sync::progress::no_progress;
use crate::sync::state::freeze::Freeze;
use crate::sync::undo::{self, Undo, Undone};
use crate::zone::ZoneSet;
use crate::zone::store::{Report, Store};

/// Passes in a row that may be made at once because a zone file changed under the one before; then the interval says
/// when.
const MAX_OVERTAKEN: u8 = 3;

/// The state that a task uses and keeps.
pub(super) struct Tools {
    store: Store,
    gatherer: Gatherer,
    seen: Seen,
}

/// The result of a task.
pub(super) struct Done {
    report: Report,
    degraded: Degraded,
    outcome: Option<Outcome>,
    /// The freeze as it was when the task ended.
    frozen: Option<Freeze>,
    /// The number of orders that were carried out when the task began.
    orders: u64,
    took: Duration,
}

/// What a task did besides reading zones.
enum Outcome {
    Pass(Box<PassOutcome>),
    Undo(Box<(Result<Undone, Diagnostic>, Undo)>),
    Feed(Result<Option<Vec<Made>>, ApplyError>),
}

impl Tools {
    /// Does the work that a pass left.
    fn remember(&mut self, aftermath: Aftermath) {
        let remembered = aftermath.remember(&mut self.seen);
        if let Some(error) = self.seen.new_error(remembered) {
            log::found(&error);
        }
    }

    pub(super) fn new(config: &Config) -> Self {
        Self { store: Store::new(config.zones.clone()), gatherer: Gatherer::default(), seen: Seen::default() }
    }
}

impl Daemon {
    /// Reads the zones for the first time: the files on disk are served, whether or not lists can be read.
    pub(super) async fn first_zones(&mut self) {
        let file = self.config.file.clone();
        let work = self.work(|_| None);
        match background::run("zones", move || (work(), Contents::read(&file).ok())).await {
            Ok((done, seen)) => {
                self.config_seen = seen;
                self.task_done(Some(done), Vec::new());
            }
            Err(failed) => {
                let place = Place::file(&self.config.zones.zone_dir);
                let text =
                    format!("internal error: reading the zones stopped ({failed}); please report this with the log");
                log::found(&Diagnostic::error(Id::TASK_BROKE_OFF, place, text));
            }
        }
    }

    /// Starts the next task, if one is due, or does what the last one left.
    pub(super) fn start_task(&mut self) -> Option<Running<Box<Done>>> {
        let now = SystemTime::now();
        if let Some(aftermath) = self.aftermath.take() {
            self.board.task_started(now);
            let work = self.work(|tools| {
                tools.remember(aftermath);
                None
            });
            return Some(Running::new(background::start("state", work), Vec::new()));
        }
        if let Some(making) = self.start_feed(now) {
            return Some(making);
        }
        let (task, wish, waiters) = self.due.take_task()?;
        debug!(?task, ?wish, "task begins");
        let zones = Arc::clone(&self.shared.snapshot.load().zones);
        let settings = self.config.sync.clone();
        self.board.task_started(now);
        let consent = match wish {
            Some(Wish::Undo(undo)) => {
                let work =
                    self.work(move |_| Some(Outcome::Undo(Box::new((undo::run(&settings, &zones, &undo, now), undo)))));
                return Some(Running::new(background::start("undo", work), waiters));
            }
            Some(Wish::Consent(consent)) => {
                log::consent(&consent);
                Some(consent)
            }
            None => None,
        };
        let pass = move |tools: &mut Tools| {
            let run = |tools: &mut Tools| {
                pass::run(&settings, &zones, &mut tools.gatherer, consent.as_ref(), now, &no_progress)
            };
            (task == Task::Pass).then(|| Outcome::Pass(Box::new(run(tools))))
        };
        Some(Running::new(background::start("sync", self.work(pass)), waiters))
    }

    /// The time from which on the feed and the catalog are to be made; `None` while there is nothing to make.
    pub(super) fn feed_due(&self) -> Option<tokio::time::Instant> {
        let zones = &self.shared.snapshot.load().zones;
        let due = self.feed.due(&self.config.feed, zones, tokio::time::Instant::now());
        due.filter(|_| !self.board.is_frozen())
    }

    /// Starts to make the feed and the catalog, if that is due.
    fn start_feed(&mut self, at: SystemTime) -> Option<Running<Box<Done>>> {
        let zones = Arc::clone(&self.shared.snapshot.load().zones);
        let settings = self.config.feed.clone();
        if self.board.is_frozen() || !self.feed.take(&settings, &zones, tokio::time::Instant::now()) {
            return None;
        }
        self.board.task_started(at);
        let (zone_dir, state) = (self.config.zones.zone_dir.clone(), self.config.sync.state.clone());
        let make =
            move |_: &mut Tools| Some(Outcome::Feed(derived::make(&settings, &zones, &zone_dir, &state, seconds(at))));
        Some(Running::new(background::start("feed", self.work(make)), Vec::new()))
    }

    /// Work with the tools, and then on the zone files, for a background thread.
    fn work(
        &self,
        first: impl FnOnce(&mut Tools) -> Option<Outcome> + Send + 'static,
    ) -> impl FnOnce() -> Box<Done> + Send + 'static {
        let (tools, zones) = (Arc::clone(&self.tools), self.config.zones.clone());
        let (state, orders) = (self.config.sync.state.clone(), self.orders);
        move || {
            let started = Instant::now();
            let mut tools = tools.lock().unwrap_or_else(PoisonError::into_inner);
            tools.store.set_settings(zones);
            let outcome = first(&mut tools);
            let report = tools.store.reload();
            let degraded = status::degraded(&tools.store);
            Box::new(Done { report, degraded, outcome, frozen: state.frozen(), orders, took: started.elapsed() })
        }
    }

    /// Takes the result of a task; true if it was a pass. Serving goes on in any case.
    pub(super) fn task_done(&mut self, done: Option<Box<Done>>, waiters: Vec<Waiter>) -> bool {
        self.board.task_ended();
        let Some(Done { report, degraded, outcome, frozen, orders, took }) = done.map(|done| *done) else {
            let place = Place::file(&self.config.zones.zone_dir);
            let text = "internal error: the pass stopped; the zones in service stay; please report this with the log";
            let broken = Diagnostic::error(Id::TASK_BROKE_OFF, place, text);
            log::found(&broken);
            answer(waiters, || ControlReply::Refused(vec![broken.clone()]));
            return true;
        };
        let is_news = !report.published.is_empty();
        let (zones, is_pass) = (report.zones.iter().count(), matches!(outcome, Some(Outcome::Pass(_))));
        debug!(zones, is_pass, took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX), "task is over");
        let made = if let Some(Outcome::Feed(made)) = &outcome { Some(made) } else { None };
        if let Some(made) = made {
            self.feed.made(made, took, tokio::time::Instant::now());
        }
        self.board.zones_read(self.feed.found(&self.config.feed, degraded, made.is_some()));
        self.freeze_found(frozen.as_ref(), orders);
        log::report(&report);
        self.publish_zones(report.zones);
        let mut outcome = match outcome {
            Some(Outcome::Pass(outcome)) => *outcome,
            Some(Outcome::Undo(done)) => {
                let (undone, undo) = *done;
                self.undone(undone, &undo, waiters);
                return false;
            }
            Some(Outcome::Feed(_)) => return false,
            None => return self.zones_done(is_news),
        };
        log::sources(&outcome.sources);
        let running = self.control.is_some();
        let pass = self.board.store_pass(&outcome, &self.config.sync.sources, (SystemTime::now(), took), running);
        self.pass_log.pass(&outcome, &diag::path(&self.config.file), running);
        self.aftermath = outcome.aftermath.take();
        // A zone file changed under the pass, for instance by a checkout of lists and zones together. It is loaded now,
        // so the next pass compares with it.
        let was_overtaken = outcome.applied.errors.iter().any(|error| matches!(error, ApplyError::Changed(_)));
        self.overtaken = if was_overtaken { self.overtaken.saturating_add(1) } else { 0 };
        if (1..=MAX_OVERTAKEN).contains(&self.overtaken) {
            self.due.task(Task::Pass);
        }
        answer(waiters, || ControlReply::Passed(pass.clone()));
        true
    }

    /// The zones were read, and no pass was made.
    fn zones_done(&mut self, is_news: bool) -> bool {
        // Another process wrote zones, perhaps the held changes: a pass finds out whether they are still held.
        if is_news && self.board.is_held() {
            self.due.task(Task::Pass);
        }
        false
    }

    fn publish_zones(&self, zones: ZoneSet) {
        let current = self.shared.snapshot.load();
        // Cached answers stay valid as long as the zones are the same.
        let is_same = current.zones.is_same(&zones);
        let zones = if is_same { Arc::clone(&current.zones) } else { Arc::new(zones) };
        self.publish(current.with_zones(zones, snapshot::now()));
    }
}
