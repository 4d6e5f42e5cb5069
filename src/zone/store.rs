//! Zones from the disk: reads `<zone_dir>/*.zone`, checks them, and keeps the last good copy of each.
//!
//! Input: a folder and the zones that must be hosted. Output: a [`ZoneSet`] and diagnostics. It never writes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::SystemTime;

use super::history::History;
use super::{Hosted, Kind, OnMiss, Zone, ZoneSet};
use crate::diag::{self, Diagnostic, Id, Place};
use crate::dns::{Name, Serial};
use crate::files;

/// Octets of a zone file: twenty times what a zone of a million addresses takes. What is larger is a wrong file.
pub(crate) const MAX_BYTES: u64 = 1 << 30;

/// The settings of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The folder of the zone files.
    pub zone_dir: PathBuf,
    /// Zones hosted whether their file is there or not, and what each does with names it lacks.
    pub hosted: BTreeMap<Name, OnMiss>,
    /// The action for missing names in zones that `hosted` does not list: it follows from a zone's name and not from
    /// who mentions it. Zones in neither say NXDOMAIN.
    pub on_miss: BTreeMap<Name, OnMiss>,
    /// While sync has yet to write its first zone: the suffix below which the zones are not known yet.
    pub unread_suffix: Option<Name>,
    /// Octets of the differences that are kept of each zone for secondaries; 0: none.
    pub history: usize,
    /// Zones that the server makes from the others, for secondaries alone.
    pub derived: BTreeSet<Name>,
}

/// Reads zone files and remembers the last good copy of each.
pub(crate) struct Store {
    settings: Settings,
    loaded: BTreeMap<Name, Loaded>,
}

struct Loaded {
    /// Of the last file looked at, good or bad; `None` once it is gone.
    file: Option<Fingerprint>,
    zone: Option<Arc<Zone>>,
    misses: Arc<AtomicU64>,
    history: Arc<History>,
    /// The errors that keep the file with that fingerprint out of service; empty if there are none.
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

/// Enough to see that a file changed: its inode changes with every rename, its times with every write, the second one
/// even if the first is set back.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Fingerprint {
    modified: Option<SystemTime>,
    changed: (i64, i64),
    length: u64,
    inode: u64,
}

/// A zone whose data in service changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    /// The apex.
    pub apex: Name,
    /// Its serial before; `None` if it is new.
    pub before: Option<Serial>,
    /// Its serial now.
    pub serial: Serial,
    /// Its records now.
    pub records: usize,
}

/// The result of one reading.
#[derive(Default)]
pub(crate) struct Report {
    /// The zones to serve.
    pub zones: ZoneSet,
    /// Zones that changed.
    pub published: Vec<Published>,
    /// Errors of files read for the first time in their present state; the last good copy stays in service.
    pub errors: Vec<Diagnostic>,
    /// Warnings of files read for the first time in their present state.
    pub warnings: Vec<Diagnostic>,
}

