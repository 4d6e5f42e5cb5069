//! The servers that may have zones of ours, and which serial each has.

use super::age::Moment;
use super::lines::Bounded;
use super::mark::{Mark, Tone};
use super::number::whole;
use crate::diag::printable;
use crate::status::Status;
use crate::status::peers::{NotifyStatus, PeerStatus, PeerZoneStatus};

/// Zones of peers that are shown.
const SHOWN: usize = 100;

/// The section; it is left out without peers.
pub(super) struct Peers {
    pub(super) rows: Bounded<Row>,
}

/// A zone of a peer.
pub(super) struct Row {
    pub(super) peer: String,
    /// How it is known.
    pub(super) key: String,
    pub(super) zone: String,
    pub(super) mark: Mark,
    pub(super) since: Option<Moment>,
    pub(super) serial: String,
    pub(super) asked: Option<Moment>,
    pub(super) transfers: String,
    /// The addresses that did not acknowledge NOTIFY, each with why.
    pub(super) notify: Bounded<String>,
}

impl Peers {
    pub(super) fn of(status: &Status) -> Self {
        let zones = |peer| zones(peer).map(move |zone| (peer, zone));
        let mut all: Vec<(&PeerStatus, Option<&PeerZoneStatus>)> = status.peers.iter().flat_map(zones).collect();
        if all.len() > SHOWN {
            all.sort_by_key(|(_, zone)| std::cmp::Reverse(mark(*zone, status.at).tone));
        }
        Self { rows: Bounded::of(all.into_iter().map(|(peer, zone)| row(peer, zone, status.at)), SHOWN) }
    }
}

/// The zones of a peer; once nothing, if none of them is hosted.
fn zones(peer: &PeerStatus) -> impl Iterator<Item = Option<&PeerZoneStatus>> {
    peer.zones.iter().map(Some).chain(peer.zones.is_empty().then_some(None))
}

/// How the worst zone of a peer is.
pub(super) fn worst(peer: &PeerStatus, at: u64) -> Tone {
    zones(peer).map(|zone| mark(zone, at).tone).max().unwrap_or(Tone::Quiet)
}

fn mark(zone: Option<&PeerZoneStatus>, at: u64) -> Mark {
    match zone {
        None => Mark::new(Tone::Quiet, "no zone"),
        Some(zone) if zone.is_refused() => Mark::new(Tone::Warning, "refused: not over TLS"),
        Some(zone) if zone.is_late(at) => Mark::new(Tone::Warning, "behind"),
        Some(zone) if zone.behind_since.is_some() => Mark::new(Tone::Quiet, "told just now"),
        Some(zone) if zone.taken.is_none() => Mark::new(Tone::Quiet, "not asked yet"),
        Some(_) => Mark::new(Tone::Good, "up to date"),
    }
}

fn row(peer: &PeerStatus, zone: Option<&PeerZoneStatus>, at: u64) -> Row {
    let is_behind = zone.is_some_and(|zone| zone.behind_since.is_some());
    let told = zone.into_iter().flat_map(|zone| &zone.notify);
    Row {
        peer: printable(&peer.peer).into_owned(),
        key: known_by(peer),
        zone: zone.map_or("none of its zones is hosted here".to_owned(), |zone| printable(&zone.zone).into_owned()),
        mark: mark(zone, at),
        since: zone
            .filter(|zone| zone.is_late(at))
            .and_then(|zone| zone.behind_since)
            .map(|since| Moment::seen(since, at)),
        serial: zone.and_then(|zone| zone.taken).map_or("–".to_owned(), |serial| serial.to_string()),
        asked: zone.and_then(|zone| zone.taken_at).map(|asked| Moment::seen(asked, at)),
        transfers: zone.map_or("–".to_owned(), |zone| whole(zone.transfers)),
        notify: Bounded::of(told.filter_map(|told| unanswered(told, is_behind)), SHOWN),
    }
}

/// How a peer is known, and how it transfers.
fn known_by(peer: &PeerStatus) -> String {
    let by = peer.key.as_ref().map_or("known by address".to_owned(), |key| format!("key {}", printable(key)));
    if peer.tls { by + ", over TLS alone" } else { by }
}

/// What an address has to say to NOTIFY, if it is not what it should be. A refusal is over once the zone was taken.
fn unanswered(told: &NotifyStatus, is_behind: bool) -> Option<String> {
    let address = printable(&told.address);
    match (&told.rcode, told.tries) {
        (Some(_), _) if !is_behind => None,
        (Some(rcode), _) => Some(format!("{address} answered NOTIFY with {}", printable(rcode))),
        (None, 0) => None,
        (None, tries) => Some(format!("{address} has not answered NOTIFY, sent {tries} times")),
    }
}
