//! What is in the image: files and folders, each with its owner and mode. All belong to root and nobody else may write
//! them, but for the two volumes, which belong to the server's user.

use super::debian;
use crate::package::Context;

/// The user and group of the server: the number that images without a system use for `nonroot`.
pub(super) const USER: u64 = 65_532;

/// The program.
pub(super) const PROGRAM: &str = "usr/bin/privatelink-dns";

/// The volumes: what the server keeps, and its control socket.
pub(super) const VOLUMES: [&str; 2] = ["var/lib/privatelink-dns", "run/privatelink-dns"];

/// A file or a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its path, without the first slash.
    pub(super) path: String,
    /// `None` for a folder.
    pub(super) bytes: Option<Vec<u8>>,
    pub(super) mode: u32,
    pub(super) owner: u64,
    /// Whether its file has `CAP_NET_BIND_SERVICE` as permitted.
    pub(super) may_bind: bool,
}

impl Entry {
    /// A file that everybody may read.
    pub(super) fn file(path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: path.to_owned(), bytes: Some(bytes.into()), mode: 0o644, owner: 0, may_bind: false }
    }

    /// A file that everybody may run.
    pub(super) fn program(path: &str, bytes: Vec<u8>) -> Self {
        Self { mode: 0o755, ..Self::file(path, bytes) }
    }

    fn folder(path: &str, mode: u32, owner: u64) -> Self {
        Self { path: path.to_owned(), bytes: None, mode, owner, may_bind: false }
    }

    pub(super) fn size(&self) -> usize {
        self.bytes.as_ref().map_or(0, Vec::len)
    }
}

/// The users: the C library has names for their numbers.
const PASSWD: &str = "root:x:0:0:root:/:/nonexistent\nnonroot:x:65532:65532:nonroot:/:/nonexistent\n";
const GROUP: &str = "root:x:0:\nnonroot:x:65532:\n";

/// Names of hosts: those in `/etc/hosts`, then DNS.
const NSSWITCH: &str = "passwd: files\ngroup:  files\nhosts:  files dns\n";

/// All files and folders, sorted by path, so that a folder comes before what is in it.
pub(super) fn all(context: &Context, program: &std::path::Path) -> Result<Vec<Entry>, String> {
    let read = |path: std::path::PathBuf| std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()));
    let own = |name: &str| read(context.root.join(name));
    let mut files = vec![
        Entry { may_bind: true, ..Entry::program(PROGRAM, read(program.to_owned())?) },
        Entry::file("etc/passwd", PASSWD),
        Entry::file("etc/group", GROUP),
        Entry::file("etc/nsswitch.conf", NSSWITCH),
        Entry::file("etc/privatelink-dns/privatelink-dns.toml", own("packaging/image/privatelink-dns.toml")?),
        Entry::folder("etc/privatelink-dns/endpoints", 0o755, 0),
    ];
    for licence in ["LICENSE", "LICENSE-APACHE", "LICENSE-MIT"] {
        files.push(Entry::file(&format!("usr/share/doc/privatelink-dns/{licence}"), own(licence)?));
    }
    files.push(Entry::file("usr/share/doc/privatelink-dns/THIRD-PARTY.gz", read(context.notices()?)?));
    files.extend(debian::files(program)?);
    files.extend(VOLUMES.map(|volume| Entry::folder(volume, 0o755, USER)));
    Ok(with_folders(files))
}

/// Adds the folders that files are in.
fn with_folders(mut entries: Vec<Entry>) -> Vec<Entry> {
    let known: std::collections::BTreeSet<String> = entries.iter().map(|entry| entry.path.clone()).collect();
    let above = |path: &str| -> Vec<String> { path.match_indices('/').map(|(at, _)| path[..at].to_owned()).collect() };
    let folders: std::collections::BTreeSet<String> = known.iter().flat_map(|path| above(path)).collect();
    entries.extend(folders.difference(&known).map(|path| Entry::folder(path, 0o755, 0)));
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_before_what_is_in_them_and_keep_an_owner_of_their_own() {
        let all =
            with_folders(vec![Entry::file("a/b/c", ""), Entry::folder("a/b", 0o700, USER), Entry::file("a.d", "")]);
        let seen: Vec<(&str, u64)> = all.iter().map(|entry| (entry.path.as_str(), entry.owner)).collect();
        assert_eq!(seen, [("a", 0), ("a.d", 0), ("a/b", USER), ("a/b/c", 0)]);
    }

    #[test]
    fn the_user_of_the_image_is_the_one_in_its_list_of_users() {
        assert!(PASSWD.contains(&format!("nonroot:x:{USER}:{USER}:")) && GROUP.contains(&format!("nonroot:x:{USER}:")));
    }
}
