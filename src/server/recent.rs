//! The last questions in vain: names that a hosted zone lacks, refusals and failures, by name, type, client network and
//! view.
//!
//! In: such questions, with the time. Out: a bounded list for people. Never: a wait in a worker, or work that grows
//! with their number: what is beyond a budget is counted and not recorded. Each kind has its own places, and no
//! network has more than a share of them, so a flood of one kind or from one network leaves the others' entries alone.

use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::dns::{Name, Rtype};
use crate::forward::ClientNetwork;
use crate::zone::ViewName;

/// The time after which an entry is forgotten.
pub const RECENT_AGE: Duration = Duration::from_hours(24);

/// Entries of all kinds together.
pub const RECENT_ENTRIES: usize = 256;

/// Questions of one kind that are recorded in a window of 100 ms, and those of one network among them.
const BUDGET: usize = 32;
const SHARE: usize = 8;

/// Why somebody asked in vain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecentKind {
    /// A hosted zone lacks the name.
    #[default]
    Miss,
    /// `[access]` or `[limits]` refused the client.
    Refusal,
    /// The answer was SERVFAIL.
    Failure,
}

impl RecentKind {
    /// All kinds, by their index.
    pub const ALL: [Self; 3] = [Self::Miss, Self::Refusal, Self::Failure];

    fn places(self) -> usize {
        match self {
            Self::Miss => RECENT_ENTRIES / 2,
            Self::Refusal | Self::Failure => RECENT_ENTRIES / 4,
        }
    }
}

/// Questions for one name and type, from one client network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecentEntry {
    /// Why they were in vain.
    pub kind: RecentKind,
    /// The name in lower case, in presentation format without the final dot; of a miss, the name that the zone lacks.
    pub name: String,
    /// The type, as its mnemonic.
    pub rtype: String,
    /// The /24 or /56 that asked.
    pub network: String,
    /// Its view; none for the base.
    pub view: Option<ViewName>,
    /// How many were recorded; under load more were asked.
    pub count: u64,
    /// The time of the first, seconds since 1970.
    pub first: u64,
    /// The time of the last, seconds since 1970.
    pub last: u64,
}

/// What identifies an entry among those of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Vain {
    pub(crate) name: Name,
    pub(crate) rtype: Rtype,
    pub(crate) network: ClientNetwork,
    pub(crate) view: Option<ViewName>,
}

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// It has an entry.
    Yes,
    /// It was only counted: somebody else is recording, or nothing is recorded.
    Busy,
    /// It was only counted: too many were recorded in this window.
    Spent,
    /// It was only counted: its network has had its share of this window.
    OverShare,
}

/// The entries of all kinds.
pub struct Recent {
    enabled: AtomicBool,
    start: Instant,
    kinds: [Kind; RecentKind::ALL.len()],
    unrecorded: AtomicU64,
}

/// The entries of one kind.
#[derive(Default)]
struct Kind {
    /// The window whose budget is spent, counted from 1.
    spent: AtomicU64,
    /// A window and a network that has had its share of it.
    over_share: AtomicU64,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    all: Vec<Entry>,
    window: u64,
    /// The networks of what was recorded in the window.
    recorded: Vec<ClientNetwork>,
}

struct Entry {
    vain: Vain,
    count: u64,
    first: Instant,
    last: Instant,
}

impl Recent {
    pub(crate) fn new(start: Instant) -> Self {
        Self { enabled: AtomicBool::new(true), start, kinds: Default::default(), unrecorded: AtomicU64::new(0) }
    }

    /// Turns recording on or off; off, what was recorded is dropped.
    pub(crate) fn enable(&self, enabled: bool) {
        self.enabled.store(enabled, Relaxed);
        if !enabled {
            for kind in &self.kinds {
                kind.lock().all = Vec::new();
            }
        }
    }

    /// Whether questions are recorded.
    pub fn is_enabled(&self) -> bool {
        self.enabled.load(Relaxed)
    }

    /// Questions that were counted and not recorded.
    pub fn unrecorded(&self) -> u64 {
        self.unrecorded.load(Relaxed)
    }

    /// Counts questions that are not recorded.
    pub(crate) fn leave_out(&self, questions: u64) {
        self.unrecorded.fetch_add(questions, Relaxed);
    }

