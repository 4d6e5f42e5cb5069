//! Help for lists that disagree because their endpoints lie in different networks: the `[[views]]` that give each
//! network its own addresses, as lines for the config.
//!
//! Input: the conflicts of a plan, and the sources and views of the config. Output: TOML to paste. The first of the
//! lists goes on feeding the base, so that no client loses an answer. A conflict inside a view, and two addresses in
//! one network, are no matter of views: nothing is offered for them.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{HeldRrset, Places, View};
use crate::sync::source::{self, Kind};
use crate::zone::{ViewName, ZoneId};

/// Of a network, only its addresses are known. Azure's subnets of endpoints are rarely larger.
const GUESS_V4: u8 = 24;
const GUESS_V6: u8 = 64;

/// The letters of a name that is made up, so that there is room for a number.
const MAX_NAME: usize = 50;

/// One of those who disagree: a source or, where one list names several endpoints, an endpoint of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Side {
    source: String,
    /// The file of the list, and the endpoint as the list names it.
    endpoint: Option<(String, String)>,
    networks: BTreeSet<IpNet>,
}

impl Side {
    fn is_same(&self, other: &Self) -> bool {
        (&self.source, &self.endpoint) == (&other.source, &other.endpoint)
    }

    /// The name that a person knows: of an id, the last part.
    fn name(&self) -> &str {
        self.endpoint.as_ref().map_or(&self.source, |(_, endpoint)| short(endpoint))
    }
}

/// Networks that share an address, and those who have endpoints in them: one view.
struct Group {
    networks: BTreeSet<IpNet>,
    sides: Vec<Side>,
}

/// Names that are given, in lower case.
struct Taken {
    views: BTreeSet<String>,
    sources: BTreeSet<String>,
}

/// The name of an endpoint without what stands before it in its id.
pub(super) fn short(endpoint: &str) -> &str {
    endpoint.rsplit('/').next().unwrap_or_default()
}

/// True if one list names several endpoints for an RRset, and no list of another source takes part in the conflict.
pub(super) fn are_endpoints(places: &Places, held: &HeldRrset) -> bool {
    let Some((first, others)) = held.claims.split_first() else { return false };
    let is_of_list = |listing| listing == first.origin.listing;
    places.endpoint(first.origin).is_some()
        && others.iter().all(|claim| is_of_list(claim.origin.listing) && places.endpoint(claim.origin).is_some())
        && others.iter().any(|claim| claim.origin.endpoint != first.origin.endpoint)
}

/// True if a view would settle this conflict.
pub(super) fn would_settle(zone: &ZoneId, places: &Places, held: &HeldRrset) -> bool {
    !movable(zone, places, held).is_empty()
}

/// The `[[views]]` by which the lists of a plan would not disagree any more; `None` if there are none.
pub fn views_to_paste(plan: &View<'_>, sources: &[source::Settings], views: &[ViewName]) -> Option<String> {
    let mut groups: Vec<Group> = Vec::new();
    for zone in &plan.zones {
        for held in &zone.held {
            for side in movable(&zone.id, plan.places, held) {
                add(&mut groups, side);
            }
        }
    }
    if groups.is_empty() {
        return None;
    }
    let mut out = String::new();
    let mut taken = Taken {
        views: views.iter().map(|view| view.as_str().to_ascii_lowercase()).collect(),
        sources: sources.iter().map(|source| source.name.to_ascii_lowercase()).collect(),
    };
    for group in &groups {
        write_group(&mut out, group, sources, &mut taken);
    }
    Some(out)
}

/// Those who would feed a view of their own; the first of all feeds the base.
fn movable(zone: &ZoneId, places: &Places, held: &HeldRrset) -> Vec<Side> {
    let mut sides: Vec<Side> = Vec::new();
    let by_endpoint = are_endpoints(places, held);
    for claim in &held.claims {
        let endpoint = places.endpoint(claim.origin).filter(|_| by_endpoint);
        let side = Side {
            source: places.source(claim.origin).to_owned(),
            endpoint: endpoint.map(|endpoint| (places.file(claim.origin).to_owned(), endpoint.to_owned())),
            networks: claim.addresses.iter().map(|&address| network(address)).collect(),
        };
        match sides.iter_mut().find(|known| known.is_same(&side)) {
            Some(known) => known.networks.extend(side.networks),
            None => sides.push(side),
        }
    }
    let is_apart = |at: usize| {
        let mut others = sides.iter().enumerate().filter(|(other, _)| *other != at);
        others.all(|(_, other)| other.networks.is_disjoint(&sides[at].networks))
    };
    if zone.view.is_some() || !(0..sides.len()).all(is_apart) {
        return Vec::new();
    }
    sides.into_iter().skip(1).collect()
}

