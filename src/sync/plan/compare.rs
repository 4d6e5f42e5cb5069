//! Makes a plan: compares the desired records with those in service.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::change::difference;
use super::incomplete::Incomplete;
use super::{Action, Current, FileState, HeldRrset, Plan, ZonePlan, aliases};
use crate::diag::Diagnostics;
use crate::dns::Rtype;
use crate::sync::desired::{Conflict, DesiredState, DesiredZone, EmptyList, IncompleteList, SourceOfView};
use crate::sync::records::{AddressRecord, Places, Records};
use crate::sync::state::provenance::ZoneProvenance;
use crate::zone::{Aliases, ViewName, ZoneId};

/// Compares desired and current state. Managed zones that nothing wants any more are emptied; hand-written ones are
/// left alone unless lists name records in them.
pub fn plan(desired: DesiredState, mut current: BTreeMap<ZoneId, Current>, ttl: u32) -> Plan {
    let mut wanted = desired.zones;
    for (id, zone) in &current {
        if zone.file == FileState::Managed && !wanted.contains_key(id) {
            wanted.insert(id.clone(), DesiredZone::default());
        }
    }
    let mut lists = Lists::by_view(
        desired.empty_lists,
        desired.silent_sources,
        desired.incomplete_lists,
        wanted.keys().map(|id| id.view.clone()),
        &desired.places,
    );
    let plan_one = |(id, zone): (ZoneId, DesiredZone)| {
        let current = current.remove(&id).unwrap_or_default();
        let of_view = lists.get_mut(&id.view)?;
        Some(plan_zone(id, zone, current, ttl, of_view))
    };
    let zones = wanted.into_iter().filter_map(plan_one).collect();
    // What stays against the lists comes before what stands in them.
    let mut warnings = Diagnostics::default();
    for of_view in lists.into_values() {
        warnings.append(of_view.incomplete.warnings());
    }
    warnings.append(desired.warnings);
    Plan { zones, places: desired.places, warnings, ttl }
}

/// Lists of the base, or of one view, that may be incomplete: the empty ones, sources that could not be read, and those
/// with gaps. What one view has is never in the lists of another.
struct Lists {
    empty: Vec<EmptyList>,
    silent: BTreeSet<Arc<str>>,
    incomplete: Incomplete,
}

impl Lists {
    /// Those of each of these views.
    fn by_view(
        empty: Vec<EmptyList>,
        silent: BTreeSet<SourceOfView>,
        incomplete: Vec<IncompleteList>,
        views: impl Iterator<Item = Option<ViewName>>,
        places: &Places,
    ) -> BTreeMap<Option<ViewName>, Self> {
        let none = || Self { empty: Vec::new(), silent: BTreeSet::new(), incomplete: Incomplete::of(places) };
        let mut by_view: BTreeMap<Option<ViewName>, Self> = views.map(|view| (view, none())).collect();
        for list in empty {
            by_view.entry(list.view.clone()).or_insert_with(none).empty.push(list);
        }
        for (view, source) in silent {
            by_view.entry(view).or_insert_with(none).silent.insert(source);
        }
        for list in incomplete {
            by_view.entry(list.view.clone()).or_insert_with(none).incomplete.add(list);
        }
        by_view
    }

    /// True if a record may be in a list that could not be read: then it stays although no other list has it.
    fn may_hold(&self, provenance: &ZoneProvenance, record: &AddressRecord<'_>) -> bool {
        let listed = provenance.of(record.owner, record.rtype());
        !self.silent.is_empty() && listed.is_none_or(|listed| self.silent.contains(&listed.source))
    }

    /// True if a record is remembered to be from a list that could not be read.
    fn is_from_unread(&self, provenance: &ZoneProvenance, record: &AddressRecord<'_>) -> bool {
        provenance.of(record.owner, record.rtype()).is_some_and(|listed| self.silent.contains(&listed.source))
    }

    /// The empty lists that had a record that would go, or may have had it.
    fn emptied_by(&self, zone: &ZonePlan, provenance: &ZoneProvenance) -> Vec<EmptyList> {
        let mut sources = BTreeSet::new();
        for change in zone.changes().filter(|change| change.action() == Action::Delete) {
            let Some(listed) = provenance.of(change.owner(), change.rtype()) else {
                // It may have been in any of them.
                return self.empty.clone();
            };
            sources.insert((&listed.source, &listed.file));
        }
        self.empty.iter().filter(|list| sources.contains(&(&list.source, &list.file))).cloned().collect()
    }
}

fn plan_zone(id: ZoneId, desired: DesiredZone, current: Current, ttl: u32, lists: &mut Lists) -> ZonePlan {
    let DesiredZone { records: mut after, conflicts, aliases } = desired;
    let before = current.records;
    let held = keep_conflicts(&before, &mut after, conflicts);
    keep_unread(&before, &mut after, &current.provenance, lists);
    let mut incomplete = BTreeSet::new();
    // A removal from a file that sync does not write is none.
    if current.file != FileState::HandWritten {
        incomplete = lists.incomplete.keep(&id.apex, &before, &mut after, &current.provenance);
    }
    let is_unread = |owner: &str| !lists.silent.is_empty() || incomplete.contains(owner);
    let aliases = keep_unread_aliases(aliases, &current.aliases, &after, is_unread);
    let (mut spans, mut counts) = difference(&before, &after);
    if current.file == FileState::HandWritten {
        // The person who wrote the file may have more in it than the lists.
        spans.retain(|span| !span.is_removal());
        counts.deleted = 0;
    }
    let is_managed = current.file == FileState::Managed;
    let alias_changes = if is_managed { aliases::difference(&current.aliases, &aliases) } else { Vec::new() };
    // An empty zone denies every name: only after all lists have been read is that known to be true.
    let creates_empty = current.file == FileState::Absent && after.is_empty() && lists.silent.is_empty();
    let old_ttl = (is_managed && !before.is_empty() && current.ttl != Some(ttl)).then_some(current.ttl);
    let mut zone = ZonePlan {
        id,
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

/// The wanted aliases of records that are there; where a list is away or lacks the record, those in service stay.
fn keep_unread_aliases(
    mut wanted: Aliases,
    in_service: &Aliases,
    after: &Records,
    is_unread: impl Fn(&str) -> bool,
) -> Aliases {
    for (name, owner) in in_service.iter().filter(|(_, owner)| is_unread(owner)) {
        if wanted.owner_of(name).is_none() {
            wanted.insert(name, owner);
        }
    }
    wanted.retain(|owner| after.has_addresses(owner));
    wanted
}

/// Keeps the records in service where lists disagree.
fn keep_conflicts(before: &Records, after: &mut Records, conflicts: Vec<Conflict>) -> Vec<HeldRrset> {
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

/// Keeps the records that may be in a list that is away and was never good.
fn keep_unread(before: &Records, after: &mut Records, provenance: &ZoneProvenance, lists: &Lists) {
    if lists.silent.is_empty() {
        return;
    }
    let is_unread = |record: &AddressRecord<'_>| {
        let is_named = !after.find(record.owner, record.rtype()).is_empty();
        // Another list must not move a name while the list that had it is away.
        if is_named { lists.is_from_unread(provenance, record) } else { lists.may_hold(provenance, record) }
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
