//! Token buckets in a table of fixed size, keyed by any value that hashes.
//!
//! In: a key, a rate and the time. Out: a token or none. A bucket is one number, the time at which it will be full
//! again. The hash has a random key, so a client cannot choose networks that share a set with another's. When all
//! places of a set are taken, the bucket that is nearest to full is replaced: a network that is held back stays held
//! back, and the state that is lost would have expired soonest anyway.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Sets; together with [`WAYS`] places for 16,384 buckets in 400 KB.
const SETS: usize = 1 << 11;

/// Places of a set.
const WAYS: usize = 8;

/// A bucket holds what its rate gives in a second, here in nanoseconds.
const FULL: u64 = 1_000_000_000;

/// A bucket; all zeros is a free place.
#[derive(Clone, Copy, Default)]
struct Bucket {
    hash: u64,
    /// The time at which it is full again, in nanoseconds since the table's start.
    full_at: u64,
    /// The number of times it was found empty.
    empty: u32,
}

/// The table.
pub(crate) struct Buckets {
    sets: Box<[Mutex<[Bucket; WAYS]>]>,
    hasher: RandomState,
    start: Instant,
}

/// The result of asking for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Take {
    /// The bucket had one.
    Taken,
    /// The bucket had none, for the nth time.
    Empty(u32),
}

impl Buckets {
    pub(crate) fn new(start: Instant) -> Self {
        let sets = std::iter::repeat_with(Mutex::default).take(SETS).collect();
        Self { sets, hasher: RandomState::new(), start }
    }

    /// Takes a token from the bucket of a key, which gains `rate` tokens a second. The rate may differ from call to
    /// call.
    pub(crate) fn take(&self, key: impl Hash, rate: NonZeroU32, now: Instant) -> Take {
        let hash = self.hasher.hash_one(key).max(1);
        let nanos = now.saturating_duration_since(self.start).as_nanos();
        let now = u64::try_from(nanos).unwrap_or(u64::MAX);
        let place = usize::try_from(hash % SETS as u64).unwrap_or_default();
        let mut set = self.sets[place].lock().unwrap_or_else(PoisonError::into_inner);
        let own = set.iter().position(|bucket| bucket.hash == hash);
        let at = own.unwrap_or_else(|| fullest(&set));
        if own.is_none() {
            set[at] = Bucket { hash, full_at: now, empty: 0 };
        }
        set[at].take(FULL / u64::from(rate.get()), now)
    }
}

fn fullest(set: &[Bucket; WAYS]) -> usize {
    (0..WAYS).min_by_key(|at| set[*at].full_at).unwrap_or_default()
}

impl Bucket {
    fn take(&mut self, cost: u64, now: u64) -> Take {
        let missing = self.full_at.saturating_sub(now);
        if missing + cost > FULL {
            self.empty = self.empty.wrapping_add(1);
            return Take::Empty(self.empty);
        }
        self.full_at = self.full_at.max(now) + cost;
        Take::Taken
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use proptest::prelude::*;

    fn taken(buckets: &Buckets, key: u32, rate: u32, at: Instant, tries: u32) -> usize {
        (0..tries).filter(|_| buckets.take(key, NonZeroU32::new(rate).unwrap(), at) == Take::Taken).count()
    }

    #[test]
    fn a_bucket_holds_one_second_and_fills_at_its_rate() {
        let start = Instant::now();
        let buckets = Buckets::new(start);
        assert_eq!(taken(&buckets, 1, 20, start, 100), 20);
        assert_eq!(taken(&buckets, 1, 20, start + Duration::from_millis(250), 100), 5);
        assert_eq!(taken(&buckets, 1, 20, start + Duration::from_secs(9), 100), 20, "never more than a second's");
        assert_eq!(taken(&buckets, 2, 20, start, 100), 20, "another's bucket is another");
    }

    #[test]
    fn a_new_rate_takes_what_was_taken_before_into_account() {
        let start = Instant::now();
        let buckets = Buckets::new(start);
        assert_eq!(taken(&buckets, 1, 10, start, 100), 10);
        assert_eq!(taken(&buckets, 1, 1000, start, 100), 0, "empty is empty");
        assert_eq!(taken(&buckets, 1, 1000, start + Duration::from_millis(50), 100), 50);
    }

    #[test]
    fn a_network_that_is_held_back_stays_so_when_others_come() {
        let start = Instant::now();
        let buckets = Buckets::new(start);
        taken(&buckets, 0, 100, start, 100);
        for stranger in 1..200_000_u32 {
            buckets.take(stranger, NonZeroU32::new(100).unwrap(), start);
        }
        assert_eq!(taken(&buckets, 0, 100, start, 10), 0);
    }

    #[test]
    fn two_tables_put_a_key_in_different_places() {
        let now = Instant::now();
        let [one, two] = [Buckets::new(now), Buckets::new(now)];
        assert!((0..64_u64).any(|key| one.hasher.hash_one(key) != two.hasher.hash_one(key)));
    }

    proptest! {
        #[test]
        fn no_second_sees_more_than_two_seconds_worth(gaps in prop::collection::vec(0_u64..40, 1..500), rate in 1_u32..60) {
            let start = Instant::now();
            let (buckets, mut at, mut taken) = (Buckets::new(start), start, Vec::new());
            for gap in gaps {
                at += Duration::from_millis(gap);
                if buckets.take(7, NonZeroU32::new(rate).unwrap(), at) == Take::Taken {
                    taken.push(at);
                }
            }
            for (index, first) in taken.iter().enumerate() {
                let within = taken[index..].iter().take_while(|t| **t - *first < Duration::from_secs(1)).count();
                prop_assert!(within <= 2 * rate as usize, "{} in one second", within);
            }
        }
    }
}
