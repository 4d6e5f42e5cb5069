//! Which view a client gets: that of the address it asks at, else that of its network.
//!
//! In: networks and listen addresses of each view. Out: the view's number. Of several networks the longest prefix
//! counts. The number is found by binary search, and means something to the snapshot alone that has these views.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use crate::zone::ViewName;

/// The most views of a server.
pub const MAX_VIEWS: usize = 4_096;

/// The number of a view; the base is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ViewIndex(u16);

impl ViewIndex {
    /// The base.
    pub const BASE: Self = Self(0);

    /// The number as an index of a table that begins with the base.
    pub(crate) fn get(self) -> usize {
        usize::from(self.0)
    }

    /// The number itself.
    pub(crate) fn number(self) -> u16 {
        self.0
    }
}

/// One view, as the config has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewSettings {
    /// Its name.
    pub name: ViewName,
    /// The networks of its clients.
    pub clients: Vec<IpNet>,
    /// The addresses of ours at which whoever asks gets it.
    pub listen: Vec<SocketAddr>,
}

/// All views.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Views {
    settings: Vec<ViewSettings>,
    listen: Vec<(SocketAddr, ViewIndex)>,
    v4: Ranges,
    v6: Ranges,
}

/// From each address on, up to the next one, the view of the clients there; sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Ranges(Box<[(u128, ViewIndex)]>);

impl Views {
    /// These views; those behind the last number that there is are left out.
    pub fn new(settings: Vec<ViewSettings>) -> Self {
        let networks = |is_v4: bool| {
            let numbered = settings.iter().zip(1..);
            let all = numbered.flat_map(|(view, number)| view.clients.iter().map(move |net| (*net, ViewIndex(number))));
            Ranges::new(all.filter(|(net, _)| matches!(net, IpNet::V4(_)) == is_v4).collect())
        };
        let (v4, v6) = (networks(true), networks(false));
        let numbered = settings.iter().zip(1..);
        let listen = numbered
            .flat_map(|(view, number)| view.listen.iter().map(move |address| (*address, ViewIndex(number))))
            .collect();
        Self { settings, listen, v4, v6 }
    }

    /// The views in the order of their numbers from 1.
    pub fn settings(&self) -> &[ViewSettings] {
        &self.settings
    }

    /// The name of a view; `None` for the base.
    pub fn name(&self, view: ViewIndex) -> Option<&ViewName> {
        self.settings.get(view.get().checked_sub(1)?).map(|view| &view.name)
    }

    /// The number of a view with this name.
    pub fn named(&self, name: &ViewName) -> Option<ViewIndex> {
        self.settings.iter().zip(1..).find(|(view, _)| view.name == *name).map(|(_, number)| ViewIndex(number))
    }

    /// The view of a client that asks at this address of ours, port 0 for any; an IPv4 client that reached an IPv6
    /// socket counts by its IPv4 address.
    pub fn of(&self, local: SocketAddr, client: IpAddr) -> ViewIndex {
        if self.settings.is_empty() {
            return ViewIndex::BASE;
        }
        // Port 0 in the config is whichever the system chose.
        let is_at = |listen: &SocketAddr| {
            listen.ip() == local.ip() && (listen.port() == local.port() || listen.port() == 0 || local.port() == 0)
        };
        let at_address = self.listen.iter().find(|(listen, _)| is_at(listen));
        at_address.map_or_else(|| self.of_network(client), |(_, view)| *view)
    }

    /// The view of a client, wherever it asks but at an address of a view; without a client the base.
    pub fn of_network(&self, client: impl Into<Option<IpAddr>>) -> ViewIndex {
        let Some(client) = client.into() else { return ViewIndex::BASE };
        match client.to_canonical() {
            IpAddr::V4(v4) => self.v4.find(u32::from(v4).into()),
            IpAddr::V6(v6) => self.v6.find(v6.into()),
        }
    }
}

impl Ranges {
    /// Networks lie in each other or apart: the inner one is the longer prefix.
    fn new(mut networks: Vec<(IpNet, ViewIndex)>) -> Self {
        let bounds = |net: &IpNet| (number(net.network()), number(net.broadcast()));
        networks.sort_by_key(|(net, _)| (bounds(net).0, net.prefix_len()));
        let mut starts = vec![(0, ViewIndex::BASE)];
        let mut open: Vec<(u128, ViewIndex)> = Vec::new();
        for (net, view) in networks {
            let (first, last) = bounds(&net);
            close(&mut open, &mut starts, |end| end < first);
            starts.push((first, view));
            open.push((last, view));
        }
        close(&mut open, &mut starts, |_| true);
        Self(starts.into())
    }

