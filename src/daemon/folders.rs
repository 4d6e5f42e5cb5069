//! Which folders a config has us watch.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::watch::{Folder, Kind};

/// The folders of the config, the lists and the zones, and those that links among them lead to.
pub(super) fn of(config: &Config) -> BTreeSet<Folder> {
    let mut folders = BTreeSet::new();
    let mut add = |path: PathBuf, kind, recursive| {
        folders.insert(Folder { path, kind, recursive });
    };
    add(parent(&config.file), Kind::Config, false);
    add(config.zones.zone_dir.clone(), Kind::Zones, false);
    for source in &config.sync.sources {
        let (folder, recursive) = fixed_part(&source.path);
        add(folder, Kind::Lists, recursive);
        // A list that is a link changes where it really is, too.
        if let Ok(target) = source.path.canonicalize() {
            add(parent(&target), Kind::Lists, false);
        }
    }
    folders.into_iter().filter(|folder| folder.path.exists()).collect()
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
