//! The only way from a plan to the disk.
//!
//! Input: a [`Plan`], the contents of each zone `guard_window` ago, the operator's limits, and the digest that the
//! operator approved, if any. Output: an [`ApprovedPlan`], which nothing else can make, and an [`UnsafePlan`] with the
//! changes that are held back, the reasons, and the way to approve them.
//!
//! The guard measures the change against the base and not against a moment ago: small steps add up, and names that were
//! added since then do not enlarge the whole. It holds back the removals and changes of a zone; new records go in, and
//! other zones are not affected. Consent is for the held changes alone, by their digest. A file that is not ours is
//! wrong in any case: an operator repairs it by hand, and consent does not help.

mod reason;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::plan::{Digest, FileState, Plan, Scope, View, ZonePlan};
use super::records::other_family;
use super::state::base::Base;
use crate::diag::{Diagnostic, command};
use crate::dns::Rtype;
use crate::zone::ZoneId;
pub(crate) use reason::HoldReason;

/// New RRsets in one window that need no consent, however small the zone is: a vault has a few dozen.
const GROWTH_FREE: usize = 10_000;

/// As many times its size a zone may grow in one window without consent.
const GROWTH: usize = 10;

/// The operator's limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The share of a zone's RRsets that may change or go within a window; one always may.
    pub max_removed: Percent,
}

/// A share of 0 to 100 percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u8);

impl Percent {
    /// From a number up to 100.
    pub fn new(percent: u8) -> Option<Self> {
        (percent <= 100).then_some(Self(percent))
    }

    /// This share of `whole`, rounded down.
    fn of(self, whole: usize) -> usize {
        // No zone comes near the numbers where this saturates.
        whole.saturating_mul(usize::from(self.0)) / 100
    }
}

impl Default for Percent {
    /// The share that octoDNS found to be a good line between work and accident.
    fn default() -> Self {
        Self(30)
    }
}

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix('%').and_then(|digits| digits.trim_end().parse().ok());
        number.and_then(Self::new).ok_or_else(|| format!("'{text}' is not a percentage: write 0% to 100%"))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

/// An operator's consent to held changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Consent {
    /// The digest of the changes.
    pub digest: Digest,
    /// The person.
    pub by: String,
}

/// The command that approves, as far as it is the same for all changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ApproveCommand<'c> {
    /// The config file.
    pub config: &'c str,
    /// True if the running server is to do it.
    pub running: bool,
    /// True if the sync is frozen, and consent has no effect.
    pub frozen: bool,
    /// True if the changes are those of an undo.
    pub undo: bool,
}

impl<'c> ApproveCommand<'c> {
    /// For a pass by hand.
    pub(crate) fn by_hand(config: &'c str) -> Self {
        Self { config, running: false, frozen: false, undo: false }
    }

    fn with(self, digest: Digest) -> String {
        let Self { config, running, frozen, undo } = self;
        let digest = digest.to_string();
        let flags = [(running, "--running"), (undo, "--undo")];
        let flags = flags.into_iter().filter_map(|(is_set, flag)| is_set.then_some(flag));
        let approve: Vec<&str> = ["sync"].into_iter().chain(flags).chain(["--approve", &digest]).collect();
        let thaw = if frozen {
            format!("the sync is frozen, so first run: {}; then, ", command(&["thaw"], config))
        } else {
            String::new()
        };
        format!("{thaw}if this is right, run: {}", command(&approve, config))
    }
}

/// A plan that may be written. Only [`review`] makes one.
#[derive(Debug)]
pub struct ApprovedPlan {
    plan: Plan,
    consented: BTreeSet<ZoneId>,
}

impl ApprovedPlan {
    /// The approved plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The approved plan itself.
    pub fn into_plan(self) -> Plan {
        self.plan
    }

    /// True if an operator consented to any of it.
    pub fn has_any_consent(&self) -> bool {
        !self.consented.is_empty()
    }

    /// True if an operator consented to what happens to this zone: what it is afterwards is its new base.
    pub fn has_consent(&self, zone: &ZoneId) -> bool {
        self.consented.contains(zone)
    }
}

/// The result of a review.
#[derive(Debug)]
pub(crate) struct Review {
    /// The part that may be written.
    pub approved: ApprovedPlan,
    /// The part that may not; `None` if all may.
    pub held: Option<Box<UnsafePlan>>,
}

impl Review {
    /// The whole plan as it was before it was split.
    pub(crate) fn view(&self) -> View<'_> {
        let mut view = self.approved.plan.view();
        for held in self.held.iter().flat_map(|held| &held.zones) {
            for zone in view.zones.iter_mut().filter(|zone| zone.id == held.zone.id) {
                *zone = &held.zone;
            }
        }
        view
    }
}

