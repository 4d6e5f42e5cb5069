//! The memory of sync besides zones, in `state_dir`: the last good copy of each list, the guard's base, the place where
//! each record is listed, the last serial of each zone, the changes that were made, and the freeze.
//!
//! This memory is safe to lose and never needed to serve: without it the zones stay as they are, a missing list keeps
//! the records that it gave, and the guard starts from the records in service. Every file is replaced whole, so a crash
//! leaves the old or the new one.

pub(crate) mod base;
pub(crate) mod changes;
pub(crate) mod freeze;
pub(crate) mod last_pass;
pub(crate) mod lists;
pub(crate) mod provenance;
mod serial;

use std::io;
use std::path::{Path, PathBuf};

use crate::diag::{Diagnostic, Id, Place};
use crate::files;
use crate::zone::ZoneId;

/// Lists tell which storage accounts and vaults there are: for the server's user alone.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// The folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    folder: PathBuf,
    /// For verbs that change nothing: `plan`, `check`.
    is_read_only: bool,
}

/// The reason why something could not be remembered.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.diagnostic(Id::STATE_FAILED))]
pub struct StateError {
    path: PathBuf,
    doing: &'static str,
    #[source]
    error: io::Error,
}

impl StateError {
    /// The same as a diagnostic; what could not be remembered says which kind.
    pub fn diagnostic(&self, id: Id) -> Diagnostic {
        Diagnostic::error(id, Place::file(&self.path), format!("state_dir: {}: {}", self.doing, self.error))
    }
}

impl State {
    /// The state in this folder, which is made when something is first written.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, is_read_only: false }
    }

    /// The same, in which nothing is written, and nothing forgotten.
    #[must_use]
    pub fn read_only(&self) -> Self {
        Self { is_read_only: true, ..self.clone() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn part(&self, part: &str) -> PathBuf {
        self.folder.join(part)
    }

    /// Writes `part/name` whole and to the disk.
    fn write(&self, part: &str, name: &str, bytes: &[u8]) -> Result<(), StateError> {
        self.write_by(files::replace, part, name, bytes)
    }

    /// Writes `part/name` whole; it may be lost with the power.
    fn write_soon(&self, part: &str, name: &str, bytes: &[u8]) -> Result<(), StateError> {
        self.write_by(files::replace_soon, part, name, bytes)
    }

    fn write_by(&self, replace: Replace, part: &str, name: &str, bytes: &[u8]) -> Result<(), StateError> {
        let folder = self.part(part);
        let failed = |(doing, error)| StateError { path: folder.join(name), doing, error };
        self.make(&folder)?;
        // Two processes may make a pass each, and in one of them several sources are read at a time.
        let temporary = format!(".{name}.{}.tmp", std::process::id());
        replace(&folder, name, &temporary, FILE_MODE, bytes).map_err(failed)
    }

    /// Makes a folder of the state's, and those around it, for the server's user alone.
    fn make(&self, folder: &Path) -> Result<(), StateError> {
        if folder != self.folder
            && let Some(around) = folder.parent()
        {
            self.make(around)?;
            // A link inside would have root write wherever the server's user likes.
            if std::fs::symlink_metadata(folder).is_ok_and(|found| found.is_symlink()) {
                let error = io::Error::new(io::ErrorKind::NotADirectory, "it is a symbolic link");
                return Err(StateError { path: folder.to_owned(), doing: "cannot use the folder", error });
            }
        }
        let failed = |error| StateError { path: folder.to_owned(), doing: "cannot make the folder", error };
        files::make_folder(folder, FOLDER_MODE).map_err(failed)
    }

    /// Reads `part/name`; `None` if it is not there.
    fn read(&self, part: &str, name: &str, max: u64) -> Result<Option<Vec<u8>>, StateError> {
        let path = self.part(part).join(name);
        match files::read(&path, max) {
            Ok((bytes, _)) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StateError { path, doing: "cannot read it", error }),
        }
    }
}

/// A way to replace a file.
type Replace = fn(&Path, &str, &str, u32, &[u8]) -> Result<(), files::Failed>;

/// The file of a zone in a part of the state. No view's name has an `@`.
fn of_zone(id: &ZoneId) -> String {
    let apex = id.apex.without_dot();
    match &id.view {
        None => format!("{apex}.txt"),
        Some(view) => format!("{view}@{apex}.txt"),
    }
}
