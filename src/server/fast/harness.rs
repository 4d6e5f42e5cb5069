//! The hot path and the ordinary road side by side, without a socket: for properties, fuzzing and benches.
//!
//! In: messages and the time. Out: what each road answers. It serves nobody.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::FastPath;
use super::answer_cache::AnswerCache;
use crate::server::Shared;
use crate::server::query::response::Transport;
use crate::server::query::{self, Served};

/// One worker's memory and what it shares.
pub struct BothPaths {
    shared: Arc<Shared>,
    answers: AnswerCache,
}

/// A message and how it came.
#[derive(Clone, Copy)]
pub struct Incoming<'a> {
    /// The message.
    pub message: &'a [u8],
    /// Who sent it.
    pub client: SocketAddr,
    /// Whether it came by TCP.
    pub stream: bool,
}

impl Incoming<'_> {
    fn transport(&self) -> Transport {
        if self.stream { Transport::Tcp } else { Transport::Udp }
    }
}

impl BothPaths {
    /// A worker that starts now.
    pub fn new(shared: Arc<Shared>, now: Instant) -> Self {
        Self { shared, answers: AnswerCache::new(now) }
    }

    /// Appends the hot path's answer to `out`; `false`, and `out` as it was, if it leaves the message alone.
    pub fn fast(&mut self, incoming: Incoming<'_>, now: Instant, out: &mut Vec<u8>) -> bool {
        let snapshot = self.shared.snapshot.load();
        let mut fast = FastPath::new(&snapshot, &self.shared.misses, &mut self.answers, now);
        let answered = fast.answer(incoming.message, incoming.client, incoming.transport(), out).is_some();
        fast.count(&self.shared.counters);
        answered
    }

    /// The ordinary road's answer, as far as memory leads; the hot path keeps what it may.
    pub fn full(&mut self, incoming: Incoming<'_>, now: Instant) -> Option<Vec<u8>> {
        let snapshot = self.shared.snapshot.load();
        let transport = incoming.transport();
        match query::serve(&self.shared, &snapshot, incoming.message, incoming.client, transport, now) {
            Served::Now(bytes) => Some(bytes),
            Served::Validity(bytes, cacheable) => {
                let mut fast = FastPath::new(&snapshot, &self.shared.misses, &mut self.answers, now);
                fast.keep(incoming.message, &bytes, &cacheable);
                Some(bytes)
            }
            Served::Nothing | Served::Later(_) => None,
        }
    }
}
