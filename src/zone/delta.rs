//! The difference between two versions of a zone, as IXFR sends it (RFC 1995): the records that are gone and those that
//! are new. A record whose TTL changed is both.
//!
//! In: two versions, or differences that follow one another. Out: one difference, from the first version to the last;
//! none if it would be larger than allowed. It takes time in proportion to the zone's names if both files have them in
//! one order, as those of sync do.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::layout::{Node, RRsetRef};
use super::{RecordRef, Zone};
use crate::dns::{Rtype, Serial};

/// RDATA beyond which two versions of an RRset are compared through a table.
const MANY: usize = 16;

/// Names that may come or go in one place of a derived zone before a table of all its names is made.
const AHEAD: usize = 64;

/// The TTL with which a record was there before, and with which it is there now.
type Ttls = (Option<u32>, Option<u32>);

/// A difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delta {
    from: Soa,
    to: Soa,
    removed: Records,
    added: Records,
}

/// The SOA of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Soa {
    pub(crate) serial: Serial,
    /// Seconds.
    pub(crate) ttl: u32,
    pub(crate) rdata: Box<[u8]>,
}

/// Records one after another, without the SOA:
/// owner length 1 | owner relative to the apex | type 2 | TTL 4 | RDATA length 2 | RDATA.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Records(Vec<u8>);

impl Delta {
    /// The difference between two versions, of no more than `max` octets.
    pub(crate) fn between(old: &Zone, new: &Zone, max: usize) -> Option<Self> {
        let mut delta = Self::new(Soa::of(old)?, Soa::of(new)?);
        let (old_names, new_names) = (Names::new(old), Names::new(new));
        if new.index.is_empty() {
            let (from, to) = (delta.from.clone(), delta.to.clone());
            if delta.in_step(old, new, max) {
                return (delta.octets() <= max).then_some(delta);
            }
            return Self::new(from, to).in_any_order((&old_names, 0), (&new_names, 0), max);
        }
        let (mut at_old, mut at_new) = (0, 0);
        loop {
            match (old.layout.node_at(at_old), new.layout.node_at(at_new)) {
                (None, None) => return Some(delta),
                (Some((one, next_old)), Some((other, next_new))) if one.name == other.name => {
                    delta.change(&one, &other);
                    (at_old, at_new) = (next_old, next_new);
                }
                (Some((one, next)), _) if new_names.node(one.name).is_none() => {
                    delta.removed.push_node(&one);
                    at_old = next;
                }
                (_, Some((other, next))) if old_names.node(other.name).is_none() => {
                    delta.added.push_node(&other);
                    at_new = next;
                }
                // Both have both names: the files differ in their order.
                _ => return delta.in_any_order((&old_names, at_old), (&new_names, at_new), max),
            }
            if delta.octets() > max {
                return None;
            }
        }
    }

    /// Two derived zones, which have no index, and which the server writes in one order: where they differ they are
    /// alike again after a few names, and those up to there are gone or new. A name that moved is both. False if they
    /// are not alike again soon.
    fn in_step(&mut self, old: &Zone, new: &Zone, max: usize) -> bool {
        let (mut at_old, mut at_new) = (0, 0);
        while self.octets() <= max {
            match (old.layout.node_at(at_old), new.layout.node_at(at_new)) {
                (None, None) => return true,
                (Some((one, next_old)), Some((other, next_new))) if one.name == other.name => {
                    self.change(&one, &other);
                    (at_old, at_new) = (next_old, next_new);
                }
                (one, other) => {
                    let is_end = one.is_none() || other.is_none();
                    let rest = is_end.then_some((AHEAD, AHEAD));
                    let Some((gone, come)) = rest.or_else(|| meeting((old, at_old), (new, at_new))) else {
                        return false;
                    };
                    at_old = take(old, at_old, gone, |node| self.removed.push_node(node));
                    at_new = take(new, at_new, come, |node| self.added.push_node(node));
                }
            }
        }
        true
    }

