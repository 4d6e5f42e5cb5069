//! `check`: every problem in config, lists and zones.

use std::path::PathBuf;
use std::process::ExitCode;

use super::progress::Progress;
use super::{USAGE, complain, say, usage};
use crate::config::Config;
use crate::sync::pass;
use crate::zone::store::Store;

/// Checks the config file that was found, and all it names.
pub(super) fn run(file: Result<PathBuf, String>) -> ExitCode {
    let file = match file {
        Ok(file) => file,
        Err(reason) => return usage(reason),
    };
    let (problems, warnings, summary) = match Config::inspect(&file) {
        Ok((config, problems)) => all(&config, problems.iter().map(ToString::to_string).collect()),
        Err(problem) => (vec![problem.to_string()], Vec::new(), String::new()),
    };
    for problem in &problems {
        complain(format!("error: {problem}"));
    }
    for warning in &warnings {
        complain(format!("warning: {warning}"));
    }
    if problems.is_empty() {
        say(format!("{}: good; {summary}", file.display()));
        return ExitCode::SUCCESS;
    }
    complain(format!("{}: {} to mend", file.display(), count(problems.len(), "problem")));
    ExitCode::from(USAGE)
}

type Findings = (Vec<String>, Vec<String>, String);

fn all(config: &Config, mut problems: Vec<String>) -> Findings {
    let progress = Progress::start();
    let mut store = Store::new(config.zones.clone());
    let report = store.reload();
    let shown = |problem: &crate::zone::store::Problem| format!("{}: {}", problem.place, problem.text);
    problems.extend(report.errors.iter().map(shown));
    let mut warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    warnings.extend(report.warnings.iter().map(shown));
    let mut listed = 0;
    let looked = pass::look(&config.sync, &report.zones, &|step| progress.show(step));
    drop(progress);
    match looked {
        Ok(plan) => {
            warnings.extend(plan.warnings.to_string().lines().map(str::to_owned));
            problems.extend(plan.conflicts().to_string().lines().map(str::to_owned));
            listed = plan.zones.iter().map(|zone| zone.after().len()).sum();
        }
        Err(error) => problems.extend(error.to_string().lines().map(str::to_owned)),
    }
    let zones = config.zones.hosted.len().max(report.zones.iter().count());
    let summary = format!(
        "{}, {}, {}",
        count(config.sync.sources.len(), "source"),
        count(listed, "listed record"),
        count(zones, "zone")
    );
    (problems, warnings, summary)
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
