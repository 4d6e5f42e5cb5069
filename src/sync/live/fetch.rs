//! One read of a live source: a token, then each scope by itself. The list of a scope is replaced only by a complete
//! read that is not suddenly empty; whatever goes wrong changes nothing of that scope, and the others go on.
mod findings;
mod folder;
mod reading;

use std::sync::Arc;
use std::time::Duration;

use super::arm::{ArmError, ArmErrorKind, Bearer, Client, Holds};
use super::outside::Outside;
use super::records::ScopeList;
use super::render::render;
use super::report::{LiveReport, ScopeReport};
use super::scope::Scope;
use super::settings::Settings;
use super::token::{TokenError, Tokens};
pub use findings::Finding;
use findings::Teller;
use folder::{Folder, Put};

/// When to read again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Next {
    /// After the interval.
    #[default]
    Usual,
    /// Sooner: Azure is still changing an endpoint, or a list has just changed.
    Soon(Duration),
    /// Something failed in passing: by back-off.
    Failed,
    /// Not before this time is over: Azure asked for it.
    NotBefore(Duration),
}

/// What came of a read.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    /// True if a list was replaced or removed.
    pub changed: bool,
    /// When to read again.
    pub next: Next,
    /// Each said once.
    pub findings: Vec<Finding>,
}

/// One scope as it was read, when nothing is written.
#[derive(Clone, Debug)]
pub struct ScopeRead {
    /// The scope.
    pub scope: Scope,
    /// The texts of its lists, of views and of the base; `None` if it could not be read.
    pub lists: Option<Vec<String>>,
    /// What is to be said.
    pub findings: Vec<Finding>,
}

/// The time until the next look while Azure changes an endpoint.
const SETTLING: Duration = Duration::from_secs(10);
/// The time between two looks for a while after a change: changes come in waves.
const WAVE: Duration = Duration::from_secs(20);
/// That while.
const WAVE_LASTS: Duration = Duration::from_mins(10);
/// The longest time that an endpoint is looked at more often because it says that it is changing: some say so for ever.
const SETTLING_LASTS: Duration = Duration::from_mins(10);

/// A live source.
pub struct Source {
    settings: Arc<Settings>,
    outside: Arc<dyn Outside>,
    tokens: Box<dyn Bearer + Send>,
    holds: Holds,
    report: LiveReport,
    last_change: Option<Duration>,
    /// Since when there is an endpoint that Azure is changing.
    settling_since: Option<Duration>,
    /// The reason why the last read had no token.
    no_token: Option<TokenError>,
    /// The scope that is read first: where a read ends early, the next one begins behind.
    first: usize,
}

impl Source {
    /// A source with the tokens that its settings name. The last report is read, for the age of the lists.
    pub fn new(settings: Settings, outside: Arc<dyn Outside>) -> Self {
        let tokens = Tokens::new(settings.identity.clone(), settings.authority.clone(), settings.audience.clone());
        Self::with_tokens(settings, outside, Box::new(tokens))
    }

    fn with_tokens(settings: Settings, outside: Arc<dyn Outside>, tokens: Box<dyn Bearer + Send>) -> Self {
        let mut report = folder::last_report(&settings);
        let of = |scope: &Scope| ScopeReport { scope: scope.to_string(), ..ScopeReport::default() };
        let known = std::mem::take(&mut report.scopes);
        let is = |known: &ScopeReport, scope: &Scope| known.scope.eq_ignore_ascii_case(&scope.to_string());
        report.scopes = settings
            .scopes
            .iter()
            .map(|scope| ScopeReport {
                scope: scope.to_string(),
                list: crate::diag::path(&settings.list_path(scope)),
                ..known.iter().find(|known| is(known, scope)).cloned().unwrap_or_else(|| of(scope))
            })
            .collect();
        report.version = 1;
        report.source.clone_from(&settings.name);
        Self {
            settings: Arc::new(settings),
            outside,
            tokens,
            holds: Holds::new(),
            report,
            last_change: None,
            settling_since: None,
            no_token: None,
            first: 0,
        }
    }

    /// The state, as of the last read.
    pub fn report(&self) -> &LiveReport {
        &self.report
    }

    /// Reads every scope, and replaces the lists of those that were read whole.
    pub fn fetch(&mut self) -> Fetched {
        let lists = self.read_scopes();
        if lists.iter().any(|list| is_stopped(list.as_ref().err())) {
            return Fetched::default();
        }
        let settings = Arc::clone(&self.settings);
        let mut tell = Teller::new(&settings);
        self.say_of_token(&mut tell);
        let changed = match Folder::open(&settings, &*self.outside) {
            Ok(folder) => {
                let changed = self.keep(&folder, &lists, &mut tell);
                self.count(&lists);
                self.report.problems = tell.of_source();
                if let Err(text) = folder.put_report(&self.report) {
                    tell.not_kept(&text);
                }
                changed
            }
            Err(text) => {
                tell.not_kept(&text);
                self.count(&lists);
                self.report.problems = tell.of_source();
                false
            }
        };
        let now = self.outside.elapsed();
        if changed {
            self.last_change = Some(now);
        }
        let is_settling = lists.iter().flatten().any(|list| list.is_settling);
        self.settling_since = is_settling.then(|| self.settling_since.unwrap_or(now));
        Fetched { changed, next: self.next(&lists, now), findings: tell.finish() }
    }

