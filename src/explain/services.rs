//! Services of Azure that have private endpoints and are not hosted here, by the end of their names.

use crate::azure::{Cloud, NotHosted};

/// Ends of names, and what people call the service.
const SUFFIXES: &[(&str, &str)] = &[
    ("vault.azure.net", "Key Vault"),
    ("vaultcore.azure.net", "Key Vault"),
    ("database.windows.net", "Azure SQL"),
    ("siterecovery.windowsazure.com", "Site Recovery"),
    ("backup.windowsazure.com", "the public side of Azure Backup"),
    ("servicebus.windows.net", "Service Bus"),
    ("azurewebsites.net", "App Service"),
    ("azurecr.io", "Container Registry"),
    ("documents.azure.com", "Cosmos DB"),
    ("azure-automation.net", "Automation"),
    ("monitor.azure.com", "Azure Monitor"),
    ("windows.net", "a service of Azure"),
    ("windowsazure.com", "a service of Azure"),
    ("azure.net", "a service of Azure"),
    ("azure.com", "a service of Azure"),
    ("usgovcloudapi.net", "a service of Azure"),
    ("chinacloudapi.cn", "a service of Azure"),
];

/// Storage services beside blob and queue.
const STORAGE: &[(&str, &str)] =
    &[("file", "file shares"), ("table", "tables"), ("dfs", "Data Lake storage"), ("web", "static web sites")];

/// The service of a name in lower case without the final dot; `None` for a name of no service that is known.
pub(super) fn of(name: &str) -> Option<&'static str> {
    let ends_in =
        |suffix: &str| name.strip_suffix(suffix).is_some_and(|before| before.is_empty() || before.ends_with('.'));
    let storage = Cloud::ALL.iter().map(|cloud| cloud.storage_suffix()).chain(["storage.azure.net"]);
    for suffix in storage {
        let found = STORAGE.iter().find(|(label, _)| ends_in(&format!("{label}.{suffix}")));
        if let Some((_, service)) = found {
            return Some(service);
        }
    }
    SUFFIXES.iter().find(|(suffix, _)| ends_in(suffix)).map(|(_, service)| *service)
}

/// Whether a name looks like one of ours and is spelt so that it cannot be one.
pub(super) fn is_misspelt(problem: &NotHosted) -> bool {
    !matches!(problem, NotHosted::Elsewhere | NotHosted::Apex | NotHosted::RegionName { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_known_by_the_end_of_the_name() {
        for (name, service) in [
            ("acct.file.core.windows.net", Some("file shares")),
            ("acct.privatelink.dfs.core.usgovcloudapi.net", Some("Data Lake storage")),
            ("acct.z3.web.core.windows.net", Some("static web sites")),
            ("kv.vault.azure.net", Some("Key Vault")),
            ("pod01-rec2.we.backup.windowsazure.com", Some("the public side of Azure Backup")),
            ("login.windows.net", Some("a service of Azure")),
            ("notwindows.net", None),
            ("www.contoso.com", None),
        ] {
            assert_eq!(of(name), service, "{name}");
        }
    }
}
