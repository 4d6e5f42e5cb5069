//! The fast path: answers from memory put together in place, without allocation and without a lock.
//!
//! In: a message, a snapshot, and earlier answers of the full path. Out: the answer's bytes behind those that are in
//! the buffer already, or nothing: then the message takes the full path. Never: a rule of its own. Each answer has the
//! bytes that the full path would have sent (`fast/tests.rs` checks this), and an unusual message is left to the full
//! path.

mod answer_cache;

use std::net::IpAddr;
use std::sync::Arc;

use crate::dns::{Name, NameBuffer, Query, Rcode, Rtype, UDP_PAYLOAD, Writer};
use crate::server::context::RequestContext;
use crate::server::counters::{Disposition, Reason, Response};
use crate::server::misses::Misses;
use crate::server::query::options::{self, ReplyOptions};
use crate::server::query::{Cacheable, is_plain, response};
use crate::server::snapshot::Snapshot;
use crate::server::views::ViewIndex;
use crate::zone::{Hosted, OnMiss, Outcome, RRsetRef, Zone};
pub(crate) use answer_cache::AnswerCache;
use answer_cache::CacheKey;

/// Answers the messages of one batch from one snapshot.
pub(crate) struct FastPath<'a> {
    snapshot: &'a Arc<Snapshot>,
    misses: &'a Misses,
    answers: &'a mut AnswerCache,
    /// The last client found to be exempt from rate limits: most batches come from one.
    unlimited: Option<IpAddr>,
    /// Whether a hosted zone lacks the name of the last answer.
    missed: Missed,
}

/// The name that a hosted zone lacks, if any.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missed {
    No,
    /// The QNAME.
    Own,
    /// The one that the cached answer's chain ends at.
    Cached,
}

/// A query, and the parts of its answer that do not depend on the records.
struct PlainQuery<'a> {
    query: &'a Query<'a>,
    /// Space for the header, then the question as it arrived.
    question: &'a [u8],
    options: ReplyOptions,
}

/// Octets of a record before its RDATA, with a pointer for its owner.
const RECORD_HEAD: usize = 12;

impl PlainQuery<'_> {
    /// Octets of the OPT record of the answer.
    fn opt_len(&self) -> usize {
        if self.query.edns.is_some() { self.options.with(None).opt_len() } else { 0 }
    }
}

impl<'a> FastPath<'a> {
    /// A fast path for one batch that is answered at this time.
    pub(crate) fn new(
        snapshot: &'a Arc<Snapshot>,
        misses: &'a Misses,
        answers: &'a mut AnswerCache,
        now: std::time::Instant,
    ) -> Self {
        answers.follow(snapshot, now);
        Self { snapshot, misses, answers, unlimited: None, missed: Missed::No }
    }

    /// Appends the answer to `out`, and returns the QTYPE; `None`, and `out` as it was, if the message has to take the
    /// full path.
    pub(crate) fn answer(
        &mut self,
        message: &[u8],
        context: &RequestContext,
        out: &mut Vec<u8>,
    ) -> Option<(Rtype, Disposition)> {
        self.missed = Missed::No;
        let query = Query::parse(message).ok().filter(is_plain)?;
        if context.client.port() == 0 || !self.is_unlimited(context.ip()) {
            return None;
        }
        let start = out.len();
        let qname = NameBuffer::new(query.qname)?;
        let question = message.get(..12 + query.qname.len() + 4)?;
        let limit = context.transport.max_answer(&query);
        let (_, options) = options::examine(self.snapshot, &query, context)?;
        let ask = PlainQuery { query: &query, question, options };
        if let Some(hosted) = self.snapshot.view(context.view).zones.zone_for(qname.name(), query.qtype) {
            let answered = local(hosted, &ask, &qname, limit, out);
            if let Some(response) = answered
                && out.len() - start <= limit
            {
                if response == Response::Answered(Rcode::NXDOMAIN) {
                    self.misses.note(hosted, qname.name());
                    self.missed = Missed::Own;
                }
                return Some((query.qtype, response.to(Reason::Zone)));
            }
            out.truncate(start);
        }
        Some((query.qtype, self.cached(&ask, &qname, context.view, limit, out)?))
    }

    /// Whether a hosted zone lacks the name that the last answer was about.
    pub(crate) fn missed(&self) -> bool {
        self.missed != Missed::No
    }

    /// That name; `message` is the one that was answered in this view.
    pub(crate) fn missed_name(&self, message: &[u8], view: ViewIndex) -> Option<Name> {
        let query = Query::parse(message).ok()?;
        match self.missed {
            Missed::No => None,
            Missed::Own => Name::from_wire(query.qname),
            Missed::Cached => {
                let qname = NameBuffer::new(query.qname)?;
                let cached = self.answers.find(&CacheKey::new(&query, qname.name(), view))?;
                Name::from_wire(cached.missed()?.as_wire())
            }
        }
    }

