//! `cargo xtask fuzz [SECONDS] [TARGET ...]`: every fuzz target for some time, and a table of the results.
//!
//! In: seconds for each target (20), targets (all). Out: a line as each target begins and ends; an error if one found
//! something. It needs `cargo-fuzz` and a C++ compiler, and asks a stable compiler for the coverage counters that it
//! calls unstable.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use crate::succeed;

const SECONDS: u32 = 20;

/// The longest input: longer ones find little more, and more slowly.
const MAX_LEN: &str = "4096";

/// Runs the targets.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<(), String> {
    let (seconds, named) = match arguments.split_first() {
        Some((first, rest)) if first.parse::<u32>().is_ok() => (first.parse().unwrap_or(SECONDS), rest),
        _ => (SECONDS, arguments),
    };
    let all = targets(root)?;
    if let Some(unknown) = named.iter().find(|name| !all.contains(name)) {
        return Err(format!("'{unknown}' is not a fuzz target; the targets are: {}", all.join(", ")));
    }
    println!("== building the fuzz targets");
    succeed(cargo_fuzz(root).args(["build", "--sanitizer", "none"]))?;
    let mut failed = Vec::new();
    println!("{:<16} {:>8} {:>12} {:>8}", "target", "seconds", "executions", "corpus");
    for target in all.iter().filter(|name| named.is_empty() || named.contains(name)) {
        let start = Instant::now();
        let output = fuzz(root, target, seconds)?;
        let said = String::from_utf8_lossy(&output.stderr);
        let executions = stat(&said, "number_of_executed_units");
        let corpus = std::fs::read_dir(root.join("fuzz/corpus").join(target)).map_or(0, Iterator::count);
        println!("{target:<16} {:>8} {executions:>12} {corpus:>8}", start.elapsed().as_secs());
        if !output.status.success() {
            eprintln!("{said}");
            failed.push(target.as_str());
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(format!(
        "found something: {}; the input is in fuzz/artifacts, and\n  RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none \
         TARGET fuzz/artifacts/TARGET/FILE\nshows it again (with FUZZ_LONG=1 in the environment after a run of {LONG} s or more)",
        failed.join(", ")
    ))
}

/// `cargo fuzz`, in the project's folder.
fn cargo_fuzz(root: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.arg("fuzz").current_dir(root).env("RUSTC_BOOTSTRAP", "1").stdin(Stdio::null());
    command
}

/// The names of the targets.
pub(crate) fn targets(root: &Path) -> Result<Vec<String>, String> {
    let output = cargo_fuzz(root).arg("list").output().map_err(|error| format!("cannot run cargo: {error}"))?;
    if !output.status.success() {
        return Err("cargo-fuzz is missing; get it with: cargo install cargo-fuzz --locked".to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

/// Seconds from which a run also holds what a person has to judge: the lists' targets read this from the environment.
const LONG: u32 = 60;

fn fuzz(root: &Path, target: &str, seconds: u32) -> Result<Output, String> {
    // The first folder grows; the others are only read.
    let corpus = format!("fuzz/corpus/{target}");
    std::fs::create_dir_all(root.join(&corpus)).map_err(|error| format!("{corpus}: {error}"))?;
    let lists =
        ["listings/good", "listings/bad", "lists/files", "lists/exports"].map(|folder| format!("tests/data/{folder}"));
    let seeds = if target.starts_with("list_") { lists.to_vec() } else { vec![format!("fuzz/seeds/{target}")] };
    let time = format!("-max_total_time={seconds}");
    let length = format!("-max_len={MAX_LEN}");
    let mut command = cargo_fuzz(root);
    command
        .args(["run", "--sanitizer", "none", target, &corpus])
        .args(seeds.iter().filter(|seed| root.join(seed).exists()));
    command.args(["--", &time, &length, "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"]);
    if seconds >= LONG {
        command.env("FUZZ_LONG", "1");
    }
    command.output().map_err(|error| format!("cannot run cargo: {error}"))
}

/// A number of the fuzzer's final statistics.
fn stat<'s>(said: &'s str, name: &str) -> &'s str {
    let line = said.lines().find_map(|line| line.strip_prefix("stat::")?.strip_prefix(name));
    line.map_or("?", |rest| rest.trim_start_matches(':').trim())
}
