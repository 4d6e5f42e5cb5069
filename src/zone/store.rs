//! Zones from the disk: reads `<zone_dir>/*.zone`, and `<zone_dir>/<view>/*.zone` of each view, checks them, and keeps
//! the last good copy of each.
//!
//! Input: a folder and the zones that must be hosted. Output: a [`ZoneSet`] and diagnostics. It never writes.

mod loaded;
mod paths;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::views::ViewParts;
use super::{Hosted, Kind, OnMiss, ViewName, Zone, ZoneId, ZoneSet};
use crate::diag::{Diagnostic, Id, Place};
use crate::dns::{Name, Serial};
use crate::files;
use loaded::{Fingerprint, Loaded, serial_back, serial_same};
use paths::apex_of;
pub(crate) use paths::{file_name, file_of, folder_of, has_file, has_hand_written, path_of};

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
    /// The views, each of which has a folder.
    pub views: BTreeSet<ViewName>,
    /// The zones of which each view has a part whether its file is there or not: all that sync writes in any case.
    pub parts: BTreeSet<Name>,
}

/// Reads zone files and remembers the last good copy of each.
pub(crate) struct Store {
    settings: Settings,
    /// By folder: that of the base, and that of each view.
    folders: BTreeMap<Option<ViewName>, Folder>,
}

/// The zones of one folder.
type Folder = BTreeMap<Name, Loaded>;

