//! The desired state of every zone, from all lists together.
//!
//! Input: listings. Output: for each zone the records with their origin, and conflicts apart. Names get their zone
//! here, through [`crate::azure::names`]. Inside one list the later line wins, with a warning; between lists a
//! difference is a conflict. This module does not know the zones on disk.

mod merge;
mod others;
mod target;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::records::{Origin, Places, Records};
use super::source::{Entry, Gap, Listing, SourceError};
use crate::azure::names::{GeoCode, check_geo, locate};
use crate::azure::{AzureName, Cloud, NotHosted, Service, hosted_zones};
use crate::diag::{Diagnostic, Diagnostics, Id, Place};
use crate::dns::{Name, Rtype};
use crate::zone::{Aliases, ViewName, ZoneId};
use merge::EntryDraft;
use others::Others;

/// The zones that are hosted whether a list names them or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The cloud whose zones are added as lists name them; names of another one are refused. With `None` only `hosted`
    /// zones take records.
    pub cloud: Option<Cloud>,
    /// Zones that are there whether a list names them or not, in the base and in each view.
    pub hosted: BTreeSet<Name>,
    /// The views.
    pub views: Vec<ViewName>,
}

impl Settings {
    /// With `[backup]`: the zones of a cloud and geo codes, and more of that cloud as lists name them.
    pub fn of_cloud(cloud: Cloud, geos: &[&str]) -> Self {
        Self { cloud: Some(cloud), hosted: hosted_zones(cloud, geos).into_iter().collect(), views: Vec::new() }
    }
}

/// The rules by which a list is unfit: names that cannot be a record here, and addresses that no private endpoint has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The names that are ours.
    pub names: Settings,
    /// The networks that records may point into.
    pub allowed_targets: Vec<IpNet>,
}

impl Limits {
    /// Every address, and the names of the public cloud.
    #[cfg(test)]
    pub(super) fn any() -> Self {
        let all = ["0.0.0.0/0", "::/0"].map(|network| network.parse().unwrap());
        Self { names: Settings::of_cloud(Cloud::Public, &[]), allowed_targets: all.to_vec() }
    }
}

/// A source by its name, behind the view that it feeds; `None` for the base.
pub type SourceOfView = (Option<ViewName>, Arc<str>);

/// The desired contents of every zone.
#[derive(Clone, Debug, Default)]
pub struct DesiredState {
    /// Those of the base, and the parts of each view.
    pub zones: BTreeMap<ZoneId, DesiredZone>,
    /// The lists that origins point to.
    pub places: Places,
    /// Superseded lines, unknown geo codes, names of other services.
    pub warnings: Diagnostics,
    /// Lists that name no endpoint of ours: never a reason to remove anything by itself.
    pub empty_lists: Vec<EmptyList>,
    /// Lists that do not look complete: what they no longer give stays.
    pub incomplete_lists: Vec<IncompleteList>,
    /// Sources with a list that is away and was never good, each with the view that it feeds: no record is removed for
    /// want of it.
    pub silent_sources: BTreeSet<SourceOfView>,
}

impl DesiredState {
    /// True if the plan depends on which list had a record.
    pub(in crate::sync) fn needs_provenance(&self) -> bool {
        !(self.silent_sources.is_empty() && self.empty_lists.is_empty() && self.incomplete_lists.is_empty())
    }
}

/// A list that names no endpoint at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmptyList {
    /// The source's name.
    pub source: Arc<str>,
    /// The file, as messages show it.
    pub file: Arc<str>,
    /// The view that the source feeds.
    pub view: Option<ViewName>,
}

/// A list that does not look complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncompleteList {
    /// The source's name.
    pub source: Arc<str>,
    /// The file, as messages show it.
    pub file: Arc<str>,
    /// The view that the source feeds.
    pub view: Option<ViewName>,
    /// What it lacks; at least one.
    pub gaps: Vec<Gap>,
}

/// The desired contents of one zone.
#[derive(Clone, Debug, Default)]
pub struct DesiredZone {
    /// The records that are agreed on.
    pub records: Records,
    /// RRsets on which lists disagree; what is in service for them stays.
    pub conflicts: Vec<Conflict>,
    /// The partitioned names by which lists call its records.
    pub aliases: Aliases,
}

/// An RRset on which lists disagree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Relative to the apex.
    pub owner: String,
    /// A or AAAA.
    pub rtype: Rtype,
    /// The claims, at least two, in the order of the sources.
    pub claims: Vec<Claim>,
}

