//! Floor 3: the query road, from a datagram or stream to the bytes of an answer.
//!
//! ```text
//!   udp / tcp -> admission: drop | REFUSED | pass -> road: zones, cache, upstreams -> response -> udp / tcp
//! ```
//! In: sockets and a [`Snapshot`] that the daemon swaps. Out: answers and counters. It never changes a zone and
//! never reads a file.

pub mod admission;
mod counters;
mod datagrams;
mod hot;
mod lates;
pub mod listen;
mod misses;
mod response;
mod road;
pub mod roads;
mod tcp;
mod udp;
mod wire;

use std::sync::{Arc, Mutex};
use std::time::Instant;

use arc_swap::ArcSwap;

pub use counters::Counters;
pub use listen::{BindError, Listeners, Running};
pub use misses::Misses;
pub use road::{Answered, query};

use crate::forward::resolver::Resolver;
use crate::zone::ZoneSet;
use wire::Wires;

/// All that decides an answer. A query takes one and uses it to its end.
pub struct Snapshot {
    /// The zones.
    pub zones: Arc<ZoneSet>,
    /// Who may ask.
    pub access: admission::Access,
    /// Cache and upstreams.
    pub resolver: Arc<Resolver>,
}

/// What the listeners share.
pub struct Shared {
    /// The present snapshot.
    pub snapshot: ArcSwap<Snapshot>,
    /// What happened so far.
    pub counters: Counters,
    /// Names that our zones lack, and the wish for an early sync.
    pub misses: Misses,
    /// Questions that may wait for upstreams at one time, over all clients.
    pub pending: Arc<tokio::sync::Semaphore>,
    /// The wire cache of all TCP connections; who finds it in use does without.
    stream_wires: Mutex<Wires>,
}

impl Shared {
    /// A server's state around its first snapshot.
    pub fn new(snapshot: Snapshot) -> Arc<Self> {
        Arc::new(Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            counters: Counters::default(),
            misses: Misses::default(),
            pending: Arc::new(tokio::sync::Semaphore::new(MAX_PENDING)),
            stream_wires: Mutex::new(Wires::new(Instant::now())),
        })
    }

    /// Questions that wait for upstreams now.
    pub fn waiting(&self) -> usize {
        MAX_PENDING.saturating_sub(self.pending.available_permits())
    }
}

/// Twice what dnsmasq and BIND allow by far, and still only some tens of megabytes.
const MAX_PENDING: usize = 20_000;
