//! The log of a live source: each finding once, for as long as it lasts.

use tracing::{error, info, warn};

use crate::diag::{Diagnostic, Severity};
use crate::sync::live::fetch::{Fetched, Finding};
use crate::sync::live::report::LiveReport;
use crate::sync::live::token::IdentityKind;

/// Findings of one read that are logged; a lost right may concern each endpoint.
const MAX_LINES: usize = 20;

/// The findings of the last read, so that they are not logged again at the next one.
#[derive(Default)]
pub(super) struct LiveLog {
    already_logged: Vec<Diagnostic>,
    has_failed: bool,
    identity: Option<IdentityKind>,
}

impl LiveLog {
    /// Logs what is new in a read.
    pub(super) fn read(&mut self, report: &LiveReport, fetched: &Fetched) {
        let source = report.source.as_str();
        if report.identity != self.identity
            && let Some(kind) = report.identity
        {
            info!(source, identity = ?kind, "signed in to Azure");
        }
        self.identity = report.identity;
        let is_good_again = self.is_good_again(&fetched.findings);
        let (news, more) = self.news(&fetched.findings);
        news.into_iter().for_each(log);
        if more > 0 {
            warn!(source, more, "more findings in this read; see status");
        }
        if fetched.changed {
            let names: usize = report.scopes.iter().map(|scope| scope.names).sum();
            info!(source, names, requests = report.last.requests, "read from Azure: a list changed");
        }
        if is_good_again {
            info!(source, "reading from Azure is good again");
        }
    }

    /// The findings that the last read did not have, as far as anybody reads them, and the number of the others.
    fn news<'f>(&mut self, findings: &'f [Finding]) -> (Vec<&'f Finding>, usize) {
        let mut news: Vec<&Finding> =
            findings.iter().filter(|finding| !self.already_logged.contains(&finding.diagnostic)).collect();
        news.sort_by_key(|finding| finding.diagnostic.severity as usize);
        self.already_logged = findings.iter().map(|finding| finding.diagnostic.clone()).collect();
        let more = news.len().saturating_sub(MAX_LINES);
        news.truncate(MAX_LINES);
        (news, more)
    }

    /// True if this read has no error and the last one had.
    fn is_good_again(&mut self, findings: &[Finding]) -> bool {
        let has_failed = findings.iter().any(|finding| finding.diagnostic.is_error());
        std::mem::replace(&mut self.has_failed, has_failed) && !has_failed
    }
}

/// A diagnostic; what differs from read to read is a field of its own.
fn log(Finding { diagnostic, trace }: &Finding) {
    let trace: Vec<String> = trace.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let (id, trace) = (diagnostic.id, crate::diag::printable(&trace.join(" ")).into_owned());
    match (diagnostic.severity, trace.is_empty()) {
        (_, true) => super::super::log::found(diagnostic),
        (Severity::Error, _) => error!(%id, trace, "{diagnostic}"),
        (Severity::Warning, _) => warn!(%id, trace, "{diagnostic}"),
        (Severity::Note, _) => info!(%id, trace, "{diagnostic}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Id, Place};

    fn finding(severity: Severity, text: &str, trace: &str) -> Finding {
        let diagnostic = Diagnostic { severity, ..Diagnostic::error(Id::AZURE_FORBIDDEN, Place::source("s"), text) };
        Finding { diagnostic, trace: vec![("correlation", trace.to_owned())] }
    }

    #[test]
    fn the_same_finding_is_logged_once_whatever_ids_azure_gives_it() {
        let mut log = LiveLog::default();
        let (first, again) = (finding(Severity::Error, "no right", "1"), finding(Severity::Error, "no right", "2"));
        assert_eq!(log.news(std::slice::from_ref(&first)).0.len(), 1);
        for _ in 0..3 {
            assert_eq!(log.news(std::slice::from_ref(&again)).0.len(), 0);
        }
        assert_eq!(log.news(&[again, finding(Severity::Error, "other", "3")]).0.len(), 1);
        assert_eq!(log.news(&[]).0.len(), 0);
        assert_eq!(log.news(&[first]).0.len(), 1, "it was away");
    }

    #[test]
    fn a_read_with_many_findings_has_a_few_lines_the_errors_first() {
        let mut all: Vec<Finding> = (0..50).map(|n| finding(Severity::Warning, &format!("differs {n}"), "")).collect();
        all.push(finding(Severity::Error, "no right", ""));
        let mut log = LiveLog::default();
        let (news, more) = log.news(&all);
        assert_eq!((news.len(), more, news[0].diagnostic.is_error()), (MAX_LINES, 31, true));
        assert_eq!(log.news(&all).0.len(), 0);
    }

    #[test]
    fn good_again_is_said_once_and_warnings_are_no_failure() {
        let mut log = LiveLog::default();
        let (bad, odd) = ([finding(Severity::Error, "a", "")], [finding(Severity::Warning, "b", "")]);
        let said: Vec<bool> =
            [&bad[..], &bad[..], &odd[..], &[], &bad[..], &[]].iter().map(|read| log.is_good_again(read)).collect();
        assert_eq!(said, [false, false, true, false, false, true]);
    }
}
