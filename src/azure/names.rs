//! The record and hosted zone of an FQDN, and the way back.
//!
//! Input: an FQDN as lists, portals and scripts write it: with or without `privatelink.`, partitioned (`z33`), in any
//! case, with or without the final dot. Output: a zone and an owner, or the reason why the text is not a record of
//! ours. All spellings of one name lead to one owner. A zone always belongs to one of the three families; it is never
//! `<geo>.backup...` or `blob.core...` itself, since that would hide public names.

mod host;
mod labels;
mod locate;
mod mention;
mod near;
#[cfg(test)]
mod tests;

use std::fmt;

use super::{Cloud, geo};
use crate::diag::Id;
use crate::dns::Name;
pub(crate) use locate::locate;
pub use mention::mentions;
pub use near::Slip;

/// The label that Azure puts into the private form of a name.
pub const PRIVATELINK: &str = "privatelink";

/// The suffix behind `blob.` and `queue.` in partitioned names, which are documented for the public cloud only.
const PARTITIONED_SUFFIX: &str = "storage.azure.net";

/// The service of a hosted zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// `privatelink.<geo>.backup.windowsazure.com`
    Backup,
    /// `privatelink.blob.core.windows.net`
    Blob,
    /// `privatelink.queue.core.windows.net`
    Queue,
}

impl Service {
    fn label(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Blob => "blob",
            Self::Queue => "queue",
        }
    }
}

/// The place of an FQDN, as slices of a buffer: the result of [`normalise`] without allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AzureName<'a> {
    /// The cloud whose suffix the name has.
    pub cloud: Cloud,
    /// The zone's service.
    pub service: Service,
    /// The geo code; empty for blob and queue.
    pub geo: &'a str,
    /// The owner relative to the zone, in lower case.
    pub owner: &'a str,
    /// The `z33` of a partitioned storage name.
    pub partition: Option<&'a str>,
}

impl AzureName<'_> {
    /// The apex of the zone, without the final dot.
    pub fn zone_text(&self) -> String {
        match self.service {
            Service::Backup => format!("{PRIVATELINK}.{}.{}", self.geo, self.cloud.backup_suffix()),
            storage => format!("{PRIVATELINK}.{}.{}", storage.label(), self.cloud.storage_suffix()),
        }
    }

    /// Owner and zone, without the final dot: the same for all spellings of a record.
    pub(crate) fn record_text(&self) -> String {
        format!("{}.{}", self.owner, self.zone_text())
    }

    /// The partitioned public name, without the final dot, where the text was one.
    pub fn partitioned_text(&self) -> Option<String> {
        let partition = self.partition?;
        Some(format!("{}.{partition}.{}.{PARTITIONED_SUFFIX}", self.owner, self.service.label()))
    }
}

/// A record's place as names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The apex of the hosted zone.
    pub zone: Name,
    /// The full owner, inside the zone.
    pub owner: Name,
    /// Warnings for the operator although the name is usable.
    pub warnings: Vec<String>,
}

/// The reason why a text is not a record of a hosted zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotHosted {
    /// A name of some other service: fine in a list, but none of ours.
    #[error("belongs to no hosted zone")]
    Elsewhere,
    /// The apex of a zone, or of the public zone behind it.
    #[error("is the name of a zone, not of a record in it: put the label of the record before it")]
    Apex,
    /// Output that was cut by a screen.
    #[error("is cut off: list it again with a wider screen or as JSON")]
    Truncated,
    /// `<vaultId>` and the like.
    #[error("holds a placeholder: put the real value there")]
    Placeholder,
    /// A `*` label.
    #[error("is a wildcard, which endpoint zones do not have")]
    Wildcard,
    /// `<something>.privatelink.backup.windowsazure.com`
    #[error("has no geo code before 'backup'")]
    NoGeo,
    /// A region's name where its geo code belongs.
    #[error("has a region's name where the geo code belongs: did you mean '{code}' instead of '{found}'?")]
    RegionName {
        /// The text that stands there.
        found: String,
        /// The geo code of that region.
        code: &'static str,
    },
    /// `privatelink` where it makes no sense.
    #[error("has 'privatelink' in the wrong place: it belongs between the name and its zone")]
    StrayPrivatelink,
    /// A name that begins like ours and ends otherwise.
    #[error("{0}")]
    NearMiss(Slip),
    /// No host name: a character, an empty label, a length.
    #[error("is not a host name: {0}")]
    BadHost(String),
}

