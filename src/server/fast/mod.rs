//! The hot path: answers from memory put together in place, without allocation and without a lock.
//!
//! In: a message, a snapshot, and what the ordinary road answered before. Out: the answer's bytes behind those that are in the buffer already, or nothing: then
//! the message goes the ordinary road. Never: a rule of its own. Whatever it answers, the ordinary road would have
//! answered with the same bytes (`fast/tests.rs` holds it to that); what is unusual in any way it leaves alone.

pub(crate) mod answer_cache;
pub mod harness;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use crate::dns::{Class, Query, Rcode, ResponseOptions, Rtype, Writer};
use crate::server::Misses;
use crate::server::query::options::{self, RequestContext};
use crate::server::query::response::{self, PAYLOAD, Transport};
use crate::server::{Counters, Snapshot};
use crate::zone::{Hosted, OnMiss, Outcome, RRsetRef, Zone};
use answer_cache::{AnswerCache, CacheKey, Cacheable};

/// Names over this are left to the ordinary road.
const LONGEST_NAME: usize = 128;

/// The first label of a probe of ours has this length; a name that might be one is left to the ordinary road.
const PROBE_LABEL: u8 = 32;

/// Answers the messages of one batch from one snapshot.
pub(crate) struct FastPath<'a> {
    snapshot: &'a Arc<Snapshot>,
    misses: &'a Misses,
    answers: &'a mut AnswerCache,
    now: Instant,
    /// Whom admission let pass last, as one whom nothing limits.
    passed: Option<IpAddr>,
    tally: Tally,
}

/// What a batch adds to the counters.
#[derive(Default)]
struct Tally {
    local: u64,
    forwarded: u64,
    rechased: u64,
}

/// A query and what its answer has whatever it says.
struct Ask<'a> {
    query: &'a Query<'a>,
    /// The header's place and the question, as they came.
    question: &'a [u8],
    options: ResponseOptions<'a>,
}

/// A name in lower case.
struct Lower {
    octets: [u8; LONGEST_NAME],
    len: usize,
}

impl<'a> FastPath<'a> {
    /// For one batch.
    pub(crate) fn new(
        snapshot: &'a Arc<Snapshot>,
        misses: &'a Misses,
        answers: &'a mut AnswerCache,
        now: Instant,
    ) -> Self {
        answers.follow(snapshot, now);
        Self { snapshot, misses, answers, now, passed: None, tally: Tally::default() }
    }

    /// Appends the answer to `out`; `None`, and `out` as it was, if the message has to go the ordinary road.
    pub(crate) fn answer(
        &mut self,
        message: &[u8],
        client: SocketAddr,
        transport: Transport,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        let query = Query::parse(message).ok().filter(is_usual)?;
        if client.port() == 0 || !self.admits(client.ip()) {
            return None;
        }
        let start = out.len();
        let qname = Lower::new(query.qname)?;
        let question = message.get(..12 + query.qname.len() + 4)?;
        let limit = response::limit(&query, transport);
        let context = RequestContext { client: client.ip(), transport, at: self.now };
        let options = options::response_options(self.snapshot, &query, &context)?;
        let ask = Ask { query: &query, question, options };
        if let Some(hosted) = self.snapshot.zones.answering(qname.cached(), query.qtype) {
            let answered = local(hosted, &ask, &qname, out);
            if answered.is_some() && out.len() - start <= limit {
                self.tally.local += 1;
                if answered == Some(Rcode::NXDOMAIN) {
                    self.misses.note(hosted, qname.cached());
                }
                return Some(());
            }
            out.truncate(start);
        }
        self.kept(&ask, &qname, limit, out)
    }

    /// Keeps the ordinary road's answer to a message, to give it again.
    pub(crate) fn keep(&mut self, message: &[u8], answer: &[u8], cacheable: &Cacheable) {
        if let Ok(query) = Query::parse(message)
            && let Some(qname) = Lower::new(query.qname)
        {
            self.answers.keep(&CacheKey::new(&query, qname.cached()), answer, cacheable);
        }
    }

    /// Adds what the batch did to the counters.
    pub(crate) fn count(self, counters: &Counters) {
        if self.tally.local > 0 {
            counters.local.fetch_add(self.tally.local, Relaxed);
        }
        if self.tally.forwarded > 0 {
            counters.forwarded.fetch_add(self.tally.forwarded, Relaxed);
            counters.rechased.fetch_add(self.tally.rechased, Relaxed);
        }
    }

