//! The resources of the scripted Azure, as a test writes them down and changes them.

use std::collections::BTreeSet;

/// The subscription of tests that need one.
pub(crate) const SUBSCRIPTION: &str = "11111111-2222-3333-4444-555555555555";
/// The tenant.
pub(crate) const TENANT: &str = "99999999-8888-7777-6666-555555555555";
/// The resource group of tests that need one.
pub(crate) const GROUP: &str = "rg-backup";

/// The scope of the resource group.
pub(crate) fn group_scope(group: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}")
}

/// All that there is.
#[derive(Clone, Debug)]
pub(crate) struct Estate {
    pub(crate) subscriptions: BTreeSet<String>,
    /// Groups that are there though they hold nothing, as `subscription/group` in lower case.
    pub(crate) groups: BTreeSet<String>,
    pub(crate) endpoints: Vec<Endpoint>,
    /// Network interfaces of machines in each group, which have nothing to do with endpoints.
    pub(crate) machines: usize,
    pub(crate) zones: Vec<Zone>,
    /// Resources on a page.
    pub(crate) page: usize,
    /// Parts of paths, in lower case, that are 403 to everybody.
    pub(crate) refused: BTreeSet<String>,
    /// Parts of paths, in lower case, whose collections look empty, as to somebody without a role.
    pub(crate) blind: BTreeSet<String>,
    /// What ARM says is left of the reads.
    pub(crate) remaining: u64,
}

impl Default for Estate {
    fn default() -> Self {
        Self {
            subscriptions: [SUBSCRIPTION.to_owned()].into(),
            groups: [format!("{SUBSCRIPTION}/{GROUP}")].into(),
            endpoints: Vec::new(),
            machines: 0,
            zones: Vec::new(),
            page: 2,
            refused: BTreeSet::new(),
            blind: BTreeSet::new(),
            remaining: 249,
        }
    }
}

impl Estate {
    /// The endpoint of this name.
    pub(crate) fn endpoint(&mut self, name: &str) -> &mut Endpoint {
        self.endpoints
            .iter_mut()
            .find(|endpoint| endpoint.name == name)
            .unwrap_or_else(|| panic!("no endpoint '{name}'"))
    }

    /// Every name that is to be served, with its addresses: what approved endpoints have.
    pub(crate) fn expected(&self) -> Vec<(String, Vec<String>)> {
        let published = |endpoint: &&Endpoint| {
            endpoint.status.eq_ignore_ascii_case("Approved")
                && !["Deleting", "Creating"].contains(&&*endpoint.provisioning)
        };
        let names = self.endpoints.iter().filter(published).flat_map(|endpoint| &endpoint.names);
        let mut all: Vec<_> = names.map(|name| (name.fqdn.clone(), name.addresses.clone())).collect();
        all.sort();
        all
    }
}

/// A private endpoint with its network interface.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) subscription: String,
    pub(crate) group: String,
    pub(crate) name: String,
    /// The resource id of the target.
    pub(crate) target: String,
    /// The part of the target, such as `AzureBackup`.
    pub(crate) part: String,
    /// True for a connection that the target's owner approves by hand.
    pub(crate) manual: bool,
    /// The connection's state.
    pub(crate) status: String,
    /// The provisioning state.
    pub(crate) provisioning: String,
    pub(crate) subnet: String,
    pub(crate) names: Vec<Name>,
    /// What `customDnsConfigs` says; the names unless told.
    pub(crate) said: Option<Vec<Name>>,
    /// False once its network interface is gone while the endpoint is still listed.
    pub(crate) has_nic: bool,
    /// True to write its ids in other case than everywhere else.
    pub(crate) shouts: bool,
}

/// A name of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) fqdn: String,
    pub(crate) addresses: Vec<String>,
}

impl Endpoint {
    /// An approved endpoint of a vault.
    pub(crate) fn vault(name: &str) -> Self {
        let target = format!("{}/providers/Microsoft.RecoveryServices/vaults/vault-we", group_scope(GROUP));
        Self {
            subscription: SUBSCRIPTION.to_owned(),
            group: GROUP.to_owned(),
            name: name.to_owned(),
            target,
            part: "AzureBackup".to_owned(),
            manual: false,
            status: "Approved".to_owned(),
            provisioning: "Succeeded".to_owned(),
            subnet: format!(
                "{}/providers/Microsoft.Network/virtualNetworks/vnet-we/subnets/snet-pe",
                group_scope(GROUP)
            ),
            names: Vec::new(),
            said: None,
            has_nic: true,
            shouts: false,
        }
    }

    /// An approved endpoint of a storage account that Azure Backup made for a vault.
    pub(crate) fn account(name: &str, account: &str, part: &str) -> Self {
        let target = format!(
            "/subscriptions/00000000-0000-0000-0000-00000000000f/resourceGroups/ms/providers/Microsoft.Storage/\
             storageAccounts/{account}"
        );
        Self { target, part: part.to_owned(), manual: true, ..Self::vault(name) }
    }

    /// With a name and its address.
    pub(crate) fn with(mut self, fqdn: &str, address: &str) -> Self {
        self.add(fqdn, address);
        self
    }

    /// Another name and its address.
    pub(crate) fn add(&mut self, fqdn: &str, address: &str) {
        match self.names.iter_mut().find(|name| name.fqdn == fqdn) {
            Some(name) => name.addresses.push(address.to_owned()),
            None => self.names.push(Name { fqdn: fqdn.to_owned(), addresses: vec![address.to_owned()] }),
        }
    }

    /// In another resource group.
    pub(crate) fn in_group(mut self, group: &str) -> Self {
        group.clone_into(&mut self.group);
        self
    }

    /// With this state of its connection.
    pub(crate) fn status(mut self, status: &str) -> Self {
        status.clone_into(&mut self.status);
        self
    }

    /// With this provisioning state.
    pub(crate) fn provisioning(mut self, state: &str) -> Self {
        state.clone_into(&mut self.provisioning);
        self
    }
}

/// An Azure Private DNS zone.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    pub(crate) group: String,
    pub(crate) name: String,
    /// Owners below the zone, or `@`, and their addresses.
    pub(crate) records: Vec<(String, Vec<String>)>,
}
