//! `[[peers]]` and `[transfer]`: the servers that may have zones of ours.

use std::net::SocketAddr;
use std::sync::Arc;

use super::keys::KeyFile;
use super::reader::Section;
use super::values;
use super::views::known_view;
use crate::diag::Id;
use crate::dns::Name;
use crate::feed;
use crate::server::admission::access::Access;
use crate::server::views::Views;
use crate::sync;
use crate::transfer::{Peer, Selector, Settings};

/// The longest name of a peer, octets: it is a label of metrics.
const MAX_LABEL: usize = 64;

/// Octets of the differences that are kept of each zone, unless the config says otherwise.
const HISTORY: usize = 4_000_000;

/// The rest of the config, as far as it matters to peers.
pub(super) struct Surroundings<'a> {
    pub(super) sync: &'a sync::Settings,
    pub(super) keys: &'a [KeyFile],
    pub(super) access: &'a Access,
    pub(super) feed: &'a feed::Settings,
    pub(super) views: &'a Views,
    /// Whether there is a listener for DNS over TLS.
    pub(super) has_dot: bool,
}

pub(super) fn settings(top: &Section<'_>, around: &Surroundings<'_>) -> Settings {
    let mut peers = Vec::<Peer>::new();
    for section in top.sections("peers", "peers") {
        if let Some(peer) = peer(&section, around) {
            if peers.iter().any(|other| other.name == peer.name) {
                section.problem_at("name", format!("name: two peers have the name '{}'; rename one", peer.name));
            }
            peers.push(peer);
        }
        section.finish();
    }
    let section = top.section_or_empty("transfer");
    let max = section.number("max", 1..=1000).and_then(|number| usize::try_from(number).ok());
    let history = section.string("history", values::octets).unwrap_or(HISTORY);
    section.finish();
    let history = if peers.is_empty() { 0 } else { history };
    Settings { peers: peers.into(), max: max.unwrap_or(Settings::default().max), history }
}

fn peer(section: &Section<'_>, around: &Surroundings<'_>) -> Option<Peer> {
    let name = section.string("name", label);
    let addresses = section.strings("address", values::dns_socket);
    let key = section.string("key", |text| {
        let key = values::name(text)?;
        let is_known = around.keys.iter().any(|known| known.name == key);
        is_known.then_some(key).ok_or_else(|| format!("no [[keys]] has the name '{text}'"))
    });
    let zones = section.strings("zones", |text| selector(text, around));
    let view = section.string("view", |text| known_view(text, &around.sync.views));
    for required in ["name", "address", "zones"] {
        if !section.has(required) {
            section.problem(Id::CONFIG_MISSING_KEY, format!("a peer needs {required}"));
        }
    }
    for (key, is_empty) in [
        ("address", addresses.as_ref().is_some_and(Vec::is_empty)),
        ("zones", zones.as_ref().is_some_and(Vec::is_empty)),
    ] {
        if is_empty {
            section.problem_at(key, format!("{key}: it is empty; name one at least"));
        }
    }
    let tls = section.flag("tls").unwrap_or_default();
    if tls && !around.has_dot {
        let text =
            "tls: the peer gets its zones over TLS alone, and nothing here speaks it; add [dot] with listen, and [tls]";
        section.problem_at("tls", text);
    }
    let addresses = addresses?;
    outside(section, &addresses, around.access);
    if !section.has("key") && !section.has("view") {
        in_view(section, &addresses, around.views);
    }
    Some(Peer { name: name?, addresses, key, zones: zones?, view, tls })
}

/// A peer that is known by its address is asked for zones of everybody, and its questions are those of a view's client.
fn in_view(section: &Section<'_>, addresses: &[SocketAddr], views: &Views) {
    let view = |address: &SocketAddr| Some((address.ip(), views.name(views.of_network(address.ip()))?.clone()));
    if let Some((address, view)) = addresses.iter().find_map(view) {
        let text = format!(
            "address: {address} is a client of view '{view}', so the serial that it asks for is that of the view, and \
             what it transfers is not; give the peer a key, or the zones of the view: view = \"{view}\""
        );
        section.warn_at("address", Id::PEER_IN_VIEW, text);
    }
}

/// Queries of a peer outside `[access]` are REFUSED like those of anybody else.
fn outside(section: &Section<'_>, addresses: &[SocketAddr], access: &Access) {
    if let Some(address) = addresses.iter().find(|address| !access.permits(address.ip())) {
        let text = format!("address: {} is not in [access], so its queries are REFUSED; add its network", address.ip());
        section.warn_at("address", Id::PEER_OUTSIDE_ACCESS, text);
    }
}

fn label(text: &str) -> Result<Arc<str>, String> {
    let is_good = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if text.is_empty() || text.len() > MAX_LABEL || !text.chars().all(is_good) {
        return Err(format!("from 1 to {MAX_LABEL} letters, digits, hyphens, dots and underscores"));
    }
    Ok(text.into())
}