/// A zone whose data in service changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    /// The zone.
    pub zone: ZoneId,
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
        Self { settings, folders: BTreeMap::new() }
    }

    /// Changes what is hosted from the next reading on. A new folder forgets nothing: last good copies stay. Only of a
    /// zone that begins or ceases to be derived the file has another meaning now.
    pub(crate) fn set_settings(&mut self, settings: Settings) {
        let base = self.folders.entry(None).or_default();
        for apex in settings.derived.symmetric_difference(&self.settings.derived) {
            base.remove(apex);
        }
        self.settings = settings;
    }

    /// Reads what changed since the last time.
    pub(crate) fn reload(&mut self) -> Report {
        let mut report = Report::default();
        self.folders.retain(|view, _| view.as_ref().is_none_or(|view| self.settings.views.contains(view)));
        let views: Vec<_> = std::iter::once(None).chain(self.settings.views.iter().cloned().map(Some)).collect();
        for view in views {
            let mut folder = self.folders.remove(&view).unwrap_or_default();
            self.reload_folder(view.as_ref(), &mut folder, &mut report);
            self.folders.insert(view, folder);
        }
        report.zones = self.zone_set();
        report
    }

    fn reload_folder(&self, view: Option<&ViewName>, folder: &mut Folder, report: &mut Report) {
        let path = folder_of(&self.settings.zone_dir, view);
        let mut files = match self.zone_files(view, &path, folder) {
            Ok(files) => files,
            Err(error) => {
                let text = format!("cannot read the zone folder: {error}; the zones in service stay");
                report.errors.push(Diagnostic::error(Id::ZONE_DIR_UNREADABLE, Place::file(&path), text));
                // A file that cannot be seen is not gone.
                folder.keys().map(|apex| (apex.clone(), path.join(file_name(apex)))).collect()
            }
        };
        // A zone that the config does not list and whose file is gone was removed on purpose. What sync wrote stays in
        // service, and the next pass writes it again.
        folder.retain(|apex, loaded| files.contains_key(apex) || loaded.has_written_records());
        for apex in folder.keys().filter(|apex| !files.contains_key(*apex)).cloned().collect::<Vec<_>>() {
            let file = path.join(file_name(&apex));
            files.insert(apex, file);
        }
        for (apex, path) in files {
            let id = ZoneId { view: view.cloned(), apex };
            let known = folder.remove(&id.apex);
            let loaded = self.reload_one(&id, &path, known, report);
            folder.insert(id.apex, loaded);
        }
    }

    /// The zone files in a folder, and the paths where zones ought to be.
    fn zone_files(&self, view: Option<&ViewName>, path: &Path, folder: &Folder) -> io::Result<BTreeMap<Name, PathBuf>> {
        let Settings { hosted, derived, parts, .. } = &self.settings;
        let expected: Vec<&Name> = match view {
            None => hosted.keys().chain(derived).collect(),
            Some(_) => parts.iter().collect(),
        };
        let mut files: BTreeMap<Name, PathBuf> =
            expected.into_iter().map(|apex| (apex.clone(), path.join(file_name(apex)))).collect();
        match fs::read_dir(path) {
            Ok(entries) => {
                for entry in entries {
                    let path = entry?.path();
                    if let Some(apex) = apex_of(&path) {
                        files.insert(apex, path);
                    }
                }
            }
            // Sync makes the folder when it first writes.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !has_any(folder) => {}
            Err(error) => return Err(error),
        }
        Ok(files)
    }

    /// Reads a file if it changed; `known` is what was read last.
    fn reload_one(&self, id: &ZoneId, path: &Path, known: Option<Loaded>, report: &mut Report) -> Loaded {
        let file = fs::metadata(path).ok().map(|file| Fingerprint::of(&file));
        let is_new = known.is_none();
        let mut known = known.unwrap_or_default();
        if !is_new && known.file == file {
            return known;
        }
        let previous = known.zone.clone();
        let loaded = match files::read(path, MAX_BYTES) {
            Ok((text, file)) => match self.misplaced(id, path, Kind::of(&text)) {
                Some(found) => Loaded::misplaced(Fingerprint::of(&file), found, &mut known),
                None => Loaded::read(id, path, text, Fingerprint::of(&file), &mut known),
            },
            Err(error) => Loaded::unreadable(path, &error, &mut known),
        };
        // The same errors are reported once, however often the file is read.
        if is_new || known.errors != loaded.errors {
            report.errors.extend_from_slice(&loaded.errors);
        }
        report.warnings.extend_from_slice(&loaded.warnings);
        if let (Some(before), Some(zone)) = (&previous, &loaded.zone) {
            report.warnings.extend(serial_back(path, before.serial(), zone.serial()));
            report.warnings.extend(serial_same(path, before, zone).filter(|_| self.has_history(id)));
        }
        let mut history = known.history;
        if let Some(zone) = &loaded.zone
            && !previous.as_ref().is_some_and(|previous| Arc::ptr_eq(previous, zone))
        {
            history = match &previous {
                Some(previous) if self.has_history(id) => Arc::new(history.with(previous, zone, self.settings.history)),
                _ => Arc::default(),
            };
            report.published.push(Published {
                zone: id.clone(),
                before: previous.map(|previous| previous.serial()),
                serial: zone.serial(),
                records: zone.record_count(),
            });
        }
        Loaded { misses: known.misses, history, seen: known.seen, ..loaded }
    }

    /// Whether differences are kept of a zone. Nobody takes a view's part by itself.
    fn has_history(&self, id: &ZoneId) -> bool {
        self.settings.history > 0 && id.view.is_none()
    }

    /// What is wrong if a file of this kind has this name: a derived file that the config does not name is no zone that
    /// clients may see, and a file of another kind is not what secondaries take for one.
    fn misplaced(&self, id: &ZoneId, path: &Path, kind: Kind) -> Option<Diagnostic> {
        let is_derived = id.view.is_none() && self.settings.derived.contains(&id.apex);
        let is_hosted = id.view.is_some() || self.settings.hosted.contains_key(&id.apex);
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

    fn zone_set(&mut self) -> ZoneSet {
        let empty = Folder::new();
        let of_base = self.folders.get(&None).unwrap_or(&empty);
        let (derived, answering): (Vec<_>, Vec<_>) = of_base
            .iter()
            .filter(|(_, loaded)| !loaded.is_stray())
            .partition(|(apex, _)| self.settings.derived.contains(*apex));
        let hosted = |(apex, loaded): (&Name, &Loaded)| self.hosted(apex, loaded, loaded.zone.clone());
        let base = ZoneSet::new(answering.into_iter().map(hosted))
            .with_derived(derived.into_iter().map(hosted))
            .with_unread(self.unread(of_base));
        let of_views = self.folders.iter_mut().filter(|(view, _)| view.is_some());
        of_views.flat_map(|(_, folder)| folder.values_mut()).for_each(|loaded| loaded.see(&base));
        let parts = |(view, folder): (&Option<ViewName>, &Folder)| {
            let both = |(apex, loaded): (&Name, &Loaded)| {
                let [part, seen] = [&loaded.zone, &loaded.seen].map(|zone| self.hosted(apex, loaded, zone.clone()));
                (part, seen)
            };
            let zones = folder.iter().map(both).collect();
            Some(ViewParts { name: view.clone()?, zones, unread: self.unread(folder) })
        };
        let views: Vec<ViewParts> = self.folders.iter().filter_map(parts).collect();
        base.with_views(views)
    }

    fn hosted(&self, apex: &Name, loaded: &Loaded, zone: Option<Arc<Zone>>) -> Hosted {
        Hosted {
            apex: apex.clone(),
            on_miss: self.on_miss(apex),
            zone,
            misses: Arc::clone(&loaded.misses),
            history: Arc::clone(&loaded.history),
        }
    }

    /// The suffix of the zones that are not known yet: until sync has written any of a folder.
    fn unread(&self, folder: &Folder) -> Option<Name> {
        let has_managed = || folder.values().any(|known| known.zone.as_ref().is_some_and(|zone| zone.is_managed()));
        self.settings.unread_suffix.clone().filter(|_| !has_managed())
    }

    fn on_miss(&self, apex: &Name) -> OnMiss {
        let said = self.settings.hosted.get(apex).or_else(|| self.settings.on_miss.get(apex));
        said.copied().unwrap_or(OnMiss::NxDomain)
    }

    /// Hosted zones that are not what their files should make them, and why; without a reason the file is yet to come.
    pub(crate) fn degraded(&self) -> impl Iterator<Item = (ZoneId, &[Diagnostic])> {
        let all = self.folders.iter().flat_map(|(view, folder)| folder.iter().map(move |zone| (view, zone)));
        let degraded = all.filter(|(_, (_, loaded))| loaded.zone.is_none() || !loaded.errors.is_empty());
        degraded
            .map(|(view, (apex, loaded))| (ZoneId { view: view.clone(), apex: apex.clone() }, loaded.errors.as_slice()))
    }
}

/// True if anything was ever read from a folder.
fn has_any(folder: &Folder) -> bool {
    folder.values().any(|known| known.zone.is_some())
}
