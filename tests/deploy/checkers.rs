//! The checkers from Python's registry, which are in `target/deploy-tools` and not on the path.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tool;

/// The root of the repository.
pub(crate) const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A program of `target/deploy-tools`, or `None` and a loud line; a panic where `CI=true` is set.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let file = Path::new(ROOT).join("target/deploy-tools/bin").join(name);
    if file.is_file() {
        return Some(file);
    }
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!in_ci, "{name} is missing, and CI=true");
    eprintln!("SKIPPED: {name} is not there; `.ci/tools deploy` installs it");
    None
}

#[test]
fn the_checkers_are_there_and_run() {
    for name in ["checkov", "kubernetes-validate", "kubectl"] {
        let Some(program) = find(name) else { return };
        let mut command = Command::new(program);
        command.args(if name == "kubectl" { &["version", "--client"][..] } else { &["--help"] });
        let (works, said) = tool::run(&mut command);
        assert!(works, "{name}: {said}");
    }
}
