//! The transfers of one connection: one is sent at a time, and others wait behind it.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::transfer::board::Board;
use crate::transfer::{Granted, MAX_KEPT, Next, Place, Places, Transfer};
use crate::zone::{Hosted, ZoneSet};

/// Transfers that one connection may ask for before the first of them is complete. Secondaries use one for all zones.
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
    /// Adds a transfer; `false` if there are too many.
    #[must_use]
    pub(crate) fn push(&mut self, granted: Box<Granted>, places: &Arc<Places>) -> bool {
        let has_room = self.queued.len() < MAX_QUEUED;
        if has_room {
            self.queued.push_back((granted, Arc::clone(places)));
        }
        has_room
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
        let present = zones.get(transfer.zone().apex()).and_then(|hosted| hosted.zone.as_ref());
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
            && let Some(Hosted { zone: Some(zone), history, .. }) = zones.get(granted.apex())
        {
            self.sending = Some((Box::new(granted.begin(Arc::clone(zone), history)), place));
        }
    }
}