    /// Reads every scope and writes nothing.
    pub fn read(&mut self) -> Vec<ScopeRead> {
        let lists = self.read_scopes();
        let one = |(scope, list): (&Scope, Result<ScopeList, ArmError>)| {
            let mut tell = Teller::new(&self.settings);
            match &list {
                Ok(list) => drop(tell.warnings(scope, list)),
                Err(error) => tell.untested(scope, error),
            }
            let text = |list: &ScopeList, view| render(&self.settings.name, scope, list, view);
            let lists = list.ok().map(|list| self.settings.lists(scope).map(|(view, _)| text(&list, view)).collect());
            ScopeRead { scope: scope.clone(), lists, findings: tell.finish() }
        };
        self.settings.scopes.iter().zip(lists).map(one).collect()
    }

    /// Tries the credential and every right that the scopes need, and writes nothing.
    pub fn test(&mut self) -> Vec<Finding> {
        let outside = Arc::clone(&self.outside);
        let mut client = Client::new(&*outside, &mut *self.tokens, &mut self.holds, &self.settings.arm);
        let mut tell = Teller::new(&self.settings);
        if client.sign_in().is_ok() {
            let lists = reading::read(&mut client, &self.settings, 0);
            for (scope, list) in self.settings.scopes.iter().zip(&lists) {
                let failed = list.as_ref().err().cloned().or_else(|| reading::probe(&mut client, scope).err());
                if let Some(error) = failed {
                    tell.untested(scope, &error);
                }
            }
        }
        if let Some(error) = client.no_token() {
            tell.no_token(error);
        }
        tell.finish()
    }

    fn read_scopes(&mut self) -> Vec<Result<ScopeList, ArmError>> {
        let outside = Arc::clone(&self.outside);
        let mut client = Client::new(&*outside, &mut *self.tokens, &mut self.holds, &self.settings.arm);
        let lists = match client.sign_in() {
            Ok(()) => reading::read(&mut client, &self.settings, self.first),
            Err(error) => self.settings.scopes.iter().map(|_| Err(error.clone())).collect(),
        };
        self.no_token = client.no_token().cloned();
        self.report.last = client.meter().clone();
        self.report.requests += self.report.last.requests;
        self.report.identity = self.tokens.kind();
        self.report.token_expires = self.tokens.expires();
        if lists.iter().any(Result::is_err) {
            self.first = (self.first + 1) % self.settings.scopes.len().max(1);
        }
        lists
    }

    /// Writes the lists that are to be written, and into the report what came of each scope.
    fn keep(&mut self, folder: &Folder<'_>, lists: &[Result<ScopeList, ArmError>], tell: &mut Teller<'_>) -> bool {
        let mut changed = folder.clean();
        let now = self.outside.unix();
        for ((scope, list), report) in self.settings.scopes.iter().zip(lists).zip(&mut self.report.scopes) {
            let since = report.last_complete;
            report.problems = match list {
                Ok(list) => match folder.put(scope, list) {
                    put @ (Put::Written | Put::Same) => {
                        changed |= put == Put::Written;
                        report.last_complete = Some(now);
                        report.endpoints = list.selected;
                        report.names = names(list);
                        report.skipped.clone_from(&list.skipped);
                        report.warnings = tell.warnings(scope, list);
                        Vec::new()
                    }
                    Put::Empty => vec![tell.empty(scope, since)],
                    Put::Failed(text) => vec![tell.unwritten(scope, &text)],
                },
                Err(error) => vec![tell.failed(scope, error, since)],
            };
        }
        changed
    }

    fn say_of_token(&self, tell: &mut Teller<'_>) {
        if let Some(error) = &self.no_token {
            tell.no_token(error);
        } else if let Some(trouble) = self.tokens.trouble() {
            tell.token_trouble(trouble);
        }
    }

    fn count(&mut self, lists: &[Result<ScopeList, ArmError>]) {
        let reads = &mut self.report.reads;
        let counter = if lists.iter().all(Result::is_ok) { &mut reads.0 } else { &mut reads.1 };
        *counter += 1;
    }

    /// When to read again: as late as Azure asked, as early as it is worth it.
    fn next(&self, lists: &[Result<ScopeList, ArmError>], now: Duration) -> Next {
        if let Some(error) = &self.no_token {
            return match error.retry_after {
                Some(time) => Next::NotBefore(time),
                None if error.is_passing => Next::Failed,
                None => Next::Usual,
            };
        }
        let held = |list: &Result<ScopeList, ArmError>| match list.as_ref().err()?.kind {
            ArmErrorKind::Throttled(time) if !time.is_zero() => Some(time),
            _ => None,
        };
        let holds: Option<Vec<Duration>> = lists.iter().map(held).collect();
        if let Some(soonest) = holds.and_then(|holds| holds.into_iter().min()) {
            return Next::NotBefore(soonest);
        }
        let is_passing = |error: &ArmError| match error.kind {
            ArmErrorKind::Throttled(time) => time.is_zero(),
            ArmErrorKind::Unreachable | ArmErrorKind::Other => true,
            _ => false,
        };
        if lists.iter().filter_map(|list| list.as_ref().err()).any(is_passing) {
            return Next::Failed;
        }
        let lasts = |since: Option<Duration>, time| since.is_some_and(|since| now.saturating_sub(since) < time);
        if lasts(self.settling_since, SETTLING_LASTS) {
            return Next::Soon(SETTLING);
        }
        if lasts(self.last_change, WAVE_LASTS) { Next::Soon(WAVE) } else { Next::Usual }
    }
}

fn is_stopped(error: Option<&ArmError>) -> bool {
    error.is_some_and(|error| error.kind == ArmErrorKind::Stopped)
}

/// The different names of a list.
fn names(list: &ScopeList) -> usize {
    let rows = list.rows.iter().chain(list.views.iter().flat_map(|part| &part.rows));
    let names = rows.map(|row| row.fqdn.to_ascii_lowercase());
    names.collect::<std::collections::BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests;
