//! The addresses to listen on.

use std::net::SocketAddr;

use super::reader::Section;
use super::values;
use crate::server::admission::access::Access;
use crate::server::views::Views;
use crate::sync;

/// `listen` at the top level, and that of views: UDP and TCP.
pub(super) fn dns(top: &Section<'_>, access: &Access, sync: &mut sync::Settings) -> (Vec<SocketAddr>, Views) {
    let mut addresses =
        top.strings("listen", values::dns_socket).unwrap_or_else(|| vec![SocketAddr::from(([127, 0, 0, 1], 5300))]);
    check(top, &addresses, "127.0.0.1:5300");
    let own = addresses.len();
    let views = super::views::settings(top, access, &mut addresses, sync);
    if addresses.len() > own {
        check(top, &addresses, "127.0.0.1:5300");
    }
    (addresses, views)
}

/// Reports addresses of `listen` that no server can have, or not all of them.
pub(super) fn check(section: &Section<'_>, addresses: &[SocketAddr], example: &str) {
    if addresses.is_empty() {
        section.problem_at("listen", format!("listen is empty; name at least one address, such as \"{example}\""));
    }
    let twice = |(at, address): (usize, &SocketAddr)| address.port() != 0 && addresses[..at].contains(address);
    if addresses.iter().enumerate().any(twice) {
        section.problem_at("listen", "listen names an address twice; remove one");
    }
    for (all, one) in overlaps(addresses) {
        section.problem_at("listen", format!("listen names {one}, which {all} has already; remove one"));
    }
    for address in addresses {
        if let Some(kind) = unusable(*address) {
            section.problem_at("listen", format!("listen: {address} is {kind}; name an address of this machine"));
        }
    }
}

/// An address of every interface, and another of its port and family.
pub(super) fn overlaps(addresses: &[SocketAddr]) -> Vec<(SocketAddr, SocketAddr)> {
    let wildcards = addresses.iter().filter(|address| address.ip().is_unspecified() && address.port() != 0);
    let has = |all: &SocketAddr, one: &SocketAddr| {
        (all.port(), all.is_ipv4()) == (one.port(), one.is_ipv4()) && !one.ip().is_unspecified()
    };
    wildcards.flat_map(|all| addresses.iter().filter(|one| has(all, one)).map(|one| (*all, *one))).collect()
}

/// What an address is that no server can listen on.
fn unusable(address: SocketAddr) -> Option<&'static str> {
    match address {
        _ if address.ip().is_multicast() => Some("a multicast address"),
        SocketAddr::V4(v4) if v4.ip().is_broadcast() => Some("the broadcast address"),
        SocketAddr::V6(v6) if v6.ip().to_ipv4_mapped().is_some() => {
            Some("an IPv4 address in IPv6 form: write it as IPv4")
        }
        SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() && v6.scope_id() == 0 => {
            Some("a link-local address without its interface, such as [fe80::1%2]:53 with the interface's number")
        }
        _ => None,
    }
}