impl Store {
    /// A store that has read nothing yet.
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, loaded: BTreeMap::new() }
    }

    /// Changes what is hosted from the next reading on. A new folder forgets nothing: last good copies stay. Only of a
    /// zone that begins or ceases to be derived the file has another meaning now.
    pub(crate) fn set_settings(&mut self, settings: Settings) {
        for apex in settings.derived.symmetric_difference(&self.settings.derived) {
            self.loaded.remove(apex);
        }
        self.settings = settings;
    }

    /// Reads what changed since the last time.
    pub(crate) fn reload(&mut self) -> Report {
        let mut report = Report::default();
        let files = match self.zone_files() {
            Ok(files) => files,
            Err(error) => {
                let text = format!("cannot read the zone folder: {error}; the zones in service stay");
                let place = Place::file(&self.settings.zone_dir);
                report.errors.push(Diagnostic::error(Id::ZONE_DIR_UNREADABLE, place, text));
                // A file that cannot be seen is not gone.
                self.loaded.keys().map(|apex| (apex.clone(), self.path_of(apex))).collect()
            }
        };
        self.forget_removed(&files);
        for (apex, path) in &files {
            self.reload_one(apex, path, &mut report);
        }
        report.zones = self.zone_set();
        report
    }

    /// The zone files there are, by apex, and the paths where hosted zones ought to be.
    fn zone_files(&self) -> io::Result<BTreeMap<Name, PathBuf>> {
        let mut files = BTreeMap::new();
        for apex in self.settings.hosted.keys().chain(&self.settings.derived) {
            files.insert(apex.clone(), self.path_of(apex));
        }
        match fs::read_dir(&self.settings.zone_dir) {
            Ok(entries) => {
                for entry in entries {
                    let path = entry?.path();
                    if let Some(apex) = apex_of(&path) {
                        files.insert(apex, path);
                    }
                }
            }
            // Sync makes the folder when it first writes.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.has_any() => {}
            Err(error) => return Err(error),
        }
        Ok(files)
    }

    /// True if anything was ever read from the folder.
    fn has_any(&self) -> bool {
        self.loaded.values().any(|known| known.zone.is_some())
    }

    fn path_of(&self, apex: &Name) -> PathBuf {
        path_of(&self.settings.zone_dir, apex)
    }

    /// A zone that the config does not list and whose file is gone was removed on purpose.
    fn forget_removed(&mut self, files: &BTreeMap<Name, PathBuf>) {
        self.loaded.retain(|apex, _| files.contains_key(apex));
    }

    fn reload_one(&mut self, apex: &Name, path: &Path, report: &mut Report) {
        let file = fs::metadata(path).ok().map(|file| Fingerprint::of(&file));
        let known = self.loaded.get(apex);
        if known.is_some_and(|known| known.file == file) {
            return;
        }
        let previous = known.and_then(|known| known.zone.clone());
        let loaded = match files::read(path, MAX_BYTES) {
            Ok((text, file)) => match self.misplaced(apex, path, Kind::of(&text)) {
                Some(found) => misplaced(Fingerprint::of(&file), found, previous.clone()),
                None => read_zone(apex, path, &text, Fingerprint::of(&file), previous.clone()),
            },
            Err(error) => unreadable(path, &error, previous.clone()),
        };
        // The same errors are reported once, however often the file is read.
        if known.is_none_or(|known| known.errors != loaded.errors) {
            report.errors.extend_from_slice(&loaded.errors);
        }
        report.warnings.extend_from_slice(&loaded.warnings);
        if let (Some(before), Some(zone)) = (&previous, &loaded.zone) {
            report.warnings.extend(serial_back(path, before.serial(), zone.serial()));
            report.warnings.extend(serial_same(path, before, zone).filter(|_| self.settings.history > 0));
        }
        let mut history = known.map(|known| Arc::clone(&known.history)).unwrap_or_default();
        if let Some(zone) = &loaded.zone
            && !previous.as_ref().is_some_and(|previous| Arc::ptr_eq(previous, zone))
        {
            history = match &previous {
                Some(previous) if self.settings.history > 0 => {
                    Arc::new(history.with(previous, zone, self.settings.history))
                }
                _ => Arc::default(),
            };
            report.published.push(Published {
                apex: apex.clone(),
                before: previous.map(|previous| previous.serial()),
                serial: zone.serial(),
                records: zone.record_count(),
            });
        }
        let misses = self.loaded.remove(apex).map(|known| known.misses).unwrap_or_default();
        self.loaded.insert(apex.clone(), Loaded { misses, history, ..loaded });
    }

    /// What is wrong if a file of this kind has this name: a derived file that the config does not name is no zone that
    /// clients may see, and a file of another kind is not what secondaries take for one.
    fn misplaced(&self, apex: &Name, path: &Path, kind: Kind) -> Option<Diagnostic> {
        let is_derived = self.settings.derived.contains(apex);
        let is_hosted = self.settings.hosted.contains_key(apex);
        let place = Place::file(path);
        match (is_derived, kind) {
            (true, Kind::Derived) | (false, Kind::Managed | Kind::HandWritten) => None,
            (true, Kind::Managed | Kind::HandWritten) => {
                let text = "[feed] names this zone, and the file is none that the server made: it is left as it is and not \
                            served; move it away, or give the zone another name in [feed]";
                Some(Diagnostic::error(Id::ZONE_NOT_DERIVED, place, text))
            }
            (false, Kind::Derived) if is_hosted => {
                let text = "the file is a copy of what [feed] makes, not a zone for clients: put the zone's own file here, or \
                            remove it";
                Some(Diagnostic::error(Id::ZONE_STRAY_DERIVED, place, text))
            }
            (false, Kind::Derived) => {
                let text = "[feed] made this file and does not name its zone any more: it is ignored; remove it, or name the \
                            zone in [feed]";
                Some(Diagnostic::warning(Id::ZONE_STRAY_DERIVED, place, text))
            }
        }
    }

    fn zone_set(&self) -> ZoneSet {
        let hosted = |(apex, loaded): (&Name, &Loaded)| Hosted {
            apex: apex.clone(),
            on_miss: self.on_miss(apex),
            zone: loaded.zone.clone(),
            misses: Arc::clone(&loaded.misses),
            history: Arc::clone(&loaded.history),
        };
        let is_stray = |loaded: &Loaded| loaded.warnings.iter().any(|found| found.id == Id::ZONE_STRAY_DERIVED);
        let (derived, answering): (Vec<_>, Vec<_>) = self
            .loaded
            .iter()
            .filter(|(_, loaded)| !is_stray(loaded))
            .partition(|(apex, _)| self.settings.derived.contains(*apex));
        ZoneSet::new(answering.into_iter().map(hosted))
            .with_derived(derived.into_iter().map(hosted))
            .with_unread(self.settings.unread_suffix.clone().filter(|_| !self.has_managed()))
    }

    fn on_miss(&self, apex: &Name) -> OnMiss {
        let said = self.settings.hosted.get(apex).or_else(|| self.settings.on_miss.get(apex));
        said.copied().unwrap_or(OnMiss::NxDomain)
    }

    /// True if sync has written any zone.
    fn has_managed(&self) -> bool {
        self.loaded.values().any(|known| known.zone.as_ref().is_some_and(|zone| zone.is_managed()))
    }

    /// Hosted zones that are not what their files should make them, and why; without a reason the file is yet to come.
    pub(crate) fn degraded(&self) -> impl Iterator<Item = (&Name, &[Diagnostic])> {
        let degraded = self.loaded.iter().filter(|(apex, _)| self.is_degraded(apex));
        degraded.map(|(apex, loaded)| (apex, loaded.errors.as_slice()))
    }

    fn is_degraded(&self, apex: &Name) -> bool {
        self.loaded.get(apex).is_none_or(|loaded| loaded.zone.is_none() || !loaded.errors.is_empty())
    }
}

