//! Which EDNS options an answer carries; the Extended Error, which the answer itself decides, apart.
//!
//! In: a query's options and its context. Out: ours, and what the query's cookie is worth. Padding, client subnets and what
//! else is unknown is left unanswered (RFC 7830 section 6: padding is for encrypted transports).

use std::sync::Arc;

use crate::dns::{Ede, Query, QueryOptions, ResponseOptions};
use crate::server::admission::cookies::CookieStatus;
use crate::server::context::RequestContext;
use crate::server::snapshot::Snapshot;

/// The options of an answer, whatever it says: made once for each query, and kept with one that waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReplyOptions {
    cookie: Option<[u8; 24]>,
    nsid: Option<Arc<str>>,
    keepalive: Option<u16>,
}

impl ReplyOptions {
    /// With the reason that the answer gives.
    #[inline]
    pub(crate) fn with<'a>(&'a self, ede: Option<&'a Ede>) -> ResponseOptions<'a> {
        ResponseOptions {
            cookie: self.cookie,
            nsid: self.nsid.as_deref().map(str::as_bytes),
            keepalive: self.keepalive,
            ede,
        }
    }

    /// Whether there is a cookie among them.
    pub(crate) fn has_cookie(&self) -> bool {
        self.cookie.is_some()
    }
}

/// The options of the answer, and what the query's cookie is worth; `None` if the query's options are malformed: FORMERR.
#[inline]
pub(crate) fn examine(
    snapshot: &Snapshot,
    query: &Query<'_>,
    context: &RequestContext,
) -> Option<(CookieStatus, ReplyOptions)> {
    let nothing = || Some((CookieStatus::Absent, ReplyOptions::default()));
    match &query.options {
        // Options of a version that we do not know mean nothing to us.
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
    Some((status, ReplyOptions { cookie, nsid, keepalive }))
}
