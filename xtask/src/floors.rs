//! Imports go down only: reads the paths in `src/` and names every one that goes up or sideways.

use std::path::{Path, PathBuf};

use crate::source::{code_only, modules};

/// What each top-level module may import, itself aside; the tests of a module too. From the table in CONTRIBUTING.md.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    // floor 0
    ("dns", &[]),
    ("diag", &[]),
    ("files", &[]),
    // floor 1: they do not know each other
    ("azure", &["dns", "diag"]),
    ("zone", &["dns", "diag", "files"]),
    // floor 2: they do not know each other
    ("sync", &["dns", "diag", "files", "azure", "zone"]),
    ("forward", &["dns", "diag", "files", "azure", "zone"]),
    // floor 3
    ("server", &["dns", "diag", "files", "azure", "zone", "sync", "forward"]),
    // beside the floors: imported by the daemon alone
    ("watch", &["dns", "diag", "azure", "zone"]),
    ("telemetry", &["dns", "diag", "azure", "zone", "sync", "forward", "server"]),
    // floor 4
    ("config", &["dns", "diag", "files", "azure", "zone", "sync", "forward", "server", "watch", "telemetry"]),
    // floor 5
    ("daemon", &["dns", "diag", "files", "azure", "zone", "sync", "forward", "server", "watch", "telemetry", "config"]),
    ("cli", &["dns", "diag", "files", "azure", "zone", "sync", "forward", "server", "config", "daemon"]),
    // the doors of the house
    ("main", &["cli"]),
    ("lib", &[]),
];

/// Checks every file below `src`; the error lists each edge that is not allowed, with file and line.
pub(crate) fn check(src: &Path) -> Result<(), String> {
    let mut wrong = Vec::new();
    for file in files(src)? {
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let relative = file.strip_prefix(src).unwrap_or(&file);
        wrong.extend(edges(relative, &text));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// The edges of one file that are not allowed.
fn edges(file: &Path, text: &str) -> Vec<String> {
    let shown = file.display();
    let own = top(file);
    let Some((_, allowed)) = MAY_IMPORT.iter().find(|(module, _)| *module == own) else {
        return vec![format!("src/{shown}: module '{own}' is on no floor; give it one in xtask/src/floors.rs")];
    };
    let known = |name: &str| MAY_IMPORT.iter().any(|(module, _)| *module == name);
    modules(&code_only(text), &["crate", "privatelink_dns"])
        .into_iter()
        .filter(|(_, name)| *name != own && known(name) && !allowed.contains(&name.as_str()))
        .map(|(line, name)| format!("src/{shown}:{line}: '{own}' may not import '{name}': imports go down only"))
        .collect()
}

/// The top-level module of a file.
fn top(file: &Path) -> String {
    let first = file.components().next().map(|part| PathBuf::from(part.as_os_str())).unwrap_or_default();
    first.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// All Rust files below a folder, sorted.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let error = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(error)? {
        let path = entry.map_err(error)?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(file: &str, text: &str) -> Vec<String> {
        edges(Path::new(file), text)
    }

    #[test]
    fn this_house_keeps_to_its_floors() {
        check(&crate::root().join("src")).unwrap();
    }

    #[test]
    fn an_edge_upwards_fails_with_file_and_line() {
        let found = wrong("zone/lookup.rs", "use crate::dns::Name;\nuse crate::server::response;\n");
        assert_eq!(found, ["src/zone/lookup.rs:2: 'zone' may not import 'server': imports go down only"]);
    }

    #[test]
    fn an_edge_within_a_tree_or_a_path_fails_too() {
        assert_eq!(wrong("dns/name.rs", "use crate::{zone::Zone};").len(), 1);
        assert_eq!(wrong("sync/plan.rs", "fn f() { crate::config::load() }").len(), 1);
        assert_eq!(wrong("zone/store.rs", "use privatelink_dns::sync;").len(), 1);
    }

    #[test]
    fn neighbours_on_a_floor_do_not_know_each_other() {
        assert_eq!(wrong("azure/names.rs", "use crate::zone::Zone;").len(), 1);
        assert_eq!(wrong("zone/mod.rs", "use crate::azure::geo;").len(), 1);
        assert_eq!(wrong("sync/mod.rs", "use crate::forward::Upstream;").len(), 1);
        assert_eq!(wrong("forward/mod.rs", "use crate::sync::Plan;").len(), 1);
    }

    #[test]
    fn watch_and_telemetry_are_the_daemons_alone() {
        for module in ["watch", "telemetry"] {
            let text = format!("use crate::{module}::Settings;");
            assert_eq!(wrong("server/mod.rs", &text).len(), 1, "{module}");
            assert_eq!(wrong("cli.rs", &text).len(), 1, "{module}");
            assert_eq!(wrong("daemon.rs", &text), Vec::<String>::new(), "{module}");
            assert_eq!(wrong("config/mod.rs", &text), Vec::<String>::new(), "config makes every module's settings");
        }
    }

    #[test]
    fn no_module_imports_config() {
        for file in ["dns/mod.rs", "zone/mod.rs", "sync/mod.rs", "forward/mod.rs", "server/mod.rs", "watch.rs"] {
            assert_eq!(wrong(file, "use crate::config::Config;").len(), 1, "{file}");
        }
    }

    #[test]
    fn edges_downwards_and_within_a_module_pass() {
        let text = "use crate::dns::Name;\nuse crate::zone::ZoneSet;\nuse crate::sync::plan::Plan;\nuse crate::Thing;";
        assert_eq!(wrong("sync/apply.rs", text), Vec::<String>::new());
    }

    #[test]
    fn a_module_without_a_floor_is_named() {
        assert!(wrong("attic/mod.rs", "")[0].contains("'attic' is on no floor"));
    }
}
