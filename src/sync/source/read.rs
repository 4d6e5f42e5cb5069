//! Sources off the disk: the one place in `sync` that opens lists.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::{Listing, Notes, Settings, SourceError, parse};
use crate::sync::progress::{Step, Watcher};

/// The largest list that is read. A million lines of UTF-16 take 170 MB; what is larger is a wrong path.
pub const MAX_BYTES: u64 = 256 << 20;

/// Reads every file of every source. One unreadable source or bad line means no listing at all: what is in service
/// stays, and every problem is named.
pub fn read_all(sources: &[Settings], watcher: Watcher<'_>) -> Result<Vec<Listing>, SourceError> {
    let mut listings = Vec::new();
    let mut problems = Notes::default();
    for source in sources {
        match files_of(source) {
            Ok(files) => {
                for file in files {
                    watcher(Step::Reading(&file));
                    match read_one(source, &file) {
                        Ok(listing) => listings.push(listing),
                        Err(SourceError(notes)) => problems.append(notes),
                    }
                }
            }
            Err(problem) => problems.push(|| format!("source '{}': {problem}", source.name)),
        }
    }
    if problems.is_empty() { Ok(listings) } else { Err(SourceError(problems)) }
}

/// The files a path stands for, sorted. A glob that matches nothing is a mistake or a missing mount, not an empty list.
fn files_of(source: &Settings) -> Result<Vec<PathBuf>, String> {
    let shown = source.path.display();
    let text = source.path.to_str().ok_or_else(|| format!("path '{shown}' is not UTF-8"))?;
    if source.path.exists() || !text.contains(['*', '?', '[']) {
        return Ok(vec![source.path.clone()]);
    }
    let matches = glob::glob(text).map_err(|error| format!("'{shown}' is no glob: {error}"))?;
    let mut files = Vec::new();
    for found in matches {
        let path =
            found.map_err(|error| format!("cannot look into '{}': {}", error.path().display(), error.error()))?;
        if !path.is_dir() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(format!("no file matches '{shown}'"));
    }
    files.sort();
    Ok(files)
}

fn read_one(source: &Settings, path: &Path) -> Result<Listing, SourceError> {
    match read_bytes(path) {
        Ok(bytes) => parse(&source.name, path, source.format, bytes),
        Err(problem) => {
            let mut notes = Notes::default();
            notes.push(|| format!("{}: {problem}", path.display()));
            Err(SourceError(notes))
        }
    }
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, String> {
    let cannot = |error: io::Error| format!("cannot read the list: {error}");
    // Symbolic links are followed: Kubernetes mounts lists as links and swaps them.
    let before = fs::metadata(path).map_err(cannot)?;
    if before.is_dir() {
        return Err("is a folder: name a file in it, or a glob such as 'folder/*.txt'".to_owned());
    }
    // Opening a pipe waits for a writer, and all passes with it.
    if !before.is_file() {
        return Err("is no file but a pipe, a socket or a device: have it written into a file".to_owned());
    }
    let mut file = File::open(path).map_err(cannot)?;
    let too_large = || format!("is larger than {} MB: is this the right file?", MAX_BYTES >> 20);
    if before.len() > MAX_BYTES {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(before.len()).unwrap_or_default() + 1);
    // It may grow meanwhile.
    file.by_ref().take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_large());
    }
    let after = fs::metadata(path).map_err(cannot)?;
    if (before.len(), before.modified().ok()) != (after.len(), after.modified().ok()) {
        return Err("changed while it was being read; the next pass reads it again".to_owned());
    }
    Ok(bytes)
}
