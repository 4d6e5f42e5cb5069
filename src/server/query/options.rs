//! Which EDNS options an answer carries; the Extended Error, which the answer itself decides, apart.
//!
//! In: a query's options, how it came and when. Out: ours. Padding, client subnets and what else is unknown is left
//! unanswered (RFC 7830 section 6: padding is for encrypted transports).

use std::net::IpAddr;
use std::time::Instant;

use super::response::Transport;
use crate::dns::{Query, QueryOptions, ResponseOptions};
use crate::server::Snapshot;

/// How a query came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestContext {
    pub(crate) client: IpAddr,
    pub(crate) transport: Transport,
    pub(crate) at: Instant,
}

/// The options of the answer; `None` if the query's are malformed: FORMERR.
#[inline]
pub(crate) fn response_options<'s>(
    snapshot: &'s Snapshot,
    query: &Query<'_>,
    context: &RequestContext,
) -> Option<ResponseOptions<'s>> {
    match &query.options {
        // Options of a version that we do not know mean nothing to us.
        _ if query.edns.as_ref().is_some_and(|edns| edns.version > 0) => Some(ResponseOptions::default()),
        Some(query_options) if *query_options == QueryOptions::default() => Some(ResponseOptions::default()),
        Some(query_options) => answer(snapshot, query_options, context),
        None => None,
    }
}

/// The same, from the options alone.
pub(crate) fn answer<'s>(
    snapshot: &'s Snapshot,
    query_options: &QueryOptions<'_>,
    context: &RequestContext,
) -> Option<ResponseOptions<'s>> {
    let settings = &snapshot.settings;
    let keepalive = match (context.transport, query_options.keepalive) {
        // RFC 7828 section 3.3.1: over UDP it is ignored, whatever it holds.
        (Transport::Udp, _) | (Transport::Tcp, None) => None,
        (Transport::Tcp, Some([])) => Some(settings.tcp.keepalive()),
        // Section 3.2.1: a client sends no timeout.
        (Transport::Tcp, Some(_)) => return None,
    };
    Some(ResponseOptions {
        cookie: snapshot.cookies.answer(query_options, context.client, context.at),
        nsid: settings.nsid.as_deref().filter(|_| query_options.nsid).map(str::as_bytes),
        keepalive,
        ede: None,
    })
}
