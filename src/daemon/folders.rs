//! The folders that a config needs to have watched, and those among them that respond.
//!
//! A folder on a share that hangs would hang all others too. So each folder is looked at by its own thread, and one
//! that does not respond soon is left out until it does.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

/// The time for which a watch goes on beside the one that takes its place: it gathers events before it tells of them.
const EVENTS_COME: Duration = Duration::from_secs(5);

/// Links that are followed; the kernel follows no more (`path_resolution(7)`).
const MAX_LINKS: usize = 40;

/// What is watched.
#[derive(Default)]
pub(super) struct Watched {
    _watches: Vec<Watch>,
    unwatched: Unwatched,
    folders: [Folders; 2],
}

/// The device and the number of a folder: one that takes the place of another is not watched with it.
type FolderId = (u64, u64);

/// What a look at the disk found.
type Found = Vec<(Folder, FolderId)>;

/// Folders for one watcher.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Folders {
    pub(super) watched: BTreeSet<Folder>,
    ids: BTreeSet<FolderId>,
    /// Those that did not answer.
    pub(super) silent: Vec<PathBuf>,
}

/// The folders of the config, the lists, the zones and the certificates, and those that links among them lead to; what
/// may hang apart from what is ours.
fn of(config: &Config, looks: &Looks) -> [Folders; 2] {
    let has_views = !config.zones.views.is_empty();
    let ours = [
        Folder { path: parent(&config.file), kind: FileKind::Config, recursive: false },
        // Each view has a folder in it.
        Folder { path: config.zones.zone_dir.clone(), kind: FileKind::Zones, recursive: has_views },
    ];
    let ours = ours.map(|folder| Wanted { folder, link: None });
    // The server itself writes the lists of live sources, and knows when one changed.
    let by_others = config.sync.sources.iter().filter(|source| matches!(source.kind, Kind::Files(_)));
    let lists = by_others.map(|source| {
        let (path, recursive) = fixed_part(&source.path);
        // A list that links lead to changes where they are, too.
        Wanted { folder: Folder { path, kind: FileKind::Lists, recursive }, link: Some(source.path.clone()) }
    });
    // A certificate is often a link: certbot's leads to another, and one of Kubernetes to a folder that is one.
    let certificates = config.tls.files().map(|path| {
        let folder = Folder { path: parent(path), kind: FileKind::Certificates, recursive: false };
        Wanted { folder, link: Some(path.clone()) }
    });
    [responding(ours.into_iter(), looks), responding(lists.chain(certificates), looks)]
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    folder: Folder,
    link: Option<PathBuf>,
}

/// The looks that have not come back. A share that hangs keeps one thread, however often it is to be looked at.
#[derive(Clone, Default)]
pub(super) struct Looks(Arc<Mutex<Vec<Wanted>>>);

impl Looks {
    fn under_way(&self) -> MutexGuard<'_, Vec<Wanted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False if this look is under way already.
    fn begin(&self, wanted: &Wanted) -> bool {
        let mut under_way = self.under_way();
        let is_new = !under_way.contains(wanted);
        if is_new {
            under_way.push(wanted.clone());
        }
        is_new
    }

    fn end(&self, wanted: &Wanted) {
        self.under_way().retain(|known| known != wanted);
    }
}

impl Wanted {
    /// The folders to watch; looks at the disk.
    fn look(&self) -> Found {
        let kind = self.folder.kind;
        let links = self.link.as_deref().map(folders_of_links).unwrap_or_default();
        let links = links.into_iter().map(|path| Folder { path, kind, recursive: false });
        let id = |folder: Folder| {
            let about = folder.path.metadata().ok()?;
            Some((folder, (about.dev(), about.ino())))
        };
        std::iter::once(self.folder.clone()).chain(links).filter_map(id).collect()
    }
}

