//! The circumstances of a run: the commit, the day, the kernel and the processor.

use std::num::NonZero;
use std::path::Path;
use std::process::Command;

/// The commit, and whether there were uncommitted changes; the page of results does not count as one.
pub(crate) fn commit(root: &Path) -> String {
    let git = |arguments: &[&str]| said(Command::new("git").args(arguments).current_dir(root));
    let Ok(commit) = git(&["rev-parse", "--short", "HEAD"]) else { return "unknown".to_owned() };
    let changes = git(&["status", "--porcelain", "--", ".", ":!docs/acceptance.md"]);
    if changes.is_ok_and(|changes| changes.is_empty()) { commit } else { format!("{commit} and changes") }
}

/// Today, in UTC.
pub(crate) fn today() -> Result<String, String> {
    said(Command::new("date").args(["-u", "+%Y-%m-%d"]))
}

/// The kernel, the processor and its cores.
pub(crate) fn describe() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let (kernel, cpus) = (read("/proc/sys/kernel/osrelease"), read("/proc/cpuinfo"));
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown processor");
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    format!("Linux {}, {}, {cores} cores", kernel.trim(), model.trim_start_matches([' ', '\t', ':']))
}

/// What a program says, if it ends well.
pub(crate) fn said(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() { Ok(text) } else { Err(format!("{command:?}: {}", output.status)) }
}
