//! The address records of an Azure Private DNS zone.

use super::address::address;
use super::names::{Fqdn, MAX_ADDRESSES, Names, fqdn};
use super::{Row, ScopeList, shown};
use crate::sync::live::model::RecordSet;

/// The list of a zone, such as `privatelink.blob.core.windows.net`, from its record sets of types A and AAAA. Record
/// sets of other types have no addresses, and those of the zone itself and of all names below it (`@`, `*`) are no
/// endpoint's: they are left aside.
pub fn of_zone(zone: &str, sets: &[RecordSet]) -> ScopeList {
    let zone = zone.trim().trim_matches('.').to_ascii_lowercase();
    let (mut list, mut names, mut is_incomplete) = (ScopeList::default(), Names::default(), false);
    for set in sets {
        match of_set(set, &zone) {
            Ok((name, texts)) => {
                list.selected += 1;
                for text in texts {
                    if let Some(address) = address(text) {
                        names.add(name.clone(), address);
                        continue;
                    }
                    is_incomplete = true;
                    list.warnings.push(format!(
                        "record set '{}' has '{}' where an address belongs: what is in service of the zone stays",
                        name.text,
                        shown(text)
                    ));
                }
            }
            Err(Aside::Known(reason)) => *list.skipped.entry(reason.to_owned()).or_default() += 1,
            Err(Aside::Odd(text)) => list.warnings.push(text),
        }
    }
    for name in names.leave_out_full() {
        is_incomplete = true;
        list.warnings.push(format!("record set '{name}' has over {MAX_ADDRESSES} addresses and is left out"));
    }
    if is_incomplete {
        list.incomplete(zone, None);
    }
    let row = |(fqdn, addresses)| Row { endpoint: String::new(), fqdn, addresses, provisioning: None };
    list.rows = names.rows().map(row).collect();
    list.finish()
}

/// The reason why a record set is left aside.
enum Aside {
    /// A usual one, for `status`.
    Known(&'static str),
    /// One that is worth a look.
    Odd(String),
}

/// The name of a record set, and its addresses as Azure writes them.
fn of_set<'a>(set: &'a RecordSet, zone: &str) -> Result<(Fqdn, Vec<&'a str>), Aside> {
    let (name, properties) = (set.name.trim(), &set.properties);
    if matches!(name, "@" | "*") || name.starts_with("*.") {
        return Err(Aside::Known("no-endpoint"));
    }
    let v4 = properties.a_records.iter().map(|record| record.ipv4_address.trim());
    let texts: Vec<&str> = v4.chain(properties.aaaa_records.iter().map(|record| record.ipv6_address.trim())).collect();
    let full = match properties.fqdn.trim() {
        "" => format!("{name}.{zone}"),
        full => full.to_owned(),
    };
    if texts.is_empty() {
        return Err(Aside::Known("no-address"));
    }
    match fqdn(&full) {
        Ok(found) if is_below(&found.text, zone) => Ok((found, texts)),
        Ok(_) => Err(Aside::Odd(format!("record set '{}' is not of zone '{zone}' and is left out", shown(&full)))),
        Err(why) => Err(Aside::Odd(format!("record set '{}' is left out: the name {why}", shown(&full)))),
    }
}

fn is_below(name: &str, zone: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.strip_suffix(zone).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}
