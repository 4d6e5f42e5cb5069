//! Section 7: what to run on a Windows client, for a name that is really listed, and what each answer means.
//!
//! `nslookup` is not among it: it asks a server by itself and ignores the name resolution policy table.

use super::facts::{Listed, Lists, joined};
use super::finding::Finding;
use super::id::Id;
use crate::azure::{Cloud, forwarded_suffixes};
use crate::server::views::{ViewSettings, Views};

/// The commands; `servers` are the addresses at which clients reach this server.
pub(super) fn check(lists: &Lists, servers: &[String], cloud: Cloud, views: &Views) -> Vec<Finding> {
    let account = lists.records.iter().find(|listed| !listed.is_ipv6() && listed.public_name().is_some());
    let listed = account.or_else(|| lists.records.iter().find(|listed| !listed.is_ipv6()));
    let server = servers.first().map_or("<this server>", String::as_str);
    let (name, address) = match listed {
        Some(listed) => (listed.public_name().unwrap_or_else(|| listed.name()), first(listed)),
        None => ("<account>.blob.core.windows.net".to_owned(), "<its private address>".to_owned()),
    };
    let suffixes = forwarded_suffixes(cloud).join(", ");
    let views = of_views(views);
    let fact = format!(
        "Get-DnsClientServerAddress -AddressFamily IPv4\n    {server}, or a resolver that forwards to it {suffixes}: \
         right (docs/forwarders.md)\n    Another: set it in the VNet, in DHCP, or by rules of the NRPT for these suffixes \
         (docs/mars-hosts.md)\nResolve-DnsName {name} -Type A\n    {address}: right. \
         Another address: the client asks another server, or has an old answer: Clear-DnsClientCache\n    an error: see \
         PD308 and PD504 above\nTest-NetConnection {name} -Port 443\n    TcpTestSucceeded : True: right. False: a route, \
         a firewall or a network security group is in the way{views}"
    );
    vec![Finding::good(Id::CLIENTS, format!("on a Windows client, in PowerShell (nslookup ignores the NRPT):\n{fact}"))]
}

/// Which clients get other addresses, each network and address with its view.
fn of_views(views: &Views) -> String {
    const SHOWN: usize = 20;
    let all = views.settings();
    let line = |view: &ViewSettings| {
        let clients = view.clients.iter().map(ToString::to_string);
        let who = clients.chain(view.listen.iter().map(|address| format!("whoever asks {address}")));
        format!("\n    {}: {}", view.name, who.collect::<Vec<_>>().join(", "))
    };
    if all.is_empty() {
        return String::new();
    }
    let more = match all.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("\n    and {more} more views, in the config"),
    };
    let lines: String = all.iter().take(SHOWN).map(line).collect();
    format!(
        "\nviews: the addresses above are the base's; these clients may get others (docs/views.md); to see which, run: \
         privatelink-dns query NAME --client ADDR{lines}{more}"
    )
}

fn first(listed: &Listed) -> String {
    joined(&listed.addresses)
}
