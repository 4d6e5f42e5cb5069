//! The inverse of the last applied change.
//!
//! Input: the journal's last pass and the zones in service. Output: each RRset that still is what that pass made of it
//! is again what it was before; one that is something else by now is left and named. The guard reviews it like any
//! plan. An undo is done whole or not at all, and freezes the sync: the lists still say otherwise, and the next pass
//! would do again what was undone. An undo is a change too: to undo it does the first change again.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::SystemTime;

use super::Settings;
use super::apply::{self, Applied};
use super::guard::{self, Consent, UnsafePlan};
use super::pass::{clock, currents, time_of};
use super::plan::{Current, Plan, ZonePlan};
use super::state::base::Base;
use super::state::changes::{AppliedChange, Changes, Wish};
use super::state::freeze::Freeze;
use super::state::last_pass::LastPass;
use crate::azure::names::locate;
use crate::diag::{Diagnostic, Diagnostics, Id, Place};
use crate::dns::{Name, Rtype};
use crate::zone::{ViewName, ZoneId, ZoneSet};

/// The order to undo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Undo {
    /// Who says so; with a digest, the consent to what the guard holds.
    pub by: String,
    /// The consent.
    pub consent: Option<Consent>,
}

/// What became of it.
#[derive(Debug, Default)]
pub(crate) struct Undone {
    /// The time of the change that is undone, in RFC 3339.
    pub of: String,
    /// The RRsets that are something else by now, and are left.
    pub left: Vec<String>,
    /// The changes that were made.
    pub changes: Changes,
    /// The zones that were written, and what kept others from it; with the freeze.
    pub applied: Applied,
    /// The guard holds it back: nothing was written.
    pub held: Option<Box<UnsafePlan>>,
    /// What is worth a look.
    pub warnings: Diagnostics,
}

/// Undoes the last change.
///
/// # Errors
/// Why that cannot be.
pub(crate) fn run(settings: &Settings, zones: &ZoneSet, undo: &Undo, now: SystemTime) -> Result<Undone, Diagnostic> {
    carry_out(settings, currents(settings, zones), undo, now)
}

pub(super) fn carry_out(
    settings: &Settings,
    currents: BTreeMap<ZoneId, Current>,
    undo: &Undo,
    now: SystemTime,
) -> Result<Undone, Diagnostic> {
    let refused = |text: &str| Diagnostic::error(Id::UNDO_REFUSED, Place::file(settings.state.folder()), text);
    let last = settings.state.last_pass()?.ok_or_else(|| refused("no change is known that could be undone"))?;
    let mut inverse = inverse(&last, currents, settings)?;
    let plan = Plan { zones: std::mem::take(&mut inverse.zones), ttl: settings.ttl_seconds(), ..Plan::default() };
    let mut undone = Undone { of: last.at.clone(), left: inverse.left, ..Undone::default() };
    let mut bases = BTreeMap::new();
    for zone in &plan.zones {
        // Without its memory the guard compares with what is in service.
        if let Ok(base) = Base::load(&settings.state, &zone.id, clock(settings, now)) {
            bases.insert(zone.id.clone(), base);
        }
    }
    let digest = undo.consent.as_ref().map(|consent| consent.digest);
    let review = guard::review(plan, &bases, &settings.guard(), digest);
    undone.held = review.held;
    if undone.held.is_some() {
        return Ok(undone);
    }
    if digest.is_some() && !review.approved.has_any_consent() {
        return Err(refused("the digest approves other changes: nothing was undone; run sync --undo without it"));
    }
    let reason = format!("undo of the change of {}", last.at);
    let freeze = Freeze::new(clock(settings, now).now / 1000, &undo.by, Some(&reason));
    let (state, dir) = (&settings.state, &settings.zone_dir);
    undone.applied = apply::apply_undo(&review.approved, dir, state, clock(settings, now), freeze);
    let wish = |zone: &ZonePlan| Wish {
        by: Some(&undo.by),
        approved: review.approved.has_consent(&zone.id),
        undoes: Some(&last.at),
    };
    let (changes, recorded) =
        state.record_changes(review.approved.plan(), &undone.applied.written, &wish, &time_of(now));
    undone.changes = changes;
    if let Err(error) = recorded {
        let then = "; the changes are only in the log, and cannot be undone";
        undone.warnings.warning(|| error.diagnostic(Id::JOURNAL_FAILED).and(then));
    }
    Ok(undone)
}

/// The plan, and what it leaves.
struct Inverse {
    zones: Vec<ZonePlan>,
    left: Vec<String>,
}

/// A zone as the journal has it: its view, or the base, and its apex.
type ZoneKey<'c> = (Option<&'c ViewName>, &'c str);

