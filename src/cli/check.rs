//! `check`: every problem in config, lists and zones.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use super::progress::Progress;
use super::sync::problems_of;
use super::{USAGE, complain, say, usage};
use crate::config::Config;
use crate::diag;
use crate::sync::gather::Gatherer;
use crate::sync::guard::{self, Reason};
use crate::sync::pass;
use crate::zone::store::Store;

/// Checks the config file that was found, and all it names.
pub(super) fn run(file: Result<PathBuf, String>) -> ExitCode {
    let file = match file {
        Ok(file) => file,
        Err(reason) => return usage(reason),
    };
    let found = match Config::inspect(&file) {
        Ok((config, problems)) => all(&config, problems.iter().map(ToString::to_string).collect()),
        Err(problem) => Findings { problems: vec![problem.to_string()], ..Findings::default() },
    };
    for problem in &found.problems {
        complain(format!("error: {problem}"));
    }
    for warning in &found.warnings {
        complain(format!("warning: {warning}"));
    }
    if found.problems.is_empty() {
        say(format!("{}: good; {}", diag::path(&file), found.summary));
        return ExitCode::SUCCESS;
    }
    complain(format!("{}: {} to mend", diag::path(&file), count(found.problems.len(), "problem")));
    ExitCode::from(USAGE)
}

#[derive(Default)]
struct Findings {
    problems: Vec<String>,
    warnings: Vec<String>,
    summary: String,
}

/// What a pass would meet: everything but the writing.
fn all(config: &Config, mut problems: Vec<String>) -> Findings {
    let progress = Progress::start();
    let mut store = Store::new(config.zones.clone());
    let report = store.reload();
    let shown = |problem: &crate::zone::store::Problem| format!("{}: {}", problem.place, problem.text);
    problems.extend(report.errors.iter().map(shown));
    let mut warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    warnings.extend(report.warnings.iter().map(shown));
    let show = |step: crate::sync::progress::Step<'_>| progress.show(step);
    let look = pass::look(&config.sync, &report.zones, &mut Gatherer::default(), SystemTime::now(), &show);
    drop(progress);
    problems.extend(look.sources.iter().flat_map(problems_of));
    problems.extend(look.errors.lines());
    problems.extend(look.plan.conflicts().lines());
    let review = guard::review(look.plan, &look.bases, &config.sync.guard(), None);
    warnings.extend(review.view().warnings.lines());
    for held in review.held.iter().flat_map(|held| &held.zones) {
        let (wrong, approvable): (Vec<&Reason>, _) = held.reasons.iter().partition(|reason| !reason.is_approvable());
        let text = |reason: &Reason| format!("zone '{}': {reason}", held.zone.apex.without_dot());
        problems.extend(wrong.into_iter().map(text));
        let held_back = |reason| format!("{}; sync will hold this back until it is approved", text(reason));
        warnings.extend(approvable.into_iter().map(held_back));
    }
    let view = review.view();
    let listed = view.zones.iter().map(|zone| zone.after().len()).sum();
    let is_by_hand = |zone: &crate::zone::Hosted| zone.zone.as_ref().is_some_and(|zone| !zone.is_managed());
    let by_hand = report.zones.iter().filter(|hosted| is_by_hand(hosted)).count();
    let unplanned = report.zones.iter().filter(|hosted| view.zones.iter().all(|zone| zone.apex != hosted.apex)).count();
    let zones = view.zones.len() + unplanned;
    // Files that sync wrote are nobody's any more: such a config is one that lost its contents.
    if config.zones.hosted.is_empty() && by_hand == 0 {
        let nothing = "hosts no zone: add [backup] with cloud = \"public\", or put zone files into zone_dir";
        problems.push(format!("{}: {nothing}", diag::path(&config.file)));
    }
    let summary = format!(
        "{}, {}, {}",
        count(config.sync.sources.len(), "source"),
        count(listed, "listed record"),
        count(zones, "zone")
    );
    Findings { problems, warnings, summary }
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
