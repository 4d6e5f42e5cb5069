//! Live sources as text for people: what was read last, how old it is, and what it cost.
//!
//! Input: reports. Output: lines. Good news is short; each problem has its place and its reason below it.

use std::sync::Arc;
use std::time::Duration;

use super::count;
use crate::diag::{self, Diagnostic, Id, Place};
use crate::sync::live::fetch::Source;
use crate::sync::live::real::{Real, Stop};
use crate::sync::live::report::{LiveReport, ScopeReport};
use crate::sync::live::settings::Settings;
use crate::sync::live::token::IdentityKind;
use crate::sync::pass::rfc3339;

/// The lines of one source; `now` is in seconds since 1970.
pub(super) fn lines(report: &LiveReport, now: u64) -> Vec<String> {
    let mut lines = vec![format!("  {}: {}", diag::printable(&report.source), head(report, now))];
    trouble(&mut lines, "    ", "error", &report.problems);
    for scope in &report.scopes {
        lines.push(format!("    {}: {}", diag::printable(&scope.scope), state(scope, now)));
        trouble(&mut lines, "      ", "error", &scope.problems);
        trouble(&mut lines, "      ", "warning", &scope.warnings);
    }
    lines
}

/// The same without its problems and warnings.
pub(super) fn summary(report: &LiveReport, now: u64) -> Vec<String> {
    let mut report = LiveReport { problems: Vec::new(), ..report.clone() };
    for scope in &mut report.scopes {
        (scope.problems, scope.warnings) = (Vec::new(), Vec::new());
    }
    lines(&report, now)
}

/// A live source as this process sees it; it ends with the process.
pub(super) fn source(settings: &Settings) -> Source {
    Source::new(settings.clone(), Arc::new(Real::new(&Stop::default())))
}

/// What is known of the last read, whichever process made it.
pub(super) fn last_report(settings: &Settings) -> LiveReport {
    let problems = LiveReport::load(&settings.report_path()).map(|report| report.problems);
    LiveReport { problems: problems.unwrap_or_default(), ..source(settings).report().clone() }
}

/// Asks Azure whether the identity of a source may read what it should; a note says so if it may.
pub(super) fn test(settings: &Settings) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = source(settings).test().into_iter().map(|finding| finding.diagnostic).collect();
    if !found.iter().any(Diagnostic::is_error) {
        let scopes = count(settings.scopes.len(), "scope");
        let text = format!("Azure gave a token, and every right that is needed is there: {scopes} read");
        found.push(Diagnostic::note(Id::AZURE_READABLE, Place::source(&settings.name), text).of_source(&settings.name));
    }
    found
}

fn trouble(lines: &mut Vec<String>, indent: &str, what: &str, found: &[Diagnostic]) {
    lines.extend(found.iter().map(|found| format!("{indent}{what}: {found}")));
}

/// The token and the cost.
fn head(report: &LiveReport, now: u64) -> String {
    let mut parts = vec![report.identity.map_or("no token yet".to_owned(), |kind| identity(kind).to_owned())];
    parts.extend(report.token_expires.map(|at| match at.checked_sub(now) {
        Some(_) => format!("token until {}", rfc3339(at)),
        None => format!("token ended {}", rfc3339(at)),
    }));
    if report.last.requests > 0 {
        parts.push(format!(
            "{} in the last read",
            count(usize::try_from(report.last.requests).unwrap_or(usize::MAX), "request")
        ));
    }
    let left: Vec<String> =
        report.last.remaining.iter().map(|(of, left)| format!("{left} {}", diag::printable(of))).collect();
    if !left.is_empty() {
        parts.push(format!("left: {}", left.join(", ")));
    }
    parts.join("; ")
}

/// The place that gives tokens, in words.
fn identity(kind: IdentityKind) -> &'static str {
    match kind {
        IdentityKind::Vm => "managed identity of the VM",
        IdentityKind::Arc => "managed identity of the Azure Arc server",
        IdentityKind::AppService => "managed identity of App Service",
        IdentityKind::Workload => "workload identity",
        IdentityKind::Secret => "service principal with a secret",
        IdentityKind::Certificate => "service principal with a certificate",
        IdentityKind::Cli => "Azure CLI",
    }
}

fn state(scope: &ScopeReport, now: u64) -> String {
    let Some(read) = scope.last_complete else { return "never read".to_owned() };
    let left_out: Vec<String> =
        scope.skipped.iter().map(|(why, number)| format!("{number} {}", diag::printable(why))).collect();
    let left_out = if left_out.is_empty() { String::new() } else { format!("; left out: {}", left_out.join(", ")) };
    format!("read {}, {}, {}{left_out}", age(read, now), count(scope.endpoints, "endpoint"), count(scope.names, "name"))
}

/// How long ago that is, to the two largest units that count.
pub(super) fn age(then: u64, now: u64) -> String {
    let seconds = now.saturating_sub(then);
    let coarse = match seconds {
        0..3600 => seconds,
        3600..86_400 => seconds / 60 * 60,
        _ => seconds / 3600 * 3600,
    };
    format!("{} ago", humantime::format_duration(Duration::from_secs(coarse)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::diag::{Id, Place};
    use crate::sync::live::arm::Meter;

    #[test]
    fn a_source_is_a_line_and_each_scope_one_with_its_age_and_its_problems_below() {
        let scope = ScopeReport {
            scope: "/subscriptions/s/resourceGroups/rg".to_owned(),
            last_complete: Some(1_000_000_000),
            names: 12,
            endpoints: 1,
            skipped: BTreeMap::from([("Pending".to_owned(), 2)]),
            problems: vec![Diagnostic::error(Id::AZURE_FORBIDDEN, Place::source("vault-we"), "no right")],
            ..ScopeReport::default()
        };
        let report = LiveReport {
            source: "vault-we".to_owned(),
            identity: Some(IdentityKind::Arc),
            token_expires: Some(1_000_000_400),
            scopes: vec![scope, ScopeReport { scope: "/subscriptions/t".to_owned(), ..ScopeReport::default() }],
            last: Meter {
                requests: 3,
                remaining: BTreeMap::from([("subscription-reads".to_owned(), 11_999)]),
                ..Meter::default()
            },
            ..LiveReport::default()
        };
        assert_eq!(
            lines(&report, 1_000_000_075),
            [
                "  vault-we: managed identity of the Azure Arc server; token until 2001-09-09T01:53:20Z; 3 requests in the \
                 last read; left: 11999 subscription-reads",
                "    /subscriptions/s/resourceGroups/rg: read 1m 15s ago, 1 endpoint, 12 names; left out: 2 Pending",
                "      error: source 'vault-we': no right",
                "    /subscriptions/t: never read",
            ]
        );
        assert!(lines(&report, 1_000_000_401)[0].contains("token ended 2001"));
        assert_eq!(lines(&LiveReport::default(), 0), ["  : no token yet"]);
    }

    #[test]
    fn an_age_is_as_exact_as_it_matters() {
        for (seconds, shown) in [(0, "0s ago"), (59, "59s ago"), (3_725, "1h 2m ago"), (180_061, "2days 2h ago")] {
            assert_eq!(age(5, 5 + seconds), shown);
        }
        assert_eq!(age(9, 5), "0s ago", "a clock that was set back");
    }
}
