//! The last good copy of each list: its bytes, behind a line with its source and path, in a folder for each source.
//!
//! The bytes are kept and not the entries, because they go through the same reader again, which may have learnt more
//! since.

use std::collections::HashSet;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{State, StateError};
use crate::files;
use crate::sync::MAX_BYTES;
use crate::sync::live::settings;

const LISTS: &str = "lists";

/// Octets of the first line: a path has 4,096 at most, and JSON may take six for each.
const MAX_HEAD: u64 = 64 << 10;

/// A list that was good.
pub struct Kept {
    /// The path it was read from.
    pub path: PathBuf,
    /// When it was read, seconds since 1970.
    pub read_at: u64,
    /// When it had last been changed, seconds since 1970.
    pub modified_at: u64,
    /// The list.
    pub bytes: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ListHead {
    version: u32,
    source: String,
    path: PathBuf,
    read_at: u64,
    stamp: Stamp,
    sha256: String,
}

/// A mark by which a changed list is known without reading it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    length: u64,
    inode: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// Of an open file.
    pub fn of(file: &Metadata) -> Self {
        Self {
            length: file.len(),
            inode: file.ino(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }

    /// The time when its contents last changed, seconds since 1970.
    pub fn modified(&self) -> u64 {
        u64::try_from(self.modified.0).unwrap_or_default()
    }
}

const VERSION: u32 = 1;

impl State {
    /// True if the list with this stamp is kept already.
    pub fn has_list(&self, source: &str, path: &Path, stamp: Stamp) -> bool {
        let head = self.list_head(source, &file_name(path));
        head.is_some_and(|head| (head.version, head.stamp) == (VERSION, stamp))
    }

    /// Keeps a list that is good.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub fn keep_list(
        &self,
        source: &str,
        path: &Path,
        (read_at, stamp): (u64, Stamp),
        bytes: &[u8],
    ) -> Result<(), StateError> {
        if self.is_read_only {
            return Ok(());
        }
        let sha256 = hex(&Sha256::digest(bytes));
        let head =
            ListHead { version: VERSION, source: source.to_owned(), path: path.to_owned(), read_at, stamp, sha256 };
        let mut text = serde_json::to_vec(&head).unwrap_or_default();
        text.push(b'\n');
        text.extend_from_slice(bytes);
        self.write_soon(&part(source), &file_name(path), &text)
    }

    /// The last good copy of a source's list.
    pub fn kept_list(&self, source: &str, path: &Path) -> Option<Kept> {
        self.load_list(source, &file_name(path))
    }

    /// Every list that a source had when it was last good, sorted by path.
    pub fn kept_lists(&self, source: &str) -> Vec<Kept> {
        let names = self.list_names(source).into_iter();
        let mut kept: Vec<Kept> = names.filter_map(|name| self.load_list(source, &name)).collect();
        kept.sort_by(|a, b| a.path.cmp(&b.path));
        kept
    }

    /// Forgets the lists of a source that it no longer has, once it has been read whole.
    pub fn forget_lists(&self, source: &str, but: &[PathBuf]) {
        if self.is_read_only {
            return;
        }
        let but: HashSet<String> = but.iter().map(|path| file_name(path)).collect();
        for name in self.list_names(source).into_iter().filter(|name| !but.contains(name)) {
            // A copy that cannot be removed is not used either.
            let _ = std::fs::remove_file(self.part(&part(source)).join(name));
        }
    }

    fn list_names(&self, source: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.part(&part(source))).into_iter().flatten().filter_map(Result::ok);
        entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| Path::new(name).extension().is_some_and(|ending| ending == "list"))
            .collect()
    }

    fn list_head(&self, source: &str, name: &str) -> Option<ListHead> {
        let head = files::read_head(&self.part(&part(source)).join(name), MAX_HEAD).ok()?;
        serde_json::from_slice(head.split(|byte| *byte == b'\n').next()?).ok()
    }

    fn load_list(&self, source: &str, name: &str) -> Option<Kept> {
        let text = self.read(&part(source), name, MAX_BYTES + MAX_HEAD).ok()??;
        let end = text.iter().position(|byte| *byte == b'\n')?;
        let head: ListHead = serde_json::from_slice(&text[..end]).ok()?;
        let bytes = text.get(end + 1..)?.to_vec();
        // A copy that was damaged on the disk is not used.
        let is_whole = head.version == VERSION && head.source == source && head.sha256 == hex(&Sha256::digest(&bytes));
        let modified_at = head.stamp.modified();
        is_whole.then_some(Kept { path: head.path, read_at: head.read_at, modified_at, bytes })
    }
}

/// The part of the state that has a source's lists.
fn part(source: &str) -> String {
    format!("{LISTS}/{}", settings::file_name(source, source))
}

/// Paths hold what file names must not.
fn file_name(path: &Path) -> String {
    format!("{}.list", &hex(&Sha256::digest(path.as_os_str().as_encoded_bytes()))[..32])
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_kept_until_its_source_has_it_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::new(folder.path().join("state"));
        assert!(state.list_names("s").is_empty());
        let (a, b) = (Path::new("/lists/a.txt"), Path::new("/lists/b.txt"));
        let stamp = Stamp { length: 4, ..Stamp::default() };
        assert!(!state.has_list("s", a, stamp));
        state.keep_list("s", a, (7, stamp), b"one\xff\n").unwrap();
        state.keep_list("s", b, (8, stamp), b"two").unwrap();
        state.keep_list("other", a, (9, stamp), b"three").unwrap();
        let kept = state.kept_lists("s");
        assert_eq!(kept.iter().map(|kept| (kept.path.as_path(), kept.read_at)).collect::<Vec<_>>(), [(a, 7), (b, 8)]);
        assert_eq!(kept[0].bytes, b"one\xff\n");
        assert!(state.has_list("s", a, stamp) && !state.has_list("s", a, Stamp { inode: 1, ..stamp }));
        state.forget_lists("s", &[b.to_owned()]);
        assert!(state.kept_list("s", a).is_none() && state.kept_list("other", a).is_some());
    }

    #[test]
    fn lists_that_are_kept_at_the_same_time_do_not_meet() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::new(folder.path().to_owned());
        let paths: Vec<PathBuf> = (0..8).map(|n| PathBuf::from(format!("/lists/{n}.txt"))).collect();
        std::thread::scope(|scope| {
            for path in &paths {
                scope.spawn(|| {
                    for n in 0..20_u8 {
                        state.keep_list("s", path, (7, Stamp::default()), &[n; 1000]).unwrap();
                    }
                });
            }
        });
        assert!(state.kept_lists("s").iter().all(|kept| kept.bytes == [19; 1000]));
        assert_eq!(state.kept_lists("s").len(), 8);
    }

    #[test]
    fn a_damaged_copy_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::new(folder.path().to_owned());
        let path = Path::new("a.txt");
        state.keep_list("s", path, (7, Stamp::default()), b"good\n").unwrap();
        let file = folder.path().join(part("s")).join(file_name(path));
        let text = std::fs::read(&file).unwrap();
        for damaged in [&text[..text.len() - 1], &text[1..], b""] {
            std::io::Write::write_all(&mut std::fs::File::create(&file).unwrap(), damaged).unwrap();
            assert!(state.kept_list("s", path).is_none(), "{damaged:?}");
        }
    }
}
