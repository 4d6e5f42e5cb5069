//! `cargo xtask acceptance [--minutes N] [STAGE...]`: the checks that take too long for every change.
//!
//! In: minutes for each stage (its own), stages (all). Out: progress, and `docs/acceptance.md` with the stages that
//! passed; at the end an error that names the stages that failed. It installs its tools with the same script as
//! `.ci/run`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::machine;
use crate::page::{Page, Passed};
use crate::stages::{STAGES, Stage};
use crate::succeed;

/// Runs all stages, even after one has failed, and reports at the end.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<(), String> {
    let (minutes, named) = read(arguments)?;
    let stages: Vec<&Stage> = STAGES.iter().filter(|stage| named.is_empty() || named.contains(&stage.name)).collect();
    let mut failed = Vec::new();
    let tools: BTreeSet<&str> = stages.iter().flat_map(|stage| stage.tools).copied().collect();
    println!("== tools");
    if let Err(why) = succeed(Command::new(root.join(".ci/tools")).args(tools)) {
        failed.push(format!("tools: {why}"));
    }
    for (number, stage) in stages.iter().enumerate() {
        let turn = minutes.unwrap_or(stage.minutes);
        println!("== stage {} of {}: {}, {turn} minutes: {}", number + 1, stages.len(), stage.name, stage.what);
        // The commit is read before the stage runs: it is the one tested, whatever is committed meanwhile.
        let (start, commit) = (Instant::now(), machine::commit(root));
        let result = (stage.run)(root, turn);
        let took = start.elapsed();
        match result.and_then(|()| note(root, stage, turn, took, commit)) {
            Ok(()) => println!("== {} passed after {} s", stage.name, took.as_secs()),
            Err(why) => {
                println!("== {} FAILED after {} s: {why}", stage.name, took.as_secs());
                failed.push(format!("{}: {why}", stage.name));
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("failed:\n  {}", failed.join("\n  "))) }
}

/// The minutes for each stage, and the named stages.
fn read(arguments: &[String]) -> Result<(Option<u64>, Vec<&str>), String> {
    let (mut minutes, mut named) = (None, Vec::new());
    let mut rest = arguments.iter().map(String::as_str);
    while let Some(argument) = rest.next() {
        if argument == "--minutes" {
            let number = rest.next().and_then(|number| number.parse().ok()).filter(|minutes| *minutes > 0);
            minutes = Some(number.ok_or("--minutes needs a number of them, 1 at least")?);
        } else if STAGES.iter().any(|stage| stage.name == argument) {
            named.push(argument);
        } else {
            let all: Vec<&str> = STAGES.iter().map(|stage| stage.name).collect();
            return Err(format!("'{argument}' is not a stage; the stages are: {}", all.join(", ")));
        }
    }
    Ok((minutes, named))
}

/// Records that a stage has passed.
fn note(root: &Path, stage: &Stage, turn: u64, took: Duration, commit: String) -> Result<(), String> {
    let mut page = Page::read(root)?;
    let passed = Passed {
        when: machine::today()?,
        commit,
        turn: format!("{turn} of {} min", stage.minutes),
        took: format!("{} min {} s", took.as_secs() / 60, took.as_secs() % 60),
        machine: machine::describe(),
    };
    page.passed(stage.name, passed);
    page.write(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn minutes_and_stages_come_in_any_order() {
        assert_eq!(read(&words("")), Ok((None, vec![])));
        assert_eq!(read(&words("soak --minutes 5 fuzz")), Ok((Some(5), vec!["soak", "fuzz"])));
    }

    #[test]
    fn an_argument_that_is_neither_stage_nor_number_is_named() {
        assert!(read(&words("sleep")).unwrap_err().contains("'sleep' is not a stage; the stages are: interop"));
        for minutes in ["--minutes", "--minutes none", "--minutes 0"] {
            assert!(read(&words(minutes)).is_err(), "{minutes}");
        }
    }
}
