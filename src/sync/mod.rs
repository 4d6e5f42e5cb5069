//! Floor 2: from endpoint lists to zone files, in steps that each have their own type.
//!
//! ```text
//! source   Listing        one list as it stands, with lines
//! desired  DesiredState   what the lists together say, conflicts apart
//! plan     Plan           the difference to what is on disk
//! guard    ApprovedPlan   a plan that is safe, or that an operator has approved by its digest
//! apply    zone file      written whole, under a later serial
//! ```
//!
//! Sync never hands records to the server: the zone store reads the files that `apply` wrote. [`pass`] runs the steps.

pub mod apply;
pub mod desired;
pub mod guard;
mod notes;
pub mod pass;
pub mod plan;
pub mod progress;
mod records;
pub mod source;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

pub use notes::Notes;
pub use records::{AddressRecord, Origin, Places, Records};

use crate::azure::Cloud;
use crate::dns::Name;
use guard::Percent;
use plan::{Current, Plan};
use source::{Listing, SourceError};

/// What the config says about the sync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The lists.
    pub sources: Vec<source::Settings>,
    /// The folder of the zone files.
    pub zone_dir: PathBuf,
    /// The cloud of `[backup]`, whose zones are added as lists name them; `None` without that section.
    pub cloud: Option<Cloud>,
    /// The zones of the three families that the config names: they have a file even without a record.
    pub hosted: BTreeSet<Name>,
    /// Of the records written.
    pub ttl: Duration,
    /// The share of a zone that one plan may change or remove.
    pub max_removed: Percent,
    /// The networks that records may point into.
    pub allowed_targets: Vec<IpNet>,
    /// How often to look besides file events.
    pub interval: Duration,
    /// The least time between two looks because a client asked for a name that a zone lacks.
    pub miss_interval: Duration,
}

impl Settings {
    /// What [`desired::merge`] needs.
    pub fn desired(&self) -> desired::Settings {
        desired::Settings { cloud: self.cloud, hosted: self.hosted.clone() }
    }

    /// What [`guard::review`] needs.
    pub fn guard(&self) -> guard::Settings {
        guard::Settings { max_removed: self.max_removed, allowed_targets: self.allowed_targets.clone() }
    }
}

/// The pure part of a pass: from listings and the state of the zones to a plan. `current` holds every zone of the folder that
/// has a file; what is missing in it is absent on disk.
pub fn prepare(
    listings: Vec<Listing>,
    current: BTreeMap<Name, Current>,
    settings: &Settings,
) -> Result<Plan, SourceError> {
    let desired = desired::merge(listings, &settings.desired())?;
    let ttl = u32::try_from(settings.ttl.as_secs()).unwrap_or(u32::MAX);
    Ok(plan::plan(desired, current, ttl))
}
