//! The re-chase: one question followed through our zones and upstream answers, whichever way its CNAMEs lead.
//!
//! In: a question, the zones, and one upstream reply after another. Out: the next name to ask upstream, or the
//! resolved answer. Pure: it never asks itself, knows no cache, socket or clock.
//!
//! ```text
//!    name in a hosted zone? --yes--> zone: answer | NODATA | NXDOMAIN --------------> Done
//!          |  ^                        | CNAME: next name   | miss, on_miss = forward
//!          no '------------------------'                    v
//!          '-----------------------------------------> Ask(name) --reply--> walk its CNAMEs in order;
//!                                                        ^                  the first target that a zone
//!                                                        '--- open end ---- has cuts the rest off
//! ```

use std::net::SocketAddr;

use crate::dns::{Ede, Name, Rcode, Record, Rtype};
use crate::zone::{Hosted, OnMiss, Outcome, Zone, ZoneSet};

use crate::forward::question::{Chain, Reply};

/// Links in a chain at most. BIND and Unbound stop at 11.
pub const MAX_LINKS: usize = 16;

/// Upstream questions for one answer at most: a bound on what one query can set off.
const MAX_ASKS: u8 = 8;

const CNAME_LOOP: Ede = Ede::new(Ede::OTHER, "CNAME loop");
const CHAIN_TOO_LONG: Ede = Ede::new(Ede::OTHER, "more than 16 CNAMEs in a row");

/// A question on its way.
#[derive(Clone, Debug)]
pub struct Chase {
    qtype: Rtype,
    /// The name to look at next.
    name: Name,
    /// The names left behind, for the loop check.
    behind: Vec<Name>,
    answer: Vec<Record>,
    from_upstream: RecordBits,
    asks: u8,
    /// Whether every reply so far was validated.
    authentic: bool,
    /// What was used so far; it decides AA, AD and how long the answer may be kept.
    origin: Origin,
}

/// Where the parts of an answer came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The zone that the QNAME itself is in, if it answered.
    pub local_start: bool,
    /// The apex of the last hosted zone that answered or that the chain met.
    pub zone: Option<Name>,
    /// Whether an upstream reply is part of it.
    pub forwarded: bool,
    /// The name that a hosted zone lacks, whatever came of it.
    pub missed: Option<Name>,
    /// Where the last part came from that no hosted zone gave.
    pub provenance: Option<Provenance>,
    /// Whether no answer could be had.
    pub failed: bool,
}

/// Where a part of an answer came from, if not from a hosted zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// The cache.
    Cache,
    /// The cache, past its time.
    Stale,
    /// This upstream, just now.
    Upstream(SocketAddr),
    /// Our own CNAME for a public name.
    SynthesizedCname,
    /// This server itself: a special name.
    Special,
}

/// What to do next.
#[derive(Debug)]
pub enum Step {
    /// The answer is complete.
    Done(Resolved),
    /// Ask upstream about this name, then call [`Chase::follow_reply`].
    Ask(Name),
}

/// A complete answer, before the transport has its say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The RCODE of the last step (RFC 6604).
    pub rcode: Rcode,
    /// The answer section.
    pub answer: Vec<Record>,
    /// The authority section.
    pub authority: Vec<Record>,
    /// Glue of a referral.
    pub additional: Vec<Record>,
    /// AA: the QNAME itself is in a zone of ours.
    pub authoritative: bool,
    /// AD: all of it came from an upstream that validated it.
    pub authentic: bool,
    /// Why the answer is what it is.
    pub ede: Option<Ede>,
    /// Where its parts came from.
    pub origin: Origin,
    /// Which records of answer and authority, in one row, came from an upstream.
    pub from_upstream: RecordBits,
}

/// A set of places in a row of records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordBits(u64);

impl Chase {
    /// A question at its start.
    pub fn new(qname: Name, qtype: Rtype) -> Self {
        let origin = Origin::default();
        Self {
            qtype,
            name: qname,
            behind: Vec::new(),
            answer: Vec::new(),
            from_upstream: RecordBits::default(),
            asks: 0,
            authentic: true,
            origin,
        }
    }

    /// Follows the name through our zones as far as they lead.
    pub fn follow(&mut self, zones: &ZoneSet) -> Step {
        loop {
            let Some(hosted) = zones.zone_for(self.name.canonical(), self.qtype) else {
                return self.ask();
            };
            let Some(zone) = hosted.zone.as_deref() else {
                return Step::Done(
                    self.fail(Ede::new(Ede::NOT_READY, "no good copy of this zone has been loaded yet")),
                );
            };
            let first = self.behind.is_empty();
            match zone.lookup(self.name.canonical(), self.qtype) {
                Outcome::NxDomain if hosted.on_miss == OnMiss::Forward => {
                    self.origin.missed = Some(self.name.clone());
                    return self.ask();
                }
                outcome => {
                    self.origin.zone = Some(hosted.apex.clone());
                    self.origin.local_start |= first;
                    if let Some(resolved) = self.follow_outcome(zone, &outcome) {
                        return Step::Done(resolved);
                    }
                }
            }
        }
    }

