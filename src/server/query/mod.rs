//! The full path: one message in, one answer out.
//!
//! [`process`] goes as far as memory suffices and never waits; a query that needs an upstream comes back as [`Later`].
//! Its steps are parse, examine, resolve, limit, compose. The order of the checks is written here and nowhere else: the
//! fast path takes only queries that would pass all of them ([`is_plain`]).

mod authentication;
mod cacheable;
mod chaos;
mod later;
pub(crate) mod once;
pub(crate) mod options;
mod policy;
pub(crate) mod response;
pub(crate) mod signature;
mod transfer;
#[cfg(test)]
mod truncation;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::SystemTime;

use super::admission::cookies::CookieStatus;
use super::admission::rates::RateDecision;
use super::context::RequestContext;
use super::counters::{Disposition, Reason, Response};
use super::snapshot::{Shared, Snapshot};
use crate::dns::{Class, CookieQuery, Ede, Name, Query, QueryError, Rcode, Rtype};
use crate::forward::cache::Validity;
use crate::forward::resolver::chase::Resolved;
use crate::forward::resolver::{Progress, Provenance, QueryFlags, Resolution, Waiting};
use crate::forward::{ClientNetwork, PROBE_LABEL};
use crate::transfer::Granted;
pub(crate) use cacheable::{Cacheable, HeaderBits};
use later::WaitingQuery;
pub(crate) use later::{Arrived, Later};
use options::ReplyOptions;
use policy::ClientPolicy;

/// The result for a message.
pub(crate) enum Served {
    /// Nothing goes to the client.
    Nothing(Disposition),
    /// The answer.
    Now(Answer),
    /// An upstream has to be asked.
    Later(Later),
    /// The client gets a zone, in many messages.
    Transfer(Transferring),
}

/// A transfer that is to be sent.
pub(crate) struct Transferring {
    pub(crate) granted: Box<Granted>,
    pub(crate) disposition: Disposition,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) disposition: Disposition,
    /// The name that a hosted zone does not have.
    pub(crate) missed: Option<Name>,
    /// How it may be given again; `None` for an answer that is good only once.
    pub(crate) cacheable: Option<Box<Cacheable>>,
}

/// A query, with all that its answer depends on.
struct Request<'a> {
    snapshot: &'a Arc<Snapshot>,
    policy: ClientPolicy<'a>,
    query: Query<'a>,
    message: &'a [u8],
    context: RequestContext,
}

/// A query that may be resolved.
struct Examined {
    qname: Name,
    options: ReplyOptions,
}

/// Serves one message; with the QTYPE, if it is a query with one question.
pub(crate) fn process(
    shared: &Shared,
    snapshot: &Arc<Snapshot>,
    message: &[u8],
    context: RequestContext,
) -> (Option<Rtype>, Served) {
    if context.client.port() == 0 {
        return (None, Served::Nothing(Response::Dropped.to(Reason::SourcePort)));
    }
    match Query::parse(message) {
        Ok(query) => (Some(query.qtype), serve(shared, snapshot, query, message, context)),
        Err(error) => (None, reject(shared, snapshot, error, message, context)),
    }
}

/// Serves one query.
fn serve(
    shared: &Shared,
    snapshot: &Arc<Snapshot>,
    query: Query<'_>,
    message: &[u8],
    context: RequestContext,
) -> Served {
    let (cookie, options) = match options::examine(snapshot, &query, &context) {
        Some((cookie, options)) => (cookie, Some(options)),
        None => (CookieStatus::Absent, None),
    };
    let policy = ClientPolicy::new(shared, snapshot, context, cookie);
    let request = Request { snapshot, policy, query, message, context };
    let examined = match examine(&request, options, shared.clock) {
        ControlFlow::Continue(examined) => examined,
        ControlFlow::Break(served) => return served,
    };
    let (resolved, validity, options) = match resolve(&request, examined) {
        ControlFlow::Continue(found) => found,
        ControlFlow::Break(served) => return served,
    };
    if let Some(served) = limit(&request, &options, &resolved) {
        return served;
    }
    let (disposition, composed) = complete(shared, snapshot, &request.query, &resolved, &context, &options);
    let validity = validity.filter(|_| options.signature().is_none());
    let cacheable = validity.and_then(|validity| Cacheable::new(&resolved, &composed, validity)).map(Box::new);
    let missed = resolved.origin.missed;
    Served::Now(Answer { bytes: composed.bytes, cacheable, disposition, missed })
}

