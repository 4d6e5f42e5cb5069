//! The addresses that a record may have.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::diag::Id;

/// The problem with the address of a record: none of a private endpoint, or none that the config allows.
pub(super) fn problem(address: IpAddr, fqdn: &str, allowed: &[IpNet]) -> Option<(Id, String)> {
    if let IpAddr::V6(v6) = address
        && let Some(v4) = v6.to_ipv4_mapped()
    {
        let text = format!("'{fqdn}' has the address {address}, which is IPv4 in the form of IPv6: write it as {v4}");
        return Some((Id::LIST_BAD_ADDRESS, text));
    }
    if address.is_unspecified() || address.is_multicast() {
        let text = format!("'{fqdn}' has the address {address}, which no endpoint has: list the endpoint again");
        return Some((Id::TARGET_NOT_ALLOWED, text));
    }
    (!allowed.iter().any(|network| network.contains(&address))).then(|| {
        let text = format!(
            "'{fqdn}' has the address {address}, which is outside allowed_targets; correct it, or add its network to \
             allowed_targets"
        );
        (Id::TARGET_NOT_ALLOWED, text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_no_endpoint_has_is_refused_whatever_the_config_allows() {
        let all: Vec<IpNet> = ["0.0.0.0/0", "::/0"].map(|network| network.parse().unwrap()).to_vec();
        let said = |address: &str| problem(address.parse().unwrap(), "a", &all).map(|(_, text)| text);
        assert_eq!(said("10.20.0.12"), None);
        let mapped = "'a' has the address ::ffff:10.20.0.12, which is IPv4 in the form of IPv6: write it as 10.20.0.12";
        assert_eq!(said("::ffff:10.20.0.12").as_deref(), Some(mapped));
        for address in ["0.0.0.0", "::", "224.0.0.1", "ff02::1"] {
            assert!(said(address).unwrap().contains("which no endpoint has"), "{address}");
        }
    }

    #[test]
    fn an_address_outside_the_networks_of_the_config_is_refused_by_its_own_family() {
        let ours = ["10.0.0.0/8".parse().unwrap(), "fc00::/7".parse().unwrap()];
        for address in ["20.60.0.1", "127.0.0.1", "2001:db8::1", "fe80::1", "::1", "169.254.0.4"] {
            let (id, text) = problem(address.parse().unwrap(), "a", &ours).unwrap();
            assert_eq!(id, Id::TARGET_NOT_ALLOWED);
            assert!(text.contains("outside allowed_targets"), "{text}");
        }
        for address in ["10.255.255.255", "fd00::4"] {
            assert_eq!(problem(address.parse().unwrap(), "a", &ours), None);
        }
    }
}
