//! Floor 3: the query road, from a datagram or stream to the bytes of an answer.
//!
//! ```text
//!   udp / tcp -> admission: drop | REFUSED | pass -> road: zones, cache, upstreams -> response -> udp / tcp
//! ```
//! In: sockets and a [`Snapshot`] that the daemon swaps. Out: answers and counters. It never changes a zone and
//! never reads a file.

pub mod admission;
mod counters;
pub mod fast;
mod misses;
mod query;
mod settings;
pub mod transport;

use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

use arc_swap::ArcSwap;

pub use counters::Counters;
pub use misses::Misses;
pub use query::{Answered, query};
pub use settings::{MAX_NSID, Settings, TcpSettings};
pub use transport::listen::{BindError, Listeners, Running};

use crate::forward::resolver::Resolver;
use crate::zone::ZoneSet;
use admission::access::Access;
use admission::cookies::Cookies;
use admission::pending::Pending;
use admission::rates::Limits;
use fast::answer_cache::AnswerCache;
use transport::connections::Connections;

/// All that decides an answer. A query takes one and uses it to its end.
pub struct Snapshot {
    /// The zones.
    pub zones: Arc<ZoneSet>,
    /// Who may ask.
    pub access: Access,
    /// Cache and upstreams.
    pub resolver: Arc<Resolver>,
    /// What the config says of the server's manners.
    pub settings: Arc<Settings>,
    /// The cookies that are good now.
    pub cookies: Cookies,
}

impl Snapshot {
    /// The same with other zones, at this time.
    #[must_use]
    pub fn with_zones(&self, zones: Arc<ZoneSet>, now: (Instant, SystemTime)) -> Self {
        Self {
            zones,
            access: self.access.clone(),
            resolver: Arc::clone(&self.resolver),
            settings: Arc::clone(&self.settings),
            cookies: self.cookies.at(now),
        }
    }
}

/// What the listeners share.
pub struct Shared {
    /// The present snapshot.
    pub snapshot: ArcSwap<Snapshot>,
    /// What happened so far.
    pub counters: Counters,
    /// Names that our zones lack, and the wish for an early sync.
    pub misses: Misses,
    /// Questions that wait for upstreams.
    pending: Arc<Pending>,
    /// What each network had lately.
    limits: Limits,
    /// The wire cache of all TCP connections; who finds it in use does without.
    stream_answers: Mutex<AnswerCache>,
    /// The open TCP connections of all listeners.
    connections: Arc<Connections>,
}

impl Shared {
    /// A server's state around its first snapshot.
    pub fn new(snapshot: Snapshot) -> Arc<Self> {
        Arc::new(Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            counters: Counters::default(),
            misses: Misses::default(),
            pending: Pending::new(MAX_PENDING),
            limits: Limits::new(Instant::now()),
            stream_answers: Mutex::new(AnswerCache::new(Instant::now())),
            connections: Connections::new(Instant::now()),
        })
    }

    /// TCP connections that are open now.
    pub fn connections(&self) -> usize {
        self.connections.open()
    }

    /// Questions that wait for upstreams now.
    pub fn waiting(&self) -> usize {
        self.pending.taken()
    }
}

/// Questions that may wait at one time, over all clients: twice what dnsmasq and BIND allow by far, and still only some tens of megabytes.
const MAX_PENDING: usize = 20_000;
