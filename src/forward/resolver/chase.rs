//! The re-chase: one question followed through our zones and upstream answers, wherever its CNAMEs lead.
//!
//! In: a question, the zones, and one upstream reply after another, each cut to the part that its upstream is believed
//! for (`responsible.rs`). Out: the next name to ask upstream, or the resolved answer. Never: a question sent from
//! here, or a look at a cache, socket or clock.
//!
//! ```text
//!    name in a hosted zone? --yes--> zone: answer | NODATA | NXDOMAIN --------------> Done
//!          |  ^                        | CNAME: next name   | miss, on_miss = forward
//!          no '------------------------'                    v
//!          '-----------------------------------------> Ask(name) --reply--> walk its CNAMEs in order --> Done
//!          ^                                                                    |
//!          '------------------- the chain ends in a name without an answer -----'
//! ```

use std::net::SocketAddr;

use crate::dns::{Ede, Name, Rcode, Record, Rtype};
use crate::zone::{Outcome, Zone, ZoneSet};

use crate::forward::question::{Chain, Reply};
use crate::forward::scrub::MAX_LINKS;

/// The largest number of upstream questions for one answer, which bounds the work that one query can cause: one for
/// each name of the longest chain.
const MAX_ASKS: usize = MAX_LINKS + 1;

const CNAME_LOOP: Ede = Ede::new(Ede::OTHER, "CNAME loop");
const CHAIN_TOO_LONG: Ede = Ede::new(Ede::OTHER, "more than 16 CNAMEs in a row");

/// The state of one question.
#[derive(Clone, Debug)]
pub struct Chase {
    qtype: Rtype,
    /// Octets that the client's message has for records.
    room: usize,
    /// The name to look at next.
    name: Name,
    /// The names left behind, for the loop check.
    behind: Vec<Name>,
    answer: Vec<Record>,
    from_upstream: RecordBits,
    asks: usize,
    /// Whether every reply so far was validated.
    authentic: bool,
    /// The sources so far; they decide AA, AD and how long the answer may be stored.
    origin: Origin,
}

/// The sources of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Whether a hosted zone answered for the QNAME itself.
    pub local_start: bool,
    /// The apex of the last hosted zone that answered or that the chain entered.
    pub zone: Option<Name>,
    /// Whether an upstream reply is part of it.
    pub forwarded: bool,
    /// The name that a hosted zone does not have, whatever the final answer is.
    pub missed: Option<Name>,
    /// The source of the last part that did not come from a hosted zone.
    pub provenance: Option<Provenance>,
    /// Whether no answer could be found.
    pub failed: bool,
}

/// The source of a part of an answer, if not a hosted zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// The cache.
    Cache,
    /// The cache, after the entry's time.
    Stale,
    /// This upstream, just now.
    Upstream(SocketAddr),
    /// Our own CNAME for a public name.
    SynthesizedCname,
    /// This server itself: a special name.
    Special,
}

/// The next thing to do.
#[derive(Debug)]
pub enum Step {
    /// The answer is complete.
    Done(Resolved),
    /// Ask upstream about this name, then call [`Chase::follow_reply`].
    Ask(Name),
}

/// A complete answer, before it is adapted to the transport.
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
    /// Whether it has records that are left out because they do not fit.
    pub truncated: bool,
    /// The reason for the answer, for the client.
    pub ede: Option<Ede>,
    /// The sources of its parts.
    pub origin: Origin,
    /// The records that came from an upstream, counted through the answer and then the authority section.
    pub from_upstream: RecordBits,
}

impl Resolved {
    /// An answer without records.
    pub fn new(rcode: Rcode) -> Self {
        Self {
            rcode,
            answer: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
            authoritative: false,
            authentic: false,
            truncated: false,
            ede: None,
            origin: Origin::default(),
            from_upstream: RecordBits::default(),
        }
    }
}

/// A set of indexes of records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordBits(u64);

/// Of a name in a derived zone: no client gets its records, and no upstream is asked for it.
pub const TRANSFER_ONLY: Ede = Ede::new(Ede::PROHIBITED, "the zone is for transfers only");

