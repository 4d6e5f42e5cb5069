//! The settings of the admin listener: `[admin]`.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;

/// Where it listens, and who may ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The address for everything; `None` for no such listener.
    pub listen: Option<SocketAddr>,
    /// The networks that may ask there, besides this machine.
    pub allow: Vec<IpNet>,
    /// The names that a `Host` may have there, in lower case; addresses and `localhost` are always good.
    pub hosts: Vec<String>,
    /// The address for `/health` and `/ready` alone, for load balancers and kubelets; `None` for no such listener.
    pub probe: Option<SocketAddr>,
    /// How long queries are answered after the signal to stop, while `/ready` says 503.
    pub lameduck: Duration,
}

impl Settings {
    /// Whether this client may ask at `listen`. An IPv4 address in an IPv6 one counts as itself.
    pub fn permits(&self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        client.is_loopback() || self.allow.iter().any(|network| network.contains(&client))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_and_the_networks_of_allow_may_ask() {
        let settings = Settings { allow: vec!["10.0.0.0/24".parse().unwrap()], ..Settings::default() };
        for (client, may) in [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("10.0.0.9", true),
            ("::ffff:10.0.0.9", true),
            ("10.0.1.9", false),
            ("::ffff:10.0.1.9", false),
            ("fd00::1", false),
            ("0.0.0.0", false),
        ] {
            assert_eq!(settings.permits(client.parse().unwrap()), may, "{client}");
        }
    }
}
