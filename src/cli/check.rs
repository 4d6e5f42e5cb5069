//! `check`: reports every problem in config, lists and zones.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use serde::Serialize;

use super::live;
use super::progress::ProgressLine;
use super::sync::{problems_of, views_to_paste};
use super::{FAILED, USAGE, count, print, print_diagnostic, print_error, usage};
use crate::config::Config;
use crate::diag::{self, Diagnostic, Diagnostics, Id, Place, Severity};
use crate::feed;
use crate::forward::{Placement, RESOLV_CONF, UpstreamSpec};
use crate::sync::gather::Gatherer;
use crate::sync::guard;
use crate::sync::live::report::LiveReport;
use crate::sync::pass;
use crate::tls;
use crate::zone::store::{self, Store};

/// What a run of it shows, and what it makes of warnings.
#[derive(Clone, Copy)]
pub(super) struct Options {
    /// As JSON.
    pub(super) json: bool,
    /// Warnings fail.
    pub(super) strict: bool,
    /// Azure is asked.
    pub(super) online: bool,
}

/// The version of the JSON; it changes when a key goes or changes its meaning, not when one is added.
const VERSION: u32 = 1;

/// The outcome, as `docs/check-json.md` describes it.
#[derive(Debug, Default, Serialize)]
struct CheckReport {
    version: u32,
    file: String,
    result: CheckResult,
    /// Errors, then warnings, then notes.
    diagnostics: Vec<Diagnostic>,
    /// In the config.
    sources: usize,
    /// That the lists give.
    records: usize,
    zones: usize,
    /// The last read of each live source.
    live: Vec<LiveReport>,
    /// Lines for the config, for people.
    #[serde(skip)]
    views: Option<String>,
    /// Diagnostics of each kind; of lists with many, only the first are among `diagnostics`.
    errors: usize,
    warnings: usize,
    notes: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum CheckResult {
    #[default]
    Good,
    Warnings,
    /// The guard would hold a part of the next pass, and consent helps.
    Held,
    Errors,
}

/// Checks the config file that was found, and all it names.
pub(super) fn run(file: Result<PathBuf, String>, options: Options) -> ExitCode {
    let file = match file {
        Ok(file) => file,
        Err(reason) => return usage(reason),
    };
    let report = match Config::inspect(&file) {
        Ok((config, problems)) => all(&config, problems).with_live(&config, options.online),
        Err(problem) => CheckReport { diagnostics: vec![problem], ..CheckReport::default() },
    };
    let report = CheckReport { version: VERSION, file: diag::path(&file), ..report.summed() };
    if options.json {
        print(serde_json::to_string_pretty(&report).unwrap_or_default());
    } else {
        report.diagnostics.iter().for_each(print_diagnostic);
        report.views.iter().for_each(print);
        report.live.iter().flat_map(|report| live::summary(report, super::now())).for_each(print);
        report.print_last_line(options.strict);
    }
    match report.result {
        CheckResult::Errors => ExitCode::from(USAGE),
        CheckResult::Warnings | CheckResult::Held if options.strict => ExitCode::from(FAILED),
        _ => ExitCode::SUCCESS,
    }
}

impl CheckReport {
    /// The same with its diagnostics in order, their numbers and the result. The numbers hold what lists hide already.
    fn summed(mut self) -> Self {
        self.diagnostics.sort_by_key(|found| found.severity as usize);
        let of = |severity| self.diagnostics.iter().filter(|found| found.severity == severity).count();
        let (errors, warnings, notes) = (of(Severity::Error), of(Severity::Warning), of(Severity::Note));
        self.errors += errors;
        self.warnings += warnings;
        self.notes += notes;
        self.result = match (errors, warnings, self.result) {
            (1.., ..) => CheckResult::Errors,
            (0, _, CheckResult::Held) => CheckResult::Held,
            (0, 1.., _) => CheckResult::Warnings,
            _ => CheckResult::Good,
        };
        self
    }

    /// The same with what is known of the live sources.
    fn with_live(self, config: &Config, online: bool) -> Self {
        let Self { mut diagnostics, .. } = self;
        let live: Vec<LiveReport> = config.sync.live.iter().map(live::last_report).collect();
        if online {
            diagnostics.extend(config.sync.live.iter().flat_map(live::test));
        } else {
            // The past is no reason to refuse a config: the lists that were read before stay in use.
            let past = live.iter().flat_map(LiveReport::all_problems).cloned();
            let as_warning = |found: Diagnostic| match found.severity {
                Severity::Error => Diagnostic { severity: Severity::Warning, ..found },
                _ => found,
            };
            diagnostics.extend(past.map(as_warning));
        }
        diagnostics.extend(live.iter().flat_map(|report| &report.scopes).flat_map(|scope| scope.warnings.clone()));
        Self { diagnostics, live, ..self }
    }

    /// Counts what is behind "and 40 more warnings", which is a diagnostic itself.
    fn count_hidden(&mut self, found: &Diagnostics) {
        let shown = |severity| found.shown().iter().filter(|found| found.severity == severity).count();
        let hidden = |severity| (found.count(severity) - shown(severity)).saturating_sub(1);
        self.errors += hidden(Severity::Error);
        self.warnings += hidden(Severity::Warning);
        self.notes += hidden(Severity::Note);
    }

