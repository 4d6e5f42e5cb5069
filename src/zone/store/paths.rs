//! Where zone files lie: `<zone_dir>/<apex>.zone` of the base, `<zone_dir>/<view>/<apex>.zone` of a view.

use std::fs;
use std::path::{Path, PathBuf};

use crate::dns::Name;
use crate::files;
use crate::zone::{Kind, ViewName, ZoneId};

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

/// The path of a zone's file in the base.
pub(crate) fn path_of(zone_dir: &Path, apex: &Name) -> PathBuf {
    zone_dir.join(file_name(apex))
}

/// The path of a zone's file: `<zone_dir>/<view>/<apex>.zone` in a view.
pub(crate) fn file_of(zone_dir: &Path, id: &ZoneId) -> PathBuf {
    folder_of(zone_dir, id.view.as_ref()).join(file_name(&id.apex))
}

/// The folder of the files of a view, or of the base.
pub(crate) fn folder_of(zone_dir: &Path, view: Option<&ViewName>) -> PathBuf {
    view.map_or_else(|| zone_dir.to_owned(), |view| zone_dir.join(view.as_str()))
}

/// The name of a zone's file.
pub(crate) fn file_name(apex: &Name) -> String {
    format!("{}.zone", apex.without_dot())
}

/// The apex that a path `<zone_dir>/<apex>.zone` stands for.
pub(super) fn apex_of(path: &Path) -> Option<Name> {
    let stem = path.file_name()?.to_str()?.strip_suffix(".zone")?;
    if stem.starts_with('.') { None } else { stem.parse().ok() }
}
