//! Which EDNS options an answer carries; the Extended Error, which the answer itself decides, apart.
//!
//! In: a query's options, how it came and when. Out: ours. Padding, client subnets and what else is unknown is left
//! unanswered (RFC 7830 section 6: padding is for encrypted transports).

use std::net::IpAddr;
use std::time::Instant;

use super::response::Transport;
use crate::dns::{Asks, Gives, Query};
use crate::server::Snapshot;

/// How a query came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Came {
    pub(crate) client: IpAddr,
    pub(crate) transport: Transport,
    pub(crate) at: Instant,
}

/// The options of the answer; `None` if the query's are malformed: FORMERR.
#[inline]
pub(crate) fn given<'s>(snapshot: &'s Snapshot, query: &Query<'_>, came: &Came) -> Option<Gives<'s>> {
    match &query.asks {
        // Options of a version that we do not know mean nothing to us.
        _ if query.edns.as_ref().is_some_and(|edns| edns.version > 0) => Some(Gives::default()),
        Some(asks) if *asks == Asks::default() => Some(Gives::default()),
        Some(asks) => answer(snapshot, asks, came),
        None => None,
    }
}

/// The same, from the options alone.
pub(crate) fn answer<'s>(snapshot: &'s Snapshot, asks: &Asks<'_>, came: &Came) -> Option<Gives<'s>> {
    let settings = &snapshot.settings;
    let keepalive = match (came.transport, asks.keepalive) {
        // RFC 7828 section 3.3.1: over UDP it is ignored, whatever it holds.
        (Transport::Udp, _) | (Transport::Tcp, None) => None,
        (Transport::Tcp, Some([])) => Some(settings.tcp.keepalive()),
        // Section 3.2.1: a client sends no timeout.
        (Transport::Tcp, Some(_)) => return None,
    };
    Some(Gives {
        cookie: snapshot.cookies.answer(asks, came.client, came.at),
        nsid: settings.nsid.as_deref().filter(|_| asks.nsid).map(str::as_bytes),
        keepalive,
        ede: None,
    })
}
