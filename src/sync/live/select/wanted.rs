//! Whether an endpoint is wanted: by its service, and by the names that the config lists.

use std::collections::HashMap;

use super::{group_of, name_of, subscription_of};
use crate::sync::live::ids;
use crate::sync::live::model::{Connection, PrivateEndpoint};
use crate::sync::live::scope::Scope;
use crate::sync::live::settings::{Selection, Service};

/// The reason of endpoints of services that the config does not name.
pub(super) const OTHER_SERVICE: &str = "other-service";
const OTHER_VAULT: &str = "other-vault";
const OTHER_NAME: &str = "other-name";
const OTHER_SUBNET: &str = "other-subnet";

const VAULTS: &str = "Microsoft.RecoveryServices/vaults";
const ACCOUNTS: &str = "Microsoft.Storage/storageAccounts";

/// Subscription, group and name of a vault's endpoint, as what they are compared by.
pub(super) type Family = (String, String, String);

/// What was decided of a family: its members are in or out together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    In,
    Out(&'static str),
}

/// The families by what they are called.
pub(super) type Families = HashMap<Family, Verdict>;

/// The family that a vault's endpoint makes.
pub(super) fn family_of(endpoint: &PrivateEndpoint, scope: &Scope) -> Family {
    (
        ids::key(subscription_of(endpoint, scope)),
        ids::key(group_of(endpoint, scope).unwrap_or_default()),
        ids::key(name_of(endpoint)),
    )
}

/// What is decided of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice<'a> {
    /// It is selected because of these connections.
    Take(Vec<&'a Connection>),
    /// It is left out for this reason.
    Skip(&'static str),
    /// No connection leads to a vault.
    NotVault,
}

impl Choice<'_> {
    /// What it means for the siblings of a vault's endpoint; `None` for other endpoints.
    pub(super) fn of_family(&self) -> Option<Verdict> {
        match self {
            Self::Take(_) => Some(Verdict::In),
            Self::Skip(reason) => Some(Verdict::Out(reason)),
            Self::NotVault => None,
        }
    }
}

/// What the config wants.
pub(super) struct Wanted<'s> {
    services: Vec<Service>,
    /// Names or ids, as what they are compared by.
    vaults: Vec<String>,
    endpoints: &'s [String],
    subnets: Vec<String>,
}

impl<'s> Wanted<'s> {
    pub(super) fn of(selection: &'s Selection) -> Self {
        let keys = |texts: &[String]| texts.iter().map(|text| ids::key(text)).collect();
        let services = if selection.services.is_empty() { vec![Service::Backup] } else { selection.services.clone() };
        let (vaults, subnets) = (keys(&selection.vaults), keys(&selection.subnets));
        Self { services, vaults, endpoints: &selection.endpoints, subnets }
    }

    /// Decides about the endpoint of a vault.
    pub(super) fn vault<'a>(&self, endpoint: &'a PrivateEndpoint) -> Choice<'a> {
        let to_vault: Vec<(&Connection, Service)> =
            connections(endpoint).filter_map(|found| Some((found, vault_service(found)?))).collect();
        if to_vault.is_empty() {
            return Choice::NotVault;
        }
        let of_service: Vec<&Connection> =
            to_vault.into_iter().filter(|(_, service)| self.services.contains(service)).map(|(one, _)| one).collect();
        if of_service.is_empty() {
            return Choice::Skip(OTHER_SERVICE);
        }
        let of_vault: Vec<&Connection> = of_service.into_iter().filter(|found| self.is_vault(found)).collect();
        if of_vault.is_empty() {
            return Choice::Skip(OTHER_VAULT);
        }
        self.by_place(endpoint).unwrap_or(Choice::Take(of_vault))
    }

    /// Decides about an endpoint that leads to no vault.
    pub(super) fn storage<'a>(&self, endpoint: &'a PrivateEndpoint, scope: &Scope, families: &Families) -> Choice<'a> {
        let all: Vec<&Connection> = connections(endpoint)
            .filter(|found| self.services.iter().any(|wanted| is_storage(found, *wanted)))
            .collect();
        if !all.is_empty() {
            return self.by_place(endpoint).unwrap_or(Choice::Take(all));
        }
        let own = subscription_of(endpoint, scope);
        let of_backup: Vec<&Connection> = endpoint
            .properties
            .manual_private_link_service_connections
            .iter()
            .filter(|found| is_foreign_account(found, own))
            .collect();
        let serves_vaults = self.services.iter().any(|one| matches!(one, Service::Backup | Service::BackupSecondary));
        if of_backup.is_empty() || !serves_vaults {
            return Choice::Skip(OTHER_SERVICE);
        }
        match family(endpoint, scope, families) {
            Some(Verdict::In) => Choice::Take(of_backup),
            Some(Verdict::Out(reason)) => Choice::Skip(reason),
            None if !of_backup.iter().any(|found| is_backup_account(found)) => Choice::Skip(OTHER_SERVICE),
            // Its vault is not known.
            None if !self.vaults.is_empty() => Choice::Skip(OTHER_VAULT),
            None => self.by_place(endpoint).unwrap_or(Choice::Take(of_backup)),
        }
    }

    fn is_vault(&self, connection: &Connection) -> bool {
        let target = &connection.properties.private_link_service_id;
        let name = ids::name_in(target, VAULTS).map(ids::key);
        self.vaults.is_empty()
            || self.vaults.iter().any(|wanted| *wanted == ids::key(target) || name.as_ref() == Some(wanted))
    }

    /// The reason to leave out an endpoint because of its name or subnet.
    fn by_place<'a>(&self, endpoint: &PrivateEndpoint) -> Option<Choice<'a>> {
        let subnet = ids::key(&endpoint.properties.subnet.id);
        let is_name = |pattern: &String| fits(&ids::key(pattern), &ids::key(name_of(endpoint)));
        if !self.endpoints.is_empty() && !self.endpoints.iter().any(is_name) {
            return Some(Choice::Skip(OTHER_NAME));
        }
        (!self.subnets.is_empty() && !self.subnets.contains(&subnet)).then_some(Choice::Skip(OTHER_SUBNET))
    }
}

