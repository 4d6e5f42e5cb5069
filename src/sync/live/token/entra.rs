//! The token endpoint of Microsoft Entra, for service principals: with a secret, with a certificate, or with the
//! federated token of a Kubernetes service account.

mod advice;

use std::path::Path;

use super::attempts::{self, is_passing, retry_after};
use super::certificate::{self, Claims};
use super::reply::{self, MAX_BODY};
use super::wording::{pairs, sentence, trace_id};
use super::{Effort, IdentityKind, Token, TokenError, files};
use crate::azure::Cloud;
use crate::diag;
use crate::sync::live::outside::{Outside, Reply, Request, Road, Secret};

/// Where to ask, and for what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entra<'a> {
    /// As the config or the cloud has it.
    pub(super) authority: &'a str,
    /// The resource.
    pub(super) audience: &'a str,
    /// How much a try is worth.
    pub(super) effort: Effort,
}

/// A service principal.
struct Principal<'a> {
    kind: IdentityKind,
    client_id: &'a str,
    tenant: &'a str,
}

impl Entra<'_> {
    /// With a client secret.
    pub(super) fn by_secret(
        &self,
        outside: &dyn Outside,
        client_id: &str,
        tenant: &str,
        file: &Path,
    ) -> Result<Token, TokenError> {
        let who = Principal { kind: IdentityKind::Secret, client_id, tenant };
        let url = self.url(outside, &who)?;
        let secret = files::secret(outside, file)?;
        self.post(outside, &who, &url, &secret, &[("client_secret", secret.reveal())])
    }

    /// With a certificate.
    pub(super) fn by_certificate(
        &self,
        outside: &dyn Outside,
        client_id: &str,
        tenant: &str,
        file: &Path,
    ) -> Result<Token, TokenError> {
        let kind = IdentityKind::Certificate;
        let who = Principal { kind, client_id, tenant };
        let url = self.url(outside, &who)?;
        let pem = files::private(outside, file, "client certificate")?;
        let claims = Claims { client_id, url: &url, unix: outside.unix(), id: id(outside) };
        let assertion = certificate::assertion(&pem, &claims)
            .map_err(|error| TokenError::lasting(format!("{kind}: {} {error}", diag::path(file))))?;
        self.post(outside, &who, &url, &assertion, &asserted(&assertion))
    }

    /// With a federated token; what the config leaves out comes from the environment.
    pub(super) fn by_workload(
        &self,
        outside: &dyn Outside,
        client_id: Option<&str>,
        tenant: Option<&str>,
    ) -> Result<Token, TokenError> {
        let kind = IdentityKind::Workload;
        if outside.variable("AZURE_KUBERNETES_TOKEN_PROXY").is_some() {
            return Err(TokenError::lasting(format!(
                "{kind}: AZURE_KUBERNETES_TOKEN_PROXY is set: identity bindings of AKS are not supported; use a federated \
                 credential of the application, without the annotation for bindings"
            )));
        }
        let or_variable = |said: Option<&str>, name: &str| said.map(str::to_owned).or_else(|| outside.variable(name));
        let found = [
            or_variable(client_id, "AZURE_CLIENT_ID"),
            or_variable(tenant, "AZURE_TENANT_ID"),
            outside.variable("AZURE_FEDERATED_TOKEN_FILE"),
        ];
        let [Some(client_id), Some(tenant), Some(file)] = &found else {
            let names = ["AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE"];
            let missing = found.iter().zip(names).filter(|(found, _)| found.is_none()).map(|(_, name)| name);
            return Err(TokenError::lasting(format!(
                "{kind}: not set: {}; the workload identity webhook of AKS sets them where the pod has the label \
                 azure.workload.identity/use: \"true\" and its service account the annotation \
                 azure.workload.identity/client-id",
                missing.collect::<Vec<_>>().join(", ")
            )));
        };
        let who = Principal { kind, client_id, tenant };
        let url = self.url(outside, &who)?;
        // It is replaced hourly.
        let assertion = files::federated(outside, Path::new(file))?;
        self.post(outside, &who, &url, &assertion, &asserted(&assertion))
    }

    /// The token endpoint of the tenant. `AZURE_AUTHORITY_HOST` counts unless the config names an authority of its own.
    fn url(&self, outside: &dyn Outside, who: &Principal<'_>) -> Result<String, TokenError> {
        let is_default = Cloud::ALL.into_iter().any(|cloud| is_same(cloud.authority(), self.authority));
        let from_variable = outside.variable("AZURE_AUTHORITY_HOST").filter(|_| is_default);
        let authority = from_variable.as_deref().unwrap_or(self.authority).trim().trim_end_matches('/');
        let rest = authority.get(..8).filter(|scheme| scheme.eq_ignore_ascii_case("https://"));
        let is_plain = authority.bytes().all(|octet| octet.is_ascii_graphic() && !b"?#@".contains(&octet));
        let kind = who.kind;
        if rest.is_none() || authority.len() == 8 || !is_plain {
            return Err(TokenError::lasting(format!(
                "{kind}: the authority '{}' is no address of Entra: it has to be https://HOST",
                diag::printable(authority)
            )));
        }
        let is_name = |octet: u8| octet.is_ascii_alphanumeric() || b"-._".contains(&octet);
        if who.tenant.is_empty() || who.tenant.starts_with('.') || !who.tenant.bytes().all(is_name) {
            return Err(TokenError::lasting(format!(
                "{kind}: '{}' is no tenant: write its id, or one of its domains",
                diag::printable(who.tenant)
            )));
        }
        Ok(format!("{authority}/{}/oauth2/v2.0/token", who.tenant))
    }

    fn post(
        &self,
        outside: &dyn Outside,
        who: &Principal<'_>,
        url: &str,
        secret: &Secret,
        proof: &[(&str, &str)],
    ) -> Result<Token, TokenError> {
        let scope = format!("{}/.default", self.audience.trim_end_matches('/'));
        let fixed = [("client_id", who.client_id), ("grant_type", "client_credentials"), ("scope", &scope)];
        let form = Secret::new(pairs(&[&fixed, proof].concat()));
        let request = Request { road: Road::Cloud, url, headers: Vec::new(), form: Some(form), max_body: MAX_BODY };
        let host = url.split('/').nth(2).unwrap_or_default();
        let whom = format!("{}: Entra at {}", who.kind, diag::printable(host));
        let advice = "; does this machine need HTTPS_PROXY to reach it?";
        let reply = attempts::send(outside, &request, self.effort).map_err(|error| error.of(&whom, advice))?;
        let unix = outside.unix();
        if reply.status == 200 {
            return reply::token(&reply.body, unix).map_err(|error| TokenError::passing(format!("{whom}: {error}")));
        }
        Err(refused(&whom, who, &reply, unix, secret))
    }
}

