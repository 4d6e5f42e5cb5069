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

/// The lines; none without a name. HTTPS comes first: more clients speak it.
pub(super) fn lines(name: Option<&Name>, listen: &ListenAddresses, doh_path: &str) -> String {
    let Some(name) = name else { return String::new() };
    let https = services(&listen.doh, &format!("alpn=h2 dohpath={doh_path}{{?dns}}"), 443);
    let all = https.into_iter().chain(services(&listen.dot, "alpn=dot", 853));
    let mut lines = String::new();
    for (priority, service) in (1..).zip(all) {
        // Writing to a string does not fail.
        let _ = writeln!(lines, "_dns 300 SVCB {priority} {} {service}", absolute(name));
    }
    lines
}

/// The parameters of each port, with the addresses where it is.
fn services(listen: &[SocketAddr], protocol: &str, default: u16) -> Vec<String> {
    let mut by_port: BTreeMap<u16, Vec<SocketAddr>> = BTreeMap::new();
    for address in listen {
        by_port.entry(address.port()).or_default().push(*address);
    }
    let service = |(port, addresses): (u16, Vec<SocketAddr>)| {
        let port = if port == default { String::new() } else { format!(" port={port}") };
        let hints = [hint("ipv4hint", &addresses, true), hint("ipv6hint", &addresses, false)].concat();
        format!("{protocol}{port}{hints}")
    };
    by_port.into_iter().map(service).collect()
}

fn absolute(name: &Name) -> String {
    format!("{}.", name.without_dot())
}

/// The addresses of one family. One that means all of the machine's is no hint, nor is the one of them that was asked:
/// behind a load balancer, or as a pod behind a service, it is not the one that the client knows. Such clients look the
/// name up (RFC 9460 section 7.3).
fn hint(key: &str, addresses: &[SocketAddr], is_ipv4: bool) -> String {
    let is_hint = |address: &&SocketAddr| address.is_ipv4() == is_ipv4 && !address.ip().is_unspecified();
    let hints: Vec<String> = addresses.iter().filter(is_hint).map(|address| address.ip().to_string()).collect();
    if hints.is_empty() { String::new() } else { format!(" {key}={}", hints.join(",")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(doh: &[&str], dot: &[&str]) -> String {
        let [doh, dot] = [doh, dot].map(|all| all.iter().map(|address| address.parse().unwrap()).collect());
        lines(Some(&"dns.corp.example".parse().unwrap()), &ListenAddresses { dns: Vec::new(), dot, doh }, "/dns-query")
    }

    #[test]
    fn each_port_is_a_service_with_the_addresses_where_it_is() {
        assert_eq!(
            of(&["10.0.0.4:443"], &["10.0.0.4:853", "[fd00::4]:853", "10.0.0.5:853"]),
            "_dns 300 SVCB 1 dns.corp.example. alpn=h2 dohpath=/dns-query{?dns} ipv4hint=10.0.0.4\n\
             _dns 300 SVCB 2 dns.corp.example. alpn=dot ipv4hint=10.0.0.4,10.0.0.5 ipv6hint=fd00::4\n"
        );
        assert_eq!(
            of(&[], &["0.0.0.0:8853", "10.0.0.4:853"]),
            "_dns 300 SVCB 1 dns.corp.example. alpn=dot ipv4hint=10.0.0.4\n\
             _dns 300 SVCB 2 dns.corp.example. alpn=dot port=8853\n"
        );
    }

    #[test]
    fn without_a_name_or_a_listener_nothing_is_designated() {
        assert_eq!(of(&[], &[]), "");
        let dot = vec!["10.0.0.4:853".parse().unwrap()];
        assert_eq!(lines(None, &ListenAddresses { dot, ..ListenAddresses::default() }, "/dns-query"), "");
    }
}