/// A warning if a zone takes an earlier serial than it had (RFC 1982).
fn serial_back(path: &Path, before: Serial, now: Serial) -> Option<Diagnostic> {
    let text = format!(
        "the serial goes back from {before} to {now}: the zone is served as it is, but a secondary keeps what it has until \
         the serial is above {before} (RFC 1982); was an old file put back?"
    );
    before.is_after(now).then(|| Diagnostic::warning(Id::ZONE_SERIAL_BACK, Place::file(path), text))
}

/// A zone that changed and kept its serial, which nobody does by intent.
fn serial_same(path: &Path, before: &Arc<Zone>, now: &Arc<Zone>) -> Option<Diagnostic> {
    let changed = !Arc::ptr_eq(before, now) && before.serial() == now.serial() && before.contents() != now.contents();
    let text = format!(
        "the records changed and the serial is still {}: secondaries keep the old ones; raise the serial (RFC 1982)",
        now.serial()
    );
    changed.then(|| Diagnostic::warning(Id::ZONE_SERIAL_SAME, Place::file(path), text))
}

/// True if the folder has a zone file for clients.
pub(crate) fn has_file(zone_dir: &Path) -> bool {
    zone_files(zone_dir).any(|path| kind_of(&path) != Kind::Derived)
}

/// True if the folder has a zone file that the server did not write.
pub(crate) fn has_hand_written(zone_dir: &Path) -> bool {
    zone_files(zone_dir).any(|path| kind_of(&path) == Kind::HandWritten)
}

fn kind_of(path: &Path) -> Kind {
    Kind::of(&files::read_head(path, Kind::HEAD).unwrap_or_default())
}

fn zone_files(zone_dir: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(zone_dir).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| apex_of(path).is_some())
}

/// The path of a zone's file.
pub(crate) fn path_of(zone_dir: &Path, apex: &Name) -> PathBuf {
    zone_dir.join(format!("{}.zone", apex.without_dot()))
}

/// The apex that a path `<zone_dir>/<apex>.zone` stands for.
fn apex_of(path: &Path) -> Option<Name> {
    let stem = path.file_name()?.to_str()?.strip_suffix(".zone")?;
    if stem.starts_with('.') { None } else { stem.parse().ok() }
}

impl Fingerprint {
    fn of(file: &fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let changed = (file.ctime(), file.ctime_nsec());
        Self { modified: file.modified().ok(), changed, length: file.len(), inode: file.ino() }
    }
}

fn read_zone(apex: &Name, path: &Path, text: &[u8], file: Fingerprint, previous: Option<Arc<Zone>>) -> Loaded {
    let (zone, findings) = Zone::from_file(apex, &diag::path(path), text);
    let stays = match &previous {
        Some(zone) => format!("; serial {} stays in service", zone.serial()),
        None => "; the zone answers SERVFAIL until this is fixed".to_owned(),
    };
    let (errors, warnings): (Vec<_>, Vec<_>) = findings.to_vec().into_iter().partition(Diagnostic::is_error);
    Loaded {
        file: Some(file),
        zone: zone.map(Arc::new).or(previous),
        misses: Arc::default(),
        history: Arc::default(),
        errors: errors.into_iter().map(|error| error.and(&stays)).collect(),
        warnings,
    }
}

/// A file that is not read as a zone because of what its first line says.
fn misplaced(file: Fingerprint, found: Diagnostic, previous: Option<Arc<Zone>>) -> Loaded {
    let (zone, errors, warnings) =
        if found.is_error() { (previous, vec![found], Vec::new()) } else { (None, Vec::new(), vec![found]) };
    Loaded { file: Some(file), zone, misses: Arc::default(), history: Arc::default(), errors, warnings }
}

fn unreadable(path: &Path, error: &io::Error, previous: Option<Arc<Zone>>) -> Loaded {
    let text = match &previous {
        Some(zone) => format!("cannot read the zone file: {error}; serial {} stays in service", zone.serial()),
        None => format!("cannot read the zone file: {error}; the zone answers SERVFAIL until it is there"),
    };
    let problem = Diagnostic::error(Id::ZONE_UNREADABLE, Place::file(path), text);
    // A zone that sync has yet to write is not an error; a file that disappeared is.
    let expected = error.kind() == io::ErrorKind::NotFound && previous.is_none();
    let errors = if expected { Vec::new() } else { vec![problem] };
    let (misses, history) = (Arc::default(), Arc::default());
    Loaded { file: None, zone: previous, misses, history, errors, warnings: Vec::new() }
}

#[cfg(test)]
mod tests;
