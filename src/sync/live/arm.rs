//! Azure Resource Manager: collections read whole, page by page.

use std::collections::BTreeMap;
use std::time::Duration;

/// The reason why something could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct ArmError {
    /// The kind.
    pub kind: ArmErrorKind,
    /// What is wrong and what to do; nothing in it differs from try to try.
    pub text: String,
    /// Ids for Microsoft's support, which differ each time: for the log alone.
    pub trace: Vec<(&'static str, String)>,
}

/// The kinds of errors that callers tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArmErrorKind {
    /// 404: there is no such resource, or none that this identity may know of.
    NotFound,
    /// 403: the identity may not read this.
    Forbidden,
    /// No token, or ARM does not take it.
    Unauthorized,
    /// 429, or 503 with a time: not again before that time is over.
    Throttled(Duration),
    /// The source is to end.
    Stopped,
    /// Anything else.
    Other,
}

/// What asking cost, and what is left.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Meter {
    /// Requests to ARM, those that failed too.
    pub requests: u64,
    /// Replies by status code; 0 for none.
    pub replies: BTreeMap<u16, u64>,
    /// The last `x-ms-ratelimit-remaining-*`, by the rest of that name.
    pub remaining: BTreeMap<String, u64>,
}
