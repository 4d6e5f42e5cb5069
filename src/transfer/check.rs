//! What in the peers of the config is hardly meant.
//!
//! In: the peers, and the zones that are hosted. Out: diagnostics, for `check` and `doctor`. Pure.

use std::path::Path;

use super::settings::{Peer, Selector, Settings};
use crate::diag::{Diagnostic, Id, Place};
use crate::dns::Name;
use crate::zone::{Hosted, OnMiss, ZoneSet};

/// The parts of the config that peers depend on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surroundings<'a> {
    pub(crate) file: &'a Path,
    /// The zones of `[feed]`.
    pub(crate) rpz: Option<&'a Name>,
    pub(crate) catalog: Option<&'a Name>,
}

/// The findings, peer by peer.
pub(crate) fn check(settings: &Settings, zones: &ZoneSet, around: Surroundings<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let all = zones;
    for (number, peer) in settings.peers.iter().enumerate() {
        let Some(zones) = peer.seen(all) else { continue };
        let place = || Place::file(around.file);
        let warn = |id, text: String| Diagnostic::warning(id, place(), format!("peer '{}': {text}", peer.name));
        found.extend(absent(peer, zones).map(|zone| {
            let text = format!("zones has {zone}, and no such zone is hosted: its transfer is refused");
            warn(Id::PEER_ZONES, text)
        }));
        found.extend(unlisted(peer, zones, around.catalog).map(|zone| {
            let text = format!(
                "it has the catalog, which lists {zone}, and may not have that zone; add it to zones, or \"backup\" for \
                 all backup zones"
            );
            warn(Id::PEER_ZONES, text)
        }));
        found.extend(copies(peer, zones).map(|zone| {
            let text = format!(
                "peer '{}': a copy of {zone} denies the accounts of other tenants, which this server forwards; a resolver \
                 gets both right with the feed: zones = [\"rpz\"]",
                peer.name
            );
            Diagnostic::note(Id::PEER_ZONES, place(), text)
        }));
        found.extend(public(peer, zones, around.rpz).map(|zone| {
            let text = format!(
                "peer '{}': it has neither {zone} nor the feed, so its clients get no private address of a storage account; \
                 add \"rpz\" to zones if it is a resolver",
                peer.name
            );
            Diagnostic::note(Id::PEER_ZONES, place(), text)
        }));
        let earlier = || settings.peers[..number].iter().filter(|other| is_same_client(peer, other));
        let twin = earlier().find(|other| have_common_zone(peer, other, zones));
        if let (None, Some(other)) = (twin, earlier().next()) {
            let text = format!(
                "it cannot be told from peer '{}', which has the same key or address: each of them may have the zones of \
                 both; give each server a key of its own, or make one peer of them",
                other.name
            );
            found.push(warn(Id::PEER_TWICE, text));
        }
        found.extend(twin.map(|twin| {
            let text = format!(
                "it cannot be told from peer '{}', which has the same key or address and one of its zones: what one of \
                 them takes counts for '{}'; give each server a key of its own",
                twin.name, twin.name
            );
            warn(Id::PEER_TWICE, text)
        }));
    }
    found
}

/// The zones that the peer names and nobody hosts here.
fn absent<'a>(peer: &'a Peer, zones: &'a ZoneSet) -> impl Iterator<Item = String> + 'a {
    let named = peer.zones.iter().filter_map(|selector| match selector {
        Selector::Zone(apex) => Some(apex),
        Selector::Backup(_) => None,
    });
    named.filter(|apex| zones.get(apex).is_none()).map(Name::without_dot)
}

/// The first zone in the catalog that a peer with the catalog may not have.
fn unlisted(peer: &Peer, zones: &ZoneSet, catalog: Option<&Name>) -> Option<String> {
    let has_catalog = catalog.is_some_and(|catalog| names(peer, catalog));
    let is_member = |hosted: &&Hosted| hosted.on_miss == OnMiss::NxDomain;
    let missing = |hosted: &&Hosted| has_catalog && !peer.may_have(hosted);
    zones.iter().filter(is_member).find(missing).map(|hosted| hosted.apex.without_dot())
}

/// The zones of a peer that a plain copy is wrong for.
fn copies<'a>(peer: &'a Peer, zones: &'a ZoneSet) -> impl Iterator<Item = String> + 'a {
    let forwards = zones.iter().filter(|hosted| hosted.on_miss == OnMiss::Forward);
    forwards.filter(|hosted| peer.may_have(hosted)).map(|hosted| hosted.apex.without_dot())
}

