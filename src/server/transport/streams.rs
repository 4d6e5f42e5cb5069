//! The state that all stream connections share.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::connections::{ConnectionHandle, ConnectionOwner, Connections};
use crate::server::counters::Counters;
use crate::server::fast::AnswerCache;
use crate::server::snapshot::Shared;

/// The state that all connections of all listeners share.
pub(crate) struct Streams {
    pub(crate) shared: Arc<Shared>,
    /// The answer cache of all connections.
    pub(crate) answers: Mutex<AnswerCache>,
    pub(crate) connections: Arc<Connections>,
}

impl Streams {
    /// Streams around the state that all queries share; `max_connections` bounds them whatever the config sets.
    pub(crate) fn new(shared: Arc<Shared>, max_connections: usize, now: Instant) -> Arc<Self> {
        let connections = Connections::new(Arc::clone(&shared.open_connections), max_connections, now);
        Arc::new(Self { shared, answers: Mutex::new(AnswerCache::new(now)), connections })
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