/// `backup` for the zones of Azure Backup, `rpz` and `catalog` for those of `[feed]`, or the name of a zone.
fn selector(text: &str, around: &Surroundings<'_>) -> Result<Selector, String> {
    let of_feed = |apex: &Option<Name>| {
        let missing = || format!("'{text}' needs {text} = \"{text}.privatelink\" in [feed]");
        apex.clone().map(Selector::Zone).ok_or_else(missing)
    };
    match (text, around.sync.cloud) {
        ("backup", Some(cloud)) => values::name(cloud.backup_suffix()).map(Selector::Backup),
        ("backup", None) => Err("'backup' needs [backup]; or name the zone in full".to_owned()),
        ("rpz", _) => of_feed(&around.feed.rpz),
        ("catalog", _) => of_feed(&around.feed.catalog),
        _ => values::name(text).map(Selector::Zone),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    const KEY: &str = "[backup]\n[[keys]]\nname = \"k1\"\nsecret_file = \"k1\"\n";

    #[test]
    fn a_peer_has_a_name_addresses_zones_and_perhaps_a_key() {
        let text = format!(
            "{KEY}[[peers]]\nname = \"bind-hq\"\naddress = [\"10.1.0.53\", \"10.1.0.54:5353\"]\nkey = \"K1\"\n\
             zones = [\"backup\", \"privatelink.blob.core.windows.net\"]\n[transfer]\nmax = 4\n\
             history = \"1 MB\"\n"
        );
        let (config, problems) = Config::parse(Path::new("c"), &text);
        assert!(problems.is_empty(), "{problems:?}");
        let blob = Selector::Zone("privatelink.blob.core.windows.net".parse().unwrap());
        let backup = Selector::Backup("backup.windowsazure.com".parse().unwrap());
        let peer = Peer {
            name: "bind-hq".into(),
            addresses: vec!["10.1.0.53:53".parse().unwrap(), "10.1.0.54:5353".parse().unwrap()],
            key: Some("k1".parse().unwrap()),
            zones: vec![backup, blob],
            view: None,
            tls: false,
        };
        assert_eq!(config.transfer, Settings { peers: [peer].into(), max: 4, history: 1_000_000 });
    }

    #[test]
    fn a_peer_without_a_key_that_is_a_client_of_a_view_and_gets_the_base_is_a_warning() {
        let of = |more: &str| {
            let text = format!(
                "{KEY}[[views]]\nname = \"a\"\nclients = [\"10.1.0.0/16\"]\n[[peers]]\nname = \"p\"\nzones = \"backup\"\n\
                 address = [\"10.2.0.1\", \"10.1.0.1\"]\n{more}"
            );
            let (config, _) = Config::parse(Path::new("c"), &text.replace("\"backup\"", "[\"backup\"]"));
            config.warnings.iter().filter(|found| found.id == Id::PEER_IN_VIEW).map(ToString::to_string).collect()
        };
        let said: Vec<String> = of("");
        assert!(said[0].starts_with("c:11:11: address: 10.1.0.1 is a client of view 'a'"), "{said:?}");
        assert_eq!([of("key = \"k1\""), of("view = \"a\"")], [Vec::<String>::new(), Vec::new()]);
    }

    #[test]
    fn each_mistake_in_peers_has_its_line() {
        let text = format!(
            "{KEY}[[peers]]\nname = \"a b\"\naddress = []\nkey = \"k2\"\nzones = [\"x..y\"]\n[[peers]]\n\
             [[peers]]\nname = \"p\"\naddress = [\"192.0.2.1\"]\nzones = [\"backup\"]\n\
             [[peers]]\nname = \"p\"\naddress = [\"10.0.0.1\"]\nzones = [\"backup\"]\nzone = \"x\"\ntls = true\n[transfer]\nmax = 0\n\
             history = \"4 mb\"\n"
        );
        let (config, problems) = Config::parse(Path::new("c"), &text);
        let said: Vec<String> = problems.iter().chain(&config.warnings).map(ToString::to_string).collect();
        for wanted in [
            "c:6:8: name: from 1 to 64 letters",
            "c:7:11: address: it is empty",
            "c:8:7: key: no [[keys]] has the name 'k2'",
            "c:9:10: zones: ",
            "c:10:1: a peer needs name",
            "c:10:1: a peer needs zones",
            "c:13:11: address: 192.0.2.1 is not in [access]",
            "c:16:8: name: two peers have the name 'p'",
            "c:19:1: ",
            "c:20:7: tls: the peer gets its zones over TLS alone, and nothing here speaks it; add [dot]",
            "c:22:7: max: ",
            "c:23:11: history: ",
        ] {
            assert!(said.iter().any(|said| said.starts_with(wanted)), "{wanted}\n{said:#?}");
        }
    }
}
