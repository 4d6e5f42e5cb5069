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

use crate::dns::{Class, CookieQuery, Ede, Gives, Name, Query, QueryError, Rcode, Rtype};
use crate::forward::Turn;
use crate::forward::resolver::chase::Resolved;
use crate::forward::resolver::{Need, Part, Progress, Pursuit, Wish};
use crate::server::admission::cookies::Verdict as CookieVerdict;
use crate::server::admission::pending::Permit;
use crate::server::admission::rates::{Verdict, network};
use crate::server::fast::answer_cache::Repeat;
use crate::server::{Counters, Shared, Snapshot};
use options::Came;
use policy::Gate;
use response::{Composed, Transport};

/// What becomes of a message.
pub(crate) enum Served {
    /// No answer.
    Nothing,
    /// The answer.
    Now(Vec<u8>),
    /// The answer, and how it may be given again.
    Lasting(Vec<u8>, Box<Repeat>),
    /// An upstream has to be asked.
    Later(Box<Later>),
}

/// A query that waits for an upstream.
pub(crate) struct Later {
    message: Vec<u8>,
    came: Came,
    snapshot: Arc<Snapshot>,
    pursuit: Pursuit,
    need: Need,
    permit: Permit,
}

/// What was found out about a query that waited. It counts as pending until it is dropped: drop it once its answer is sent.
pub(crate) struct Finished {
    message: Vec<u8>,
    came: Came,
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
    let came = Came { client: client.ip(), transport, at: now };
    let mut gate = Gate::new(shared, snapshot, came);
    let query = match Query::parse(message) {
        Ok(query) => query,
        Err(error) => return reject(&gate, error, message),
    };
    gate.show(query.asks.as_ref());
    let (qname, gives) = match examine(&gate, &query) {
        Ok(examined) => examined,
        Err(served) => return served,
    };
    let wish = Wish { recursion: query.header.rd, dnssec_ok: query.dnssec_ok(), checking_disabled: query.header.cd };
    let mut pursuit = Pursuit::new(qname, query.qtype, wish);
    pursuit.network = network(client.ip());
    let resolved = match snapshot.resolver.start(&snapshot.zones, &mut pursuit, now) {
        Progress::Done(resolved) => resolved,
        Progress::Need(_) if !gate.may_forward() => {
            return gate.refuse(|| refuse(&query, Rcode::REFUSED, Some(&TOO_MANY), true, gives));
        }
        Progress::Need(need) => match gate.place() {
            Ok(permit) => {
                let (message, snapshot) = (message.to_vec(), Arc::clone(snapshot));
                return Served::Later(Box::new(Later { message, came, snapshot, pursuit, need, permit }));
            }
            Err(failure) => snapshot.resolver.give_up(&snapshot.zones, &mut pursuit, need, failure, now),
        },
    };
    if is_negative(&resolved) {
        match gate.negative() {
            Verdict::Pass => {}
            Verdict::Slip => return Served::Now(response::slip(&query, &gives)),
            Verdict::Withhold => return Served::Nothing,
        }
    }
    let composed = complete(shared, snapshot, &query, &resolved, &came);
    match pursuit.lasting().and_then(|lasting| Repeat::new(&resolved, &composed, lasting)) {
        Some(repeat) => Served::Lasting(composed.bytes, Box::new(repeat)),
        None => Served::Now(composed.bytes),
    }
}

/// The checks between a message that parsed and its resolution: the name to resolve and the options of its answer, or the
/// answer that ends it here.
fn examine<'s>(gate: &Gate<'s>, query: &Query<'_>) -> Result<(Name, Gives<'s>), Served> {
    let (counters, snapshot) = (gate.counters(), gate.snapshot());
    let refuse_with = |rcode, ede, recursion, gives| gate.refuse(|| refuse(query, rcode, ede, recursion, gives));
    if !gate.permits() {
        Counters::add(&counters.refused_access);
        // Strangers learn neither which server this is nor anything that could be sent to others.
        return Err(refuse_with(Rcode::REFUSED, Some(&OUTSIDE), false, Gives::default()));
    }
    if query.edns.as_ref().is_some_and(|edns| edns.version > 0) {
        Counters::add(&counters.not_implemented);
        return Err(refuse_with(Rcode::BADVERS, None, true, Gives::default()));
    }
    let Some(gives) = options::given(snapshot, query, gate.came()) else {
        Counters::add(&counters.malformed);
        return Err(refuse_with(Rcode::FORMERR, None, true, Gives::default()));
    };
    if let Some(tsig) = &query.tsig {
        Counters::add(&counters.not_implemented);
        let limit = response::limit(query, gate.came().transport);
        return Err(gate.refuse(|| tsig.append_bad_key(refuse(query, Rcode::NOTAUTH, None, true, gives), limit)));
    }
    if let Some(resolved) = chaos::answer(&snapshot.settings, query) {
        return Err(gate.refuse(|| complete(gate.shared(), snapshot, query, &resolved, gate.came()).bytes));
    }
    if let Some((rcode, ede)) = not_served(query) {
        Counters::add(&counters.not_implemented);
        return Err(refuse_with(rcode, ede.as_ref(), true, gives));
    }
    if snapshot.resolver.is_probe(query.qname) {
        Counters::add(&counters.loops);
        return Err(refuse_with(Rcode::REFUSED, Some(&LOOP), true, gives));
    }
    let Some(qname) = Name::from_wire(query.qname) else {
        Counters::add(&counters.malformed);
        return Err(refuse_with(Rcode::FORMERR, None, true, gives));
    };
    Ok((qname, gives))
}