/// The part of a plan that may not be written.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.message(ApproveCommand::by_hand("FILE")))]
pub(crate) struct UnsafePlan {
    /// The parts that are held back, by zone.
    pub zones: Vec<HeldZone>,
    /// The digest that approves all of it that can be approved.
    pub digest: Digest,
    /// The digest that was given but belongs to other changes.
    pub stale: Option<Digest>,
}

/// The part of one zone's plan that is held back.
#[derive(Debug)]
pub(crate) struct HeldZone {
    /// The whole plan for it.
    pub zone: ZonePlan,
    /// The part of it that is held.
    pub scope: Scope,
    /// The reasons.
    pub reasons: Vec<HoldReason>,
}

impl HeldZone {
    /// True if an operator's consent helps.
    pub(super) fn is_approvable(&self) -> bool {
        self.reasons.iter().all(HoldReason::is_approvable)
    }
}

impl UnsafePlan {
    /// True if `--approve` helps with any of it.
    pub(crate) fn is_approvable(&self) -> bool {
        self.zones.iter().any(HeldZone::is_approvable)
    }

    /// The reasons, each about its zone, in the order of the zones: a warning if consent helps, an error if not.
    pub(crate) fn reasons(&self) -> Vec<Diagnostic> {
        let of_zone = |held: &HeldZone| {
            let zone = held.zone.id.to_string();
            held.reasons.iter().map(|reason| reason.diagnostic(&zone)).collect::<Vec<_>>()
        };
        self.zones.iter().flat_map(of_zone).collect()
    }

    /// The reasons for the log, where each stands alone and says what to do.
    pub(crate) fn for_log(&self, command: ApproveCommand<'_>) -> Vec<Diagnostic> {
        let then = format!("; held back, those records stay as they are in service; {}", self.way_out(command));
        self.reasons().into_iter().map(|reason| reason.and(&then)).collect()
    }

    /// The whole refusal.
    pub(crate) fn message(&self, command: ApproveCommand<'_>) -> String {
        let head = "held back; those records stay as they are in service:".to_owned();
        let reasons = self.reasons().into_iter().map(|reason| format!("  {reason}"));
        let lines = std::iter::once(head).chain(reasons).chain(self.stale_text()).chain([self.way_out(command)]);
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Says that the digest that was given belongs to other changes, if it does.
    pub(crate) fn stale_text(&self) -> Option<String> {
        let text =
            |stale| format!("digest {stale} approves other changes: lists or zones have changed since, run plan again");
        self.stale.map(text)
    }

    /// The way out: the command that approves exactly this, if consent is possible.
    pub(crate) fn way_out(&self, command: ApproveCommand<'_>) -> String {
        let approve = || command.with(self.digest);
        match (self.is_approvable(), self.zones.iter().all(HeldZone::is_approvable)) {
            (true, true) => approve(),
            (true, false) => format!("{}; the rest cannot be approved: fix the zone files named above", approve()),
            _ => "this cannot be approved: fix the zone files named above".to_owned(),
        }
    }
}

/// Splits a plan into what may be written and what waits. `bases` has what each zone was, where that is not what it is
/// now.
pub(crate) fn review(
    plan: Plan,
    bases: &BTreeMap<ZoneId, Base>,
    settings: &Settings,
    approved: Option<Digest>,
) -> Review {
    let no_base = Base::default();
    let mut held = Vec::new();
    let mut passed = Vec::with_capacity(plan.zones.len());
    for zone in plan.zones {
        let base = bases.get(&zone.id).unwrap_or(&no_base);
        let reasons = if zone.needs_writing() { review_zone(&zone, base, settings) } else { Vec::new() };
        match reasons.iter().map(HoldReason::scope).max_by_key(|scope| *scope == Scope::Everything) {
            None => passed.push(zone),
            Some(scope) => held.push(HeldZone { zone, scope, reasons }),
        }
    }
    let approvable = held.iter().filter(|held| held.is_approvable()).map(|held| (&held.zone, held.scope));
    let digest = Digest::of(approvable);
    let is_approved = |part: &HeldZone| {
        // Another server may hold one of these zones alone.
        let alone = || Digest::of(std::iter::once((&part.zone, part.scope)));
        part.is_approvable() && approved.is_some_and(|approved| approved == digest || approved == alone())
    };
    let mut consented = BTreeSet::new();
    let mut waiting = Vec::new();
    for part in held {
        if is_approved(&part) {
            consented.insert(part.zone.id.clone());
            passed.push(part.zone);
        } else {
            passed.push(part.zone.without(part.scope));
            waiting.push(part);
        }
    }
    passed.sort_by(|a, b| a.id.cmp(&b.id));
    let approved_plan = Plan { zones: passed, places: plan.places, warnings: plan.warnings, ttl: plan.ttl };
    let stale = approved.filter(|_| consented.is_empty());
    let unsafe_plan = UnsafePlan { zones: waiting, digest, stale };
    let held = (!unsafe_plan.zones.is_empty()).then(|| Box::new(unsafe_plan));
    Review { approved: ApprovedPlan { plan: approved_plan, consented }, held }
}

fn review_zone(zone: &ZonePlan, base: &Base, settings: &Settings) -> Vec<HoldReason> {
    match &zone.file {
        FileState::HandWritten => return vec![HoldReason::HandWritten],
        FileState::Unreadable(reason) => return vec![HoldReason::Unreadable(reason.clone())],
        FileState::Absent | FileState::Managed => {}
    }
    let mut reasons = Vec::new();
    if let Some(first) = zone.foreign.first() {
        reasons.push(HoldReason::Foreign { count: zone.foreign.len(), first: first.clone() });
    }
    let drift = Drift::of(zone, base);
    reasons.extend(growth(zone, &drift));
    reasons.extend(losses(zone, &drift, settings.max_removed));
    reasons
}

/// The distance of a zone from its base.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Drift {
    /// RRsets at the base.
    base: usize,
    /// Those that would be there with other addresses.
    updated: usize,
    /// Those that would be gone.
    deleted: usize,
    /// RRsets that would be there and were not.
    created: usize,
}

