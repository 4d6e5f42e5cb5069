//! The network that a client counts for, wherever clients share a resource: rate limits, permits of queries that wait,
//! the queue of a busy upstream.

use std::net::IpAddr;

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
    }
}
