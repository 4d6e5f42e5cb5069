//! Places for transfers at one time: a few in all, fewer for one peer. A transfer keeps its version of the zone in
//! memory, so that slow readers of a zone that changes all the time are what these bound.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Transfers of one peer at one time: the zone that changed, and one that is slow.
const OF_ONE_PEER: usize = 2;

/// The longest wait for a place.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(30);

/// All places.
#[derive(Debug)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    /// By the peer's name; the config has a bounded number of them.
    peers: Mutex<HashMap<Arc<str>, Arc<Semaphore>>>,
}

/// A place, which is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _of_peer: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Places {
    /// This many places in all.
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { all: Arc::new(Semaphore::new(max)), peers: Mutex::default() })
    }

    /// Waits for a place of the peer; `None` if there was none in time.
    pub(crate) async fn enter(self: Arc<Self>, peer: Arc<str>) -> Option<Place> {
        let of_peer = {
            let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(peers.entry(peer).or_insert_with(|| Arc::new(Semaphore::new(OF_ONE_PEER))))
        };
        let both = async {
            // One that waits for its peer's place takes none of the others'.
            let of_peer = of_peer.acquire_owned().await.ok()?;
            let of_all = Arc::clone(&self.all).acquire_owned().await.ok()?;
            Some(Place { _of_peer: of_peer, _of_all: of_all })
        };
        tokio::time::timeout(MAX_WAIT, both).await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_peer_waits_for_its_own_transfers_first_and_not_for_ever() {
        let places = Places::new(3);
        let enter = |peer: &str| Arc::clone(&places).enter(peer.into());
        let first = enter("a").await.unwrap();
        let _second = enter("a").await.unwrap();
        assert!(enter("a").await.is_none(), "30 s later");
        let third = enter("b").await.unwrap();
        assert!(enter("c").await.is_none(), "all are taken");
        drop(first);
        assert!(enter("a").await.is_some());
        drop(third);
        let _fourth = enter("b").await.unwrap();
    }
}
