//! The peers, as far as the status shows them: what each was told, and what it has.

use serde::{Deserialize, Serialize};

use crate::server::Snapshot;
use crate::transfer::notify::Told;
use crate::zone::{ViewName, Zone, ZoneSet};

/// A server that may have zones of ours.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PeerStatus {
    /// Its name in the config.
    pub peer: String,
    /// The name of the key that it signs with.
    pub key: Option<String>,
    /// The view whose zones it gets; none for the base.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<ViewName>,
    /// Whether it gets them over TLS alone.
    pub tls: bool,
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
    /// Since when the peer lacks the serial in service, or took another one last, if that is later; `None` if it has
    /// it, as far as is known.
    pub behind_since: Option<u64>,
    /// When it last asked for the zone otherwise than over TLS, which it needs, and was REFUSED; `None` if it has had
    /// it since.
    pub refused_at: Option<u64>,
    /// Complete transfers since the start.
    pub transfers: u64,
    /// NOTIFY, by address.
    pub notify: Vec<NotifyStatus>,
}

/// Seconds that a peer may lack a serial. NOTIFY is sent for four minutes, and a feed is asked for each minute.
const LATE_S: u64 = 300;

impl PeerZoneStatus {
    /// Whether the peer has lacked the serial in service for longer than it should. One that was refused it does not
    /// get it by waiting.
    pub fn is_late(&self, at: u64) -> bool {
        self.behind_s(at) > LATE_S || self.is_refused()
    }

    /// Whether the peer lacks the serial in service because it did not ask over TLS.
    pub fn is_refused(&self) -> bool {
        self.behind_since.is_some() && self.refused_at.is_some()
    }

    /// The seconds that the peer has lacked the serial in service; 0 if it has it. `at` is the time of the status.
    pub fn behind_s(&self, at: u64) -> u64 {
        self.behind_since.map_or(0, |since| at.saturating_sub(since))
    }
}

impl NotifyStatus {
    /// Whether the address has yet to acknowledge the serial.
    pub fn is_open(&self) -> bool {
        self.state != "acknowledged"
    }
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
pub(super) fn of(snapshot: &Snapshot) -> Vec<PeerStatus> {
    let (settings, board) = (&snapshot.transfers.settings, &snapshot.transfers.board);
    let peer = |peer: &crate::transfer::Peer| PeerStatus {
        peer: peer.name.to_string(),
        key: peer.key.as_ref().map(crate::dns::Name::without_dot),
        view: peer.view.clone(),
        tls: peer.tls,
        zones: (peer.seen(&snapshot.zones).into_iter().flat_map(ZoneSet::transferable))
            .filter(|hosted| peer.may_have(hosted))
            .map(|hosted| {
                let known = board.known_of(&peer.name, &hosted.apex);
                PeerZoneStatus {
                    zone: hosted.apex.without_dot(),
                    serial: hosted.zone.as_deref().map(Zone::serial).map(|serial| serial.0),
                    taken: known.taken.map(|taken| taken.serial.0),
                    taken_at: known.taken.map(|taken| taken.at),
                    behind_since: known.behind_since,
                    refused_at: known.refused_at,
                    transfers: known.transfers,
                    notify: (known.told.into_iter())
                        .map(|(address, serial, told)| notify(address.to_string(), serial.0, told))
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
