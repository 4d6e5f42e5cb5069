//! The folders that the server writes: whether it may, and how much room there is.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use crate::config::Config;
use crate::zone::ViewName;
use crate::zone::store::folder_of;

/// A folder of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli::doctor) struct Folder {
    /// Its key in the config.
    pub(in crate::cli::doctor) key: &'static str,
    /// Its path.
    pub(in crate::cli::doctor) path: PathBuf,
    /// Whether it is there.
    pub(in crate::cli::doctor) is_there: bool,
    /// Whether it is a link where the server follows none.
    pub(in crate::cli::doctor) is_link: bool,
    /// Whether this process may write there.
    pub(in crate::cli::doctor) is_writable: bool,
    /// Its owner, and the user of the running server, where they are not the same and the server is not root.
    pub(in crate::cli::doctor) other_owner: Option<(u32, u32)>,
    /// Free octets for the server, and all of them.
    pub(in crate::cli::doctor) room: Option<(u64, u64)>,
}

/// `zone_dir` and `state_dir`, and the folders of views that are there; `server` is the user of the running server.
pub(super) fn look(config: &Config, server: Option<u32>) -> Vec<Folder> {
    let state = config.sync.state.folder();
    let main = [("zone_dir", config.zones.zone_dir.as_path()), ("state_dir", state)];
    let of_view = |view: &ViewName| {
        let path = folder_of(&config.zones.zone_dir, Some(view));
        let is_link = path.is_symlink();
        Folder { is_link, ..folder("zone_dir", &path, server) }
    };
    let views = config.zones.views.iter().map(of_view).filter(|folder| folder.is_there || folder.is_link);
    main.into_iter().map(|(key, path)| folder(key, path, server)).chain(views).collect()
}

fn folder(key: &'static str, path: &Path, server: Option<u32>) -> Folder {
    let Ok(metadata) = std::fs::metadata(path) else {
        return Folder { key, path: path.to_owned(), ..Folder::default() };
    };
    let other_owner = server.filter(|user| *user != 0 && *user != metadata.uid()).map(|user| (metadata.uid(), user));
    Folder {
        key,
        path: path.to_owned(),
        is_there: true,
        is_link: false,
        is_writable: access(path, AccessFlags::W_OK).is_ok(),
        other_owner,
        room: room(path),
    }
}

fn room(path: &Path) -> Option<(u64, u64)> {
    let found = nix::sys::statvfs::statvfs(path).ok()?;
    let block = found.fragment_size();
    Some((found.blocks_available() * block, found.blocks() * block))
}
