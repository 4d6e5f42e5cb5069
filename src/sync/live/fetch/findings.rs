//! What is to be said about a read: each thing once, in words that are the same as long as it lasts.

use std::time::{Duration, UNIX_EPOCH};

use super::super::arm::{ArmError, ArmErrorKind};
use super::super::records::ScopeList;
use super::super::scope::Scope;
use super::super::settings::Settings;
use super::super::token::TokenError;
use crate::diag::{Diagnostic, Diagnostics, Id, Place};

/// Something to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub diagnostic: Diagnostic,
    /// Ids for Microsoft's support, which differ each time: fields of a log line, not its text.
    pub trace: Vec<(&'static str, String)>,
}

/// Collects what is to be said about one source.
pub(super) struct Teller<'a> {
    settings: &'a Settings,
    of_source: Vec<Finding>,
    failures: Vec<Failure>,
    warnings: Diagnostics,
    is_without_token: bool,
}

/// Scopes that failed by the same reason.
struct Failure {
    error: ArmError,
    scope: String,
    others: usize,
    /// What becomes of the lists; of the first scope, and of several.
    stays: [String; 2],
}

impl<'a> Teller<'a> {
    pub(super) fn new(settings: &'a Settings) -> Self {
        let (of_source, failures, warnings) = (Vec::new(), Vec::new(), Diagnostics::default());
        Self { settings, of_source, failures, warnings, is_without_token: false }
    }

    /// There is no token: that is said once, whatever the scopes say.
    pub(super) fn no_token(&mut self, error: &TokenError) {
        self.is_without_token = true;
        let found = self.error(Id::AZURE_NO_TOKEN, format!("{}; every list stays as it is", error.text));
        self.of_source.push(Finding { diagnostic: found, trace: error.trace.clone() });
    }

    /// The token could not be renewed, and is still good.
    pub(super) fn token_trouble(&mut self, error: &TokenError) {
        let text = format!("the token cannot be renewed: {}; the present one is used until it ends", error.text);
        let found = self.warning(Id::AZURE_NO_TOKEN, text);
        self.of_source.push(Finding { diagnostic: found, trace: error.trace.clone() });
    }

    /// The folder or the report cannot be written.
    pub(super) fn not_kept(&mut self, text: &str) {
        let diagnostic = self.error(Id::AZURE_NOT_KEPT, text.to_owned());
        self.of_source.push(Finding { diagnostic, trace: Vec::new() });
    }

    /// What belongs to the source as a whole.
    pub(super) fn of_source(&self) -> Vec<Diagnostic> {
        self.of_source.iter().map(|found| found.diagnostic.clone()).collect()
    }

    /// A scope could not be read. What is to be kept in the report is given back.
    pub(super) fn failed(&mut self, scope: &Scope, error: &ArmError, since: Option<u64>) -> Diagnostic {
        let stays = if self.settings.lists(scope).any(|(_, path)| path.exists()) {
            [format!("its list{} stays in use", of_time(since)), "their lists stay in use".to_owned()]
        } else {
            ["nothing of it is published yet".to_owned(), "their lists, where there are any, stay in use".to_owned()]
        };
        self.fail(scope, error, stays)
    }

    /// A scope could not be read, and nothing hangs on it now.
    pub(super) fn untested(&mut self, scope: &Scope, error: &ArmError) {
        self.fail(scope, error, Default::default());
    }

    fn fail(&mut self, scope: &Scope, error: &ArmError, stays: [String; 2]) -> Diagnostic {
        let shown = self.failure(error, &scope.to_string(), &stays[0]);
        let is_said = self.is_without_token && error.kind == ArmErrorKind::Unauthorized;
        match self.failures.iter_mut().find(|known| known.error.text == error.text) {
            Some(known) => known.others += 1,
            None if is_said => {}
            None => {
                self.failures.push(Failure { error: error.clone(), scope: scope.to_string(), others: 0, stays });
            }
        }
        shown
    }