/// An error of Entra: its code, its first sentence, and what is known about that code.
fn refused(whom: &str, who: &Principal<'_>, reply: &Reply, unix: u64, secret: &Secret) -> TokenError {
    let refusal = reply::refusal(&reply.body);
    let hidden = [secret];
    let known = [who.client_id, who.tenant];
    let said = sentence(&refusal.description, &known, &hidden);
    let error = sentence(&refusal.error, &known, &hidden);
    let transient = refusal.codes.iter().any(|code| advice::is_transient(*code));
    let is_passing = is_passing(Road::Cloud, reply.status) || transient;
    let known_advice = refusal.codes.iter().find_map(|code| advice::of(*code, who.kind));
    let advice = match known_advice {
        Some(advice) => format!("; {advice}"),
        None if is_passing => "; it is asked again".to_owned(),
        None if reply.status / 100 == 3 => "; does a proxy or a sign-in page stand between?".to_owned(),
        None => String::new(),
    };
    let said = match (said.is_empty(), error.is_empty()) {
        (false, _) => said,
        (true, false) => error,
        (true, true) => "no reason that can be read".to_owned(),
    };
    let of_header = reply.header("x-ms-request-id").map(|id| ("x-ms-request-id", id.to_owned()));
    let ids = refusal.ids.into_iter().chain(of_header);
    let trace = ids.filter_map(|(name, id)| Some((name, trace_id(&id, &hidden)?))).collect();
    let retry_after = retry_after(reply, unix).filter(|_| is_passing);
    TokenError { text: format!("{whom}: status {}: {said}{advice}", reply.status), trace, is_passing, retry_after }
}

/// The two fields of an assertion (RFC 7523 section 2.2).
fn asserted(assertion: &Secret) -> [(&str, &str); 2] {
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    [("client_assertion_type", kind), ("client_assertion", assertion.reveal())]
}

fn is_same(one: &str, other: &str) -> bool {
    one.trim_end_matches('/').eq_ignore_ascii_case(other.trim().trim_end_matches('/'))
}

/// An id that is used once.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number from 0 to below 2^32")]
fn id(outside: &dyn Outside) -> u128 {
    (0..4).fold(0, |id, _| id << 32 | u128::from((outside.random() * f64::from(u32::MAX)) as u32))
}
