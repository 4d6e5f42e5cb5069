//! The address records of an Azure Private DNS zone.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::address::address;
use super::names::{Fqdn, fqdn};
use super::{Row, ScopeList, shown};
use crate::sync::live::model::RecordSet;

/// The list of a zone, such as `privatelink.blob.core.windows.net`, from its record sets of types A and AAAA. Record
/// sets of other types have no addresses, and those of the zone itself and of all names below it (`@`, `*`) are no
/// endpoint's: they are left aside.
pub fn of_zone(zone: &str, sets: &[RecordSet]) -> ScopeList {
    let zone = zone.trim().trim_matches('.');
    let mut list = ScopeList::default();
    let mut names: BTreeMap<Fqdn, BTreeSet<IpAddr>> = BTreeMap::new();
    let mut is_incomplete = false;
    for set in sets {
        let (name, properties) = (set.name.trim(), &set.properties);
        if matches!(name, "@" | "*") || name.starts_with("*.") {
            *list.skipped.entry("no-endpoint".to_owned()).or_default() += 1;
            continue;
        }
        let v4 = properties.a_records.iter().map(|record| record.ipv4_address.trim());
        let texts: Vec<&str> =
            v4.chain(properties.aaaa_records.iter().map(|record| record.ipv6_address.trim())).collect();
        let full = match properties.fqdn.trim() {
            "" if name.is_empty() => continue,
            "" => format!("{name}.{zone}"),
            full => full.to_owned(),
        };
        if texts.is_empty() {
            *list.skipped.entry("no-address".to_owned()).or_default() += 1;
            continue;
        }
        list.selected += 1;
        let found = match fqdn(&full) {
            Ok(found) if is_below(&found.text, zone) => found,
            Ok(_) => {
                list.warnings.push(format!("record set '{}' is not of zone '{zone}' and is left out", shown(&full)));
                continue;
            }
            Err(why) => {
                list.warnings.push(format!("record set '{}' is left out: the name {why}", shown(&full)));
                continue;
            }
        };
        for text in texts {
            match address(text) {
                Some(address) => drop(names.entry(found.clone()).or_default().insert(address)),
                None => {
                    is_incomplete = true;
                    list.warnings.push(format!(
                        "record set '{}' has '{}' where an address belongs: what is in service of the zone stays",
                        shown(&full),
                        shown(text)
                    ));
                }
            }
        }
    }
    if is_incomplete {
        list.incomplete(zone.to_owned(), None);
    }
    list.rows = names
        .into_iter()
        .map(|(name, addresses)| Row {
            endpoint: String::new(),
            fqdn: name.text,
            addresses: addresses.into_iter().collect(),
            provisioning: None,
        })
        .collect();
    list.finish()
}

fn is_below(name: &str, zone: &str) -> bool {
    let start = name.len().checked_sub(zone.len() + 1);
    start.is_some_and(|at| {
        name.is_char_boundary(at) && name[at..].starts_with('.') && name[at + 1..].eq_ignore_ascii_case(zone)
    })
}
