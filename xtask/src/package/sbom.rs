//! The list of the crates in the program, `CycloneDX` 1.5, by cargo-cyclonedx. It has the crates that are linked and those
//! that write code at build time (procedural macros), and neither those of the tests nor of build scripts.

use super::{Context, succeed};

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
    super::write(&context.out.join(format!("privatelink-dns-{}.cdx.json", context.version)), list)
}

/// The same without the folder of this machine: the program is named as its crates are.
fn without_paths(list: &str, root: &str) -> String {
    list.replace(&format!("path+file://{root}#"), "pkg:cargo/").replace("?download_url=file://.", "")
}

#[cfg(test)]
mod tests {
    use super::without_paths;

    #[test]
    fn the_list_names_the_program_without_its_folder() {
        let list =
            r#""path+file:///home/a#privatelink-dns@0.1.0", "pkg:cargo/privatelink-dns@0.1.0?download_url=file://.""#;
        let name = r#""pkg:cargo/privatelink-dns@0.1.0""#;
        assert_eq!(without_paths(list, "/home/a"), format!("{name}, {name}"));
    }
}