    fn print_last_line(&self, strict: bool) {
        let Self { file, sources, records, zones, errors, warnings, notes, .. } = self;
        let counts = [(warnings, "warning"), (notes, "note")].into_iter().filter(|(number, _)| **number > 0);
        let counts = counts.map(|(number, noun)| format!(", {}", count(*number, noun))).collect::<Vec<_>>().concat();
        if *errors > 0 {
            return print_error(format!("{file}: {} to fix{counts}", count(*errors, "problem")));
        }
        let what = format!(
            "{}, {}, {}{counts}",
            count(*sources, "source"),
            count(*records, "listed record"),
            count(*zones, "zone")
        );
        if strict && *warnings > 0 {
            return print_error(format!("{file}: not good, since --strict fails on warnings; {what}"));
        }
        print(format!("{file}: good; {what}"));
    }
}

/// The diagnostics of a pass that does not write, and what it counts.
fn all(config: &Config, mut found: Vec<Diagnostic>) -> CheckReport {
    let progress = ProgressLine::start();
    let mut store = Store::new(config.zones.clone());
    let report = store.reload();
    found.extend(report.errors);
    found.extend(config.warnings.iter().cloned());
    found.extend(tls::inspect(&config.tls, &config.promised(), super::now()).problems);
    found.extend(absent_upstreams(config, RESOLV_CONF.into()));
    found.extend(report.warnings);
    found.extend(feed::left_out(&config.feed, &report.zones));
    found.extend(config.check_peers(&report.zones));
    let show = |step: crate::sync::progress::PassStep<'_>| progress.show(step);
    let planned = pass::dry_run(&config.sync, &report.zones, &mut Gatherer::default(), SystemTime::now(), &show);
    drop(progress);
    let mut checked = CheckReport { sources: config.sync.sources.len(), ..CheckReport::default() };
    found.extend(planned.sources.iter().flat_map(problems_of));
    planned.sources.iter().for_each(|source| checked.count_hidden(&source.problems));
    found.extend(planned.errors.to_vec());
    let conflicts = planned.plan.conflicts();
    checked.errors += conflicts.total() - conflicts.to_vec().len();
    let as_error = |conflict| Diagnostic { severity: Severity::Error, ..conflict };
    found.extend(conflicts.to_vec().into_iter().map(as_error));
    let review = guard::review(planned.plan, &planned.bases, &config.sync.guard(), None);
    found.extend(review.view().warnings.to_vec());
    checked.count_hidden(review.view().warnings);
    for reason in review.held.iter().flat_map(|held| held.reasons()) {
        checked.result = CheckResult::Held;
        let is_wrong = reason.is_error();
        found.push(if is_wrong { reason } else { reason.and("; sync will hold this back until it is approved") });
    }
    let view = review.view();
    checked.views = views_to_paste(&view, config);
    checked.records = view.zones.iter().map(|zone| zone.after().len()).sum();
    let unplanned = report
        .zones
        .iter()
        .filter(|hosted| view.zones.iter().all(|zone| zone.id.view.is_some() || zone.id.apex != hosted.apex))
        .count();
    // As status counts them: the part of a zone that a view has is no further zone.
    checked.zones = view.zones.iter().filter(|zone| zone.id.view.is_none()).count() + unplanned;
    // Files that sync wrote do not count: a config that names no zone beside them has lost its contents.
    found.extend(super::hosts_nothing(config, store::has_hand_written));
    CheckReport { diagnostics: found, ..checked }
}

/// A warning for each entry of `upstreams` that names no server now.
fn absent_upstreams(config: &Config, resolv_conf: PathBuf) -> Vec<Diagnostic> {
    let all: Vec<UpstreamSpec> = config.groups.iter().flat_map(|group| group.upstreams.clone()).collect();
    let found = Placement::absent(resolv_conf, &all).into_iter().collect::<BTreeSet<_>>();
    let warn = |reason| {
        let text = format!("upstreams: {reason}; not used until that changes");
        Diagnostic::warning(Id::UPSTREAM_ABSENT, Place::file(&config.file), text)
    };
    found.into_iter().map(warn).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_system_that_names_nobody_is_said_once_and_any_octets_beside_a_name_server_are_not() {
        let rule = "[forward]\nupstreams = [\"system\"]\n[[forward.rules]]\nsuffix = \"corp.example\"\nupstreams = [\"system\"]\n";
        let (config, problems) = Config::parse(Path::new("c.toml"), rule);
        assert!(problems.is_empty(), "{problems:?}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resolv.conf");
        for (contents, warnings) in [(&b"search example\n"[..], 1), (b"# \xe9\nnameserver 10.0.0.1\n", 0)] {
            std::fs::write(&path, contents).unwrap();
            let found = absent_upstreams(&config, path.clone());
            assert_eq!(found.len(), warnings, "{found:?}");
        }
        let missing = absent_upstreams(&config, folder.path().join("no-such-file"));
        assert!(missing.iter().all(|warning| warning.id == Id::UPSTREAM_ABSENT) && missing.len() == 1, "{missing:?}");
    }
}
