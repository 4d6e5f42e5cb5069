//! The cache of upstream answers, positive and negative (RFC 2308), and of recent failures (RFC 9520).
//!
//! In: scrubbed replies cut at our zones, and the time. Out: fresh replies, stale ones (RFC 8767) and recent failures,
//! with aged TTLs. Never: a question to an upstream, a look at a clock, or more memory than its bounds allow.

mod counts;
mod packed;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use quick_cache::sync::Cache as Quick;
use quick_cache::{DefaultHashBuilder, Weighter};

use crate::dns::{Name, Rcode, Rtype, rdata};
use crate::forward::question::{Failure, Question, Reply};
pub use counts::CacheCounts;
use counts::{Counters, Evictions};
use packed::Packed;

/// TTL of a stale answer, seconds (RFC 8767 section 4).
pub const STALE_TTL: u32 = 30;

/// Fresh hits before the present one that make an answer popular.
const POPULAR: u32 = 2;

/// How long a failure is remembered: RFC 9520 section 3.2 asks for 1 s to 5 min.
const FAILURE: Duration = Duration::from_secs(2);

/// How long a negative answer without an SOA is stored. RFC 2308 section 5 would not store it, and then one name could
/// reach a failing upstream again and again.
const NEGATIVE_WITHOUT_SOA: Duration = Duration::from_secs(5);

/// Bounds of the cache, and limits for TTLs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The capacity in answers.
    pub max_entries: usize,
    /// The capacity in octets, estimated.
    pub max_bytes: u64,
    /// The minimum TTL: a lower one is raised to it.
    pub min_ttl: Duration,
    /// The maximum TTL: a higher one is lowered to it.
    pub max_ttl: Duration,
    /// The maximum negative TTL: a higher one is lowered to it.
    pub max_negative_ttl: Duration,
    /// How long after its end an answer may still be given when upstreams fail; zero turns stale answers off.
    pub stale: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_entries: 100_000,
            max_bytes: 128 << 20,
            min_ttl: Duration::ZERO,
            max_ttl: Duration::from_hours(1),
            max_negative_ttl: Duration::from_mins(15),
            stale: Duration::from_hours(1),
        }
    }
}

/// The upstreams of one route; each set of upstreams that ever existed has its own id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteId(pub u64);

/// The key of an answer: an answer of one route never serves another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The route of the question.
    pub route: RouteId,
    /// The question with its DO and CD flags.
    pub question: Question,
}

struct Entry {
    /// The last good reply.
    reply: Option<Packed>,
    stored: Instant,
    /// The time until which `reply` is fresh.
    expires: Instant,
    /// The last failure, and the time until which the question is not asked again.
    failed: Option<(Failure, Instant)>,
    /// Fresh hits, which show whether a prefetch is worthwhile.
    hits: AtomicU32,
    /// Whether a prefetch was asked for already.
    prefetched: AtomicBool,
}

impl Entry {
    fn new(stored: Instant, expires: Instant) -> Self {
        let (hits, prefetched) = (AtomicU32::new(0), AtomicBool::new(false));
        Self { reply: None, stored, expires, failed: None, hits, prefetched }
    }
}

/// The time during which an answer changes only by its age: until it ends, or is asked again before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The time from which its TTLs age.
    pub stored: Instant,
    /// The time at which the cache has to be asked again.
    pub until: Instant,
}

/// The result of a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hit {
    /// A fresh answer, with aged TTLs.
    Fresh {
        /// The answer.
        reply: Reply,
        /// Whether it is popular and near its end: ask again in the background.
        prefetch: bool,
        /// Set if the answer is popular and not near its end: until then it may be given again without a lookup.
        validity: Option<Validity>,
    },
    /// A failure so recent that asking again would only add load, with a stale answer if there is one.
    Failed(Failure, Option<Reply>),
    /// No fresh answer; perhaps a stale one, in case upstreams fail.
    Miss(Option<Reply>),
}

/// The cache. All methods take a shared reference.
pub struct Cache {
    settings: Settings,
    entries: Quick<Key, Arc<Entry>, ByBytes, DefaultHashBuilder, Evictions>,
    counters: Arc<Counters>,
    flushes: AtomicU64,
}

