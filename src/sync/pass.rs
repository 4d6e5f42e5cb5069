//! One sync pass, from the lists on disk to the zone files on disk.
//!
//! Input: settings, the zones in service, and the sources that have not answered yet. Output: a [`PassOutcome`] with
//! all findings and changes. This is the thin shell around the pure steps; the running server and the command line use
//! the same one.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Settings;
use super::apply::{self, Applied, ApplyError, Written};
use super::desired::{self, DesiredState, SourceOfView};
use super::gather::{GatherTask, Gatherer};
use super::guard::{self, ApprovedPlan, Consent, UnsafePlan};
use super::ledger::Ledger;
use super::plan::{Current, FileState, Plan, Waiting, ZonePlan, plan};
use super::progress::{PassStep, ProgressFn};
use super::source::{Listing, Reading, SourceError};
use super::state::base::{Base, Clock};
use super::state::changes::{Changes, Wish};
use super::state::freeze::Freeze;
use super::state::{State, StateError};
use crate::diag::{Diagnostic, Diagnostics, Id, Severity};
use crate::files;
use crate::zone::store::file_of;
use crate::zone::{Hosted, Kind, ZoneId, ZoneSet};

/// The result of a pass.
#[derive(Debug, Default)]
pub(crate) struct PassOutcome {
    /// Every source, in the order of the config.
    pub sources: Vec<SourceReport>,
    /// The zones that were written, and what kept others from it.
    pub applied: Applied,
    /// The changes that were made.
    pub changes: Changes,
    /// The part that the guard holds back.
    pub held: Option<Box<UnsafePlan>>,
    /// Errors besides those of sources and zone files.
    pub errors: Diagnostics,
    /// Findings that are worth a look.
    pub warnings: Diagnostics,
    /// Records that are held back because lists disagree.
    pub conflicts: Diagnostics,
    /// The freeze, if the sync is frozen, and what waits for its end.
    pub frozen: Option<Frozen>,
    /// What it knows of names that the zones do not show.
    pub ledger: Arc<Ledger>,
    /// Work that is left once the zones are in service.
    pub aftermath: Option<Aftermath>,
}

/// A pass under a freeze.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frozen {
    /// The freeze.
    pub freeze: Freeze,
    /// What waits for its end.
    pub waiting: Waiting,
}

impl PassOutcome {
    /// True if something would be written but for a freeze.
    pub(crate) fn is_frozen(&self) -> bool {
        self.frozen.as_ref().is_some_and(|frozen| frozen.waiting.zones > 0)
    }

    /// True if something went wrong that consent cannot cure.
    pub(crate) fn has_failed(&self) -> bool {
        !self.applied.errors.is_empty() || !self.errors.is_empty()
    }

    /// All errors: those of sources, of zone files and the others.
    pub(crate) fn all_errors(&self) -> Vec<Diagnostic> {
        let mut errors: Vec<Diagnostic> = self.sources.iter().flat_map(|source| source.problems.to_vec()).collect();
        errors.extend(self.errors.to_vec());
        errors.extend(self.applied.errors.iter().map(ApplyError::diagnostic));
        errors
    }

    /// True if every source was read as it is now, but for what Azure was not asked for yet.
    pub(crate) fn is_complete(&self) -> bool {
        self.sources.iter().all(|source| source.problems.count(Severity::Error) == 0)
    }
}

/// The result of reading one source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SourceReport {
    /// Its name in the config.
    pub name: String,
    /// The entries of its lists, names times addresses.
    pub entries: usize,
    /// The time when the oldest of its lists was read, seconds since 1970; `None` if it gives nothing.
    pub read_at: Option<u64>,
    /// The time when the newest of its lists was changed, seconds since 1970; `None` if it gives nothing.
    pub modified_at: Option<u64>,
    /// Its present problems.
    pub problems: Diagnostics,
}

impl SourceReport {
    /// The time when the oldest of its lists was read, in RFC 3339; `None` if it gives nothing.
    pub(crate) fn last_good(&self) -> Option<String> {
        self.read_at.map(rfc3339)
    }
}

/// The time of a pass, as the journal has it: two passes are never at the same time.
pub(super) fn time_of(now: SystemTime) -> String {
    humantime::format_rfc3339_millis(now).to_string()
}

/// Seconds since 1970, in RFC 3339.
pub(crate) fn rfc3339(seconds: u64) -> String {
    let at = UNIX_EPOCH + Duration::from_secs(seconds.min(LAST_SECOND));
    humantime::format_rfc3339_seconds(at).to_string()
}

/// The end of the year 9999, which is the last that RFC 3339 can write: a damaged state may hold any number.
const LAST_SECOND: u64 = 253_402_300_799;