/// Whether a query on its own would pass every check of [`examine`], as nearly all do. A query whose name might be a
/// loop probe of ours would not.
pub(crate) fn is_plain(query: &Query<'_>) -> bool {
    query.qclass == Class::IN
        && (!query.qtype.is_meta() || query.qtype == Rtype::ANY)
        && query.qtype != Rtype(0)
        && query.qname.len() > 1
        && query.qname[0] != PROBE_LABEL
        && query.edns.as_ref().is_none_or(|edns| edns.version == 0)
        && query.tsig.is_none()
}

/// The checks between a message that parsed and its resolution: the name to resolve and the options of its answer, or
/// the answer that ends it here.
fn examine(
    request: &Request<'_>,
    options: Option<ReplyOptions>,
    clock: fn() -> SystemTime,
) -> ControlFlow<Served, Examined> {
    let Request { snapshot, query, context, .. } = request;
    let plain = ReplyOptions::default();
    if !request.policy.permits() {
        // A client outside `[access]` learns neither which server this is nor anything that could be sent to others.
        let refusal =
            Refusal { ede: Some(OUTSIDE), recursion: false, ..Refusal::new(Reason::NotAllowed, Rcode::REFUSED) };
        return ControlFlow::Break(refuse(request, &plain, &refusal));
    }
    let end = |options: &ReplyOptions, refusal: Refusal| ControlFlow::Break(refuse(request, options, &refusal));
    let signature = match authentication::examine(request, clock) {
        Ok(signature) => signature,
        Err(served) => return ControlFlow::Break(served),
    };
    let plain = plain.signed(signature.clone());
    if query.edns.as_ref().is_some_and(|edns| edns.version > 0) {
        return end(&plain, Refusal::new(Reason::EdnsVersion, Rcode::BADVERS));
    }
    let Some(options) = options else {
        return end(&plain, Refusal::new(Reason::Malformed, Rcode::FORMERR));
    };
    let options = options.signed(signature);
    if let Some(resolved) = chaos::answer(&snapshot.settings, query) {
        let compose = || response::compose(query, &resolved, context.transport, &options).bytes;
        return ControlFlow::Break(send_unless_limited(&request.policy, Reason::Identity, Rcode::NOERROR, compose));
    }
    if query.qclass == Class::IN && [Rtype::AXFR, Rtype::IXFR].contains(&query.qtype) {
        return ControlFlow::Break(transfer::serve(request, &options, authentication::today(clock)));
    }
    if let Some((rcode, ede)) = not_served(query) {
        return end(&options, Refusal { ede, ..Refusal::new(Reason::NotServed, rcode) });
    }
    if snapshot.view(context.view).resolver.is_probe(query.qname) {
        return end(&options, Refusal { ede: Some(LOOP), ..Refusal::new(Reason::LoopProbe, Rcode::REFUSED) });
    }
    match Name::from_wire(query.qname) {
        Some(qname) if snapshot.view(context.view).zones.is_derived(qname.canonical()) => {
            ControlFlow::Break(transfer::in_derived(request, &options))
        }
        Some(qname) => ControlFlow::Continue(Examined { qname, options }),
        None => end(&options, Refusal::new(Reason::Malformed, Rcode::FORMERR)),
    }
}

