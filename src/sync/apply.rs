//! From an approved plan to zone files.
//!
//! In: an [`ApprovedPlan`], which only the guard makes, the folder, and the time. Out: each changed zone's file, replaced
//! whole by rename, with a later serial. A file is on disk, old or new, at every moment, and so it is after a power cut. A zone
//! without changes is not touched. Nothing is kept in memory that the files do not hold.

mod render;
#[cfg(test)]
mod tests;
mod write;

use std::io;
use std::path::{Path, PathBuf};

use super::guard::ApprovedPlan;
use super::plan::{FileState, ZonePlan};
use crate::dns::{Name, Serial};
pub use render::{MINIMUM, render};

/// A zone that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The zone.
    pub apex: Name,
    /// Its serial before; `None` if it is new.
    pub before: Option<Serial>,
    /// Its serial now.
    pub serial: Serial,
    /// RRsets created, updated, deleted.
    pub changed: (usize, usize, usize),
    /// Address records now.
    pub records: usize,
}

/// Why a plan was not written, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Another process writes into the folder.
    #[error("zone folder '{0}': another sync is writing; this one wrote nothing, try again")]
    Busy(PathBuf),
    /// A file is no longer what the plan was made for.
    #[error("zone file '{0}': changed since the plan was made; it is left as it is, sync again")]
    Changed(PathBuf),
    /// The folder or a file in it cannot be written.
    #[error("zone file '{}': {doing}: {error}; the file on disk is the last good one", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What the system says.
        #[source]
        error: io::Error,
    },
}

/// What became of the plan: zones are written one after another, and an error does not undo those before.
#[derive(Debug, Default)]
pub struct Applied {
    /// The zones that were written.
    pub written: Vec<Written>,
    /// What stopped it.
    pub error: Option<ApplyError>,
}

/// Writes every zone that the plan changes into `<zone_dir>/<apex>.zone`; `now` is in seconds since 1970.
pub fn apply(approved: &ApprovedPlan, zone_dir: &Path, now: u64) -> Applied {
    let plan = approved.plan();
    let mut applied = Applied::default();
    if !plan.has_changes() {
        return applied;
    }
    let folder = match write::Folder::lock(zone_dir) {
        Ok(folder) => folder,
        Err(error) => {
            applied.error = Some(error);
            return applied;
        }
    };
    let zones = || plan.zones.iter().filter(|zone| zone.needs_writing());
    // All files are looked at before the first is written.
    let checked = zones().try_for_each(|zone| {
        let is_ours = zone.file == FileState::Managed;
        folder.expect(&file_name(zone), zone.serial.filter(|_| is_ours))
    });
    applied.error = checked.err();
    if applied.error.is_some() {
        return applied;
    }
    for zone in zones() {
        let serial = next_serial(zone.serial, now);
        let text = render(&zone.apex, serial, plan.ttl, zone.after(), zone.aliases());
        if let Err(error) = folder.replace(&file_name(zone), &text) {
            applied.error = Some(error);
            break;
        }
        applied.written.push(written(zone, serial));
    }
    applied
}

fn file_name(zone: &ZonePlan) -> String {
    format!("{}.zone", zone.apex.without_dot())
}

fn written(zone: &ZonePlan, serial: Serial) -> Written {
    let counts = zone.counts();
    Written {
        apex: zone.apex.clone(),
        before: zone.serial,
        serial,
        changed: (counts.created, counts.updated, counts.deleted),
        records: zone.after().len(),
    }
}

/// The serial after this one: the time where that is later, and always later in the sense of RFC 1982, also when the clock
/// was set back or the numbers wrap.
pub fn next_serial(current: Option<Serial>, now: u64) -> Serial {
    // The low 32 bits go on in 2106 from 0, as serials do.
    let time = Serial(u32::try_from(now & u64::from(u32::MAX)).unwrap_or_default().max(1));
    match current {
        Some(current) if !time.is_after(current) => current.next(),
        _ => time,
    }
}