/// A plan, and the sources that it was made from.
#[derive(Debug, Default)]
pub(crate) struct DryRun {
    /// The changes that sync would make.
    pub plan: Plan,
    /// Every source, in the order of the config.
    pub sources: Vec<SourceReport>,
    /// The contents of each zone `guard_window` ago, where they differ from the present ones.
    pub bases: BTreeMap<ZoneId, Base>,
    /// Errors because of which the plan may be incomplete.
    pub errors: Diagnostics,
    /// The names that lists leave out.
    pub ledger: Ledger,
}

/// Reads lists and makes a plan; writes nothing at all, and remembers nothing.
pub(crate) fn dry_run(
    settings: &Settings,
    zones: &ZoneSet,
    gatherer: &mut Gatherer,
    now: SystemTime,
    progress: ProgressFn<'_>,
) -> DryRun {
    let settings = Settings { state: settings.state.read_only(), ..settings.clone() };
    make_plan(&settings, zones, gatherer, now, progress)
}

fn make_plan(
    settings: &Settings,
    zones: &ZoneSet,
    gatherer: &mut Gatherer,
    now: SystemTime,
    progress: ProgressFn<'_>,
) -> DryRun {
    let limits = settings.limits();
    let deadline = settings.pass_deadline;
    let task = GatherTask {
        sources: &settings.sources,
        limits: &limits,
        state: &settings.state,
        now: clock(settings, now).now / 1000,
        deadline,
    };
    // With a million records each half takes as long as the other.
    let (readings, currents) = thread::scope(|scope| {
        let currents = scope.spawn(|| currents(settings, zones));
        (gatherer.gather(&task, progress), currents.join())
    });
    let mut currents = currents.unwrap_or_else(|panic| resume_unwind(panic));
    let (listings, sources, silent) = sort_readings(settings, readings);
    progress(PassStep::Comparing(listings.iter().map(Listing::len).sum()));
    let mut planned = DryRun { sources, ..DryRun::default() };
    planned.ledger.left_out(&listings);
    for id in currents.keys() {
        match Base::load(&settings.state, id, clock(settings, now)) {
            Ok(base) => drop(planned.bases.insert(id.clone(), base)),
            Err(error) => {
                let then = "; the guard compares with what is in service instead";
                planned.errors.error(|| error.diagnostic(Id::GUARD_BASE_FAILED).and(then));
            }
        }
    }
    match desired::merge(listings, &settings.desired()) {
        Ok(desired) => {
            let desired = DesiredState { silent_sources: silent, ..desired };
            if desired.needs_provenance() {
                for (id, current) in &mut currents {
                    current.provenance = settings.state.provenance(id);
                }
            }
            planned.plan = plan(desired, currents, settings.ttl_seconds());
        }
        // Each list was checked by the same rules before.
        Err(SourceError(problems)) => planned.errors.append(problems),
    }
    planned
}

/// The listings of all sources, a report on each source, and the sources that may hold any record.
fn sort_readings(
    settings: &Settings,
    readings: Vec<Reading>,
) -> (Vec<Listing>, Vec<SourceReport>, BTreeSet<SourceOfView>) {
    let (mut listings, mut reports, mut silent) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (source, reading) in settings.sources.iter().zip(readings) {
        if reading.is_silent {
            silent.insert((source.view.clone(), Arc::from(source.name.as_str())));
        }
        reports.push(SourceReport {
            name: source.name.clone(),
            entries: reading.listings.iter().map(Listing::len).sum(),
            read_at: reading.read_at,
            modified_at: reading.modified_at,
            problems: reading.problems,
        });
        for mut listing in reading.listings {
            listing.view.clone_from(&source.view);
            listings.push(listing);
        }
    }
    (listings, reports, silent)
}