/// One side of a conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The line that says so.
    pub origin: Origin,
    /// The addresses it gives.
    pub addresses: Vec<IpAddr>,
}

/// The problems of one list: every name that cannot be a record although it looks like one of ours, and every address
/// outside of `allowed_targets`, with its line.
pub fn check(listing: &Listing, limits: &Limits) -> Diagnostics {
    let mut sorter = Sorter::new(&limits.names);
    sorter.read(listing, |sorter, found, entry| {
        let problem = found.and_then(|_| target::problem(entry.address, entry.fqdn, &limits.allowed_targets));
        if let Some((id, text)) = problem {
            sorter.problems.error(|| at(listing, entry, id, text));
        }
    });
    sorter.problems
}

/// Something about one line of a list.
fn at(listing: &Listing, entry: &Entry<'_>, id: Id, text: impl AsRef<str>) -> Diagnostic {
    let place = Place::column(&listing.file, entry.line, entry.column);
    Diagnostic::error(id, place, text).of_source(&listing.source)
}

/// Puts the listings together. One name that cannot be a record refuses everything: all such lines are reported.
pub fn merge(listings: Vec<Listing>, settings: &Settings) -> Result<DesiredState, SourceError> {
    let places = Places::of(&listings);
    let mut sorter = Sorter::new(settings);
    let (mut empty_lists, mut incomplete_lists) = (Vec::new(), Vec::new());
    for (index, mut listing) in (0..).zip(listings) {
        sorter.warnings.append(std::mem::take(&mut listing.warnings));
        let mut is_empty = true;
        sorter.read(&listing, |sorter, found, entry| {
            if let Some((slot, place)) = found {
                is_empty = false;
                sorter.slots[slot].push(index, &place, entry);
            }
        });
        // A list that names other services only is, for us, as empty as one without lines; one that lacks something is
        // not known to be.
        let gaps = std::mem::take(&mut listing.gaps);
        let Listing { source, file, view, .. } = listing;
        if !gaps.is_empty() {
            incomplete_lists.push(IncompleteList { source, file, view, gaps });
        } else if is_empty {
            empty_lists.push(EmptyList { source, file, view });
        }
    }
    if !sorter.problems.is_empty() {
        return Err(SourceError(sorter.problems));
    }
    let mut warnings = sorter.warnings;
    sorter.others.report(&mut warnings);
    let views = std::iter::once(None).chain(settings.views.iter().map(Some));
    let ids = views
        .flat_map(|view| settings.hosted.iter().map(move |apex| ZoneId { view: view.cloned(), apex: apex.clone() }));
    let mut zones: BTreeMap<ZoneId, DesiredZone> = ids.map(|id| (id, DesiredZone::default())).collect();
    for slot in sorter.slots {
        let zone = merge::resolve(&slot.id, &slot.names, slot.drafts, &places, &mut warnings);
        zones.insert(slot.id, DesiredZone { aliases: slot.aliases, ..zone });
    }
    Ok(DesiredState { zones, places, warnings, empty_lists, incomplete_lists, silent_sources: BTreeSet::new() })
}

/// Sorts entries into zones.
struct Sorter<'s> {
    settings: &'s Settings,
    slots: Vec<ZoneDraft>,
    /// The slot of each zone that was named; `None` for a zone that takes no records.
    by_zone: BTreeMap<(Option<ViewName>, Cloud, Service, String), Option<usize>>,
    /// The slot of the line before: lists rarely jump.
    last: usize,
    others: Others,
    warnings: Diagnostics,
    problems: Diagnostics,
}

/// A zone that is being filled.
struct ZoneDraft {
    cloud: Cloud,
    service: Service,
    geo: String,
    id: ZoneId,
    names: String,
    drafts: Vec<EntryDraft>,
    aliases: Aliases,
}

impl<'s> Sorter<'s> {
    fn new(settings: &'s Settings) -> Self {
        let (slots, by_zone) = (Vec::new(), BTreeMap::new());
        let (warnings, problems) = (Diagnostics::default(), Diagnostics::default());
        Self { settings, slots, by_zone, last: 0, others: Others::default(), warnings, problems }
    }

