//! Floor 2: from endpoint lists to zone files, in steps that each have their own type.
//!
//! ```text
//! live     list files     what Azure says, written down as lists
//! source   Listing        one list as it stands, with lines; gather reads all of them side by side
//! desired  DesiredState   the records of all lists together, conflicts apart
//! plan     Plan           the difference to the zone files on disk
//! guard    ApprovedPlan   a plan that is safe, or that an operator has approved by its digest
//! apply    zone file      written whole, under a later serial
//! ```
//!
//! Sync never hands records to the server: the zone store reads the files that `apply` wrote. [`pass`] runs the steps.

pub mod apply;
pub mod desired;
pub(crate) mod gather;
pub(crate) mod guard;
pub mod ledger;
pub mod live;
pub(crate) mod pass;
pub mod plan;
pub(crate) mod progress;
mod records;
pub mod source;
pub(crate) mod state;
pub(crate) mod undo;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

pub use records::{AddressRecord, Origin, Places, Records};

use crate::azure::Cloud;
use crate::dns::Name;
use crate::zone::ViewName;
use guard::Percent;
use state::State;

/// The settings of the sync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The sources of lists, in the order of the config.
    pub sources: Vec<source::Settings>,
    /// The live ones among them: what they read, and how.
    pub live: Vec<live::settings::Settings>,
    /// The folder of the zone files.
    pub zone_dir: PathBuf,
    /// The folder of the state.
    pub state: State,
    /// The cloud of `[backup]`, whose zones are added as lists name them; `None` without that section.
    pub cloud: Option<Cloud>,
    /// The zones of the three families that the config names: they have a file even without a record, in the base and
    /// in each view.
    pub hosted: BTreeSet<Name>,
    /// The views.
    pub views: Vec<ViewName>,
    /// Of the records written.
    pub ttl: Duration,
    /// The share of a zone that may change or go within `guard_window`.
    pub max_removed: Percent,
    /// The time that the guard looks back: it measures the change against the zone as it was then.
    pub guard_window: Duration,
    /// The time that the sources of one pass may take; one that takes longer is left out of it.
    pub pass_deadline: Duration,
    /// The networks that records may point into.
    pub allowed_targets: Vec<IpNet>,
    /// The time between two passes without file events.
    pub interval: Duration,
    /// The least time between two looks because a client asked for a name that a zone lacks.
    pub miss_interval: Duration,
}

impl Settings {
    /// The settings of [`desired::merge`].
    pub fn desired(&self) -> desired::Settings {
        desired::Settings { cloud: self.cloud, hosted: self.hosted.clone(), views: self.views.clone() }
    }

    /// The rules by which a list is unfit.
    pub fn limits(&self) -> desired::Limits {
        desired::Limits { names: self.desired(), allowed_targets: self.allowed_targets.clone() }
    }

    /// The settings of [`guard::review`].
    pub fn guard(&self) -> guard::Settings {
        guard::Settings { max_removed: self.max_removed }
    }

    /// The TTL of the records written.
    pub fn ttl_seconds(&self) -> u32 {
        u32::try_from(self.ttl.as_secs()).unwrap_or(u32::MAX)
    }
}

/// The largest list that is read. A million lines of UTF-16 take 170 MB; what is larger is a wrong path.
pub const MAX_BYTES: u64 = 256 << 20;