/// The folders in which a change leads a path elsewhere: that of each link on the way, be it to a file or to a folder,
/// and that of the file itself. Where the way ends, those up to there.
fn folders_of_links(path: &Path) -> Vec<PathBuf> {
    let Ok(path) = std::path::absolute(path) else { return Vec::new() };
    let (mut at, mut folders, mut links) = (PathBuf::new(), Vec::new(), 0);
    let mut rest: Vec<PathBuf> = path.iter().rev().map(PathBuf::from).collect();
    while let Some(part) = rest.pop() {
        if part.as_os_str() == ".." {
            at.pop();
            continue;
        }
        let Ok(target) = at.join(&part).read_link() else {
            at.push(part);
            continue;
        };
        folders.push(at.clone());
        links += 1;
        if links == MAX_LINKS {
            return folders;
        }
        // A target is relative to the folder of its link; one from the root begins there, because `push` does so.
        rest.extend(target.iter().rev().map(PathBuf::from));
    }
    if links > 0 {
        folders.push(parent(&at));
    }
    folders
}

fn responding(wanted: impl Iterator<Item = Wanted>, looks: &Looks) -> Folders {
    let asked: Vec<(PathBuf, Receiver<Found>)> = wanted.map(|wanted| probe(wanted, looks)).collect();
    let deadline = Instant::now() + RESPONSE_TIMEOUT;
    let mut folders = Folders::default();
    for (path, answer) in asked {
        match answer.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(found) => {
                folders.ids.extend(found.iter().map(|(_, id)| id));
                folders.watched.extend(found.into_iter().map(|(folder, _)| folder));
            }
            Err(_) => folders.silent.push(path),
        }
    }
    folders
}

/// Looks on a thread of its own; without one the sender is gone, which counts as no response.
fn probe(wanted: Wanted, looks: &Looks) -> (PathBuf, Receiver<Found>) {
    let (sender, answer) = sync_channel(1);
    let path = wanted.folder.path.clone();
    if looks.begin(&wanted) {
        let (again, ended) = (wanted.clone(), looks.clone());
        let look = move || {
            let found = wanted.look();
            ended.end(&wanted);
            // Nobody may wait for it any more.
            let _ = sender.send(found);
        };
        if std::thread::Builder::new().name("folder".to_owned()).spawn(look).is_err() {
            looks.end(&again);
        }
    }
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
    /// Looks at the folders that the present config names, and starts to watch them where they are not those that are
    /// watched already: a link may lead elsewhere now, and a folder may have come, or have taken the place of another.
    /// There is no result if they are the same.
    pub(super) fn watch_folders(&self) -> Running<Option<Watched>> {
        let (config, ticks, looks) = (self.config.clone(), self.ticks.clone(), self.looks.clone());
        let known = self.watched.unwatched.is_empty().then(|| self.watched.folders.clone());
        let work = move || {
            let folders = of(&config, &looks);
            (known.as_ref() != Some(&folders)).then(|| Watched::start(folders, &ticks))
        };
        Running::new(background::start("watch", work), Vec::new())
    }

    pub(super) fn watching(&mut self, found: Option<Watched>) {
        let Some(found) = found else { return };
        let is_known = |folder: &PathBuf| self.watched.unwatched.iter().any(|(known, _)| known == folder);
        for (folder, reason) in found.unwatched.iter().filter(|(folder, _)| !is_known(folder)) {
            let text = format!("cannot watch the folder: {reason}; its changes are seen at the next interval");
            log::found(&Diagnostic::warning(Id::FOLDER_UNWATCHED, Place::file(folder), text));
        }
        let former = std::mem::replace(&mut self.watched, found);
        self.former.push((tokio::time::Instant::now(), former));
        // A file may have changed before its folder was watched.
        self.certificates.due();
    }

    /// Ends the watches that others have taken the place of, once all their events have come.
    pub(super) fn end_former_watches(&mut self, now: tokio::time::Instant) {
        self.former.retain(|(since, _)| now < *since + EVENTS_COME);
    }
}

