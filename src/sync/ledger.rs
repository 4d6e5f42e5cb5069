//! What the last pass knows of names that the zones in service do not show: changes that are held, lists that
//! disagree, and names that a list leaves out because nothing goes over the connection of their endpoint.
//!
//! Input: the listings and the plan of a pass, at its end. Output: a [`Ledger`] that is asked by name. No list is
//! read a second time for it, and its size is bounded.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::guard::{HeldZone, UnsafePlan};
use super::plan::{Change, HeldRrset, Plan};
use super::records::Places;
use super::source::Listing;
use crate::azure::names::locate;
use crate::zone::ViewName;

/// Entries of one kind that are kept.
const MAX_ENTRIES: usize = 20_000;

/// A change that waits for consent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HeldChange {
    /// A or AAAA.
    #[serde(rename = "type")]
    pub rtype: String,
    /// The addresses in service; none if the record is new.
    pub before: Vec<IpAddr>,
    /// The addresses that wait; none if the record would go.
    pub after: Vec<IpAddr>,
    /// The source that has the addresses that wait; `None` if the record would go.
    pub source: Option<String>,
    /// The place in its list, `file:line`.
    pub place: Option<String>,
    /// The reasons why the zone's changes are held.
    pub reasons: Vec<String>,
    /// The digest that approves it; `None` where no consent helps.
    pub digest: Option<String>,
}

/// A name to which lists give different addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Disagreement {
    /// A or AAAA.
    #[serde(rename = "type")]
    pub rtype: String,
    /// The addresses that stay in service; none if there are none.
    pub in_service: Vec<IpAddr>,
    /// What the lists say, at least two.
    pub claims: Vec<ListClaim>,
}

/// One side of a disagreement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListClaim {
    /// The source.
    pub source: String,
    /// The place in its list, `file:line`.
    pub place: String,
    /// The addresses that it gives.
    pub addresses: Vec<IpAddr>,
}

/// A name that a list has and that is not published: nothing goes over the connection of its endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LeftOut {
    /// The source.
    pub source: String,
    /// The place in its list, `file:line`.
    pub place: String,
    /// The private endpoint, as the list names it.
    pub endpoint: Option<String>,
    /// The state of its connection, such as `Pending`.
    pub state: String,
}

/// What a pass knows of one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameEntry {
    /// Its changes that wait for consent.
    pub held: Vec<HeldChange>,
    /// Its addresses on which lists disagree.
    pub conflicts: Vec<Disagreement>,
    /// Its changes that wait for the end of a freeze.
    pub frozen: Vec<HeldChange>,
    /// The lists that leave it out.
    pub left_out: Vec<LeftOut>,
}

/// What a pass knows of names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// By the view, or the base, and the record: owner and zone, in lower case without the final dot.
    names: BTreeMap<(Option<ViewName>, Box<str>), NameEntry>,
    counts: [usize; 4],
    /// Entries for which there was no room.
    omitted: usize,
}

impl Ledger {
    /// What is known of a record in the base, or for the clients of a view, by its owner and zone in lower case without
    /// the final dot. What is known of a view's own part comes first.
    pub fn of(&self, view: Option<&ViewName>, record: &str) -> NameEntry {
        let at = |view: Option<&ViewName>| self.names.get(&(view.cloned(), record.into()));
        at(view).or_else(|| at(None)).cloned().unwrap_or_default()
    }

    /// Entries for which there was no room.
    pub fn omitted(&self) -> usize {
        self.omitted
    }

    /// Adds the names that listings leave out.
    pub(super) fn left_out(&mut self, listings: &[Listing]) {
        let mut buffer = String::new();
        for listing in listings {
            self.omitted += listing.unnamed_left;
            for left in &listing.left {
                let Ok(place) = locate(&left.name, &mut buffer) else { continue };
                let entry = LeftOut {
                    source: listing.source.to_string(),
                    place: listing.place(left.line).to_string(),
                    endpoint: left.endpoint.as_deref().map(str::to_owned),
                    state: left.state.to_string(),
                };
                self.add(0, listing.view.as_ref(), &place.record_text(), |name| name.left_out.push(entry));
            }
        }
    }

    /// Adds the changes that would be written but for a freeze.
    pub(super) fn frozen(&mut self, plan: &Plan) {
        for zone in &plan.zones {
            let apex = zone.id.apex.without_dot();
            for change in zone.changes() {
                let entry = change_entry(&change, &plan.places);
                self.add(3, zone.id.view.as_ref(), &record(change.owner(), &apex), |name| name.frozen.push(entry));
            }
        }
    }

    /// Adds what a plan leaves as it is, and what of it waits for consent.
    pub(super) fn planned(&mut self, plan: &Plan, held: Option<&UnsafePlan>) {
        for zone in &plan.zones {
            let apex = zone.id.apex.without_dot();
            for rrset in &zone.held {
                let conflict = disagreement(rrset, &plan.places);
                self.add(1, zone.id.view.as_ref(), &record(&rrset.owner, &apex), |name| name.conflicts.push(conflict));
            }
        }
        for part in held.iter().flat_map(|held| &held.zones) {
            let digest = held.filter(|_| part.is_approvable()).map(|held| held.digest.to_string());
            let apex = part.zone.id.apex.without_dot();
            for change in part.zone.held_changes(part.scope) {
                let entry = held_change(&change, part, &plan.places, digest.as_deref());
                self.add(2, part.zone.id.view.as_ref(), &record(change.owner(), &apex), |name| name.held.push(entry));
            }
        }
    }

    fn add(&mut self, kind: usize, view: Option<&ViewName>, record: &str, add: impl FnOnce(&mut NameEntry)) {
        if self.counts[kind] == MAX_ENTRIES {
            self.omitted += 1;
            return;
        }
        self.counts[kind] += 1;
        add(self.names.entry((view.cloned(), record.into())).or_default());
    }
}

fn record(owner: &str, apex: &str) -> String {
    if owner == "@" { apex.to_owned() } else { format!("{owner}.{apex}") }
}

fn disagreement(rrset: &HeldRrset, places: &Places) -> Disagreement {
    let claim = |claim: &super::desired::Claim| ListClaim {
        source: places.source(claim.origin).to_owned(),
        place: places.place(claim.origin),
        addresses: claim.addresses.clone(),
    };
    Disagreement {
        rtype: rrset.rtype.to_string(),
        in_service: rrset.in_service.clone(),
        claims: rrset.claims.iter().map(claim).collect(),
    }
}

fn held_change(change: &Change<'_>, part: &HeldZone, places: &Places, digest: Option<&str>) -> HeldChange {
    HeldChange {
        reasons: part.reasons.iter().map(ToString::to_string).collect(),
        digest: digest.map(str::to_owned),
        ..change_entry(change, places)
    }
}

fn change_entry(change: &Change<'_>, places: &Places) -> HeldChange {
    let origin = change.origin();
    HeldChange {
        rtype: change.rtype().to_string(),
        before: change.before().collect(),
        after: change.after().collect(),
        source: origin.map(|origin| places.source(origin).to_owned()),
        place: origin.map(|origin| places.place(origin)),
        ..HeldChange::default()
    }
}
