//! The names of each vault, `<digits>-ab-pod<digits>-<service>`, compared with those of the other vaults.

use std::collections::{BTreeMap, BTreeSet};

use crate::azure::Service;
use crate::cli::doctor::facts::Listed;
use crate::cli::doctor::finding::{Finding, lines};
use crate::cli::doctor::id::Id;

/// The services that every vault seen in the field had from the first day on, without the numbers behind them.
const FIRST_WAVE: [&str; 2] = ["id", "rec"];

/// The service that takes backups.
const BACKUP: &str = "prot";

/// The vault's number and the service of a name.
pub(super) fn vault(owner: &str) -> Option<(&str, &str)> {
    let (number, rest) = owner.split_once("-ab-pod")?;
    let (pod, service) = rest.split_once('-')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(number) && is_number(pod) && !service.is_empty()).then_some((number, service))
}

/// The service without the number and letter of its stamp: `prot` of `prot1b`.
fn stem(service: &str) -> &str {
    let end = service.find(|c: char| c.is_ascii_digit()).unwrap_or(service.len());
    &service[..end]
}

/// The services of each vault, by zone and number.
type Vaults<'l> = BTreeMap<&'l str, BTreeMap<&'l str, BTreeSet<&'l str>>>;

pub(super) fn check(records: &[Listed]) -> Finding {
    let mut zones: Vaults<'_> = BTreeMap::new();
    for listed in records.iter().filter(|listed| listed.service() == Some(Service::Backup)) {
        if let Some((number, service)) = vault(&listed.owner) {
            zones.entry(&listed.zone).or_default().entry(number).or_default().insert(service);
        }
    }
    let count: usize = zones.values().map(BTreeMap::len).sum();
    let mut lacking = Vec::new();
    for (zone, vaults) in &zones {
        for (number, services) in vaults {
            let lacks = lacks(number, services, vaults);
            if !lacks.is_empty() {
                lacking.push(format!("vault {number} in {zone} has no name for {}", lacks.join(", ")));
            }
        }
    }
    if lacking.is_empty() {
        let fact = match count {
            0 => "no name of a vault is listed".to_owned(),
            1 => "one vault, with the names that every vault has".to_owned(),
            _ => format!("{count} vaults, each with the names that the others have"),
        };
        return Finding::good(Id::VAULT, fact);
    }
    Finding::warning(Id::VAULT, lines(&lacking)).run(
        "list the vault's endpoint again: its names come in waves, at registration and at the first backup; compare with \
         the endpoint's DNS configuration in the portal",
    )
}

/// What a vault lacks: services of the first wave, backups, and what more than half of the other vaults of its zone
/// have.
fn lacks(number: &str, services: &BTreeSet<&str>, vaults: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<String> {
    let stems: BTreeSet<&str> = services.iter().map(|service| stem(service)).collect();
    let mut lacks: BTreeSet<&str> =
        FIRST_WAVE.iter().chain(&[BACKUP]).copied().filter(|word| !stems.contains(word)).collect();
    let others: Vec<&BTreeSet<&str>> =
        vaults.iter().filter(|(other, _)| **other != number).map(|(_, set)| set).collect();
    for service in others.iter().copied().flatten() {
        let have = others.iter().filter(|set| set.contains(service)).count();
        if have * 2 > others.len() && !services.contains(service) && !lacks.contains(stem(service)) {
            lacks.insert(service);
        }
    }
    lacks.into_iter().map(|service| format!("'{service}'")).collect()
}
