//! Everything that the interfaces of one endpoint say.

use std::collections::{BTreeMap, BTreeSet};

use super::address::address;
use super::names::{Fqdn, MAX_ADDRESSES, Names, fqdn};
use super::{Interfaces, shown};
use crate::sync::live::ids;
use crate::sync::live::model::{IpConfiguration, NetworkInterface, PrivateEndpoint};
use crate::sync::live::select::Selected;

/// The names of an endpoint, and what is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Collected {
    /// The names and their records.
    pub(super) names: Names,
    /// What the endpoint should have and has not, as the end of a sentence that begins with it.
    pub(super) missing: BTreeSet<String>,
    /// Addresses without a name.
    unnamed: usize,
}

/// Collects the names of a published endpoint.
///
/// A name that stands at several addresses has all of them: that is what Azure writes into its own zones, where a name
/// has one record set with every address of its endpoint. IPv4 and IPv6 of an endpoint are two such configurations.
pub(super) fn collect(one: &Selected<'_>, nics: &Interfaces<'_>) -> Collected {
    let mut found = Collected::default();
    for nic in own(one.endpoint, nics, &mut found.missing) {
        nic.properties.ip_configurations.iter().for_each(|configuration| found.add(configuration));
    }
    for name in found.names.leave_out_full() {
        found.missing.insert(format!("has over {MAX_ADDRESSES} addresses for '{name}', which is left out"));
    }
    if found.names.records.is_empty() && found.missing.is_empty() {
        let text = "is approved and has no names on its network interface: its records in service stay until it has";
        found.missing.insert(text.to_owned());
    } else if found.unnamed > 0 {
        let text = if found.unnamed == 1 { "an address" } else { "several addresses" };
        found.missing.insert(format!("has {text} without a name: its records in service stay until all are named"));
    }
    found
}

impl Collected {
    fn add(&mut self, from: &IpConfiguration) {
        let given = &from.properties.private_link.fqdns;
        if given.iter().all(|text| text.trim().is_empty()) {
            self.unnamed += 1;
            return;
        }
        let mut own: Vec<Fqdn> = Vec::new();
        for text in given.iter().filter(|text| !text.trim().is_empty()) {
            match fqdn(text) {
                Ok(name) => own.push(name),
                Err(why) => drop(self.missing.insert(format!("has the name '{}', which {why}", shown(text)))),
            }
        }
        let written = from.properties.private_ip_address.trim();
        let address = address(written);
        let what = if written.is_empty() { "no address".to_owned() } else { format!("'{}'", shown(written)) };
        for name in own {
            match address {
                Some(address) => self.names.add(name, address),
                None => drop(self.missing.insert(format!(
                    "has {what} where '{}' should have an address: what is in service of it stays",
                    name.text
                ))),
            }
        }
    }
}

/// The interfaces of an endpoint: those that name it, and those that it names and that name no other. Azure misspells
/// some references, so that an interface that names the endpoint is known by its own name too.
fn own<'a>(
    endpoint: &PrivateEndpoint,
    nics: &Interfaces<'a>,
    missing: &mut BTreeSet<String>,
) -> Vec<&'a NetworkInterface> {
    let id = ids::key(&endpoint.id);
    let mut own: BTreeMap<String, &NetworkInterface> = BTreeMap::new();
    for nic in nics.by_endpoint.get(&id).into_iter().flatten().filter(|_| !id.is_empty()) {
        own.insert(ids::key(&nic.id), nic);
    }
    let names: BTreeSet<String> = own.keys().filter_map(|id| ids::name(id)).map(str::to_owned).collect();
    let references = endpoint.properties.network_interfaces.iter().map(|nic| nic.id.trim());
    for reference in references.filter(|id| !id.is_empty()) {
        let key = ids::key(reference);
        let name = ids::name(reference).unwrap_or(reference);
        match nics.by_id.get(&key) {
            _ if names.contains(&ids::key(name)) => {}
            None => drop(missing.insert(format!(
                "has the network interface '{}', which cannot be read: its records in service stay until it can",
                shown(name)
            ))),
            Some(nic) if nic.properties.private_endpoint.id.trim().is_empty() => drop(own.insert(key, nic)),
            Some(_) => drop(missing.insert(format!(
                "has the network interface '{}', which says that it belongs to another endpoint and is left aside",
                shown(name)
            ))),
        }
    }
    own.into_values().collect()
}
