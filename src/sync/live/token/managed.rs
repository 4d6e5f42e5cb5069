//! The managed identity of this machine: which kind is here, by the order that Microsoft's libraries have. What each of
//! them is asked is in the file of its name.

use super::attempts::{self, is_passing, retry_after};
use super::reply::{self, MAX_BODY};
use super::wording::{pairs, sentence};
use super::{Effort, IdentityKind, Token, TokenError, app_service, himds, imds};
use crate::sync::live::outside::{Outside, Reply, Request, Road, Secret};
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

/// The parameter that names a user-assigned identity; `resource` is the name that resource ids have here.
pub(super) fn selector<'a>(who: Option<&'a UserAssigned>, resource: &'static str) -> Option<(&'static str, &'a str)> {
    who.map(|who| match who {
        UserAssigned::ClientId(id) => ("client_id", id.as_str()),
        UserAssigned::ObjectId(id) => ("object_id", id.as_str()),
        UserAssigned::ResourceId(id) => (resource, id.as_str()),
    })
}

/// An identity endpoint and what it is asked.
#[derive(Debug)]
pub(super) struct Question<'a> {
    /// What gives tokens here.
    pub(super) kind: IdentityKind,
    /// The URL without a query of ours.
    pub(super) endpoint: &'a str,
    /// The fields of the query.
    pub(super) query: Vec<(&'static str, &'a str)>,
    /// Header fields.
    pub(super) headers: Vec<(&'static str, Secret)>,
    /// What to do if nobody answers; begins with `; `.
    pub(super) advice: &'static str,
}

impl Question<'_> {
    /// The whole reply, whatever its status.
    pub(super) fn send(&self, outside: &dyn Outside, effort: Effort) -> Result<Reply, TokenError> {
        let kind = self.kind;
        if !is_plain_http(self.endpoint) {
            return Err(TokenError::lasting(format!(
                "{kind}: '{}' is no address of an identity endpoint: it has to begin with http://; it comes from the \
                 environment of this service",
                crate::diag::printable(self.endpoint)
            )));
        }
        let joint = if self.endpoint.contains('?') { '&' } else { '?' };
        let url = format!("{}{joint}{}", self.endpoint, pairs(&self.query));
        let headers = self.headers.clone();
        let request = Request { road: Road::Local, url: &url, headers, form: None, max_body: MAX_BODY };
        let whom = format!("{kind}: the endpoint {}", crate::diag::printable(self.endpoint));
        attempts::send(outside, &request, effort).map_err(|error| error.of(&whom, self.advice))
    }

    /// The token of a reply with status 200, or an error in the words of any other one. `advice` is for a status that
    /// says that the request was wrong.
    pub(super) fn token(&self, outside: &dyn Outside, reply: &Reply, advice: &str) -> Result<Token, TokenError> {
        let unix = outside.unix();
        let kind = self.kind;
        if reply.status == 200 {
            return reply::token(&reply.body, unix).map_err(|error| TokenError::passing(format!("{kind}: {error}")));
        }
        let refusal = reply::refusal(&reply.body);
        let known: Vec<&str> = self.query.iter().map(|(_, value)| *value).collect();
        let secrets: Vec<Secret> = self.headers.iter().filter_map(|(name, value)| bare(name, value)).collect();
        let hidden: Vec<&Secret> = secrets.iter().collect();
        let said = [refusal.error.as_str(), refusal.description.as_str()].map(|text| sentence(text, &known, &hidden));
        let said: Vec<String> = said.into_iter().filter(|text| !text.is_empty()).collect();
        let is_passing = is_passing(Road::Local, reply.status);
        let then = if is_passing { "; it is asked again" } else { advice };
        let text = format!("{kind}: {}{then}", [vec![format!("status {}", reply.status)], said].concat().join(": "));
        let ids = ["x-ms-request-id", "x-ms-correlation-request-id"].map(|name| (name, reply.header(name)));
        let trace = ids.into_iter().filter_map(|(name, id)| Some((name, super::wording::trace_id(id?, &hidden)?)));
        let retry_after = retry_after(reply, unix).filter(|_| is_passing);
        Err(TokenError { text, trace: trace.collect(), is_passing, retry_after })
    }
}

/// The secret of a header field, without the scheme before it.
fn bare(name: &str, value: &Secret) -> Option<Secret> {
    let value = value.reveal();
    (name != "Metadata").then(|| Secret::new(value.strip_prefix("Basic ").unwrap_or(value).to_owned()))
}

fn is_plain_http(url: &str) -> bool {
    let rest = url.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://")).and_then(|_| url.get(7..));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && url.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'#')
}

/// The header that keeps a redirected or forged request from getting a token.
pub(super) fn metadata() -> (&'static str, Secret) {
    ("Metadata", Secret::new("true".to_owned()))
}