fn network(address: IpAddr) -> IpNet {
    match address {
        IpAddr::V4(v4) => Ipv4Net::new_assert(v4, GUESS_V4).trunc().into(),
        IpAddr::V6(v6) => Ipv6Net::new_assert(v6, GUESS_V6).trunc().into(),
    }
}

/// Adds a side to the group of its networks, which may tie two groups together.
fn add(groups: &mut Vec<Group>, side: Side) {
    let mut joined = Group { networks: side.networks.clone(), sides: vec![side] };
    let apart = |group: &Group| {
        let has = |side: &Side| joined.sides.iter().any(|known| known.is_same(side));
        group.networks.is_disjoint(&joined.networks) && !group.sides.iter().any(has)
    };
    let (rest, tied): (Vec<Group>, Vec<Group>) = groups.drain(..).partition(apart);
    for group in tied.into_iter().rev() {
        joined.networks.extend(group.networks);
        joined.sides.splice(0..0, group.sides);
    }
    let mut known: Vec<Side> = Vec::new();
    for side in joined.sides {
        if !known.iter().any(|one| one.is_same(&side)) {
            known.push(side);
        }
    }
    *groups = rest;
    groups.push(Group { networks: joined.networks, sides: known });
}

fn write_group(out: &mut String, group: &Group, sources: &[source::Settings], taken: &mut Taken) {
    let Some(first) = group.sides.first() else { return };
    let view = free_name(first.name(), &mut taken.views);
    let mut feeding = Vec::new();
    for side in &group.sides {
        let Some((file, endpoint)) = &side.endpoint else {
            feeding.push(side.source.clone());
            continue;
        };
        let (source, name) = (quoted(&side.source), short(endpoint).replace('\'', ""));
        let is_live = |known: &&source::Settings| known.name == side.source && matches!(known.kind, Kind::Live { .. });
        // Writing to a String cannot fail.
        let _ = if sources.iter().any(|known| is_live(&known)) {
            writeln!(
                out,
                "# [[sources]] {source} gets this key: views = {{ \"{view}\" = [\"<id of the subnet or VNet of '{name}'>\"] }}"
            )
        } else {
            let source = free_name(&name, &mut taken.sources);
            let path = quoted(&new_list(file, &source));
            let moved = format!("# move the entries of '{name}' from {file} into this list");
            feeding.push(source.clone());
            writeln!(out, "[[sources]]\nname = \"{source}\"\npath = {path}  {moved}\n")
        };
    }
    let clients: Vec<String> = group.networks.iter().map(|network| format!("\"{network}\"")).collect();
    let _ = writeln!(out, "[[views]]\nname = \"{view}\"\nclients = [{}]  # a guess: correct it", clients.join(", "));
    if !feeding.is_empty() {
        let feeding: Vec<String> = feeding.iter().map(|source| quoted(source)).collect();
        let _ = writeln!(out, "sources = [{}]", feeding.join(", "));
    }
    out.push('\n');
}

/// A list beside the one that it is split from, in a folder of its own: the pattern of a source must not find it.
fn new_list(file: &str, source: &str) -> String {
    let file = Path::new(file);
    let name = file.extension().map_or(source.to_owned(), |ending| format!("{source}.{}", ending.display()));
    file.with_file_name("views").join(name).display().to_string()
}

/// A name of letters, digits and hyphens that nothing else has, as much like `text` as there can be.
fn free_name(text: &str, taken: &mut BTreeSet<String>) -> String {
    let plain: String = text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(MAX_NAME).collect();
    let plain = plain.trim_matches('-');
    let plain = if plain.is_empty() { "network" } else { plain };
    let numbered = (2..).map(|number: u32| format!("{plain}-{number}"));
    let mut names = std::iter::once(plain.to_owned()).chain(numbered);
    let free = names.find(|name| taken.insert(name.to_ascii_lowercase()));
    free.unwrap_or_else(|| plain.to_owned())
}

/// A basic string of TOML; names and paths have no control characters.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
