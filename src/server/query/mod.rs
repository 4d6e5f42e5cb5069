//! The query road: one message in, one answer out.
//!
//! [`serve`] goes as far as memory leads and never waits; what needs an upstream comes back as [`Later`], which
//! the caller finishes on the runtime. The order of the checks is written here and nowhere else.

mod chaos;
pub(crate) mod options;
mod policy;
pub(crate) mod response;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::dns::{Class, CookieQuery, Ede, Name, Query, QueryError, Rcode, ResponseOptions, Rtype};
use crate::forward::Batch;
use crate::forward::resolver::chase::Resolved;
use crate::forward::resolver::{Progress, Provenance, QueryFlags, Resolution, UpstreamQuestion};
use crate::server::admission::cookies::CookieStatus;
use crate::server::admission::pending::Permit;
use crate::server::admission::rates::{RateDecision, network};
use crate::server::fast::answer_cache::Cacheable;
use crate::server::{Counters, Shared, Snapshot};
use options::RequestContext;
use policy::ClientPolicy;
use response::{Composed, Transport};

/// What becomes of a message.
pub(crate) enum Served {
    /// No answer.
    Nothing,
    /// The answer.
    Now(Vec<u8>),
    /// The answer, and how it may be given again.
    Validity(Vec<u8>, Box<Cacheable>),
    /// An upstream has to be asked.
    Later(Box<Later>),
}

/// A query that waits for an upstream.
pub(crate) struct Later {
    message: Vec<u8>,
    context: RequestContext,
    snapshot: Arc<Snapshot>,
    resolution: Resolution,
    need: UpstreamQuestion,
    permit: Permit,
}

/// What was found out about a query that waited. It counts as pending until it is dropped: drop it once its answer is sent.
pub(crate) struct Finished {
    message: Vec<u8>,
    context: RequestContext,
    snapshot: Arc<Snapshot>,
    resolved: Resolved,
    _permit: Permit,
}

/// Serves one message.
pub(crate) fn serve(
    shared: &Shared,
    snapshot: &Arc<Snapshot>,
    message: &[u8],
    client: SocketAddr,
    transport: Transport,
    now: Instant,
) -> Served {
    let counters = &shared.counters;
    if client.port() == 0 {
        Counters::add(&counters.dropped);
        return Served::Nothing;
    }
    let context = RequestContext { client: client.ip(), transport, at: now };
    let mut policy = ClientPolicy::new(shared, snapshot, context);
    let query = match Query::parse(message) {
        Ok(query) => query,
        Err(error) => return reject(&policy, error, message),
    };
    policy.show(query.options.as_ref());
    let (qname, options) = match examine(&policy, &query) {
        Ok(examined) => examined,
        Err(served) => return served,
    };
    let flags =
        QueryFlags { recursion: query.header.rd, dnssec_ok: query.dnssec_ok(), checking_disabled: query.header.cd };
    let mut resolution = Resolution::new(qname, query.qtype, flags);
    resolution.network = network(client.ip());
    let resolved = match snapshot.resolver.start(&snapshot.zones, &mut resolution, now) {
        Progress::Done(resolved) => resolved,
        Progress::Ask(_) if !policy.may_forward() => {
            return policy.refuse(|| refuse(&query, Rcode::REFUSED, Some(&TOO_MANY), true, options));
        }
        Progress::Ask(need) => match policy.place() {
            Ok(permit) => {
                let (message, snapshot) = (message.to_vec(), Arc::clone(snapshot));
                return Served::Later(Box::new(Later { message, context, snapshot, resolution, need, permit }));
            }
            Err(failure) => snapshot.resolver.give_up(&snapshot.zones, &mut resolution, need, failure, now),
        },
    };
    if is_negative(&resolved) {
        match policy.negative() {
            RateDecision::Pass => {}
            RateDecision::Slip => return Served::Now(response::slip(&query, &options)),
            RateDecision::Drop => return Served::Nothing,
        }
    }
    let composed = complete(shared, snapshot, &query, &resolved, &context);
    match resolution.validity().and_then(|validity| Cacheable::new(&resolved, &composed, validity)) {
        Some(cacheable) => Served::Validity(composed.bytes, Box::new(cacheable)),
        None => Served::Now(composed.bytes),
    }
}

