//! File events as ticks: something in a watched folder changed.
//!
//! In: folders. Out: on a channel, the kind of file that changed. Never: a watch on a file: editors and Kubernetes swap
//! files by rename, and a new file may match a glob. Events are gathered until the folder has been quiet for [`QUIET`],
//! so that a file that is still being written is read once, whole.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, NoCache, new_debouncer_opt};
use tokio::sync::mpsc;

/// How long a folder must be quiet before its change counts.
const QUIET: Duration = Duration::from_millis(150);

/// The kind of file that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FileKind {
    /// An endpoint list, or a file beside one.
    Lists,
    /// A zone file.
    Zones,
    /// The config.
    Config,
    /// A certificate, its key, or the roots for clients.
    Certificates,
}

/// A folder and the kind of its files.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Folder {
    /// The folder.
    pub(crate) path: PathBuf,
    /// The kind of file that a change in it concerns.
    pub(crate) kind: FileKind,
    /// Whether folders below it count.
    pub(crate) recursive: bool,
}

/// A watch that lasts until it is dropped.
pub(crate) struct Watch {
    _debouncer: Debouncer<RecommendedWatcher, NoCache>,
}

/// Folders that cannot be watched, with the reason; their changes are seen at the next interval only.
pub(crate) type Unwatched = Vec<(PathBuf, String)>;

impl Watch {
    /// Starts to watch. A tick that finds the channel full is dropped: a tick of that kind is waiting there already.
    pub(crate) fn start(
        folders: &BTreeSet<Folder>,
        ticks: mpsc::Sender<FileKind>,
    ) -> Result<(Self, Unwatched), notify::Error> {
        let watched = resolved(folders);
        let on_events = move |events: DebounceEventResult| {
            for kind in kinds(&watched, events) {
                // A full channel holds a tick of this kind already; a closed one has no use for the tick.
                let _ = ticks.try_send(kind);
            }
        };
        // The cache of file ids would look at every file of a folder, and a look may hang; renames need not be told
        // apart.
        let mut debouncer: Debouncer<RecommendedWatcher, NoCache> =
            new_debouncer_opt(QUIET, None, on_events, NoCache::new(), notify::Config::default())?;
        let mut unwatched = Vec::new();
        for folder in folders {
            let mode = if folder.recursive { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
            if let Err(error) = debouncer.watch(&folder.path, mode) {
                unwatched.push((folder.path.clone(), error.to_string()));
            }
        }
        Ok((Self { _debouncer: debouncer }, unwatched))
    }
}

/// The paths of events are either as watched or resolved, depending on the system: both forms are known.
fn resolved(folders: &BTreeSet<Folder>) -> Vec<Folder> {
    let mut all: Vec<Folder> = folders.iter().cloned().collect();
    for folder in folders {
        if let Ok(path) = folder.path.canonicalize() {
            all.push(Folder { path, ..folder.clone() });
        }
    }
    all
}

fn kinds(watched: &[Folder], events: DebounceEventResult) -> BTreeSet<FileKind> {
    let Ok(events) = events else {
        // The kernel's queue may have overflowed: every kind of file is read again.
        return BTreeSet::from([FileKind::Lists, FileKind::Zones, FileKind::Config, FileKind::Certificates]);
    };
    // Reading a file does not change it, and our own reading must not lead to the next.
    let changes = events.iter().filter(|event| !matches!(event.kind, EventKind::Access(_)));
    changes.flat_map(|event| &event.paths).flat_map(|path| concerned(watched, path)).collect()
}

fn concerned(watched: &[Folder], path: &Path) -> BTreeSet<FileKind> {
    let inside = |folder: &&Folder| {
        path == folder.path || path.parent() == Some(&folder.path) || folder.recursive && path.starts_with(&folder.path)
    };
    watched.iter().filter(inside).map(|folder| folder.kind).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_concerns_the_kinds_of_its_folder() {
        let folder = |path: &str, kind, recursive| Folder { path: path.into(), kind, recursive };
        let watched = [
            folder("/c", FileKind::Config, false),
            folder("/c/lists", FileKind::Lists, true),
            folder("/z", FileKind::Zones, false),
        ];
        let of = |path: &str| concerned(&watched, Path::new(path)).into_iter().collect::<Vec<_>>();
        assert_eq!(of("/c/x.toml"), [FileKind::Config]);
        assert_eq!(of("/c/lists/deep/x.txt"), [FileKind::Lists]);
        assert_eq!(of("/c/lists/..data"), [FileKind::Lists]);
        assert_eq!(of("/z/a/b.zone"), []);
    }
}
