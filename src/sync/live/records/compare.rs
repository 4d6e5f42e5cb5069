//! The cross-check: what an endpoint itself names, beside what its interfaces name.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::address::address;
use super::collect::Collected;
use super::names::fqdn;
use super::shown;
use crate::sync::live::model::PrivateEndpoint;

/// Names that a finding shows.
const SHOWN: usize = 3;

/// The difference as the end of a sentence that begins with the endpoint. An endpoint that names nothing at all says
/// nothing: a DNS zone group keeps its names then.
pub(super) fn difference(endpoint: &PrivateEndpoint, found: &Collected) -> Option<String> {
    let mut own: BTreeMap<String, BTreeSet<IpAddr>> = BTreeMap::new();
    for config in endpoint.properties.custom_dns_configs.iter().filter(|config| !config.fqdn.trim().is_empty()) {
        let key = fqdn(&config.fqdn).map_or_else(|_| shown(config.fqdn.trim()).to_lowercase(), |name| name.key);
        own.entry(key).or_default().extend(config.ip_addresses.iter().filter_map(|text| address(text)));
    }
    if own.is_empty() {
        return None;
    }
    let names: BTreeSet<&String> = own.keys().chain(found.names.records.keys()).collect();
    let differing: Vec<&String> =
        names.into_iter().filter(|name| own.get(*name) != found.names.records.get(*name)).collect();
    if differing.is_empty() {
        return None;
    }
    let side = |addresses: Option<&BTreeSet<IpAddr>>| match addresses {
        None => "missing".to_owned(),
        Some(none) if none.is_empty() => "without an address".to_owned(),
        Some(some) => some.iter().take(SHOWN).map(ToString::to_string).collect::<Vec<_>>().join(" "),
    };
    let texts: Vec<String> = differing
        .iter()
        .take(SHOWN)
        .map(|name| {
            format!("'{name}' is {} here and {} there", side(found.names.records.get(*name)), side(own.get(*name)))
        })
        .collect();
    let more = match differing.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("; {more} more"),
    };
    Some(format!(
        "names other records on its network interface than in customDnsConfigs: {}{more}; the interface counts",
        texts.join("; ")
    ))
}
