//! The answer cache: forwarded and re-chased answers in bytes, as the full path composed them.
//!
//! In: a cacheable answer, with its question. Out: the same answer to a later identical question, with decremented
//! TTLs. Each worker has its own cache, so nothing is locked; it is bounded, and empty from the moment the snapshot
//! changes or something is flushed, so our zones win from the first question after a sync. An answer expires here
//! before the resolver's cache would ask again, so prefetch, stale answers and failures stay with that cache. Never: an
//! answer that was truncated, failed, stale or synthesized.

use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, Weak};
use std::time::Instant;

use foldhash::fast::RandomState;

use crate::dns::{CanonicalName, Query, Rtype, UDP_PAYLOAD};
use crate::forward::cache::Validity;
use crate::forward::resolver::Resolver;
use crate::server::query::{Cacheable, HeaderBits};
use crate::server::snapshot::{Decides, Snapshot};
use crate::server::views::{ViewIndex, Views};
use crate::zone::ZoneSet;

/// Slots: with names of usual length some 8 MB when all are taken.
const SLOTS: usize = 1 << 15;

/// Slots of a set, any of which an answer may take.
const WAYS: usize = 4;

/// The longest records that are stored, octets: no datagram of ours holds more.
const MAX_RECORDS_LEN: usize = UDP_PAYLOAD as usize;

/// The capacity for all answers together, octets.
const CAPACITY: usize = 8 << 20;

/// Slots that are checked for expired answers when there is no room for a new one.
const SWEEP: usize = 64;

const NANOS: u64 = 1_000_000_000;

/// The parts of a question that its answer's records depend on. The route it takes depends on the snapshot.
pub(crate) struct CacheKey<'a> {
    qname: CanonicalName<'a>,
    qtype: Rtype,
    /// RD, DO, CD, and AD unless DO asks for the same.
    flags: u8,
    view: u16,
}

impl<'a> CacheKey<'a> {
    pub(crate) fn new(query: &Query<'_>, qname: CanonicalName<'a>, view: ViewIndex) -> Self {
        let authentic = query.header.ad && !query.dnssec_ok();
        let bits = [query.header.rd, query.dnssec_ok(), query.header.cd, authentic];
        let flags = bits.into_iter().fold(0, |flags, bit| flags << 1 | u8::from(bit));
        Self { qname, qtype: query.qtype, flags, view: view.number() }
    }
}

/// Zones, views, upstreams, and how often something was flushed.
type Source = (Weak<ZoneSet>, Weak<Views>, Weak<Resolver>, u64);

/// One worker's answers.
pub(crate) struct AnswerCache {
    /// Empty until the first answer is stored.
    slots: Vec<AnswerSlot>,
    hasher: RandomState,
    /// The zones and upstreams that the answers were composed from: weak references, which keep the allocations but not
    /// the contents.
    source: Source,
    /// A slot of another epoch is empty.
    epoch: u32,
    /// Times in slots are nanoseconds since this moment.
    base: Instant,
    now: u64,
    /// The slot of a set that is replaced next when all are taken.
    next_way: usize,
    /// Octets of all answers, and the slot at which the next search for expired ones begins.
    octets: usize,
    hand: usize,
}

/// One answer; a cache line.
#[derive(Clone, Default)]
#[repr(align(64))]
struct AnswerSlot {
    hash: u64,
    stored: u64,
    until: u64,
    /// The QNAME, the records, the places of TTLs among them, and the name that a hosted zone does not have.
    bytes: Box<[u8]>,
    epoch: u32,
    /// Seconds by which the TTLs had aged when the answer was stored.
    age: u32,
    qtype: Rtype,
    view: u16,
    records: u16,
    qname: u8,
    flags: u8,
    aging: u8,
    counts: [u8; 2],
    bits: HeaderBits,
}

/// An answer's records, ready to follow a question.
pub(crate) struct CachedAnswer<'a> {
    slot: &'a AnswerSlot,
    /// Seconds since the answer was stored.
    age: u32,
}

impl AnswerCache {
    pub(crate) fn new(now: Instant) -> Self {
        let (hasher, source) = (RandomState::default(), (Weak::new(), Weak::new(), Weak::new(), 0));
        Self { slots: Vec::new(), hasher, source, epoch: 1, base: now, now: 0, next_way: 0, octets: 0, hand: 0 }
    }

