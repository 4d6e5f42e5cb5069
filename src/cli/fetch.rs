//! `fetch`: reads the live sources once, from a terminal or a script.
//!
//! Input: the config. Output: the lists, in their files or on standard output, and a table of what was read. What
//! cannot be read leaves its list as it is.

use std::process::ExitCode;
use std::time::Instant;

use super::progress::ProgressLine;
use super::{count, fail, live, print, print_diagnostic, usage};
use crate::config::Config;
use crate::diag;
use crate::sync::live::fetch::{Finding, ScopeRead};
use crate::sync::live::report::{LiveReport, ScopeReport};
use crate::sync::live::settings::Settings;

/// Reads all live sources, or the one of this name.
pub(super) fn run(config: &Config, name: Option<&str>, only_print: bool) -> ExitCode {
    let sources = match chosen(config, name) {
        Ok(sources) => sources,
        Err(reason) => return usage(reason),
    };
    let read = if only_print { print_lists } else { write_lists };
    // Each is read, whatever became of the one before.
    let complete = sources.into_iter().map(read).filter(|is_complete| !is_complete).count() == 0;
    if complete { ExitCode::SUCCESS } else { fail("not everything could be read; what was read before stays in use") }
}

/// The sources that are meant, or what to do to have one.
fn chosen<'c>(config: &'c Config, name: Option<&str>) -> Result<Vec<&'c Settings>, String> {
    let (file, live) = (diag::path(&config.file), &config.sync.live);
    if live.is_empty() {
        return Err(format!(
            "{file} has no live source: add [[sources]] with name, kind = \"azure\" and scopes = \
             [\"/subscriptions/<id>/resourceGroups/<name>\"]"
        ));
    }
    let Some(name) = name else { return Ok(live.iter().collect()) };
    if let Some(found) = live.iter().find(|source| feeds(source, name)) {
        return Ok(vec![found]);
    }
    let names: Vec<&str> = live.iter().map(|source| source.name.as_str()).collect();
    let is_known = config.sync.sources.iter().any(|source| source.name == name);
    let why = if is_known { "reads files, which need no fetch" } else { "is not in the config" };
    Err(format!("source '{name}' {why}; the live sources of {file}: {}", names.join(", ")))
}

/// True if a live source has this name, or feeds the source of a view that has it.
fn feeds(live: &Settings, name: &str) -> bool {
    live.name == name || live.views.iter().any(|of| live.source_name(Some(&of.view)) == name)
}

fn progress(settings: &Settings) -> ProgressLine {
    ProgressLine::with(format!("{}: reading {} from Azure", settings.name, count(settings.scopes.len(), "scope")))
}

fn show(findings: &[Finding]) {
    findings.iter().map(|finding| &finding.diagnostic).for_each(print_diagnostic);
}

/// Reads a source and prints its lists; true if each scope was read whole.
fn print_lists(settings: &Settings) -> bool {
    let progress = progress(settings);
    let read: Vec<ScopeRead> = live::source(settings).read();
    drop(progress);
    for scope in &read {
        show(&scope.findings);
        scope.lists.iter().flatten().for_each(|list| print(list.trim_end()));
    }
    let is_whole = |scope: &ScopeRead| {
        scope.lists.is_some() && !scope.findings.iter().any(|finding| finding.diagnostic.is_error())
    };
    read.len() == settings.scopes.len() && read.iter().all(is_whole)
}

/// Reads a source and writes its lists; true if each scope was read whole.
fn write_lists(settings: &Settings) -> bool {
    let (progress, begin) = (progress(settings), Instant::now());
    let mut source = live::source(settings);
    let fetched = source.fetch();
    drop(progress);
    show(&fetched.findings);
    let report = source.report();
    table(report, begin.elapsed().as_secs_f64(), super::now()).iter().for_each(print);
    report.all_problems().next().is_none() && !fetched.findings.iter().any(|finding| finding.diagnostic.is_error())
}

