//! Scrubbing: the choice of the records of a reply that are kept. It is pure.
//!
//! In: a parsed message and the question. Out: the CNAME chain from the question in order, the RRset at its end, and
//! for a negative response the SOA; with DO also their signatures and proofs. Never: any other record. Forged answers
//! for other names, NS, glue, and a DNAME that no link of the chain follows from are dropped here, so that they reach
//! neither a client nor the cache (CVE-2025-40778, CVE-2025-11411).

use std::collections::HashSet;

use crate::dns::{Message, Name, Rcode, Record, Rtype};
use crate::forward::question::{Chain, Question};

/// The largest number of CNAME links followed; BIND and Unbound stop at 11 and more, Azure's own chains have under ten.
pub const MAX_LINKS: usize = 16;

/// The kept part of a reply.
#[derive(Debug, PartialEq, Eq)]
pub struct Scrubbed {
    /// The chain, then the RRset asked for; the links up to the break if the chain is broken.
    pub answer: Vec<Record>,
    /// SOA and proofs.
    pub authority: Vec<Record>,
    /// The end of the chain.
    pub chain: Chain,
    /// Whether the name at its end has records, none of them of the type asked for.
    has_other_types: bool,
    /// Whether a record that would have been kept is malformed. The answer ends before the RRsets of its owner.
    pub malformed: bool,
}

/// Keeps the records that were asked for.
pub fn scrub(message: &Message, question: &Question) -> Scrubbed {
    let mut walk = Walk { records: &message.answer, question, kept: Vec::with_capacity(message.answer.len()) };
    let followed = walk.follow();
    let mut answer = walk.kept;
    level_ttls(&mut answer);
    if let Some(bad) = answer.iter().find(|record| record.is_malformed()).map(|bad| bad.owner.clone()) {
        let cut = answer.iter().position(|record| record.owner == bad).unwrap_or_default();
        answer.truncate(cut);
        let (authority, chain) = (Vec::new(), Chain::Whole);
        return Scrubbed { answer, authority, chain, has_other_types: false, malformed: true };
    }
    match followed {
        Ok((end, found)) => {
            let mut authority = authority(message, question, &end, found);
            level_ttls(&mut authority);
            let malformed = authority.iter().any(Record::is_malformed);
            if malformed {
                authority.clear();
            }
            let has_other_types = !found && message.answer.iter().any(|record| record.owner == end);
            Scrubbed { answer, authority, chain: Chain::Whole, has_other_types, malformed }
        }
        // The links before the break may still lead into a zone of ours.
        Err(broken) => {
            Scrubbed { answer, authority: Vec::new(), chain: broken, has_other_types: false, malformed: false }
        }
    }
}

/// Whether a reply is no answer, whatever its RCODE: a record that follows from the question is malformed. Or it has no
/// error and answers nothing: it has records but none at the name asked for, or it names other servers, as a server
/// without recursion does. Reading it as NODATA would deny a name that may well exist. Records of another type at the
/// name itself show that it exists, and are NODATA.
pub fn evades(message: &Message, kept: &Scrubbed) -> bool {
    if kept.malformed {
        return true;
    }
    let is_referral = message.names_servers && message.authority.iter().all(|record| record.rtype != Rtype::SOA);
    message.rcode == Rcode::NOERROR
        && kept.chain == Chain::Whole
        && kept.answer.is_empty()
        && !kept.has_other_types
        && (!message.answer.is_empty() || is_referral)
}

struct Walk<'a> {
    records: &'a [Record],
    question: &'a Question,
    kept: Vec<Record>,
}

