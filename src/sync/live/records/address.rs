//! Addresses as Azure writes them.

use std::net::IpAddr;

use ipnet::IpNet;

/// The one address that a text means, if it means one that a private endpoint can have.
///
/// With a length behind it, the text may be an address (`10.1.0.5/32`, or `10.1.0.5/24` as a machine shows it with its
/// network) or a whole network that belongs to a machine (`172.20.2.16/28`). In a network no address is the
/// endpoint's, so that only the first kind counts. Loopback, multicast and unspecified addresses lead to nobody; IPv4
/// in the form of IPv6 is IPv4.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let found = if let Ok(address) = text.parse::<IpAddr>() {
        address
    } else {
        let network: IpNet = text.parse().ok()?;
        let is_host = network.prefix_len() == network.max_prefix_len() || network.addr() != network.network();
        is_host.then(|| network.addr())?
    };
    let found = found.to_canonical();
    let is_broadcast = matches!(found, IpAddr::V4(address) if address.is_broadcast());
    (!(found.is_unspecified() || found.is_loopback() || found.is_multicast() || is_broadcast)).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_an_address_if_it_means_one_and_not_a_network() {
        for (text, expected) in [
            ("10.1.0.5", Some("10.1.0.5")),
            (" 10.1.0.5 ", Some("10.1.0.5")),
            ("10.1.0.5/32", Some("10.1.0.5")),
            ("10.1.0.5/24", Some("10.1.0.5")),
            ("fd00::5", Some("fd00::5")),
            ("fd00::5/128", Some("fd00::5")),
            ("FD00:0:0::5/64", Some("fd00::5")),
            ("::ffff:10.1.0.5", Some("10.1.0.5")),
            ("172.20.2.16/28", None),
            ("10.0.0.0/8", None),
            ("fd00::/64", None),
            ("10.1.0.5/33", None),
            ("10.1.0.5/", None),
            ("10.1.0.005", None),
            ("10.1.0", None),
            ("0.0.0.0", None),
            ("0.0.0.0/0", None),
            ("127.0.0.1", None),
            ("255.255.255.255", None),
            ("224.0.0.1", None),
            ("::", None),
            ("::1", None),
            ("ff02::1", None),
            ("fe80::1%eth0", None),
            ("10.1.0.5:443", None),
            ("pe.example", None),
            ("", None),
        ] {
            assert_eq!(address(text), expected.map(|text| text.parse().unwrap()), "{text}");
        }
    }
}