impl NotHosted {
    /// The id of its diagnostic.
    pub fn id(&self) -> Id {
        match self {
            Self::Elsewhere => Id::NAME_NOT_HOSTED,
            Self::Truncated => Id::LIST_CUT_OFF,
            Self::RegionName { .. } => Id::GEO_REGION_NAME,
            Self::Apex
            | Self::Placeholder
            | Self::Wildcard
            | Self::NoGeo
            | Self::StrayPrivatelink
            | Self::NearMiss(_)
            | Self::BadHost(_) => Id::LIST_BAD_NAME,
        }
    }
}

/// The zone and owner of an FQDN in any of its spellings.
pub fn normalise(text: &str) -> Result<Located, NotHosted> {
    let mut buffer = String::new();
    let place = locate(text, &mut buffer)?;
    let warnings = match check_geo(place.cloud, place.service, place.geo)? {
        GeoCode::Known => Vec::new(),
        GeoCode::Unknown(why) => vec![why],
    };
    let name = |text: &str| text.parse::<Name>().map_err(|error| NotHosted::BadHost(error.to_string()));
    let zone = name(&place.zone_text())?;
    let owner = name(&place.record_text())?;
    Ok(Located { zone, owner, warnings })
}

/// The record that a text means, as owner and zone; for a text that means none of ours, itself in lower case without
/// the final dot. Two texts name one thing if this is equal.
pub(crate) fn record_or_text(text: &str, buffer: &mut String) -> String {
    locate(text, buffer).map_or_else(|_| text.trim_end_matches('.').to_ascii_lowercase(), |place| place.record_text())
}

/// The standing of a geo code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GeoCode {
    /// One of the cloud, or none is needed: a zone of it may be made because a list names it.
    Known,
    /// None that is known in the cloud, and why it may be meant otherwise. Azure adds regions, so an operator may
    /// consent.
    Unknown(String),
}

/// True if a zone may be made from this geo code; a region's name is refused with the code that was meant.
pub(crate) fn check_geo(cloud: Cloud, service: Service, code: &str) -> Result<GeoCode, NotHosted> {
    if service != Service::Backup {
        return Ok(GeoCode::Known);
    }
    if let Some(region) = geo::by_code(code) {
        if region.cloud == Some(cloud) {
            return Ok(GeoCode::Known);
        }
        let why = format!("geo code '{code}' ({}) is not one of the {cloud} cloud", region.display);
        return Ok(GeoCode::Unknown(why));
    }
    if let Some(region) = geo::by_region_name(code) {
        return Err(NotHosted::RegionName { found: code.to_owned(), code: region.code });
    }
    let hint = geo::suggest(code, cloud)
        .map_or_else(String::new, |near| format!(": did you mean '{}' ({})?", near.code, near.display));
    Ok(GeoCode::Unknown(format!("geo code '{code}' is not known{hint}")))
}

/// The zones to host for a cloud and its geo codes: blob, queue, and one backup zone per code.
pub fn hosted_zones<S: AsRef<str>>(cloud: Cloud, geos: &[S]) -> Vec<Name> {
    let place = |service, geo| AzureName { cloud, service, geo, owner: "", partition: None };
    let storage = [place(Service::Blob, ""), place(Service::Queue, "")];
    let backup = geos.iter().map(|geo| place(Service::Backup, geo.as_ref()));
    storage.into_iter().chain(backup).filter_map(|place| place.zone_text().parse().ok()).collect()
}

/// The suffixes that a resolver forwards to this server: the public ones of every name that a client asks for, below
/// which the private zones lie. Of partitioned names, Azure Backup's pages name those of blobs alone.
pub fn forwarded_suffixes(cloud: Cloud) -> Vec<String> {
    let storage = |service: Service| format!("{}.{}", service.label(), cloud.storage_suffix());
    let mut suffixes = vec![storage(Service::Blob), storage(Service::Queue), cloud.backup_suffix().to_owned()];
    if cloud == Cloud::Public {
        suffixes.push(format!("{}.{PARTITIONED_SUFFIX}", Service::Blob.label()));
    }
    suffixes
}

