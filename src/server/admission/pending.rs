//! Places for questions that wait for an upstream: so many in all, and to each network a fair share of them.
//!
//! In: a client that wants a place. Out: a permit, until it is dropped, or why there is none. Memory is fixed; no lock on
//! the way in.
//!
//! A network gets one more place only while it holds fewer than are free. A single one can so take half of all; the more
//! networks press, the less each may hold, and something is always left for one that holds nothing yet. Nobody is cut
//! short while there is plenty.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::sync::Notify;

use crate::forward::ClientNetwork;

/// Counts, each for the networks whose hash leads there. Two that meet share one share; where is a secret of the hash.
const SHARES: usize = 1 << 14;

/// The places.
pub(crate) struct Pending {
    most: usize,
    taken: AtomicUsize,
    shares: Box<[AtomicUsize]>,
    hasher: RandomState,
    idle: Notify,
}

/// A place; dropping it gives it back.
pub(crate) struct Permit {
    pending: Arc<Pending>,
    share: usize,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// All are taken.
    All,
    /// The client's network has its share.
    Share,
}

impl Pending {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        let shares = std::iter::repeat_with(AtomicUsize::default).take(SHARES).collect();
        Arc::new(Self { most, taken: AtomicUsize::new(0), shares, hasher: RandomState::new(), idle: Notify::new() })
    }

    /// A place for a question of this client.
    pub(crate) fn acquire(self: &Arc<Self>, client: IpAddr) -> Result<Permit, Full> {
        let hash = self.hasher.hash_one(ClientNetwork::of(client));
        let share = usize::try_from(hash % SHARES as u64).unwrap_or_default();
        // What is taken is counted before it is looked at, so that it is never more than there is.
        let free = self.most.saturating_sub(self.taken.fetch_add(1, Relaxed));
        let held = self.shares[share].fetch_add(1, Relaxed);
        let permit = Permit { pending: Arc::clone(self), share };
        match (free, held) {
            (0, _) => Err(Full::All),
            (free, held) if held >= free => Err(Full::Share),
            _ => Ok(permit),
        }
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Relaxed)
    }

    /// Waits until none is taken.
    pub(crate) async fn idle(&self) {
        loop {
            let notified = self.idle.notified();
            if self.taken() == 0 {
                return;
            }
            notified.await;
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.pending.shares[self.share].fetch_sub(1, Relaxed);
        if self.pending.taken.fetch_sub(1, Relaxed) == 1 {
            self.pending.idle.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(third: u8) -> IpAddr {
        IpAddr::from([10, 0, third, 1])
    }

    /// As many places as the network gets.
    fn grab(pending: &Arc<Pending>, third: u8) -> Vec<Permit> {
        std::iter::from_fn(|| pending.acquire(ip(third)).ok()).collect()
    }

    #[test]
    fn one_network_gets_half_and_the_next_half_of_what_is_left() {
        let pending = Pending::new(1000);
        let first = grab(&pending, 1);
        assert_eq!(first.len(), 500);
        assert_eq!(pending.acquire(ip(1)).err(), Some(Full::Share));
        assert_eq!(grab(&pending, 2).len(), 250);
        assert_eq!(pending.taken(), 500, "what was dropped is free again");
    }

    #[test]
    fn who_holds_nothing_gets_a_place_however_many_press() {
        let pending = Pending::new(1000);
        let held: Vec<Vec<Permit>> = (0..200).map(|third| grab(&pending, third)).collect();
        // A collision in the table may cost a network its own share, but not all of them.
        let (served, newcomer) = (held.iter().filter(|held| !held.is_empty()).count(), pending.acquire(ip(201)));
        assert!(newcomer.is_ok() || pending.taken() == 1000, "{served} served, {} taken", pending.taken());
        assert!(held.iter().skip(1).all(|other| other.len() <= held[0].len()));
    }

    #[test]
    fn when_all_are_taken_there_is_none() {
        let pending = Pending::new(3);
        let held: Vec<_> = (0..3).map(|third| pending.acquire(ip(third))).collect();
        assert!(held.iter().all(Result::is_ok));
        assert_eq!(pending.acquire(ip(9)).err(), Some(Full::All));
    }

    #[tokio::test]
    async fn idle_comes_when_the_last_place_is_free() {
        let pending = Pending::new(10);
        pending.idle().await;
        let permit = pending.acquire(ip(1)).ok();
        let waiting = tokio::spawn({
            let pending = Arc::clone(&pending);
            async move { pending.idle().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(permit);
        waiting.await.unwrap();
    }
}
