//! The counts of one batch of messages.
//!
//! In: each message and each answer of the batch, and at its end the time that it took. Out: additions to a worker's
//! shard. Never: a look at a clock, which would cost more than the rest: each answer of a batch has the batch's time.

use std::net::SocketAddr;
use std::time::Duration;

use super::reason::{CLASSES, Class};
use super::shard::{Place, ShardWriter, Took};
use super::{Disposition, Family};
use crate::dns::Rtype;
use crate::server::context::Transport;

/// Counts one batch.
pub(crate) struct Tally<'a> {
    counts: &'a mut ShardWriter,
    transport: Transport,
    /// The answers of each class so far.
    answers: [u32; CLASSES],
}

impl<'a> Tally<'a> {
    pub(crate) fn new(counts: &'a mut ShardWriter, transport: Transport) -> Self {
        Self { counts, transport, answers: [0; CLASSES] }
    }

    /// Counts a message that came in.
    pub(crate) fn message(&mut self, client: SocketAddr) {
        self.counts.add(Place::message(self.transport, Family::of(client)), 1);
    }

    /// Counts a query for this type.
    pub(crate) fn qtype(&mut self, qtype: Rtype) {
        self.counts.add(Place::qtype(qtype), 1);
    }

    /// Counts an answer of the fast path's cache.
    pub(crate) fn cache_hit(&mut self) {
        self.counts.add(Place::CACHE_HITS, 1);
    }

    /// Counts an answer.
    pub(crate) fn count(&mut self, disposition: Disposition) {
        self.counts.add(Place::answer(self.transport, disposition), 1);
        if disposition.response.is_sent() {
            self.answers[disposition.reason.origin().class() as usize] += 1;
        }
    }

    /// Ends the batch, whose answers took this time.
    pub(crate) fn finish(self, took: Duration) {
        let took = Took::new(took);
        for (class, answers) in Class::ALL.into_iter().zip(self.answers).filter(|(_, answers)| *answers > 0) {
            for (place, count) in Place::times(class, answers.into(), took) {
                self.counts.add(place, count);
            }
        }
    }
}
