//! The next version of a zone from the version in service and the lines in which their files differ.
//!
//! Input: a zone whose file is plain, the text of that file, the new text. Output: the zone that [`Zone::from_file`]
//! makes of the new text, or nothing where that is not sure or something is found: then the text is read whole. So this
//! decides how soon a change is in service and never what is; a property test proves that.

mod hunks;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::hash::BuildHasher;
use std::ops::Range;

use super::build::{MAX_OCTETS, ZoneBuilder, into_zone};
use super::layout::Layout;
use super::text::{Head, parse_head, read_lines};
use super::{Aliases, Kind, Zone};
use crate::dns::{CanonicalName, Name, Rtype};
use hunks::hunks;

impl Zone {
    /// The zone of this text; `before` is the text that the present zone was made of.
    pub(super) fn patched(&self, before: &[u8], text: &[u8]) -> Option<Self> {
        if !self.is_plain || Kind::of(text) != self.kind || self.kind == Kind::Derived || !text.ends_with(b"\n") {
            return None;
        }
        let old = Lines { apex: &self.apex, text: before, head: Head::find(before, &self.apex)? };
        let new = Lines { apex: &self.apex, text, head: Head::find(text, &self.apex)? };
        let mut zone = new.head_alone()?;
        if new.head.ttl != old.head.ttl || !self.has_apex_like(&zone) {
            return None;
        }
        let changes = self.changes(&old, &new).filter(|changes| self.may_make(changes))?;
        let apex = (0..self.end_of_apex(), zone.layout.part(0..zone.end_of_apex()));
        let of_names = changes.iter().map(|change| (change.place.clone(), change.new.octets()));
        let parts: Vec<(Range<usize>, &[u8])> = std::iter::once(apex).chain(of_names).collect();
        let moves = Moves::of(&parts);
        zone.layout = self.layout.spliced(&parts).filter(|layout| layout.octets() <= MAX_OCTETS)?;
        zone.records = self.records;
        for change in &changes {
            zone.records = zone.records - change.old.records + change.new.records;
        }
        zone.take_index(self, &changes, &moves);
        (zone.kind, zone.is_plain) = (self.kind, true);
        (zone.has_cuts, zone.has_wildcards) = (self.has_cuts, self.has_wildcards);
        if zone.is_managed() {
            zone.aliases = Aliases::read(text);
        }
        Some(zone)
    }

    fn end_of_apex(&self) -> usize {
        self.layout.node_at(0).map_or(0, |(_, next)| next)
    }

    /// Whether the apex differs in the SOA at most.
    fn has_apex_like(&self, other: &Self) -> bool {
        let of = |zone: &Self| {
            let rrsets = zone.layout.node(0).rrsets().filter(|rrset| rrset.rtype() != Rtype::SOA);
            let owned = rrsets.map(|rrset| (rrset.rtype(), rrset.ttl(), rrset.rdatas().map(<[u8]>::to_vec).collect()));
            owned.collect::<Vec<(Rtype, u32, Vec<Vec<u8>>)>>()
        };
        of(self) == of(other)
    }

    /// The names in which the texts differ, with their neighbours; `None` if they are too many, or a line is not plain.
    fn changes(&self, old: &Lines<'_>, new: &Lines<'_>) -> Option<Vec<Change>> {
        let mut changes = Vec::new();
        for (from, to) in hunks(old.body(), new.body())? {
            let (old, new) = (old.names(from)?, new.names(to)?);
            let Some(first) = old.iter().next() else {
                // Comments came or went; or lines are added where there is no other one.
                if new.records == 0 {
                    continue;
                }
                return None;
            };
            let start = self.place(first)? as usize;
            let place = start..start + old.octets().len();
            if self.layout.part(place.clone()) != old.octets() {
                return None;
            }
            changes.push(Change { place, old, new });
        }
        changes.is_sorted_by(|a, b| a.place.end <= b.place.start).then_some(changes)
    }

    /// Whether the changes concern nothing but their own names.
    fn may_make(&self, changes: &[Change]) -> bool {
        let servers = self.name_servers();
        let mut seen = HashSet::new();
        changes.iter().all(|change| {
            let is_here = |name| self.place(name).is_none_or(|place| change.place.contains(&(place as usize)));
            let same_servers =
                servers.iter().all(|server| change.old.records_of(server) == change.new.records_of(server));
            let are_plain = change.old.iter().chain(change.new.iter()).all(|name| !name.starts_with(b"\x01*"));
            same_servers && are_plain && change.new.iter().all(|name| seen.insert(name) && is_here(name))
        })
    }