    /// Takes the outcome of a zone; `None` if it was an alias to follow.
    fn follow_outcome(&mut self, zone: &Zone, outcome: &Outcome<'_>) -> Option<Resolved> {
        match outcome {
            Outcome::Answer(rrset) => {
                self.answer.extend(rrset.records(&self.name));
                Some(self.resolved(Rcode::NOERROR))
            }
            Outcome::Cname(rrset) => {
                let alias: Vec<Record> = rrset.records(&self.name).collect();
                self.follow_cname(&alias).err().map(|ede| self.fail(ede))
            }
            Outcome::Dname { dname, alias } => {
                // A chain may lead through one DNAME more than once.
                if !self.answer.contains(dname) {
                    self.answer.push(dname.clone());
                }
                match alias {
                    // As NSD, Knot and BIND have it: the alias is what was asked for.
                    Some(alias) if self.qtype == Rtype::CNAME => {
                        self.answer.push(alias.clone());
                        Some(self.resolved(Rcode::NOERROR))
                    }
                    Some(alias) => self.follow_cname(std::slice::from_ref(alias)).err().map(|ede| self.fail(ede)),
                    None => Some(self.resolved(Rcode::YXDOMAIN)),
                }
            }
            Outcome::NoData => {
                Some(Resolved { authority: Vec::from_iter(zone.negative_soa()), ..self.resolved(Rcode::NOERROR) })
            }
            Outcome::NxDomain => {
                self.origin.missed = Some(self.name.clone());
                Some(Resolved { authority: Vec::from_iter(zone.negative_soa()), ..self.resolved(Rcode::NXDOMAIN) })
            }
            Outcome::Referral { cut, name_servers } => Some(Resolved {
                authority: name_servers.records(cut).collect(),
                additional: zone.glue(name_servers),
                authoritative: self.origin.local_start && !self.answer.is_empty(),
                ..self.resolved(Rcode::NOERROR)
            }),
        }
    }

    /// Takes the answer for the name that [`Step::Ask`] named from a zone that is not hosted: one of the special names.
    pub fn answer_from(&mut self, zone: &Zone) -> Step {
        self.origin.local_start |= self.behind.is_empty();
        match self.follow_outcome(zone, &zone.lookup(self.name.canonical(), self.qtype)) {
            Some(resolved) => Step::Done(resolved),
            None => Step::Ask(self.name.clone()),
        }
    }

    /// Goes on with the upstream's reply about the name that [`Step::Ask`] named.
    pub fn follow_reply(&mut self, zones: &ZoneSet, reply: &Reply) -> Step {
        self.origin.forwarded = true;
        // RFC 4035 section 3.2.3: AD speaks of all RRsets.
        self.authentic &= reply.authentic;
        let mut rest = reply.answer.as_slice();
        while let Some(end) = alias_end(rest, &self.name, self.qtype) {
            let (alias, tail) = rest.split_at(end);
            self.from_upstream.add(self.answer.len(), alias.len());
            if let Err(ede) = self.follow_cname(alias) {
                return Step::Done(self.fail(ede));
            }
            rest = tail;
            let has_rest = !tail.is_empty()
                || !reply.authority.is_empty()
                || reply.rcode != Rcode::NOERROR
                || reply.chain != Chain::Whole;
            if let Some(hosted) = zones.find(self.name.canonical())
                && !(has_rest && self.falls_through(hosted))
            {
                return self.follow(zones);
            }
        }
        match reply.chain {
            Chain::Whole => {}
            Chain::Loop => return Step::Done(self.fail(CNAME_LOOP)),
            Chain::TooLong => return Step::Done(self.fail(CHAIN_TOO_LONG)),
        }
        let ends_in_alias = rest.is_empty() && !reply.answer.is_empty() && !answers_alias(self.qtype);
        if ends_in_alias && reply.rcode == Rcode::NOERROR && reply.authority.is_empty() {
            // The upstream is no full resolver, or the cache holds the chain up to here only.
            return self.follow(zones);
        }
        self.from_upstream.add(self.answer.len(), rest.len() + reply.authority.len());
        self.answer.extend_from_slice(rest);
        Step::Done(Resolved {
            authority: reply.authority.clone(),
            authentic: self.authentic && self.origin.zone.is_none(),
            ede: reply.ede.clone(),
            ..self.resolved(reply.rcode)
        })
    }

    /// Whether a hosted zone leaves its name to the upstream's own rest of the chain. NXDOMAIN alone does: not
    /// NODATA, an empty non-terminal or a wildcard.
    fn falls_through(&mut self, hosted: &Hosted) -> bool {
        let Some(zone) = hosted.zone.as_deref().filter(|_| hosted.on_miss == OnMiss::Forward) else {
            return false;
        };
        let missed = matches!(zone.lookup(self.name.canonical(), self.qtype), Outcome::NxDomain);
        if missed {
            self.origin.missed = Some(self.name.clone());
        }
        missed
    }

