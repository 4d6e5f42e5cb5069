//! Views that the subnets of endpoints make.

use crate::support::azure::Azure;
use crate::support::azure::estate::{Endpoint, GROUP, group_scope};
use crate::support::azure::fault::Fault;
use crate::support::client::ask;
use crate::support::server::Server;
use crate::support::site::Site;
use crate::support::wait_until;

use super::{BLOB, PRIVATE_BLOB, REC};

/// The network of clients of each view.
const SPOKES: [(&str, &str); 2] = [("spoke-a", "127.0.1"), ("spoke-b", "127.0.2")];

fn vnet(name: &str) -> String {
    format!("{}/providers/Microsoft.Network/virtualNetworks/{name}", group_scope(GROUP))
}

/// An endpoint of the one vault, in a subnet of this virtual network.
fn endpoint(name: &str, vnet_name: &str, network: u8) -> Endpoint {
    let found = Endpoint::vault(name).with(REC, &format!("10.{network}.0.5")).with(BLOB, &format!("10.{network}.0.20"));
    Endpoint { subnet: format!("{}/subnets/snet-pe", vnet(vnet_name)), ..found }
}

/// One vault with endpoints in three virtual networks, two of which are views.
fn stage() -> (Azure, Site) {
    let azure = Azure::start();
    let all = [endpoint("pe-hub", "vnet-hub", 9), endpoint("pe-a", "VNet-A", 1), endpoint("pe-b", "vnet-b", 2)];
    azure.world().estate.endpoints.extend(all);
    let views = format!(
        "views = {{ spoke-a = [\"{}\"], spoke-b = [\"{}/subnets/snet-pe\"] }}",
        vnet("vnet-a"),
        vnet("vnet-b").to_uppercase().replace("/SUBSCRIPTIONS", "/subscriptions")
    );
    let mut site = Site::new().with_azure(&azure, &views);
    for (name, network) in SPOKES {
        site.add(&format!("[[views]]\nname = \"{name}\"\nclients = [\"{network}.0/24\"]\n"));
    }
    (azure, site)
}

fn hears(server: &Server, name: &str, network: &str) -> Vec<String> {
    ask(name, "A").from(format!("{network}.7").parse().unwrap()).to(server.address()).addresses()
}

fn until(server: &Server, name: &str, network: &str, address: &str) {
    wait_until(&format!("{name} is {address} for {network}"), || hears(server, name, network) == [address]);
}

#[test]
fn a_vault_with_endpoints_in_three_networks_has_its_own_address_in_each() {
    let (azure, site) = stage();
    let server = site.start_with(&azure);
    for (network, second) in [("127.0.1", 1), ("127.0.2", 2), ("127.0.0", 9)] {
        until(&server, REC, network, &format!("10.{second}.0.5"));
        until(&server, PRIVATE_BLOB, network, &format!("10.{second}.0.20"));
    }
    let status = site.status();
    let names: Vec<&str> =
        status["sources"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["live", "live/spoke-a", "live/spoke-b"]);
    site.run("check", &[]).expect(0, &[]);
    let read = site.run_with(&azure, "fetch", &["--print"]);
    read.expect(0, &["view 'spoke-a'", "10.1.0.5", "view 'spoke-b'", "10.2.0.5", "10.9.0.5"]);
    server.stop();
}

#[test]
fn an_endpoint_that_is_added_to_a_network_is_for_its_view_and_a_failed_read_takes_nothing() {
    let (azure, site) = stage();
    let server = site.start_with(&azure);
    until(&server, REC, "127.0.1", "10.1.0.5");
    azure.fault(Fault::status("privateEndpoints", 403, "AuthorizationFailed"));
    azure.until_seen("privateEndpoints", 3);
    assert_eq!(
        (hears(&server, REC, "127.0.1"), hears(&server, REC, "127.0.2")),
        (vec!["10.1.0.5".to_owned()], vec!["10.2.0.5".to_owned()])
    );
    azure.heal();
    let (name, private) =
        ("acct9pod01prot100.blob.core.windows.net", "acct9pod01prot100.privatelink.blob.core.windows.net");
    azure.world().estate.endpoint("pe-b").add(name, "10.2.0.30");
    until(&server, private, "127.0.2", "10.2.0.30");
    assert_eq!(hears(&server, private, "127.0.1"), [""; 0], "the others have no such endpoint");
    server.stop();
}

#[test]
fn an_endpoint_that_moves_to_another_network_waits_for_consent_where_that_empties_a_view() {
    let (azure, site) = stage();
    let server = site.start_with(&azure);
    until(&server, REC, "127.0.1", "10.1.0.5");
    until(&server, REC, "127.0.2", "10.2.0.5");
    {
        let mut world = azure.world();
        world.estate.endpoints.retain(|endpoint| endpoint.name != "pe-b");
        world.estate.endpoint("pe-a").subnet = format!("{}/subnets/snet-pe", vnet("vnet-b"));
    }
    wait_until("the removal waits", || site.run("plan", &[]).all().contains("would become empty"));
    assert_eq!(hears(&server, REC, "127.0.1"), ["10.1.0.5"], "the guard holds it");
    server.stop();
}
