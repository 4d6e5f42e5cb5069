//! Names as Azure writes them, and the records that they mean.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::azure::NotHosted;
use crate::azure::names::{check_geo, locate};

/// A name that can stand in a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fqdn {
    /// As Azure has it, without a final dot.
    pub(super) text: String,
    /// The record that it means: all spellings of one record have one key.
    pub(super) key: String,
}

/// Reads a name; an error for one because of which a list would be refused, with the reason behind the name.
pub(super) fn fqdn(text: &str) -> Result<Fqdn, String> {
    let text = text.trim();
    let text = text.strip_suffix('.').unwrap_or(text);
    let mut buffer = String::new();
    let key = match locate(text, &mut buffer) {
        Ok(place) => {
            check_geo(place.cloud, place.service, place.geo).map_err(|error| error.to_string())?;
            format!("{}.{}", place.owner, place.zone_text())
        }
        // Names of other services are left aside by sync, each kind with a note.
        Err(NotHosted::Elsewhere) => text.to_ascii_lowercase(),
        Err(error) => return Err(error.to_string()),
    };
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.len() > 253 {
        return Err("is too long for a host name".to_owned());
    }
    if let Some(odd) = text.chars().find(|c| !is_host(*c)) {
        return Err(format!("is not a host name: the character U+{:04X} cannot stand in one", u32::from(odd)));
    }
    Ok(Fqdn { text: text.to_owned(), key })
}

/// Addresses that one name may have, as in any list.
pub(super) const MAX_ADDRESSES: usize = 100;

/// Names with the addresses of the record that each means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    texts: BTreeSet<Fqdn>,
    /// The addresses of each record, by its key.
    pub(super) records: BTreeMap<String, BTreeSet<IpAddr>>,
}

impl Names {
    pub(super) fn add(&mut self, name: Fqdn, address: IpAddr) {
        self.records.entry(name.key.clone()).or_default().insert(address);
        self.texts.insert(name);
    }

    /// Leaves out the names with more addresses than a list may give; these.
    pub(super) fn leave_out_full(&mut self) -> Vec<String> {
        let is_full = |addresses: &BTreeSet<IpAddr>| addresses.len() > MAX_ADDRESSES;
        let is_too_much = |name: &&Fqdn| self.records.get(&name.key).is_some_and(is_full);
        let full = self.texts.iter().filter(is_too_much).map(|name| name.text.clone()).collect();
        self.records.retain(|_, addresses| !is_full(addresses));
        full
    }

    /// Each name as Azure has it, with all addresses of its record.
    pub(super) fn rows(&self) -> impl Iterator<Item = (String, Vec<IpAddr>)> {
        self.texts.iter().filter_map(|name| {
            let addresses = self.records.get(&name.key)?;
            Some((name.text.clone(), addresses.iter().copied().collect()))
        })
    }
}
