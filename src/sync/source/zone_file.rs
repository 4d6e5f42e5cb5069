//! Zone files as lists: BIND's, `az network private-dns zone export`, Windows DNS, `dnscmd /zoneprint`, `dig` answers.
//!
//! Input: a text in the master file format of RFC 1035 section 5. Output: the A and AAAA records as entries, those of a
//! name together. The zone parser of the server reads it, so that origins, parentheses and omitted owners mean what
//! they mean there. Other records of names of ours are counted and left aside. A relative name counts only if the file
//! says what it is relative to (see [`origin`]).

mod foreign_words;
mod origin;
mod others;

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use super::listing::{ListingBuilder, MAX_ADDRESSES};
use super::statement::{Statement, Written};
use super::token::quoted;
use crate::azure::names::{NotHosted, locate};
use crate::diag::Id;
use crate::dns::{Name, Rtype};
use crate::zone::text::{self as master_file, Parsed};
use origin::Origin;
use others::Others;

/// Reads a file; its name may say which zone it is.
pub(super) fn read(text: &str, path: &Path, out: &mut ListingBuilder) {
    let origin = Origin::find(text, path);
    let mut records = Records::new(&origin, text);
    let readable = foreign_words::without(text.as_bytes());
    let errors = master_file::parse(&readable, origin.apex(), |parsed| records.add(parsed)).errors;
    for error in &errors {
        out.problem_at(error.line, error.column, Id::LIST_SYNTAX, || format!("in this zone file, {}", error.reason));
    }
    if let Some((line, problem)) = records.problem {
        out.problem(line, Id::LIST_BAD_NAME, || problem);
    } else if errors.is_empty() {
        records.others.report(!records.groups.is_empty(), out);
        records.groups.iter().for_each(|group| group.publish(out));
    }
}

/// The addresses of one owner.
struct Group {
    owner: Name,
    line: u32,
    addresses: Vec<IpAddr>,
}

impl Group {
    fn publish(&self, out: &mut ListingBuilder) {
        let text = self.owner.without_dot();
        let names = [Written::full(&text)];
        out.add(&Statement { line: self.line, names: &names, addresses: &self.addresses, ..Statement::default() });
    }
}

/// What a file holds.
struct Records<'f> {
    origin: &'f Origin,
    groups: Vec<Group>,
    /// The group of each owner.
    by_owner: HashMap<Name, usize>,
    /// The zones that have begun.
    begun: HashSet<Name>,
    /// Those that have begun again, and the line where.
    again: HashMap<Name, u32>,
    others: Others<'f>,
    /// The first problem, with its line.
    problem: Option<(u32, String)>,
}

impl<'f> Records<'f> {
    fn new(origin: &'f Origin, text: &'f str) -> Self {
        Self {
            origin,
            groups: Vec::new(),
            by_owner: HashMap::new(),
            begun: HashSet::new(),
            again: HashMap::new(),
            others: Others::new(text),
            problem: None,
        }
    }

    fn add(&mut self, parsed: Parsed<'_>) {
        let Some(owner) = Name::from_wire(parsed.owner).filter(|_| self.problem.is_none()) else { return };
        self.problem =
            self.origin.problem_with(&owner).or_else(|| self.appended(&owner)).map(|text| (parsed.line, text));
        match address(&parsed) {
            Some(address) => self.add_address(owner, parsed.line, address),
            None if parsed.rtype == Rtype::SOA => {
                if !self.begun.insert(owner.clone()) {
                    self.again.insert(owner, parsed.line);
                }
            }
            None => self.others.add(&owner, &parsed),
        }
    }

    fn add_address(&mut self, owner: Name, line: u32, address: IpAddr) {
        let group = *self.by_owner.entry(owner).or_insert_with_key(|owner| {
            self.groups.push(Group { owner: owner.clone(), line, addresses: Vec::with_capacity(1) });
            self.groups.len() - 1
        });
        let addresses = &mut self.groups[group].addresses;
        // Once there are too many, the exact number does not matter.
        if addresses.len() <= MAX_ADDRESSES && !addresses.contains(&address) {
            addresses.push(address);
        }
    }

    /// A zone transfer ends with the SOA record that it began with. Where more follows, an older file of the zone
    /// stands above, whose records may be gone.
    fn appended(&self, owner: &Name) -> Option<String> {
        if self.again.is_empty() {
            return None;
        }
        let mut zones = std::iter::successors(Some(owner.clone()), Name::parent);
        let (line, zone) = zones.find_map(|zone| Some((*self.again.get(&zone)?, zone)))?;
        Some(format!(
            "zone '{}' begins again on line {line}, so two files of it stand in this one: keep the newer one alone",
            quoted(&zone.without_dot())
        ))
    }
}

fn address(parsed: &Parsed<'_>) -> Option<IpAddr> {
    match parsed.rtype {
        Rtype::A => <[u8; 4]>::try_from(parsed.rdata).ok().map(|octets| Ipv4Addr::from(octets).into()),
        Rtype::AAAA => <[u8; 16]>::try_from(parsed.rdata).ok().map(|octets| Ipv6Addr::from(octets).into()),
        _ => None,
    }
}

/// True if a name would be a record of ours, or is meant to be one.
fn is_ours(name: &str) -> bool {
    !matches!(locate(name, &mut String::new()), Err(NotHosted::Elsewhere | NotHosted::Apex))
}

#[cfg(test)]
mod tests;
