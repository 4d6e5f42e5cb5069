//! The RRsets that a plan changes: which ones, how, and how many.

use std::cmp::Ordering;
use std::net::IpAddr;
use std::ops::Range;

use super::ZonePlan;
use crate::dns::Rtype;
use crate::sync::records::{self, AddressRecord, Origin, Records};

/// The place of a changed RRset's records before and after.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    before: (u32, u32),
    after: (u32, u32),
}

impl Span {
    /// The records before.
    pub(super) fn before(self) -> Range<usize> {
        range(self.before)
    }

    /// True if the RRset is gone afterwards.
    pub(super) fn is_removal(self) -> bool {
        self.after.1 == 0
    }
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
    /// Of those that are new: AAAA of a name that had A alone, or the other way round. Clients that prefer the new
    /// family go where it leads, so this moves a name as much as a change does.
    pub widened: usize,
}

impl ChangeCounts {
    /// RRsets in service that clients would miss, or find elsewhere.
    pub fn losses(&self) -> usize {
        self.updated + self.deleted + self.widened
    }
}

/// The kind of change to an RRset.
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
    pub(super) zone: &'p ZonePlan,
    pub(super) span: Span,
}

impl<'p> Change<'p> {
    /// The kind of change.
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

    /// The line that lists the new addresses.
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

/// Goes through two sorted sets side by side.
pub(super) fn difference(before: &Records, after: &Records) -> (Vec<Span>, ChangeCounts) {
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
                counts.widened += usize::from(before.has_other_family(created.owner, created.rtype()));
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
