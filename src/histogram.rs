//! Floor 0: histograms of durations, in buckets whose bounds double.
//!
//! In: durations. Out: how many fell into each bucket, and their sum. Never: a lock, or memory that grows.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The upper bounds of buckets: each is twice the one before. A last bucket without a bound takes longer durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// The first bound, nanoseconds.
    first: u64,
    /// The number of bounds.
    count: usize,
}

impl Bounds {
    /// This number of bounds, of which the first is `first` microseconds, at least 1.
    pub(crate) const fn doubling(first: u64, count: usize) -> Self {
        Self { first: first * 1000, count }
    }

    /// The number of buckets, the one without a bound included.
    pub(crate) const fn buckets(self) -> usize {
        self.count + 1
    }

    /// The bucket of a duration. A duration that equals a bound is in the bucket of that bound, as Prometheus' `le`
    /// has it.
    pub(crate) fn bucket(self, took: Duration) -> usize {
        let multiple = nanoseconds(took).div_ceil(self.first);
        let doublings = multiple.checked_sub(1).map_or(0, |below| u64::BITS - below.leading_zeros());
        self.count.min(doublings as usize)
    }

    /// The histogram with these numbers in its buckets, and the sum of all durations.
    pub(crate) fn histogram(self, counts: Vec<u64>, sum: Duration) -> Histogram {
        let bounds = (0..self.count).map(|doublings| Duration::from_nanos(self.first << doublings)).collect();
        Histogram { bounds, counts, sum }
    }
}

/// A duration in nanoseconds, or the greatest number if that is more.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    // Cheaper than by way of 128 bits, which counts once for each batch of answers.
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(duration.subsec_nanos().into())
}

/// Durations by bucket, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// The upper bounds of the buckets, in ascending order; a duration that equals a bound is in its bucket.
    pub bounds: Vec<Duration>,
    /// The number of durations in each bucket. There is one more of them than of bounds: the last bucket has no bound.
    pub counts: Vec<u64>,
    /// The sum of all durations.
    pub sum: Duration,
}

impl Histogram {
    /// The number of durations.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// A histogram that any thread adds to.
#[derive(Debug)]
pub(crate) struct AtomicHistogram {
    bounds: Bounds,
    counts: Box<[AtomicU64]>,
    /// Nanoseconds.
    sum: AtomicU64,
}

impl AtomicHistogram {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let counts = std::iter::repeat_with(AtomicU64::default).take(bounds.buckets()).collect();
        Self { bounds, counts, sum: AtomicU64::default() }
    }

    /// Adds a duration.
    pub(crate) fn add(&self, took: Duration) {
        self.counts[self.bounds.bucket(took)].fetch_add(1, Relaxed);
        self.sum.fetch_add(nanoseconds(took), Relaxed);
    }

    /// The durations until now.
    pub(crate) fn read(&self) -> Histogram {
        let counts = self.counts.iter().map(|count| count.load(Relaxed)).collect();
        self.bounds.histogram(counts, Duration::from_nanos(self.sum.load(Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: Bounds = Bounds::doubling(25, 19);

    #[test]
    fn the_bounds_double() {
        let histogram = AtomicHistogram::new(BOUNDS).read();
        assert_eq!(histogram.bounds.first(), Some(&Duration::from_micros(25)));
        assert!(histogram.bounds.windows(2).all(|pair| pair[1] == pair[0] * 2));
        assert_eq!(histogram.bounds.last(), Some(&Duration::from_micros(6_553_600)));
        assert_eq!(histogram.counts.len(), histogram.bounds.len() + 1);
    }

    #[test]
    fn a_duration_on_a_bound_is_in_the_bucket_of_that_bound_and_one_above_it_in_the_next() {
        let all = AtomicHistogram::new(BOUNDS).read();
        for (place, bound) in all.bounds.iter().enumerate() {
            assert_eq!(BOUNDS.bucket(*bound), place);
            assert_eq!(BOUNDS.bucket(*bound + Duration::from_nanos(1)), place + 1);
        }
        assert_eq!((BOUNDS.bucket(Duration::ZERO), BOUNDS.bucket(Duration::MAX)), (0, 19));
    }

    proptest! {
        #[test]
        fn a_duration_is_in_the_first_bucket_whose_bound_it_does_not_exceed(
            nanos in prop_oneof![0..10_000_000_000_u64, any::<u64>()], first in 1..1_000_u64, count in 1..30_usize,
        ) {
            let histogram = AtomicHistogram::new(Bounds::doubling(first, count));
            let took = Duration::from_nanos(nanos);
            histogram.add(took);
            let read = histogram.read();
            let place = read.bounds.iter().position(|bound| took <= *bound).unwrap_or(count);
            prop_assert_eq!(read.counts.iter().position(|count| *count == 1), Some(place));
            prop_assert_eq!((read.count(), read.sum), (1, took));
        }
    }
}