/// The checks between a message that parsed and its resolution: the name to resolve and the options of its answer, or the
/// answer that ends it here.
fn examine<'s>(policy: &ClientPolicy<'s>, query: &Query<'_>) -> Result<(Name, ResponseOptions<'s>), Served> {
    let (counters, snapshot) = (policy.counters(), policy.snapshot());
    let refuse_with = |rcode, ede, recursion, options| policy.refuse(|| refuse(query, rcode, ede, recursion, options));
    if !policy.permits() {
        Counters::add(&counters.refused_access);
        // Strangers learn neither which server this is nor anything that could be sent to others.
        return Err(refuse_with(Rcode::REFUSED, Some(&OUTSIDE), false, ResponseOptions::default()));
    }
    if query.edns.as_ref().is_some_and(|edns| edns.version > 0) {
        Counters::add(&counters.not_implemented);
        return Err(refuse_with(Rcode::BADVERS, None, true, ResponseOptions::default()));
    }
    let Some(options) = options::response_options(snapshot, query, policy.context()) else {
        Counters::add(&counters.malformed);
        return Err(refuse_with(Rcode::FORMERR, None, true, ResponseOptions::default()));
    };
    if let Some(tsig) = &query.tsig {
        Counters::add(&counters.not_implemented);
        let limit = response::limit(query, policy.context().transport);
        return Err(policy.refuse(|| tsig.append_bad_key(refuse(query, Rcode::NOTAUTH, None, true, options), limit)));
    }
    if let Some(resolved) = chaos::answer(&snapshot.settings, query) {
        return Err(policy.refuse(|| complete(policy.shared(), snapshot, query, &resolved, policy.context()).bytes));
    }
    if let Some((rcode, ede)) = not_served(query) {
        Counters::add(&counters.not_implemented);
        return Err(refuse_with(rcode, ede.as_ref(), true, options));
    }
    if snapshot.resolver.is_probe(query.qname) {
        Counters::add(&counters.loops);
        return Err(refuse_with(Rcode::REFUSED, Some(&LOOP), true, options));
    }
    let Some(qname) = Name::from_wire(query.qname) else {
        Counters::add(&counters.malformed);
        return Err(refuse_with(Rcode::FORMERR, None, true, options));
    };
    Ok((qname, options))
}

/// Whether it has not what was asked for: nothing by that name or of that type, a referral, a failure.
fn is_negative(resolved: &Resolved) -> bool {
    resolved.rcode != Rcode::NOERROR || resolved.answer.is_empty()
}

const TOO_MANY: Ede =
    Ede::new(Ede::PROHIBITED, "your network query_options for too many names that have to be forwarded");

const OUTSIDE: Ede = Ede::new(Ede::PROHIBITED, "your network is not in this server's access list");

const LOOP: Ede = Ede::new(Ede::OTHER, "forwarding loop: this is the server's own probe");

impl Later {
    /// Asks upstream; what comes of it goes to `then` on whatever thread has it.
    pub(crate) fn finish<F>(self, now: Instant, then: F)
    where
        F: FnOnce(Finished, &mut Batch) + Send + 'static,
    {
        let Self { message, context, snapshot, resolution, need, permit } = self;
        let (resolver, zones) = (Arc::clone(&snapshot.resolver), Arc::clone(&snapshot.zones));
        resolver.finish_then(zones, resolution, need, now, move |resolved, batch| {
            then(Finished { message, context, snapshot, resolved, _permit: permit }, batch);
        });
    }
}

impl Finished {
    /// The answer.
    pub(crate) fn compose(&self, shared: &Shared) -> Vec<u8> {
        // It parsed before.
        let query = Query::parse(&self.message);
        query
            .map(|query| complete(shared, &self.snapshot, &query, &self.resolved, &self.context).bytes)
            .unwrap_or_default()
    }
}

fn complete(
    shared: &Shared,
    snapshot: &Snapshot,
    query: &Query<'_>,
    resolved: &Resolved,
    context: &RequestContext,
) -> Composed {
    let (counters, origin) = (&shared.counters, &resolved.origin);
    if let Some(missed) = &origin.missed
        && let Some(hosted) = snapshot.zones.find(missed.as_wire())
    {
        shared.misses.note(hosted, missed.as_wire());
    }
    Counters::add(if origin.forwarded { &counters.forwarded } else { &counters.local });
    if origin.forwarded && origin.zone.is_some() {
        Counters::add(&counters.rechased);
    }
    if resolved.rcode == Rcode::SERVFAIL {
        Counters::add(&counters.servfail);
    }
    let options = options::response_options(snapshot, query, context).unwrap_or_default();
    let composed = response::compose(query, resolved, context.transport, options);
    if composed.truncated {
        Counters::add(&counters.truncated);
    }
    composed
}

