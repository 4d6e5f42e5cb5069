//! The difference between what lists want and what zone files hold, zone by zone and sorted.
//!
//! In: a [`DesiredState`] and the [`Current`] state of the zones. Out: a [`Plan`], which can be read by people, as JSON, and
//! known again by its digest. A plan never says whether it is safe: that is [`super::guard`]'s part.

mod aliases;
mod digest;
mod json;
mod show;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

pub use aliases::AliasChange;
pub use digest::{Digest, DigestError};
pub use json::{Remarks, write_json};
pub use show::write_text;

use super::desired::{Claim, DesiredState, DesiredZone, EmptyList};
use super::records;
use super::records::{AddressRecord, Origin, Places, Records};
use super::state::provenance::Provenance;
use crate::diag::Diagnostics;
use crate::dns::{Name, Rtype, Serial, rdata};
use crate::zone::{Aliases, Zone};

/// A zone as it is on disk.
#[derive(Clone, Debug, Default)]
pub struct Current {
    /// Of a zone that loads.
    pub serial: Option<Serial>,
    /// Whose file it is.
    pub file: FileState,
    /// The TTL of the address records if all have the same.
    pub ttl: Option<u32>,
    /// The A and AAAA records.
    pub records: Records,
    /// What no sync has written, in presentation format: it would be lost.
    pub foreign: Vec<String>,
    /// Further public names of the records.
    pub aliases: Aliases,
    /// Where the records were listed, as far as that is remembered and matters.
    pub provenance: Provenance,
}

/// Whose file a zone is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FileState {
    /// There is none.
    #[default]
    Absent,
    /// Sync wrote it.
    Managed,
    /// Somebody else wrote it: never to be written.
    HandWritten,
    /// It does not load, for this reason.
    Unreadable(String),
}

/// Types that sync writes besides addresses.
const OWN_TYPES: [Rtype; 2] = [Rtype::SOA, Rtype::NS];

impl Current {
    /// The state of a zone that was loaded.
    pub fn of(zone: &Zone) -> Self {
        let mut current = Self { serial: Some(zone.serial()), ..Self::default() };
        current.file = if zone.is_managed() { FileState::Managed } else { FileState::HandWritten };
        let mut ttls: Option<(u32, bool)> = None;
        let mut relative = String::new();
        for (owner, rrset) in zone.rrsets() {
            let (rtype, ttl) = (rrset.rtype(), rrset.ttl());
            if OWN_TYPES.contains(&rtype) && owner.is_empty() {
                continue;
            }
            write_relative(owner, &mut relative);
            for data in rrset.rdatas() {
                if let Some(address) = rdata::to_address(rtype, data) {
                    current.records.push(&relative, address, None);
                } else {
                    current.foreign.push(format!("{relative} {rtype} {}", rdata::presentation(rtype, data)));
                    continue;
                }
                ttls = ttls.map_or(Some((ttl, true)), |(first, same)| Some((first, same && first == ttl)));
            }
        }
        current.aliases = zone.aliases().clone();
        current.ttl = ttls.filter(|(_, same)| *same).map(|(ttl, _)| ttl);
        current.records.finish();
        current
    }

    /// The state of a file that is there but does not load.
    pub fn unreadable(reason: impl Into<String>) -> Self {
        Self { file: FileState::Unreadable(reason.into()), ..Self::default() }
    }
}

/// The presentation format of relative labels into a text that is used again, fast for the characters that host names are
/// made of.
fn write_relative(owner: &[u8], text: &mut String) {
    text.clear();
    let mut labels = owner;
    while let Some((&length, rest)) = labels.split_first() {
        let (label, rest) = rest.split_at(usize::from(length).min(rest.len()));
        let is_plain = label.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let Some(label) = std::str::from_utf8(label).ok().filter(|_| is_plain) else {
            *text = Name::from_wire(&[owner, &[0]].concat()).unwrap_or_else(Name::root).without_dot();
            return;
        };
        if !text.is_empty() {
            text.push('.');
        }
        text.push_str(label);
        labels = rest;
    }
    if text.is_empty() {
        text.push('@');
    }
}

