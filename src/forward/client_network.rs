//! The network that a client counts for, wherever clients share a resource: rate limits, permits of queries that wait,
//! the queue of a busy upstream.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A /24 of IPv4 or a /56 of IPv6, the usual size of a site or a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientNetwork(u64);

/// This bit tells the families apart: no network of IPv4 has it.
const V6: u64 = 1 << 63;

impl ClientNetwork {
    /// The network of a client; an IPv4 client that reached an IPv6 socket counts by its IPv4 address.
    pub fn of(client: IpAddr) -> Self {
        Self(match client.to_canonical() {
            IpAddr::V4(address) => u64::from(address.to_bits() >> 8),
            IpAddr::V6(address) => V6 | u64::try_from(address.to_bits() >> 72).unwrap_or_default(),
        })
    }
}

impl ClientNetwork {
    /// A number that no other network has.
    pub fn bits(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ClientNetwork {
    /// In CIDR notation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 & V6 == 0 {
            let bits = u32::try_from(self.0 << 8).unwrap_or_default();
            write!(f, "{}/24", Ipv4Addr::from_bits(bits))
        } else {
            write!(f, "{}/56", Ipv6Addr::from_bits(u128::from(self.0 & !V6) << 72))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_a_24_or_a_56() {
        let network = |text: &str| ClientNetwork::of(text.parse().unwrap());
        assert_eq!(network("192.0.2.1"), network("192.0.2.255"));
        assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.9"), "IPv4 through an IPv6 socket");
        assert_ne!(network("192.0.2.1"), network("192.0.3.1"));
        assert_eq!(network("2001:db8:0:1ff::1"), network("2001:db8:0:100::"));
        assert_ne!(network("2001:db8:0:1ff::1"), network("2001:db8:0:200::"));
        assert_ne!(network("0.0.0.1"), network("::1"));
        let shown =
            ["192.0.2.77", "255.255.255.255", "2001:db8:0:1ff::1", "ffff::1"].map(|text| network(text).to_string());
        assert_eq!(shown, ["192.0.2.0/24", "255.255.255.0/24", "2001:db8:0:100::/56", "ffff::/56"]);
    }
}
