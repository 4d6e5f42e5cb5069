//! Finding other people's programs, and running them.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The folders in which Debian has servers, not on every user's path, and the one into which `.ci/tools` unpacks a server
/// that would take over the machine's DNS if it were installed.
const MORE_FOLDERS: [&str; 5] = [
    "/usr/sbin",
    "/usr/local/sbin",
    "/sbin",
    "/lib/systemd",
    concat!(env!("CARGO_MANIFEST_DIR"), "/target/systemd-resolved/lib/systemd"),
];

/// The program, or `None` and a loud line; a panic where `CI=true` is set.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(MORE_FOLDERS.map(PathBuf::from));
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!in_ci, "{name} is missing, and CI=true");
        eprintln!("SKIPPED: {name} is not installed");
    }
    found
}

/// Runs a command to its end; true if it succeeded, and all its output.
pub(crate) fn run(command: &mut Command) -> (bool, String) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// True if a program is of the version that `docs/differences.md` is about; a loud line if it is not.
pub(crate) fn is_version((program, argument, version): (&str, &str, &str)) -> bool {
    let Some(file) = find(program) else { return false };
    let is_listed = run(Command::new(file).arg(argument)).1.contains(version);
    if !is_listed {
        eprintln!("SKIPPED: {program} is not '{version}', which docs/differences.md is about");
    }
    is_listed
}
