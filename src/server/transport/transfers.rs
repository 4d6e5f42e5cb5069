//! The transfers of one connection: one is sent at a time, and others wait behind it.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use crate::transfer::board::Board;
use crate::transfer::{Next, Place, Places, Transfer};
use crate::zone::ZoneSet;

/// Transfers that one connection may ask for before the first of them is complete. Secondaries use one for all zones.
const MAX_QUEUED: usize = 64;

/// The wait for a place.
type Entering = Pin<Box<dyn Future<Output = Option<Place>> + Send>>;

/// The transfers of one connection.
#[derive(Default)]
pub(crate) struct Transfers {
    queued: VecDeque<(Box<Transfer>, Arc<Places>)>,
    entering: Option<Entering>,
    sending: Option<(Box<Transfer>, Place)>,
}

impl Transfers {
    /// Adds a transfer; `false` if there are too many.
    #[must_use]
    pub(crate) fn push(&mut self, transfer: Box<Transfer>, places: &Arc<Places>) -> bool {
        let has_room = self.queued.len() < MAX_QUEUED;
        if has_room {
            self.queued.push_back((transfer, Arc::clone(places)));
        }
        has_room
    }

    /// The transfers that are not complete.
    pub(crate) fn len(&self) -> usize {
        self.queued.len() + usize::from(self.sending.is_some())
    }

    /// Waits until a message can be sent; `false` if a place was not to be had in time. It may be dropped and called
    /// again.
    pub(crate) async fn ready(&mut self) -> bool {
        if self.sending.is_some() {
            return true;
        }
        let Some((first, places)) = self.queued.front() else { return std::future::pending().await };
        let enter = || Box::pin(Arc::clone(places).enter(Arc::clone(first.peer()))) as Entering;
        let place = self.entering.get_or_insert_with(enter).as_mut().await;
        self.entering = None;
        let Some(place) = place else { return false };
        self.sending = self.queued.pop_front().map(|(transfer, _)| (transfer, place));
        self.sending.is_some()
    }

    /// Appends the next message of the transfer that is sent, signed at this time of day in seconds since 1970.
    pub(crate) fn message(
        &mut self,
        (zones, board): (&ZoneSet, &Board),
        (now, today): (Instant, u64),
        out: &mut Vec<u8>,
    ) -> Next {
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
}
