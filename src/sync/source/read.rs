//! Reads one source from the disk: its present lists or, where one is missing or bad, the last good copy.
//!
//! Input: the settings of a source, the rules for names and addresses, and the state. Output: a [`Reading`]. A copy of
//! each good list is kept, so that it can stand in later. The read may take as long as a network share takes; the
//! caller does not wait with it (see [`super::super::gather`]).

mod live;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use glob::MatchOptions;

use super::{Kind, Listing, Settings, SourceError, Wrong, parse};
use crate::diag::{self, Diagnostic, Diagnostics, Id, Place, Severity};
use crate::files;
use crate::sync::MAX_BYTES;
use crate::sync::desired::{self, Limits};
use crate::sync::state::State;
use crate::sync::state::lists::{Kept, Stamp};

/// Entries of all lists of a pass together: twice what one may have. A pass over as many takes about a gigabyte.
const MAX_ENTRIES: usize = 2 * Listing::MAX_ENTRIES;

/// The number of entries that the lists of one pass may still have.
#[derive(Debug)]
pub struct EntryBudget(AtomicUsize);

/// The limits that every list of a pass is checked against.
pub type Bounds<'a> = (&'a Limits, &'a EntryBudget);

impl Default for EntryBudget {
    fn default() -> Self {
        Self(AtomicUsize::new(MAX_ENTRIES))
    }
}

impl EntryBudget {
    /// A budget of this many entries.
    #[cfg(test)]
    pub(super) fn with(entries: usize) -> Self {
        Self(AtomicUsize::new(entries))
    }

    /// Takes this many; true if there was room for them.
    fn take(&self, entries: usize) -> bool {
        self.0.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(entries)).is_ok()
    }
}

/// Files of one source. A vault has a list or two.
const MAX_FILES: usize = 1_000;

/// The contribution of one source to a pass.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Its lists: as they are, or as they were when they were last good.
    pub listings: Vec<Listing>,
    /// The present problems; empty if every list was read as it is now.
    pub problems: Diagnostics,
    /// True if a list is away that was never good: it may hold any record, so none is removed for want of it.
    pub is_silent: bool,
    /// The time when the oldest of its listings was read, seconds since 1970.
    pub read_at: Option<u64>,
    /// The time when the newest of its lists was changed, seconds since 1970.
    pub modified_at: Option<u64>,
}

impl Reading {
    fn problem(problem: Diagnostic) -> Self {
        let mut reading = Self::default();
        reading.problems.push(problem);
        reading
    }

    fn silent(problem: Diagnostic) -> Self {
        Self { is_silent: true, ..Self::problem(problem) }
    }

    /// `read_at` and `modified_at` are in seconds since 1970.
    fn add(&mut self, listing: Listing, read_at: u64, modified_at: u64) {
        self.read_at = Some(self.read_at.map_or(read_at, |oldest| oldest.min(read_at)));
        self.modified_at = self.modified_at.max(Some(modified_at));
        self.listings.push(listing);
    }
}

/// Lists are read side by side, since a share may hang, and taken apart one after the other, since that takes memory.
static PARSER: Mutex<()> = Mutex::new(());

/// Reads every list of a source; `now` is in seconds since 1970.
pub fn read(source: &Settings, limits: &Limits, state: &State, room: &EntryBudget, now: u64) -> Reading {
    match &source.kind {
        Kind::Files(_) => read_files(source, limits, state, room, now),
        Kind::Live { lists, report } => {
            let reading = live::read(source, lists, report, (limits, room));
            if reading.problems.is_empty() {
                // Lists that were kept while the source was one of files.
                state.forget_lists(&source.name, &[]);
            }
            reading
        }
    }
}

fn read_files(source: &Settings, limits: &Limits, state: &State, room: &EntryBudget, now: u64) -> Reading {
    let files = match files_of(source) {
        Ok(files) => files,
        Err(problem) => {
            let problem = source.problem(Id::SOURCE_NO_FILES, problem);
            let reading = stand_in(source, (limits, room), state, problem);
            return if reading.is_silent { first_list(source).map_or(reading, Reading::silent) } else { reading };
        }
    };
    let mut reading = Reading::default();
    // All lists of a source together may be as large as one list.
    let mut left = MAX_BYTES;
    for file in &files {
        match read_one(source, file, (limits, room), (state, now), &mut left) {
            Ok((listing, modified)) => reading.add(listing, now, modified),
            Err(SourceError(problems)) => {
                reading.problems.append(problems);
                match state.kept_list(&source.name, file).and_then(|kept| read_kept(source, (limits, room), kept)) {
                    Some((listing, read_at, modified)) => reading.add(listing, read_at, modified),
                    None => reading.is_silent = true,
                }
            }
        }
    }
    if reading.problems.is_empty() {
        state.forget_lists(&source.name, &files);
    }
    reading
}

/// The last good lists of a source, in place of what it does not give now.
pub fn stand_in(source: &Settings, bounds: Bounds<'_>, state: &State, problem: Diagnostic) -> Reading {
    let mut reading = Reading::problem(problem);
    for kept in state.kept_lists(&source.name) {
        if let Some((listing, read_at, modified)) = read_kept(source, bounds, kept) {
            reading.add(listing, read_at, modified);
        }
    }
    reading.is_silent = reading.listings.is_empty();
    reading
}

/// A kept list once more, by the limits of today; with the time when it was read and when it was changed.
fn read_kept(source: &Settings, bounds: Bounds<'_>, kept: Kept) -> Option<(Listing, u64, u64)> {
    let (read_at, modified_at) = (kept.read_at, kept.modified_at);
    let listing = checked(source, &kept.path, bounds, kept.bytes).ok()?;
    Some((listing, read_at, modified_at))
}

