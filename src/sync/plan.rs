//! The difference between the lists and the zone files, zone by zone and sorted.
//!
//! Input: a [`super::desired::DesiredState`] and the [`Current`] state of the zones. Output: a [`Plan`] as text for
//! people, as JSON for programs, and as a digest. A plan does not say whether it is safe: that is [`super::guard`]'s
//! part.

mod aliases;
mod change;
mod compare;
mod current;
mod digest;
mod incomplete;
mod json;
mod networks;
mod show;
#[cfg(test)]
mod tests;
mod zone;

pub use aliases::AliasChange;
pub use change::{Action, Change, ChangeCounts};
pub use compare::plan;
pub use current::{Current, FileState};
pub use digest::{Digest, DigestError};
pub use json::{Remarks, write_json};
pub use networks::views_to_paste;
pub use show::write_text;
pub use zone::{HeldRrset, Scope, ZonePlan};

use super::records::Places;
use crate::diag::Diagnostics;

/// The changes that sync would make.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Sorted, the base first; zones without changes included.
    pub zones: Vec<ZonePlan>,
    /// The lists that origins point to.
    pub places: Places,
    /// Warnings about the lists.
    pub warnings: Diagnostics,
    /// The TTL of the records to write, seconds.
    pub ttl: u32,
}

/// What a plan would do if it were applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// RRsets that would change.
    pub changes: usize,
    /// Zone files that would be written.
    pub zones: usize,
    /// Zones, by their [`crate::zone::ZoneId`] as text, whose file is gone and would be written anew.
    pub gone: Vec<String>,
}

/// A plan to be shown: its zones may lie in several places.
pub struct View<'p> {
    /// Sorted, the base first.
    pub zones: Vec<&'p ZonePlan>,
    /// The lists that origins point to.
    pub places: &'p Places,
    /// Warnings about the lists.
    pub warnings: &'p Diagnostics,
    /// The TTL of the records to write, seconds.
    pub ttl: u32,
}

impl View<'_> {
    /// True if any file would be written.
    pub fn has_changes(&self) -> bool {
        self.zones.iter().any(|zone| zone.needs_writing())
    }

    /// What it would do.
    pub fn waiting(&self) -> Waiting {
        let to_write = || self.zones.iter().filter(|zone| zone.needs_writing());
        Waiting {
            changes: to_write().map(|zone| zone.changes().len()).sum(),
            zones: to_write().count(),
            gone: to_write().filter(|zone| zone.has_vanished()).map(|zone| zone.id.to_string()).collect(),
        }
    }
}

impl Plan {
    /// All of it.
    pub fn view(&self) -> View<'_> {
        View { zones: self.zones.iter().collect(), places: &self.places, warnings: &self.warnings, ttl: self.ttl }
    }

    /// True if any file would be written.
    pub fn has_changes(&self) -> bool {
        self.zones.iter().any(ZonePlan::needs_writing)
    }
}
