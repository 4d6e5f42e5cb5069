//! The right to ask ARM: a token of the identity that the config names.
//!
//! ```text
//! managed      which kind of machine this is; then imds (VM), himds (Arc) or app_service
//! entra        service principals: secret, certificate, federated token of a Kubernetes service account
//! cli          the Azure CLI, for trying out
//! attempts     when a place is asked again, within one read
//! reply        what a place says: a token, or why not
//! wording      foreign text made safe and steady
//! cache        how long a token is kept
//! ```
//!
//! Nothing here writes a token, a key or a secret anywhere; texts of other hands are searched for them before they are
//! shown.

mod app_service;
mod attempts;
mod cache;
mod certificate;
mod cli;
mod entra;
mod files;
pub mod himds;
mod imds;
mod managed;
mod question;
pub mod reply;
mod wording;

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use super::outside::{Outside, Secret};
use super::settings::Identity;
use cache::{Cache, Step};

/// A token and the time that it is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What goes behind `Bearer`.
    pub text: Secret,
    /// Its whole life at the moment it came.
    pub life: Duration,
}

/// The place that gives tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentityKind {
    /// The metadata service of an Azure VM.
    Vm,
    /// The agent of Azure Arc.
    Arc,
    /// App Service, Functions, Container Apps.
    AppService,
    /// A Kubernetes service account.
    Workload,
    /// A service principal with a secret.
    Secret,
    /// A service principal with a certificate.
    Certificate,
    /// The Azure CLI.
    Cli,
}

impl fmt::Display for IdentityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vm => "managed identity (VM)",
            Self::Arc => "managed identity (Arc)",
            Self::AppService => "managed identity (App Service)",
            Self::Workload => "workload identity",
            Self::Secret => "client secret",
            Self::Certificate => "client certificate",
            Self::Cli => "Azure CLI",
        })
    }
}

/// The reason why there is no token. The text holds neither secrets nor anything that differs from try to try.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct TokenError {
    /// What is wrong and what to do.
    pub text: String,
    /// Ids for Microsoft's support, which differ each time: for the log alone.
    pub trace: Vec<(&'static str, String)>,
    /// True if another try may help without anybody doing something.
    pub is_passing: bool,
    /// The time that the place asked to be left alone.
    pub retry_after: Option<Duration>,
}

impl TokenError {
    /// An error that somebody has to do something about. It is tried again all the same: they will not tell us.
    fn lasting(text: String) -> Self {
        Self { text, trace: Vec::new(), is_passing: false, retry_after: None }
    }

    /// An error that may end by itself.
    fn passing(text: String) -> Self {
        Self { is_passing: true, ..Self::lasting(text) }
    }
}

/// How much a try is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Effort {
    /// False if there is a good token still, and one try will do.
    is_patient: bool,
    /// True if ARM did not take the last token, so that nobody's cache helps.
    is_fresh: bool,
}

/// The tokens of one identity for one resource.
#[derive(Debug)]
pub struct Tokens {
    identity: Identity,
    authority: String,
    audience: String,
    kind: Option<IdentityKind>,
    cache: Cache,
}

impl Tokens {
    /// Tokens of `identity` for the resource `audience`, from the Entra at `authority` where Entra is asked directly.
    pub fn new(identity: Identity, authority: String, audience: String) -> Self {
        let kind = match &identity {
            Identity::Managed(_) => None,
            Identity::Workload { .. } => Some(IdentityKind::Workload),
            Identity::Secret { .. } => Some(IdentityKind::Secret),
            Identity::Certificate { .. } => Some(IdentityKind::Certificate),
            Identity::Cli => Some(IdentityKind::Cli),
        };
        Self { identity, authority, audience, kind, cache: Cache::default() }
    }

    /// A token that is good now: the one that is kept, or a new one. Without a good one this may wait, up to a minute
    /// and a half where the place says that it is being updated, and for seconds else.
    ///
    /// # Errors
    /// If there is no good token. The caller ends its read; the next one asks again.
    pub fn get(&mut self, outside: &dyn Outside) -> Result<Secret, TokenError> {
        let now = outside.elapsed();
        match self.cache.step(now) {
            Step::Keep(text) => Ok(text),
            Step::Renew(old) => {
                match self.ask(outside, Effort { is_patient: false, is_fresh: false }) {
                    Ok(token) => self.cache.renewed(token, now, outside.unix(), outside.random()),
                    Err(error) => self.cache.failed(error, outside.elapsed(), outside.random()),
                }
                Ok(self.cache.text().unwrap_or(old))
            }
            Step::Ask { is_fresh } => match self.ask(outside, Effort { is_patient: true, is_fresh }) {
                Ok(token) => Ok(self.cache.store(token, now, outside.unix())),
                Err(error) => {
                    self.cache.failed(error.clone(), outside.elapsed(), outside.random());
                    Err(error)
                }
            },
            Step::Leave(error) => Err(error),
        }
    }

    /// ARM did not take the token: the next [`Self::get`] has a new one. A new one that is not taken either is kept
    /// for a while, so that a subscription of another tenant does not cost a token at every read.
    pub fn reject(&mut self) {
        self.cache.reject();
    }

    /// The place that gives tokens, once it is known.
    pub fn kind(&self) -> Option<IdentityKind> {
        self.kind
    }

    /// When the token ends, seconds since 1970.
    pub fn expires(&self) -> Option<u64> {
        self.cache.expires()
    }

    /// Who the token speaks for, by its own words: the id of the object in Entra, else of the application.
    pub fn holder(&self) -> Option<String> {
        self.cache.text().and_then(|text| reply::holder(text.reveal()))
    }

    /// The reason why a token that is still good could not be renewed, while that lasts.
    pub fn trouble(&self) -> Option<&TokenError> {
        self.cache.trouble()
    }

    fn ask(&mut self, outside: &dyn Outside, effort: Effort) -> Result<Token, TokenError> {
        let (authority, audience) = (self.authority.as_str(), self.audience.as_str());
        let entra = entra::Entra { authority, audience, effort };
        match &self.identity {
            Identity::Managed(who) => {
                let here = managed::here(&|name| outside.variable(name), outside.exists(himds::program()));
                self.kind = here.kind().or(self.kind);
                here.ask(outside, who.as_ref(), audience, effort)
            }
            Identity::Workload { client_id, tenant } => {
                entra.by_workload(outside, client_id.as_deref(), tenant.as_deref())
            }
            Identity::Secret { client_id, tenant, file } => entra.by_secret(outside, client_id, tenant, file),
            Identity::Certificate { client_id, tenant, file } => entra.by_certificate(outside, client_id, tenant, file),
            Identity::Cli => cli::ask(outside, audience),
        }
    }
}
