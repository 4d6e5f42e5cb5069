//! `cargo xtask package --twice`: the packages of a commit, built a second time from a clone on another path, with
//! another folder for what cargo builds. The sums must be equal.

use std::path::Path;
use std::process::Command;

use super::step;
use crate::machine::said;
use crate::succeed;

/// Builds both and compares; the error names the files that differ.
pub(super) fn run(root: &Path) -> Result<(), String> {
    let git = |arguments: &[&str]| said(Command::new("git").args(arguments).current_dir(root));
    let changes = git(&["status", "--porcelain", "--", ".", ":!docs/acceptance.md"])?;
    if !changes.is_empty() {
        return Err(format!("the second build is of the commit, and there are uncommitted changes:\n{changes}"));
    }
    let commit = git(&["rev-parse", "HEAD"])?;
    super::run(root, &[])?;
    let place = std::env::temp_dir().join(format!("privatelink-dns-second-build-{}", std::process::id()));
    let result = second(root, &place, &commit);
    let gone = std::fs::remove_dir_all(&place).map_err(|error| format!("{}: {error}", place.display()));
    let differ = differences(&sums(&root.join("target/package"))?, &result?);
    gone?;
    if differ.is_empty() {
        println!("== both builds have the same sums");
        return Ok(());
    }
    Err(format!("not reproducible: {}", differ.join(", ")))
}

/// Builds the commit in a clone; returns its sums.
fn second(root: &Path, place: &Path, commit: &str) -> Result<String, String> {
    let clone = place.join("clone");
    step(&format!("second build, in {}", clone.display()));
    succeed(Command::new("git").args(["clone", "--quiet"]).arg(root).arg(&clone))?;
    succeed(Command::new("git").args(["checkout", "--quiet", "--detach", commit]).current_dir(&clone))?;
    let mut command = Command::new("cargo");
    command.args(["xtask", "package"]).current_dir(&clone).env("CARGO_TARGET_DIR", place.join("built"));
    succeed(&mut command)?;
    sums(&clone.join("target/package"))
}

fn sums(folder: &Path) -> Result<String, String> {
    let file = folder.join("SHA256SUMS");
    std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))
}

/// The names whose lines are in one list of sums and not in the other.
fn differences(one: &str, other: &str) -> Vec<String> {
    let missing = |from: &str, to: &str| {
        let lines = from.lines().filter(|line| !to.lines().any(|found| found == *line));
        lines.filter_map(|line| line.split_whitespace().nth(1)).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut names = missing(one, other);
    names.extend(missing(other, one));
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::differences;

    #[test]
    fn a_file_with_another_sum_or_in_one_build_alone_is_named() {
        assert_eq!(differences("1  a.deb\n2  b.rpm\n", "1  a.deb\n3  b.rpm\n4  c.json\n"), ["b.rpm", "c.json"]);
        assert_eq!(differences("1  a.deb\n", "1  a.deb\n"), [""; 0]);
    }
}