/// A line for the source, and one for each scope.
fn table(report: &LiveReport, seconds: f64, now: u64) -> Vec<String> {
    let requests = count(usize::try_from(report.last.requests).unwrap_or(usize::MAX), "request");
    let mut lines = vec![format!("{}: {requests} in {seconds:.1} s", diag::printable(&report.source))];
    let width = report.scopes.iter().map(|scope| scope.scope.chars().count()).max().unwrap_or_default();
    lines.push(format!("  {:width$}  {:>9}  {:>9}  {}", "scope", "endpoints", "names", "left out"));
    lines.extend(report.scopes.iter().map(|scope| row(scope, width, now)).map(|row| row.trim_end().to_owned()));
    lines
}

fn row(scope: &ScopeReport, width: usize, now: u64) -> String {
    let shown = diag::printable(&scope.scope).into_owned();
    if !scope.problems.is_empty() || scope.last_complete.is_none() {
        let kept = scope.last_complete.map_or("never was".to_owned(), |at| format!("last {}", live::age(at, now)));
        return format!("  {shown:width$}  not read: {kept}");
    }
    let left_out: Vec<String> =
        scope.skipped.iter().map(|(why, number)| format!("{number} {}", diag::printable(why))).collect();
    format!("  {shown:width$}  {:>9}  {:>9}  {}", scope.endpoints, scope.names, left_out.join(", "))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::diag::{Diagnostic, Id, Place};

    const LIVE: &str = "[[sources]]\nname = \"vault-we\"\nkind = \"azure\"\n\
        scopes = [\"/subscriptions/11111111-2222-3333-4444-555555555555\"]\n[[sources]]\nname = \"a\"\npath = \"b\"\n";

    #[test]
    fn a_source_that_cannot_be_meant_is_answered_with_what_can_be() {
        let config = |text: &str| Config::parse(Path::new("c.toml"), text).0;
        let meant = |text: &str, name: Option<&str>| {
            chosen(&config(text), name).map(|found| found.iter().map(|source| source.name.clone()).collect::<Vec<_>>())
        };
        assert_eq!(meant(LIVE, None), Ok(vec!["vault-we".to_owned()]));
        assert_eq!(meant(LIVE, Some("vault-we")), Ok(vec!["vault-we".to_owned()]));
        for (text, name, why) in [
            ("", None, "has no live source: add [[sources]]"),
            (LIVE, Some("a"), "source 'a' reads files"),
            (LIVE, Some("b"), "source 'b' is not in the config; the live sources of c.toml: vault-we"),
        ] {
            let found = meant(text, name).unwrap_err();
            assert!(found.contains(why), "{found}");
        }
    }

    #[test]
    fn the_table_has_a_row_for_each_scope_and_says_which_was_not_read() {
        let good = ScopeReport {
            scope: "/subscriptions/one".to_owned(),
            last_complete: Some(90),
            names: 12,
            endpoints: 3,
            skipped: BTreeMap::from([("Pending".to_owned(), 1), ("other service".to_owned(), 4)]),
            ..ScopeReport::default()
        };
        let problems = vec![Diagnostic::error(Id::AZURE_FORBIDDEN, Place::source("s"), "no right")];
        let kept =
            ScopeReport { scope: "/subscriptions/three".to_owned(), last_complete: Some(40), problems, ..good.clone() };
        let never = ScopeReport { scope: "/s".to_owned(), ..ScopeReport::default() };
        let mut report =
            LiveReport { source: "s".to_owned(), scopes: vec![good, kept, never], ..LiveReport::default() };
        report.last.requests = 1;
        assert_eq!(
            table(&report, 0.25, 100),
            [
                "s: 1 request in 0.2 s",
                "  scope                 endpoints      names  left out",
                "  /subscriptions/one            3         12  1 Pending, 4 other service",
                "  /subscriptions/three  not read: last 1m ago",
                "  /s                    not read: never was",
            ]
        );
    }
}