/// The family of a zone: its cloud and service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Family {
    /// The cloud by its suffix.
    pub cloud: Cloud,
    /// Backup, blob or queue.
    pub service: Service,
}

/// The family of a zone by its apex; `None` for any other zone.
pub(crate) fn family(zone: &Name) -> Option<Family> {
    let text = zone.without_dot();
    let inner = text.strip_prefix(PRIVATELINK)?.strip_prefix('.')?;
    Cloud::ALL.into_iter().find_map(|cloud| {
        let service = if let Some(rest) = inner.strip_suffix(cloud.storage_suffix()) {
            [Service::Blob, Service::Queue].into_iter().find(|s| rest.strip_suffix('.') == Some(s.label()))?
        } else {
            let geo = inner.strip_suffix(cloud.backup_suffix())?.strip_suffix('.')?;
            (!geo.is_empty() && !geo.contains('.') && geo != PRIVATELINK).then_some(Service::Backup)?
        };
        Some(Family { cloud, service })
    })
}

/// The apex of every blob and queue zone, of all clouds.
pub fn storage_zones() -> impl Iterator<Item = Name> {
    Cloud::ALL.into_iter().flat_map(|cloud| hosted_zones::<&str>(cloud, &[]))
}

/// True if a zone shares its public names with other tenants: then a name that it lacks may have a public answer. All
/// storage accounts of a cloud are in one blob and one queue zone; a backup zone holds the names of our vaults alone.
pub fn has_other_tenants(zone: &Name) -> bool {
    family(zone).is_some_and(|family| family.service != Service::Backup)
}

/// The name in a blob or queue zone to which public DNS leads a public name: `acct.privatelink.blob.core.windows.net`
/// for `acct.blob.core.windows.net`. Whether there is such a zone is not asked here.
pub fn private_name(public: &Name) -> Option<Name> {
    let account = public.first_label()?;
    let parent = public.parent()?;
    let service = parent.first_label()?;
    let is_storage = [Service::Blob, Service::Queue].iter().any(|storage| storage.label().as_bytes() == service);
    let zone = parent.prepend(PRIVATELINK.as_bytes()).filter(|_| is_storage)?;
    zone.prepend(account)
}

/// True if a name that a hosted zone lacks looks like one that an agent is waiting for, so that an early sync may help:
/// `<digits>-ab-pod01-<service>` in a backup zone, any possible storage account in a blob or queue zone.
pub fn looks_like_backup(zone: &Name, owner: &Name) -> bool {
    let Some(family) = family(zone) else {
        return false;
    };
    if owner.label_count() != zone.label_count() + 1 || !owner.is_at_or_below(zone) {
        return false;
    }
    let label = owner.first_label().unwrap_or_default();
    match family.service {
        Service::Backup => is_vault_label(label),
        Service::Blob | Service::Queue => is_account(label),
    }
}

/// `<digits>-ab-pod<digits>-<service>`, the whole first label of a vault's name.
fn is_vault_label(label: &[u8]) -> bool {
    behind_vault(label).is_some_and(|rest| {
        let pod = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        pod > 0 && rest[pod..].len() > 1 && rest[pod] == b'-'
    })
}

/// True for what begins like the first label of a vault's name, whole or cut: nothing else begins so.
pub(crate) fn begins_like_vault(label: &str) -> bool {
    behind_vault(label.as_bytes()).is_some()
}

/// What stands behind `<digits>-ab-pod`.
fn behind_vault(label: &[u8]) -> Option<&[u8]> {
    const MARK: &[u8] = b"-ab-pod";
    let digits = label.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (mark, rest) = label[digits..].split_at_checked(MARK.len())?;
    (digits > 0 && mark.eq_ignore_ascii_case(MARK)).then_some(rest)
}

/// Storage accounts have 3 to 24 lower-case letters and digits; the question's case is already folded.
fn is_account(label: &[u8]) -> bool {
    (3..=24).contains(&label.len()) && label.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}
