//! Section 4: the lists: whether they are good, how old they are, and what a vault lacks by the rules of Azure Backup.
//!
//! In: the lists as the next pass would read them. Out: findings. No list of service labels is closed: what a vault
//! should have follows from the other vaults of its region, and from the first wave that every vault has.

mod accounts;
mod addresses;
mod age;
mod vaults;

use super::config::is_away;
use super::facts::{Lists, Standing};
use super::finding::{Finding, some};
use super::id::Id;
use crate::diag::{Diagnostic, Severity, command};

/// All checks of the section; `now` is in seconds since 1970.
pub(super) fn check(lists: &Lists, now: u64) -> Vec<Finding> {
    let mut found = vec![errors(lists)];
    found.extend(age::check(lists, now));
    found.push(conflicts(lists));
    found.push(vaults::check(&lists.records));
    found.push(accounts::ecs(&lists.records));
    found.push(accounts::prot(&lists.records));
    found.push(addresses::subnets(&lists.records));
    found.push(addresses::twice(&lists.records));
    found.push(unlisted(lists));
    found.push(held(lists));
    found
}

fn errors(lists: &Lists) -> Finding {
    let of_sources = lists.sources.iter().flat_map(|source| source.problems.to_vec());
    let of_azure = lists.live.iter().flat_map(|report| report.all_problems().cloned());
    let all: Vec<Diagnostic> = of_sources.chain(of_azure).chain(lists.errors.iter().cloned()).collect();
    let errors: Vec<&Diagnostic> =
        all.iter().filter(|found| found.severity == Severity::Error && !is_away(found)).collect();
    if let Some(first) = errors.first() {
        let hidden: usize = lists.sources.iter().map(|source| source.problems.count(Severity::Error)).sum();
        let count = errors.len().max(hidden);
        let fact = if count == 1 { first.to_string() } else { format!("{count} errors, the first: {first}") };
        return Finding::problem(Id::LISTS, fact).run(command(&["check"], &lists.config));
    }
    let warnings: Vec<&Diagnostic> = all
        .iter()
        .filter(|found| found.severity == Severity::Warning && !is_away(found))
        .chain(&lists.warnings)
        .collect();
    if let Some(first) = warnings.first() {
        let fact = match warnings.len() {
            1 => first.to_string(),
            count => format!("{count} warnings, the first: {first}"),
        };
        return Finding::warning(Id::LISTS, fact).run(command(&["check"], &lists.config));
    }
    let entries: usize = lists.sources.iter().map(|source| source.entries).sum();
    Finding::good(Id::LISTS, format!("{entries} entries in lists without a problem"))
}

fn conflicts(lists: &Lists) -> Finding {
    let (shown, total) = &lists.conflicts;
    let Some(first) = shown.first() else { return Finding::good(Id::CONFLICTS, "no list contradicts another") };
    let fact = if *total == 1 { first.to_string() } else { format!("{total} names, the first: {first}") };
    Finding::problem(Id::CONFLICTS, fact)
        .run(format!("have one list name each of these; all of them: {}", command(&["plan"], &lists.config)))
}

fn unlisted(lists: &Lists) -> Finding {
    if lists.unlisted.is_empty() {
        return Finding::good(Id::UNLISTED, "every record of the sync is in a list");
    }
    let fact = format!("{} in service: {}", lists.unlisted.len(), some(&lists.unlisted));
    let help = format!(
        "{}; it says whether the next pass removes them, or what keeps them",
        command(&["plan"], &lists.config)
    );
    Finding::warning(Id::UNLISTED, fact).run(help)
}

fn held(lists: &Lists) -> Finding {
    if let Some(frozen) = &lists.frozen {
        let waits = lists.records.iter().filter(|listed| listed.standing != Standing::Written).count();
        let fact = format!("the sync is frozen {frozen}: {waits} names wait for its end");
        return Finding::warning(Id::HELD, fact).run(command(&["thaw"], &lists.config));
    }
    let Some(held) = &lists.held else { return Finding::good(Id::HELD, "nothing waits for consent") };
    Finding::problem(Id::HELD, held.reasons.join("\n")).run(&held.way_out)
}
