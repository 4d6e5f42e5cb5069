//! `[[sources]]` with `kind = "azure"`: the scopes that are read from Azure, and the identity that reads them.

mod address;
mod identity;

use std::path::Path;
use std::time::Duration;

use super::reader::Section;
use super::values;
use crate::azure::Cloud;
use crate::diag::Id;
use crate::sync::live::ids;
use crate::sync::live::scope::Scope;
use crate::sync::live::settings::{Selection, Service, Settings, ViewNetworks, file_name};
use crate::zone::ViewName;
use address::address;

/// The keys that a source of files does not have.
pub(super) const KEYS: [&str; 17] = [
    "scopes",
    "services",
    "vaults",
    "endpoints",
    "subnets",
    "interval",
    "identity",
    "client_id",
    "object_id",
    "resource_id",
    "tenant",
    "secret_file",
    "certificate_file",
    "private_dns_zones",
    "arm",
    "authority",
    "views",
];

/// Of the ids of virtual networks, and of what is in one.
const VNETS: &str = "/providers/microsoft.network/virtualnetworks/";

/// The folders that a live source belongs into, and the cloud that it reads.
pub(super) struct Surroundings<'a> {
    /// Relative paths start here.
    pub base: &'a Path,
    /// `state_dir`.
    pub state_dir: &'a Path,
    /// The cloud of `[backup]`.
    pub cloud: Cloud,
    /// The names of `[[views]]`.
    pub views: &'a [ViewName],
}

/// The settings of a live source; whatever is wrong has been said.
pub(super) fn settings(section: &Section<'_>, name: &str, around: &Surroundings<'_>) -> Settings {
    let no_files = "a source of kind \"azure\" reads no list of yours: it writes its own into state_dir";
    section.refuse("path", no_files);
    section.refuse("format", no_files);
    let (arm, authority) = (section.string("arm", address), section.string("authority", address));
    let interval = section.string("interval", values::duration).unwrap_or(Duration::from_mins(1));
    if interval < Duration::from_secs(1) {
        section.problem_at("interval", "interval: at least 1s");
    }
    Settings {
        name: name.to_owned(),
        scopes: scopes(section),
        select: selection(section),
        interval,
        identity: identity::identity(section, around.base),
        audience: audience(arm.as_deref(), around.cloud),
        arm: arm.unwrap_or_else(|| around.cloud.arm().to_owned()),
        authority: authority.unwrap_or_else(|| around.cloud.authority().to_owned()),
        folder: around.state_dir.join("azure").join(file_name(name, name)),
        views: views(section, around.views),
    }
}

/// The views that have the endpoints of some networks.
fn views(section: &Section<'_>, known: &[ViewName]) -> Vec<ViewNetworks> {
    let name = |text: &str| {
        known.iter().find(|view| view.as_str() == text).cloned().ok_or_else(|| {
            let names: Vec<String> = known.iter().take(10).map(|view| format!("'{view}'")).collect();
            let there =
                if names.is_empty() { "there are none".to_owned() } else { format!("there are {}", names.join(", ")) };
            format!("no [[views]] has the name '{text}'; {there}")
        })
    };
    let Some(found) = section.named_strings("views", name, network) else { return Vec::new() };
    if found.is_empty() {
        section.problem_at("views", "views: it is empty; leave the key out for its default");
    }
    let mut views = Vec::<ViewNetworks>::new();
    for (view, networks) in found {
        if networks.is_empty() {
            section.problem_at("views", format!("views: '{view}' names no subnet and no VNet; remove it, or name one"));
        }
        for network in &networks {
            if let Some(other) = views.iter().find(|other| other.networks.contains(network)) {
                let text = format!("views: '{network}' is in '{}' and in '{view}'; keep one", other.view);
                section.problem_at("views", text);
            }
        }
        views.push(ViewNetworks { view, networks });
    }
    views
}

/// The resource that tokens are for: the cloud's, also at a regional address of its ARM; any other ARM is its own.
fn audience(arm: Option<&str>, cloud: Cloud) -> String {
    let of_cloud = cloud.arm().trim_start_matches("https://");
    let is_of_cloud = |arm: &str| {
        let host = arm.trim_start_matches("https://");
        host == of_cloud || host.strip_suffix(of_cloud).is_some_and(|region| region.ends_with('.'))
    };
    arm.filter(|arm| !is_of_cloud(arm)).map_or_else(|| cloud.audience().to_owned(), str::to_owned)
}

