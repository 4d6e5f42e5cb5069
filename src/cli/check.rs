//! `check`: reports every problem in config, lists and zones.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use super::progress::ProgressLine;
use super::sync::problems_of;
use super::{USAGE, print, print_diagnostic, print_error, usage};
use crate::config::Config;
use crate::diag::{self, Diagnostic, Id, Place, Severity};
use crate::forward::{Placement, RESOLV_CONF, UpstreamSpec};
use crate::sync::gather::Gatherer;
use crate::sync::guard;
use crate::sync::pass;
use crate::zone::store::Store;

/// Checks the config file that was found, and all it names.
pub(super) fn run(file: Result<PathBuf, String>) -> ExitCode {
    let file = match file {
        Ok(file) => file,
        Err(reason) => return usage(reason),
    };
    let found = match Config::inspect(&file) {
        Ok((config, problems)) => all(&config, problems),
        Err(problem) => (vec![problem], String::new()),
    };
    let (found, summary) = found;
    let (errors, others): (Vec<_>, Vec<_>) = found.into_iter().partition(Diagnostic::is_error);
    let (notes, warnings): (Vec<_>, Vec<_>) = others.into_iter().partition(Diagnostic::is_note);
    errors.iter().chain(&warnings).chain(&notes).for_each(print_diagnostic);
    if errors.is_empty() {
        print(format!("{}: good; {summary}", diag::path(&file)));
        return ExitCode::SUCCESS;
    }
    print_error(format!("{}: {} to fix", diag::path(&file), count(errors.len(), "problem")));
    ExitCode::from(USAGE)
}

/// The diagnostics of a pass that does not write, and a summary for when there are no errors.
fn all(config: &Config, mut found: Vec<Diagnostic>) -> (Vec<Diagnostic>, String) {
    let progress = ProgressLine::start();
    let mut store = Store::new(config.zones.clone());
    let report = store.reload();
    found.extend(report.errors);
    found.extend(config.warnings.iter().cloned());
    found.extend(absent_upstreams(config, RESOLV_CONF.into()));
    found.extend(report.warnings);
    let show = |step: crate::sync::progress::PassStep<'_>| progress.show(step);
    let planned = pass::dry_run(&config.sync, &report.zones, &mut Gatherer::default(), SystemTime::now(), &show);
    drop(progress);
    found.extend(planned.sources.iter().flat_map(problems_of));
    found.extend(planned.errors.to_vec());
    let as_error = |conflict| Diagnostic { severity: Severity::Error, ..conflict };
    found.extend(planned.plan.conflicts().to_vec().into_iter().map(as_error));
    let review = guard::review(planned.plan, &planned.bases, &config.sync.guard(), None);
    found.extend(review.view().warnings.to_vec());
    for reason in review.held.iter().flat_map(|held| held.reasons()) {
        let is_wrong = reason.is_error();
        found.push(if is_wrong { reason } else { reason.and("; sync will hold this back until it is approved") });
    }
    let view = review.view();
    let listed = view.zones.iter().map(|zone| zone.after().len()).sum();
    let is_by_hand = |zone: &crate::zone::Hosted| zone.zone.as_ref().is_some_and(|zone| !zone.is_managed());
    let by_hand = report.zones.iter().filter(|hosted| is_by_hand(hosted)).count();
    let unplanned = report.zones.iter().filter(|hosted| view.zones.iter().all(|zone| zone.apex != hosted.apex)).count();
    let zones = view.zones.len() + unplanned;
    // Files that sync wrote do not count: a config that names no zone beside them has lost its contents.
    if config.zones.hosted.is_empty() && by_hand == 0 {
        let nothing = "hosts no zone: add [backup] with cloud = \"public\", or put zone files into zone_dir";
        found.push(Diagnostic::error(Id::CONFIG_NO_ZONE, Place::file(&config.file), nothing));
    }
    let summary = format!(
        "{}, {}, {}",
        count(config.sync.sources.len(), "source"),
        count(listed, "listed record"),
        count(zones, "zone")
    );
    (found, summary)
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

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
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
