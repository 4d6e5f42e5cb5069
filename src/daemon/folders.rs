//! The folders that a config needs to have watched, and those among them that respond.
//!
//! A folder on a share that hangs would hang all others too. So each folder is looked at by its own thread, and one
//! that does not respond soon is left out until it does.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tracing::warn;

use super::work::Running;
use super::{Daemon, background, log};
use crate::config::Config;
use crate::diag::{Diagnostic, Id, Place};
use crate::sync::source::Kind;
use crate::watch::{FileKind, Folder, Unwatched, Watch};

/// The time that folders may take to respond before they are left out.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Folders for one watcher.
#[derive(Default)]
pub(super) struct Folders {
    pub(super) watched: BTreeSet<Folder>,
    /// Those that did not answer.
    pub(super) silent: Vec<PathBuf>,
}

/// The folders of the config, the lists, the zones and the certificates, and those that links among them lead to; what
/// may hang apart from what is ours.
pub(super) fn of(config: &Config) -> [Folders; 2] {
    let ours = [(parent(&config.file), FileKind::Config), (config.zones.zone_dir.clone(), FileKind::Zones)];
    let ours = ours.map(|(path, kind)| Wanted { folder: Folder { path, kind, recursive: false }, link: None });
    // The server itself writes the lists of live sources, and knows when one changed.
    let by_others = config.sync.sources.iter().filter(|source| matches!(source.kind, Kind::Files(_)));
    let lists = by_others.map(|source| {
        let (path, recursive) = fixed_part(&source.path);
        // A list that is a link changes where it really is, too.
        Wanted { folder: Folder { path, kind: FileKind::Lists, recursive }, link: Some(source.path.clone()) }
    });
    // A certificate is often a link, to a file beside it or to that of another folder.
    let certificates = config.tls.files().map(|path| {
        let folder = Folder { path: parent(path), kind: FileKind::Certificates, recursive: false };
        Wanted { folder, link: Some(path.clone()) }
    });
    [responding(ours.into_iter()), responding(lists.chain(certificates))]
}

struct Wanted {
    folder: Folder,
    link: Option<PathBuf>,
}

impl Wanted {
    /// The folders to watch; looks at the disk.
    fn look(self) -> Vec<Folder> {
        let target = self.link.and_then(|link| link.canonicalize().ok());
        let background =
            target.map(|target| Folder { path: parent(&target), kind: self.folder.kind, recursive: false });
        [Some(self.folder), background].into_iter().flatten().filter(|folder| folder.path.exists()).collect()
    }
}

fn responding(wanted: impl Iterator<Item = Wanted>) -> Folders {
    let asked: Vec<(PathBuf, Receiver<Vec<Folder>>)> = wanted.map(probe).collect();
    let deadline = Instant::now() + RESPONSE_TIMEOUT;
    let mut folders = Folders::default();
    for (path, answer) in asked {
        match answer.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(found) => folders.watched.extend(found),
            Err(_) => folders.silent.push(path),
        }
    }
    folders
}

fn probe(wanted: Wanted) -> (PathBuf, Receiver<Vec<Folder>>) {
    let (sender, answer) = sync_channel(1);
    let path = wanted.folder.path.clone();
    // Without a thread the sender is gone, which counts as no response.
    let look = move || drop(sender.send(wanted.look()));
    drop(std::thread::Builder::new().name("folder".to_owned()).spawn(look));
    (path, answer)
}

/// The deepest folder of a path or glob that holds no pattern, and whether patterns follow in folders below it.
fn fixed_part(path: &Path) -> (PathBuf, bool) {
    let is_pattern = |part: &Path| part.to_string_lossy().contains(['*', '?', '[']);
    let folder = parent(path);
    let mut fixed = folder.clone();
    while is_pattern(&fixed) && fixed.pop() {}
    let recursive = fixed != folder;
    (if fixed.as_os_str().is_empty() { PathBuf::from(".") } else { fixed }, recursive)
}

fn parent(path: &Path) -> PathBuf {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

impl Daemon {
    /// Starts to watch the folders that the present config names. A share that hangs keeps the thread that looks at it.
    pub(super) fn watch_folders(&self) -> Running<Vec<(Watch, Unwatched)>> {
        let (config, ticks) = (self.config.clone(), self.ticks.clone());
        let work = move || of(&config).iter().filter_map(|folders| start_watch(folders, &ticks)).collect();
        Running::new(background::start("watch", work), Vec::new())
    }

    pub(super) fn watching(&mut self, found: Option<Vec<(Watch, Unwatched)>>) {
        let (watches, unwatched): (Vec<Watch>, Vec<Unwatched>) = found.unwrap_or_default().into_iter().unzip();
        for (folder, reason) in unwatched.iter().flatten().filter(|(folder, _)| !self.unwatched.contains(folder)) {
            let text = format!("cannot watch the folder: {reason}; its changes are seen at the next interval");
            log::found(&Diagnostic::warning(Id::FOLDER_UNWATCHED, Place::file(folder), text));
        }
        self.watches = watches;
        self.unwatched = unwatched.into_iter().flatten().map(|(folder, _)| folder).collect();
    }
}

fn start_watch(folders: &Folders, ticks: &mpsc::Sender<FileKind>) -> Option<(Watch, Unwatched)> {
    match Watch::start(&folders.watched, ticks.clone()) {
        Ok((watch, mut unwatched)) => {
            unwatched.extend(folders.silent.iter().map(|folder| (folder.clone(), "it does not answer".to_owned())));
            Some((watch, unwatched))
        }
        Err(failed) => {
            warn!(%failed, "cannot watch files; changes are seen at the next interval");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_is_watched_from_its_last_fixed_folder() {
        assert_eq!(fixed_part(Path::new("/a/b/*.txt")), (PathBuf::from("/a/b"), false));
        assert_eq!(fixed_part(Path::new("/a/*/c/x.txt")), (PathBuf::from("/a"), true));
        assert_eq!(fixed_part(Path::new("x.txt")), (PathBuf::from("."), false));
    }
}
