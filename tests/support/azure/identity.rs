//! The places that give tokens: IMDS, the agent of Arc, App Service and Entra, each as strict as the real one.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::estate::TENANT;
use super::http::{Answer, Request};
use super::tls::Certificate;

/// The application of the identity.
pub(crate) const CLIENT: &str = "aaaaaaaa-0000-0000-0000-000000000001";
/// The object of the identity.
pub(crate) const OBJECT: &str = "bbbbbbbb-0000-0000-0000-000000000001";
/// A user-assigned identity, by its application.
pub(crate) const ASSIGNED: &str = "aaaaaaaa-0000-0000-0000-000000000002";
/// The secret of a service principal.
pub(crate) const CLIENT_SECRET: &str = "s3cr3t~of+the&principal=";
/// The token of a Kubernetes service account.
pub(crate) const FEDERATED: &str = "ZmVkZXJhdGVk.c2VydmljZSBhY2NvdW50.dG9rZW4";
/// What App Service wants to see.
pub(crate) const APP_HEADER: &str = "853b9a84-5bfa-4b22-a3f3-app-header";
/// The key of the challenge of Arc.
pub(crate) const ARC_KEY: &str = "YXJjLWtleS1vZi10aGUtY2hhbGxlbmdl";
/// The file that the challenge names.
pub(crate) const ARC_KEY_FILE: &str = "/var/opt/azcmagent/tokens/11112222-0000-0000-0000-000000000001.key";
/// All of them that nobody may see.
pub(crate) const SECRETS: [&str; 4] = [CLIENT_SECRET, FEDERATED, APP_HEADER, ARC_KEY];

/// The identities, and the tokens that they were given.
#[derive(Clone, Debug)]
pub(crate) struct Identities {
    /// Seconds that a token lives.
    pub(crate) life: u64,
    /// Every token so far.
    pub(crate) issued: Vec<Issued>,
    /// Seconds since 1970 where the test has a time of its own.
    pub(crate) now: Option<u64>,
    /// True for a machine whose identity endpoint is the agent of Arc.
    pub(crate) is_arc: bool,
    /// The `WWW-Authenticate` of the agent's challenge.
    pub(crate) challenge: String,
    /// User-assigned identities, by any of their ids.
    pub(crate) assigned: BTreeSet<String>,
    /// True for an old agent, which answers with the system's identity whatever is asked for.
    pub(crate) ignores_selector: bool,
    /// The certificate whose key may sign an assertion.
    pub(crate) certificate: Option<Certificate>,
}

impl Default for Identities {
    fn default() -> Self {
        Self {
            life: 86_400,
            issued: Vec::new(),
            now: None,
            is_arc: false,
            challenge: format!("Basic realm={ARC_KEY_FILE}"),
            assigned: [ASSIGNED.to_owned()].into(),
            ignores_selector: false,
            certificate: None,
        }
    }
}

/// A token that was given.
#[derive(Clone, Debug)]
pub(crate) struct Issued {
    pub(crate) text: String,
    expires: u64,
    is_revoked: bool,
}

impl Identities {
    fn now(&self) -> u64 {
        self.now.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs())
    }

    /// Gives a token that nobody had before.
    pub(crate) fn issue(&mut self, client: &str) -> (String, u64) {
        let (now, number) = (self.now(), self.issued.len());
        let expires = now + self.life;
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let claims = json!({
            "aud": "https://management.azure.com/", "iss": format!("https://sts.windows.net/{TENANT}/"), "iat": now,
            "nbf": now, "exp": expires, "appid": client, "oid": OBJECT, "tid": TENANT, "uti": number
        });
        let tail = BASE64_URL_SAFE_NO_PAD.encode(format!("the signature of token {number}"));
        let text = format!("{}.{}.{tail}", part(&json!({"typ": "JWT", "alg": "RS256", "kid": "k"})), part(&claims));
        self.issued.push(Issued { text: text.clone(), expires, is_revoked: false });
        (text, expires)
    }

    /// ARM takes none of the tokens that were given so far.
    pub(crate) fn revoke(&mut self) {
        self.issued.iter_mut().for_each(|token| token.is_revoked = true);
    }

    /// Whether ARM takes a token.
    pub(crate) fn check(&self, shown: Option<&str>) -> Result<(), &'static str> {
        let shown = shown.ok_or("AuthenticationFailed")?;
        let token = self.issued.iter().find(|token| token.text == shown).ok_or("InvalidAuthenticationToken")?;
        match token {
            Issued { is_revoked: true, .. } => Err("InvalidAuthenticationToken"),
            token if token.expires <= self.now() => Err("ExpiredAuthenticationToken"),
            _ => Ok(()),
        }
    }
}

fn refused(status: u16, code: &str, description: &str) -> Answer {
    Answer::json(status, &json!({"error": code, "error_description": description}))
}

/// The identity endpoints of a machine.
pub(crate) fn machine(identities: &mut Identities, request: &Request) -> Answer {
    let version = request.query("api-version").unwrap_or_default();
    match request.path().as_str() {
        "/msi/token" => app_service(identities, request, &version),
        "/metadata/identity/oauth2/token" if identities.is_arc => arc(identities, request, &version),
        "/metadata/identity/oauth2/token" => imds(identities, request, &version),
        _ => refused(404, "not_found", "There is no such endpoint."),
    }
}

fn imds(identities: &mut Identities, request: &Request, version: &str) -> Answer {
    if request.header("metadata") != Some("true") {
        return refused(400, "bad_request_102", "Required metadata header not specified");
    }
    if request.header("x-forwarded-for").is_some() {
        return refused(400, "bad_request", "A proxy was on the way");
    }
    if !["2018-02-01", "2019-08-01", "2020-06-01", "2021-02-01"].contains(&version)
        || request.query("resource").is_none()
    {
        return refused(400, "invalid_request", "api-version or resource is missing or wrong");
    }
    granted(identities, request, &["client_id", "object_id", "msi_res_id", "mi_res_id"])
}

