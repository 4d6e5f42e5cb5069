//! The notices of the crates that the program holds: most licences ask that they go with the program.
//!
//! In: what `cargo metadata` says. Out: one text, sorted, with each licence text once and the crates that it belongs to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

const HEAD: &str = "The program privatelink-dns holds the crates below, and Rust's standard library, which is under
Apache-2.0 or MIT (https://www.rust-lang.org/policies/licenses). Where a licence is a choice (OR), each may be chosen.
";

/// The text with all notices.
pub(super) fn of(metadata: &Value) -> Result<String, String> {
    let crates = linked(metadata)?;
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut list = String::new();
    for package in &crates {
        let name = name(package);
        let licence = text(package, "license");
        // Writing to a String cannot fail.
        let _fits = writeln!(list, "  {name}: {licence}");
        let folder = Path::new(text(package, "manifest_path")).parent().unwrap_or(Path::new("")).to_owned();
        let found = files(&folder, 4)?;
        if found.is_empty() {
            let authors = package["authors"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let authors = authors.collect::<Vec<_>>().join(", ");
            let said = format!("The crate comes without a text. Licence: {licence}. Authors: {authors}.\n");
            texts.entry(said).or_default().insert(name.clone());
        }
        for file in found {
            let bytes = std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
            texts.entry(tidy(&String::from_utf8_lossy(&bytes))).or_default().insert(name.clone());
        }
    }
    let mut all = format!("{HEAD}\n{list}");
    for (text, names) in texts {
        let names: Vec<String> = names.into_iter().collect();
        let _fits = write!(all, "\n{}\n{}\n\n{text}", "=".repeat(80), names.join(", "));
    }
    Ok(all)
}

/// The crates whose notices these are.
pub(super) fn names(metadata: &Value) -> Result<BTreeSet<String>, String> {
    Ok(linked(metadata)?.into_iter().map(name).collect())
}

/// Name and version of a crate.
pub(super) fn name(package: &Value) -> String {
    format!("{} {}", text(package, "name"), text(package, "version"))
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

/// The packages that the program depends on in normal use, besides itself, by name and version. Procedural macros are
/// among them: code that they hold may end up in the program.
fn linked(metadata: &Value) -> Result<Vec<&Value>, String> {
    let packages = || metadata["packages"].as_array().into_iter().flatten();
    let nodes = || metadata["resolve"]["nodes"].as_array().into_iter().flatten();
    let own = packages().find(|package| package["name"] == "privatelink-dns").ok_or("the program is not listed")?;
    let (mut seen, mut waiting) = (BTreeSet::new(), vec![text(own, "id")]);
    while let Some(id) = waiting.pop() {
        if seen.insert(id) {
            let deps = nodes().filter(|node| node["id"] == id).filter_map(|node| node["deps"].as_array()).flatten();
            waiting.extend(deps.filter(|dep| is_linked(dep)).map(|dep| text(dep, "pkg")));
        }
    }
    let mut found: Vec<&Value> =
        packages().filter(|package| seen.contains(text(package, "id")) && package["id"] != own["id"]).collect();
    found.sort_by_key(|package| (text(package, "name"), text(package, "version")));
    Ok(found)
}

/// Whether a dependency is one of normal use.
fn is_linked(dependency: &Value) -> bool {
    dependency["dep_kinds"].as_array().into_iter().flatten().any(|kind| kind["kind"].is_null())
}

/// How the names of files with licences and notices start.
const NOTICES: [&str; 7] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE", "COPYRIGHT", "AUTHORS"];

/// The files with licences and notices in a crate, sorted; C code has its own, further down.
fn files(folder: &Path, depth: usize) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            if depth > 0 {
                found.extend(files(&path, depth - 1)?);
            }
        } else if is_notice(&path) {
            found.push(path);
        }
    }
    Ok(found)
}

/// Whether a file's name is that of a notice: its name in capitals, or with an end such as that of text.
fn is_notice(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_uppercase()).unwrap_or_default();
    let is_code = path.extension().is_some_and(|kind| ["rs", "c", "h", "py", "sh"].iter().any(|code| kind == *code));
    NOTICES.iter().any(|start| name.starts_with(start)) && !is_code
}

/// The text with plain line ends and one at its end, so that equal texts are equal.
fn tidy(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    format!("{}\n", lines.join("\n").trim_matches('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crates_of_the_program_are_those_of_normal_use_and_theirs() {
        let package = |id: &str| serde_json::json!({"id": id, "name": id, "version": "1", "license": "MIT"});
        let dep = |id: &str, kind: Option<&str>| serde_json::json!({"pkg": id, "dep_kinds": [{"kind": kind}]});
        let packages = ["tester", "linked", "below", "builder", "privatelink-dns"].map(package);
        let metadata = serde_json::json!({
            "packages": packages,
            "resolve": {"nodes": [
                {"id": "privatelink-dns",
                 "deps": [dep("linked", None), dep("tester", Some("dev")), dep("builder", Some("build"))]},
                {"id": "linked", "deps": [dep("below", None)]},
                {"id": "below", "deps": []},
            ]},
        });
        let names: Vec<&str> = linked(&metadata).unwrap().into_iter().map(|package| text(package, "name")).collect();
        assert_eq!(names, ["below", "linked"]);
    }

    #[test]
    fn a_notice_is_known_by_its_name_and_code_is_none() {
        for name in ["LICENSE", "LICENSE-MIT", "license.txt", "COPYING", "NOTICE.md", "UNLICENSE"] {
            assert!(is_notice(Path::new(name)), "{name}");
        }
        for name in ["license.rs", "README.md", "notice.h"] {
            assert!(!is_notice(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn texts_that_differ_in_line_ends_are_one() {
        assert_eq!(tidy("\nMIT \r\nno warranty\r\n\n"), tidy("MIT\nno warranty"));
    }
}
