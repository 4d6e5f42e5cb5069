//! Permits for questions that wait for an upstream: a fixed number in all, and a fair share of them for each network.
//!
//! In: a client whose question has to wait. Out: a permit, held until it is dropped, or the reason why there is none.
//! Memory is fixed, and acquiring a permit takes no lock.
//!
//! A network gets one more permit only while it holds fewer than are free. A single network can therefore take half of
//! all; the more networks compete, the less each may hold, and a permit is always left for a network that holds none.
//! While permits are plentiful, no network is held back.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use tokio::sync::Notify;

use crate::forward::ClientNetwork;

/// Counters, each for the networks whose hash leads to it. Two networks with the same counter share one share; which
/// ones is a secret of the hash.
const SHARES: usize = 1 << 14;

/// The permits.
pub(crate) struct Pending {
    capacity: usize,
    taken: AtomicUsize,
    shares: Box<[AtomicUsize]>,
    hasher: RandomState,
    /// True once nobody waits for later permits.
    is_ending: AtomicBool,
    /// Permits that are taken and were acquired since.
    late: AtomicUsize,
    idle: Notify,
}

/// A permit; it is free again on drop.
pub(crate) struct Permit {
    pending: Arc<Pending>,
    share: usize,
    is_late: bool,
}

/// The reason why there is no permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// All are taken.
    All,
    /// The client's network holds its share.
    Share,
}

impl Pending {
    pub(crate) fn new(capacity: usize) -> Arc<Self> {
        let shares = std::iter::repeat_with(AtomicUsize::default).take(SHARES).collect();
        Arc::new(Self {
            capacity,
            taken: AtomicUsize::new(0),
            shares,
            hasher: RandomState::new(),
            is_ending: AtomicBool::new(false),
            late: AtomicUsize::new(0),
            idle: Notify::new(),
        })
    }

    /// A permit for a question of this client.
    pub(crate) fn acquire(self: &Arc<Self>, client: IpAddr) -> Result<Permit, Full> {
        let hash = self.hasher.hash_one(ClientNetwork::of(client));
        let share = usize::try_from(hash % SHARES as u64).unwrap_or_default();
        // The permit is counted before the check, so that more than `capacity` are never held.
        let free = self.capacity.saturating_sub(self.taken.fetch_add(1, Relaxed));
        let held = self.shares[share].fetch_add(1, Relaxed);
        let is_late = self.is_ending.load(Relaxed);
        if is_late {
            self.late.fetch_add(1, Relaxed);
        }
        let permit = Permit { pending: Arc::clone(self), share, is_late };
        match (free, held) {
            (0, _) => Err(Full::All),
            (free, held) if held >= free => Err(Full::Share),
            _ => Ok(permit),
        }
    }

    /// The number of permits that are taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Relaxed)
    }

    /// Waits until all that are taken now are free again. Under a steady load some are always taken, so those that are
    /// acquired from now on do not count.
    pub(crate) async fn until_these_are_free(&self) {
        self.is_ending.store(true, Relaxed);
        loop {
            let notified = self.idle.notified();
            if self.early() == 0 {
                return;
            }
            notified.await;
        }
    }

    /// Permits that were acquired before the end.
    fn early(&self) -> usize {
        self.taken().saturating_sub(self.late.load(Relaxed))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.pending.shares[self.share].fetch_sub(1, Relaxed);
        if self.is_late {
            self.pending.late.fetch_sub(1, Relaxed);
        }
        self.pending.taken.fetch_sub(1, Relaxed);
        if self.pending.is_ending.load(Relaxed) && self.pending.early() == 0 {
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

    /// As many permits as the network gets.
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
        assert_eq!(pending.taken(), 500, "a dropped permit is free again");
    }

    #[test]
    fn a_network_without_a_permit_gets_one_however_many_compete() {
        let pending = Pending::new(1000);
        let held: Vec<Vec<Permit>> = (0..200).map(|third| grab(&pending, third)).collect();
        // A collision in the table may cost a network its own share, but not all of them.
        let (served, newcomer) = (held.iter().filter(|held| !held.is_empty()).count(), pending.acquire(ip(201)));
        assert!(newcomer.is_ok() || pending.taken() == 1000, "{served} served, {} taken", pending.taken());
        assert!(held.iter().skip(1).all(|other| other.len() <= held[0].len()));
    }

    #[test]
    fn when_all_are_taken_no_permit_is_left() {
        let pending = Pending::new(3);
        let held: Vec<_> = (0..3).map(|third| pending.acquire(ip(third))).collect();
        assert!(held.iter().all(Result::is_ok));
        assert_eq!(pending.acquire(ip(9)).err(), Some(Full::All));
    }

    #[tokio::test]
    async fn the_end_waits_for_the_permits_that_were_taken_before_it_and_for_no_others() {
        let pending = Pending::new(10);
        let permit = pending.acquire(ip(1)).ok();
        let waiting = tokio::spawn({
            let pending = Arc::clone(&pending);
            async move { pending.until_these_are_free().await }
        });
        tokio::task::yield_now().await;
        let late = [1, 2].map(|third| pending.acquire(ip(third)).ok());
        assert!(late.iter().all(Option::is_some) && !waiting.is_finished());
        drop(permit);
        waiting.await.unwrap();
        pending.until_these_are_free().await;
        assert_eq!(pending.taken(), 2);
        drop(late);
        assert_eq!((pending.taken(), pending.early()), (0, 0));
    }
}
