//! Live sources: the real binary against a scripted Azure, with no list at all.

mod faults;
mod identities;
mod page;
mod polls;
mod rhythm;
mod scale;
mod scopes;
mod secrets;
mod serving;
mod stand;
mod verbs;
mod views;

use crate::support::azure::Azure;
use crate::support::azure::estate::Endpoint;
use crate::support::site::Site;

/// A name of the backup service.
const REC: &str = "1000000000000000001-ab-pod01-rec2.privatelink.we.backup.windowsazure.com";
/// Another one.
const FABRIC: &str = "1000000000000000001-ab-pod01-fc1.privatelink.we.backup.windowsazure.com";
/// A storage account of the vault, as Azure names it on a network interface.
const BLOB: &str = "acct1pod01prot100.blob.core.windows.net";
/// The private name of it.
const PRIVATE_BLOB: &str = "acct1pod01prot100.privatelink.blob.core.windows.net";

/// A vault's endpoint with three names.
fn vault() -> Endpoint {
    Endpoint::vault("pe-vault").with(REC, "10.1.0.5").with(FABRIC, "10.1.0.4").with(BLOB, "10.1.0.20")
}

/// Azure with that endpoint, and a folder whose config names no list.
pub(crate) fn stage() -> (Azure, Site) {
    let azure = Azure::start();
    azure.world().estate.endpoints.push(vault());
    let site = Site::new().with_azure(&azure, "");
    (azure, site)
}

/// The lists that a live source has written, as one text.
fn lists(site: &Site) -> String {
    let pattern = site.path("**/*.toml");
    let found = glob::glob(&pattern.display().to_string()).unwrap().map(Result::unwrap);
    let is_list = |path: &std::path::PathBuf| !path.ends_with("privatelink-dns.toml");
    found.filter(is_list).map(|path| std::fs::read_to_string(path).unwrap()).collect()
}
