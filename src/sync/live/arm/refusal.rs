//! An answer that is none, in the operator's words: what is wrong, whose it is, and what to do.

use std::time::Duration;

use serde::Deserialize;

use super::paging::is_html;
use super::{ArmError, ArmErrorKind};
use crate::diag::printable;
use crate::sync::live::outside::{CallError, Reply, Secret};

/// What was asked, for messages.
pub(super) struct Asked<'a> {
    pub(super) right: &'a str,
    pub(super) who: &'a str,
    pub(super) not_before: Option<Duration>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    error: Option<Problem>,
    code: Option<String>,
    message: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Problem {
    code: Option<String>,
    message: Option<String>,
}

/// The error of an answer other than 200.
pub(super) fn error(answer: &Result<Reply, CallError>, asked: &Asked<'_>) -> ArmError {
    match answer {
        Ok(reply) => ArmError { trace: trace(reply), ..refused(reply, asked) },
        Err(CallError::TooLarge(max)) => ArmError::new(
            ArmErrorKind::Other,
            format!("a page of the collection is larger than {} MB: name smaller scopes", max >> 20),
        ),
        Err(other) => ArmError::new(ArmErrorKind::Unreachable, other.to_string()),
    }
}

/// The error of something that Azure asked not to be asked for.
pub(super) fn throttled(time: Duration) -> ArmError {
    let text = "429: Azure asks for fewer requests: this is read again when the time that it named is over";
    ArmError::new(ArmErrorKind::Throttled(time), text)
}

fn refused(reply: &Reply, asked: &Asked<'_>) -> ArmError {
    let (status, who, right) = (reply.status, asked.who, asked.right);
    if is_html(&reply.body) && !matches!(status, 429 | 300..=399) {
        let kind = if status >= 500 { ArmErrorKind::Unreachable } else { ArmErrorKind::Other };
        return ArmError::new(
            kind,
            format!("{status} with a page of HTML: look for a proxy or gateway that answers in place of Azure"),
        );
    }
    let (code, message) = problem(&reply.body);
    let shown = plain(code.unwrap_or_default());
    let shown = if shown.is_empty() { status.to_string() } else { format!("{status} {shown}") };
    let (kind, text) = match status {
        401 if shown.ends_with("InvalidAuthenticationTokenTenant") => (
            ArmErrorKind::Unauthorized,
            format!("the subscription belongs to another tenant than {who}: use an identity of its tenant"),
        ),
        401 => (
            ArmErrorKind::Unauthorized,
            format!("Azure does not take the token of {who}: look at [backup] cloud, 'arm' and this machine's clock"),
        ),
        403 => (
            ArmErrorKind::Forbidden,
            format!(
                "{who} may not {right} here: assign it the custom role of docs/azure.md at this scope; if that was done just \
                 now, it takes some minutes"
            ),
        ),
        404 if shown.ends_with("SubscriptionNotFound") => (
            ArmErrorKind::NotFound,
            format!(
                "there is no such subscription, or none that {who} may know of: look at its id, and at [backup] cloud"
            ),
        ),
        404 if shown.ends_with("ResourceGroupNotFound") => (
            ArmErrorKind::NotFound,
            "there is no such resource group: look at its name, or take it out of 'scopes'".to_owned(),
        ),
        404 => (ArmErrorKind::NotFound, format!("there is no such resource, or none that {who} may know of")),
        429 => return named(asked, &shown),
        503 if asked.not_before.is_some() => return named(asked, &shown),
        408 | 500..=599 => (ArmErrorKind::Unreachable, "Azure cannot answer now".to_owned()),
        300..=399 => (
            ArmErrorKind::Other,
            "a redirect, which is not followed: look at 'arm', or for a proxy that wants a login".to_owned(),
        ),
        _ => (ArmErrorKind::Other, first_sentence(&message.unwrap_or_default())),
    };
    ArmError::new(kind, format!("{shown}: {text}"))
}

fn named(asked: &Asked<'_>, shown: &str) -> ArmError {
    let text =
        format!("{shown}: Azure asks for fewer requests: this is read again when the time that it named is over");
    ArmError::new(ArmErrorKind::Throttled(asked.not_before.unwrap_or_default()), text)
}

fn problem(body: &[u8]) -> (Option<String>, Option<String>) {
    let body: Body = serde_json::from_slice(body).unwrap_or_default();
    match body.error {
        Some(Problem { code, message }) => (code, message),
        None => (body.code, body.message),
    }
}

/// A code of Azure's: one word.
fn plain(code: String) -> String {
    let plain =
        !code.is_empty() && code.len() <= 80 && code.bytes().all(|c| c.is_ascii_alphanumeric() || b"_-.".contains(&c));
    if plain { code } else { String::new() }
}

/// The first sentence of a message, without words that may differ each time: ids, times, numbers of many digits.
fn first_sentence(message: &str) -> String {
    let message = message.lines().next().unwrap_or_default();
    let sentence = message.split(". ").next().unwrap_or_default();
    let is_stable = |word: &str| word.len() <= 80 && word.bytes().filter(u8::is_ascii_digit).count() < 9;
    let words = sentence.split_whitespace().map(|word| if is_stable(word) { word } else { "..." }).take(50);
    let shown = words.collect::<Vec<_>>().join(" ");
    if shown.is_empty() { "no answer that is known here".to_owned() } else { printable(&shown).into_owned() }
}

/// Octets below which a text is no token of Azure's, which have a thousand and more: struck out, a short one would take
/// names and addresses apart.
const SHORTEST_TOKEN: usize = 8;

/// Whoever answers has our token and may send it back: no list and no log is to have it.
pub(super) fn without_token(mut reply: Reply, token: &Secret) -> Reply {
    let token = token.reveal();
    if token.len() < SHORTEST_TOKEN {
        return reply;
    }
    for (_, value) in &mut reply.headers {
        if value.contains(token) {
            *value = value.replace(token, "(secret)");
        }
    }
    if memchr::memmem::find(&reply.body, token.as_bytes()).is_some() {
        reply.body = String::from_utf8_lossy(&reply.body).replace(token, "(secret)").into_bytes();
    }
    reply
}

/// The ids of a reply, for Microsoft's support.
pub(super) fn trace(reply: &Reply) -> Vec<(&'static str, String)> {
    const IDS: [(&str, &str); 5] = [
        ("x-ms-correlation-request-id", "correlation_request_id"),
        ("x-ms-request-id", "request_id"),
        ("x-ms-routing-request-id", "routing_request_id"),
        ("x-ms-client-request-id", "client_request_id"),
        ("x-ms-failure-cause", "failure_cause"),
    ];
    let value = |header: &str| {
        let value = reply.header(header)?.trim();
        (!value.is_empty()).then(|| printable(&value.chars().take(128).collect::<String>()).into_owned())
    };
    IDS.into_iter().filter_map(|(header, name)| Some((name, value(header)?))).collect()
}