fn read_one(
    source: &Settings,
    path: &Path,
    bounds: Bounds<'_>,
    (state, now): (&State, u64),
    left: &mut u64,
) -> Result<(Listing, u64), SourceError> {
    let (bytes, stamp) = read_bytes(path, *left).map_err(|(id, problem)| {
        let mut problems = Diagnostics::default();
        problems.push(Diagnostic::error(id, Place::file(path), problem).of_source(&source.name));
        SourceError(problems)
    })?;
    *left = left.saturating_sub(bytes.len() as u64);
    // The reader consumes the bytes.
    let news = (!state.has_list(&source.name, path, stamp)).then(|| bytes.clone());
    let mut listing = checked(source, path, bounds, bytes)?;
    let kept = news.map_or(Ok(()), |copy| state.keep_list(&source.name, path, (now, stamp), &copy));
    if let Err(failed) = kept {
        let then = "; if the list disappears, its records stay but cannot be compared";
        listing.warnings.warning(|| failed.diagnostic(Id::LIST_NOT_KEPT).and(then).of_source(&source.name));
    }
    Ok((listing, stamp.modified()))
}

/// A list that can be used as it is: it can be read, each of its names and addresses can be a record, and there is room
/// for it beside the others.
fn checked(source: &Settings, path: &Path, (limits, room): Bounds<'_>, bytes: Vec<u8>) -> Result<Listing, SourceError> {
    let _one_at_a_time = PARSER.lock().unwrap_or_else(PoisonError::into_inner);
    let listing = parse(&source.name, path, source.format(), bytes)?;
    let mut problems = desired::check(&listing, limits);
    if problems.is_empty() && !room.take(listing.len()) {
        let text = format!("all lists together have more than {MAX_ENTRIES} entries; this one is left out");
        problems.push(Diagnostic::error(Id::LIST_TOO_LARGE, listing.place(None), text).of_source(&source.name));
    }
    if problems.is_empty() { Ok(listing) } else { Err(SourceError(problems)) }
}

/// Globs as a shell has them: a dot in the pattern alone means a name with a dot in front, as swap files have.
const AS_A_SHELL: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: false, require_literal_leading_dot: true };

/// Whether a file that a glob matches is the copy of a list that an editor keeps: what it says is over.
fn is_backup(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"~")
}

/// The files a path stands for, sorted. A glob that matches nothing is a mistake or a missing mount, not an empty list.
pub(super) fn files_of(source: &Settings) -> Result<Vec<PathBuf>, String> {
    let shown = diag::path(&source.path);
    let text = source.path.to_str().ok_or_else(|| format!("path '{shown}' is not UTF-8"))?;
    if !text.contains(['*', '?', '[']) {
        return Ok(vec![source.path.clone()]);
    }
    let matches =
        glob::glob_with(text, AS_A_SHELL).map_err(|error| format!("'{shown}' is not a valid glob: {error}"))?;
    let mut files = Vec::new();
    for found in matches {
        let path =
            found.map_err(|error| format!("cannot look into '{}': {}", diag::path(error.path()), error.error()))?;
        if !path.is_dir() && !is_backup(&path) {
            files.push(path);
        }
        if files.len() > MAX_FILES {
            return Err(format!("more than {MAX_FILES} files match '{shown}': is this the right folder?"));
        }
    }
    if files.is_empty() && source.path.exists() {
        // A file whose name only looks like a glob.
        files.push(source.path.clone());
    }
    if files.is_empty() {
        return Err(format!("no file matches '{shown}'"));
    }
    files.sort();
    Ok(files)
}

/// What a source waits for that never had a list and whose folder is empty: nothing is wrong yet.
fn first_list(source: &Settings) -> Option<Diagnostic> {
    let folder = source.path.parent()?;
    let is_empty =
        fs::read_dir(folder).ok()?.flatten().all(|file| file.file_name().as_encoded_bytes().starts_with(b"."));
    let text = format!(
        "there is no list yet: put an endpoint list into {}, which is empty; it is read at once",
        diag::path(folder)
    );
    is_empty.then(|| Diagnostic { severity: Severity::Warning, ..source.problem(Id::SOURCE_NO_FILES, text) })
}

fn read_bytes(path: &Path, left: u64) -> Result<(Vec<u8>, Stamp), Wrong> {
    files::read(path, left).map(|(bytes, file)| (bytes, Stamp::of(&file))).map_err(|error| {
        let is_too_large = error.kind() == io::ErrorKind::FileTooLarge;
        let id = if is_too_large { Id::LIST_TOO_LARGE } else { Id::LIST_UNREADABLE };
        (id, why_unreadable(&error, left))
    })
}

fn why_unreadable(error: &io::Error, left: u64) -> String {
    match error.kind() {
        io::ErrorKind::IsADirectory => "is a folder: name a file in it, or a glob such as 'folder/*.txt'".to_owned(),
        // Opening a pipe would wait for a writer, and all passes with it.
        io::ErrorKind::InvalidInput => {
            "is a pipe, socket or device, not a regular file; write the list to a file instead".to_owned()
        }
        io::ErrorKind::FileTooLarge if left < MAX_BYTES => {
            format!("is left out: the lists of its source are larger than {} together", files::size(MAX_BYTES))
        }
        io::ErrorKind::FileTooLarge => format!("is larger than {}: is this the right file?", files::size(MAX_BYTES)),
        io::ErrorKind::ResourceBusy => "changed while it was being read; the next pass reads it again".to_owned(),
        io::ErrorKind::WouldBlock => {
            "gives no data at once, as a kernel log does; write the list to a file instead".to_owned()
        }
        _ => format!("cannot read the list: {error}"),
    }
}
