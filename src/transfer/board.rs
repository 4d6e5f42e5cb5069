//! What each peer has: the serial that it took last, what it was told by NOTIFY, and since when it lacks the serial in
//! service. For `status`, metrics and the log.
//!
//! In: complete transfers, and what became of NOTIFY. Out: the same by peer and zone. Never: a socket or a clock.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::notify::{Pair, Told};
use crate::dns::{Name, Serial};

/// The board. The config has a bounded number of peers and zones, and so have these tables.
#[derive(Debug, Default)]
pub(crate) struct Board {
    facts: Mutex<Facts>,
}

#[derive(Debug, Default)]
struct Facts {
    known: BTreeMap<(Arc<str>, Name), Known>,
    /// Complete transfers that nobody has logged yet.
    news: BTreeMap<(Arc<str>, Name), News>,
}

/// What is known of a peer and a zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// The version that the peer had last; `None` if this process has not seen that.
    pub(crate) taken: Option<Taken>,
    /// Since when the peer lacks what is in service, or when it last took another version, if that is later: seconds
    /// since 1970. A peer that goes on taking versions of a zone that changes all the time is not stuck. `None` if it
    /// lacks nothing, as far as is known.
    pub(crate) behind_since: Option<u64>,
    /// When it last asked for the zone in a way in which others can read it, and so did not get it; `None` once it has
    /// had it since.
    pub(crate) refused_at: Option<u64>,
    /// The version in service.
    present: Option<Serial>,
    /// Complete transfers since the start.
    pub(crate) transfers: u64,
    /// Which serial each of its addresses was told, and what came of it.
    pub(crate) told: Vec<(SocketAddr, Serial, Told)>,
}

/// The last version of a zone that a peer took, or had when it asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) serial: Serial,
    /// Seconds since 1970.
    pub(crate) at: u64,
}

/// Complete transfers of a zone to a peer since the last look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct News {
    /// The serial of the last one.
    pub(crate) serial: Serial,
    /// Whether the last one was the whole zone; else its changes.
    pub(crate) is_whole: bool,
    pub(crate) transfers: u64,
}

impl Board {
    /// A peer took a zone, whole or its changes.
    pub(crate) fn transferred(&self, peer: &Arc<str>, zone: &Name, (serial, is_whole): (Serial, bool), at: u64) {
        let key = (Arc::clone(peer), zone.clone());
        let mut facts = self.facts();
        let known = facts.known.entry(key.clone()).or_default();
        known.took(Taken { serial, at });
        known.transfers += 1;
        let transfers = facts.news.get(&key).map_or(0, |news| news.transfers);
        facts.news.insert(key, News { serial, is_whole, transfers: transfers + 1 });
    }

    /// A peer asked what changed, and had the version in service.
    pub(crate) fn up_to_date(&self, peer: &Arc<str>, zone: &Name, serial: Serial, at: u64) {
        self.facts().known.entry((Arc::clone(peer), zone.clone())).or_default().took(Taken { serial, at });
    }

    /// A peer that gets the zone over TLS alone asked for it otherwise.
    pub(crate) fn needs_tls(&self, peer: &Arc<str>, zone: &Name, at: u64) {
        self.facts().known.entry((Arc::clone(peer), zone.clone())).or_default().was_refused(at);
    }

    /// What the peers were told, at this time in seconds since 1970: every pair that there is.
    pub(crate) fn told<'a>(&self, states: impl Iterator<Item = (&'a Pair, Serial, Told)>, now: u64) {
        let mut pairs = BTreeMap::<(Arc<str>, Name), Vec<(SocketAddr, Serial, Told)>>::new();
        for (pair, serial, told) in states {
            let key = (Arc::clone(&pair.peer), pair.zone.clone());
            pairs.entry(key).or_default().push((pair.address, serial, told));
        }
        let known = &mut self.facts().known;
        known.retain(|key, _| pairs.contains_key(key));
        for (key, told) in pairs {
            known.entry(key).or_default().were_told(told, now);
        }
    }

    /// What is known of a peer and a zone.
    pub(crate) fn known_of(&self, peer: &Arc<str>, zone: &Name) -> Known {
        self.facts().known.get(&(Arc::clone(peer), zone.clone())).cloned().unwrap_or_default()
    }

    /// The complete transfers since the last call.
    pub(crate) fn take_news(&self) -> BTreeMap<(Arc<str>, Name), News> {
        std::mem::take(&mut self.facts().news)
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// The peer has this version.
    fn took(&mut self, taken: Taken) {
        self.taken = Some(taken);
        self.refused_at = None;
        let has = self.present.is_none_or(|present| present == taken.serial);
        self.behind_since = (!has).then(|| self.behind_since.map_or(taken.at, |since| since.max(taken.at)));
    }

    /// The peer asked for it, and was refused: it lacks the version in service, unless it is known to have it.
    fn was_refused(&mut self, at: u64) {
        self.refused_at = Some(at);
        if self.taken.is_none_or(|taken| self.present != Some(taken.serial)) {
            self.behind_since.get_or_insert(at);
        }
    }

    /// Its addresses were told of the version in service. A peer that has taken none since the start and acknowledges
    /// NOTIFY has compared serials and has it; one that is known to have another does not have it before it takes it.
    fn were_told(&mut self, told: Vec<(SocketAddr, Serial, Told)>, now: u64) {
        self.told = told;
        let Some((_, serial, _)) = self.told.first() else { return };
        self.present = Some(*serial);
        let acknowledged = self.told.iter().any(|(.., told)| *told == Told::Acknowledged) && self.refused_at.is_none();
        let has = self.taken.map_or(acknowledged, |taken| taken.serial == *serial);
        self.behind_since = (!has).then(|| self.behind_since.unwrap_or(now));
    }
}

#[cfg(test)]
mod tests;