impl Watched {
    fn start(folders: [Folders; 2], ticks: &mpsc::Sender<FileKind>) -> Self {
        let started = folders.iter().filter_map(|folders| start_watch(folders, ticks));
        let (watches, unwatched): (Vec<Watch>, Vec<Unwatched>) = started.unzip();
        Self { _watches: watches, unwatched: unwatched.into_iter().flatten().collect(), folders }
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

    /// A folder in which links are made.
    struct Tree(tempfile::TempDir);

    impl Tree {
        /// Input: folders and files by their paths, and links with their targets.
        fn new(files: &[&str], links: &[(&str, &str)]) -> Self {
            let tree = Self(tempfile::tempdir().unwrap());
            for file in files {
                std::fs::create_dir_all(tree.at(file).parent().unwrap()).unwrap();
                std::fs::write(tree.at(file), "").unwrap();
            }
            for (link, target) in links {
                std::fs::create_dir_all(tree.at(link).parent().unwrap()).unwrap();
                let target = target.replace("/root", tree.0.path().to_str().unwrap());
                std::os::unix::fs::symlink(target, tree.at(link)).unwrap();
            }
            tree
        }

        fn at(&self, path: &str) -> PathBuf {
            self.0.path().canonicalize().unwrap().join(path)
        }

        /// The folders of a path's links, below the tree.
        fn folders(&self, path: &str) -> Vec<String> {
            let root = self.at("");
            let below = |folder: PathBuf| folder.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            folders_of_links(&self.at(path)).into_iter().map(below).collect()
        }
    }

    #[test]
    fn every_link_on_the_way_to_a_file_is_watched_where_it_is() {
        // certbot's, behind a link of ours.
        let certbot = Tree::new(
            &["archive/x/fullchain1.pem"],
            &[("live/x/fullchain.pem", "../../archive/x/fullchain1.pem"), ("tls/c.pem", "/root/live/x/fullchain.pem")],
        );
        assert_eq!(certbot.folders("tls/c.pem"), ["tls", "live/x", "archive/x"]);
        assert_eq!(certbot.folders("live/x/fullchain.pem"), ["live/x", "archive/x"]);
        assert_eq!(certbot.folders("archive/x/fullchain1.pem"), [""; 0]);
        // A secret of Kubernetes, whose `..data` is replaced by a rename, and a link to it.
        let links = [("v/..data", "..2026_1"), ("v/tls.crt", "..data/tls.crt"), ("tls/c.pem", "/root/v/tls.crt")];
        let volume = Tree::new(&["v/..2026_1/tls.crt"], &links);
        assert_eq!(volume.folders("v/tls.crt"), ["v", "v", "v/..2026_1"]);
        assert_eq!(volume.folders("tls/c.pem"), ["tls", "v", "v", "v/..2026_1"]);
        // A folder that is a link.
        let folder = Tree::new(&["b/c.pem"], &[("etc/tls", "../b")]);
        assert_eq!(folder.folders("etc/tls/c.pem"), ["etc", "b"]);
    }

    #[test]
    fn links_that_lead_nowhere_or_in_a_circle_are_watched_as_far_as_they_go() {
        let tree = Tree::new(&[], &[("a/dangling", "/root/b/none"), ("a/circle", "circle")]);
        assert_eq!(tree.folders("a/dangling"), ["a", "b"]);
        assert_eq!(tree.folders("a/circle"), ["a"; MAX_LINKS]);
    }

    #[test]
    fn a_folder_that_hangs_is_not_looked_at_again_before_the_look_comes_back() {
        let (tree, looks) = (Tree::new(&["a/list.txt"], &[]), Looks::default());
        let folder = Folder { path: tree.at("a"), kind: FileKind::Lists, recursive: false };
        let wanted = Wanted { folder, link: None };
        assert!(looks.begin(&wanted), "a look that does not come back");
        let look = || responding(std::iter::once(wanted.clone()), &looks);
        assert_eq!(look().silent, [tree.at("a")]);
        assert_eq!(looks.under_way().len(), 1, "and no thread more");
        looks.end(&wanted);
        assert_eq!((look().silent.len(), look().watched.len(), looks.under_way().len()), (0, 1, 0));
    }
}