fn scopes(section: &Section<'_>) -> Vec<Scope> {
    let group = |text: &str| match text.parse()? {
        Scope::Zone { .. } => Err(format!("'{text}' is a private DNS zone: name it in private_dns_zones")),
        scope => Ok(scope),
    };
    let zone = |text: &str| match text.parse() {
        Ok(scope @ Scope::Zone { .. }) => Ok(scope),
        _ => Err(format!(
            "'{text}' is no private DNS zone; write \"/subscriptions/<id>/resourceGroups/<name>/providers/\
             Microsoft.Network/privateDnsZones/<zone>\""
        )),
    };
    let (read, zones) = (section.strings("scopes", group), section.strings("private_dns_zones", zone));
    let is_named = ["scopes", "private_dns_zones"].iter().any(|key| section.has(key));
    let scopes: Vec<Scope> = read.iter().chain(&zones).flatten().cloned().collect();
    if !is_named {
        let text = "a source of kind \"azure\" needs scopes: scopes = [\"/subscriptions/<id>/resourceGroups/<name>\"]";
        section.problem(Id::CONFIG_MISSING_KEY, text);
    } else if scopes.is_empty() && read.iter().chain(&zones).count() > 0 {
        let key = if section.has("scopes") { "scopes" } else { "private_dns_zones" };
        section.problem_at(key, format!("{key}: it is empty, so nothing would be read; name a scope"));
    }
    for (at, scope) in scopes.iter().enumerate() {
        let key = if matches!(scope, Scope::Zone { .. }) { "private_dns_zones" } else { "scopes" };
        if scopes[..at].iter().any(|before| is_same(before, scope)) {
            section.problem_at(key, format!("{key}: '{scope}' is named twice; keep one"));
        } else if let Some(whole) = scopes.iter().find(|whole| holds(whole, scope)) {
            let text = format!("{key}: '{scope}' lies in '{whole}', so its endpoints are read twice; keep one of them");
            section.warn_at(key, Id::CONFIG_TWICE, text);
        }
    }
    scopes
}

/// Ids that differ in case alone are the same to Azure.
fn is_same(one: &Scope, other: &Scope) -> bool {
    one.to_string().eq_ignore_ascii_case(&other.to_string())
}

/// True if what one scope reads has all that the other reads.
fn holds(whole: &Scope, part: &Scope) -> bool {
    match (whole, part) {
        (Scope::Subscription { subscription: whole }, Scope::Group { subscription, .. }) => {
            whole.eq_ignore_ascii_case(subscription)
        }
        _ => false,
    }
}

fn selection(section: &Section<'_>) -> Selection {
    let services = [
        ("backup", Service::Backup),
        ("backup-secondary", Service::BackupSecondary),
        ("blob", Service::Blob),
        ("queue", Service::Queue),
    ];
    let services = some(section, "services", |text| values::choice(text, &services));
    Selection {
        services: services.unwrap_or_else(|| vec![Service::Backup]),
        vaults: some(section, "vaults", vault).unwrap_or_default(),
        endpoints: some(section, "endpoints", pattern).unwrap_or_default(),
        subnets: some(section, "subnets", subnet).unwrap_or_default(),
    }
}

/// A list that narrows what is read. An empty one is a mistake: nobody knows whether it means nothing or everything.
fn some<T>(section: &Section<'_>, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Option<Vec<T>> {
    let items = section.strings(key, parse)?;
    if items.is_empty() {
        section.problem_at(key, format!("{key}: it is empty; leave the key out for its default"));
    }
    Some(items)
}

/// True if a text can stand in a resource id.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|octet| octet.is_ascii_graphic() && !b"?#%\\\"'<>".contains(&octet))
}

/// True if a text is a resource id of this type, whatever the case.
fn is_resource(text: &str, before: &str, parts: usize) -> bool {
    let sections: Vec<&str> = text.split('/').collect();
    is_plain(text)
        && sections.len() == parts
        && sections.iter().skip(1).all(|part| !part.is_empty())
        && text.to_ascii_lowercase().starts_with("/subscriptions/")
        && text.to_ascii_lowercase().contains(before)
}

fn vault(text: &str) -> Result<String, String> {
    let is_name = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
    if is_name || is_resource(text, "/providers/microsoft.recoveryservices/vaults/", 9) {
        return Ok(text.to_owned());
    }
    Err(format!("'{text}' is no vault: write its name, or its resource id"))
}

fn pattern(text: &str) -> Result<String, String> {
    if !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_.*?".contains(&octet)) {
        return Ok(text.to_owned());
    }
    Err(format!("'{text}' is no name of an endpoint: write letters, digits, '-', '_', '.', and '*' or '?' for any"))
}

fn is_subnet(text: &str) -> bool {
    is_resource(text, VNETS, 11) && text.split('/').nth(9).is_some_and(|part| part.eq_ignore_ascii_case("subnets"))
}

/// The id of a subnet or of a virtual network, as what it is compared by.
fn network(text: &str) -> Result<String, String> {
    if is_subnet(text) || is_resource(text, VNETS, 9) {
        return Ok(ids::key(text));
    }
    Err(format!(
        "'{text}' is no resource id of a subnet or VNet, which ends in \".../virtualNetworks/<name>/subnets/<name>\" or \
         \".../virtualNetworks/<name>\""
    ))
}

fn subnet(text: &str) -> Result<String, String> {
    if is_subnet(text) {
        return Ok(text.to_owned());
    }
    Err(format!("'{text}' is no resource id of a subnet, which ends in \".../virtualNetworks/<name>/subnets/<name>\""))
}

#[cfg(test)]
mod tests;
