//! Who may have which zone.
//!
//! In: the peers of the config, the client's address, the key that it has signed with. Out: the peer that it is, or why
//! it gets nothing. A client that signs is known by its key alone, and never by its address.

use std::net::IpAddr;

use super::settings::{Peer, Selector, Settings};
use crate::dns::Name;
use crate::zone::{Hosted, OnMiss, ZoneSet};

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Requester<'a> {
    pub(crate) address: IpAddr,
    /// The key of its signature, which is good.
    pub(crate) key: Option<&'a Name>,
}

/// Whether a client may have a zone.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict<'a> {
    /// It may, as this peer.
    Allowed(&'a Peer, &'a Hosted),
    /// It is a peer, and there is no such zone.
    NotHere,
    /// It is a peer, and this zone is not among its zones.
    OtherZone,
    /// It is no peer.
    Stranger,
}

impl Settings {
    /// Whether a client may have the zone with this apex, as the peer that it is sees the zones.
    pub(crate) fn judge<'a>(&'a self, requester: Requester<'_>, zones: &'a ZoneSet, apex: &Name) -> Verdict<'a> {
        let mut verdict = Verdict::Stranger;
        for peer in self.peers.iter().filter(|peer| peer.is(requester)) {
            match peer.seen(zones).and_then(|seen| seen.get(apex)) {
                Some(hosted) if peer.may_have(hosted) => return Verdict::Allowed(peer, hosted),
                Some(_) => verdict = Verdict::OtherZone,
                None if matches!(verdict, Verdict::Stranger) => verdict = Verdict::NotHere,
                None => {}
            }
        }
        verdict
    }

    /// Whether a client that may have the zone gets it over TLS alone. If peers cannot be told from each other, the
    /// word of the strictest counts: what one of them must not get in plain, nobody on the way may read.
    pub(crate) fn needs_tls(&self, requester: Requester<'_>, hosted: &Hosted) -> bool {
        self.peers.iter().any(|peer| peer.tls && peer.is(requester) && peer.may_have(hosted))
    }

    /// The peer that signs with this key.
    pub(crate) fn with_key(&self, key: &Name) -> Option<&Peer> {
        self.peers.iter().find(|peer| peer.key.as_ref() == Some(key))
    }
}

impl Peer {
    fn is(&self, requester: Requester<'_>) -> bool {
        match (&self.key, requester.key) {
            (Some(own), Some(key)) => own == key,
            (None, None) => {
                let address = requester.address.to_canonical();
                self.addresses.iter().any(|own| own.ip().to_canonical() == address)
            }
            _ => false,
        }
    }

    /// The zones as it sees them; `None` while nothing has been read of its view.
    pub(crate) fn seen<'z>(&self, zones: &'z ZoneSet) -> Option<&'z ZoneSet> {
        zones.seen_in(self.view.as_ref())
    }

    /// Whether the zone is among its zones. A plain copy of a zone that leaves names to the upstream would deny the
    /// accounts of other tenants, so such a zone has to be named.
    pub(crate) fn may_have(&self, hosted: &Hosted) -> bool {
        self.zones.iter().any(|selector| match selector {
            Selector::Zone(apex) => *apex == hosted.apex,
            Selector::Backup(suffix) => hosted.on_miss == OnMiss::NxDomain && is_backup(&hosted.apex, suffix),
        })
    }
}

/// Whether a name is `privatelink.<geo>.<suffix>`.
fn is_backup(apex: &Name, suffix: &Name) -> bool {
    apex.first_label() == Some(b"privatelink")
        && apex.label_count() == suffix.label_count() + 2
        && apex.is_at_or_below(suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn peer(label: &str, address: &str, key: Option<&str>, zones: Vec<Selector>) -> Peer {
        Peer {
            name: label.into(),
            addresses: vec![address.parse().unwrap()],
            key: key.map(name),
            zones,
            view: None,
            tls: false,
        }
    }

    fn peers() -> Vec<Peer> {
        let backup = Selector::Backup(name("backup.windowsazure.com"));
        vec![
            peer("by-address", "10.0.0.1:53", None, vec![backup]),
            peer("by-key", "10.0.0.2:53", Some("k1"), vec![Selector::Zone(name("privatelink.blob.core.windows.net"))]),
        ]
    }

    fn settings() -> Settings {
        Settings { peers: peers().into(), ..Settings::default() }
    }

    #[test]
    fn a_client_that_is_two_peers_gets_a_zone_over_tls_alone_if_one_of_them_does() {
        let (apex, key) = (name("privatelink.blob.core.windows.net"), name("k1"));
        let twin = |zones| peer("twin", "10.0.0.3:53", Some("k1"), zones);
        let of = |zones, tls| Settings {
            peers: [peers(), vec![Peer { tls, ..twin(zones) }]].concat().into(),
            ..Settings::default()
        };
        let hosted = Hosted::new(apex.clone(), OnMiss::Forward, None);
        let requester = |key| Requester { address: "10.0.0.3".parse().unwrap(), key };
        let needs_tls = |settings: &Settings, key| settings.needs_tls(requester(key), &hosted);
        let own = || vec![Selector::Zone(apex.clone())];
        assert!(needs_tls(&of(own(), true), Some(&key)));
        assert!(!needs_tls(&of(own(), false), Some(&key)));
        assert!(!needs_tls(&of(Vec::new(), true), Some(&key)), "it may not have the zone");
        assert!(!needs_tls(&of(own(), true), None), "it is known by its key");
    }

    fn judged(address: &str, key: Option<&str>, apex: &str, on_miss: OnMiss) -> String {
        let (settings, key) = (settings(), key.map(name));
        let requester = Requester { address: address.parse().unwrap(), key: key.as_ref() };
        let zones = ZoneSet::new([Hosted::new(name(apex), on_miss, None)]);
        match settings.judge(requester, &zones, &name(apex)) {
            Verdict::Allowed(peer, _) => peer.name.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_peer_is_known_by_its_key_or_without_one_by_its_address() {
        let (we, blob) = ("privatelink.we.backup.windowsazure.com", "privatelink.blob.core.windows.net");
        for (address, key, apex, on_miss, wanted) in [
            ("10.0.0.1", None, we, OnMiss::NxDomain, "by-address"),
            ("::ffff:10.0.0.1", None, we, OnMiss::NxDomain, "by-address"),
            ("10.0.0.1", None, blob, OnMiss::Forward, "OtherZone"),
            ("10.0.0.1", None, we, OnMiss::Forward, "OtherZone"),
            ("10.0.0.1", None, "privatelink.a.we.backup.windowsazure.com", OnMiss::NxDomain, "OtherZone"),
            ("10.0.0.1", None, "we.backup.windowsazure.com", OnMiss::NxDomain, "OtherZone"),
            // A client that signs is the owner of the key, wherever it is.
            ("10.9.9.9", Some("k1"), blob, OnMiss::Forward, "by-key"),
            ("10.0.0.1", Some("k1"), we, OnMiss::NxDomain, "OtherZone"),
            ("10.0.0.1", Some("k2"), we, OnMiss::NxDomain, "Stranger"),
            // The address of a peer with a key is not enough.
            ("10.0.0.2", None, blob, OnMiss::Forward, "Stranger"),
            ("10.9.9.9", None, we, OnMiss::NxDomain, "Stranger"),
        ] {
            assert_eq!(judged(address, key, apex, on_miss), wanted, "{address} {key:?} {apex}");
        }
    }
}