/// One whole pass: look, review, write. `consent` is for this pass alone.
pub(crate) fn run(
    settings: &Settings,
    zones: &ZoneSet,
    gatherer: &mut Gatherer,
    consent: Option<&Consent>,
    now: SystemTime,
    progress: ProgressFn<'_>,
) -> PassOutcome {
    let planned = make_plan(settings, zones, gatherer, now, progress);
    let mut ledger = planned.ledger;
    let mut outcome = PassOutcome {
        sources: planned.sources,
        errors: planned.errors,
        warnings: planned.plan.warnings.clone(),
        conflicts: planned.plan.conflicts(),
        ..PassOutcome::default()
    };
    let digest = consent.map(|consent| consent.digest);
    let review = guard::review(planned.plan, &planned.bases, &settings.guard(), digest);
    let waiting = review.view().waiting();
    let approved = &review.approved;
    let plan = approved.plan();
    progress(PassStep::Writing(plan.zones.iter().filter(|zone| zone.needs_writing()).count()));
    outcome.applied = apply::apply(approved, &settings.zone_dir, &settings.state, clock(settings, now));
    let freeze = outcome.applied.frozen.take().or_else(|| settings.state.frozen());
    outcome.frozen = freeze.map(|freeze| Frozen { freeze, waiting });
    ledger.planned(plan, review.held.as_deref());
    if outcome.frozen.is_some() {
        ledger.frozen(plan);
    }
    outcome.ledger = Arc::new(ledger);
    outcome.held = review.held;
    let at = time_of(now);
    let written = &outcome.applied.written;
    let by = consent.map(|consent| consent.by.as_str());
    let wish = |zone: &ZonePlan| match approved.has_consent(&zone.id).then_some(by) {
        Some(by) => Wish { by, approved: true, undoes: None },
        None => Wish::default(),
    };
    let (changes, recorded) = settings.state.record_changes(plan, written, &wish, &at);
    outcome.changes = changes;
    if let Err(error) = recorded {
        let then = "; the changes are only in the log";
        outcome.warnings.warning(|| error.diagnostic(Id::JOURNAL_FAILED).and(then));
    }
    outcome.aftermath = Some(Aftermath::of(review.approved, &outcome.applied, &settings.state));
    outcome
}

/// The work that is left once the zones are in service: to remember where each record is listed.
#[derive(Debug)]
pub(crate) struct Aftermath {
    plan: Plan,
    state: State,
}

impl Aftermath {
    /// Of the zones that are what the plan wants them to be.
    fn of(approved: ApprovedPlan, applied: &Applied, state: &State) -> Self {
        let mut plan = approved.into_plan();
        let written = Written::zones(&applied.written);
        plan.zones.retain(|zone| !zone.needs_writing() || written.contains(&zone.id));
        Self { plan, state: state.clone() }
    }

    /// Does it; `seen` has what was remembered last, so that nothing is written twice.
    pub(crate) fn remember(self, seen: &mut Seen) -> Result<(), StateError> {
        for zone in &self.plan.zones {
            let digest = zone.after().digest(&self.plan.places);
            if seen.zones.get(&zone.id) != Some(&digest) {
                self.state.remember_provenance(&zone.id, zone.after(), &self.plan.places)?;
                seen.zones.insert(zone.id.clone(), digest);
            }
        }
        Ok(())
    }
}

/// The digest of each zone that was remembered last.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    zones: BTreeMap<ZoneId, u64>,
    /// The last error, so that it is reported once.
    error: Option<Diagnostic>,
}

impl Seen {
    /// The error, if it is not the same as the last one.
    pub(crate) fn new_error(&mut self, remembered: Result<(), StateError>) -> Option<Diagnostic> {
        let error = remembered.err().map(|error| not_remembered(&error));
        let is_news = error != self.error;
        self.error.clone_from(&error);
        error.filter(|_| is_news)
    }
}

/// Says that the lists of records are not remembered, and why.
pub(crate) fn not_remembered(error: &StateError) -> Diagnostic {
    let then = "; which list a record comes from is not remembered";
    Diagnostic { severity: Severity::Warning, ..error.diagnostic(Id::STATE_FAILED).and(then) }
}

pub(super) fn clock(settings: &Settings, now: SystemTime) -> Clock {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    Clock { now: u64::try_from(since.as_millis()).unwrap_or(u64::MAX), window: settings.guard_window }
}

/// The state of every zone that has a file, or had one when it was last read.
pub(super) fn currents(settings: &Settings, zones: &ZoneSet) -> BTreeMap<ZoneId, Current> {
    let of = |(id, hosted): (ZoneId, &Hosted)| {
        let current = current(&file_of(&settings.zone_dir, &id), hosted);
        (id, current)
    };
    zones.parts().map(of).collect()
}

/// The records in service, and the keeper of the file on disk just now, which decides if it may be written.
fn current(file: &Path, hosted: &Hosted) -> Current {
    let mut current = hosted.zone.as_deref().map(Current::of).unwrap_or_default();
    let managed = hosted.zone.as_ref().is_none_or(|zone| zone.is_managed());
    current.file = match file_state(file) {
        FileState::Managed if hosted.zone.is_none() => {
            FileState::Unreadable("the file does not load, so nothing can be compared".to_owned())
        }
        FileState::Managed if !managed => FileState::Unreadable("the file changed while it was read".to_owned()),
        state => state,
    };
    current
}

fn file_state(path: &Path) -> FileState {
    match files::read_head(path, Kind::HEAD) {
        Ok(head) if Kind::of(&head) == Kind::Managed => FileState::Managed,
        Ok(_) => FileState::HandWritten,
        Err(error) if error.kind() == io::ErrorKind::NotFound => FileState::Absent,
        Err(error) => FileState::Unreadable(error.to_string()),
    }
}