    /// The rest of two files, each name of which is looked up in the other.
    fn in_any_order(
        mut self,
        (old, at_old): (&Names<'_>, usize),
        (new, at_new): (&Names<'_>, usize),
        max: usize,
    ) -> Option<Self> {
        for one in old.zone.layout.nodes_from(at_old) {
            match new.node(one.name) {
                Some(other) => self.change(&one, &other),
                None => self.removed.push_node(&one),
            }
            if self.octets() > max {
                return None;
            }
        }
        for other in new.zone.layout.nodes_from(at_new) {
            if old.node(other.name).is_none() {
                self.added.push_node(&other);
            }
            if self.octets() > max {
                return None;
            }
        }
        Some(self)
    }

    /// One difference for several that follow one another: what the last of them has, and the first did not, and the
    /// other way round.
    pub(crate) fn condensed<'d>(deltas: impl IntoIterator<Item = &'d Self>) -> Option<Self> {
        let mut deltas = deltas.into_iter().peekable();
        let mut result = Self::new(deltas.peek()?.from.clone(), deltas.peek()?.to.clone());
        let mut changed: BTreeMap<(&[u8], Rtype, &[u8]), Ttls> = BTreeMap::new();
        for delta in deltas {
            result.to = delta.to.clone();
            for record in delta.removed.iter() {
                let (before, now) = changed.entry((record.owner, record.rtype, record.rdata)).or_default();
                if now.take().is_none() {
                    *before = Some(record.ttl);
                }
            }
            for record in delta.added.iter() {
                let (before, now) = changed.entry((record.owner, record.rtype, record.rdata)).or_default();
                if *before == Some(record.ttl) { *before = None } else { *now = Some(record.ttl) }
            }
        }
        for ((owner, rtype, rdata), (before, now)) in changed {
            for (ttl, records) in [(before, &mut result.removed), (now, &mut result.added)] {
                if let Some(ttl) = ttl {
                    records.push(&RecordRef { owner, rtype, ttl, rdata });
                }
            }
        }
        Some(result)
    }

    fn new(from: Soa, to: Soa) -> Self {
        Self { from, to, removed: Records::default(), added: Records::default() }
    }

    /// The SOA of the version that it starts from.
    pub(crate) fn from(&self) -> &Soa {
        &self.from
    }

    /// The SOA of the version that it leads to.
    pub(crate) fn to(&self) -> &Soa {
        &self.to
    }

    /// The records that are gone.
    pub(crate) fn removed(&self) -> &Records {
        &self.removed
    }

    /// The records that are new.
    pub(crate) fn added(&self) -> &Records {
        &self.added
    }

    /// The octets that it takes in memory, and about as many in a message.
    pub(crate) fn octets(&self) -> usize {
        self.removed.0.len() + self.added.0.len()
    }

    /// Adds what changed at a name.
    fn change(&mut self, old: &Node<'_>, new: &Node<'_>) {
        if old.octets() == new.octets() {
            return;
        }
        for before in old.rrsets() {
            match of_type(new, before.rtype()) {
                Some(now) if now.ttl() == before.ttl() => {
                    self.removed.push_missing(old.name, before, now);
                    self.added.push_missing(old.name, now, before);
                }
                Some(now) => {
                    self.removed.push_rrset(old.name, before);
                    self.added.push_rrset(old.name, now);
                }
                None => self.removed.push_rrset(old.name, before),
            }
        }
        for now in new.rrsets().filter(|now| of_type(old, now.rtype()).is_none()) {
            self.added.push_rrset(old.name, now);
        }
    }
}

/// How many names come before the next one that both versions have, in the one and in the other; `None` if it is far.
fn meeting((old, at_old): (&Zone, usize), (new, at_new): (&Zone, usize)) -> Option<(usize, usize)> {
    let (old, new) = (names_ahead(old, at_old), names_ahead(new, at_new));
    old.iter().enumerate().find_map(|(gone, name)| Some((gone, new.iter().position(|other| other == name)?)))
}

fn names_ahead(zone: &Zone, at: usize) -> Vec<&[u8]> {
    zone.layout.nodes_from(at).take(AHEAD).map(|node| node.name).collect()
}

/// Hands over this many names from a number on, and gives the number behind them.
fn take(zone: &Zone, mut at: usize, count: usize, mut each: impl FnMut(&Node<'_>)) -> usize {
    for _ in 0..count {
        let Some((node, next)) = zone.layout.node_at(at) else { break };
        each(&node);
        at = next;
    }
    at
}

fn of_type<'z>(node: &Node<'z>, rtype: Rtype) -> Option<RRsetRef<'z>> {
    node.rrsets().find(|rrset| rrset.rtype() == rtype)
}

