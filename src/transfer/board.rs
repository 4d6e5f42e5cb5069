//! What each peer has: the serial that it took last, and what it was told by NOTIFY. For `status` and metrics.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::notify::{Pair, Told};
use crate::dns::{Name, Serial};

/// The board. The config has a bounded number of peers and zones, and so have these tables.
#[derive(Debug, Default)]
pub(crate) struct Board {
    taken: Mutex<BTreeMap<(Arc<str>, Name), Taken>>,
    told: Mutex<Vec<(Pair, Serial, Told)>>,
}

/// The last version of a zone that a peer took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) serial: Serial,
    /// Seconds since 1970.
    pub(crate) at: u64,
    /// Complete transfers since the start.
    pub(crate) transfers: u64,
}

impl Board {
    /// A peer took a zone, whole or its changes.
    pub(crate) fn transferred(&self, peer: &Arc<str>, zone: &Name, serial: Serial, at: u64) {
        self.note(peer, zone, serial, at, 1);
    }

    /// A peer asked what changed, and had the version in service.
    pub(crate) fn up_to_date(&self, peer: &Arc<str>, zone: &Name, serial: Serial, at: u64) {
        self.note(peer, zone, serial, at, 0);
    }

    fn note(&self, peer: &Arc<str>, zone: &Name, serial: Serial, at: u64, transfers: u64) {
        let mut taken = lock(&self.taken);
        let before = taken.get(&(Arc::clone(peer), zone.clone())).map_or(0, |taken| taken.transfers);
        taken.insert((Arc::clone(peer), zone.clone()), Taken { serial, at, transfers: before + transfers });
    }

    /// What the peers were told.
    pub(crate) fn told(&self, states: Vec<(Pair, Serial, Told)>) {
        *lock(&self.told) = states;
    }

    /// What a peer took of a zone.
    pub(crate) fn taken_by(&self, peer: &Arc<str>, zone: &Name) -> Option<Taken> {
        lock(&self.taken).get(&(Arc::clone(peer), zone.clone())).copied()
    }

    /// What a peer was told about a zone, by address.
    pub(crate) fn told_to(&self, peer: &str, zone: &Name) -> Vec<(Pair, Serial, Told)> {
        let is_it = |(pair, _, _): &&(Pair, Serial, Told)| *pair.peer == *peer && pair.zone == *zone;
        lock(&self.told).iter().filter(is_it).cloned().collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