/// The answer that memory has, how long it is valid, and its options; or what goes out instead: nothing yet, because an
/// upstream has to be asked, or a refusal to ask one.
fn resolve(
    request: &Request<'_>,
    examined: Examined,
) -> ControlFlow<Served, (Resolved, Option<Validity>, ReplyOptions)> {
    let Request { snapshot, policy, query, message, context, .. } = request;
    let Examined { qname, options } = examined;
    let flags = QueryFlags {
        recursion: query.header.rd,
        dnssec_ok: query.dnssec_ok(),
        checking_disabled: query.header.cd,
        authentic_data: query.header.ad,
    };
    let mut resolution = Resolution::new(qname, query.qtype, flags);
    resolution.network = Some(ClientNetwork::of(context.ip()));
    resolution.limit_to(response::room(query, context.transport, &options));
    let view = snapshot.view(context.view);
    let question = match view.resolver.start(view.zones, &mut resolution, context.at) {
        Progress::Done(resolved) => return ControlFlow::Continue((resolved, resolution.validity(), options)),
        Progress::Ask(question) => question,
    };
    if !policy.may_forward() {
        let refusal = Refusal { ede: Some(TOO_MANY), ..Refusal::new(Reason::ForwardLimit, Rcode::REFUSED) };
        return ControlFlow::Break(refuse(request, &options, &refusal));
    }
    match policy.wait_for_upstream() {
        Ok(permit) => {
            let (resolver, zones) = (Arc::clone(view.resolver), Arc::clone(view.zones));
            let waiting = Waiting::new(resolver, zones, resolution, question, context.at);
            let (message, snapshot, context) = (message.to_vec(), Arc::clone(snapshot), *context);
            let query = Box::new(WaitingQuery { message, context, options, snapshot, _permit: permit });
            ControlFlow::Break(Served::Later(Later { query, waiting }))
        }
        Err(failure) => {
            let (resolver, zones) = (view.resolver, view.zones);
            let resolved = resolver.answer_without_upstream(zones, &mut resolution, question, failure, context.at);
            ControlFlow::Continue((resolved, resolution.validity(), options))
        }
    }
}

/// What goes out in place of a negative answer over the client's rate; `None` for an answer that goes out.
fn limit(request: &Request<'_>, options: &ReplyOptions, resolved: &Resolved) -> Option<Served> {
    let decision = if is_negative(resolved) { request.policy.negative() } else { RateDecision::Pass };
    match decision {
        RateDecision::Pass => None,
        RateDecision::Slip => {
            let bytes = response::slip(&request.query, request.context.transport, options);
            let disposition = Response::Slipped.to(reason_of(resolved));
            Some(Served::Now(Answer { bytes, disposition, missed: None, cacheable: None }))
        }
        RateDecision::Drop => Some(Served::Nothing(Response::RateLimited.to(reason_of(resolved)))),
    }
}

/// Whether the answer says that something is missing: no such name or type, a referral, a failure.
fn is_negative(resolved: &Resolved) -> bool {
    resolved.rcode != Rcode::NOERROR || resolved.answer.is_empty()
}

/// The reason for an answer.
fn reason_of(resolved: &Resolved) -> Reason {
    let origin = &resolved.origin;
    match origin.provenance {
        Some(Provenance::SynthesizedCname) => Reason::Synthesized,
        _ if origin.failed && resolved.rcode == Rcode::REFUSED => Reason::NoRecursion,
        _ if origin.failed => Reason::Failed,
        _ if origin.forwarded && origin.zone.is_some() => Reason::Rechased,
        Some(Provenance::Stale) => Reason::Stale,
        Some(Provenance::Cache) => Reason::Cache,
        Some(Provenance::Upstream(_)) => Reason::Upstream,
        Some(Provenance::Special) => Reason::Special,
        None => Reason::Zone,
    }
}

/// Composes an answer, and notes a name that a hosted zone does not have.
fn complete(
    shared: &Shared,
    snapshot: &Snapshot,
    query: &Query<'_>,
    resolved: &Resolved,
    context: &RequestContext,
    options: &ReplyOptions,
) -> (Disposition, response::Composed) {
    if let Some(missed) = &resolved.origin.missed
        && let Some(hosted) = snapshot.view(context.view).zones.find(missed.canonical())
    {
        shared.misses.note(hosted, missed.canonical());
    }
    let composed = response::compose(query, resolved, context.transport, options);
    let response = if composed.truncated { Response::Truncated } else { Response::Answered };
    (response(resolved.rcode).to(reason_of(resolved)), composed)
}

const TOO_MANY: Ede = Ede::new(Ede::PROHIBITED, "your network asks for too many names that have to be forwarded");

const OUTSIDE: Ede = Ede::new(Ede::PROHIBITED, "your network is not in this server's access list");

const LOOP: Ede = Ede::new(Ede::OTHER, "forwarding loop: this is the server's own probe");

/// An answer without records.
struct Refusal {
    reason: Reason,
    rcode: Rcode,
    ede: Option<Ede>,
    /// RA: whether the client may have recursion.
    recursion: bool,
}

