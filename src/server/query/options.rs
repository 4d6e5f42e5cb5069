//! The EDNS options of an answer, except for the Extended Error, which the answer itself decides; and its signature.
//!
//! In: a query's options and its context. Out: the options of the answer, and the status of the query's cookie.
//! Client subnets and unknown options are ignored, and so is padding where nothing encrypts (RFC 7830 section 6).

use std::sync::Arc;

use super::signature::Signature;
use crate::dns::{Ede, Query, QueryOptions, ResponseOptions};
use crate::server::admission::cookies::CookieStatus;
use crate::server::context::RequestContext;
use crate::server::snapshot::Snapshot;

/// The options that an answer has whatever its records are: made once for each query, and stored with one that waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReplyOptions {
    cookie: Option<[u8; 24]>,
    nsid: Option<Arc<str>>,
    keepalive: Option<u16>,
    padding: bool,
    signature: Option<Box<Signature>>,
}

impl ReplyOptions {
    /// These options, with the Extended Error of the answer.
    #[inline]
    pub(crate) fn with<'a>(&'a self, ede: Option<&'a Ede>) -> ResponseOptions<'a> {
        ResponseOptions {
            cookie: self.cookie,
            nsid: self.nsid.as_deref().map(str::as_bytes),
            keepalive: self.keepalive,
            ede,
            padding: self.padding.then(|| self.signature.as_ref().map_or(0, |signature| signature.octets())),
        }
    }

    /// The same, for an answer that is signed.
    pub(super) fn signed(self, signature: Option<Box<Signature>>) -> Self {
        Self { signature, ..self }
    }

    /// The signature of the answer; none if the query was not signed.
    pub(crate) fn signature(&self) -> Option<&Signature> {
        self.signature.as_deref()
    }

    /// Whether a cookie is among them.
    pub(crate) fn has_cookie(&self) -> bool {
        self.cookie.is_some()
    }
}

/// The options of the answer, and the status of the query's cookie; `None` if the query's options are malformed:
/// FORMERR.
#[inline]
pub(crate) fn examine(
    snapshot: &Snapshot,
    query: &Query<'_>,
    context: &RequestContext,
) -> Option<(CookieStatus, ReplyOptions)> {
    let nothing = || Some((CookieStatus::Absent, ReplyOptions::default()));
    match &query.options {
        // The options of an unknown EDNS version have no meaning for us.
        _ if query.edns.as_ref().is_some_and(|edns| edns.version > 0) => nothing(),
        Some(asked) if *asked == QueryOptions::default() => nothing(),
        Some(asked) => answer(snapshot, asked, context),
        None => None,
    }
}

/// The same, from the options alone.
pub(crate) fn answer(
    snapshot: &Snapshot,
    asked: &QueryOptions<'_>,
    context: &RequestContext,
) -> Option<(CookieStatus, ReplyOptions)> {
    let settings = &snapshot.settings;
    let keepalive = match (context.transport.is_stream(), asked.keepalive) {
        // RFC 7828 section 3.3.1: over UDP it is ignored, whatever it holds.
        (false, _) | (true, None) => None,
        (true, Some([])) => Some(settings.tcp.keepalive()),
        (true, Some(_)) => return None,
    };
    let (status, cookie) = snapshot.cookies.check(asked.cookie.as_ref(), context.ip(), context.at);
    let nsid = settings.nsid.clone().filter(|_| asked.nsid);
    let padding = asked.padding && context.transport.is_encrypted();
    Some((status, ReplyOptions { cookie, nsid, keepalive, padding, signature: None }))
}