/// Whether it has not what was asked for: nothing by that name or of that type, a referral, a failure.
fn is_negative(resolved: &Resolved) -> bool {
    resolved.rcode != Rcode::NOERROR || resolved.answer.is_empty()
}

const TOO_MANY: Ede = Ede::new(Ede::PROHIBITED, "your network asks for too many names that have to be forwarded");

const OUTSIDE: Ede = Ede::new(Ede::PROHIBITED, "your network is not in this server's access list");

const LOOP: Ede = Ede::new(Ede::OTHER, "forwarding loop: this is the server's own probe");

impl Later {
    /// Asks upstream; what comes of it goes to `then` on whatever thread has it.
    pub(crate) fn finish<F>(self, now: Instant, then: F)
    where
        F: FnOnce(Finished, &mut Turn) + Send + 'static,
    {
        let Self { message, came, snapshot, pursuit, need, permit } = self;
        let (resolver, zones) = (Arc::clone(&snapshot.resolver), Arc::clone(&snapshot.zones));
        resolver.finish_then(zones, pursuit, need, now, move |resolved, turn| {
            then(Finished { message, came, snapshot, resolved, _permit: permit }, turn);
        });
    }
}

impl Finished {
    /// The answer.
    pub(crate) fn compose(&self, shared: &Shared) -> Vec<u8> {
        // It parsed before.
        let query = Query::parse(&self.message);
        query
            .map(|query| complete(shared, &self.snapshot, &query, &self.resolved, &self.came).bytes)
            .unwrap_or_default()
    }
}

fn complete(shared: &Shared, snapshot: &Snapshot, query: &Query<'_>, resolved: &Resolved, came: &Came) -> Composed {
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
    let gives = options::given(snapshot, query, came).unwrap_or_default();
    let composed = response::compose(query, resolved, came.transport, gives);
    if composed.truncated {
        Counters::add(&counters.truncated);
    }
    composed
}

/// What could not be read as a query. Strangers hear nothing more than a bare header.
fn reject(gate: &Gate<'_>, error: QueryError, message: &[u8]) -> Served {
    let counters = gate.counters();
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
            if let Some(answer) = cookie_alone(gate.snapshot(), message, gate.came()) {
                return gate.refuse(|| answer);
            }
            Counters::add(&counters.malformed);
            (header, Rcode::FORMERR)
        }
    };
    gate.refuse(|| match rcode {
        _ if !gate.permits() => response::header_only(header, Rcode::REFUSED),
        Rcode::NOTIMP => response::not_implemented(header, message),
        rcode => response::header_only(header, rcode),
    })
}

/// The answer to who asks for a cookie, or whether one is good, and nothing else (RFC 7873 section 5.4).
fn cookie_alone(snapshot: &Snapshot, message: &[u8], came: &Came) -> Option<Vec<u8>> {
    let query = CookieQuery::parse(message).filter(|query| query.edns.version == 0)?;
    let gives = options::answer(snapshot, &query.asks, came).filter(|gives| gives.cookie.is_some())?;
    if !snapshot.access.permits(came.client) {
        return None;
    }
    let rcode = match snapshot.cookies.verdict(&query.asks, came.client, came.at) {
        CookieVerdict::Bad => Rcode::BADCOOKIE,
        CookieVerdict::Absent | CookieVerdict::Renew | CookieVerdict::Good => Rcode::NOERROR,
    };
    Some(response::cookie_only(&query, rcode, &gives))
}

fn refuse(query: &Query<'_>, rcode: Rcode, ede: Option<&Ede>, recursion: bool, gives: Gives<'_>) -> Vec<u8> {
    response::refuse(query, rcode, recursion, &Gives { ede, ..gives })
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
    pub trace: Vec<(Name, Part)>,
}

/// Resolves one question as a client's query would be.
pub async fn query(snapshot: &Snapshot, qname: Name, qtype: Rtype) -> Answered {
    let mut pursuit = Pursuit::new(qname, qtype, Wish { recursion: true, dnssec_ok: false, checking_disabled: false });
    pursuit.trace = Some(Vec::new());
    let resolved = match snapshot.resolver.start(&snapshot.zones, &mut pursuit, Instant::now()) {
        Progress::Done(resolved) => resolved,
        Progress::Need(need) => snapshot.resolver.finish(&snapshot.zones, &mut pursuit, need).await,
    };
    Answered { resolved, trace: pursuit.trace.unwrap_or_default() }
}
