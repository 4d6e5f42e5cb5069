//! The addresses of ARM and Entra in the config.

use std::net::Ipv6Addr;

/// The address of a service: `https://host` or `https://host:port`, and nothing more: tokens and secrets go there.
pub(super) fn address(text: &str) -> Result<String, String> {
    let lower = text.to_ascii_lowercase();
    let wrong = |why: &str| Err(format!("{why}; write \"https://host\" or \"https://host:port\""));
    let Some(rest) = lower.strip_prefix("https://") else {
        return wrong("only https: tokens and secrets go there");
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    // What is before an '@' may be a password, so no text shows the value.
    if rest.contains('@') {
        return wrong("no user and no password: the identity is what asks");
    }
    if rest.contains(['/', '?', '#', '\\']) {
        return wrong("no path and no query: they follow by themselves");
    }
    match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            if !is_port(port) {
                return wrong("a port is a number from 1 to 65535");
            }
            if !is_host(host) {
                return wrong("there is no host name in it");
            }
        }
        _ if !is_host(rest) => return wrong("there is no host name in it"),
        _ => {}
    }
    Ok(format!("https://{rest}"))
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|octet| octet.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port != 0)
}

fn is_host(text: &str) -> bool {
    let is_v6 = |text: &str| text.strip_suffix(']').is_some_and(|text| text.parse::<Ipv6Addr>().is_ok());
    if let Some(text) = text.strip_prefix('[') {
        return is_v6(text);
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
    };
    text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_https_host_and_port_and_nothing_more() {
        assert_eq!(address("https://management.azure.com"), Ok("https://management.azure.com".to_owned()));
        assert_eq!(address("HTTPS://ARM.example:8443/"), Ok("https://arm.example:8443".to_owned()));
        assert_eq!(address("https://[fd00::1]:443"), Ok("https://[fd00::1]:443".to_owned()));
        assert_eq!(address("https://[fd00::1]"), Ok("https://[fd00::1]".to_owned()));
        for (text, why) in [
            ("http://management.azure.com", "only https"),
            ("management.azure.com", "only https"),
            ("https://user:hunter2@arm.example", "no user and no password"),
            ("https://arm.example/subscriptions", "no path and no query"),
            ("https://arm.example?x", "no path and no query"),
            ("https://arm.example:0", "a port is"),
            ("https://arm.example:+1", "a port is"),
            ("https://arm.example:", "a port is"),
            ("https://", "no host name"),
            ("https://:443", "no host name"),
            ("https://arm..example", "no host name"),
            ("https://arm example", "no host name"),
            ("https://fd00::1", "no host name"),
        ] {
            let found = address(text).unwrap_err();
            assert!(found.contains(why) && !found.contains("hunter2"), "{text}: {found}");
        }
    }
}
