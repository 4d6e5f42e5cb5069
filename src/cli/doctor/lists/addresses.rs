//! Addresses that look like typing errors: alone in another subnet, or given to two names.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::vaults::vault;
use crate::cli::doctor::facts::Listed;
use crate::cli::doctor::finding::{Finding, lines, some};
use crate::cli::doctor::id::Id;

/// One address in this many may be elsewhere before the subnet counts as wider than a /24.
const ALONE: usize = 5;

/// The endpoint that a record belongs to: as the list names it, else its vault.
fn endpoint(listed: &Listed) -> Option<String> {
    let vault = || vault(&listed.owner).map(|(number, _)| format!("vault {number}"));
    listed.endpoint.as_ref().map(|name| format!("endpoint '{name}'")).or_else(vault)
}

fn ipv4(listed: &Listed) -> impl Iterator<Item = Ipv4Addr> {
    listed.addresses.iter().filter_map(|address| match address {
        IpAddr::V4(address) => Some(*address),
        IpAddr::V6(_) => None,
    })
}

fn network(address: Ipv4Addr) -> [u8; 3] {
    let [a, b, c, _] = address.octets();
    [a, b, c]
}

/// Single addresses of an endpoint that are not in the /24 of all its others.
pub(super) fn subnets(records: &[Listed]) -> Finding {
    let mut endpoints: BTreeMap<String, Vec<(Ipv4Addr, &Listed)>> = BTreeMap::new();
    for listed in records {
        if let Some(endpoint) = endpoint(listed) {
            endpoints.entry(endpoint).or_default().extend(ipv4(listed).map(|address| (address, listed)));
        }
    }
    let mut strays = Vec::new();
    for (endpoint, addresses) in &endpoints {
        let mut counts: BTreeMap<[u8; 3], usize> = BTreeMap::new();
        for (address, _) in addresses {
            *counts.entry(network(*address)).or_default() += 1;
        }
        let Some((home, inside)) = counts.into_iter().max_by_key(|(_, count)| *count) else { continue };
        let outside = addresses.len() - inside;
        if outside == 0 || outside * ALONE > addresses.len() {
            continue;
        }
        let [a, b, c] = home;
        for (address, listed) in addresses.iter().filter(|(address, _)| network(*address) != home) {
            let (name, place) = (listed.name(), &listed.place);
            strays.push(format!(
                "{name} has {address}, the other {inside} of {endpoint} are in {a}.{b}.{c}.0/24: {place}"
            ));
        }
    }
    if strays.is_empty() {
        return Finding::good(Id::SUBNETS, "no address is alone in another subnet");
    }
    Finding::warning(Id::SUBNETS, lines(&strays)).run("compare these lines with the endpoint in Azure")
}

/// Addresses of two names that do not belong to one endpoint, or to one account.
pub(super) fn twice(records: &[Listed]) -> Finding {
    let mut names: BTreeMap<IpAddr, Vec<&Listed>> = BTreeMap::new();
    for listed in records {
        for address in &listed.addresses {
            names.entry(*address).or_default().push(listed);
        }
    }
    let is_other = |one: &Listed, two: &Listed| match (&one.endpoint, &two.endpoint) {
        (Some(one), Some(two)) => one != two,
        _ => one.owner != two.owner,
    };
    let mut shared = Vec::new();
    for (address, listed) in &names {
        let first = listed[0];
        if listed.iter().any(|other| is_other(first, other)) {
            let owners: Vec<String> =
                listed.iter().map(|listed| format!("{} ({})", listed.name(), listed.place)).collect();
            shared.push(format!("{address}: {}", some(&owners)));
        }
    }
    if shared.is_empty() {
        return Finding::good(Id::TWICE, format!("{} addresses, each of one name", names.len()));
    }
    Finding::warning(Id::TWICE, lines(&shared)).run("compare these lines with the endpoints in Azure")
}