impl Walk<'_> {
    /// The name at the end of the chain and whether the RRset asked for is there.
    fn follow(&mut self) -> Result<(Name, bool), Chain> {
        let mut at = self.question.name.clone();
        let mut seen = Vec::new();
        // An alias has no other data (RFC 1034 section 3.6.2); where a server sends some, the alias is followed.
        let is_alias_asked = matches!(self.question.rtype, Rtype::CNAME | Rtype::ANY | Rtype::RRSIG | Rtype::NSEC);
        loop {
            if is_alias_asked && self.keep_final(&at) {
                return Ok((at, true));
            }
            let cname = self.cname(&at);
            if cname.is_none() && self.keep_final(&at) {
                return Ok((at, true));
            }
            let Some((link, target)) = cname.or_else(|| self.cname_by_dname(&at)) else {
                return Ok((at, false));
            };
            if target == at || seen.contains(&target) {
                return Err(Chain::Loop);
            }
            if seen.len() >= MAX_LINKS {
                return Err(Chain::TooLong);
            }
            self.keep_dname(&at, &target);
            self.kept.push(link);
            if matches!(self.question.rtype, Rtype::CNAME | Rtype::ANY) {
                return Ok((at, true));
            }
            self.keep_signatures(&at, Rtype::CNAME);
            seen.push(std::mem::replace(&mut at, target));
        }
    }

    /// Keeps the RRset asked for if it is at `owner`.
    fn keep_final(&mut self, owner: &Name) -> bool {
        let (asked, dnssec_ok) = (self.question.rtype, self.question.dnssec_ok);
        let wanted = |record: &&Record| {
            record.owner == *owner
                && (record.rtype == asked || (asked == Rtype::ANY && (dnssec_ok || record.rtype != Rtype::RRSIG)))
        };
        let mut records = self.records.iter().filter(wanted);
        let first = records.next();
        if let Some(first) = first {
            self.kept.push(first.clone());
            // The set allocates with its first entry: most RRsets have one record.
            let mut seen = HashSet::new();
            let same = |r: &&Record| (r.rtype, &r.rdata) == (first.rtype, &first.rdata);
            self.kept.extend(records.filter(|r| !same(r) && seen.insert((r.rtype, &r.rdata))).cloned());
        }
        let found = first.is_some();
        if found && asked != Rtype::ANY && asked != Rtype::RRSIG {
            self.keep_signatures(owner, asked);
        }
        found
    }

    /// The CNAME at `owner` and its target. A second CNAME there breaks the rules and is ignored.
    fn cname(&mut self, owner: &Name) -> Option<(Record, Name)> {
        let link = self.records.iter().find(|r| r.rtype == Rtype::CNAME && r.owner == *owner)?;
        let target = link.cname_target();
        if target.is_none() {
            // A malformed link is kept, so that the reply counts as malformed.
            self.kept.push(link.clone());
        }
        Some((link.clone(), target?))
    }

    /// The CNAME that follows from the closest DNAME above `owner` (RFC 6672 section 3.1): some servers leave that step
    /// to the one who asks.
    fn cname_by_dname(&mut self, owner: &Name) -> Option<(Record, Name)> {
        let above = |record: &&Record| {
            record.rtype == Rtype::DNAME && record.owner != *owner && owner.is_at_or_below(&record.owner)
        };
        let dname = self.records.iter().filter(above).max_by_key(|dname| dname.owner.as_wire().len())?;
        let Some(target) = substituted(owner, &dname.owner, &dname.rdata) else {
            // The name would be too long, which the DNAME shows (RFC 6672 section 2.2), or the DNAME is malformed.
            if !self.kept.contains(dname) {
                self.kept.push(dname.clone());
            }
            return None;
        };
        let rdata = target.as_wire().into();
        Some((Record { owner: owner.clone(), rtype: Rtype::CNAME, ttl: dname.ttl, rdata }, target))
    }

    /// Keeps the DNAME that the link from `owner` to `target` follows from, if there is one: it lies above `owner`, and
    /// puts `target` in its place (RFC 6672 section 2.2).
    fn keep_dname(&mut self, owner: &Name, target: &Name) {
        let makes_link = |record: &&Record| {
            record.rtype == Rtype::DNAME
                && record.owner != *owner
                && owner.is_at_or_below(&record.owner)
                && substituted(owner, &record.owner, &record.rdata).as_ref() == Some(target)
        };
        let Some(dname) = self.records.iter().find(makes_link) else {
            return;
        };
        if !self.kept.contains(dname) {
            self.kept.push(dname.clone());
            self.keep_signatures(&dname.owner, Rtype::DNAME);
        }
    }

    /// Keeps the signatures over an RRset, if they were asked for.
    fn keep_signatures(&mut self, owner: &Name, covered: Rtype) {
        if !self.question.dnssec_ok {
            return;
        }
        let mut seen = HashSet::new();
        let signatures = self.records.iter().filter(|r| r.owner == *owner && r.covered_type() == Some(covered));
        self.kept.extend(signatures.filter(|r| seen.insert(&r.rdata)).cloned());
    }
}

/// `owner` with the labels `from` at its end replaced by `to`.
fn substituted(owner: &Name, from: &Name, to: &[u8]) -> Option<Name> {
    let keep = owner.as_wire().len().checked_sub(from.as_wire().len())?;
    Name::from_wire(&[&owner.as_wire()[..keep], to].concat())
}

/// The authority section: the SOA of a negative response and, with DO, the proofs.
fn authority(message: &Message, question: &Question, end: &Name, found: bool) -> Vec<Record> {
    let mut kept = Vec::new();
    if message.rcode != Rcode::NOERROR && message.rcode != Rcode::NXDOMAIN {
        return kept;
    }
    let soa = message.authority.iter().find(|r| r.rtype == Rtype::SOA && end.is_at_or_below(&r.owner));
    if let (Some(soa), false) = (soa, found) {
        kept.push(soa.clone());
    }
    if question.dnssec_ok {
        // An expanded wildcard has a proof but not an SOA: its proofs lie beside the name.
        let apex = if found { None } else { soa.map(|soa| &soa.owner) };
        keep_proofs(&mut kept, &message.authority, apex, found);
    }
    kept
}

/// Keeps NSEC, NSEC3 and signatures: of the zone with the SOA `apex`, or of a signed positive response.
fn keep_proofs(kept: &mut Vec<Record>, records: &[Record], apex: Option<&Name>, found: bool) {
    let in_zone = |owner: &Name| apex.map_or(found, |apex| owner.is_at_or_below(apex));
    let proof = |rtype: Rtype| matches!(rtype, Rtype::NSEC | Rtype::NSEC3);
    let mut seen = HashSet::new();
    for record in records.iter().filter(|r| in_zone(&r.owner)) {
        let wanted = match record.covered_type() {
            Some(Rtype::SOA) => apex == Some(&record.owner),
            Some(covered) => proof(covered),
            None => proof(record.rtype),
        };
        if wanted && seen.insert((&record.owner, record.rtype, &record.rdata)) {
            kept.push(record.clone());
        }
    }
}

/// Gives the records of each RRset the smallest TTL among them (RFC 2181 section 5.2).
fn level_ttls(records: &mut [Record]) {
    // Records of one RRset stand together, whichever step added them.
    for run in records.chunk_by_mut(|a, b| a.rtype == b.rtype && a.owner == b.owner) {
        let smallest = run.iter().map(|r| r.ttl).min().unwrap_or_default();
        for record in run {
            record.ttl = smallest;
        }
    }
}

#[cfg(test)]
#[path = "scrub/tests.rs"]
mod tests;