/// What could not be read as a query. Strangers hear nothing more than a bare header.
fn reject(policy: &ClientPolicy<'_>, error: QueryError, message: &[u8]) -> Served {
    let counters = policy.counters();
    let (header, rcode) = match error {
        QueryError::Ignore => {
            Counters::add(&counters.dropped);
            return Served::Nothing;
        }
        QueryError::NotImplemented(header) => {
            Counters::add(&counters.not_implemented);
            (header, Rcode::NOTIMP)
        }
        QueryError::Malformed(header) => {
            if let Some(answer) = cookie_alone(policy.snapshot(), message, policy.context()) {
                return policy.refuse(|| answer);
            }
            Counters::add(&counters.malformed);
            (header, Rcode::FORMERR)
        }
    };
    policy.refuse(|| match rcode {
        _ if !policy.permits() => response::header_only(header, Rcode::REFUSED),
        Rcode::NOTIMP => response::not_implemented(header, message),
        rcode => response::header_only(header, rcode),
    })
}

/// The answer to who asks for a cookie, or whether one is good, and nothing else (RFC 7873 section 5.4).
fn cookie_alone(snapshot: &Snapshot, message: &[u8], context: &RequestContext) -> Option<Vec<u8>> {
    let query = CookieQuery::parse(message).filter(|query| query.edns.version == 0)?;
    let options = options::answer(snapshot, &query.options, context).filter(|options| options.cookie.is_some())?;
    if !snapshot.access.permits(context.client) {
        return None;
    }
    let rcode = match snapshot.cookies.status(&query.options, context.client, context.at) {
        CookieStatus::Bad => Rcode::BADCOOKIE,
        CookieStatus::Absent | CookieStatus::Renew | CookieStatus::Good => Rcode::NOERROR,
    };
    Some(response::cookie_only(&query, rcode, &options))
}

fn refuse(
    query: &Query<'_>,
    rcode: Rcode,
    ede: Option<&Ede>,
    recursion: bool,
    options: ResponseOptions<'_>,
) -> Vec<u8> {
    response::refuse(query, rcode, recursion, &ResponseOptions { ede, ..options })
}

/// Questions that are never looked up, with their RCODE.
fn not_served(query: &Query<'_>) -> Option<(Rcode, Option<Ede>)> {
    if query.qclass != Class::IN {
        return Some((Rcode::REFUSED, Some(Ede::new(Ede::NOT_SUPPORTED, "only class IN is served"))));
    }
    match query.qtype {
        Rtype::AXFR | Rtype::IXFR => {
            Some((Rcode::REFUSED, Some(Ede::new(Ede::PROHIBITED, "zone transfer is not offered"))))
        }
        Rtype::ANY => None,
        Rtype::OPT | Rtype(0) => Some((Rcode::FORMERR, None)),
        other if other.is_meta() => Some((Rcode::NOTIMP, None)),
        _ => None,
    }
}

/// An answer with its story, for the command line.
pub struct Answered {
    /// The answer.
    pub resolved: Resolved,
    /// Where each forwarded part came from.
    pub trace: Vec<(Name, Provenance)>,
}

/// Resolves one question as a client's query would be.
pub async fn query(snapshot: &Snapshot, qname: Name, qtype: Rtype) -> Answered {
    let mut resolution =
        Resolution::new(qname, qtype, QueryFlags { recursion: true, dnssec_ok: false, checking_disabled: false });
    resolution.trace = Some(Vec::new());
    let resolved = match snapshot.resolver.start(&snapshot.zones, &mut resolution, Instant::now()) {
        Progress::Done(resolved) => resolved,
        Progress::Ask(need) => snapshot.resolver.finish(&snapshot.zones, &mut resolution, need).await,
    };
    Answered { resolved, trace: resolution.trace.unwrap_or_default() }
}
