//! Counters in shards: each worker adds to its own, without an atomic addition, and a reader adds up all of them.
//!
//! In: additions. Out: sums that never go down, whichever workers end. Never: a lock while a query is answered.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::reason::{ANSWERS, CLASSES, Class, Disposition, answer_index};
use super::{Family, qtypes};
use crate::dns::Rtype;
use crate::histogram::{Bounds, Histogram, nanoseconds};
use crate::server::context::Transport;

/// The bounds of response times: 25 us to 6.5536 s.
const TIMES: Bounds = Bounds::doubling(25, 19);

const MESSAGES_AT: usize = ANSWERS;
const QTYPES_AT: usize = MESSAGES_AT + Transport::ALL.len() * Family::ALL.len();
const TIMES_AT: usize = QTYPES_AT + qtypes::COUNTERS;
/// The buckets of one class, and behind them the sum of its times.
const TIMES_LEN: usize = TIMES.buckets() + 1;
const CACHE_HITS: usize = TIMES_AT + CLASSES * TIMES_LEN;
const LEN: usize = CACHE_HITS + 1;

/// The index of a counter.
#[derive(Clone, Copy)]
pub(super) struct Place(usize);

impl Place {
    pub(super) fn answer(transport: Transport, disposition: Disposition) -> Self {
        Self(answer_index(transport, disposition))
    }

    pub(super) fn message(transport: Transport, family: Family) -> Self {
        Self(MESSAGES_AT + transport.index() * Family::ALL.len() + family as usize)
    }

    pub(super) fn qtype(qtype: Rtype) -> Self {
        Self(QTYPES_AT + qtypes::index(qtype))
    }

    pub(super) const CACHE_HITS: Self = Self(CACHE_HITS);

    /// The additions for answers that took this time each: to a bucket, and to the sum of the class's times.
    pub(super) fn times(class: Class, answers: u64, took: Took) -> [(Self, u64); 2] {
        let first = TIMES_AT + class as usize * TIMES_LEN;
        let (bucket, sum) = (Self(first + took.bucket), Self(first + TIMES.buckets()));
        [(bucket, answers), (sum, took.nanoseconds.wrapping_mul(answers))]
    }
}

/// A response time.
#[derive(Clone, Copy)]
pub(super) struct Took {
    bucket: usize,
    nanoseconds: u64,
}

impl Took {
    pub(super) fn new(took: Duration) -> Self {
        Self { bucket: TIMES.bucket(took), nanoseconds: nanoseconds(took) }
    }
}

/// One set of all counters.
pub(super) struct Shard(Box<[AtomicU64]>);

impl Default for Shard {
    fn default() -> Self {
        Self((0..LEN).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Shard {
    /// Adds, whoever else adds.
    pub(super) fn add(&self, Place(place): Place, count: u64) {
        self.0[place].fetch_add(count, Relaxed);
    }

    fn add_to(&self, sums: &mut [u64]) {
        for (sum, own) in sums.iter_mut().zip(self.0.iter()) {
            *sum = sum.wrapping_add(own.load(Relaxed));
        }
    }
}

/// The shards of all workers.
#[derive(Default)]
pub(super) struct Shards(Arc<Mutex<Registry>>);

#[derive(Default)]
struct Registry {
    live: Vec<Arc<Shard>>,
    /// The sums of the workers that have ended.
    ended: Shard,
}

impl Shards {
    /// A shard for one more worker.
    pub(super) fn writer(&self) -> ShardWriter {
        let shard = Arc::<Shard>::default();
        registry(&self.0).live.push(Arc::clone(&shard));
        ShardWriter { shard, registry: Arc::clone(&self.0) }
    }

    /// The sums over these shards and one more.
    pub(super) fn sums(&self, common: &Shard) -> Sums {
        let mut sums = vec![0; LEN];
        let registry = registry(&self.0);
        for shard in [common, &registry.ended].into_iter().chain(registry.live.iter().map(|shard| &**shard)) {
            shard.add_to(&mut sums);
        }
        Sums(sums)
    }
}

fn registry(shared: &Mutex<Registry>) -> MutexGuard<'_, Registry> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The only writer of a shard. At its end its counts are kept.
pub(crate) struct ShardWriter {
    shard: Arc<Shard>,
    registry: Arc<Mutex<Registry>>,
}

impl ShardWriter {
    /// Adds. Nobody else writes, so that reading and writing need not be one operation.
    pub(super) fn add(&mut self, Place(place): Place, count: u64) {
        let counter = &self.shard.0[place];
        counter.store(counter.load(Relaxed).wrapping_add(count), Relaxed);
    }
}

impl Drop for ShardWriter {
    fn drop(&mut self) {
        let mut registry = registry(&self.registry);
        registry.live.retain(|shard| !Arc::ptr_eq(shard, &self.shard));
        for (ended, own) in registry.ended.0.iter().zip(self.shard.0.iter()) {
            ended.fetch_add(own.load(Relaxed), Relaxed);
        }
    }
}

/// The sums of all shards at one moment.
pub(super) struct Sums(Vec<u64>);

impl Sums {
    pub(super) fn of(&self, Place(place): Place) -> u64 {
        self.0[place]
    }

    /// The response times of a class.
    pub(super) fn times(&self, class: Class) -> Histogram {
        let first = TIMES_AT + class as usize * TIMES_LEN;
        let counts = self.0[first..first + TIMES.buckets()].to_vec();
        TIMES.histogram(counts, Duration::from_nanos(self.0[first + TIMES.buckets()]))
    }

    /// The queries for each type, under the type's name.
    pub(super) fn qtypes(&self) -> Vec<(&'static str, u64)> {
        qtypes::names().zip(self.0[QTYPES_AT..].iter().copied()).collect()
    }
}
