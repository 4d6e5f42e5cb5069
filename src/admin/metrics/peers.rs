//! The servers that may have zones of ours.

use super::family::Family;
use crate::status::Status;
use crate::status::peers::NotifyStatus;

/// Every peer and its zones.
pub(super) fn families(status: &Status) -> [Family; 5] {
    let each = || status.peers.iter().flat_map(|peer| peer.zones.iter().map(|zone| (peer.peer.as_str(), zone)));
    let taken = each().filter_map(|(peer, zone)| Some((peer, zone, zone.taken?, zone.taken_at?)));
    let labels = &["peer", "zone"];
    [
        Family::new(
            "privatelink_dns_peer_behind_seconds",
            labels,
            "Time that the peer has lacked the serial in service, or since it last took another; 0 if it has it, as far as \
             is known.",
        )
        .with_each(each(), |(peer, zone)| ([*peer, &*zone.zone], zone.behind_s(status.at))),
        Family::new(
            "privatelink_dns_peer_serial",
            labels,
            "Serial that the peer had last; absent until it asked for the zone.",
        )
        .with_each(taken.clone(), |(peer, zone, serial, _)| ([*peer, &*zone.zone], *serial)),
        Family::new(
            "privatelink_dns_peer_serial_timestamp_seconds",
            labels,
            "Time the peer took that serial, or asked and had it; absent until then.",
        )
        .with_each(taken, |(peer, zone, _, at)| ([*peer, &*zone.zone], *at)),
        Family::new(
            "privatelink_dns_peer_transfers_total",
            labels,
            "Complete transfers of the zone to the peer, whole or changes.",
        )
        .with_each(each(), |(peer, zone)| ([*peer, &*zone.zone], zone.transfers)),
        Family::new(
            "privatelink_dns_peer_notify_open",
            labels,
            "Addresses of the peer that have not acknowledged NOTIFY of the serial in service.",
        )
        .with_each(each(), |(peer, zone)| {
            ([*peer, &*zone.zone], zone.notify.iter().filter(|told| NotifyStatus::is_open(told)).count())
        }),
    ]
}
