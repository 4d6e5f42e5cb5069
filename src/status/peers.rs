//! The peers, as far as the status shows them: what each was told, and what it has.

use serde::{Deserialize, Serialize};

use crate::server::Snapshot;
use crate::transfer::notify::Told;
use crate::zone::Zone;

/// A server that may have zones of ours.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PeerStatus {
    /// Its name in the config.
    pub peer: String,
    /// The name of the key that it signs with.
    pub key: Option<String>,
    /// Its zones that are hosted here.
    pub zones: Vec<PeerZoneStatus>,
}

/// A zone of a peer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PeerZoneStatus {
    /// The apex without the final dot.
    pub zone: String,
    /// The serial in service here.
    pub serial: Option<u32>,
    /// The serial that the peer had last, as far as this process knows.
    pub taken: Option<u32>,
    /// When it took it, or asked and had it.
    pub taken_at: Option<u64>,
    /// Complete transfers since the start.
    pub transfers: u64,
    /// NOTIFY, by address.
    pub notify: Vec<NotifyStatus>,
}

/// What an address of a peer was told of a zone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NotifyStatus {
    /// The address.
    pub address: String,
    /// The serial that it was told, or is to be told.
    pub serial: u32,
    /// `waiting`, `acknowledged` or `refused`.
    pub state: String,
    /// Messages without an answer so far.
    pub tries: u32,
    /// The RCODE of a refusal.
    pub rcode: Option<String>,
}

/// Every peer.
pub(super) fn peers(snapshot: &Snapshot) -> Vec<PeerStatus> {
    let (settings, board) = (&snapshot.transfers.settings, &snapshot.transfers.board);
    let peer = |peer: &crate::transfer::Peer| PeerStatus {
        peer: peer.name.to_string(),
        key: peer.key.as_ref().map(crate::dns::Name::without_dot),
        zones: (snapshot.zones.transferable().filter(|hosted| peer.may_have(hosted)))
            .map(|hosted| {
                let taken = board.taken_by(&peer.name, &hosted.apex);
                PeerZoneStatus {
                    zone: hosted.apex.without_dot(),
                    serial: hosted.zone.as_deref().map(Zone::serial).map(|serial| serial.0),
                    taken: taken.map(|taken| taken.serial.0),
                    taken_at: taken.map(|taken| taken.at),
                    transfers: taken.map_or(0, |taken| taken.transfers),
                    notify: (board.told_to(&peer.name, &hosted.apex).into_iter())
                        .map(|(pair, serial, told)| notify(pair.address.to_string(), serial.0, told))
                        .collect(),
                }
            })
            .collect(),
    };
    settings.peers.iter().map(peer).collect()
}

fn notify(address: String, serial: u32, told: Told) -> NotifyStatus {
    let (state, tries, rcode) = match told {
        Told::Waiting { tries } => ("waiting", tries, None),
        Told::Acknowledged => ("acknowledged", 0, None),
        Told::Refused(rcode) => ("refused", 0, Some(rcode.to_string())),
    };
    NotifyStatus { address, serial, state: state.to_owned(), tries, rcode }
}
