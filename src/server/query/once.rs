//! One question from the command line, resolved as a client's query would be.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::dns::{Name, Rtype};
use crate::forward::ClientNetwork;
use crate::forward::resolver::chase::Resolved;
use crate::forward::resolver::{Progress, Provenance, QueryFlags, Resolution};
use crate::server::snapshot::{Snapshot, View};
use crate::server::views::ViewIndex;

/// An answer and where it came from.
pub struct Answered {
    /// The answer.
    pub resolved: Resolved,
    /// The source of each forwarded part.
    pub trace: Vec<(Name, Provenance)>,
}

/// Resolves one question as in this view, and as for this client if one is named; whether that client may ask is not
/// looked at.
pub async fn query(
    snapshot: &Snapshot,
    (qname, qtype): (Name, Rtype),
    client: Option<IpAddr>,
    view: ViewIndex,
) -> Answered {
    let flags = QueryFlags { recursion: true, dnssec_ok: false, checking_disabled: false, authentic_data: false };
    let mut resolution = Resolution::new(qname, qtype, flags);
    resolution.trace = Some(Vec::new());
    resolution.network = client.map(ClientNetwork::of);
    let View { zones, resolver } = snapshot.view(view);
    let resolved = match resolver.start(zones, &mut resolution, Instant::now()) {
        Progress::Done(resolved) => resolved,
        Progress::Ask(question) => {
            let (resolver, zones) = (Arc::clone(resolver), Arc::clone(zones));
            let (resolved, trace) = resolver.finish(zones, resolution, question).await;
            return Answered { resolved, trace };
        }
    };
    Answered { resolved, trace: resolution.trace.unwrap_or_default() }
}
