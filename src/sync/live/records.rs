//! The names and addresses of the selected endpoints: pure decisions.
//!
//! Input: endpoints, their network interfaces, or the record sets of a zone. Output: a [`ScopeList`]. The interfaces
//! count; what the endpoint itself names is a cross-check. An endpoint of which anything is missing is marked, so that
//! its records in service stay. One bad name or address costs the endpoint that name, and no other endpoint anything.

mod address;
mod collect;
mod compare;
mod names;
#[cfg(test)]
mod tests;
mod zone;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::ids;
use super::model::NetworkInterface;
use super::scope::Scope;
use super::select::{Selected, Standing, label, view_of};
use super::settings::ViewNetworks;
use crate::zone::ViewName;
use collect::{Collected, collect};
pub use zone::of_zone;

/// Findings that a list keeps. Nobody reads more of them.
const MAX_WARNINGS: usize = 50;

/// Names of an endpoint that is not connected: Azure allows more endpoints than it gives names to one.
const MAX_NAMES: usize = 100;

/// The contents of the list of one scope, in the order of endpoints and names, so that the same estate gives the same
/// text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeList {
    /// One row for each name of an endpoint.
    pub rows: Vec<Row>,
    /// Endpoints that publish nothing, or not all that they have.
    pub apart: Vec<Apart>,
    /// The endpoints that were not selected or not published, by reason, for `status`.
    pub skipped: BTreeMap<String, usize>,
    /// Endpoints that were selected, in any state.
    pub selected: usize,
    /// Findings that are worth a look, such as a cross-check that differs; sorted, and a bounded number.
    pub warnings: Vec<String>,
    /// True if Azure is still changing an endpoint: the next read should come soon.
    pub is_settling: bool,
    /// What views have to themselves, each of them with its entries or none. All else here is of the whole scope.
    pub views: Vec<ViewPart>,
}

/// The entries of one view: they are not among those of the base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewPart {
    /// The view.
    pub view: ViewName,
    /// One row for each name of an endpoint.
    pub rows: Vec<Row>,
    /// Endpoints that publish nothing, or not all that they have.
    pub apart: Vec<Apart>,
}

/// A name with its addresses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// `<resource group>/<endpoint>`; empty for a record set of a zone.
    pub endpoint: String,
    /// The name as Azure has it, without a final dot.
    pub fqdn: String,
    /// Its addresses, sorted.
    pub addresses: Vec<IpAddr>,
    /// `Failed` or `Canceled`, where the endpoint is in that state.
    pub provisioning: Option<String>,
}

/// An endpoint that publishes nothing, or not all that it has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Apart {
    /// `<resource group>/<endpoint>`; for a record set, the zone.
    pub endpoint: String,
    /// The state of its connection, where that is the reason; else it looks incomplete, and its records stay.
    pub connection: Option<String>,
    /// `Updating`, where Azure is changing the endpoint: it is expected to be incomplete.
    pub provisioning: Option<String>,
    /// Its names, as far as Azure gives them, where nothing of it is published: for people who ask why.
    pub names: Vec<String>,
}

/// The list of a scope of private endpoints, by views where there are any. `skipped` is what [`super::select::select`]
/// said.
pub fn of_endpoints(
    scope: &Scope,
    selected: &[Selected<'_>],
    interfaces: &[NetworkInterface],
    skipped: BTreeMap<String, usize>,
    views: &[ViewNetworks],
) -> ScopeList {
    let mut list = ScopeList { skipped, ..ScopeList::default() };
    let nics = Interfaces::of(interfaces);
    let of_view = |view: Option<usize>| selected.iter().filter(move |one| view_of(one.endpoint, views) == view);
    for (at, part) in views.iter().enumerate() {
        list.add(scope, of_view(Some(at)), &nics);
        let (rows, apart) = (std::mem::take(&mut list.rows), std::mem::take(&mut list.apart));
        let mut part = ViewPart { view: part.view.clone(), rows, apart };
        sort(&mut part.rows, &mut part.apart);
        list.views.push(part);
    }
    list.add(scope, of_view(None), &nics);
    list.finish()
}

/// Sorts what a list has, so that the order of Azure's answers changes nothing.
fn sort(rows: &mut Vec<Row>, apart: &mut Vec<Apart>) {
    rows.sort();
    rows.dedup();
    apart.sort();
    apart.dedup();
}

/// The interfaces that were read, by their own id and by that of their endpoint.
struct Interfaces<'a> {
    by_id: HashMap<String, &'a NetworkInterface>,
    by_endpoint: HashMap<String, Vec<&'a NetworkInterface>>,
}