    /// Whether one more question of a kind from this network may be recorded now, as far as can be told without a lock:
    /// in a flood this is all the work.
    pub(crate) fn has_budget(&self, kind: RecentKind, network: ClientNetwork, now: Instant) -> bool {
        let (Kind { spent, over_share, .. }, window) = (&self.kinds[kind as usize], self.window(now));
        spent.load(Relaxed) != window && over_share.load(Relaxed) != mark(network, window)
    }

    /// Records a question; it never waits.
    pub(crate) fn record(&self, kind: RecentKind, vain: Vain, now: Instant) -> Recorded {
        let Kind { spent, over_share, entries } = &self.kinds[kind as usize];
        let (window, network) = (self.window(now), vain.network);
        let recorded = match entries.try_lock() {
            Ok(_) if !self.is_enabled() => return Recorded::Busy,
            Ok(mut entries) => entries.record(kind.places(), window, vain, now),
            Err(_) => Recorded::Busy,
        };
        match recorded {
            Recorded::Spent => spent.store(window, Relaxed),
            Recorded::OverShare => over_share.store(mark(network, window), Relaxed),
            Recorded::Yes | Recorded::Busy => {}
        }
        if recorded != Recorded::Yes {
            self.leave_out(1);
        }
        recorded
    }

    /// The entries of the last [`RECENT_AGE`], the last one first. `now` is on both clocks.
    pub fn entries(&self, now: (Instant, SystemTime)) -> Vec<RecentEntry> {
        let mut shown = Vec::new();
        for kind in RecentKind::ALL {
            let entries = self.kinds[kind as usize].lock();
            shown.extend(entries.all.iter().filter(|entry| entry.is_recent(now.0)).map(|entry| entry.shown(kind, now)));
        }
        shown.sort_by(|one, other| (other.last, &one.name).cmp(&(one.last, &other.name)));
        shown
    }

    /// The number of the window, from 1.
    fn window(&self, now: Instant) -> u64 {
        let age = now.saturating_duration_since(self.start);
        age.as_secs() * 10 + u64::from(age.subsec_millis() / 100) + 1
    }
}

/// One number for a network in a window; two that share it by chance only share what is left unrecorded.
fn mark(network: ClientNetwork, window: u64) -> u64 {
    network.bits().wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ window
}

impl Kind {
    fn lock(&self) -> std::sync::MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn record(&mut self, places: usize, window: u64, vain: Vain, now: Instant) -> Recorded {
        if self.window != window {
            self.window = window;
            self.recorded.clear();
        }
        if self.recorded.len() >= BUDGET {
            return Recorded::Spent;
        }
        if self.recorded.iter().filter(|network| **network == vain.network).count() >= SHARE {
            return Recorded::OverShare;
        }
        self.recorded.push(vain.network);
        if let Some(own) = self.all.iter_mut().find(|entry| entry.vain == vain) {
            own.count = if own.is_recent(now) { own.count + 1 } else { 1 };
            own.first = if own.count == 1 { now } else { own.first };
            own.last = own.last.max(now);
            return Recorded::Yes;
        }
        let network = vain.network;
        let entry = Entry { vain, count: 1, first: now, last: now };
        match self.replaced(places, network) {
            Some(at) => self.all[at] = entry,
            None => self.all.push(entry),
        }
        Recorded::Yes
    }

    /// The entry that makes room: the network's own oldest if it has a quarter of all places, else the oldest of all
    /// if no place is free.
    fn replaced(&self, places: usize, network: ClientNetwork) -> Option<usize> {
        let of_network = || self.all.iter().enumerate().filter(|(_, entry)| entry.vain.network == network);
        let oldest = |(at, entry): (usize, &Entry)| (entry.last, at);
        if of_network().count() >= places / 4 {
            of_network().map(oldest).min().map(|(_, at)| at)
        } else if self.all.len() >= places {
            self.all.iter().enumerate().map(oldest).min().map(|(_, at)| at)
        } else {
            None
        }
    }
}

impl Entry {
    fn is_recent(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) < RECENT_AGE
    }

    fn shown(&self, kind: RecentKind, now: (Instant, SystemTime)) -> RecentEntry {
        let seconds = |at: Instant| {
            let then = now.1.checked_sub(now.0.saturating_duration_since(at)).unwrap_or(UNIX_EPOCH);
            then.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
        };
        let Vain { name, rtype, network, view } = &self.vain;
        RecentEntry {
            kind,
            name: name.without_dot(),
            rtype: rtype.to_string(),
            network: network.to_string(),
            view: view.clone(),
            count: self.count,
            first: seconds(self.first),
            last: seconds(self.last),
        }
    }
}

#[cfg(test)]
mod tests;
