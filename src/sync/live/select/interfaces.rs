//! The requests for network interfaces: as few as possible, since one for each endpoint throttles a large estate.

use std::collections::{BTreeMap, BTreeSet};

use super::Selected;
use crate::sync::live::ids;

/// Endpoints of a group up to which their interfaces are read one by one; above, one list of the group costs less even
/// where the group is full of machines.
const SINGLES: usize = 4;

/// The interfaces to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NicPlan {
    /// The subscription and name of each group whose interfaces are listed.
    pub groups: Vec<(String, String)>,
    /// The ids of those that are read one by one.
    pub single: Vec<String>,
}

/// The requests that give every interface of the published endpoints, sorted.
pub fn interfaces(selected: &[Selected<'_>]) -> NicPlan {
    let mut by_group: BTreeMap<(String, String), Group> = BTreeMap::new();
    let mut plan = NicPlan::default();
    let mut single: BTreeMap<String, String> = BTreeMap::new();
    for endpoint in selected.iter().filter(|selected| selected.is_published()).map(|selected| selected.endpoint) {
        let references = endpoint.properties.network_interfaces.iter().map(|nic| nic.id.trim());
        let nics: Vec<&str> = references.filter(|id| !id.is_empty()).collect();
        // One without a reference is found by what the interfaces of its group refer to.
        let places: Vec<&str> = if nics.is_empty() { vec![&endpoint.id] } else { nics.clone() };
        let mut own: BTreeSet<(String, String)> = BTreeSet::new();
        for id in places {
            match (ids::subscription(id), ids::group(id)) {
                (Some(subscription), Some(group)) => {
                    let key = (ids::key(subscription), ids::key(group));
                    let entry = by_group.entry(key.clone()).or_default();
                    entry.shown.get_or_insert_with(|| (subscription.to_owned(), group.to_owned()));
                    entry.is_needed |= nics.is_empty();
                    if !nics.is_empty() {
                        entry.nics.entry(ids::key(id)).or_insert_with(|| id.to_owned());
                    }
                    entry.endpoints += usize::from(own.insert(key));
                }
                _ if !nics.is_empty() => drop(single.insert(ids::key(id), id.to_owned())),
                _ => {}
            }
        }
    }
    for group in by_group.into_values() {
        if group.is_needed || group.endpoints > SINGLES {
            plan.groups.extend(group.shown);
        } else {
            single.extend(group.nics);
        }
    }
    plan.single = single.into_values().collect();
    plan
}

/// The interfaces of one resource group.
#[derive(Default)]
struct Group {
    /// Subscription and name, as Azure first wrote them.
    shown: Option<(String, String)>,
    nics: BTreeMap<String, String>,
    endpoints: usize,
    is_needed: bool,
}