impl<'a> Interfaces<'a> {
    fn of(all: &'a [NetworkInterface]) -> Self {
        let (mut by_id, mut by_endpoint) = (HashMap::new(), HashMap::<String, Vec<&NetworkInterface>>::new());
        for nic in all {
            by_id.insert(ids::key(&nic.id), nic);
            let endpoint = ids::key(&nic.properties.private_endpoint.id);
            if !endpoint.is_empty() {
                by_endpoint.entry(endpoint).or_default().push(nic);
            }
        }
        Self { by_id, by_endpoint }
    }
}

impl ScopeList {
    /// Adds these endpoints.
    fn add<'e>(&mut self, scope: &Scope, selected: impl Iterator<Item = &'e Selected<'e>>, nics: &Interfaces<'_>) {
        for one in selected {
            self.selected += 1;
            self.is_settling |= one.is_settling;
            let endpoint = label(one.endpoint, scope);
            match one.standing {
                Standing::Passing => {}
                Standing::NotConnected => self.not_connected(endpoint, one),
                Standing::Unknown => {
                    self.warnings.push(format!(
                        "private endpoint '{}' has no state of its connection: its records in service stay as they are",
                        shown(&endpoint)
                    ));
                    self.incomplete(endpoint, None);
                }
                Standing::Publish | Standing::PublishFailed => self.publish(&endpoint, one, &collect(one, nics)),
            }
        }
    }

    fn not_connected(&mut self, endpoint: String, one: &Selected<'_>) {
        let state = one.connection;
        // One that waits for its approval is no fault; the others are in the way, and Azure says to delete them.
        if !state.eq_ignore_ascii_case("Pending") {
            self.warnings.push(format!(
                "the connection of private endpoint '{}' is {}, so that nothing of it is published: delete the endpoint, or \
                 make it anew",
                shown(&endpoint),
                shown(state)
            ));
        }
        let names = one.endpoint.properties.custom_dns_configs.iter();
        // A name because of which a list would be refused is no name of an endpoint that works either.
        let mut names: Vec<String> = names.filter_map(|config| Some(names::fqdn(&config.fqdn).ok()?.text)).collect();
        names.sort();
        names.dedup();
        names.truncate(MAX_NAMES);
        self.apart.push(Apart { endpoint, connection: Some(state.to_owned()), provisioning: None, names });
    }

    fn incomplete(&mut self, endpoint: String, provisioning: Option<String>) {
        self.apart.push(Apart { endpoint, connection: None, provisioning, names: Vec::new() });
    }

    fn publish(&mut self, endpoint: &str, one: &Selected<'_>, found: &Collected) {
        let state = one.endpoint.properties.provisioning_state.trim();
        let provisioning = (one.standing == Standing::PublishFailed).then(|| state.to_owned());
        if found.names.records.is_empty() {
            *self.skipped.entry("no-names".to_owned()).or_default() += 1;
        }
        if one.is_settling {
            // What it does not have just now comes back; a difference is a matter of seconds.
            self.incomplete(endpoint.to_owned(), Some(state.to_owned()));
        } else {
            let missing = found.missing.iter().map(|what| format!("private endpoint '{}' {what}", shown(endpoint)));
            self.warnings.extend(missing);
            if !found.missing.is_empty() {
                self.incomplete(endpoint.to_owned(), None);
            }
            self.warnings.extend(
                compare::difference(one.endpoint, found)
                    .map(|text| format!("private endpoint '{}' {text}", shown(endpoint))),
            );
        }
        let row = |(fqdn, addresses)| Row {
            endpoint: endpoint.to_owned(),
            fqdn,
            addresses,
            provisioning: provisioning.clone(),
        };
        self.rows.extend(found.names.rows().map(row));
    }

    /// Sorts everything.
    fn finish(mut self) -> Self {
        sort(&mut self.rows, &mut self.apart);
        self.warnings.sort();
        self.warnings.dedup();
        let others = self.warnings.len().saturating_sub(MAX_WARNINGS);
        if others > 0 {
            self.warnings.truncate(MAX_WARNINGS);
            self.warnings.push(format!("{others} more findings of this kind"));
        }
        self
    }
}

/// Text of Azure's for a message: the start of it, if it is longer than any name.
fn shown(text: &str) -> String {
    const MOST: usize = 120;
    let mut short: String = text.chars().take(MOST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    crate::diag::printable(&short).into_owned()
}
