//! Admission: the clients that may ask, and those that may ask without limit. Admission comes before any work on the
//! question.

use std::net::IpAddr;

use ipnet::IpNet;

use super::rates::Rates;

/// The networks whose clients are answered (all others get REFUSED), and those that rate limits do not apply to.
///
/// An IPv4 client that reached an IPv6 socket is matched by its IPv4 address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    allow: Networks,
    trusted: Networks,
    /// The networks that are both allowed and trusted, so that the fast path looks into one list only.
    free: Networks,
    rates: Rates,
}

impl Access {
    /// Allows these networks and no others: a list of IPv4 networks leaves IPv6 closed. All of them are trusted.
    pub fn new(allow: impl IntoIterator<Item = IpNet>) -> Self {
        let allow = Networks::new(allow);
        Self { trusted: allow.clone(), free: allow.clone(), allow, rates: Rates::default() }
    }

    /// Trusts these networks instead: rate limits do not apply to them, whether they may ask or not.
    #[must_use]
    pub fn trusting(mut self, trusted: impl IntoIterator<Item = IpNet>) -> Self {
        self.trusted = Networks::new(trusted);
        self.free = self.allow.within(&self.trusted);
        self
    }

    /// Limits the clients outside the trusted networks to these rates.
    #[must_use]
    pub fn limited(self, rates: Rates) -> Self {
        Self { rates, ..self }
    }

    /// Whether no client at all may ask.
    pub fn is_closed(&self) -> bool {
        self.allow.0.is_empty()
    }

    /// Whether this client may ask.
    pub fn permits(&self, client: IpAddr) -> bool {
        self.allow.contain(client)
    }

    /// Whether this client may ask, and without limit.
    pub fn is_unlimited(&self, client: IpAddr) -> bool {
        self.free.contain(client)
    }

    /// The rates that this client is limited to; `None` if it is trusted.
    pub fn rates(&self, client: IpAddr) -> Option<&Rates> {
        (!self.trusted.contain(client)).then_some(&self.rates)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Networks(Vec<IpNet>);

impl Networks {
    fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self(IpNet::aggregate(&networks.into_iter().collect()))
    }

    fn contain(&self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        self.0.iter().any(|network| network.contains(&client))
    }

    /// The networks that lie in both lists: of two networks that overlap, one contains the other.
    fn within(&self, other: &Self) -> Self {
        let smaller = |one: &IpNet, two: &IpNet| {
            if two.contains(one) { Some(*one) } else { one.contains(two).then_some(*two) }
        };
        Self::new(self.0.iter().flat_map(|one| other.0.iter().filter_map(move |two| smaller(one, two))))
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
    fn allowed_clients_are_trusted_unless_configured_otherwise() {
        let access = access(&["10.0.0.0/8"]);
        assert!(
            access.is_unlimited("10.1.2.3".parse().unwrap()) && access.rates("10.1.2.3".parse().unwrap()).is_none()
        );
        assert!(
            !access.is_unlimited("192.0.2.1".parse().unwrap()) && access.rates("192.0.2.1".parse().unwrap()).is_some()
        );
    }

    #[test]
    fn clients_both_allowed_and_trusted_are_unlimited() {
        let trusted = ["10.1.0.0/16", "fd00::/8", "192.0.0.0/8"].map(|network| network.parse().unwrap());
        let access = access(&["10.0.0.0/8", "fd12::/16", "::1/128"]).trusting(trusted);
        let is_unlimited = |client: &str| access.is_unlimited(client.parse().unwrap());
        assert!(is_unlimited("10.1.2.3") && is_unlimited("fd12::1") && is_unlimited("::ffff:10.1.2.3"));
        assert!(!is_unlimited("10.2.0.1") && !is_unlimited("::1"), "allowed alone");
        assert!(!is_unlimited("192.0.2.1") && !is_unlimited("fd00::1"), "trusted alone");
        assert!(access.rates("192.0.2.1".parse().unwrap()).is_none(), "refused, as often as it query_options");
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