impl Drift {
    fn of(zone: &ZonePlan, base: &Base) -> Self {
        let mut drift = Self { base: zone.counts().in_service, ..Self::default() };
        let mut planned = BTreeSet::new();
        for change in zone.changes() {
            let now: Vec<IpAddr> = change.before().collect();
            let was = base.before(change.owner(), change.rtype()).unwrap_or(&now);
            let will: Vec<IpAddr> = change.after().collect();
            if was.is_empty() && !will.is_empty() && had_other_family(zone, base, change.owner(), change.rtype()) {
                drift.updated += 1;
            } else {
                drift.count(was, &will);
            }
            planned.insert((change.owner(), change.rtype()));
        }
        for (owner, rtype, was) in base.changed() {
            let now: Vec<IpAddr> = zone.before().addresses(zone.before().find(owner, rtype)).collect();
            match (was.is_empty(), now.is_empty()) {
                (true, false) => drift.base = drift.base.saturating_sub(1),
                (false, true) => drift.base += 1,
                _ => {}
            }
            if planned.contains(&(owner, rtype)) {
                continue;
            }
            if was.is_empty() && !now.is_empty() && had_other_family(zone, base, owner, rtype) {
                drift.updated += 1;
            } else {
                drift.count(was, &now);
            }
        }
        drift
    }

    fn count(&mut self, was: &[IpAddr], will: &[IpAddr]) {
        match (was, will) {
            (was, will) if was == will => {}
            ([], _) => self.created += 1,
            (_, []) => self.deleted += 1,
            _ => self.updated += 1,
        }
    }
}

/// True if a name had addresses of the other family at the base: then a new RRset moves it.
fn had_other_family(zone: &ZonePlan, base: &Base, owner: &str, rtype: Rtype) -> bool {
    let now = || zone.before().has_other_family(owner, rtype);
    base.before(owner, other_family(rtype)).map_or_else(now, |was| !was.is_empty())
}

fn losses(zone: &ZonePlan, drift: &Drift, limit: Percent) -> Vec<HoldReason> {
    let counts = zone.counts();
    if counts.losses() == 0 {
        return Vec::new();
    }
    let mut reasons = Vec::new();
    if !zone.emptied_by.is_empty() {
        let lists = zone.emptied_by.iter().map(|list| format!("{} ({})", list.source, list.file)).collect();
        reasons.push(HoldReason::EmptyLists { lists, removed: counts.deleted });
    }
    let allowed = limit.of(drift.base).max(1);
    if zone.after().is_empty() {
        reasons.push(HoldReason::Empty { in_service: counts.in_service });
    } else if drift.updated + drift.deleted > allowed {
        let Drift { base, updated, deleted, .. } = *drift;
        reasons.push(HoldReason::Share { updated, deleted, base, allowed, limit });
    }
    reasons
}

/// A zone that is filled for the first time may have any size that lists may have.
fn growth(zone: &ZonePlan, drift: &Drift) -> Option<HoldReason> {
    let allowed = drift.base.saturating_mul(GROWTH).max(GROWTH_FREE);
    let is_first = drift.base == 0 && zone.before().is_empty();
    let is_over = drift.created > allowed && zone.counts().created > 0 && !is_first;
    is_over.then_some(HoldReason::Growth { created: drift.created, base: drift.base, allowed })
}
