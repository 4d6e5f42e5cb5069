//! From an approved plan to zone files.
//!
//! Input: an [`ApprovedPlan`], which only the guard makes, the folder, the state and the time. Output: the file of each
//! changed zone, replaced whole by rename, with a later serial. At every moment, also after a power cut, the old or the
//! new file is on disk. The guard's memory of a change is on disk before the change is. A zone without changes is not
//! touched, and none at all while the sync is frozen.

mod render;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::guard::ApprovedPlan;
use super::plan::{FileState, ZonePlan};
use super::state::base::{Base, Clock};
use super::state::freeze::Freeze;
use super::state::{State, StateError};
use crate::diag::{Diagnostic, Id, Place};
use crate::dns::Serial;
use crate::zone::ZoneId;
pub(crate) use render::push_address;
pub use render::{MINIMUM, render};
pub(crate) use write::{ZoneFolder, serial_of};

/// A zone that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The zone.
    pub zone: ZoneId,
    /// Its serial before; `None` if it is new.
    pub before: Option<Serial>,
    /// Its serial now.
    pub serial: Serial,
    /// RRsets created, updated, deleted.
    pub changed: (usize, usize, usize),
    /// Address records now.
    pub records: usize,
}

impl Written {
    /// The zones that were written.
    pub(crate) fn zones(written: &[Self]) -> BTreeSet<&ZoneId> {
        written.iter().map(|written| &written.zone).collect()
    }
}

/// The reason why a zone, or every zone, was not written.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Another process writes into the folder.
    #[error("{}", self.diagnostic())]
    Busy(PathBuf),
    /// A file is no longer what the plan was made for.
    #[error("{}", self.diagnostic())]
    Changed(PathBuf),
    /// The folder or a file in it cannot be written.
    #[error("{}", self.diagnostic())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The step that failed.
        doing: &'static str,
        /// The error of the system.
        #[source]
        error: io::Error,
    },
    /// The sync cannot be frozen, so the next pass would do again what was undone.
    #[error("{}", self.diagnostic())]
    Freeze(#[source] StateError),
    /// The guard would not know of the change afterwards.
    #[error("{}", self.diagnostic())]
    Base {
        /// The zone.
        zone: ZoneId,
        /// The reasons.
        #[source]
        error: StateError,
    },
}

impl ApplyError {
    /// The same as a diagnostic.
    pub fn diagnostic(&self) -> Diagnostic {
        match self {
            Self::Busy(folder) => {
                let text = "another sync is writing to this folder; this one wrote nothing, try again";
                Diagnostic::error(Id::ZONE_DIR_BUSY, Place::file(folder), text)
            }
            Self::Changed(file) => {
                let text = "the zone file changed since the plan was made; it is left as it is, sync again";
                Diagnostic::error(Id::ZONE_CHANGED, Place::file(file), text)
            }
            Self::Io { path, doing, error } => {
                let text = format!("{doing}: {error}; {}", remaining_file(path));
                Diagnostic::error(Id::ZONE_UNWRITABLE, Place::file(path), text)
            }
            Self::Freeze(error) => error.diagnostic(Id::FROZEN).and("; nothing is undone without a freeze"),
            Self::Base { zone, error } => error.diagnostic(Id::GUARD_BASE_FAILED).and(&format!(
                "; zone '{zone}' is not written, or small changes could add up unseen; the file on disk is the last good one"
            )),
        }
    }
}

/// The file that is there instead.
fn remaining_file(path: &Path) -> &'static str {
    if path.is_file() { "the file on disk is the last good one" } else { "there is no file of this zone yet" }
}

/// The result of a plan: zones are written one after another, and an error of one does not stop the others.
#[derive(Debug, Default)]
pub struct Applied {
    /// The zones that were written.
    pub written: Vec<Written>,
    /// The errors because of which others were not written.
    pub errors: Vec<ApplyError>,
    /// The freeze because of which nothing was written; of an undo, the freeze that keeps it.
    pub frozen: Option<Freeze>,
}

