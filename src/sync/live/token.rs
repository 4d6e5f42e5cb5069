//! The right to ask ARM: a token of the identity that the config names.

use std::time::Duration;

use super::outside::Secret;

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
