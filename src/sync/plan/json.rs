//! A plan for programs; `docs/plan-json.md` is the contract.

use std::io::{self, Write};
use std::net::IpAddr;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::{Action, AliasChange, Change, Digest, FileState, HeldRrset, View, ZonePlan};
use crate::diag::Severity;
use crate::sync::desired::Claim;

/// The version of the format; it changes when a key goes or changes its meaning, not when one is added.
const VERSION: u32 = 1;

/// Remarks on a plan that are not part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remarks {
    /// The reasons why the guard holds back a part of it.
    pub refused: Vec<String>,
    /// The digest that approves that part.
    pub digest: Option<Digest>,
    /// Problems with sources; their last good lists stand in for them.
    pub problems: Vec<String>,
}

/// Writes the plan as one JSON object.
pub fn write_json(plan: &View<'_>, remarks: &Remarks, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &Whole(plan, remarks))?;
    writeln!(out)
}

struct Whole<'p>(&'p View<'p>, &'p Remarks);

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(plan, remarks) = *self;
        let mut object = serializer.serialize_struct("plan", 10)?;
        object.serialize_field("version", &VERSION)?;
        object.serialize_field("changes", &plan.has_changes())?;
        object.serialize_field("digest", &remarks.digest.map(|digest| digest.to_string()))?;
        object.serialize_field("refused", &remarks.refused)?;
        object.serialize_field("problems", &remarks.problems)?;
        object.serialize_field("zones", &Seq(|| plan.zones.iter().map(|zone| InPlan(plan, *zone))))?;
        let of = |is_note| {
            Seq(move || {
                let shown = plan.warnings.shown().iter().filter(move |found| found.is_note() == is_note);
                shown.map(ToString::to_string)
            })
        };
        let notes = plan.warnings.count(Severity::Note);
        object.serialize_field("warnings", &of(false))?;
        object.serialize_field("warnings_total", &(plan.warnings.total() - notes))?;
        object.serialize_field("notes", &of(true))?;
        object.serialize_field("notes_total", &notes)?;
        object.end()
    }
}

/// An iterator as an array: a million changes are never held as a tree.
struct Seq<F>(F);

impl<F: Fn() -> I, I: Iterator<Item: Serialize>> Serialize for Seq<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// A part of a plan with the plan, for what its origins point to.
struct InPlan<'p, T>(&'p View<'p>, T);

impl Serialize for InPlan<'_, &ZonePlan> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(plan, zone) = *self;
        let counts = zone.counts();
        let file = match zone.file {
            FileState::Absent => "absent",
            FileState::Managed => "managed",
            FileState::HandWritten => "hand-written",
            FileState::Unreadable(_) => "unreadable",
        };
        let mut object = serializer.serialize_struct("zone", 12)?;
        object.serialize_field("zone", &zone.id.apex.without_dot())?;
        match &zone.id.view {
            Some(view) => object.serialize_field("view", view)?,
            None => object.skip_field("view")?,
        }
        object.serialize_field("file", file)?;
        object.serialize_field("serial", &zone.serial.map(|serial| serial.0))?;
        object.serialize_field("write", &zone.needs_writing())?;
        object.serialize_field("in_service", &counts.in_service)?;
        object.serialize_field("created", &counts.created)?;
        object.serialize_field("updated", &counts.updated)?;
        object.serialize_field("deleted", &counts.deleted)?;
        object.serialize_field("changes", &Seq(|| zone.changes().map(|change| InPlan(plan, change))))?;
        object.serialize_field("aliases", &Seq(|| zone.alias_changes().iter().map(|alias| InPlan(plan, alias))))?;
        object.serialize_field("held", &Seq(|| zone.held.iter().map(|held| InPlan(plan, held))))?;
        object.end()
    }
}

impl Serialize for InPlan<'_, Change<'_>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(plan, change) = self;
        let mut object = serializer.serialize_struct("change", 7)?;
        object.serialize_field("action", verb(change.action()))?;
        object.serialize_field("owner", change.owner())?;
        object.serialize_field("type", &change.rtype().to_string())?;
        object.serialize_field("before", &change.before().collect::<Vec<IpAddr>>())?;
        object.serialize_field("after", &change.after().collect::<Vec<IpAddr>>())?;
        object.serialize_field("source", &change.origin().map(|origin| plan.places.source(origin)))?;
        let place = change.origin().map(|origin| plan.places.place(origin));
        object.serialize_field("place", &place)?;
        object.end()
    }
}

impl Serialize for InPlan<'_, &AliasChange> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(_, alias) = self;
        let mut object = serializer.serialize_struct("alias", 3)?;
        object.serialize_field("action", verb(alias.action))?;
        object.serialize_field("name", &alias.name)?;
        object.serialize_field("owner", &alias.owner)?;
        object.end()
    }
}

fn verb(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Delete => "delete",
    }
}

impl Serialize for InPlan<'_, &HeldRrset> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(plan, held) = *self;
        let mut object = serializer.serialize_struct("held", 4)?;
        object.serialize_field("owner", &held.owner)?;
        object.serialize_field("type", &held.rtype.to_string())?;
        object.serialize_field("in_service", &held.in_service)?;
        object.serialize_field("claims", &Seq(|| held.claims.iter().map(|claim| InPlan(plan, claim))))?;
        object.end()
    }
}

impl Serialize for InPlan<'_, &Claim> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(plan, claim) = *self;
        let mut object = serializer.serialize_struct("claim", 3)?;
        object.serialize_field("source", plan.places.source(claim.origin))?;
        object.serialize_field("place", &plan.places.place(claim.origin))?;
        object.serialize_field("addresses", &claim.addresses)?;
        object.end()
    }
}