    /// What the ordinary road answered before.
    fn kept(&mut self, ask: &Ask<'_>, qname: &Lower, limit: usize, out: &mut Vec<u8>) -> Option<()> {
        let Ask { query, question, options } = ask;
        let cached = self.answers.find(&CacheKey::new(query, qname.cached()))?;
        let start = out.len();
        let opt_len = if query.edns.is_some() { options.opt_len() } else { 0 };
        if question.len() + cached.len() + opt_len > limit {
            return None;
        }
        let bits = cached.bits();
        head(question, response::untruncated_flags(query, bits.rcode, bits.authoritative, bits.authentic), out);
        cached.append(out);
        [out[start + 7], out[start + 9]] = cached.counts();
        opt(ask, start, out);
        if let Some(missed) = cached.missed()
            && let Some(hosted) = self.snapshot.zones.find(missed)
        {
            self.misses.note(hosted, missed);
        }
        self.tally.forwarded += 1;
        self.tally.rechased += u64::from(bits.rechased);
        Some(())
    }

    fn admits(&mut self, client: IpAddr) -> bool {
        if self.passed == Some(client) {
            return true;
        }
        let permitted = self.snapshot.access.is_unlimited(client);
        if permitted {
            self.passed = Some(client);
        }
        permitted
    }
}

impl Lower {
    fn new(qname: &[u8]) -> Option<Self> {
        let mut octets = [0; LONGEST_NAME];
        let len = qname.len();
        octets.get_mut(..len)?.copy_from_slice(qname);
        octets[..len].make_ascii_lowercase();
        Some(Self { octets, len })
    }

    fn cached(&self) -> &[u8] {
        &self.octets[..self.len]
    }
}

/// Whether a query is of the kind that nearly all are.
fn is_usual(query: &Query<'_>) -> bool {
    query.qclass == Class::IN
        && (!query.qtype.is_meta() || query.qtype == Rtype::ANY)
        && query.qtype != Rtype(0)
        && query.qname.len() > 1
        && query.qname[0] != PROBE_LABEL
        && query.edns.as_ref().is_none_or(|edns| edns.version == 0)
        && query.tsig.is_none()
}

/// The answer of one of our zones, and its RCODE.
fn local(hosted: &Hosted, ask: &Ask<'_>, qname: &Lower, out: &mut Vec<u8>) -> Option<Rcode> {
    let zone = hosted.zone.as_deref()?;
    match zone.lookup(qname.cached(), ask.query.qtype) {
        Outcome::Answer(rrset) if !Writer::compresses(rrset.rtype()) => positive(&rrset, ask, out),
        Outcome::NoData => negative(zone, Rcode::NOERROR, ask, qname, out),
        Outcome::NxDomain if hosted.on_miss == OnMiss::NxDomain => negative(zone, Rcode::NXDOMAIN, ask, qname, out),
        _ => None,
    }
}

fn positive(rrset: &RRsetRef<'_>, ask: &Ask<'_>, out: &mut Vec<u8>) -> Option<Rcode> {
    let start = out.len();
    head(ask.question, response::untruncated_flags(ask.query, Rcode::NOERROR, true, false), out);
    // The owner is the QNAME, and that starts at offset 12.
    let mut fixed = [0xc0, 0x0c, 0, 0, 0, 1, 0, 0, 0, 0];
    fixed[2..4].copy_from_slice(&rrset.rtype().0.to_be_bytes());
    fixed[6..].copy_from_slice(&rrset.ttl().to_be_bytes());
    let mut count = 0_u16;
    for rdata in rrset.rdatas() {
        out.extend_from_slice(&fixed);
        out.extend_from_slice(&u16::try_from(rdata.len()).ok()?.to_be_bytes());
        out.extend_from_slice(rdata);
        count = count.checked_add(1)?;
    }
    out[start + 6..start + 8].copy_from_slice(&count.to_be_bytes());
    opt(ask, start, out);
    Some(Rcode::NOERROR)
}

fn negative(zone: &Zone, rcode: Rcode, ask: &Ask<'_>, qname: &Lower, out: &mut Vec<u8>) -> Option<Rcode> {
    let start = out.len();
    head(ask.question, response::untruncated_flags(ask.query, rcode, true, false), out);
    if !zone.negative()?.append(qname.cached(), out) {
        return None;
    }
    out[start + 9] = 1;
    opt(ask, start, out);
    Some(rcode)
}

/// The header of an answer without records yet, and the question as it came.
fn head(question: &[u8], flags: [u8; 2], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(question);
    out[start + 2..start + 4].copy_from_slice(&flags);
    out[start + 6..start + 12].fill(0);
}

fn opt(ask: &Ask<'_>, start: usize, out: &mut Vec<u8>) {
    if ask.query.edns.is_some() {
        ask.options.append_opt(PAYLOAD, 0, ask.query.dnssec_ok(), out);
        out[start + 11] = 1;
    }
}

#[cfg(test)]
mod tests;