/// An RRset: its zone, its owner in full, and whether it is AAAA.
type Key<'c> = (ZoneKey<'c>, &'c str, bool);

/// What an RRset was before a pass and after it.
type Step<'c> = (&'c [IpAddr], &'c [IpAddr]);

fn inverse(
    last: &LastPass,
    mut currents: BTreeMap<ZoneId, Current>,
    settings: &Settings,
) -> Result<Inverse, Diagnostic> {
    let mut by_zone: BTreeMap<ZoneKey<'_>, Vec<(Key<'_>, Step<'_>)>> = BTreeMap::new();
    for (key, step) in steps(&last.changes) {
        by_zone.entry(key.0).or_default().push((key, step));
    }
    let mut inverse = Inverse { zones: Vec::new(), left: Vec::new() };
    for ((view, zone), steps) in by_zone {
        let id = zone.parse::<Name>().ok().map(|apex| ZoneId { view: view.cloned(), apex });
        let Some((id, current)) = id.and_then(|id| Some((id.clone(), currents.remove(&id)?))) else {
            inverse
                .left
                .extend(steps.iter().map(|(key, _)| format!("{} {}: its zone is not hosted", key.1, rtype(*key))));
            continue;
        };
        if let Some((key, _)) = steps.iter().find(|(key, _)| !is_of_zone(key)) {
            let name = crate::diag::printable(key.1);
            let text = format!("the journal has '{name}', which no list can name in this zone; nothing was undone");
            return Err(Diagnostic::error(Id::UNDO_REFUSED, Place::zone(zone), text));
        }
        let plan = inverse_of_zone(id, current, &steps, &mut inverse.left);
        check_targets(&plan, settings)?;
        inverse.zones.push(plan);
    }
    inverse.zones.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(inverse)
}

/// Each RRset once: two passes in one moment are one.
fn steps(changes: &[AppliedChange]) -> BTreeMap<Key<'_>, Step<'_>> {
    let mut steps: BTreeMap<Key<'_>, Step<'_>> = BTreeMap::new();
    for change in changes {
        let zone = (change.view.as_ref(), change.zone.as_str());
        let key = (zone, change.name.as_str(), change.rtype == Rtype::AAAA.to_string());
        let step = steps.entry(key).or_insert((&change.before, &change.after));
        step.1 = &change.after;
    }
    steps
}

/// True for a name as sync writes it: what stands in a journal may be from anybody.
fn is_of_zone(key: &Key<'_>) -> bool {
    let mut buffer = String::new();
    locate(key.1, &mut buffer).is_ok_and(|place| place.zone_text() == key.0.1 && place.record_text() == key.1)
}

fn rtype(key: Key<'_>) -> Rtype {
    if key.2 { Rtype::AAAA } else { Rtype::A }
}

fn inverse_of_zone(id: ZoneId, current: Current, steps: &[(Key<'_>, Step<'_>)], left: &mut Vec<String>) -> ZonePlan {
    let suffix = format!(".{}", id.apex.without_dot());
    let mut after = current.records.clone();
    let mut back: BTreeMap<(&str, bool), &[IpAddr]> = BTreeMap::new();
    for (key, (before, made)) in steps {
        let owner = key.1.strip_suffix(&suffix).unwrap_or("@");
        let now: Vec<IpAddr> = current.records.addresses(current.records.find(owner, rtype(*key))).collect();
        if is_same(&now, made) {
            back.insert((owner, key.2), before);
        } else if !is_same(&now, before) {
            let now = super::state::changes::addresses(&now);
            left.push(format!("{} {}: it has changed since, to {now}", key.1, rtype(*key)));
        }
    }
    after.retain(|record| !back.contains_key(&(record.owner, record.address.is_ipv6())));
    for ((owner, _), addresses) in back {
        for address in addresses {
            after.push(owner, *address, None);
        }
    }
    after.finish();
    ZonePlan::replacing(id, current, after)
}

/// The same addresses in any order.
fn is_same(some: &[IpAddr], others: &[IpAddr]) -> bool {
    some.len() == others.len() && some.iter().all(|address| others.contains(address))
}

/// No undo brings back an address that no list may name any more.
fn check_targets(plan: &ZonePlan, settings: &Settings) -> Result<(), Diagnostic> {
    let is_allowed = |address: &IpAddr| settings.allowed_targets.iter().any(|network| network.contains(address));
    for change in plan.changes() {
        if let Some(address) = change.after().find(|address| !is_allowed(address)) {
            let zone = plan.id.to_string();
            let text = format!(
                "{address}, which an undo would bring back for '{}', is outside allowed_targets; nothing was undone",
                change.owner()
            );
            return Err(Diagnostic::error(Id::UNDO_REFUSED, Place::zone(&zone), text));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