    /// The name servers of the apex that are names of this zone, relative to it.
    fn name_servers(&self) -> Vec<Vec<u8>> {
        let servers = self.layout.node(0).rrsets().filter(|rrset| rrset.rtype() == Rtype::NS);
        let targets = servers.flat_map(|rrset| rrset.rdatas().map(<[u8]>::to_ascii_lowercase));
        let relative =
            |target: Vec<u8>| CanonicalName::of_octets(&target).strip_suffix(self.apex.canonical()).map(<[u8]>::to_vec);
        targets.filter_map(relative).collect()
    }

    /// Takes the index of the version before: without the names that are gone, with those that are new, and each with
    /// its place in this version.
    fn take_index(&mut self, before: &Self, changes: &[Change], moves: &Moves) {
        (self.index, self.hasher) = (before.index.clone(), before.hasher.clone());
        for name in changes.iter().flat_map(|change| change.old.iter()) {
            let is_it = |at: &u32| before.layout.node(*at).name == name;
            if let Ok(found) = self.index.find_entry(self.hasher.hash_one(name), is_it) {
                found.remove();
            }
        }
        if moves.are_some() {
            self.index.iter_mut().for_each(|place| *place = number(moves.of_place(*place as usize)));
        }
        let (layout, hasher) = (&self.layout, &self.hasher);
        for change in changes {
            let start = moves.of_place(change.place.start);
            for (at, name) in change.new.places() {
                let hash = |at: &u32| hasher.hash_one(layout.node(*at).name);
                self.index.insert_unique(hasher.hash_one(name), number(start + at), hash);
            }
        }
    }
}

/// A place in a layout, which was made for such numbers.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// A plain file: its head, and below it lines that stand for themselves.
struct Lines<'t> {
    apex: &'t Name,
    text: &'t [u8],
    head: Head,
}

impl Lines<'_> {
    fn body(&self) -> &[u8] {
        &self.text[self.head.len..]
    }

    /// A zone of the head alone.
    fn head_alone(&self) -> Option<Zone> {
        let mut builder = ZoneBuilder::new(self.apex, "", self.head.len);
        let is_good = parse_head(self.text, self.head, self.apex, |parsed| builder.add(parsed));
        into_zone(builder.part(true).filter(|_| is_good)?)
    }

    /// The names of some lines of the body.
    fn names(&self, lines: Range<usize>) -> Option<Names> {
        let (start, end) = (self.head.len + lines.start, self.head.len + lines.end);
        let mut builder = ZoneBuilder::new(self.apex, "", lines.len());
        let head = Head { len: start, ..self.head };
        let is_by_line = read_lines(self.text.get(..end)?, head, self.apex, |parsed| builder.add(parsed));
        let is_plain = is_by_line && builder.is_flat();
        let table = builder.part(false).filter(|_| is_plain)?;
        let records = table.rows.len();
        Some(Names { layout: table.index()?.layout, records })
    }
}

/// Names as they lie in a layout.
struct Names {
    /// Of an apex without records, and the names.
    layout: Layout,
    records: usize,
}

impl Names {
    /// The names, each with its place among them.
    fn places(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let mut next = EMPTY_APEX;
        std::iter::from_fn(move || {
            let (node, end) = self.layout.node_at(next)?;
            Some((std::mem::replace(&mut next, end) - EMPTY_APEX, node.name))
        })
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.places().map(|(_, name)| name)
    }

    /// The records of a name as they lie there.
    fn records_of(&self, name: &[u8]) -> Option<&[u8]> {
        self.layout.nodes().find(|node| node.name == name).map(|node| node.octets())
    }

    fn octets(&self) -> &[u8] {
        self.layout.part(EMPTY_APEX..self.layout.octets())
    }
}

/// Octets of an apex without records: the length of its name, the number of its RRsets.
const EMPTY_APEX: usize = 1 + 2;

/// Names in place of others.
struct Change {
    /// The place of the old ones in the layout of the version before.
    place: Range<usize>,
    old: Names,
    new: Names,
}

/// Where places are once some octets have others in their place.
struct Moves {
    /// The end of each part in the version before, and in the new one.
    ends: Vec<(usize, usize)>,
}

impl Moves {
    fn of(parts: &[(Range<usize>, &[u8])]) -> Self {
        let (mut gone, mut come) = (0, 0);
        let end = |(old, new): &(Range<usize>, &[u8])| {
            (gone, come) = (gone + old.len(), come + new.len());
            (old.end, old.end + come - gone)
        };
        Self { ends: parts.iter().map(end).collect() }
    }

    fn are_some(&self) -> bool {
        self.ends.iter().any(|(old, new)| old != new)
    }

    /// The new place of what lies in no part.
    fn of_place(&self, at: usize) -> usize {
        let behind = self.ends.partition_point(|(old, _)| *old <= at);
        behind.checked_sub(1).and_then(|last| self.ends.get(last)).map_or(at, |(old, new)| at - old + new)
    }
}
