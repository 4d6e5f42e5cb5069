//! Admission: who may ask. It comes before any work on the question.

use std::net::IpAddr;

use ipnet::IpNet;

/// The networks whose clients are answered; all others are REFUSED.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    allow: Vec<IpNet>,
}

impl Access {
    /// Access for these networks and nobody else: a list of IPv4 networks leaves IPv6 closed.
    pub fn new(allow: impl IntoIterator<Item = IpNet>) -> Self {
        Self { allow: IpNet::aggregate(&allow.into_iter().collect()) }
    }

    /// Whether this client may ask. An IPv4 client that reached an IPv6 socket counts as what it is.
    pub fn permits(&self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        self.allow.iter().any(|network| network.contains(&client))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(networks: &[&str]) -> Access {
        Access::new(networks.iter().map(|network| network.parse().unwrap()))
    }

    #[test]
    fn a_list_of_ipv4_networks_leaves_ipv6_closed() {
        let access = access(&["0.0.0.0/0"]);
        assert!(access.permits("192.0.2.1".parse().unwrap()));
        assert!(!access.permits("::1".parse().unwrap()));
        assert!(access.permits("::ffff:192.0.2.1".parse().unwrap()), "IPv4 through an IPv6 socket");
    }

    #[test]
    fn nobody_is_allowed_by_default() {
        assert!(!Access::default().permits("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn networks_are_matched_to_the_bit() {
        let access = access(&["10.1.0.0/16", "fd00::/8"]);
        assert!(access.permits("10.1.255.255".parse().unwrap()) && access.permits("fdff::1".parse().unwrap()));
        assert!(!access.permits("10.2.0.0".parse().unwrap()) && !access.permits("fe80::1".parse().unwrap()));
    }
}
