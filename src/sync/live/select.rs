//! The endpoints that are wanted, and what becomes of each: pure decisions.
//!
//! Input: all endpoints of a scope. Output: those that the config selects, and the number of the others by reason. A
//! vault's endpoint is selected by its service, its vault, its name and its subnet. The storage endpoints of the first
//! generation follow the endpoint of their vault.

mod interfaces;
mod standing;
#[cfg(test)]
mod tests;
mod wanted;

use std::collections::{BTreeMap, HashMap};

use super::ids;
use super::model::PrivateEndpoint;
use super::scope::Scope;
use super::settings::{Selection, ViewNetworks};
pub use interfaces::{NicPlan, interfaces};
use standing::stand;
pub use standing::{Selected, Standing};
use wanted::{Choice, Families, Wanted, family_of};

/// The selected endpoints of a scope, in Azure's order, and the number of the others, and of those that publish
/// nothing, by reason.
pub fn select<'a>(
    endpoints: &'a [PrivateEndpoint],
    scope: &Scope,
    selection: &Selection,
) -> (Vec<Selected<'a>>, BTreeMap<String, usize>) {
    let wanted = Wanted::of(selection);
    let mut skipped = BTreeMap::new();
    let (inside, outside): (Vec<_>, Vec<_>) =
        distinct(endpoints).into_iter().partition(|endpoint| is_inside(endpoint, scope));
    if !outside.is_empty() {
        skipped.insert("outside-scope".to_owned(), outside.len());
    }
    let mut skip = |reason: &str| *skipped.entry(reason.to_owned()).or_default() += 1;
    let first: Vec<Choice<'a>> = inside.iter().map(|endpoint| wanted.vault(endpoint)).collect();
    let mut families = Families::new();
    for (endpoint, choice) in inside.iter().zip(&first) {
        if let Some(verdict) = choice.of_family() {
            families.insert(family_of(endpoint, scope), verdict);
        }
    }
    let mut selected = Vec::new();
    for (endpoint, choice) in inside.into_iter().zip(first) {
        let choice = if choice == Choice::NotVault { wanted.storage(endpoint, scope, &families) } else { choice };
        match choice {
            Choice::Take(connections) => {
                let found = stand(endpoint, &connections);
                found.reason().into_iter().for_each(&mut skip);
                selected.push(found);
            }
            Choice::Skip(reason) => skip(reason),
            Choice::NotVault => skip(wanted::OTHER_SERVICE),
        }
    }
    (selected, skipped)
}

/// A page may repeat what another has: the later one is the newer one.
fn distinct(endpoints: &[PrivateEndpoint]) -> Vec<&PrivateEndpoint> {
    let mut latest: HashMap<String, usize> = HashMap::new();
    for (at, endpoint) in endpoints.iter().enumerate().filter(|(_, endpoint)| !endpoint.id.is_empty()) {
        latest.insert(ids::key(&endpoint.id), at);
    }
    let is_latest = |at: usize, id: &str| latest.get(&ids::key(id)).is_none_or(|&latest| latest == at);
    endpoints.iter().enumerate().filter(|(at, endpoint)| is_latest(*at, &endpoint.id)).map(|(_, one)| one).collect()
}

/// The view whose networks an endpoint lies in, by its place among them: its subnet counts before the virtual network
/// around it. `None` for the base.
pub fn view_of(endpoint: &PrivateEndpoint, views: &[ViewNetworks]) -> Option<usize> {
    let subnet = ids::key(&endpoint.properties.subnet.id);
    let named = |id: &str| views.iter().position(|view| view.networks.iter().any(|network| network == id));
    named(&subnet).or_else(|| named(subnet.rsplit_once("/subnets/")?.0))
}

/// False if an id says that it belongs to another scope.
fn is_inside(endpoint: &PrivateEndpoint, scope: &Scope) -> bool {
    let is = |found: Option<&str>, expected: &str| found.is_none_or(|found| ids::is_same(found, expected));
    let id = &endpoint.id;
    match scope {
        Scope::Subscription { subscription } => is(ids::subscription(id), subscription),
        Scope::Group { subscription, group } => is(ids::subscription(id), subscription) && is(ids::group(id), group),
        Scope::Zone { .. } => false,
    }
}

/// `<resource group>/<endpoint>`, the name of an endpoint in lists and messages.
pub fn label(endpoint: &PrivateEndpoint, scope: &Scope) -> String {
    let name = name_of(endpoint);
    match group_of(endpoint, scope) {
        Some(group) => format!("{group}/{name}"),
        None => name.to_owned(),
    }
}

/// The name of an endpoint.
fn name_of(endpoint: &PrivateEndpoint) -> &str {
    match endpoint.name.trim() {
        "" => ids::name(&endpoint.id).unwrap_or("(no name)"),
        name => name,
    }
}

/// The resource group of an endpoint.
fn group_of<'a>(endpoint: &'a PrivateEndpoint, scope: &'a Scope) -> Option<&'a str> {
    let of_scope = match scope {
        Scope::Group { group, .. } => Some(group.as_str()),
        _ => None,
    };
    ids::group(&endpoint.id).or(of_scope)
}

/// The subscription of an endpoint.
fn subscription_of<'a>(endpoint: &'a PrivateEndpoint, scope: &'a Scope) -> &'a str {
    let (Scope::Subscription { subscription } | Scope::Group { subscription, .. } | Scope::Zone { subscription, .. }) =
        scope;
    ids::subscription(&endpoint.id).unwrap_or(subscription)
}
