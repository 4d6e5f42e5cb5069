//! The proxy of `HTTPS_PROXY`, and the hosts of `NO_PROXY` that are asked without it.

use std::net::IpAddr;

use ipnet::IpNet;
use ureq::{Proxy, ProxyProtocol};

/// The proxy that a value of `HTTPS_PROXY` names. The error does not show the value, which may hold a password.
pub(super) fn parse(text: &str) -> Result<Proxy, String> {
    let text = text.trim();
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let is_known = |proxy: &Proxy| matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https);
    Proxy::new(&whole).ok().filter(is_known).filter(|proxy| !proxy.host().is_empty()).ok_or_else(|| {
        "HTTPS_PROXY is no proxy that can be used: write http://host:port, or http://user:password@host:port".to_owned()
    })
}

/// True if `NO_PROXY` names the host: `*`, a name for itself and all below it (with or without a dot before it), an
/// address, a network, or one of these with a port.
pub(super) fn is_exempt(list: &str, host: &str, port: u16) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    list.split([',', ' ', '\t']).filter(|entry| !entry.is_empty()).any(|entry| is_named(entry, &host, port))
}

fn is_named(entry: &str, host: &str, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    let (entry, its_port) = without_port(entry);
    if its_port.is_some_and(|its| its != port) {
        return false;
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return entry.parse() == Ok(address) || entry.parse().is_ok_and(|network: IpNet| network.contains(&address));
    }
    let name = entry.trim_start_matches('*').trim_start_matches('.').trim_end_matches('.').to_ascii_lowercase();
    !name.is_empty() && (host == name || host.strip_suffix(&name).is_some_and(|above| above.ends_with('.')))
}

/// `host:443` and `[::1]:443` in their parts; an address of IPv6 has colons of its own.
fn without_port(entry: &str) -> (&str, Option<u16>) {
    if let Some((address, rest)) = entry.strip_prefix('[').and_then(|entry| entry.split_once(']')) {
        return (address, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match entry.split_once(':') {
        Some((host, port)) if !port.contains(':') => port.parse().map_or((entry, None), |port| (host, Some(port))),
        _ => (entry, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_names_hosts_domains_addresses_and_networks() {
        let arm = "management.azure.com";
        for (list, host, is) in [
            ("*", arm, true),
            ("", arm, false),
            ("azure.com", arm, true),
            (".azure.com", arm, true),
            ("*.azure.com", arm, true),
            ("localhost, AZURE.com.", arm, true),
            ("ure.com", arm, false),
            ("azure.com.example", arm, false),
            ("azure.com:443", arm, true),
            ("azure.com:8443", arm, false),
            ("127.0.0.0/8", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("127.0.0.1:443", "127.0.0.1", true),
            ("::1", "::1", true),
            ("[::1]:443", "::1", true),
            ("fd00::/8", "fd00::7", true),
            (".", arm, false),
        ] {
            assert_eq!(is_exempt(list, host, 443), is, "{list} {host}");
        }
    }

    #[test]
    fn a_proxy_may_stand_without_a_scheme_and_a_bad_one_is_not_shown() {
        let proxy = parse("proxy.example:3128").unwrap();
        assert_eq!((proxy.host(), proxy.port()), ("proxy.example", 3128));
        assert_eq!(parse("http://u:p@10.0.0.1").unwrap().host(), "10.0.0.1");
        for bad in ["socks5://u:pass-word@h", "http://u:pass-word@", "ftp://pass-word", "http://[pass-word"] {
            assert!(parse(bad).is_err_and(|text| !text.contains("pass-word")), "{bad}");
        }
    }
}