    fn find(&self, address: u128) -> ViewIndex {
        let behind = self.0.partition_point(|(start, _)| *start <= address);
        behind.checked_sub(1).map_or(ViewIndex::BASE, |at| self.0[at].1)
    }
}

/// Ends the innermost networks as long as they are over: what is around them goes on.
fn close(open: &mut Vec<(u128, ViewIndex)>, starts: &mut Vec<(u128, ViewIndex)>, is_over: impl Fn(u128) -> bool) {
    while let Some((end, _)) = open.pop_if(|(end, _)| is_over(*end)) {
        let around = open.last().map_or(ViewIndex::BASE, |(_, view)| *view);
        starts.extend(end.checked_add(1).map(|next| (next, around)));
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u32::from(v4).into(),
        IpAddr::V6(v6) => v6.into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HERE: &str = "10.0.0.4:53";

    fn views(clients: &[&[&str]]) -> Views {
        let view = |(at, clients): (usize, &&[&str])| ViewSettings {
            name: format!("v{at}").parse().unwrap(),
            clients: clients.iter().map(|net| net.parse().unwrap()).collect(),
            listen: Vec::new(),
        };
        Views::new(clients.iter().enumerate().map(view).collect())
    }

    fn of(views: &Views, client: &str) -> Option<String> {
        views.name(views.of(HERE.parse().unwrap(), client.parse().unwrap())).map(ToString::to_string)
    }

    #[test]
    fn the_longest_prefix_counts_and_whoever_is_in_no_view_gets_the_base() {
        let views = views(&[&["10.0.0.0/8", "fd00::/8"], &["10.1.0.0/16"], &["10.1.2.3/32", "::/0"]]);
        for (client, view) in [
            ("10.0.0.0", Some("v0")),
            ("10.0.255.255", Some("v0")),
            ("10.1.0.0", Some("v1")),
            ("10.1.2.2", Some("v1")),
            ("10.1.2.3", Some("v2")),
            ("10.1.2.4", Some("v1")),
            ("10.2.0.0", Some("v0")),
            ("10.255.255.255", Some("v0")),
            ("11.0.0.0", None),
            ("9.255.255.255", None),
            ("::ffff:10.1.2.3", Some("v2")),
            ("::ffff:11.0.0.0", None),
            ("fd00::1", Some("v0")),
            ("fe00::", Some("v2")),
            ("::1", Some("v2")),
        ] {
            assert_eq!(of(&views, client).as_deref(), view, "{client}");
        }
        assert_eq!(of(&Views::default(), "10.0.0.1"), None);
    }

    #[test]
    fn the_address_that_is_asked_counts_before_the_clients_network() {
        let mut settings = views(&[&["10.1.0.0/16"], &[]]).settings;
        settings[1].listen = vec!["10.0.0.5:53".parse().unwrap()];
        let views = Views::new(settings);
        let at = |local: &str| views.name(views.of(local.parse().unwrap(), "10.1.0.1".parse().unwrap())).cloned();
        assert_eq!(at("10.0.0.5:53"), "v1".parse().ok());
        assert_eq!(at("10.0.0.5:54"), "v0".parse().ok());
        assert_eq!(views.named(&"v1".parse().unwrap()).map(ViewIndex::number), Some(2));
    }

    proptest! {
        #[test]
        fn the_view_of_a_client_is_that_of_the_longest_of_all_networks_that_have_it(
            networks in prop::collection::vec((any::<u32>(), 0_u8..=32, 0_usize..4), 0..20),
            clients in prop::collection::vec(any::<u32>(), 20),
            near in 0_u32..3,
        ) {
            let mut settings = views(&[&[], &[], &[], &[]]).settings;
            let mut seen = Vec::new();
            for (address, len, view) in networks {
                let net = IpNet::new(IpAddr::V4(address.into()), len).unwrap().trunc();
                if !seen.contains(&net) {
                    seen.push(net);
                    settings[view].clients.push(net);
                }
            }
            let all = settings.clone();
            let views = Views::new(settings);
            let bounds = seen.iter().flat_map(|net| [net.network(), net.broadcast()]).filter_map(|ip| match ip {
                IpAddr::V4(v4) => Some(u32::from(v4).wrapping_add(near).wrapping_sub(1)),
                IpAddr::V6(_) => None,
            });
            for client in clients.into_iter().chain(bounds).map(|client| IpAddr::V4(client.into())) {
                let having = all.iter().flat_map(|view| view.clients.iter().map(|net| (net, &view.name)));
                let longest = having.filter(|(net, _)| net.contains(&client)).max_by_key(|(net, _)| net.prefix_len());
                prop_assert_eq!(views.name(views.of_network(client)), longest.map(|(_, name)| name), "{}", client);
            }
        }
    }
}