/// A token for the identity that one of these keys names.
fn granted(identities: &mut Identities, request: &Request, keys: &[&str]) -> Answer {
    let named = keys.iter().find_map(|key| request.query(key)).filter(|_| !identities.ignores_selector);
    let client = match &named {
        Some(id) if !identities.assigned.contains(id) => {
            return refused(400, "invalid_request", "Identity not found");
        }
        Some(_) => ASSIGNED,
        None => CLIENT,
    };
    let resource = request.query("resource").unwrap_or_default();
    let (token, expires) = identities.issue(client);
    let life = identities.life;
    Answer::json(
        200,
        &json!({
            "access_token": token, "client_id": client, "expires_in": life.to_string(),
            "expires_on": expires.to_string(), "ext_expires_in": life.to_string(),
            "not_before": (expires - life).to_string(), "resource": resource, "token_type": "Bearer"
        }),
    )
}

fn arc(identities: &mut Identities, request: &Request, version: &str) -> Answer {
    if request.header("metadata").is_none_or(|value| !value.eq_ignore_ascii_case("true")) {
        return refused(400, "bad_request_102", "Required metadata header not specified");
    }
    if !["2019-11-01", "2020-06-01", "2021-02-01"].contains(&version) {
        return refused(400, "invalid_request", "no such api-version");
    }
    match request.header("authorization") {
        None => refused(401, "unauthorized_client", "Missing Basic Authorization header")
            .with("Www-Authenticate", identities.challenge.clone()),
        Some(shown) if shown == format!("Basic {ARC_KEY}") => {
            granted(identities, request, &["client_id", "object_id", "msi_res_id"])
        }
        Some(_) => refused(401, "unauthorized_client", "The key is wrong")
            .with("Www-Authenticate", identities.challenge.clone()),
    }
}

fn app_service(identities: &mut Identities, request: &Request, version: &str) -> Answer {
    let wrong = |text: &str| Answer::json(400, &json!({"statusCode": 400, "message": text}));
    if request.header("x-identity-header") != Some(APP_HEADER) {
        return Answer::json(401, &json!({"statusCode": 401, "message": "The header is wrong"}));
    }
    if version != "2019-08-01" {
        return wrong("no such api-version");
    }
    let mut answer = granted(identities, request, &["client_id", "object_id", "principal_id", "mi_res_id"]);
    if answer.status == 200 {
        let mut body: Value = serde_json::from_slice(&answer.body).unwrap();
        body.as_object_mut()
            .unwrap()
            .retain(|key, _| !["expires_in", "ext_expires_in", "not_before"].contains(&&**key));
        answer.body = body.to_string().into_bytes();
    }
    answer
}

/// Entra.
pub(crate) fn entra(identities: &mut Identities, request: &Request) -> Answer {
    let path = request.path();
    if path.contains("/.well-known/") {
        let base = format!("https://{}/{TENANT}", request.header("host").unwrap_or_default());
        return Answer::json(
            200,
            &json!({
                "token_endpoint": format!("{base}/oauth2/v2.0/token"), "issuer": format!("{base}/v2.0"),
                "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"), "tenant_region_scope": null
            }),
        );
    }
    if path != format!("/{TENANT}/oauth2/v2.0/token") {
        return aadsts(400, 90002, "invalid_request", "Tenant not found.");
    }
    let form = |key: &str| request.form(key);
    let scope = form("scope").unwrap_or_default();
    if request.method != "POST" || form("grant_type").as_deref() != Some("client_credentials") {
        return aadsts(400, 900_144, "invalid_request", "The request body must contain 'grant_type'.");
    }
    if !scope.split(' ').any(|one| one.starts_with("https://") && one.ends_with("/.default")) {
        return aadsts(400, 70011, "invalid_scope", "The provided value for scope is not valid.");
    }
    if form("client_id").as_deref() != Some(CLIENT) {
        return aadsts(400, 700_016, "unauthorized_client", "Application was not found in the directory.");
    }
    match (form("client_secret"), form("client_assertion")) {
        (Some(secret), None) if secret != CLIENT_SECRET => {
            aadsts(401, 7_000_215, "invalid_client", "Invalid client secret provided. Ensure the secret is the value.")
        }
        (None, Some(assertion)) if assertion != FEDERATED => match super::tls::assertion(identities, &assertion) {
            Ok(()) => entra_token(identities),
            Err(why) => aadsts(401, 700_027, "invalid_client", &why),
        },
        (Some(_), None) | (None, Some(_)) => entra_token(identities),
        _ => aadsts(401, 7_000_218, "invalid_client", "The request body must contain a secret or an assertion."),
    }
}

fn entra_token(identities: &mut Identities) -> Answer {
    let (token, _) = identities.issue(CLIENT);
    let life = identities.life;
    Answer::json(
        200,
        &json!({"token_type": "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": token}),
    )
}

/// An error as Entra writes it, with ids and a time that differ each time.
pub(crate) fn aadsts(status: u16, number: u64, code: &str, sentence: &str) -> Answer {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let description = format!(
        "AADSTS{number}: {sentence} Trace ID: 00000000-0000-0000-0000-{time:012} Correlation ID: {time} Timestamp: {time}Z"
    );
    Answer::json(
        status,
        &json!({
            "error": code, "error_description": description, "error_codes": [number], "trace_id": time.to_string(),
            "correlation_id": time.to_string(), "timestamp": "2026-11-26 09:00:00Z",
            "error_uri": format!("https://login.microsoftonline.com/error?code={number}")
        }),
    )
    .with("x-ms-request-id", time.to_string())
}