    /// Stores the full path's answer to a message of this view for later ones.
    pub(crate) fn store(&mut self, message: &[u8], view: ViewIndex, answer: &[u8], cacheable: &Cacheable) {
        if let Ok(query) = Query::parse(message)
            && let Some(qname) = NameBuffer::new(query.qname)
        {
            self.answers.store(&CacheKey::new(&query, qname.name(), view), answer, cacheable);
        }
    }

    /// An earlier answer of the full path.
    fn cached(
        &mut self,
        ask: &PlainQuery<'_>,
        qname: &NameBuffer,
        view: ViewIndex,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Option<Disposition> {
        let PlainQuery { query, question, .. } = ask;
        let cached = self.answers.find(&CacheKey::new(query, qname.name(), view))?;
        let start = out.len();
        if question.len() + cached.len() + ask.opt_len() > limit {
            return None;
        }
        let bits = cached.bits();
        head(question, response::untruncated_flags(query, bits.rcode, bits.authoritative, bits.authentic), out);
        cached.append(out);
        [out[start + 7], out[start + 9]] = cached.counts();
        opt(ask, start, out);
        if let Some(missed) = cached.missed()
            && let Some(hosted) = self.snapshot.view(view).zones.find(missed)
        {
            self.misses.note(hosted, missed);
            self.missed = Missed::Cached;
        }
        let reason = if bits.rechased { Reason::Rechased } else { Reason::Cache };
        Some(Response::Answered(bits.rcode).to(reason))
    }

    fn is_unlimited(&mut self, client: IpAddr) -> bool {
        if self.unlimited == Some(client) {
            return true;
        }
        let is_unlimited = self.snapshot.access.is_unlimited(client);
        if is_unlimited {
            self.unlimited = Some(client);
        }
        is_unlimited
    }
}

/// The answer of one of our zones, in at most `limit` octets if it is positive.
fn local(
    hosted: &Hosted,
    ask: &PlainQuery<'_>,
    qname: &NameBuffer,
    limit: usize,
    out: &mut Vec<u8>,
) -> Option<Response> {
    let zone = hosted.zone.as_deref()?;
    match zone.lookup(qname.name(), ask.query.qtype) {
        Outcome::Answer(rrset) if !Writer::compresses(rrset.rtype()) => positive(&rrset, ask, limit, out),
        Outcome::NoData => negative(zone, Rcode::NOERROR, ask, qname, out),
        Outcome::NxDomain if hosted.on_miss == OnMiss::NxDomain => negative(zone, Rcode::NXDOMAIN, ask, qname, out),
        _ => None,
    }
}

/// The records of an RRset, or TC without any: its length is known before they are written.
fn positive(rrset: &RRsetRef<'_>, ask: &PlainQuery<'_>, limit: usize, out: &mut Vec<u8>) -> Option<Response> {
    let start = out.len();
    let flags = response::untruncated_flags(ask.query, Rcode::NOERROR, true, false);
    let records = usize::from(rrset.count()) * RECORD_HEAD + rrset.rdata_len();
    if ask.question.len() + records + ask.opt_len() > limit {
        head(ask.question, response::truncated(flags), out);
        opt(ask, start, out);
        return Some(Response::Truncated(Rcode::NOERROR));
    }
    head(ask.question, flags, out);
    // The owner is the QNAME, which starts at offset 12.
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
    Some(Response::Answered(Rcode::NOERROR))
}

fn negative(
    zone: &Zone,
    rcode: Rcode,
    ask: &PlainQuery<'_>,
    qname: &NameBuffer,
    out: &mut Vec<u8>,
) -> Option<Response> {
    let start = out.len();
    head(ask.question, response::untruncated_flags(ask.query, rcode, true, false), out);
    if !zone.negative()?.append(qname.name(), out) {
        return None;
    }
    out[start + 9] = 1;
    opt(ask, start, out);
    Some(Response::Answered(rcode))
}

/// The header of an answer without records yet, and the question as it arrived.
fn head(question: &[u8], flags: [u8; 2], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(question);
    out[start + 2..start + 4].copy_from_slice(&flags);
    out[start + 6..start + 12].fill(0);
}

fn opt(ask: &PlainQuery<'_>, start: usize, out: &mut Vec<u8>) {
    if ask.query.edns.is_some() {
        ask.options.with(None).append_opt(UDP_PAYLOAD, (0, ask.query.dnssec_ok()), start, out);
        out[start + 11] = 1;
    }
}

#[cfg(test)]
mod tests;
