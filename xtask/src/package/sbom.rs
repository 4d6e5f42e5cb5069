//! The list of the crates in the program, `CycloneDX` 1.5, by cargo-cyclonedx. It has the crates that are linked and those
//! that write code at build time (procedural macros), and neither those of the tests nor of build scripts.

use std::collections::BTreeSet;

use super::{Context, notices};
use crate::succeed;

/// The name that the tool gives its file for now, in the folder of each package of the workspace.
const RAW: &str = "target-package-crates";

/// Writes `privatelink-dns-VERSION.cdx.json`.
pub(super) fn write(context: &Context) -> Result<(), String> {
    let mut command = context.command("cargo");
    command.args(["cyclonedx", "--quiet", "--format", "json", "--spec-version", "1.5", "--no-build-deps"]);
    command.args(["--override-filename", RAW]);
    let made = succeed(&mut command);
    let raw = std::fs::read_to_string(context.root.join(format!("{RAW}.json")));
    for folder in ["", "xtask"] {
        // What is not there need not be removed.
        let _gone = std::fs::remove_file(context.root.join(folder).join(format!("{RAW}.json")));
    }
    made?;
    let list =
        without_paths(&raw.map_err(|error| format!("{RAW}.json: {error}"))?, &context.root.display().to_string());
    agrees(&list, &notices::names(&context.metadata)?)?;
    super::write(&context.out.join(format!("privatelink-dns-{}.cdx.json", context.version)), list)
}

/// The same without the folder of this machine: the program is named as its crates are.
fn without_paths(list: &str, root: &str) -> String {
    list.replace(&format!("path+file://{root}#"), "pkg:cargo/").replace("?download_url=file://.", "")
}

/// Fails where the list has other crates than those whose notices are packaged.
fn agrees(list: &str, crates: &BTreeSet<String>) -> Result<(), String> {
    let list: serde_json::Value = serde_json::from_str(list).map_err(|error| error.to_string())?;
    let listed = list["components"].as_array().into_iter().flatten();
    let listed: BTreeSet<String> = listed.map(notices::name).collect();
    let differ: Vec<&str> = listed.symmetric_difference(crates).map(String::as_str).collect();
    if differ.is_empty() {
        return Ok(());
    }
    Err(format!("either in the list of crates or among the notices, not in both: {}", differ.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_that_is_listed_without_its_notices_is_named_and_so_is_the_reverse() {
        let list = r#"{"components": [{"name": "a", "version": "1"}, {"name": "b", "version": "1"}]}"#;
        let crates = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(agrees(list, &crates(&["a 1", "b 1"])), Ok(()));
        assert!(agrees(list, &crates(&["a 1"])).unwrap_err().ends_with(": b 1"));
        assert!(agrees(list, &crates(&["a 1", "b 1", "c 2"])).unwrap_err().ends_with(": c 2"));
    }

    #[test]
    fn the_list_names_the_program_without_its_folder() {
        let list =
            r#""path+file:///home/a#privatelink-dns@0.1.0", "pkg:cargo/privatelink-dns@0.1.0?download_url=file://.""#;
        let name = r#""pkg:cargo/privatelink-dns@0.1.0""#;
        assert_eq!(without_paths(list, "/home/a"), format!("{name}, {name}"));
    }
}
