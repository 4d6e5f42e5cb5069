//! The scopes of a source as Azure has them now: first the endpoints of every scope, then the interfaces of all that
//! were selected, each once.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::super::arm::{ArmError, ArmErrorKind, Ask, Client};
use super::super::ids;
use super::super::model::{NetworkInterface, PrivateEndpoint, RecordSet};
use super::super::records::{ScopeList, of_endpoints, of_zone};
use super::super::scope::Scope;
use super::super::select::{Selected, interfaces, select};
use super::super::settings::Settings;

/// What the calls of `Microsoft.Network` need exists since 2020; this version is good in every cloud.
const NETWORK: &str = "2023-11-01";
const DNS: &str = "2020-06-01";

const READ_ENDPOINTS: &str = "Microsoft.Network/privateEndpoints/read";
const READ_INTERFACES: &str = "Microsoft.Network/networkInterfaces/read";

/// Interfaces of a group that are asked for one by one where the list of the group lacks them: rights that cover a part
/// of a group make such lists.
const MAX_MISSING: usize = 4;

type Read<T> = Result<T, ArmError>;

enum Raw {
    Endpoints(Vec<PrivateEndpoint>),
    Zone(ScopeList),
}

/// Reads every scope, beginning with the one of this number.
pub(super) fn read(client: &mut Client<'_>, settings: &Settings, first: usize) -> Vec<Read<ScopeList>> {
    let scopes = &settings.scopes;
    let mut raw: BTreeMap<usize, Read<Raw>> = BTreeMap::new();
    for at in (first..scopes.len()).chain(0..first.min(scopes.len())) {
        raw.insert(at, collection(client, &scopes[at]));
    }
    let chosen: Vec<_> = raw
        .values()
        .zip(scopes)
        .map(|(raw, scope)| match raw {
            Ok(Raw::Endpoints(endpoints)) => Some(select(endpoints, scope, &settings.select)),
            _ => None,
        })
        .collect();
    let selected: Vec<Selected<'_>> =
        chosen.iter().flatten().flat_map(|(selected, _)| selected.iter().copied()).collect();
    let nics = Interfaces::read(client, &distinct(&selected));
    let mut lists = Vec::with_capacity(scopes.len());
    for ((scope, chosen), raw) in scopes.iter().zip(&chosen).zip(raw.values()) {
        lists.push(match (raw, chosen) {
            (Ok(_), Some((selected, skipped))) => match nics.failed_of(selected) {
                Some(error) => Err(error.clone()),
                None => Ok(of_endpoints(scope, selected, &nics.all, skipped.clone(), &settings.views)),
            },
            (Ok(Raw::Zone(list)), _) => Ok(list.clone()),
            (Ok(Raw::Endpoints(_)), None) => Ok(ScopeList::default()),
            (Err(error), _) => Err(error.clone()),
        });
    }
    lists
}

/// Sees whether the interfaces of a scope can be read, whether or not one is wanted now.
///
/// # Errors
/// If they cannot.
pub(super) fn probe(client: &mut Client<'_>, scope: &Scope) -> Read<()> {
    let (Scope::Subscription { subscription } | Scope::Group { subscription, .. }) = scope else { return Ok(()) };
    let path = format!("{scope}/providers/Microsoft.Network/networkInterfaces");
    client.probe(&Ask { path: &path, version: NETWORK, right: READ_INTERFACES, subscription })
}

fn collection(client: &mut Client<'_>, scope: &Scope) -> Read<Raw> {
    match scope {
        Scope::Subscription { subscription } | Scope::Group { subscription, .. } => {
            let path = format!("{scope}/providers/Microsoft.Network/privateEndpoints");
            let ask = Ask { path: &path, version: NETWORK, right: READ_ENDPOINTS, subscription };
            client.list(&ask, |_| true).map(Raw::Endpoints)
        }
        Scope::Zone { subscription, zone, .. } => {
            let mut sets: Vec<RecordSet> = Vec::new();
            for kind in ["A", "AAAA"] {
                let (path, right) =
                    (format!("{scope}/{kind}"), format!("Microsoft.Network/privateDnsZones/{kind}/read"));
                sets.extend(client.list(&Ask { path: &path, version: DNS, right: &right, subscription }, |_| true)?);
            }
            Ok(Raw::Zone(of_zone(zone, &sets)))
        }
    }
}

/// Two scopes may have the same endpoint, as a subscription and one of its groups do.
fn distinct<'a>(selected: &[Selected<'a>]) -> Vec<Selected<'a>> {
    let mut seen = HashSet::new();
    let is_new = |one: &&Selected<'a>| one.endpoint.id.is_empty() || seen.insert(ids::key(&one.endpoint.id));
    selected.iter().filter(is_new).copied().collect()
}