/// The names of a version: of a zone that answers no client, and so has no index, in a table that is made once it is
/// needed.
struct Names<'z> {
    zone: &'z Zone,
    table: OnceCell<HashMap<&'z [u8], Node<'z>>>,
}

impl<'z> Names<'z> {
    fn new(zone: &'z Zone) -> Self {
        Self { zone, table: OnceCell::new() }
    }

    fn node(&self, name: &[u8]) -> Option<Node<'z>> {
        if !self.zone.index.is_empty() {
            return self.zone.node(name);
        }
        let table = || self.zone.layout.nodes().map(|node| (node.name, node)).collect();
        self.table.get_or_init(table).get(name).copied()
    }
}

impl Soa {
    /// The SOA of a zone.
    pub(crate) fn of(zone: &Zone) -> Option<Self> {
        let rrset = zone.soa()?;
        Some(Self { serial: zone.serial(), ttl: rrset.ttl(), rdata: rrset.rdatas().next()?.into() })
    }

    /// The record.
    pub(crate) fn record(&self) -> RecordRef<'_> {
        RecordRef { owner: &[], rtype: Rtype::SOA, ttl: self.ttl, rdata: &self.rdata }
    }
}

impl Records {
    /// The records.
    pub(crate) fn iter(&self) -> impl Iterator<Item = RecordRef<'_>> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let (record, next) = self.at(at)?;
            at = next;
            Some(record)
        })
    }

    /// Hands over the records from a place on, until one is not taken. The result is the place of that one; `None`
    /// behind the last one.
    pub(crate) fn walk(&self, mut from: usize, mut take: impl FnMut(&RecordRef<'_>) -> bool) -> Option<usize> {
        while let Some((record, next)) = self.at(from) {
            if !take(&record) {
                return Some(from);
            }
            from = next;
        }
        None
    }

    /// The record at a place, and the place behind it.
    fn at(&self, at: usize) -> Option<(RecordRef<'_>, usize)> {
        let (length, rest) = self.0.get(at..)?.split_first()?;
        let (owner, rest) = rest.split_at_checked(usize::from(*length))?;
        let ([t0, t1, s0, s1, s2, s3, l0, l1], rest): (&[u8; 8], _) = rest.split_first_chunk()?;
        let rdata = rest.get(..usize::from(u16::from_be_bytes([*l0, *l1])))?;
        let (rtype, ttl) = (Rtype(u16::from_be_bytes([*t0, *t1])), u32::from_be_bytes([*s0, *s1, *s2, *s3]));
        Some((RecordRef { owner, rtype, ttl, rdata }, at + 1 + owner.len() + 8 + rdata.len()))
    }

    fn push(&mut self, record: &RecordRef<'_>) {
        let (owner, length) = (u8::try_from(record.owner.len()), u16::try_from(record.rdata.len()));
        let (Ok(owner), Ok(length)) = (owner, length) else { return };
        self.0.push(owner);
        self.0.extend_from_slice(record.owner);
        self.0.extend_from_slice(&record.rtype.0.to_be_bytes());
        self.0.extend_from_slice(&record.ttl.to_be_bytes());
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(record.rdata);
    }

    fn push_node(&mut self, node: &Node<'_>) {
        node.rrsets().for_each(|rrset| self.push_rrset(node.name, rrset));
    }

    fn push_rrset(&mut self, owner: &[u8], rrset: RRsetRef<'_>) {
        let (rtype, ttl) = (rrset.rtype(), rrset.ttl());
        if rtype != Rtype::SOA {
            rrset.rdatas().for_each(|rdata| self.push(&RecordRef { owner, rtype, ttl, rdata }));
        }
    }

    /// Adds the records of `some` that `others` lack.
    fn push_missing(&mut self, owner: &[u8], some: RRsetRef<'_>, others: RRsetRef<'_>) {
        let (rtype, ttl) = (some.rtype(), some.ttl());
        if rtype == Rtype::SOA {
            return;
        }
        let table: Option<HashSet<&[u8]>> = (usize::from(others.count()) > MANY).then(|| others.rdatas().collect());
        let has = |rdata: &[u8]| match &table {
            Some(table) => table.contains(rdata),
            None => others.rdatas().any(|other| other == rdata),
        };
        for rdata in some.rdatas().filter(|rdata| !has(rdata)) {
            self.push(&RecordRef { owner, rtype, ttl, rdata });
        }
    }
}

#[cfg(test)]
mod tests;
