//! The place of the config, and the folder that its relative paths start from.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The places where a config is looked for if neither flag nor variable names one.
const PLACES: [&str; 2] = ["config/privatelink-dns.toml", "/etc/privatelink-dns/privatelink-dns.toml"];

/// The config file: the flag's, the variable's, or the first place that has one.
pub(crate) fn find(flag: Option<PathBuf>, variable: Option<OsString>) -> Result<PathBuf, String> {
    let named = flag.or_else(|| variable.filter(|value| !value.is_empty()).map(PathBuf::from));
    named.or_else(|| PLACES.iter().map(PathBuf::from).find(|path| path.exists())).ok_or_else(|| {
        format!(
            "no config file: looked for {}; name one with --config FILE or $PRIVATELINK_DNS_CONFIG",
            PLACES.join(" and ")
        )
    })
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
    fn the_flag_wins_over_the_variable() {
        let found = find(Some("a.toml".into()), Some("b.toml".into()));
        assert_eq!(found, Ok(PathBuf::from("a.toml")));
        assert_eq!(find(None, Some("b.toml".into())), Ok(PathBuf::from("b.toml")));
    }

    #[test]
    fn paths_start_one_level_up_from_a_folder_named_config() {
        assert_eq!(base_folder(Path::new("/srv/dns/config/x.toml")), PathBuf::from("/srv/dns"));
        assert_eq!(base_folder(Path::new("config/x.toml")), PathBuf::from("."));
        assert_eq!(base_folder(Path::new("/etc/privatelink-dns/x.toml")), PathBuf::from("/etc/privatelink-dns"));
    }
}