impl Chase {
    /// A question at its start.
    pub fn new(qname: Name, qtype: Rtype) -> Self {
        let origin = Origin::default();
        Self {
            qtype,
            room: usize::MAX,
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
            if zones.is_derived(self.name.canonical()) {
                let rcode = if self.behind.is_empty() { Rcode::REFUSED } else { Rcode::SERVFAIL };
                return Step::Done(Resolved { rcode, ..self.fail(TRANSFER_ONLY) });
            }
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
                outcome if hosted.leaves_to_upstream(&outcome) => {
                    self.note_missed(self.name.clone());
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

    /// Uses the outcome of a zone; `None` if it was a CNAME to follow.
    fn follow_outcome(&mut self, zone: &Zone, outcome: &Outcome<'_>) -> Option<Resolved> {
        match outcome {
            Outcome::Answer(rrset) => {
                let truncated = rrset.least_len() > self.room;
                self.answer.extend(rrset.records(&self.name).take(if truncated { 1 } else { usize::MAX }));
                Some(Resolved { truncated, ..self.resolved(Rcode::NOERROR) })
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
                    // As in NSD, Knot and BIND, the CNAME itself is the answer.
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
            Outcome::Referral { cut, name_servers } => {
                let truncated = name_servers.least_len() > self.room;
                Some(Resolved {
                    authority: name_servers.records(cut).take(if truncated { 1 } else { usize::MAX }).collect(),
                    additional: if truncated { Vec::new() } else { zone.glue(name_servers) },
                    authoritative: self.origin.local_start && !self.answer.is_empty(),
                    truncated,
                    ..self.resolved(Rcode::NOERROR)
                })
            }
        }
    }

    /// Uses a zone that is not hosted, one of the special names, for the name that [`Step::Ask`] named.
    pub fn answer_from(&mut self, zone: &Zone) -> Step {
        self.origin.local_start |= self.behind.is_empty();
        match self.follow_outcome(zone, &zone.lookup(self.name.canonical(), self.qtype)) {
            Some(resolved) => Step::Done(resolved),
            None => Step::Ask(self.name.clone()),
        }
    }

    /// Goes on with a reply about the name that [`Step::Ask`] named: only the part that its upstream is believed for.
    pub fn follow_reply(&mut self, zones: &ZoneSet, reply: &Reply) -> Step {
        self.origin.forwarded = true;
        // RFC 4035 section 3.2.3: AD is about all RRsets.
        self.authentic &= reply.authentic;
        let mut rest = reply.answer.as_slice();
        while let Some(end) = alias_end(rest, &self.name, self.qtype) {
            let (alias, tail) = rest.split_at(end);
            self.from_upstream.add(self.answer.len(), alias.len());
            if let Err(ede) = self.follow_cname(alias) {
                return Step::Done(self.fail(ede));
            }
            rest = tail;
        }
        match reply.chain {
            Chain::Whole => {}
            Chain::Loop => return Step::Done(self.fail(CNAME_LOOP)),
            Chain::TooLong => return Step::Done(self.fail(CHAIN_TOO_LONG)),
        }
        let ends_in_alias = rest.is_empty() && !reply.answer.is_empty() && !answers_alias(self.qtype);
        if ends_in_alias && reply.rcode == Rcode::NOERROR && reply.authority.is_empty() {
            // The upstream does no full recursion, or the cache holds the chain only up to here.
            return self.follow(zones);
        }
        self.from_upstream.add(self.answer.len(), rest.len() + reply.authority.len());
        self.answer.extend_from_slice(rest);
        Step::Done(Resolved {
            authority: reply.authority.clone(),
            authentic: self.authentic && self.origin.zone.is_none(),
            truncated: reply.shortened,
            ede: reply.ede.clone(),
            ..self.resolved(reply.rcode)
        })
    }

    /// Lets the client's message have `room` octets for records: of an RRset that takes more, only the first is used.
    pub fn limit_to(&mut self, room: usize) {
        self.room = room;
    }

    /// Octets that the client's message has for records.
    pub fn room(&self) -> usize {
        self.room
    }

    /// Adds a CNAME, with its signatures, and moves to its target.
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

    /// The answer without any upstream: the chain through our zones, or REFUSED if the name is not ours.
    pub fn stop(&mut self) -> Resolved {
        if self.origin.local_start {
            return self.resolved(Rcode::NOERROR);
        }
        let ede = Ede::new(Ede::NOT_AUTHORITATIVE, "not in a zone of this server, and recursion was not asked for");
        Resolved { rcode: Rcode::REFUSED, ..self.fail(ede) }
    }

    /// Notes a name that a hosted zone covers and does not have.
    pub fn note_missed(&mut self, name: Name) {
        self.origin.missed = Some(name);
    }

    /// Notes the source of the next part.
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
            truncated: false,
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
            truncated: false,
            ede: None,
            origin: self.origin.clone(),
            from_upstream: self.from_upstream,
        }
    }
}

impl RecordBits {
    /// The number of records that it covers; an answer with more is good for one question only.
    pub const CAPACITY: usize = 64;

    /// Whether the record at this index is in the set.
    pub fn contains(self, place: usize) -> bool {
        place < Self::CAPACITY && self.0 >> place & 1 == 1
    }

    /// Adds `count` records from `first` on, up to the capacity.
    fn add(&mut self, first: usize, count: usize) {
        for place in (first..first + count).take_while(|place| *place < Self::CAPACITY) {
            self.0 |= 1 << place;
        }
    }
}

/// Whether a CNAME itself answers the question.
fn answers_alias(qtype: Rtype) -> bool {
    qtype == Rtype::CNAME || qtype == Rtype::ANY
}

/// The number of leading records that belong to the CNAME at `name`: up to the CNAME and the signatures after it.
pub(super) fn alias_end(records: &[Record], name: &Name, qtype: Rtype) -> Option<usize> {
    if answers_alias(qtype) {
        return None;
    }
    let at = records.iter().position(|record| record.rtype == Rtype::CNAME && record.owner == *name)?;
    let signatures = records[at + 1..].iter().take_while(|next| next.rtype == Rtype::RRSIG && next.owner == *name);
    Some(at + 1 + signatures.count())
}

#[cfg(test)]
mod tests;