/// Writes every zone that the plan changes into `<zone_dir>/<apex>.zone`; nothing while the sync is frozen.
pub fn apply(approved: &ApprovedPlan, zone_dir: &Path, state: &State, clock: Clock) -> Applied {
    apply_by(approved, zone_dir, state, clock, None)
}

/// The same for what an operator undoes: it freezes the sync, unless that is frozen, and then writes.
pub(crate) fn apply_undo(
    approved: &ApprovedPlan,
    zone_dir: &Path,
    state: &State,
    clock: Clock,
    freeze: Freeze,
) -> Applied {
    apply_by(approved, zone_dir, state, clock, Some(freeze))
}

fn apply_by(approved: &ApprovedPlan, zone_dir: &Path, state: &State, clock: Clock, undo: Option<Freeze>) -> Applied {
    let plan = approved.plan();
    let mut applied = Applied::default();
    if !plan.has_changes() {
        return applied;
    }
    let folder = match write::ZoneFolder::lock(zone_dir) {
        Ok(folder) => folder,
        Err(error) => {
            // The lock may be that of the freeze itself.
            applied.frozen = state.frozen().filter(|_| undo.is_none());
            applied.errors.extend(applied.frozen.is_none().then_some(error));
            return applied;
        }
    };
    // Under the lock: whoever freezes waits for it, and knows then that nothing more is written.
    applied.frozen = state.frozen();
    match undo.map(|freeze| freeze_for_undo(applied.frozen.take(), freeze, state)) {
        None if applied.frozen.is_some() => return applied,
        None => {}
        Some(Ok(freeze)) => applied.frozen = Some(freeze),
        Some(Err(error)) => {
            applied.errors.push(ApplyError::Freeze(error));
            return applied;
        }
    }
    for zone in plan.zones.iter().filter(|zone| zone.needs_writing()) {
        let written = folder.expect(&zone.id, zone.serial.filter(|_| zone.file == FileState::Managed)).and_then(|()| {
            record_in_base(zone, approved.has_consent(&zone.id), state, clock)?;
            let serial = state.next_serial(&zone.id.apex, zone.serial, clock.now / 1000);
            let text = render(&zone.id.apex, serial, plan.ttl, zone.after(), zone.aliases());
            folder.replace(&zone.id, &text).map(|()| serial)
        });
        match written {
            Ok(serial) => applied.written.push(self::written(zone, serial)),
            Err(error) => applied.errors.push(error),
        }
    }
    applied
}

/// A freeze that is there stays as it is.
fn freeze_for_undo(present: Option<Freeze>, new: Freeze, state: &State) -> Result<Freeze, StateError> {
    match present {
        Some(present) if present.problem.is_none() => Ok(present),
        _ => state.freeze(new),
    }
}

/// True once no sync writes into the folder: none that began before a freeze still does then. Without a folder none
/// does.
pub(crate) fn is_settled(zone_dir: &Path) -> bool {
    !zone_dir.is_dir() || !matches!(write::ZoneFolder::lock(zone_dir), Err(ApplyError::Busy(_)))
}

/// Has the guard know of a change before it is made. What is new needs no memory to be let in: if the disk does not
/// take it, records that agents wait for go in all the same.
fn record_in_base(zone: &ZonePlan, has_consent: bool, state: &State, clock: Clock) -> Result<(), ApplyError> {
    let counts = zone.counts();
    // Consent makes a new base; the old one does not matter.
    let base = if has_consent { Ok(Base::default()) } else { Base::load(state, &zone.id, clock) };
    let noted = base.and_then(|mut base| {
        let is_first = counts.in_service == 0 && base.changed().all(|(_, _, was)| was.is_empty());
        if is_first {
            base.reset();
        } else if !has_consent {
            base.record(zone, clock);
        }
        base.save(state, &zone.id)
    });
    match noted {
        Err(error) if counts.losses() > 0 => Err(ApplyError::Base { zone: zone.id.clone(), error }),
        _ => Ok(()),
    }
}

fn written(zone: &ZonePlan, serial: Serial) -> Written {
    let counts = zone.counts();
    Written {
        zone: zone.id.clone(),
        before: zone.serial,
        serial,
        changed: (counts.created, counts.updated, counts.deleted),
        records: zone.after().len(),
    }
}
