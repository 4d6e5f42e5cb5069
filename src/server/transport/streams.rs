//! The state that all stream connections share.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use super::connections::{ConnectionHandle, ConnectionOwner, Connections};
use crate::server::counters::{Counters, ShardWriter};
use crate::server::fast::AnswerCache;
use crate::server::snapshot::Shared;

/// The state that all connections of all listeners share.
pub(crate) struct Streams {
    pub(crate) shared: Arc<Shared>,
    /// The answer cache of all connections.
    pub(crate) answers: Mutex<AnswerCache>,
    pub(crate) connections: Arc<Connections>,
    /// Counters for each thread of both runtimes; a batch takes those that no other batch has.
    counts: Box<[Mutex<ShardWriter>]>,
}

/// Counters for one batch.
pub(crate) enum BatchCounts<'a> {
    Own(MutexGuard<'a, ShardWriter>),
    /// Those of others are all in use: new ones, which end with the batch.
    New(ShardWriter),
}

impl BatchCounts<'_> {
    pub(crate) fn writer(&mut self) -> &mut ShardWriter {
        match self {
            Self::Own(counts) => counts,
            Self::New(counts) => counts,
        }
    }
}

impl Streams {
    /// Streams around the state that all queries share; `max_connections` bounds them whatever the config sets.
    pub(crate) fn new(shared: Arc<Shared>, max_connections: usize, now: Instant) -> Arc<Self> {
        let connections = Connections::new(Arc::clone(&shared.open_connections), max_connections, now);
        let threads = 2 * std::thread::available_parallelism().map_or(1, usize::from);
        let counts = std::iter::repeat_with(|| Mutex::new(shared.counters.writer())).take(threads).collect();
        Arc::new(Self { shared, answers: Mutex::new(AnswerCache::new(now)), connections, counts })
    }

    /// Counters that nobody else adds to for as long as they are held.
    pub(crate) fn counts(&self) -> BatchCounts<'_> {
        let free = self.counts.iter().find_map(|counts| counts.try_lock().ok());
        free.map_or_else(|| BatchCounts::New(self.shared.counters.writer()), BatchCounts::Own)
    }

    /// A handle for a new connection, if there is room for it.
    pub(crate) fn admit(&self, client: SocketAddr) -> Option<ConnectionHandle> {
        let (snapshot, counters) = (self.shared.snapshot.load(), &self.shared.counters);
        Counters::add(&counters.tcp_connections);
        let owner = ConnectionOwner::of(client.ip(), &snapshot.access);
        let Some((handle, room_was_made)) = self.connections.admit(owner, &snapshot.settings.tcp, Instant::now())
        else {
            Counters::add(&counters.tcp_rejected);
            return None;
        };
        if room_was_made {
            Counters::add(&counters.tcp_displaced);
        }
        Some(handle)
    }
}