/// What sync would do.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// By apex, sorted; zones without changes included.
    pub zones: Vec<ZonePlan>,
    /// What origins point to.
    pub places: Places,
    /// What the lists gave reason to.
    pub warnings: Diagnostics,
    /// The TTL of the records to write, seconds.
    pub ttl: u32,
}

/// What sync would do with one zone.
#[derive(Clone, Debug)]
pub struct ZonePlan {
    /// The zone.
    pub apex: Name,
    /// What its serial is now.
    pub serial: Option<Serial>,
    /// Whose file it is now.
    pub file: FileState,
    /// RRsets that stay as they are because lists disagree.
    pub held: Vec<HeldRrset>,
    /// What would be lost with the file, in presentation format.
    pub foreign: Vec<String>,
    /// The TTL in the file, where it has to change.
    pub old_ttl: Option<Option<u32>>,
    /// An empty zone is made so that it is hosted.
    pub creates_empty: bool,
    /// Lists that name no endpoint at all and had, or may have had, records that would go.
    pub emptied_by: Vec<EmptyList>,
    before: Records,
    after: Records,
    aliases_before: Aliases,
    aliases: Aliases,
    alias_changes: Vec<AliasChange>,
    spans: Vec<Span>,
    counts: ChangeCounts,
}

/// An RRset on which lists disagree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRrset {
    /// Relative to the apex.
    pub owner: String,
    /// A or AAAA.
    pub rtype: Rtype,
    /// What stays; empty if there is nothing.
    pub in_service: Vec<IpAddr>,
    /// What the lists say.
    pub claims: Vec<Claim>,
}

/// Where a changed RRset's records lie before and after.
#[derive(Clone, Copy, Debug)]
struct Span {
    before: (u32, u32),
    after: (u32, u32),
}

/// RRsets by what happens to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChangeCounts {
    /// In the zone before.
    pub in_service: usize,
    /// New.
    pub created: usize,
    /// With other addresses.
    pub updated: usize,
    /// Gone.
    pub deleted: usize,
    /// Of those that are new: AAAA of a name that had A alone, or the other way round. Clients that prefer the new family go
    /// where it leads, so this moves a name as much as a change does.
    pub widened: usize,
}

impl ChangeCounts {
    /// RRsets in service that clients would miss, or find elsewhere.
    pub fn losses(&self) -> usize {
        self.updated + self.deleted + self.widened
    }
}

/// What happens to an RRset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// It is new.
    Create,
    /// Its addresses change.
    Update,
    /// It goes.
    Delete,
}

/// A changed RRset.
#[derive(Clone, Copy, Debug)]
pub struct Change<'p> {
    zone: &'p ZonePlan,
    span: Span,
}

impl<'p> Change<'p> {
    /// What happens.
    pub fn action(&self) -> Action {
        match (self.span.before.1, self.span.after.1) {
            (0, _) => Action::Create,
            (_, 0) => Action::Delete,
            _ => Action::Update,
        }
    }

    /// The addresses now.
    pub fn before(&self) -> impl ExactSizeIterator<Item = IpAddr> + use<'p> {
        self.zone.before.addresses(range(self.span.before))
    }

    /// The addresses afterwards.
    pub fn after(&self) -> impl ExactSizeIterator<Item = IpAddr> + use<'p> {
        self.zone.after.addresses(range(self.span.after))
    }

    /// The owner, relative to the apex.
    pub fn owner(&self) -> &'p str {
        self.record().map_or("", |record| record.owner)
    }

    /// A or AAAA.
    pub fn rtype(&self) -> Rtype {
        self.record().map_or(Rtype::A, |record| record.rtype())
    }

    /// Where the new addresses are listed.
    pub fn origin(&self) -> Option<Origin> {
        self.record().and_then(|record| record.origin)
    }

    fn record(&self) -> Option<AddressRecord<'p>> {
        let after = (self.span.after.1 > 0).then(|| self.zone.after.get(self.span.after.0 as usize));
        after.unwrap_or_else(|| self.zone.before.get(self.span.before.0 as usize))
    }
}

fn range((start, len): (u32, u32)) -> Range<usize> {
    start as usize..start as usize + len as usize
}

