//! Configs and environments by which the real binary finds the scripted Azure.

use std::process::Command;

use super::Azure;
use super::estate::{GROUP, group_scope};
use crate::support::server::Server;
use crate::support::site::{Ran, Site};

/// The variables by which a machine says who it is and where its proxies are.
pub(crate) const VARIABLES: [&str; 22] = [
    "AZURE_AUTHORITY_HOST",
    "AZURE_CLIENT_ID",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_KUBERNETES_TOKEN_PROXY",
    "AZURE_POD_IDENTITY_AUTHORITY_HOST",
    "AZURE_TENANT_ID",
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "IDENTITY_SERVER_THUMBPRINT",
    "IMDS_ENDPOINT",
    "MSI_ENDPOINT",
    "MSI_SECRET",
    "NO_PROXY",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// The config of a live source with the group of most tests, and what else is said of it.
pub(crate) fn source(azure: &Azure, more: &str) -> String {
    scoped(azure, &[&group_scope(GROUP)], more)
}

/// The same with these scopes.
pub(crate) fn scoped(azure: &Azure, scopes: &[&str], more: &str) -> String {
    let arm = azure.arm();
    format!(
        "[[sources]]\nname = \"live\"\nkind = \"azure\"\nscopes = {scopes:?}\ninterval = \"1s\"\narm = \"{arm}\"\n\
         authority = \"{arm}\"\n{more}"
    )
}

impl Site {
    /// With the live source of most tests.
    pub(crate) fn with_azure(self, azure: &Azure, more: &str) -> Self {
        self.with_config(&source(azure, more))
    }

    /// A verb that knows the scripted Azure.
    pub(crate) fn azure_command(&self, azure: &Azure, verb: &str) -> Command {
        let mut command = self.command(verb);
        azure.introduce(&mut command);
        command
    }

    /// Starts the server, which knows the scripted Azure.
    pub(crate) fn start_with(&self, azure: &Azure) -> Server {
        Server::start(self.azure_command(azure, "serve"))
    }

    /// Runs a verb that knows the scripted Azure to its end.
    pub(crate) fn run_with(&self, azure: &Azure, verb: &str, arguments: &[&str]) -> Ran {
        Ran::from(self.azure_command(azure, verb).args(arguments).output().unwrap())
    }
}
