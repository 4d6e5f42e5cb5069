//! The fast path and the full path side by side, without a socket: for properties, fuzzing and benches.
//!
//! In: messages and the time. Out: the answer of each path, by the [`Answerer`] that serves clients.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::admission::access::Access;
use super::admission::cookies::Cookies;
use super::answerer::{Answerer, Handled};
use super::context::{Listener, Transport};
use super::counters::ShardWriter;
use super::fast::AnswerCache;
use super::settings::Settings;
use super::snapshot::{Decides, Shared, Snapshot};
use super::views::{ViewSettings, Views};
use crate::dns::Name;
use crate::forward::cache::{self, Cache, RouteId};
use crate::forward::resolver::public::PublicNames;
use crate::forward::resolver::{self, Resolver, Route};
use crate::forward::{NoUpstream, Upstreams};
use crate::transfer::{self, Next, Transfers};
use crate::zone::history::History;
use crate::zone::{Hosted, OnMiss, Zone, ZoneSet};

/// A snapshot of a server without upstreams: these zones, an empty cache, and one route, of id 1.
pub fn offline(zones: ZoneSet, access: Access, settings: Settings, now: (Instant, SystemTime)) -> Snapshot {
    let route = Route { id: RouteId(1), suffix: Name::root(), group: Arc::new(NoUpstream) };
    let cache = Arc::new(Cache::new(cache::Settings::default()));
    let resolving = resolver::Settings {
        public_names: PublicNames::OnFailure,
        special: Arc::default(),
        timeout: Duration::from_secs(5),
    };
    let resolver = Resolver::new(vec![Arc::new(route)], cache, Arc::new(Upstreams::none()), resolving);
    let cookies = Cookies::new(&settings.cookies, [7; 16], now);
    let (zones, resolver, settings) = (Arc::new(zones), Arc::new(resolver), Arc::new(settings));
    let transfers = Transfers::new(transfer::Settings::default());
    Snapshot::new(Decides { zones, views: Arc::default(), access, resolver, settings, cookies, transfers })
}

/// The same snapshot with other zones, and these views of them.
pub fn with_views(snapshot: &Snapshot, zones: ZoneSet, views: Vec<ViewSettings>) -> Snapshot {
    let (zones, views) = (Arc::new(zones), Arc::new(Views::new(views)));
    Snapshot::new(Decides { zones, views, ..(**snapshot).clone() })
}

/// A zone in the last of these versions, with the differences between them.
pub fn with_history(apex: Name, on_miss: OnMiss, versions: &[Arc<Zone>]) -> Hosted {
    let history =
        versions.windows(2).fold(History::default(), |history, pair| history.with(&pair[0], &pair[1], usize::MAX));
    Hosted { history: Arc::new(history), ..Hosted::new(apex, on_miss, versions.last().cloned()) }
}

/// One worker's memory, and the state that it shares.
pub struct BothPaths {
    shared: Arc<Shared>,
    answers: AnswerCache,
    counts: ShardWriter,
}

/// A message and its context.
#[derive(Clone, Copy)]
pub struct Incoming<'a> {
    /// The message.
    pub message: &'a [u8],
    /// The client's address.
    pub client: SocketAddr,
    /// The address that it arrived at.
    pub local: SocketAddr,
    /// The transport that it arrived by.
    pub transport: Transport,
}

impl Incoming<'_> {
    fn listener(&self) -> Listener {
        Listener { transport: self.transport, address: self.local, is_xot: false }
    }
}

impl BothPaths {
    /// A worker that starts now.
    pub fn new(shared: Arc<Shared>, now: Instant) -> Self {
        let counts = shared.counters.writer();
        Self { shared, answers: AnswerCache::new(now), counts }
    }

    fn answerer<T>(
        &mut self,
        incoming: &Incoming<'_>,
        now: Instant,
        work: impl FnOnce(&mut Answerer<'_>, SocketAddr) -> T,
    ) -> T {
        let snapshot = self.shared.snapshot.load();
        let listener = incoming.listener();
        let (answers, counts) = (Some(&mut self.answers), &mut self.counts);
        let mut answerer = Answerer::new(&self.shared, &snapshot, answers, counts, listener, now);
        let done = work(&mut answerer, incoming.client);
        answerer.finish(now);
        done
    }

    /// Appends the answer that a client gets from memory to `out`; `false`, and `out` as it was, if there is none.
    pub fn answer(&mut self, incoming: Incoming<'_>, now: Instant, out: &mut Vec<u8>) -> bool {
        self.answerer(&incoming, now, |answerer, client| {
            matches!(answerer.answer(incoming.message, client, out), Handled::Answered)
        })
    }

    /// Appends the fast path's answer to `out`; `false`, and `out` as it was, if it leaves the message alone.
    pub fn fast(&mut self, incoming: Incoming<'_>, now: Instant, out: &mut Vec<u8>) -> bool {
        self.answerer(&incoming, now, |answerer, client| answerer.fast(incoming.message, client, out).is_some())
    }

    /// The full path's answer, as far as memory suffices; the answer cache stores it if it is cacheable.
    pub fn full(&mut self, incoming: Incoming<'_>, now: Instant) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let handled =
            self.answerer(&incoming, now, |answerer, client| answerer.full(incoming.message, client, &mut out));
        matches!(handled, Handled::Answered).then_some(out)
    }

    /// All messages of the full path's answer, as far as memory suffices: those of a transfer, or the one of any other
    /// answer; `today` is the time of day in seconds since 1970.
    pub fn messages(&mut self, incoming: Incoming<'_>, (now, today): (Instant, u64)) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        let handled =
            self.answerer(&incoming, now, |answerer, client| answerer.full(incoming.message, client, &mut out));
        let granted = match handled {
            Handled::Answered => return vec![out],
            Handled::Nothing | Handled::Later(_) => return Vec::new(),
            Handled::Transfer(granted) => granted,
        };
        let zones = Arc::clone(&self.shared.snapshot.load().zones);
        let Some(Hosted { zone: Some(zone), history, .. }) = granted.hosted(&zones) else { return Vec::new() };
        let mut transfer = granted.begin(Arc::clone(zone), history);
        let mut messages = Vec::new();
        loop {
            let mut message = Vec::new();
            let next = transfer.message(&mut message, today);
            messages.push(message);
            if next != Next::More {
                return messages;
            }
        }
    }
}

#[cfg(test)]
mod tests;
