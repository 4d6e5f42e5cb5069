//! Section 7: what to run on a Windows client, for a name that is really listed, and what each answer means.
//!
//! `nslookup` is not among it: it asks a server by itself and ignores the name resolution policy table.

use super::facts::{Listed, Lists, joined};
use super::finding::Finding;
use super::id::Id;
use crate::azure::{Cloud, forwarded_suffixes};

/// The commands; `servers` are the addresses at which clients reach this server.
pub(super) fn check(lists: &Lists, servers: &[String], cloud: Cloud) -> Vec<Finding> {
    let account = lists.records.iter().find(|listed| !listed.is_ipv6() && listed.public_name().is_some());
    let listed = account.or_else(|| lists.records.iter().find(|listed| !listed.is_ipv6()));
    let server = servers.first().map_or("<this server>", String::as_str);
    let (name, address) = match listed {
        Some(listed) => (listed.public_name().unwrap_or_else(|| listed.name()), first(listed)),
        None => ("<account>.blob.core.windows.net".to_owned(), "<its private address>".to_owned()),
    };
    let suffixes = forwarded_suffixes(cloud).join(", ");
    let fact = format!(
        "Get-DnsClientServerAddress -AddressFamily IPv4\n    {server}, or a resolver that forwards to it {suffixes}: \
         right (docs/forwarders.md)\n    Another: set it in the VNet, in DHCP, or by rules of the NRPT for these suffixes \
         (docs/mars-hosts.md)\nResolve-DnsName {name} -Type A\n    {address}: right. \
         Another address: the client asks another server, or has an old answer: Clear-DnsClientCache\n    an error: see \
         PD308 and PD504 above\nTest-NetConnection {name} -Port 443\n    TcpTestSucceeded : True: right. False: a route, \
         a firewall or a network security group is in the way"
    );
    vec![Finding::good(Id::CLIENTS, format!("on a Windows client, in PowerShell (nslookup ignores the NRPT):\n{fact}"))]
}

fn first(listed: &Listed) -> String {
    joined(&listed.addresses)
}