/// The first zone that a peer lacks whose names it would answer from public DNS.
fn public(peer: &Peer, zones: &ZoneSet, rpz: Option<&Name>) -> Option<String> {
    let has_feed = rpz.is_some_and(|rpz| names(peer, rpz));
    let lacks = |hosted: &&Hosted| hosted.on_miss == OnMiss::Forward && !has_feed && !peer.may_have(hosted);
    zones.iter().find(lacks).map(|hosted| hosted.apex.without_dot())
}

fn names(peer: &Peer, apex: &Name) -> bool {
    peer.zones.iter().any(|selector| matches!(selector, Selector::Zone(own) if own == apex))
}

/// Whether what one of them asks for may come from the other.
fn is_same_client(peer: &Peer, earlier: &Peer) -> bool {
    let ips = |peer: &Peer| peer.addresses.iter().map(|address| address.ip().to_canonical()).collect::<Vec<_>>();
    match (&peer.key, &earlier.key) {
        (Some(own), Some(other)) => own == other,
        (None, None) => ips(peer).iter().any(|own| ips(earlier).contains(own)),
        _ => false,
    }
}

/// Whether a zone may go to both: then the earlier one is taken to have it.
fn have_common_zone(peer: &Peer, earlier: &Peer, zones: &ZoneSet) -> bool {
    zones.transferable().any(|hosted| peer.may_have(hosted) && earlier.may_have(hosted))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOB: &str = "privatelink.blob.core.windows.net";
    const BACKUP: &str = "privatelink.we.backup.windowsazure.com";

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn zones() -> ZoneSet {
        let hosted = |apex: &str, on_miss| Hosted::new(name(apex), on_miss, None);
        ZoneSet::new([
            hosted(BLOB, OnMiss::Forward),
            hosted(BACKUP, OnMiss::NxDomain),
            hosted("corp.example", OnMiss::NxDomain),
        ])
        .with_derived([hosted("rpz.test", OnMiss::NxDomain), hosted("catalog.test", OnMiss::NxDomain)])
    }

    fn peer(label: &str, key: Option<&str>, zones: &[&str]) -> Peer {
        let selector = |zone: &&str| match *zone {
            "backup" => Selector::Backup(name("backup.windowsazure.com")),
            zone => Selector::Zone(name(zone)),
        };
        let addresses = vec!["10.1.0.53:53".parse().unwrap()];
        Peer {
            name: label.into(),
            addresses,
            key: key.map(name),
            zones: zones.iter().map(selector).collect(),
            view: None,
            tls: false,
        }
    }

    fn found(peers: Vec<Peer>) -> Vec<String> {
        let settings = Settings { peers: peers.into(), ..Settings::default() };
        let (rpz, catalog) = (name("rpz.test"), name("catalog.test"));
        let around = Surroundings { file: Path::new("c"), rpz: Some(&rpz), catalog: Some(&catalog) };
        check(&settings, &zones(), around).iter().map(|found| format!("{}: {found}", found.severity)).collect()
    }

    #[test]
    fn peers_with_the_feed_or_with_every_zone_of_the_catalog_are_fine() {
        let all = ["rpz.test", "catalog.test", "backup", "corp.example"];
        assert_eq!(found(vec![peer("a", Some("k1"), &all), peer("b", Some("k2"), &["rpz.test"])]), [""; 0]);
    }

    #[test]
    fn each_mistake_is_found_once() {
        for (peers, wanted) in [
            (vec![peer("a", None, &["rpz.test", "typo.example"])], "warning: c: peer 'a': zones has typo.example"),
            (
                vec![peer("a", None, &["rpz.test", "catalog.test", "backup"])],
                "warning: c: peer 'a': it has the catalog, which lists corp.example",
            ),
            (vec![peer("a", None, &[BLOB])], "note: c: peer 'a': a copy of privatelink.blob.core.windows.net denies"),
            (vec![peer("a", None, &["backup"])], "note: c: peer 'a': it has neither privatelink.blob"),
            (
                vec![peer("a", Some("k1"), &["rpz.test"]), peer("b", Some("k1"), &["rpz.test"])],
                "warning: c: peer 'b': it cannot be told from peer 'a'",
            ),
            (
                vec![peer("a", None, &["rpz.test"]), peer("b", None, &["rpz.test"])],
                "warning: c: peer 'b': it cannot be told from peer 'a'",
            ),
        ] {
            let found = found(peers);
            assert!(found.len() == 1 && found[0].starts_with(wanted), "{wanted}\n{found:#?}");
        }
        let apart = vec![peer("a", Some("k1"), &["rpz.test"]), peer("b", Some("k1"), &["catalog.test", "rpz.test2"])];
        let said: Vec<String> = found(apart).into_iter().filter(|found| found.contains("cannot be told")).collect();
        assert!(said.len() == 1 && said[0].contains("each of them may have the zones of both"), "{said:#?}");
    }
}