/// A plan to be shown: its zones may lie in several places.
pub struct View<'p> {
    /// Sorted by apex.
    pub zones: Vec<&'p ZonePlan>,
    /// What origins point to.
    pub places: &'p Places,
    /// What the lists gave reason to.
    pub warnings: &'p Diagnostics,
    /// The TTL of the records to write, seconds.
    pub ttl: u32,
}

impl View<'_> {
    /// Whether any file would be written.
    pub fn has_changes(&self) -> bool {
        self.zones.iter().any(|zone| zone.needs_writing())
    }
}

impl Plan {
    /// All of it.
    pub fn view(&self) -> View<'_> {
        View { zones: self.zones.iter().collect(), places: &self.places, warnings: &self.warnings, ttl: self.ttl }
    }

    /// Whether any file would be written.
    pub fn has_changes(&self) -> bool {
        self.zones.iter().any(ZonePlan::needs_writing)
    }
}

impl ZonePlan {
    /// The changes, sorted by owner and type.
    pub fn changes(&self) -> impl ExactSizeIterator<Item = Change<'_>> {
        self.spans.iter().map(|span| Change { zone: self, span: *span })
    }

    /// How many RRsets change, and how.
    pub fn counts(&self) -> ChangeCounts {
        self.counts
    }

    /// Every record of the zone once the plan is applied.
    pub fn after(&self) -> &Records {
        &self.after
    }

    /// Every record of the zone before.
    pub fn before(&self) -> &Records {
        &self.before
    }

    /// Every further public name once the plan is applied.
    pub fn aliases(&self) -> &Aliases {
        &self.aliases
    }

    /// The public names that come and go, sorted.
    pub fn alias_changes(&self) -> &[AliasChange] {
        &self.alias_changes
    }

    /// Whether its file is gone while what was in it is in service: without a file a restart would begin from nothing.
    fn has_vanished(&self) -> bool {
        self.file == FileState::Absent && !self.before.is_empty()
    }

    /// Whether the file would be written.
    pub fn needs_writing(&self) -> bool {
        !self.spans.is_empty()
            || self.creates_empty
            || self.old_ttl.is_some()
            || !self.alias_changes.is_empty()
            || self.has_vanished()
    }
}

/// How much of a zone's plan is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Removals and changes; what is new goes in.
    Losses,
    /// All of it.
    Everything,
}

impl ZonePlan {
    /// The same plan without what is held back: those records stay as they are in service.
    #[must_use]
    pub fn without(&self, scope: Scope) -> Self {
        let (after, aliases) = match scope {
            Scope::Everything => (self.before.clone(), self.aliases_before.clone()),
            Scope::Losses => self.without_losses(),
        };
        let (spans, counts) = difference(&self.before, &after);
        let is_written = scope == Scope::Losses;
        Self {
            apex: self.apex.clone(),
            serial: self.serial,
            file: self.file.clone(),
            held: self.held.clone(),
            foreign: self.foreign.clone(),
            old_ttl: self.old_ttl.filter(|_| is_written),
            creates_empty: self.creates_empty && is_written,
            emptied_by: Vec::new(),
            before: self.before.clone(),
            after,
            alias_changes: aliases::difference(&self.aliases_before, &aliases),
            aliases_before: self.aliases_before.clone(),
            aliases,
            spans,
            counts,
        }
    }

    /// What is wanted, but where an RRset in service would go or change, what is in service.
    fn without_losses(&self) -> (Records, Aliases) {
        let mut after = self.after.clone();
        let mut stays = BTreeSet::new();
        for change in self.held_changes(Scope::Losses) {
            stays.insert((change.owner(), change.rtype()));
        }
        after.retain(|record| !stays.contains(&(record.owner, record.rtype())));
        for &(owner, rtype) in &stays {
            for address in self.before.addresses(self.before.find(owner, rtype)) {
                after.push(owner, address, None);
            }
        }
        after.finish();
        let mut aliases = self.aliases.clone();
        for (name, owner) in self.aliases_before.iter().filter(|(_, owner)| has_addresses(&after, owner)) {
            let is_held = stays.contains(&(owner, Rtype::A)) || stays.contains(&(owner, Rtype::AAAA));
            if is_held && aliases.owner_of(name).is_none() {
                aliases.insert(name, owner);
            }
        }
        (after, aliases)
    }

