//! What the config says of a live source.

use std::path::PathBuf;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::scope::Scope;
use crate::zone::ViewName;

/// One `[[sources]]` with `kind = "azure"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The operator's name for it.
    pub name: String,
    /// The scopes, each read on its own.
    pub scopes: Vec<Scope>,
    /// The endpoints that are wanted.
    pub select: Selection,
    /// The time between two reads.
    pub interval: Duration,
    /// Who asks.
    pub identity: Identity,
    /// The address of ARM, such as `https://management.azure.com`, without a slash at its end.
    pub arm: String,
    /// The address of Entra, such as `https://login.microsoftonline.com`, without a slash at its end.
    pub authority: String,
    /// The resource that tokens are for, such as `https://management.azure.com/`, as the cloud wants it.
    pub audience: String,
    /// The folder of its lists and of its last report.
    pub folder: PathBuf,
    /// The views that have the endpoints in some networks to themselves; all other endpoints are the base's.
    pub views: Vec<ViewNetworks>,
}

/// A view, and the networks whose endpoints are in its lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewNetworks {
    /// The view.
    pub view: ViewName,
    /// Whole ids of subnets and virtual networks, as [`super::ids::key`] has them.
    pub networks: Vec<String>,
}

/// The endpoints that are wanted. An empty list of names selects all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The services whose endpoints are read; `[Backup]` unless the config says.
    pub services: Vec<Service>,
    /// Vaults, by name or whole id; compared without case.
    pub vaults: Vec<String>,
    /// Names of endpoints, with `*` and `?`; compared without case.
    pub endpoints: Vec<String>,
    /// Whole ids of subnets; compared without case.
    pub subnets: Vec<String>,
}

/// A kind of endpoints, by the part of the target that they lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// `AzureBackup`, and the storage accounts that belong to a vault.
    Backup,
    /// `AzureBackup_secondary`: the vault's other region.
    BackupSecondary,
    /// Blobs of any storage account.
    Blob,
    /// Queues of any storage account.
    Queue,
}

/// Who asks Azure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The identity of this machine: VM, Arc, App Service or Container Apps; which of them is found out.
    Managed(Option<UserAssigned>),
    /// A Kubernetes service account, by a token file that is federated with Entra. What is not said comes from
    /// `AZURE_CLIENT_ID`, `AZURE_TENANT_ID` and `AZURE_FEDERATED_TOKEN_FILE`.
    Workload {
        /// The application's id.
        client_id: Option<String>,
        /// The tenant's id.
        tenant: Option<String>,
    },
    /// A service principal with a secret.
    Secret {
        /// The application's id.
        client_id: String,
        /// The tenant's id.
        tenant: String,
        /// The file that holds the secret.
        file: PathBuf,
    },
    /// A service principal with a certificate.
    Certificate {
        /// The application's id.
        client_id: String,
        /// The tenant's id.
        tenant: String,
        /// The PEM file with the certificate and its private key.
        file: PathBuf,
    },
    /// The one who is signed in to the Azure CLI: for trying out.
    Cli,
}

/// One of several identities of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserAssigned {
    /// By the id of its application.
    ClientId(String),
    /// By the id of its object in Entra.
    ObjectId(String),
    /// By its resource id.
    ResourceId(String),
}

impl Settings {
    /// The name by which its lists of a view are a source of their own; for the base, that of the config.
    pub fn source_name(&self, view: Option<&ViewName>) -> String {
        view.map_or_else(|| self.name.clone(), |view| format!("{}/{view}", self.name))
    }

    /// The lists of a scope: those of the views, then that of the base: a name that leaves the base for a view is then
    /// in the view's list first. Records of a private DNS zone have no subnet.
    pub fn lists<'s>(&'s self, scope: &'s Scope) -> impl Iterator<Item = (Option<&'s ViewName>, PathBuf)> {
        let views = if matches!(scope, Scope::Zone { .. }) { &[] } else { self.views.as_slice() };
        let parts = views.iter().map(|of| Some(&of.view)).chain([None]);
        parts.map(|view| (view, self.path_of(scope, view)))
    }

    /// The file of a scope's list for the base.
    pub fn list_path(&self, scope: &Scope) -> PathBuf {
        self.path_of(scope, None)
    }

    /// A name that people recognise, and a digest that keeps two scopes, and two views, apart.
    fn path_of(&self, scope: &Scope, view: Option<&ViewName>) -> PathBuf {
        let shown = match scope {
            Scope::Subscription { subscription } => subscription,
            Scope::Group { group, .. } => group,
            Scope::Zone { zone, .. } => zone,
        };
        let whole = scope.to_string().to_ascii_lowercase();
        let name = match view {
            None => file_name(shown, &whole),
            Some(view) => file_name(&format!("{view}.{shown}"), &format!("{whole} {view}")),
        };
        self.folder.join(format!("{name}.toml"))
    }

    /// The file of its last report.
    pub fn report_path(&self) -> PathBuf {
        self.folder.join("report.json")
    }
}

/// A file name for something whose own name may hold anything: its letters and digits, and a digest of `whole`.
pub fn file_name(shown: &str, whole: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let shown: String = shown.chars().take(40).map(plain).collect();
    let digest = Sha256::digest(whole);
    let digest = digest.iter().take(4).fold(0_u32, |number, octet| number << 8 | u32::from(*octet));
    format!("{}-{digest:08x}", shown.trim_start_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_a_name_of_its_own_whatever_its_scope_is_called() {
        let settings = Settings {
            name: "s".to_owned(),
            scopes: Vec::new(),
            select: Selection::default(),
            interval: Duration::from_mins(1),
            identity: Identity::Cli,
            arm: String::new(),
            authority: String::new(),
            audience: String::new(),
            folder: PathBuf::from("/state"),
            views: vec![ViewNetworks { view: "spoke-a".parse().unwrap(), networks: Vec::new() }],
        };
        let path = |text: &str| settings.list_path(&text.parse().unwrap());
        let group = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-backup";
        let shown = path(group).display().to_string();
        assert!(
            shown.starts_with("/state/rg-backup-") && path(group).extension().is_some_and(|ending| ending == "toml"),
            "{shown}"
        );
        assert_eq!(
            path(&group.replace("resourceGroups", "resourcegroups")),
            path(group),
            "case means nothing to Azure"
        );
        assert_ne!(path(&group.replace("1111-2222", "1111-2223")), path(group));
        assert!(!file_name("../../etc/(x)", "y").contains('/'));
        let scopes = [group, &format!("{group}/providers/Microsoft.Network/privateDnsZones/z.example")];
        let lists = scopes.map(|text| {
            let scope = text.parse().unwrap();
            settings.lists(&scope).map(|(view, path)| (view.cloned(), path)).collect::<Vec<_>>()
        });
        assert_eq!((lists[0].len(), lists[1].len()), (2, 1), "{lists:?}");
        assert_eq!(lists[0][1], (None, path(group)), "the base comes last");
        assert!(lists[0][0].1.display().to_string().starts_with("/state/spoke-a.rg-backup-"), "{lists:?}");
        assert_eq!(
            (settings.source_name(None), settings.source_name(lists[0][0].0.as_ref())),
            ("s".into(), "s/spoke-a".into())
        );
    }
}
