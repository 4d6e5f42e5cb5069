//! By hand: what a thousand endpoints cost.

use std::time::Instant;

use crate::support::azure::Azure;
use crate::support::azure::estate::{Endpoint, SUBSCRIPTION, group_scope};
use crate::support::azure::setting::scoped;
use crate::support::server::{Server, process_status};
use crate::support::site::Site;

/// Prints calls, seconds and memory, by twenty groups as scopes and by one subscription: `--ignored --nocapture`.
#[test]
#[ignore = "a measurement, for people"]
fn a_thousand_endpoints_in_twenty_groups() {
    let groups: Vec<String> = (0..20).map(|number| group_scope(&format!("rg-{number}"))).collect();
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    let subscription = format!("/subscriptions/{SUBSCRIPTION}");
    for scopes in [groups.as_slice(), &[subscription.as_str()]] {
        let azure = Azure::start();
        azure.world().estate.page = 100;
        for number in 0..1000 {
            let name = format!("acct{number}pod01prot100.blob.core.windows.net");
            let rec = format!("3{number:018}-ab-pod01-rec2.privatelink.we.backup.windowsazure.com");
            let endpoint = Endpoint::vault(&format!("pe-{number}")).in_group(&format!("rg-{}", number % 20));
            let (one, other) =
                (format!("10.1.{}.{}", number / 250, number % 250), format!("10.2.{}.{}", number / 250, number % 250));
            azure.world().estate.endpoints.push(endpoint.with(&rec, &one).with(&name, &other));
        }
        let site = Site::new().with_config(&scoped(&azure, scopes, ""));
        let start = Instant::now();
        let server = Server::start(site.azure_command(&azure, "serve"));
        let ready = start.elapsed();
        server.until_resolves("acct999pod01prot100.privatelink.blob.core.windows.net", "10.2.3.249");
        let (served, first) = (start.elapsed(), azure.world().arm_requests());
        let memory = process_status(server.pid(), "VmRSS");
        println!(
            "{} scopes: ready {ready:?}, served {served:?}, calls at the first read {first}, RSS {memory} KiB",
            scopes.len()
        );
        azure.until_seen("privateEndpoints?", 20);
        let before = azure.world().arm_requests();
        azure.until_seen("privateEndpoints?", 20);
        server.until_idle();
        let report = site.status();
        println!(
            "later: {} calls so far {before}, last {}, RSS {} KiB, peak {}",
            azure.world().arm_requests(),
            report["live"][0]["last"]["requests"],
            process_status(server.pid(), "VmRSS"),
            process_status(server.pid(), "VmHWM")
        );
        server.stop();
    }
}