    /// What a scope holds back, sorted by owner and type.
    pub fn held_changes(&self, scope: Scope) -> impl Iterator<Item = Change<'_>> {
        self.changes().filter(move |change| scope == Scope::Everything || self.is_loss(change))
    }

    /// Whether clients of a name in service would miss it, or find it elsewhere.
    fn is_loss(&self, change: &Change<'_>) -> bool {
        change.action() != Action::Create || widens(&self.before, change.owner(), change.rtype())
    }
}

/// Whether the name has addresses of the other family.
fn widens(before: &Records, owner: &str, rtype: Rtype) -> bool {
    let other = if rtype == Rtype::A { Rtype::AAAA } else { Rtype::A };
    !before.find(owner, other).is_empty()
}

/// Compares desired and current state. Managed zones that nothing wants any more are emptied; hand-written ones are left
/// alone unless lists name records in them.
pub fn plan(desired: DesiredState, mut current: BTreeMap<Name, Current>, ttl: u32) -> Plan {
    let mut wanted = desired.zones;
    for (apex, zone) in &current {
        if zone.file == FileState::Managed && !wanted.contains_key(apex) {
            wanted.insert(apex.clone(), DesiredZone::default());
        }
    }
    let lists = Lists { empty: desired.empty_lists, silent: desired.silent_sources };
    let zones = wanted.into_iter().map(|(apex, zone)| {
        let current = current.remove(&apex).unwrap_or_default();
        plan_zone(apex, zone, current, ttl, &lists)
    });
    Plan { zones: zones.collect(), places: desired.places, warnings: desired.warnings, ttl }
}

/// Lists that say less than they may have to say.
struct Lists {
    empty: Vec<EmptyList>,
    silent: BTreeSet<Arc<str>>,
}

impl Lists {
    /// Whether a record may be in a list that nobody could read: it is no reason to remove it that no other has it.
    fn may_hold(&self, provenance: &Provenance, record: &AddressRecord<'_>) -> bool {
        let listed = provenance.of(record.owner, record.rtype());
        !self.silent.is_empty() && listed.is_none_or(|listed| self.silent.contains(&listed.source))
    }

    /// Whether a record is remembered to be from a list that nobody could read.
    fn had(&self, provenance: &Provenance, record: &AddressRecord<'_>) -> bool {
        provenance.of(record.owner, record.rtype()).is_some_and(|listed| self.silent.contains(&listed.source))
    }

    /// The empty lists that had a record that would go, or may have had it.
    fn emptied_by(&self, zone: &ZonePlan, provenance: &Provenance) -> Vec<EmptyList> {
        let mut had = BTreeSet::new();
        for change in zone.changes().filter(|change| change.action() == Action::Delete) {
            let Some(listed) = provenance.of(change.owner(), change.rtype()) else {
                // It may have been in any of them.
                return self.empty.clone();
            };
            had.insert((&listed.source, &listed.file));
        }
        self.empty.iter().filter(|list| had.contains(&(&list.source, &list.file))).cloned().collect()
    }
}

fn plan_zone(apex: Name, desired: DesiredZone, current: Current, ttl: u32, lists: &Lists) -> ZonePlan {
    let DesiredZone { records: mut after, conflicts, mut aliases } = desired;
    let before = current.records;
    let held = keep_conflicts(&before, &mut after, conflicts);
    keep_unread(&before, &mut after, &current.provenance, lists);
    let (mut spans, mut counts) = difference(&before, &after);
    if current.file == FileState::HandWritten {
        // Whoever wrote the file may well have more in it than the lists.
        spans.retain(|span| span.after.1 > 0);
        counts.deleted = 0;
    }
    let is_managed = current.file == FileState::Managed;
    for (name, owner) in current.aliases.iter().filter(|_| !lists.silent.is_empty()) {
        if aliases.owner_of(name).is_none() {
            aliases.insert(name, owner);
        }
    }
    aliases.retain(|owner| has_addresses(&after, owner));
    let alias_changes = if is_managed { aliases::difference(&current.aliases, &aliases) } else { Vec::new() };
    // An empty zone says of every name that it is not there: only who has read all lists may say so.
    let creates_empty = current.file == FileState::Absent && after.is_empty() && lists.silent.is_empty();
    let old_ttl = (is_managed && !before.is_empty() && current.ttl != Some(ttl)).then_some(current.ttl);
    let mut zone = ZonePlan {
        apex,
        serial: current.serial,
        file: current.file,
        held,
        foreign: current.foreign,
        old_ttl,
        creates_empty,
        emptied_by: Vec::new(),
        before,
        after,
        aliases_before: current.aliases,
        aliases,
        alias_changes,
        spans,
        counts,
    };
    if !lists.empty.is_empty() {
        zone.emptied_by = lists.emptied_by(&zone, &current.provenance);
    }
    zone
}