    /// Answers under `snapshot` from now on; forgets all answers if its zones or upstreams are different ones.
    pub(crate) fn follow(&mut self, snapshot: &Arc<Snapshot>, now: Instant) {
        self.now = self.nanos(now);
        let Decides { zones, views, resolver, .. } = &***snapshot;
        let (old_zones, old_views, old_resolver, old_flushes) = &self.source;
        let flushes = resolver.cache().flushes();
        let is_same = (old_zones.as_ptr(), old_views.as_ptr(), old_resolver.as_ptr())
            == (Arc::as_ptr(zones), Arc::as_ptr(views), Arc::as_ptr(resolver));
        if !is_same || *old_flushes != flushes {
            self.source = (Arc::downgrade(zones), Arc::downgrade(views), Arc::downgrade(resolver), flushes);
            self.epoch = self.epoch.wrapping_add(1).max(1);
        }
    }

    fn nanos(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.base).as_nanos()).unwrap_or(u64::MAX)
    }

    fn hash(&self, key: &CacheKey<'_>) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key.qname.as_wire());
        hasher.write_u64(u64::from(key.view) << 32 | u64::from(key.qtype.0) << 8 | u64::from(key.flags));
        hasher.finish()
    }

    fn set(hash: u64) -> usize {
        usize::try_from(hash >> 32).unwrap_or_default() % (SLOTS / WAYS) * WAYS
    }

    /// The answer to a question.
    pub(crate) fn find(&self, key: &CacheKey<'_>) -> Option<CachedAnswer<'_>> {
        if self.slots.is_empty() {
            return None;
        }
        let hash = self.hash(key);
        let set = self.slots.get(Self::set(hash)..)?.get(..WAYS)?;
        let slot = set.iter().find(|slot| slot.hash == hash && self.is_good(slot) && slot.answers(key))?;
        let age = u32::try_from((self.now - slot.stored) / NANOS).unwrap_or(u32::MAX);
        Some(CachedAnswer { slot, age: age.saturating_sub(slot.age) })
    }

    fn is_good(&self, slot: &AnswerSlot) -> bool {
        slot.epoch == self.epoch && slot.stored <= self.now && self.now < slot.until
    }

    /// Stores the answer to a question, unless it is too long or does not last.
    pub(crate) fn store(&mut self, key: &CacheKey<'_>, answer: &[u8], cacheable: &Cacheable) {
        let Validity { stored, until } = cacheable.validity;
        if let Some(bytes) = Bytes::new(key, answer, cacheable)
            && stored >= self.base
        {
            if self.slots.is_empty() {
                self.slots = vec![AnswerSlot::default(); SLOTS];
            }
            if self.octets + bytes.all.len() > CAPACITY && !self.sweep(bytes.all.len()) {
                return;
            }
            let (hash, stored) = (self.hash(key), self.nanos(stored));
            let slot = AnswerSlot {
                hash,
                stored,
                until: self.nanos(until),
                bytes: bytes.all,
                epoch: self.epoch,
                age: u32::try_from(self.now.saturating_sub(stored) / NANOS).unwrap_or(u32::MAX),
                qtype: key.qtype,
                view: key.view,
                records: bytes.records,
                qname: bytes.qname,
                flags: key.flags,
                aging: bytes.aging,
                counts: [answer[7], answer[9]],
                bits: cacheable.bits,
            };
            let at = self.place(hash);
            self.octets += slot.bytes.len();
            self.octets -= std::mem::replace(&mut self.slots[at], slot).bytes.len();
        }
    }

    /// Makes room by removing expired answers; true if `wanted` octets now fit. It checks only `SWEEP` slots, so that a
    /// query does not wait for it.
    fn sweep(&mut self, wanted: usize) -> bool {
        for _ in 0..SWEEP {
            self.hand = (self.hand + 1) % SLOTS;
            if !self.is_good(&self.slots[self.hand]) {
                self.octets -= std::mem::take(&mut self.slots[self.hand]).bytes.len();
            }
        }
        self.octets + wanted <= CAPACITY
    }

    /// The slot for an answer: its present one, a free one, or the next to be replaced.
    fn place(&mut self, hash: u64) -> usize {
        let first = Self::set(hash);
        let set = &self.slots[first..first + WAYS];
        let own = set.iter().position(|slot| slot.hash == hash);
        self.next_way = (self.next_way + 1) % WAYS;
        first + own.or_else(|| set.iter().position(|slot| !self.is_good(slot))).unwrap_or(self.next_way)
    }
}

impl AnswerSlot {
    fn answers(&self, key: &CacheKey<'_>) -> bool {
        (self.qtype, self.flags, self.view) == (key.qtype, key.flags, key.view)
            && self.bytes.get(..usize::from(self.qname)) == Some(key.qname.as_wire())
    }
}

