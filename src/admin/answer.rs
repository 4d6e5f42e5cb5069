//! What a request gets: a pure function of the path and the status.
//!
//! In: the path, the query, the wanted form, and a [`Status`], or a refusal. Out: status code, headers and body.
//!
//! | path | at `listen` | at `probe` |
//! |---|---|---|
//! | `/` | the status page; `?refresh=off` or seconds | |
//! | `/metrics` | `OpenMetrics` or Prometheus text, by `Accept` | |
//! | `/status.json` | the same as `status --json` | |
//! | `/explain` | a form, and why a name has the answer that it has (`explain`) | |
//! | `/explain.json` | the same as `explain --json` | |
//! | `/health` | 200 while the daemon's loop turns | the same |
//! | `/ready` | 200 while clients should be sent here | the same |

use std::borrow::Cow;

use super::guard::{Listener, Refusal};
use super::health::{self, Verdict};
use super::metrics::{self, Form};
use super::page;
use crate::status::Status;

/// The time after which the page is loaded again, seconds.
const REFRESH: u64 = 10;

/// The longest such time that a request may ask for, seconds.
const MAX_REFRESH: u64 = 3600;

/// A page that may load nothing, run nothing and be framed by nobody.
pub(super) const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";

const TEXT: &str = "text/plain; charset=utf-8";

/// A request that was found good.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) listener: Listener,
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
    /// The form of the metrics that the client prefers.
    pub(super) form: Form,
}

/// An answer, apart from the headers that all have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) code: u16,
    pub(super) headers: Vec<(&'static str, &'static str)>,
    pub(super) body: Cow<'static, str>,
}

/// The headers of every answer.
pub(super) const HEADERS: [(&str, &str); 5] = [
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
    ("cross-origin-resource-policy", "same-origin"),
];

impl Answer {
    pub(super) fn text(code: u16, body: impl Into<Cow<'static, str>>) -> Self {
        Self::of(code, TEXT, NOTHING, body)
    }

    pub(super) fn of(code: u16, kind: &'static str, policy: &'static str, body: impl Into<Cow<'static, str>>) -> Self {
        let headers = vec![("content-type", kind), ("content-security-policy", policy)];
        Self { code, headers, body: body.into() }
    }

    fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// Answers a good request.
pub(super) fn answer(asked: &Asked<'_>, status: &Status) -> Answer {
    let is_verbose = parameter(asked.query, "verbose").is_some();
    match (asked.path, asked.listener) {
        ("/health", _) => checked(&health::health(status), is_verbose),
        ("/ready", _) => checked(&health::ready(status), is_verbose),
        ("/", Listener::Admin) => {
            let page = page::render(status, refresh(asked.query));
            Answer::of(200, "text/html; charset=utf-8", page::csp(), page)
        }
        ("/metrics", Listener::Admin) => {
            let kind = match asked.form {
                Form::Text => "text/plain; version=0.0.4; charset=utf-8",
                Form::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            };
            Answer::of(200, kind, NOTHING, metrics::render(status, asked.form)).with("vary", "accept")
        }
        ("/status.json", Listener::Admin) => json(status),
        (_, Listener::Admin) => Answer::text(
            404,
            "there is no such page; there are: / /explain /explain.json /metrics /status.json /health /ready\n",
        ),
        (_, Listener::Probe) => Answer::text(404, "there is no such page; there are: /health /ready\n"),
    }
}

/// Answers a request that is refused. A stranger sees nothing of ours.
pub(super) fn refuse(refusal: Refusal) -> Answer {
    match refusal {
        Refusal::Stranger => Answer::text(403, ""),
        Refusal::BadHost => Answer::text(400, "the request needs one Host header with an address or a name\n"),
        Refusal::OtherHost => Answer::text(
            421,
            "the Host of the request is no name of this server: use an address or localhost, or add the name to hosts \
             in [admin]\n",
        ),
        Refusal::Method => Answer::text(405, "only GET and HEAD are answered\n").with("allow", "GET, HEAD"),
    }
}

fn checked(verdict: &Verdict, is_verbose: bool) -> Answer {
    let code = if verdict.is_good() { 200 } else { 503 };
    Answer::text(code, if is_verbose { verdict.verbose() } else { verdict.brief() })
}

fn json(status: &Status) -> Answer {
    match serde_json::to_string_pretty(status) {
        Ok(text) => Answer::of(200, "application/json", NOTHING, text + "\n"),
        Err(error) => Answer::text(500, format!("internal error: the status cannot be written as JSON: {error}\n")),
    }
}

/// The value of a parameter of the query, if it is there; empty if it has none.
fn parameter<'q>(query: Option<&'q str>, name: &str) -> Option<&'q str> {
    let parts = query?.split('&').map(|part| part.split_once('=').unwrap_or((part, "")));
    parts.filter(|(key, _)| *key == name).map(|(_, value)| value).next()
}

/// The seconds after which the page is loaded again, if it is.
fn refresh(query: Option<&str>) -> Option<u64> {
    match parameter(query, "refresh") {
        None => Some(REFRESH),
        Some("off" | "0") => None,
        Some(seconds) => Some(seconds.parse().map_or(REFRESH, |seconds: u64| seconds.clamp(1, MAX_REFRESH))),
    }
}

#[cfg(test)]
mod tests;
