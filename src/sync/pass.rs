//! One sync pass, from the lists on disk to the zone files on disk.
//!
//! In: settings and the zones in service. Out: an [`Outcome`] that says what was found and done. This is the thin
//! shell around the pure steps; the running server and the command line go through it alike.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use super::apply::{self, Applied};
use super::guard::{self, UnsafePlan};
use super::plan::{Current, Digest, FileState, Plan};
use super::progress::{Step, Watcher};
use super::source::{self, Listing, SourceError};
use super::{Notes, Settings, prepare};
use crate::dns::Name;
use crate::zone::store::path_of;
use crate::zone::text::is_managed;
use crate::zone::{Hosted, ZoneSet};

/// How a pass ended.
#[derive(Debug)]
pub enum Done {
    /// There was nothing to change.
    Unchanged,
    /// Zones were written, perhaps not all.
    Applied(Applied),
    /// The guard held the plan back.
    Held(Box<UnsafePlan>),
    /// A list could not be read or used: no plan was made.
    NoPlan(SourceError),
}

/// A pass with what is worth a look.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub done: Done,
    /// What is worth a look.
    pub warnings: Notes,
    /// Records that are held back because lists disagree.
    pub conflicts: Notes,
}

/// Reads lists and makes a plan; writes nothing.
pub fn look(settings: &Settings, zones: &ZoneSet, watcher: Watcher<'_>) -> Result<Plan, SourceError> {
    // With a million records each half takes as long as the other.
    let (listings, currents) = thread::scope(|scope| {
        let currents = scope.spawn(|| currents(settings, zones));
        (source::read_all(&settings.sources, watcher), currents.join())
    });
    let listings = listings?;
    watcher(Step::Comparing(listings.iter().map(Listing::len).sum()));
    prepare(listings, currents.unwrap_or_else(|panic| resume_unwind(panic)), settings)
}

/// One whole pass: look, review, write. `approved` is the digest that an operator consented to.
pub fn run(
    settings: &Settings,
    zones: &ZoneSet,
    approved: Option<Digest>,
    now: SystemTime,
    watcher: Watcher<'_>,
) -> Outcome {
    let plan = match look(settings, zones, watcher) {
        Ok(plan) => plan,
        Err(error) => {
            return Outcome { done: Done::NoPlan(error), warnings: Notes::default(), conflicts: Notes::default() };
        }
    };
    let (warnings, conflicts) = (plan.warnings.clone(), plan.conflicts());
    let done = match guard::review(plan, &settings.guard(), approved) {
        Err(held) => Done::Held(held),
        Ok(plan) if !plan.plan().has_changes() => Done::Unchanged,
        Ok(plan) => {
            watcher(Step::Writing(plan.plan().zones.iter().filter(|zone| zone.needs_writing()).count()));
            Done::Applied(apply::apply(&plan, &settings.zone_dir, unix_seconds(now)))
        }
    };
    Outcome { done, warnings, conflicts }
}

fn unix_seconds(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The state of every zone that has a file, or had one when it was last read.
fn currents(settings: &Settings, zones: &ZoneSet) -> BTreeMap<Name, Current> {
    zones.iter().map(|hosted| (hosted.apex.clone(), current(&settings.zone_dir, hosted))).collect()
}

/// What is in service, and whose file is on disk just now: that decides whether it may be written.
fn current(zone_dir: &Path, hosted: &Hosted) -> Current {
    let mut current = hosted.zone.as_deref().map(Current::of).unwrap_or_default();
    let managed = hosted.zone.as_ref().is_none_or(|zone| zone.is_managed());
    current.file = match file_state(&path_of(zone_dir, &hosted.apex)) {
        FileState::Managed if hosted.zone.is_none() => {
            FileState::Unreadable("the file does not load, so nothing can be compared".to_owned())
        }
        FileState::Managed if !managed => FileState::Unreadable("the file has just become another".to_owned()),
        state => state,
    };
    current
}

fn file_state(path: &Path) -> FileState {
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return FileState::Unreadable("it is no file".to_owned());
    }
    let mut head = Vec::new();
    match File::open(path).and_then(|file| file.take(64).read_to_end(&mut head)) {
        Ok(_) if is_managed(&head) => FileState::Managed,
        Ok(_) => FileState::HandWritten,
        Err(error) if error.kind() == io::ErrorKind::NotFound => FileState::Absent,
        Err(error) => FileState::Unreadable(error.to_string()),
    }
}