    /// A scope is empty and was not before.
    pub(super) fn empty(&mut self, scope: &Scope, since: Option<u64>) -> Diagnostic {
        let lists = self.settings.lists(scope).filter(|(_, path)| path.exists());
        let lists: Vec<String> = lists.map(|(_, path)| crate::diag::path(&path)).collect();
        let text = format!(
            "{scope} names no endpoint that is wanted, and its list{} does, which stays in use: look at the role of the \
             identity and at the keys that select; if nothing is there any more, delete {}",
            of_time(since),
            lists.join(", ")
        );
        self.push(self.error(Id::AZURE_EMPTY, text))
    }

    /// A list could not be written.
    pub(super) fn unwritten(&mut self, scope: &Scope, text: &str) -> Diagnostic {
        self.push(self.error(Id::AZURE_NOT_KEPT, format!("{scope}: {text}")))
    }

    /// What is worth a look in a scope that was read.
    pub(super) fn warnings(&mut self, scope: &Scope, list: &ScopeList) -> Vec<Diagnostic> {
        let mut own = Diagnostics::default();
        for text in &list.warnings {
            let found = || self.warning(Id::AZURE_DIFFERS, format!("{scope}: {text}"));
            own.warning(found);
        }
        let shown = own.to_vec();
        self.warnings.append(own);
        shown
    }

    /// All of it, the worst first.
    pub(super) fn finish(self) -> Vec<Finding> {
        let mut all = self.of_source.clone();
        for failure in &self.failures {
            let (scope, stays) = match failure.others {
                0 => (failure.scope.clone(), &failure.stays[0]),
                1 => (format!("{} and another scope", failure.scope), &failure.stays[1]),
                others => (format!("{} and {others} other scopes", failure.scope), &failure.stays[1]),
            };
            let diagnostic = self.failure(&failure.error, &scope, stays);
            all.push(Finding { diagnostic, trace: failure.error.trace.clone() });
        }
        all.extend(self.warnings.to_vec().into_iter().map(|diagnostic| Finding { diagnostic, trace: Vec::new() }));
        all
    }

    fn failure(&self, error: &ArmError, scope: &str, stays: &str) -> Diagnostic {
        let id = match error.kind {
            ArmErrorKind::NotFound => Id::AZURE_NO_SCOPE,
            ArmErrorKind::Forbidden => Id::AZURE_FORBIDDEN,
            ArmErrorKind::Unauthorized => Id::AZURE_NO_TOKEN,
            ArmErrorKind::Throttled(_) => Id::AZURE_THROTTLED,
            ArmErrorKind::Unreachable | ArmErrorKind::Stopped => Id::AZURE_UNREACHABLE,
            ArmErrorKind::Other => Id::AZURE_BAD_ANSWER,
        };
        let stays = if stays.is_empty() { String::new() } else { format!("; {stays}") };
        let text = format!("{scope}: {}{stays}", error.text);
        if id == Id::AZURE_THROTTLED { self.warning(id, text) } else { self.error(id, text) }
    }

    fn push(&mut self, found: Diagnostic) -> Diagnostic {
        self.of_source.push(Finding { diagnostic: found.clone(), trace: Vec::new() });
        found
    }

    fn error(&self, id: Id, text: String) -> Diagnostic {
        let name = &self.settings.name;
        Diagnostic::error(id, Place::source(name), text).of_source(name)
    }

    fn warning(&self, id: Id, text: String) -> Diagnostic {
        let name = &self.settings.name;
        Diagnostic::warning(id, Place::source(name), text).of_source(name)
    }
}

/// ` of 2026-11-25T14:03:00Z`: the last time is the same as long as a failure lasts.
fn of_time(since: Option<u64>) -> String {
    // What a file of ours says may be anything.
    let time =
        since.filter(|seconds| *seconds < 253_402_300_800).map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
    time.map(|time| format!(" of {}", humantime::format_rfc3339_seconds(time))).unwrap_or_default()
}