    /// Goes through a listing and hands over each entry with its slot and place; `None` for what is not ours to hold.
    fn read(&mut self, listing: &Listing, mut each: impl FnMut(&mut Self, Option<(usize, AzureName<'_>)>, &Entry<'_>)) {
        let mut buffer = String::new();
        for entry in listing.entries() {
            let found =
                locate(entry.fqdn, &mut buffer).and_then(|place| Ok((self.slot(&place, &entry, listing)?, place)));
            match found {
                Ok((Some(slot), place)) => each(self, Some((slot, place)), &entry),
                Ok((None, place)) => {
                    self.refuse_or_skip(&place, &entry, listing);
                    each(self, None, &entry);
                }
                Err(NotHosted::Elsewhere) => self.others.add(listing, &entry),
                Err(error) => {
                    let text = || format!("'{}' {error}", entry.fqdn);
                    self.problems.error(|| at(listing, &entry, error.id(), text()));
                }
            }
        }
    }

    /// A name of another cloud is a mistake in the list or the config; a name of a zone that is not hosted is not ours.
    fn refuse_or_skip(&mut self, place: &AzureName<'_>, entry: &Entry<'_>, listing: &Listing) {
        let (name, is) = (entry.fqdn, place.cloud);
        match self.settings.cloud {
            // Its zone waits for consent, which was reported once.
            Some(ours) if ours == is => {}
            Some(ours) => self.problems.error(|| {
                let text = format!("'{name}' is a name of the {is} cloud, but the config says cloud = \"{ours}\"");
                at(listing, entry, Id::NAME_OTHER_CLOUD, text)
            }),
            None => self.warnings.warning(|| {
                let zone = place.zone_text();
                let text =
                    format!("'{name}' belongs to '{zone}', which is not hosted; ignored (see [backup], [[zones]])");
                at(listing, entry, Id::NAME_NOT_HOSTED, text)
            }),
        }
    }

    /// The slot of a place; `None` if its zone takes no records here.
    fn slot(
        &mut self,
        place: &AzureName<'_>,
        entry: &Entry<'_>,
        listing: &Listing,
    ) -> Result<Option<usize>, NotHosted> {
        let is_slot = |slot: &ZoneDraft| {
            (slot.cloud, slot.service) == (place.cloud, place.service)
                && slot.geo == place.geo
                && slot.id.view == listing.view
        };
        if self.slots.get(self.last).is_some_and(is_slot) {
            return Ok(Some(self.last));
        }
        let key = (listing.view.clone(), place.cloud, place.service, place.geo.to_owned());
        if let Some(&known) = self.by_zone.get(&key) {
            self.last = known.unwrap_or(self.last);
            return Ok(known);
        }
        let apex = place.zone_text().parse::<Name>().map_err(|error| NotHosted::BadHost(error.to_string()))?;
        let slot = self.is_hosted(place, &apex, entry, listing)?.then_some(self.slots.len());
        self.by_zone.insert(key, slot);
        let Some(slot) = slot else { return Ok(None) };
        self.last = slot;
        self.slots.push(ZoneDraft {
            cloud: place.cloud,
            service: place.service,
            geo: place.geo.to_owned(),
            id: ZoneId { view: listing.view.clone(), apex },
            names: String::new(),
            drafts: Vec::new(),
            aliases: Aliases::default(),
        });
        Ok(Some(slot))
    }

    /// True if a zone takes records here: the config names it, or its cloud is ours and its geo code is known.
    fn is_hosted(
        &mut self,
        place: &AzureName<'_>,
        apex: &Name,
        entry: &Entry<'_>,
        listing: &Listing,
    ) -> Result<bool, NotHosted> {
        let code = check_geo(place.cloud, place.service, place.geo)?;
        if self.settings.hosted.contains(apex) {
            return Ok(true);
        }
        let is_our_cloud = self.settings.cloud == Some(place.cloud);
        let GeoCode::Unknown(why) = code else { return Ok(is_our_cloud) };
        if is_our_cloud {
            self.warnings.warning(|| {
                let text = format!(
                    "{why}; zone '{}' is not hosted, and its records wait: correct the list, or consent with geos = \
                     [\"{}\"] in [backup]",
                    place.zone_text(),
                    place.geo
                );
                at(listing, entry, Id::GEO_UNKNOWN, text)
            });
        }
        Ok(false)
    }
}

impl ZoneDraft {
    fn push(&mut self, listing: u32, place: &AzureName<'_>, entry: &Entry<'_>) {
        let owner = place.owner;
        if let Some(name) = place.partitioned_text() {
            self.aliases.insert(&name, owner);
        }
        let start = self.names.len();
        self.names.push_str(owner);
        let len = u16::try_from(owner.len()).unwrap_or(u16::MAX);
        let origin = Origin { listing, line: entry.line, endpoint: entry.endpoint_number };
        let (statement, round, address) = (entry.statement, entry.round, entry.address);
        self.drafts.push(EntryDraft { start, len, address, origin, round, statement });
    }
}
