//! The place of the config, and the folder that its relative paths start from.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::diag;

/// The places where a config is looked for if neither flag nor variable names one.
const PLACES: [&str; 2] = ["config/privatelink-dns.toml", "/etc/privatelink-dns/privatelink-dns.toml"];

/// The config file: the flag's, the variable's, or the first place that has one. Root takes none from the present
/// folder that another user could have put there, because it says which files root writes.
pub(crate) fn find(flag: Option<PathBuf>, variable: Option<OsString>) -> Result<PathBuf, String> {
    let named = flag.or_else(|| variable.filter(|value| !value.is_empty()).map(PathBuf::from));
    let is_root = nix::unistd::geteuid().is_root();
    let is_ours = |path: &PathBuf| !is_root || path.is_absolute() || is_of_root(path, Path::new("."));
    let there: Vec<PathBuf> = PLACES.iter().map(PathBuf::from).filter(|path| path.exists()).collect();
    named.or_else(|| there.iter().find(|path| is_ours(path)).cloned()).ok_or_else(|| match there.first() {
        Some(other) => format!(
            "{} can be changed by others than root, so root takes it only by its name: --config {0}",
            other.display()
        ),
        None => format!(
            "no config file: looked for {}; name one with --config FILE or $PRIVATELINK_DNS_CONFIG",
            PLACES.join(" and ")
        ),
    })
}

/// True if nobody but root can have made or changed the file, its folder or the present folder.
fn is_of_root(path: &Path, present: &Path) -> bool {
    const OTHERS_WRITE: u32 = 0o022;
    let folder = path.parent().unwrap_or(path);
    let is_safe = |path: &Path| {
        path.metadata()
            .is_ok_and(|file| file.uid() == 0 && (file.mode() & OTHERS_WRITE == 0 || file.mode() & 0o1000 != 0))
    };
    [path, folder, present].into_iter().all(is_safe)
}

/// The whole path of a config file, by which servers tell their configs apart: without the links of its folder, and
/// with the name that it was given. That name may be a link which each change turns elsewhere, as in a `ConfigMap`.
pub(crate) fn whole(file: &Path) -> PathBuf {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (folder.canonicalize(), file.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => file.to_owned(),
    }
}

/// Whether a config is the one that a server named: by its whole path as it is shown, or because both lead to one file.
pub(crate) fn is_same(ours: &Path, theirs: &str) -> bool {
    let leads_there = |ours: PathBuf| Path::new(theirs).canonicalize().is_ok_and(|theirs| theirs == ours);
    diag::path(&whole(ours)) == theirs || ours.canonicalize().is_ok_and(leads_there)
}

/// The folder that relative paths start from: the config's own, or one level up when that is called `config`.
pub(crate) fn base_folder(file: &Path) -> PathBuf {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // "privatelink-dns.toml" given from inside the folder: its name is in the working directory's path.
    let resolved = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    if resolved.file_name().is_some_and(|name| name == "config") {
        let up = folder.parent().filter(|up| !up.as_os_str().is_empty());
        return match up {
            Some(up) if folder.file_name().is_some_and(|name| name == "config") => up.to_owned(),
            None if folder == Path::new("config") => PathBuf::from("."),
            _ => folder.join(".."),
        };
    }
    folder.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_whose_link_is_turned_is_the_same_one_and_a_link_to_it_from_elsewhere_too() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for version in ["one", "two"] {
            std::fs::create_dir(at(version)).unwrap();
            std::fs::write(at(version).join("c.toml"), version).unwrap();
        }
        let turn = |to: &str| {
            let _ = std::fs::remove_file(at("..data"));
            std::os::unix::fs::symlink(to, at("..data")).unwrap();
        };
        turn("one");
        std::os::unix::fs::symlink("..data/c.toml", at("c.toml")).unwrap();
        let named = diag::path(&whole(&at("c.toml")));
        assert!(
            is_same(&at("c.toml"), &named)
                && is_same(&at("one/c.toml"), &named)
                && is_same(&at("one/../c.toml"), &named)
        );
        turn("two");
        assert!(is_same(&at("c.toml"), &named) && is_same(&at("two/c.toml"), &named));
        assert!(!is_same(&at("one/c.toml"), &named) && !is_same(&at("none.toml"), &named));
    }

    #[test]
    fn the_flag_wins_over_the_variable() {
        let found = find(Some("a.toml".into()), Some("b.toml".into()));
        assert_eq!(found, Ok(PathBuf::from("a.toml")));
        assert_eq!(find(None, Some("b.toml".into())), Ok(PathBuf::from("b.toml")));
    }

    #[test]
    fn root_takes_no_config_from_the_present_folder_that_another_user_can_change() {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("SKIPPED: only root can give files to others");
            return;
        }
        let present = tempfile::tempdir().unwrap();
        let folder = present.path().join("config");
        let file = folder.join("privatelink-dns.toml");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(&file, "").unwrap();
        assert!(is_of_root(&file, present.path()));
        for path in [&file, &folder, &present.path().to_owned()] {
            std::os::unix::fs::chown(path, Some(12345), None).unwrap();
            assert!(!is_of_root(&file, present.path()), "{}", path.display());
            std::os::unix::fs::chown(path, Some(0), None).unwrap();
        }
        assert!(is_of_root(&file, present.path()));
    }

    #[test]
    fn paths_start_one_level_up_from_a_folder_named_config() {
        assert_eq!(base_folder(Path::new("/srv/dns/config/x.toml")), PathBuf::from("/srv/dns"));
        assert_eq!(base_folder(Path::new("config/x.toml")), PathBuf::from("."));
        assert_eq!(base_folder(Path::new("/etc/privatelink-dns/x.toml")), PathBuf::from("/etc/privatelink-dns"));
    }
}
