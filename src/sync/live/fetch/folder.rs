//! The folder of a live source: its lists and its last report. Nobody else's file is touched.

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::outside::Outside;
use super::super::records::ScopeList;
use super::super::render::{MAX_BYTES, render};
use super::super::report::LiveReport;
use super::super::scope::Scope;
use super::super::settings::Settings;
use crate::files;

/// The name of every temporary file; the folder is locked while one is there.
const TEMPORARY: &str = ".tmp";
const LOCK: &str = ".lock";
/// Lists say which endpoints a company has: they are the service's alone.
const MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;
/// Octets of a report.
const MAX_REPORT: u64 = 16 << 20;
/// Another process writes for some milliseconds.
const TURNS: u32 = 50;
const TURN: Duration = Duration::from_millis(100);

/// What became of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// It was replaced.
    Written,
    /// It said the same before.
    Same,
    /// It would become empty; it stays.
    Empty,
    /// It could not be written; it stays.
    Failed(String),
}

/// The folder, locked against other processes for as long as this lives.
pub(super) struct Folder<'a> {
    settings: &'a Settings,
    _lock: File,
}

impl<'a> Folder<'a> {
    /// Makes the folder if it is not there, and locks it.
    ///
    /// # Errors
    /// If it cannot be used: the text says why.
    pub(super) fn open(settings: &'a Settings, outside: &dyn Outside) -> Result<Self, String> {
        let path = &settings.folder;
        let failed = |doing: &str, error: &io::Error| {
            format!("{doing} {}: {error}; every list stays as it is", crate::diag::path(path))
        };
        files::make_folder(path, FOLDER_MODE).map_err(|error| failed("cannot make the folder of lists", &error))?;
        let lock = File::options().create(true).truncate(false).write(true).open(path.join(LOCK));
        let lock = lock.map_err(|error| failed("cannot write into the folder of lists", &error))?;
        for _ in 0..TURNS {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { settings, _lock: lock }),
                // Some network file systems have no locks.
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                    return Ok(Self { settings, _lock: lock });
                }
                Err(TryLockError::Error(error)) => return Err(failed("cannot lock the folder of lists", &error)),
                Err(TryLockError::WouldBlock) if !outside.wait(TURN) => break,
                Err(TryLockError::WouldBlock) => {}
            }
        }
        Err(format!("another process writes into {}; every list stays as it is", crate::diag::path(path)))
    }

    /// Removes the lists of scopes that the config does not name any more; true if there were any.
    pub(super) fn clean(&self) -> bool {
        let lists = self.settings.scopes.iter().flat_map(|scope| self.settings.lists(scope));
        let wanted: HashSet<PathBuf> = lists.map(|(_, path)| path).collect();
        let entries = fs::read_dir(&self.settings.folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let is_list = |path: &Path| path.extension().is_some_and(|ending| ending == "toml");
        // One that cannot be removed is tried at the next read; nothing reads it.
        entries
            .filter(|path| is_list(path) && !wanted.contains(path.as_path()))
            .filter(|path| fs::remove_file(path).is_ok())
            .count()
            > 0
    }

    /// Replaces the lists of a scope that say something else, unless all of it is suddenly nothing.
    pub(super) fn put(&self, scope: &Scope, list: &ScopeList) -> Put {
        let mut lists = Vec::new();
        for (view, path) in self.settings.lists(scope) {
            let text = render(&self.settings.name, scope, list, view);
            if text.len() > MAX_BYTES {
                return Put::Failed(format!(
                    "its list would be larger than {} MB, so that the one before stays: name the resource groups as scopes",
                    MAX_BYTES >> 20
                ));
            }
            // One that cannot be read may hold anything.
            let old = match files::read(&path, 2 * MAX_BYTES as u64) {
                Ok((bytes, _)) => Some(bytes),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(_) if list.selected == 0 => return Put::Empty,
                Err(_) => Some(Vec::new()),
            };
            if list.selected == 0 && old.as_deref().is_some_and(names_something) {
                return Put::Empty;
            }
            if old.as_deref() != Some(text.as_bytes()) {
                lists.push((path, text));
            }
        }
        let result = if lists.is_empty() { Put::Same } else { Put::Written };
        for (path, text) in lists {
            if let Err(failed) = self.replace(&path, &text) {
                return failed;
            }
        }
        result
    }

    fn replace(&self, path: &Path, text: &str) -> Result<(), Put> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        files::replace(&self.settings.folder, &name, TEMPORARY, MODE, text.as_bytes()).map_err(|(doing, error)| {
            Put::Failed(format!("{doing} {}: {error}; the list before stays", crate::diag::path(path)))
        })
    }

    /// Keeps the report of a read; it may be lost with the power.
    ///
    /// # Errors
    /// If it cannot be written: the text says why.
    pub(super) fn put_report(&self, report: &LiveReport) -> Result<(), String> {
        let path = self.settings.report_path();
        let failed = |doing: &str, error: &dyn std::fmt::Display| {
            format!("{doing} {}: {error}; the lists are written all the same", crate::diag::path(&path))
        };
        let bytes = serde_json::to_vec(report).map_err(|error| failed("cannot write", &error))?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        files::replace_soon(&self.settings.folder, &name, TEMPORARY, MODE, &bytes)
            .map_err(|(doing, error)| failed(doing, &error))
    }
}

/// The report that was kept last; what counts since the start of this process begins anew.
pub(super) fn last_report(settings: &Settings) -> LiveReport {
    let bytes = files::read(&settings.report_path(), MAX_REPORT).map(|(bytes, _)| bytes).unwrap_or_default();
    let report: LiveReport = serde_json::from_slice(&bytes).unwrap_or_default();
    LiveReport { requests: 0, reads: (0, 0), problems: Vec::new(), ..report }
}

/// True if an emptiness in place of this list would take something out of service: a record, or the sign of one.
fn names_something(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let is_apart = |entry: &str| entry.lines().any(|line| line.starts_with("connection ="));
    text.split("[[endpoint]]").skip(1).any(|entry| !is_apart(entry))
}