/// Where lists disagree, what is in service stays.
fn keep_conflicts(before: &Records, after: &mut Records, conflicts: Vec<super::desired::Conflict>) -> Vec<HeldRrset> {
    let mut held = Vec::with_capacity(conflicts.len());
    for conflict in conflicts {
        let in_service: Vec<IpAddr> = before.addresses(before.find(&conflict.owner, conflict.rtype)).collect();
        for &address in &in_service {
            after.push(&conflict.owner, address, None);
        }
        held.push(HeldRrset { owner: conflict.owner, rtype: conflict.rtype, in_service, claims: conflict.claims });
    }
    if !held.is_empty() {
        after.finish();
    }
    held
}

/// Where a list is away that was never good, what may be in it stays.
fn keep_unread(before: &Records, after: &mut Records, provenance: &Provenance, lists: &Lists) {
    if lists.silent.is_empty() {
        return;
    }
    let is_unread = |record: &AddressRecord<'_>| {
        let is_named = !after.find(record.owner, record.rtype()).is_empty();
        // What another list says of a name is no reason to move it while the list that had it is away.
        if is_named { lists.had(provenance, record) } else { lists.may_hold(provenance, record) }
    };
    let unread: Vec<AddressRecord<'_>> = before.iter().filter(is_unread).collect();
    let keys: BTreeSet<(&str, Rtype)> = unread.iter().map(|record| (record.owner, record.rtype())).collect();
    after.retain(|record| !keys.contains(&(record.owner, record.rtype())));
    for record in &unread {
        after.push(record.owner, record.address, None);
    }
    if !unread.is_empty() {
        after.finish();
    }
}

fn has_addresses(records: &Records, owner: &str) -> bool {
    [Rtype::A, Rtype::AAAA].iter().any(|rtype| !records.find(owner, *rtype).is_empty())
}

/// Goes through two sorted sets side by side.
fn difference(before: &Records, after: &Records) -> (Vec<Span>, ChangeCounts) {
    let (mut spans, mut counts) = (Vec::new(), ChangeCounts::default());
    let (mut old, mut new) = (0, 0);
    while old < before.len() || new < after.len() {
        let order = match (before.get(old), after.get(new)) {
            (Some(a), Some(b)) => records::key(&a).cmp(&records::key(&b)),
            (Some(_), None) => Ordering::Less,
            _ => Ordering::Greater,
        };
        let old_end = if order.is_le() { before.rrset_end(old) } else { old };
        let new_end = if order.is_ge() { after.rrset_end(new) } else { new };
        counts.in_service += usize::from(order.is_le());
        let count = match order {
            Ordering::Less => &mut counts.deleted,
            Ordering::Greater => &mut counts.created,
            Ordering::Equal => &mut counts.updated,
        };
        if order.is_ne() || !before.addresses(old..old_end).eq(after.addresses(new..new_end)) {
            *count += 1;
            spans.push(Span { before: span(old, old_end), after: span(new, new_end) });
            if let Some(created) = after.get(new).filter(|_| order.is_gt()) {
                counts.widened += usize::from(widens(before, created.owner, created.rtype()));
            }
        }
        (old, new) = (old_end, new_end);
    }
    (spans, counts)
}

/// Lists are capped far below what a `u32` counts.
fn span(start: usize, end: usize) -> (u32, u32) {
    let short = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    (short(start), short(end - start))
}
