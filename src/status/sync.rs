//! The sync: its last pass, and what it waits for.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::diag::Diagnostic;
use crate::sync::apply::ApplyError;
use crate::sync::guard::{ApproveCommand, UnsafePlan};
use crate::sync::state::freeze::by_whom;
use crate::sync::undo::Undone;

/// The sync.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SyncStatus {
    /// When the present pass, or reading of zones, began; `None` if none runs.
    pub running_since: Option<u64>,
    /// The longest time that a pass should take, seconds.
    pub pass_deadline_s: u64,
    /// The last pass; `None` before the first.
    pub pass: Option<PassStatus>,
    /// When a pass last did all there was to do.
    pub last_good: Option<u64>,
    /// Since when something has been held without a break; `None` if nothing is.
    pub held_since: Option<u64>,
    /// The freeze, while the sync is frozen.
    pub frozen: Option<FreezeStatus>,
    /// The number of passes by their result.
    pub passes: BTreeMap<PassResult, u64>,
}

/// One sync pass.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PassStatus {
    /// When it ended.
    pub at: u64,
    /// How long it took.
    pub took_ms: u64,
    /// Its result.
    pub outcome: PassResult,
    /// The zones written and their new serials.
    pub written: BTreeMap<String, u32>,
    /// The part that the guard holds back.
    pub held: Option<HeldStatus>,
    /// What would have been written but for the freeze; `None` if the sync was not frozen.
    pub waiting: Option<WaitingStatus>,
    /// What was not done, and why.
    pub errors: Vec<Diagnostic>,
    /// What a person should look at; the notes come last.
    pub warnings: Vec<Diagnostic>,
    /// Records that are held back because lists disagree.
    pub conflicts: Vec<Diagnostic>,
}

impl HeldStatus {
    /// As it is shown.
    pub(crate) fn of(held: &UnsafePlan, command: ApproveCommand<'_>) -> Self {
        Self {
            digest: held.is_approvable().then(|| held.digest.to_string()),
            reasons: held.reasons(),
            what_to_do: held.way_out(command),
            stale: held.stale_text(),
        }
    }
}

/// The result of a pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PassResult {
    /// Nothing was to be done.
    #[default]
    Unchanged,
    /// All that was to be written was written.
    Written,
    /// The sync is frozen, and something waits for its end.
    Frozen,
    /// The guard holds a part of the plan back.
    Held,
    /// A source is missing or bad: its last good lists stand in for it.
    Incomplete,
    /// The disk failed.
    Failed,
}

impl PassResult {
    /// All results.
    pub const ALL: [Self; 6] =
        [Self::Unchanged, Self::Written, Self::Frozen, Self::Held, Self::Incomplete, Self::Failed];

    /// True if the pass did all there was to do.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Unchanged | Self::Written)
    }
}

impl fmt::Display for PassResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unchanged => "unchanged",
            Self::Written => "written",
            Self::Frozen => "frozen",
            Self::Held => "held",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
        })
    }
}

/// The changes that wait for consent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HeldStatus {
    /// None where no consent helps.
    pub digest: Option<String>,
    /// The reasons, zone by zone.
    pub reasons: Vec<Diagnostic>,
    /// The exact command to approve it, or what to fix.
    pub what_to_do: String,
    /// Says that the digest that was given to the pass approves other changes, if it does.
    pub stale: Option<String>,
}

/// The freeze: nothing is written until somebody ends it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FreezeStatus {
    /// When it began; `None` if that is not known.
    pub since: Option<u64>,
    /// The person who asked for it.
    pub by: Option<String>,
    /// The person's reason.
    pub reason: Option<String>,
    /// Why no more is known of it.
    pub problem: Option<Diagnostic>,
    /// The command that ends it.
    pub what_to_do: String,
}

impl FreezeStatus {
    /// ` by alice: a wrong list`, as far as it is known.
    pub fn said(&self) -> String {
        by_whom(self.by.as_deref(), self.reason.as_deref())
    }
}

/// What a pass would have written but for the freeze.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WaitingStatus {
    /// RRsets that would change.
    pub changes: usize,
    /// Zone files that would be written.
    pub zones: usize,
    /// Zones whose file is gone and would be written anew.
    pub gone: Vec<String>,
}

/// What became of an undo.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UndoStatus {
    /// The time of the change, in RFC 3339.
    pub of: String,
    /// RRsets that are again what they were before it.
    pub changes: usize,
    /// RRsets that are something else by now, and are left.
    pub left: Vec<String>,
    /// The zones written and their new serials.
    pub written: BTreeMap<String, u32>,
    /// The guard holds all of it: nothing was done.
    pub held: Option<HeldStatus>,
    /// True if the sync is frozen, so that the undo lasts.
    pub frozen: bool,
    /// What was not done, and why; what is worth a look.
    pub found: Vec<Diagnostic>,
}

impl UndoStatus {
    /// As verbs and the socket show it.
    pub(crate) fn of(undone: &Undone, command: ApproveCommand<'_>) -> Self {
        let command = ApproveCommand { undo: true, ..command };
        let written = &undone.applied.written;
        let errors = undone.applied.errors.iter().map(ApplyError::diagnostic);
        Self {
            of: undone.of.clone(),
            changes: undone.changes.total,
            left: undone.left.clone(),
            written: written.iter().map(|zone| (zone.zone.to_string(), zone.serial.0)).collect(),
            held: undone.held.as_deref().map(|held| HeldStatus::of(held, command)),
            frozen: undone.applied.frozen.is_some(),
            found: errors.chain(undone.warnings.to_vec()).collect(),
        }
    }
}
