//! Everything that the interfaces of one endpoint say.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::address::address;
use super::names::{Fqdn, fqdn};
use super::{Interfaces, shown};
use crate::sync::live::ids;
use crate::sync::live::model::{IpConfiguration, NetworkInterface, PrivateEndpoint};
use crate::sync::live::select::Selected;

/// Addresses that one name may have, as in any list.
const MAX_ADDRESSES: usize = 100;

/// The names of an endpoint, and what is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Collected {
    /// Names as Azure has them, with all addresses of the record that each means.
    pub(super) rows: Vec<(String, Vec<IpAddr>)>,
    /// The addresses of each record.
    pub(super) records: BTreeMap<String, BTreeSet<IpAddr>>,
    /// What the endpoint should have and has not, as the end of a sentence that begins with it.
    pub(super) missing: BTreeSet<String>,
}

/// Collects the names of a published endpoint.
///
/// A name that stands at several addresses has all of them: that is what Azure writes into its own zones, where a name
/// has one record set with every address of its endpoint. IPv4 and IPv6 of an endpoint are two such configurations.
pub(super) fn collect(one: &Selected<'_>, nics: &Interfaces<'_>) -> Collected {
    let mut found = Collected::default();
    let mut names: BTreeSet<Fqdn> = BTreeSet::new();
    let mut unnamed = 0;
    for nic in own(one.endpoint, nics, &mut found.missing) {
        for configuration in &nic.properties.ip_configurations {
            found.configuration(configuration, &mut names, &mut unnamed);
        }
    }
    let is_full = |addresses: &BTreeSet<IpAddr>| addresses.len() > MAX_ADDRESSES;
    for name in names.iter().filter(|name| found.records.get(&name.key).is_some_and(is_full)) {
        found.missing.insert(format!("has over {MAX_ADDRESSES} addresses for '{}', which is left out", name.text));
    }
    found.records.retain(|_, addresses| !is_full(addresses));
    let rows = names.into_iter().filter_map(|name| {
        let addresses = found.records.get(&name.key)?;
        Some((name.text, addresses.iter().copied().collect()))
    });
    found.rows = rows.collect();
    if found.rows.is_empty() && found.missing.is_empty() {
        found.missing.insert(
            "is approved and has no names on its network interface: its records in service stay until it has"
                .to_owned(),
        );
    } else if unnamed > 0 {
        let text = if unnamed == 1 { "an address" } else { "several addresses" };
        found.missing.insert(format!("has {text} without a name: its records in service stay until all are named"));
    }
    found
}

impl Collected {
    fn configuration(&mut self, from: &IpConfiguration, names: &mut BTreeSet<Fqdn>, unnamed: &mut usize) {
        let given = &from.properties.private_link.fqdns;
        let mut own: Vec<Fqdn> = Vec::new();
        for text in given.iter().filter(|text| !text.trim().is_empty()) {
            match fqdn(text) {
                Ok(name) => own.push(name),
                Err(why) => drop(self.missing.insert(format!("has the name '{}', which {why}", shown(text)))),
            }
        }
        if given.iter().all(|text| text.trim().is_empty()) {
            *unnamed += 1;
            return;
        }
        let written = from.properties.private_ip_address.trim();
        let Some(address) = address(written) else {
            let what = if written.is_empty() { "no address".to_owned() } else { format!("'{}'", shown(written)) };
            for name in own {
                self.missing.insert(format!(
                    "has {what} where '{}' should have an address: what is in service of it stays",
                    name.text
                ));
            }
            return;
        };
        for name in own {
            self.records.entry(name.key.clone()).or_default().insert(address);
            names.insert(name);
        }
    }
}

/// The interfaces of an endpoint: those that name it, and those that it names and that name no other.
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
    let references = endpoint.properties.network_interfaces.iter().map(|nic| nic.id.trim());
    for reference in references.filter(|id| !id.is_empty()) {
        let key = ids::key(reference);
        let name = || shown(ids::name(reference).unwrap_or(reference));
        match nics.by_id.get(&key) {
            None => drop(missing.insert(format!(
                "has the network interface '{}', which cannot be read: its records in service stay until it can",
                name()
            ))),
            Some(nic) if nic.properties.private_endpoint.id.trim().is_empty() => drop(own.insert(key, nic)),
            Some(nic) if ids::is_same(&nic.properties.private_endpoint.id, &endpoint.id) => {}
            Some(_) => drop(missing.insert(format!(
                "has the network interface '{}', which says that it belongs to another endpoint and is left aside",
                name()
            ))),
        }
    }
    own.into_values().collect()
}
