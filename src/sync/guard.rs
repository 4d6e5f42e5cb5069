//! The one door between a plan and the disk.
//!
//! In: a [`Plan`], the operator's limits, and the digest he approved, if any. Out: an [`ApprovedPlan`], which nothing else
//! can make, or an [`UnsafePlan`] that says why and how to go on. All zones are reviewed before anything is written, and one
//! unsafe zone holds all of them back: half a plan is a state that nobody wrote a list for.
//!
//! Consent is for one plan, by its digest, and covers what may be intended: removals. What is wrong in any case (a file that
//! is not ours, an address outside `allowed_targets`) is cured in the config, never by consent.

mod reason;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use ipnet::IpNet;

use super::plan::{Digest, FileState, Plan, ZonePlan};
use crate::dns::Name;
pub use reason::Reason;

/// The operator's limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The share of a zone's RRsets that one plan may change or remove; one is always allowed.
    pub max_removed: Percent,
    /// The networks that records may point into.
    pub allowed_targets: Vec<IpNet>,
}

/// A share of 0 to 100 percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u8);

impl Percent {
    /// From a number up to 100.
    pub fn new(percent: u8) -> Option<Self> {
        (percent <= 100).then_some(Self(percent))
    }

    /// How many of `whole` that is, rounded down.
    fn of(self, whole: usize) -> usize {
        // No zone comes near the numbers where this saturates.
        whole.saturating_mul(usize::from(self.0)) / 100
    }
}

impl Default for Percent {
    /// What octoDNS has found to be a good line between work and accident.
    fn default() -> Self {
        Self(30)
    }
}

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix('%').and_then(|digits| digits.trim_end().parse().ok());
        number.and_then(Self::new).ok_or_else(|| format!("'{text}' is no share: write 0% to 100%"))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

/// A plan that may be written. Only [`review`] makes one.
#[derive(Debug)]
pub struct ApprovedPlan(Plan);

impl ApprovedPlan {
    /// What was approved.
    pub fn plan(&self) -> &Plan {
        &self.0
    }
}

/// A plan that may not be written.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.message("FILE"))]
pub struct UnsafePlan {
    /// What was refused.
    pub plan: Plan,
    /// Why, in the order of the zones.
    pub refusals: Vec<Refusal>,
    /// What approves it, if it can be approved.
    pub digest: Digest,
    /// The digest that was given but belongs to another plan.
    pub stale: Option<Digest>,
}

/// One thing that makes a plan unsafe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The zone; `None` for what concerns all of them.
    pub zone: Option<Name>,
    /// What is wrong.
    pub reason: Reason,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.zone {
            Some(zone) => write!(f, "{}: {}", zone.without_dot(), self.reason),
            None => self.reason.fmt(f),
        }
    }
}

impl UnsafePlan {
    /// Whether `--approve` helps.
    pub fn is_approvable(&self) -> bool {
        self.refusals.iter().all(|refusal| refusal.reason.is_approvable())
    }

    /// The reasons as texts.
    pub fn reasons(&self) -> Vec<String> {
        self.refusals.iter().map(ToString::to_string).collect()
    }

    /// The whole refusal; `config` is the path for the command that approves the plan.
    pub fn message(&self, config: &str) -> String {
        let head = "the plan is unsafe; nothing is written and the records in service stay:".to_owned();
        let reasons = self.refusals.iter().map(|refusal| format!("  {refusal}"));
        let stale = self.stale.map(|stale| {
            format!("digest {stale} approves another plan: lists or zones have changed since, look again")
        });
        let lines = std::iter::once(head).chain(reasons).chain(stale).chain([self.way_out(config)]);
        lines.collect::<Vec<_>>().join("\n")
    }

    /// What to do about it: the command that approves exactly this plan, if one can.
    pub fn way_out(&self, config: &str) -> String {
        if self.is_approvable() {
            format!("if this is right: privatelink-dns sync --config {config} --approve {}", self.digest)
        } else {
            "this cannot be approved: correct what is named above".to_owned()
        }
    }
}

/// Lets a plan pass if every zone of it is safe, or if the operator approved exactly this plan.
pub fn review(plan: Plan, settings: &Settings, approved: Option<Digest>) -> Result<ApprovedPlan, Box<UnsafePlan>> {
    let mut refusals = refuse_empty_sources(&plan);
    for zone in plan.zones.iter().filter(|zone| zone.needs_writing()) {
        let reasons = review_zone(zone, &plan, settings);
        refusals.extend(reasons.into_iter().map(|reason| Refusal { zone: Some(zone.apex.clone()), reason }));
    }
    if refusals.is_empty() {
        return Ok(ApprovedPlan(plan));
    }
    let digest = plan.digest();
    if approved == Some(digest) && refusals.iter().all(|refusal| refusal.reason.is_approvable()) {
        return Ok(ApprovedPlan(plan));
    }
    let stale = approved.filter(|approved| *approved != digest);
    Err(Box::new(UnsafePlan { plan, refusals, digest, stale }))
}

/// A list that names nothing at all is mostly a script that failed: it takes nothing away without consent, however little.
fn refuse_empty_sources(plan: &Plan) -> Vec<Refusal> {
    let removed: usize = plan.zones.iter().map(|zone| zone.counts().deleted).sum();
    if plan.empty_sources.is_empty() || removed == 0 {
        return Vec::new();
    }
    vec![Refusal { zone: None, reason: Reason::EmptySource { sources: plan.empty_sources.clone(), removed } }]
}

fn review_zone(zone: &ZonePlan, plan: &Plan, settings: &Settings) -> Vec<Reason> {
    let mut reasons = Vec::new();
    match &zone.file {
        FileState::HandWritten => reasons.push(Reason::HandWritten),
        FileState::Unreadable(reason) => reasons.push(Reason::Unreadable(reason.clone())),
        FileState::Absent | FileState::Managed => {}
    }
    if let Some(first) = zone.foreign.first() {
        reasons.push(Reason::Foreign { count: zone.foreign.len(), first: first.clone() });
    }
    reasons.extend(outside_targets(zone, plan, &settings.allowed_targets));
    reasons.extend(removals(zone, settings.max_removed));
    reasons
}

/// Only addresses that are new: what is in service already does not get better by holding other records back.
fn outside_targets(zone: &ZonePlan, plan: &Plan, allowed: &[IpNet]) -> Option<Reason> {
    let is_outside = |address: &std::net::IpAddr| !allowed.iter().any(|network| network.contains(address));
    let mut outside = zone.changes().flat_map(|change| {
        let bad = change.after().filter(is_outside);
        bad.map(move |address| (change, address))
    });
    let (change, address) = outside.next()?;
    let place = change.origin().map(|origin| plan.places.show(origin)).unwrap_or_default();
    let owner = change.owner().to_owned();
    Some(Reason::OutsideTargets { count: outside.count() + 1, owner, address, place })
}

fn removals(zone: &ZonePlan, limit: Percent) -> Option<Reason> {
    let counts = zone.counts();
    if counts.in_service > 0 && zone.after().is_empty() {
        return Some(Reason::Empty { in_service: counts.in_service });
    }
    let allowed = limit.of(counts.in_service).max(1);
    let (updated, deleted) = (counts.updated, counts.deleted);
    let is_over = updated + deleted > allowed;
    is_over.then_some(Reason::Share { updated, deleted, in_service: counts.in_service, allowed, limit })
}
