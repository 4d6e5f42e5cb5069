//! The transfers of one connection: one is sent at a time, and others wait behind it.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::transfer::board::Board;
use crate::transfer::{Granted, MAX_KEPT, Next, Place, Places, Transfer};
use crate::zone::{Hosted, ZoneSet};

/// Transfers that one connection may ask for before the first of them is complete; then nothing more is served until
/// one is. Secondaries use one connection for all zones.
const MAX_QUEUED: usize = 64;

/// The wait for a place.
type Entering = Pin<Box<dyn Future<Output = Option<Place>> + Send>>;

/// The transfers of one connection.
#[derive(Default)]
pub(crate) struct Transfers {
    queued: VecDeque<(Box<Granted>, Arc<Places>)>,
    entering: Option<Entering>,
    /// The one that has a place, before its first message.
    entered: Option<(Box<Granted>, Place)>,
    sending: Option<(Box<Transfer>, Place)>,
}

impl Transfers {
    /// Adds a transfer.
    pub(crate) fn push(&mut self, granted: Box<Granted>, places: &Arc<Places>) {
        self.queued.push_back((granted, Arc::clone(places)));
    }

    /// Whether another one may be added.
    pub(crate) fn has_room(&self) -> bool {
        self.queued.len() < MAX_QUEUED
    }

    /// The transfers that are not complete.
    pub(crate) fn len(&self) -> usize {
        self.queued.len() + usize::from(self.entered.is_some()) + usize::from(self.sending.is_some())
    }

    /// The longest wait for a client that takes a message: one that is sent a zone keeps its version in memory.
    pub(crate) fn patience(&self) -> Duration {
        if self.sending.is_some() { MAX_KEPT } else { Duration::MAX }
    }

    /// Waits until a message can be sent; `false` if a place was not to be had in time. It may be dropped and called
    /// again.
    pub(crate) async fn ready(&mut self) -> bool {
        if self.entered.is_some() || self.sending.is_some() {
            return true;
        }
        let Some((first, places)) = self.queued.front() else { return std::future::pending().await };
        let enter = || Box::pin(Arc::clone(places).enter(Arc::clone(first.peer()))) as Entering;
        let place = self.entering.get_or_insert_with(enter).as_mut().await;
        self.entering = None;
        let Some(place) = place else { return false };
        self.entered = self.queued.pop_front().map(|(granted, _)| (granted, place));
        self.entered.is_some()
    }

    /// Appends the next message of the transfer that is sent, signed at this time of day in seconds since 1970.
    pub(crate) fn message(
        &mut self,
        (zones, board): (&ZoneSet, &Board),
        (now, today): (Instant, u64),
        out: &mut Vec<u8>,
    ) -> Next {
        self.begin(zones);
        let Some((transfer, _)) = &mut self.sending else { return Next::Broken };
        let present = transfer.hosted(zones).and_then(|hosted| hosted.zone.as_ref());
        if transfer.is_outdated(present, now) {
            return Next::Broken;
        }
        let next = transfer.message(out, today);
        if next == Next::Done
            && let Some((transfer, _)) = self.sending.take()
        {
            let zone = transfer.zone();
            board.transferred(transfer.peer(), zone.apex(), (zone.serial(), transfer.is_whole()), today);
        }
        next
    }

    /// Begins the transfer that has a place, unless its zone is gone.
    fn begin(&mut self, zones: &ZoneSet) {
        if let Some((granted, place)) = self.entered.take()
            && let Some(Hosted { zone: Some(zone), history, .. }) = granted.hosted(zones)
        {
            self.sending = Some((Box::new(granted.begin(Arc::clone(zone), history)), place));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{Name, Query};
    use crate::transfer::Peer;
    use crate::zone::{OnMiss, Zone};

    fn zones(serial: u32) -> ZoneSet {
        let apex: Name = "z.test".parse().unwrap();
        let many = (0..5000).fold(String::new(), |text, host| text + &format!("h{host} A 10.0.0.1\n"));
        let text = format!("$TTL 10\n@ SOA ns h {serial} 2 3 4 5\n@ NS ns\nns A 10.9.9.9\n{many}");
        let zone = Zone::from_text(&apex, text.as_bytes()).0.map(Arc::new);
        ZoneSet::new([Hosted::new(apex, OnMiss::NxDomain, zone)])
    }

    fn asked() -> Granted {
        let message = b"\x12\x34\0\0\0\x01\0\0\0\0\0\0\x01z\x04test\0\0\xfc\0\x01";
        Granted::new(&Query::parse(message).unwrap(), None, &Peer::named("p"), &"z.test".parse().unwrap())
    }

    #[tokio::test]
    async fn a_transfer_of_a_version_that_was_replaced_a_minute_ago_is_cut_off_and_one_that_waits_keeps_none() {
        let (mut transfers, places, board) = (Transfers::default(), Places::new(1), Board::default());
        transfers.push(Box::new(asked()), &places);
        let (first, second, now) = (zones(1), zones(2), Instant::now());
        assert!(transfers.ready().await);
        let mut send = |zones: &ZoneSet, seconds: u64| {
            transfers.message((zones, &board), (now + Duration::from_secs(seconds), 0), &mut Vec::new())
        };
        assert_eq!(send(&second, 0), Next::More, "the version of now, not of when it was asked for");
        assert_eq!(send(&second, 600), Next::More, "which is still the present one");
        assert_eq!(send(&first, 600), Next::More, "it has just been replaced");
        assert_eq!(send(&first, 661), Next::Broken);
    }

    #[tokio::test]
    async fn a_zone_that_is_gone_when_the_place_is_there_is_not_sent() {
        let (mut transfers, places, board) = (Transfers::default(), Places::new(1), Board::default());
        transfers.push(Box::new(asked()), &places);
        assert!(transfers.ready().await);
        let none = ZoneSet::new([]);
        assert_eq!(transfers.message((&none, &board), (Instant::now(), 0), &mut Vec::new()), Next::Broken);
    }
}