impl Refusal {
    fn new(reason: Reason, rcode: Rcode) -> Self {
        Self { reason, rcode, ede: None, recursion: true }
    }
}

impl Served {
    /// The disposition, with the name that a hosted zone does not have; `None` until an upstream has been asked.
    pub(crate) fn outcome(&self) -> Option<(Disposition, Option<&Name>)> {
        match self {
            Self::Nothing(disposition) => Some((*disposition, None)),
            Self::Now(answer) => Some((answer.disposition, answer.missed.as_ref())),
            Self::Later(_) => None,
            Self::Transfer(transferring) => Some((transferring.disposition, None)),
        }
    }

    /// The same, with something done to the bytes of an answer.
    fn map(self, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Self {
        match self {
            Self::Now(answer) => Self::Now(Answer { bytes: change(answer.bytes), ..answer }),
            other => other,
        }
    }
}

fn refuse(request: &Request<'_>, options: &ReplyOptions, refusal: &Refusal) -> Served {
    let Refusal { reason, rcode, ede, recursion } = refusal;
    let transport = request.context.transport;
    let compose = || response::refuse(&request.query, transport, (*rcode, *recursion, ede.as_ref()), options);
    send_unless_limited(&request.policy, *reason, *rcode, compose)
}

/// An answer that counts against the rate of errors; it is composed only if it is sent.
fn send_unless_limited(
    policy: &ClientPolicy<'_>,
    reason: Reason,
    rcode: Rcode,
    compose: impl FnOnce() -> Vec<u8>,
) -> Served {
    if policy.error() != RateDecision::Pass {
        return Served::Nothing(Response::RateLimited.to(reason));
    }
    let disposition = Response::Answered(rcode).to(reason);
    Served::Now(Answer { bytes: compose(), disposition, missed: None, cacheable: None })
}

/// Answers a message that could not be read as a query. A client outside `[access]` gets a bare header and nothing
/// more.
fn reject(shared: &Shared, snapshot: &Snapshot, error: QueryError, message: &[u8], context: RequestContext) -> Served {
    let policy = ClientPolicy::new(shared, snapshot, context, CookieStatus::Absent);
    let (header, reason, rcode) = match error {
        QueryError::Ignore => return Served::Nothing(Response::Dropped.to(Reason::NotAQuery)),
        QueryError::NotImplemented(header) => (header, Reason::Opcode, Rcode::NOTIMP),
        QueryError::Malformed(header) => {
            if let Some((rcode, answer)) = cookie_alone(snapshot, message, &context) {
                return send_unless_limited(&policy, Reason::CookieOnly, rcode, || answer);
            }
            (header, Reason::Malformed, Rcode::FORMERR)
        }
    };
    let rcode = if policy.permits() { rcode } else { Rcode::REFUSED };
    send_unless_limited(&policy, reason, rcode, || match rcode {
        Rcode::NOTIMP => response::not_implemented(header, message),
        rcode => response::header_only(header, rcode),
    })
}

/// The answer to a client that asks only for a cookie, or whether its cookie is good (RFC 7873 section 5.4).
fn cookie_alone(snapshot: &Snapshot, message: &[u8], context: &RequestContext) -> Option<(Rcode, Vec<u8>)> {
    let query = CookieQuery::parse(message).filter(|query| query.edns.version == 0)?;
    let (status, options) = options::answer(snapshot, &query.options, context)?;
    if !options.has_cookie() || !snapshot.access.permits(context.ip()) {
        return None;
    }
    let rcode = match status {
        CookieStatus::Bad => Rcode::BADCOOKIE,
        CookieStatus::Absent | CookieStatus::Renew | CookieStatus::Good => Rcode::NOERROR,
    };
    Some((rcode, response::cookie_only(&query, rcode, &options.with(None))))
}

/// Questions that are never looked up, with their RCODE.
fn not_served(query: &Query<'_>) -> Option<(Rcode, Option<Ede>)> {
    if query.qclass != Class::IN {
        return Some((Rcode::REFUSED, Some(Ede::new(Ede::NOT_SUPPORTED, "only class IN is served"))));
    }
    match query.qtype {
        Rtype::ANY => None,
        Rtype::OPT | Rtype(0) => Some((Rcode::FORMERR, None)),
        other if other.is_meta() => Some((Rcode::NOTIMP, None)),
        _ => None,
    }
}