    /// Adds an alias (a CNAME, with its signatures) and moves to its target.
    fn follow_cname(&mut self, alias: &[Record]) -> Result<(), Ede> {
        let Some(target) = alias.iter().find_map(Record::cname_target) else {
            return Err(Ede::new(Ede::INVALID_DATA, "malformed CNAME"));
        };
        self.behind.push(std::mem::replace(&mut self.name, target));
        self.answer.extend_from_slice(alias);
        if self.behind.contains(&self.name) {
            return Err(CNAME_LOOP);
        }
        if self.behind.len() > MAX_LINKS {
            return Err(CHAIN_TOO_LONG);
        }
        Ok(())
    }

    fn ask(&mut self) -> Step {
        if self.asks == MAX_ASKS {
            return Step::Done(self.fail(Ede::new(Ede::OTHER, "the chain needs too many upstream questions")));
        }
        self.asks += 1;
        Step::Ask(self.name.clone())
    }

    /// What there is without asking anyone: the chain through our zones, or REFUSED if the name is not ours.
    pub fn stop(&mut self) -> Resolved {
        if self.origin.local_start {
            return self.resolved(Rcode::NOERROR);
        }
        let ede = Ede::new(Ede::NOT_AUTHORITATIVE, "not in a zone of this server, and recursion was not asked for");
        Resolved { rcode: Rcode::REFUSED, ..self.fail(ede) }
    }

    /// Takes note of where the next part comes from.
    pub fn note_provenance(&mut self, provenance: Provenance) {
        self.origin.provenance = Some(provenance);
    }

    /// SERVFAIL with a reason.
    pub fn fail(&self, ede: Ede) -> Resolved {
        Resolved {
            rcode: Rcode::SERVFAIL,
            answer: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
            authoritative: false,
            authentic: false,
            ede: Some(ede),
            origin: Origin { failed: true, ..self.origin.clone() },
            from_upstream: RecordBits::default(),
        }
    }

    fn resolved(&mut self, rcode: Rcode) -> Resolved {
        Resolved {
            rcode,
            answer: std::mem::take(&mut self.answer),
            authority: Vec::new(),
            additional: Vec::new(),
            authoritative: self.origin.local_start,
            authentic: false,
            ede: None,
            origin: self.origin.clone(),
            from_upstream: self.from_upstream,
        }
    }
}

/// Cuts a reply where its chain first enters a hosted zone, if it does: the part that may be kept for its question, and the
/// name whose own question the rest belongs to. Kept apart, the rest can never answer for a name that a sync
/// has added since.
pub fn split(zones: &ZoneSet, qname: &Name, qtype: Rtype, reply: &Reply) -> Option<(Reply, Option<(Name, Reply)>)> {
    let mut name = qname.clone();
    let mut at = 0;
    while let Some(length) = alias_end(&reply.answer[at..], &name, qtype) {
        let alias = &reply.answer[at..at + length];
        let Some(target) = alias.iter().find_map(Record::cname_target) else { break };
        at += length;
        if zones.find(target.canonical()).is_some() {
            return Some(cut(reply.clone(), at, target));
        }
        name = target;
    }
    None
}

impl RecordBits {
    /// Records that it can tell apart; an answer with more is for one question alone.
    pub const CAPACITY: usize = 64;

    /// Whether the record at this place is one of them.
    pub fn contains(self, place: usize) -> bool {
        place < Self::CAPACITY && self.0 >> place & 1 == 1
    }

    /// Adds `count` records from `first` on, as far as there is room.
    fn add(&mut self, first: usize, count: usize) {
        for place in (first..first + count).take_while(|place| *place < Self::CAPACITY) {
            self.0 |= 1 << place;
        }
    }
}

/// Whether an alias itself answers the question.
fn answers_alias(qtype: Rtype) -> bool {
    qtype == Rtype::CNAME || qtype == Rtype::ANY
}

/// How many records at the front belong to the alias at `name`: up to its CNAME and the signatures behind that.
fn alias_end(records: &[Record], name: &Name, qtype: Rtype) -> Option<usize> {
    if answers_alias(qtype) {
        return None;
    }
    let at = records.iter().position(|record| record.rtype == Rtype::CNAME && record.owner == *name)?;
    let signatures = records[at + 1..].iter().take_while(|next| next.rtype == Rtype::RRSIG && next.owner == *name);
    Some(at + 1 + signatures.count())
}

fn cut(mut reply: Reply, end: usize, target: Name) -> (Reply, Option<(Name, Reply)>) {
    let tail = Reply { answer: reply.answer.split_off(end), ..reply.clone() };
    let has_tail = !tail.answer.is_empty()
        || !tail.authority.is_empty()
        || tail.rcode != Rcode::NOERROR
        || tail.chain != Chain::Whole;
    // The RCODE and the authority section speak of the last name (RFC 6604): they go with the tail.
    let head = Reply { rcode: Rcode::NOERROR, authority: Vec::new(), ede: None, chain: Chain::Whole, ..reply };
    (head, has_tail.then_some((target, tail)))
}

#[cfg(test)]
mod tests;
