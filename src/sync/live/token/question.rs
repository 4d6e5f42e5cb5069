//! What an identity endpoint of a machine is asked, and how its reply is read.

use super::attempts::{self, is_passing, retry_after};
use super::reply::{self, MAX_BODY};
use super::wording::{pairs, sentence, trace_id};
use super::{Effort, IdentityKind, Token, TokenError};
use crate::sync::live::outside::{Outside, Reply, Request, Road, Secret};
use crate::sync::live::settings::UserAssigned;

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
        let trace = ids.into_iter().filter_map(|(name, id)| Some((name, trace_id(id?, &hidden)?)));
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