/// The weight of an entry: its octets, but not less than `least`, which bounds the number of entries.
#[derive(Clone)]
struct ByBytes {
    least: u64,
}

impl Weighter<Key, Arc<Entry>> for ByBytes {
    fn weight(&self, key: &Key, entry: &Arc<Entry>) -> u64 {
        let reply = entry.reply.as_ref().map_or(0, Packed::len);
        let bytes = 384 + key.question.name.as_wire().len() + reply;
        self.least.max(bytes as u64)
    }
}

impl Cache {
    /// An empty cache.
    pub fn new(settings: Settings) -> Self {
        let entries = settings.max_entries.max(1);
        let weight = settings.max_bytes.max(entries as u64);
        let least = (weight / entries as u64).max(1);
        let counters = Arc::<Counters>::default();
        let (hash, evictions) = (DefaultHashBuilder::default(), Evictions(Arc::clone(&counters)));
        let entries = Quick::with(entries, weight, ByBytes { least }, hash, evictions);
        Self { settings, entries, counters, flushes: AtomicU64::new(0) }
    }

    /// The settings of the cache.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What was looked for and found.
    pub fn counts(&self) -> CacheCounts {
        self.counters.read()
    }

    /// Notes that a client got a stale answer.
    pub fn served_stale(&self) {
        self.counters.stale();
    }

    /// The number of answers in the cache.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the cache is empty.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Looks a question up for a client whose message has `room` octets for records ([`Reply::within`]).
    pub fn get(&self, key: &Key, room: usize, now: Instant) -> Hit {
        let hit = self.find(key, room, now);
        self.counters.lookup(!matches!(hit, Hit::Miss(_)));
        hit
    }

    fn find(&self, key: &Key, room: usize, now: Instant) -> Hit {
        let Some(entry) = self.entries.get(key) else {
            return Hit::Miss(None);
        };
        if let Some(reply) = &entry.reply
            && now < entry.expires
        {
            let popular = entry.hits.fetch_add(1, Ordering::Relaxed) >= POPULAR;
            let until = entry.stored + (entry.expires - entry.stored) * 9 / 10;
            let near_end = now > until;
            let validity = (popular && !near_end).then_some(Validity { stored: entry.stored, until });
            let reply = aged(reply.within(room), now.saturating_duration_since(entry.stored));
            // Only one hit asks for a prefetch: no client waits for it, so nothing else would bound their number.
            let prefetch = popular
                && near_end
                && entry.failed.is_none_or(|(_, until)| until <= now)
                && !entry.prefetched.swap(true, Ordering::Relaxed);
            return Hit::Fresh { reply, prefetch, validity };
        }
        let stale = self.data(&entry, now).map(|reply| stale(reply.within(room)));
        match entry.failed {
            Some((failure, until)) if now < until => Hit::Failed(failure, stale),
            _ => Hit::Miss(stale),
        }
    }

