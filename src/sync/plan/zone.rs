//! The plan for one zone, and the same plan without the part that the guard holds back.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::change::{Span, difference};
use super::{Action, AliasChange, Change, ChangeCounts, Current, FileState, aliases};
use crate::dns::{Rtype, Serial};
use crate::sync::desired::{Claim, EmptyList};
use crate::sync::records::Records;
use crate::zone::{Aliases, ZoneId};

/// The plan for one zone.
#[derive(Clone, Debug)]
pub struct ZonePlan {
    /// The zone.
    pub id: ZoneId,
    /// Its present serial.
    pub serial: Option<Serial>,
    /// The present keeper of its file.
    pub file: FileState,
    /// RRsets that stay as they are because lists disagree.
    pub held: Vec<HeldRrset>,
    /// Records that would be lost with the file, in presentation format.
    pub foreign: Vec<String>,
    /// The TTL in the file, where it has to change.
    pub old_ttl: Option<Option<u32>>,
    /// An empty zone is made so that it is hosted.
    pub creates_empty: bool,
    /// Lists that name no endpoint at all and had, or may have had, records that would go.
    pub emptied_by: Vec<EmptyList>,
    pub(super) before: Records,
    pub(super) after: Records,
    pub(super) aliases_before: Aliases,
    pub(super) aliases: Aliases,
    pub(super) alias_changes: Vec<AliasChange>,
    pub(super) spans: Vec<Span>,
    pub(super) counts: ChangeCounts,
}

/// An RRset on which lists disagree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRrset {
    /// Relative to the apex.
    pub owner: String,
    /// A or AAAA.
    pub rtype: Rtype,
    /// The addresses that stay; empty if there are none.
    pub in_service: Vec<IpAddr>,
    /// The claims of the lists.
    pub claims: Vec<Claim>,
}

impl ZonePlan {
    /// From what a zone is to these records, whatever lists say. A public name whose owner goes, goes with it.
    pub(in crate::sync) fn replacing(id: ZoneId, current: Current, after: Records) -> Self {
        let (spans, counts) = difference(&current.records, &after);
        let mut aliases = current.aliases.clone();
        aliases.retain(|owner| after.has_addresses(owner));
        Self {
            id,
            serial: current.serial,
            file: current.file,
            held: Vec::new(),
            foreign: current.foreign,
            old_ttl: None,
            creates_empty: false,
            emptied_by: Vec::new(),
            alias_changes: aliases::difference(&current.aliases, &aliases),
            before: current.records,
            after,
            aliases_before: current.aliases,
            aliases,
            spans,
            counts,
        }
    }

    /// The changes, sorted by owner and type.
    pub fn changes(&self) -> impl ExactSizeIterator<Item = Change<'_>> {
        self.spans.iter().map(|span| Change { zone: self, span: *span })
    }

    /// The numbers of RRsets that change, by the kind of change.
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

    /// True if its file is gone while what was in it is in service: without a file a restart would begin from nothing.
    pub(super) fn has_vanished(&self) -> bool {
        self.file == FileState::Absent && !self.before.is_empty()
    }

    /// True if the file would be written.
    pub fn needs_writing(&self) -> bool {
        !self.spans.is_empty()
            || self.creates_empty
            || self.old_ttl.is_some()
            || !self.alias_changes.is_empty()
            || self.has_vanished()
    }
}

/// The part of a zone's plan that is held back.
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
            id: self.id.clone(),
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

    /// The wanted records, but the ones in service for every RRset that would be removed or changed.
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
        for (name, owner) in self.aliases_before.iter().filter(|(_, owner)| after.has_addresses(owner)) {
            let is_held = stays.contains(&(owner, Rtype::A)) || stays.contains(&(owner, Rtype::AAAA));
            if is_held && aliases.owner_of(name).is_none() {
                aliases.insert(name, owner);
            }
        }
        (after, aliases)
    }

    /// The changes that a scope holds back, sorted by owner and type.
    pub fn held_changes(&self, scope: Scope) -> impl Iterator<Item = Change<'_>> {
        self.changes().filter(move |change| scope == Scope::Everything || self.is_loss(change))
    }

    /// True if clients of a name in service would miss it, or find it elsewhere.
    fn is_loss(&self, change: &Change<'_>) -> bool {
        change.action() != Action::Create || self.before.has_other_family(change.owner(), change.rtype())
    }
}