fn connections(endpoint: &PrivateEndpoint) -> impl Iterator<Item = &Connection> {
    let properties = &endpoint.properties;
    properties.private_link_service_connections.iter().chain(&properties.manual_private_link_service_connections)
}

fn has_group(connection: &Connection, group: &str) -> bool {
    connection.properties.group_ids.iter().any(|found| found.trim().eq_ignore_ascii_case(group))
}

/// The service of a connection to a vault. Its parts were called otherwise before, so that a vault counts whatever
/// the part is, but for that of Site Recovery.
fn vault_service(connection: &Connection) -> Option<Service> {
    let is_vault = ids::name_in(&connection.properties.private_link_service_id, VAULTS).is_some();
    if has_group(connection, "AzureBackup") {
        Some(Service::Backup)
    } else if has_group(connection, "AzureBackup_secondary") {
        Some(Service::BackupSecondary)
    } else {
        (is_vault && !has_group(connection, "AzureSiteRecovery")).then_some(Service::Backup)
    }
}

fn is_storage(connection: &Connection, service: Service) -> bool {
    let parts: &[&str] = match service {
        Service::Blob => &["blob", "blob_secondary"],
        Service::Queue => &["queue", "queue_secondary"],
        Service::Backup | Service::BackupSecondary => &[],
    };
    parts.iter().any(|part| has_group(connection, part))
}

/// True for blobs or queues of a storage account in a subscription that is not ours, as those of Azure Backup are.
fn is_foreign_account(connection: &Connection, own: &str) -> bool {
    let target = &connection.properties.private_link_service_id;
    let is_foreign = ids::subscription(target).is_some_and(|found| !ids::is_same(found, own));
    let is_part = ["blob", "queue"].iter().any(|part| has_group(connection, part));
    is_part && is_foreign && ids::name_in(target, ACCOUNTS).is_some()
}

/// `abcdeypod01ecs114`, `abcdeypod01prot120`: accounts are named so by Azure Backup.
fn is_backup_account(connection: &Connection) -> bool {
    let name = ids::name_in(&connection.properties.private_link_service_id, ACCOUNTS).map(ids::key).unwrap_or_default();
    name.match_indices("pod").any(|(at, pod)| {
        let rest = &name[at + pod.len()..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        digits >= 2 && ["ecs", "prot"].iter().any(|part| rest[digits..].starts_with(part))
    })
}

/// What was decided of the vault's endpoint that a storage endpoint belongs to by its name:
/// `<name of that one>_ecs...`, `<name of that one>_prot...`, in the same group.
fn family(endpoint: &PrivateEndpoint, scope: &Scope, families: &Families) -> Option<Verdict> {
    let (subscription, group, name) = family_of(endpoint, scope);
    let mut ends: Vec<usize> =
        ["_ecs", "_prot"].iter().flat_map(|part| name.match_indices(part)).map(|at| at.0).collect();
    ends.sort_unstable();
    let of = |end: &usize| families.get(&(subscription.clone(), group.clone(), name[..*end].to_owned())).copied();
    ends.iter().rev().find_map(of)
}

/// True if a name fits a pattern with `*` for any characters and `?` for one.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut pos) = (0, 0);
    // The last star, and the place in the name that it reaches to.
    let mut star: Option<(usize, usize)> = None;
    while pos < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, pos));
                at += 1;
            }
            Some(&c) if c == '?' || c == name[pos] => {
                at += 1;
                pos += 1;
            }
            _ => {
                let Some((begin, reach)) = star else { return false };
                star = Some((begin, reach + 1));
                at = begin + 1;
                pos = reach + 1;
            }
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}