    /// The reply of an entry, as long as it may still be given when upstreams fail: only data (RFC 8767 section 4), no
    /// other RCODE.
    fn data<'e>(&self, entry: &'e Entry, now: Instant) -> Option<&'e Packed> {
        let lasts = now < entry.expires + self.settings.stale;
        entry.reply.as_ref().filter(|reply| lasts && reply.rcode.is_answer())
    }

    /// Whether there is an answer that outlives a failure. This does not count as a hit.
    pub fn has_data(&self, key: &Key, now: Instant) -> bool {
        self.entries.peek(key).is_some_and(|entry| self.data(&entry, now).is_some())
    }

    /// Stores a reply for its lifetime. A reply that may not be stored is left out, and the entry that
    /// it refutes is removed.
    pub fn put(&self, key: Key, reply: &Reply, now: Instant) {
        let lifetime = self.lifetime(reply, key.question.rtype);
        if lifetime.is_zero() {
            self.entries.remove(&key);
            return;
        }
        let mut packed = Packed::new(reply, self.ttls(reply));
        if let Cow::Owned(short) = reply.within(key.question.rtype, 0) {
            let room = reply.least_len(key.question.rtype, usize::MAX);
            packed = packed.or_shorter(room, Packed::new(&short, self.ttls(&short)));
        }
        let entry = Entry { reply: Some(packed), ..Entry::new(now, now + lifetime) };
        self.entries.insert(key, Arc::new(entry));
    }

    /// Remembers a failure; a stale answer stays for its time.
    pub fn put_failure(&self, key: Key, failure: Failure, now: Instant) {
        let old = self.entries.peek(&key);
        let entry = Entry {
            reply: old.as_ref().and_then(|old| old.reply.clone()),
            failed: Some((failure, now + FAILURE)),
            ..old.as_ref().map_or_else(|| Entry::new(now, now), |old| Entry::new(old.stored, old.expires))
        };
        self.entries.insert(key, Arc::new(entry));
    }

    /// Removes a name, with `subtree` also all names below it; returns the number of removed answers.
    pub fn flush(&self, name: &Name, subtree: bool) -> usize {
        let before = self.entries.len();
        self.entries.retain(|key, _| {
            let asked = &key.question.name;
            !(asked == name || subtree && asked.is_at_or_below(name))
        });
        // The number is raised last: a reader that sees the new number sees no removed answer any more.
        self.flushes.fetch_add(1, Ordering::Release);
        before.saturating_sub(self.entries.len())
    }

    /// The reply in the form in which it is both handed on and stored: its TTLs within the bounds.
    pub fn clamped(&self, mut reply: Arc<Reply>) -> Arc<Reply> {
        let records = reply.answer.iter().chain(&reply.authority);
        if self.ttls(&reply).eq(records.map(|record| record.ttl)) {
            return reply;
        }
        let ttls: Vec<u32> = self.ttls(&reply).collect();
        let changed = Arc::make_mut(&mut reply);
        let records = changed.answer.iter_mut().chain(&mut changed.authority);
        records.zip(ttls).for_each(|(record, ttl)| record.ttl = ttl);
        reply
    }

    /// The number of flushes: an answer that was read before the last flush must not be given again.
    pub fn flushes(&self) -> u64 {
        self.flushes.load(Ordering::Acquire)
    }

    /// The TTLs of a reply's records within their bounds: the answer section, then the authority section.
    fn ttls(&self, reply: &Reply) -> impl Iterator<Item = u32> {
        self.answer_ttls(reply).chain(self.authority_ttls(reply))
    }

    fn answer_ttls(&self, reply: &Reply) -> impl Iterator<Item = u32> {
        let (low, high) = (seconds(self.settings.min_ttl), seconds(self.settings.max_ttl));
        reply.answer.iter().map(move |record| record.ttl.max(low).min(high))
    }

    fn authority_ttls(&self, reply: &Reply) -> impl Iterator<Item = u32> {
        let high = seconds(self.settings.max_negative_ttl);
        reply.authority.iter().map(move |record| {
            let numbers = rdata::soa_numbers(&record.rdata).filter(|_| record.rtype == Rtype::SOA);
            // RFC 2308 section 5.
            record.ttl.min(numbers.map_or(u32::MAX, |numbers| numbers.minimum)).min(high)
        })
    }

    /// How long a reply may be stored.
    fn lifetime(&self, reply: &Reply, qtype: Rtype) -> Duration {
        let duration = |ttl: u32| Duration::from_secs(ttl.into());
        let positive = self.answer_ttls(reply).min().map(duration);
        let negative = match reply.rcode {
            Rcode::NOERROR if ends_positive(reply, qtype) => None,
            Rcode::NOERROR | Rcode::NXDOMAIN => {
                Some(self.authority_ttls(reply).min().map_or(NEGATIVE_WITHOUT_SOA, duration))
            }
            _ => Some(FAILURE),
        };
        positive.into_iter().chain(negative).min().unwrap_or(Duration::ZERO)
    }
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

/// Whether an answer section is positive: it has a record of the type, or is a chain cut at our zone.
fn ends_positive(reply: &Reply, qtype: Rtype) -> bool {
    reply.answer.iter().any(|record| record.rtype == qtype || qtype == Rtype::ANY)
        || !reply.answer.is_empty() && reply.authority.is_empty()
}

fn aged(reply: &Packed, age: Duration) -> Reply {
    let age = seconds(age);
    reply.unpack(|ttl| ttl.saturating_sub(age))
}

fn stale(reply: &Packed) -> Reply {
    reply.unpack(|_| STALE_TTL)
}

#[cfg(test)]
mod tests;