/// The interfaces of all selected endpoints, and what could not be read.
#[derive(Default)]
struct Interfaces {
    all: Vec<NetworkInterface>,
    known: HashSet<String>,
    /// By the key of a group, or of an interface that was read by itself.
    failed: HashMap<String, ArmError>,
}

impl Interfaces {
    fn read(client: &mut Client<'_>, selected: &[Selected<'_>]) -> Self {
        let plan = interfaces(selected);
        let mut found = Self::default();
        let published: Vec<&PrivateEndpoint> =
            selected.iter().filter(|one| one.is_published()).map(|one| one.endpoint).collect();
        let references: HashMap<String, &str> =
            published.iter().flat_map(|one| nics(one)).map(|id| (ids::key(id), id)).collect();
        let endpoints: HashSet<String> = published.iter().map(|one| ids::key(&one.id)).collect();
        for (subscription, group) in &plan.groups {
            let path = format!(
                "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/networkInterfaces"
            );
            let ask = Ask { path: &path, version: NETWORK, right: READ_INTERFACES, subscription };
            let is_ours = |nic: &NetworkInterface| {
                references.contains_key(&ids::key(&nic.id))
                    || endpoints.contains(&ids::key(&nic.properties.private_endpoint.id))
            };
            let key = group_key(subscription, group);
            match client.list(&ask, is_ours) {
                Ok(all) => {
                    for nic in all {
                        found.add(nic);
                    }
                    let is_missing =
                        |(id, _): &(&String, &&str)| !found.known.contains(*id) && group_of(id).as_ref() == Some(&key);
                    let mut missing: Vec<&str> = references.iter().filter(is_missing).map(|(_, id)| *id).collect();
                    missing.sort_unstable();
                    missing.truncate(MAX_MISSING);
                    for id in missing {
                        found.single(client, id);
                    }
                }
                Err(error) => drop(found.failed.insert(key, of_place(error, &format!("resource group '{group}'")))),
            }
        }
        for id in &plan.single {
            found.single(client, id);
        }
        found
    }

    fn single(&mut self, client: &mut Client<'_>, id: &str) {
        let subscription = ids::subscription(id).unwrap_or_default();
        let ask = Ask { path: id.trim(), version: NETWORK, right: READ_INTERFACES, subscription };
        match client.get::<NetworkInterface>(&ask) {
            // It is gone between two requests: its endpoint looks incomplete, and its records stay.
            Ok(None) => {}
            Ok(Some(nic)) if ids::is_same(&nic.id, id) => self.add(nic),
            Ok(Some(_)) => {
                let text = "Azure answers with something else than the network interface that was asked for".to_owned();
                let error = ArmError { kind: ArmErrorKind::Other, text, trace: Vec::new() };
                self.failed.insert(ids::key(id), error);
            }
            Err(error) => {
                let name = ids::name(id).unwrap_or(id);
                self.failed.insert(ids::key(id), of_place(error, &format!("network interface '{name}'")));
            }
        }
    }

    fn add(&mut self, nic: NetworkInterface) {
        self.known.insert(ids::key(&nic.id));
        self.all.push(nic);
    }

    /// The reason why the records of some of these endpoints are not known.
    fn failed_of(&self, selected: &[Selected<'_>]) -> Option<&ArmError> {
        if self.failed.is_empty() {
            return None;
        }
        let error_of = |id: &str| {
            let by_group = group_of(id).and_then(|group| self.failed.get(&group));
            by_group.or_else(|| self.failed.get(&ids::key(id)))
        };
        let published = selected.iter().filter(|one| one.is_published()).map(|one| one.endpoint);
        let mut places = published.flat_map(|endpoint| {
            let mut places: Vec<&str> = nics(endpoint).collect();
            if places.is_empty() {
                places.push(&endpoint.id);
            }
            places
        });
        places.find_map(error_of)
    }
}

/// The references of an endpoint to its interfaces.
fn nics(endpoint: &PrivateEndpoint) -> impl Iterator<Item = &str> {
    endpoint.properties.network_interfaces.iter().map(|nic| nic.id.trim()).filter(|id| !id.is_empty())
}

fn group_key(subscription: &str, group: &str) -> String {
    format!("{}/{}", ids::key(subscription), ids::key(group))
}

fn group_of(id: &str) -> Option<String> {
    Some(group_key(ids::subscription(id)?, ids::group(id)?))
}

fn of_place(error: ArmError, place: &str) -> ArmError {
    let is_of_scope =
        matches!(error.kind, ArmErrorKind::Unauthorized | ArmErrorKind::Throttled(_) | ArmErrorKind::Stopped);
    if is_of_scope { error } else { ArmError { text: format!("{place}: {}", error.text), ..error } }
}
