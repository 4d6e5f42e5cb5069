//! The data that decides an answer, in one value that the daemon swaps; and the state that the listeners share around
//! it.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Instant, SystemTime};

use arc_swap::{ArcSwap, ArcSwapOption};

use super::admission::access::Access;
use super::admission::cookies::Cookies;
use super::admission::pending::Pending;
use super::admission::rates::Limits;
use super::counters::Counters;
use super::misses::Misses;
use super::observer::Observer;
use super::settings::Settings;
use super::views::{ViewIndex, Views};
use crate::forward::resolver::Resolver;
use crate::tls::Credentials;
use crate::transfer::Transfers;
use crate::zone::ZoneSet;

/// Questions that may wait for upstreams at one time, over all clients: far more than dnsmasq and BIND allow, and still
/// only some tens of megabytes.
const MAX_PENDING: usize = 32_768;

/// The data that decides an answer. A query takes one snapshot and uses it to its end.
pub struct Snapshot {
    decides: Decides,
    /// The zones as each view has them, by [`ViewIndex`]: the base first.
    seen: Box<[Arc<ZoneSet>]>,
}

impl Deref for Snapshot {
    type Target = Decides;

    fn deref(&self) -> &Decides {
        &self.decides
    }
}

/// The parts of a [`Snapshot`].
#[derive(Clone)]
pub struct Decides {
    /// The zones.
    pub zones: Arc<ZoneSet>,
    /// Which client gets which view of them.
    pub views: Arc<Views>,
    /// The clients that may ask.
    pub access: Access,
    /// Cache and upstreams.
    pub resolver: Arc<Resolver>,
    /// The settings for how clients are treated.
    pub settings: Arc<Settings>,
    /// The cookies that are good now.
    pub cookies: Cookies,
    /// The peers that may have zones, and the places for them.
    pub transfers: Arc<Transfers>,
}

/// The zones and the resolver that answer one client.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) zones: &'a Arc<ZoneSet>,
    pub(crate) resolver: &'a Arc<Resolver>,
}

impl Snapshot {
    /// A snapshot of these parts. A view whose zones have not been read yet has none of them in a good copy.
    pub fn new(decides: Decides) -> Self {
        let zones = &decides.zones;
        let unread = || Arc::new(zones.without_copies());
        let of_views = decides.views.settings().iter();
        let seen = of_views.map(|view| zones.view(&view.name).map_or_else(unread, Arc::clone));
        let seen = std::iter::once(Arc::clone(zones)).chain(seen).collect();
        Self { decides, seen }
    }

    /// The zones and the resolver of this view.
    pub(crate) fn view(&self, view: ViewIndex) -> View<'_> {
        View { zones: self.seen.get(view.get()).unwrap_or(&self.zones), resolver: &self.resolver }
    }

    /// The zones as the clients of this view see them.
    pub fn seen(&self, view: ViewIndex) -> &Arc<ZoneSet> {
        self.view(view).zones
    }

    /// The same snapshot with other zones, at this time.
    #[must_use]
    pub fn with_zones(&self, zones: Arc<ZoneSet>, now: (Instant, SystemTime)) -> Self {
        Self::new(Decides { zones, cookies: self.cookies.at(now), ..self.decides.clone() })
    }
}

/// The state that all queries share.
pub struct Shared {
    /// The present snapshot.
    pub snapshot: ArcSwap<Snapshot>,
    /// The certificates and keys of the listeners that encrypt; `None` while none can be used.
    pub(crate) credentials: ArcSwapOption<Credentials>,
    /// Counters since the start.
    pub counters: Counters,
    /// Names that our zones do not have, and the signal for an early sync.
    pub misses: Misses,
    /// The query log and the last questions in vain.
    pub observer: Observer,
    /// Permits of questions that wait for upstreams.
    pub(crate) pending: Arc<Pending>,
    /// The rates that each client network has used up.
    pub(crate) limits: Limits,
    /// TCP connections that are open now.
    pub(crate) open_connections: Arc<AtomicUsize>,
    /// The time of day, which only a signed query needs (RFC 8945 section 5.2.3).
    pub(crate) clock: fn() -> SystemTime,
}

impl Shared {
    /// A server's state around its first snapshot.
    pub fn new(snapshot: Snapshot) -> Arc<Self> {
        let observer = Observer::new(snapshot.settings.observer, Instant::now());
        Arc::new(Self {
            observer,
            snapshot: ArcSwap::from_pointee(snapshot),
            credentials: ArcSwapOption::empty(),
            counters: Counters::default(),
            misses: Misses::default(),
            pending: Pending::new(MAX_PENDING),
            limits: Limits::new(Instant::now()),
            open_connections: Arc::default(),
            clock: SystemTime::now,
        })
    }

    /// TCP connections that are open now.
    pub fn connections(&self) -> usize {
        self.open_connections.load(Relaxed)
    }

    /// Questions that wait for upstreams now.
    pub fn waiting(&self) -> usize {
        self.pending.taken()
    }
}
