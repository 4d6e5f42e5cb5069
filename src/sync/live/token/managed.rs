//! The managed identity of this machine: which kind is here, by the order that Microsoft's libraries have. What each of
//! them is asked is in the file of its name.

use super::{Effort, IdentityKind, Token, TokenError, app_service, himds, imds};
use crate::sync::live::outside::{Outside, Secret};
use crate::sync::live::settings::UserAssigned;

/// What gives tokens on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Here {
    /// A cluster of Service Fabric: not supported.
    ServiceFabric,
    /// App Service, Functions, Container Apps, Automation: the endpoint, and what goes into its header.
    AppService(String, Secret),
    /// Azure Machine Learning: not supported.
    MachineLearning,
    /// The agent of Azure Arc, at this endpoint.
    Arc(String),
    /// The metadata service of a VM, at this address.
    Vm(String),
}

/// Finds out what is here, from the environment and whether the agent's program is there.
pub(super) fn here(variable: &dyn Fn(&str) -> Option<String>, has_himds: bool) -> Here {
    let identity = (variable("IDENTITY_ENDPOINT"), variable("IDENTITY_HEADER"));
    match identity {
        (Some(_), Some(_)) if variable("IDENTITY_SERVER_THUMBPRINT").is_some() => Here::ServiceFabric,
        (Some(endpoint), Some(header)) => Here::AppService(endpoint, Secret::new(header)),
        _ if variable("MSI_ENDPOINT").is_some() && variable("MSI_SECRET").is_some() => Here::MachineLearning,
        (Some(endpoint), None) if variable("IMDS_ENDPOINT").is_some() => Here::Arc(endpoint),
        _ if has_himds => Here::Arc(himds::ENDPOINT.to_owned()),
        _ => Here::Vm(variable("AZURE_POD_IDENTITY_AUTHORITY_HOST").unwrap_or_else(|| imds::ADDRESS.to_owned())),
    }
}

impl Here {
    /// The kind, if it is one of ours.
    pub(super) fn kind(&self) -> Option<IdentityKind> {
        match self {
            Self::AppService(..) => Some(IdentityKind::AppService),
            Self::Arc(_) => Some(IdentityKind::Arc),
            Self::Vm(_) => Some(IdentityKind::Vm),
            Self::ServiceFabric | Self::MachineLearning => None,
        }
    }

    /// Asks for a token.
    pub(super) fn ask(
        &self,
        outside: &dyn Outside,
        who: Option<&UserAssigned>,
        audience: &str,
        effort: Effort,
    ) -> Result<Token, TokenError> {
        match self {
            Self::AppService(endpoint, header) => app_service::ask(outside, endpoint, header, who, audience, effort),
            Self::Arc(endpoint) => himds::ask(outside, endpoint, who, audience, effort),
            Self::Vm(base) => imds::ask(outside, base, who, audience, effort),
            Self::ServiceFabric => Err(not_ours(
                "Service Fabric (IDENTITY_ENDPOINT, IDENTITY_HEADER and IDENTITY_SERVER_THUMBPRINT are set)",
            )),
            Self::MachineLearning => Err(not_ours("Azure Machine Learning (MSI_ENDPOINT and MSI_SECRET are set)")),
        }
    }
}

fn not_ours(what: &str) -> TokenError {
    TokenError::lasting(format!(
        "managed identity: this is {what}, whose tokens are not supported; set identity to \"secret\", \"certificate\" or \
         \"workload\", or take these variables from the service's environment"
    ))
}
