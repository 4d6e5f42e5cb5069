//! The waves of Azure Backup: the account of the communication channel comes with the first registration and needs a
//! blob and a queue record; the account with backup data comes with the first backup.

use std::collections::BTreeMap;

use crate::azure::Service;
use crate::cli::doctor::facts::Listed;
use crate::cli::doctor::finding::{Finding, some};
use crate::cli::doctor::id::Id;

/// The services of which an account has a record.
#[derive(Default)]
struct Account {
    blob: bool,
    queue: bool,
}

fn accounts(records: &[Listed]) -> BTreeMap<&str, Account> {
    let mut accounts: BTreeMap<&str, Account> = BTreeMap::new();
    for listed in records {
        match listed.service() {
            Some(Service::Blob) => accounts.entry(&listed.owner).or_default().blob = true,
            Some(Service::Queue) => accounts.entry(&listed.owner).or_default().queue = true,
            _ => {}
        }
    }
    accounts
}

/// Whether an account is one of the communication channel: `<region>pod<digits>ecs<digits>`.
fn is_ecs(account: &str) -> bool {
    account.match_indices("pod").any(|(at, word)| {
        let rest = &account[at + word.len()..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        digits > 0 && rest[digits..].starts_with("ecs")
    })
}

/// Blob without queue, and queue without blob.
pub(super) fn ecs(records: &[Listed]) -> Finding {
    let all = accounts(records);
    let channel: Vec<(&&str, &Account)> = all.iter().filter(|(name, _)| is_ecs(name)).collect();
    let lacking = |lacks: fn(&Account) -> bool| {
        channel.iter().filter(|(_, account)| lacks(account)).map(|(name, _)| **name).collect::<Vec<&str>>()
    };
    let (no_queue, no_blob) = (lacking(|account| !account.queue), lacking(|account| !account.blob));
    let mut facts = Vec::new();
    if !no_queue.is_empty() {
        facts.push(format!("a blob record and no queue record: {}", some(&no_queue)));
    }
    if !no_blob.is_empty() {
        facts.push(format!("a queue record and no blob record: {}", some(&no_blob)));
    }
    if facts.is_empty() {
        return Finding::good(Id::ECS, format!("{} with both records", channel.len()));
    }
    Finding::warning(Id::ECS, facts.join("\n"))
        .run("add the missing record from the endpoint's DNS configuration in the portal, or list the endpoints again")
}

/// No account with backup data beside the names of a vault.
pub(super) fn prot(records: &[Listed]) -> Finding {
    let has_vault = records.iter().any(|listed| listed.service() == Some(Service::Backup));
    let all = accounts(records);
    // An account of another pattern may be one: Azure may name them as it likes.
    let data = all.iter().filter(|(name, account)| account.blob && !is_ecs(name)).count();
    if !has_vault || data > 0 {
        return Finding::good(Id::PROT, format!("{data} listed"));
    }
    Finding::warning(Id::PROT, "the lists have the names of a vault and no account with backup data yet")
        .run("start the first backup, wait for the account to appear on the vault's endpoint, list the endpoints again, back up again")
}
