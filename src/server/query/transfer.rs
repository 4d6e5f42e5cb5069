//! Queries for a transfer: who may have the zone, and what it gets (RFC 5936, RFC 1995).
//!
//! In: a query of type AXFR or IXFR, and the peers. Out: the transfer, the SOA alone, or the reason why there is none.
//! A stranger does not learn which zones there are.

use super::options::ReplyOptions;
use super::signature::Signature;
use super::{Answer, Refusal, Request, Served, Transferring, refuse, response};
use crate::dns::{Ede, Name, Rcode, Rtype, ixfr_serial};
use crate::forward::resolver::chase::{self, Resolved};
use crate::server::context::{RequestContext, Transport};
use crate::server::counters::{Reason, Response};
use crate::transfer::{Granted, Peer, Requester, Verdict};
use crate::zone::{Hosted, Zone};

const NOT_A_PEER: Ede = Ede::new(Ede::PROHIBITED, "zone transfer is for the servers in [[peers]] alone");
const OTHER_ZONE: Ede = Ede::new(Ede::PROHIBITED, "this zone is not among the zones of this peer");
const NOT_HERE: Ede = Ede::new(Ede::NOT_AUTHORITATIVE, "no zone has this name as its apex");
const NO_COPY: Ede = Ede::new(Ede::NOT_READY, "the zone has no good copy yet");
const NEEDS_TLS: Ede = Ede::new(Ede::PROHIBITED, "this peer gets zones over TLS alone (RFC 9103)");
const NOT_XOT: Ede =
    Ede::new(Ede::NOT_SUPPORTED, "a transfer over TLS needs TLS 1.3 and ALPN 'dot' (RFC 9103 section 7)");
const NEEDS_TCP: Ede = Ede::new(Ede::NOT_SUPPORTED, "AXFR needs TCP (RFC 5936 section 4.2)");

/// Serves a query for a transfer, at a time in seconds since 1970.
pub(super) fn serve(request: &Request<'_>, options: &ReplyOptions, today: u64) -> Served {
    let Entitled { zone, peer, needs_tls } = match entitled(request, options) {
        Ok(entitled) => entitled,
        Err((rcode, ede)) => return refuse(request, options, &refusal(rcode, ede)),
    };
    if let Some(ede) = exposed(&request.context, needs_tls) {
        // Anybody may write a peer's address into a datagram: what that says is not held against the peer.
        if request.context.transport.proves_address() || options.signature().is_some() {
            request.snapshot.transfers.board.needs_tls(&peer.name, zone.apex(), today);
        }
        return refuse(request, options, &Refusal { ede: Some(ede), ..Refusal::new(Reason::NeedsTls, Rcode::REFUSED) });
    }
    let (query, is_stream) = (&request.query, request.context.transport.is_stream());
    let signer = options.signature().map(Signature::signer).cloned();
    let whole = Granted::new(query, signer, peer, zone.apex());
    let granted = match (query.qtype, ixfr_serial(request.message)) {
        (Rtype::AXFR, _) if !is_stream => return refuse(request, options, &refusal(Rcode::REFUSED, NEEDS_TCP)),
        (Rtype::AXFR, _) => whole,
        (_, None) => return refuse(request, options, &Refusal::new(Reason::Malformed, Rcode::FORMERR)),
        // RFC 1995 section 2: over UDP the SOA says that there is more over TCP; section 4: to a client that is up to
        // date it says so.
        (_, Some(serial)) if !is_stream || !zone.serial().is_after(serial) => {
            if serial == zone.serial() {
                request.snapshot.transfers.board.up_to_date(&peer.name, zone.apex(), serial, today);
            }
            return soa_alone(request, options, zone);
        }
        (_, Some(serial)) => whole.since(serial),
    };
    let disposition = Response::Answered(Rcode::NOERROR).to(Reason::Transfer);
    Served::Transfer(Transferring { granted: Box::new(granted), disposition })
}

/// Serves a query for a name in a zone that is for secondaries alone: a peer learns the serial of its zone, which
/// secondaries ask for before each transfer. It learns that in plain too, as from NOTIFY: RFC 9103 section 3 protects
/// what a zone holds, not that it changes.
pub(super) fn in_derived(request: &Request<'_>, options: &ReplyOptions) -> Served {
    match entitled(request, options) {
        Ok(Entitled { zone, .. }) if request.query.qtype == Rtype::SOA => soa_alone(request, options, zone),
        _ => refuse(request, options, &refusal(Rcode::REFUSED, chase::TRANSFER_ONLY)),
    }
}

/// A zone, and the peer that may have it.
struct Entitled<'a> {
    zone: &'a Zone,
    peer: &'a Peer,
    /// Whether it gets the zone over TLS alone.
    needs_tls: bool,
}

/// Why a transfer may not go over the connection of its query: somebody on the way could read it. What is called TLS
/// has to be what RFC 9103 calls so, whoever asks.
fn exposed(context: &RequestContext, needs_tls: bool) -> Option<Ede> {
    match context.transport {
        _ if context.is_xot => None,
        Transport::Tls => Some(NOT_XOT),
        _ => needs_tls.then_some(NEEDS_TLS),
    }
}

/// The zone, and the peer that may have it; or why there is none.
fn entitled<'a>(request: &Request<'a>, options: &ReplyOptions) -> Result<Entitled<'a>, (Rcode, Ede)> {
    let (settings, zones) = (&request.snapshot.transfers.settings, &request.snapshot.zones);
    let key = options.signature().map(|signature| signature.signer().key().name());
    let requester = Requester { address: request.context.ip(), key };
    let apex = Name::from_wire(request.query.qname).ok_or((Rcode::FORMERR, NOT_HERE))?;
    match settings.judge(requester, zones, &apex) {
        Verdict::Allowed(peer, hosted @ Hosted { zone: Some(zone), .. }) => {
            Ok(Entitled { zone, peer, needs_tls: settings.needs_tls(requester, hosted) })
        }
        Verdict::Allowed(..) => Err((Rcode::SERVFAIL, NO_COPY)),
        Verdict::NotHere => Err((Rcode::NOTAUTH, NOT_HERE)),
        Verdict::OtherZone => Err((Rcode::REFUSED, OTHER_ZONE)),
        Verdict::Stranger => Err((Rcode::REFUSED, NOT_A_PEER)),
    }
}

fn refusal(rcode: Rcode, ede: Ede) -> Refusal {
    Refusal { ede: Some(ede), ..Refusal::new(Reason::NotServed, rcode) }
}

fn soa_alone(request: &Request<'_>, options: &ReplyOptions, zone: &Zone) -> Served {
    let answer = zone.soa().into_iter().flat_map(|soa| soa.records(zone.apex()).collect::<Vec<_>>()).collect();
    let resolved = Resolved { answer, authoritative: true, ..Resolved::new(Rcode::NOERROR) };
    let bytes = response::compose(&request.query, &resolved, request.context.transport, options).bytes;
    let disposition = Response::Answered(Rcode::NOERROR).to(Reason::Transfer);
    Served::Now(Answer { bytes, disposition, missed: None, cacheable: None })
}
