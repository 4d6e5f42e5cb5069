//! The designation of the listeners that encrypt (RFC 9462), by which clients that know this server's address alone
//! find them.
//!
//! In: the name in the config, and the addresses. Out: SVCB records (RFC 9460, RFC 9461) as lines of a zone file below
//! `resolver.arpa`. Pure.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;

use crate::dns::Name;
use crate::server::ListenAddresses;

/// The port of DNS over TLS, which need not be said.
const DOT_PORT: u16 = 853;

/// The lines; none without a name.
pub(super) fn lines(name: Option<&Name>, listen: &ListenAddresses) -> String {
    let mut by_port: BTreeMap<u16, Vec<SocketAddr>> = BTreeMap::new();
    for address in &listen.dot {
        by_port.entry(address.port()).or_default().push(*address);
    }
    let mut lines = String::new();
    for (name, (priority, (port, addresses))) in name.into_iter().cycle().zip((1..).zip(by_port)) {
        let port = if port == DOT_PORT { String::new() } else { format!(" port={port}") };
        let hints = [hint("ipv4hint", &addresses, true), hint("ipv6hint", &addresses, false)].concat();
        // Writing to a string does not fail.
        let _ = writeln!(lines, "_dns 300 SVCB {priority} {} alpn=dot{port}{hints}", absolute(name));
    }
    lines
}

fn absolute(name: &Name) -> String {
    format!("{}.", name.without_dot())
}

/// The addresses of one family. One that means all of the machine's is no hint.
fn hint(key: &str, addresses: &[SocketAddr], is_ipv4: bool) -> String {
    let is_hint = |address: &&SocketAddr| address.is_ipv4() == is_ipv4 && !address.ip().is_unspecified();
    let hints: Vec<String> = addresses.iter().filter(is_hint).map(|address| address.ip().to_string()).collect();
    if hints.is_empty() { String::new() } else { format!(" {key}={}", hints.join(",")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(dot: &[&str]) -> String {
        let dot = dot.iter().map(|address| address.parse().unwrap()).collect();
        lines(Some(&"dns.corp.example".parse().unwrap()), &ListenAddresses { dns: Vec::new(), dot })
    }

    #[test]
    fn each_port_is_a_service_with_the_addresses_where_it_is() {
        assert_eq!(
            of(&["10.0.0.4:853", "[fd00::4]:853", "10.0.0.5:853"]),
            "_dns 300 SVCB 1 dns.corp.example. alpn=dot ipv4hint=10.0.0.4,10.0.0.5 ipv6hint=fd00::4\n"
        );
        assert_eq!(
            of(&["0.0.0.0:8853", "10.0.0.4:853"]),
            "_dns 300 SVCB 1 dns.corp.example. alpn=dot ipv4hint=10.0.0.4\n\
             _dns 300 SVCB 2 dns.corp.example. alpn=dot port=8853\n"
        );
    }

    #[test]
    fn without_a_name_or_a_listener_nothing_is_designated() {
        assert_eq!(of(&[]), "");
        let dot = vec!["10.0.0.4:853".parse().unwrap()];
        assert_eq!(lines(None, &ListenAddresses { dns: Vec::new(), dot }), "");
    }
}
