//! The syntax of Azure's names: suffix, `privatelink` labels, geo code, partition, owner.
//!
//! One pass over one buffer, because lists may have a million lines; nothing is looked up here.

use super::labels::{strip_labels, strip_privatelink};
use super::{AzureName, NotHosted, PARTITIONED_SUFFIX, PRIVATELINK, Service, host, near};
use crate::azure::Cloud;

/// The longest name in text without its final dot (RFC 1035 section 3.1: 255 octets in wire format).
const MAX_TEXT: usize = 253;

/// Labels that an owner may have. Azure's have one; each more is a name of its own in the zone (RFC 4592 section
/// 2.2.2), so that a short line could make a hundred of them.
const MAX_LABELS: usize = 8;

/// Finds cloud, zone and owner of an FQDN by its syntax alone; the geo code is not checked. The slices lie in `buffer`.
pub(crate) fn locate<'a>(text: &str, buffer: &'a mut String) -> Result<AzureName<'a>, NotHosted> {
    if text.ends_with("..") || text.contains("...") || text.contains('…') {
        return Err(NotHosted::Truncated);
    }
    buffer.clear();
    buffer.push_str(text.strip_suffix('.').unwrap_or(text));
    buffer.make_ascii_lowercase();
    let (suffix, rest) = split_suffix(buffer).ok_or_else(|| elsewhere(buffer))?;
    // Only what can stand before the suffix is checked; the suffix is known to be good.
    host::check(rest)?;
    let place = match suffix {
        Suffix::Backup(cloud) => backup(cloud, rest)?,
        Suffix::Storage(cloud, service) => storage(cloud, service, strip_privatelink(rest)),
        Suffix::Partitioned(service) => partitioned(service, strip_privatelink(rest)),
    };
    check_owner(&place)?;
    Ok(place)
}

/// The error of a name that ends in no suffix of ours: a name of another service, or one that was meant to be ours.
fn elsewhere(name: &str) -> NotHosted {
    let Some(bad) = host::bad_character(name) else {
        return near::find(name).map_or(NotHosted::Elsewhere, NotHosted::NearMiss);
    };
    // The id of a resource is no name, whatever it ends in.
    if name.starts_with("/subscriptions/") {
        return NotHosted::Elsewhere;
    }
    let plain = host::cleaned(name);
    let is_ours = split_suffix(&plain).is_some() || near::find(&plain).is_some();
    if is_ours { bad } else { NotHosted::Elsewhere }
}

enum Suffix {
    Backup(Cloud),
    Storage(Cloud, Service),
    Partitioned(Service),
}

/// The known suffix and what stands before it, without the dot between.
fn split_suffix(name: &str) -> Option<(Suffix, &str)> {
    // The last label decides first: most lists hold one cloud, and this is asked once per line.
    let last = name.rsplit_once('.').map_or(name, |(_, last)| last);
    let clouds: &[Cloud] = match last {
        "com" | "net" => &[Cloud::Public, Cloud::UsGov],
        "us" => &[Cloud::UsGov],
        "cn" => &[Cloud::China],
        _ => return None,
    };
    for &cloud in clouds {
        if let Some(rest) = strip_labels(name, cloud.backup_suffix()) {
            return Some((Suffix::Backup(cloud), rest));
        }
        if let Some((service, rest)) = strip_labels(name, cloud.storage_suffix()).and_then(split_service) {
            return Some((Suffix::Storage(cloud, service), rest));
        }
    }
    // Partitioned names are documented for the public cloud only.
    let (service, rest) = strip_labels(name, PARTITIONED_SUFFIX).and_then(split_service)?;
    Some((Suffix::Partitioned(service), rest))
}

fn split_service(name: &str) -> Option<(Service, &str)> {
    [Service::Blob, Service::Queue]
        .into_iter()
        .find_map(|service| strip_labels(name, service.label()).map(|rest| (service, rest)))
}

fn backup(cloud: Cloud, rest: &str) -> Result<AzureName<'_>, NotHosted> {
    let (before, geo) = rest.rsplit_once('.').unwrap_or(("", rest));
    if geo == PRIVATELINK {
        return Err(NotHosted::NoGeo);
    }
    Ok(AzureName { cloud, service: Service::Backup, geo, owner: strip_privatelink(before), partition: None })
}

fn storage(cloud: Cloud, service: Service, owner: &str) -> AzureName<'_> {
    AzureName { cloud, service, geo: "", owner, partition: None }
}

/// `acct.z33.blob.storage.azure.net` has its alias at `acct.privatelink.blob.core.windows.net`: the partition drops
/// out.
fn partitioned(service: Service, rest: &str) -> AzureName<'_> {
    let (before, last) = rest.rsplit_once('.').unwrap_or(("", rest));
    if is_partition(last) {
        let owner = strip_privatelink(before);
        return AzureName { cloud: Cloud::Public, service, geo: "", owner, partition: Some(last) };
    }
    storage(Cloud::Public, service, rest)
}

fn is_partition(label: &str) -> bool {
    let digits = label.strip_prefix('z').unwrap_or_default();
    (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn check_owner(place: &AzureName<'_>) -> Result<(), NotHosted> {
    if place.owner.is_empty() {
        return Err(NotHosted::Apex);
    }
    if place.geo.is_empty() && place.service == Service::Backup {
        return Err(NotHosted::NoGeo);
    }
    if place.owner.split('.').any(|label| label == PRIVATELINK) {
        return Err(NotHosted::StrayPrivatelink);
    }
    if let Some(slip) = place.owner.contains('.').then(|| near::in_owner(place.owner)).flatten() {
        return Err(NotHosted::NearMiss(slip));
    }
    if place.owner.split('.').nth(MAX_LABELS).is_some() {
        return Err(NotHosted::BadHost(format!("it has over {MAX_LABELS} labels in front of its zone")));
    }
    // The private form may be longer than the listed one. 64 leaves room for every suffix without building the name.
    if place.owner.len() + place.geo.len() + 64 > MAX_TEXT && place.owner.len() + 1 + place.zone_text().len() > MAX_TEXT
    {
        return Err(NotHosted::BadHost("it is over 253 characters".to_owned()));
    }
    Ok(())
}