/// The bytes of a slot while they are put together.
struct Bytes {
    all: Box<[u8]>,
    records: u16,
    qname: u8,
    aging: u8,
}

impl Bytes {
    fn new(key: &CacheKey<'_>, answer: &[u8], cacheable: &Cacheable) -> Option<Self> {
        let start = 12 + key.qname.as_wire().len() + 4;
        let records = answer.get(start..cacheable.end).filter(|records| records.len() <= MAX_RECORDS_LEN)?;
        let missed = cacheable.missed.as_deref().unwrap_or_default();
        let mut all =
            Vec::with_capacity(key.qname.as_wire().len() + records.len() + 2 * cacheable.aging.len() + missed.len());
        all.extend_from_slice(key.qname.as_wire());
        all.extend_from_slice(records);
        for at in &cacheable.aging {
            let at = usize::from(*at).checked_sub(start).and_then(|at| u16::try_from(at).ok())?;
            all.extend_from_slice(&at.to_be_bytes());
        }
        all.extend_from_slice(missed);
        Some(Self {
            all: all.into(),
            records: u16::try_from(records.len()).ok()?,
            qname: u8::try_from(key.qname.as_wire().len()).ok()?,
            aging: u8::try_from(cacheable.aging.len()).ok()?,
        })
    }
}

impl CachedAnswer<'_> {
    /// The RCODE and the flags, for the header and the counters.
    pub(crate) fn bits(&self) -> HeaderBits {
        self.slot.bits
    }

    /// The number of records in the answer and authority sections; no section has 256.
    pub(crate) fn counts(&self) -> [u8; 2] {
        self.slot.counts
    }

    /// Octets of the records.
    pub(crate) fn len(&self) -> usize {
        self.slot.records.into()
    }

    /// Appends the records with their present TTLs.
    pub(crate) fn append(&self, out: &mut Vec<u8>) {
        let (start, from) = (out.len(), usize::from(self.slot.qname));
        let places = from + usize::from(self.slot.records);
        out.extend_from_slice(&self.slot.bytes[from..places]);
        if self.age == 0 {
            return;
        }
        for place in self.slot.bytes[places..].chunks_exact(2).take(self.slot.aging.into()) {
            let at = start + usize::from(u16::from_be_bytes([place[0], place[1]]));
            if let Some(ttl) = out.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<4>()) {
                *ttl = u32::from_be_bytes(*ttl).saturating_sub(self.age).to_be_bytes();
            }
        }
    }

    /// The name that a hosted zone does not have, if the answer counts as a miss.
    pub(crate) fn missed(&self) -> Option<CanonicalName<'_>> {
        let slot = self.slot;
        let end = usize::from(slot.qname) + usize::from(slot.records) + 2 * usize::from(slot.aging);
        slot.bytes.get(end..).filter(|name| !name.is_empty()).map(CanonicalName::of_octets)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn keep(answers: &mut AnswerCache, number: u32, until: Instant) {
        let qname = [&[8][..], format!("{number:08x}").as_bytes(), &[0]].concat();
        let key = CacheKey { qname: CanonicalName::of_octets(&qname), qtype: Rtype::A, flags: 0, view: 0 };
        let answer = vec![0; 12 + qname.len() + 4 + 1200];
        let validity = Validity { stored: answers.base, until };
        let end = answer.len();
        answers.store(
            &key,
            &answer,
            &Cacheable { validity, bits: HeaderBits::default(), aging: vec![], end, missed: None },
        );
    }

    fn held(answers: &AnswerCache) -> usize {
        answers.slots.iter().map(|slot| slot.bytes.len()).sum()
    }

    #[test]
    fn long_answers_stay_within_the_capacity_and_make_room_when_they_have_expired() {
        let start = Instant::now();
        let mut answers = AnswerCache::new(start);
        let until = start + Duration::from_mins(1);
        (0..20_000).for_each(|number| keep(&mut answers, number, until));
        assert!(held(&answers) <= CAPACITY && held(&answers) > CAPACITY / 2);
        assert_eq!(held(&answers), answers.octets);
        answers.epoch += 1;
        (0..2_000).for_each(|number| keep(&mut answers, number, until));
        let good = answers.slots.iter().filter(|slot| answers.is_good(slot)).count();
        assert!(good > 1_500, "{good}");
        assert_eq!((held(&answers), held(&answers) <= CAPACITY), (answers.octets, true));
    }
}
