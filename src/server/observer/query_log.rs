//! The query log: one line for a query, and a rate that no flood exceeds.
//!
//! In: queries, with the time. Out: log lines of their own target. What is beyond the rate is counted, and said once a
//! second at most.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::dns::Rtype;
use crate::server::counters::{Disposition, Response};
use crate::zone::ViewName;

/// The target of the lines, by which they are filtered.
pub const QUERY_LOG: &str = "query_log";

/// Lines per second, and how many may come at once after a quiet time.
const RATE: u32 = 100;
const BURST: u32 = 200;

/// The time between two lines on queries that were not logged.
const REPORT: Duration = Duration::from_secs(1);

/// The rate of the log.
pub(super) struct QueryLog {
    bucket: Mutex<Bucket>,
    /// Queries that were not logged since that was last said.
    unlogged: AtomicU64,
}

/// A token bucket (its state is the time at which it is full again), and when losses were last said.
struct Bucket {
    full_at: Instant,
    said: Option<Instant>,
}

impl QueryLog {
    pub(super) fn new(now: Instant) -> Self {
        Self { bucket: Mutex::new(Bucket { full_at: now, said: None }), unlogged: AtomicU64::new(0) }
    }

    /// Whether one more query may be logged; if not, the caller counts it. It never waits.
    pub(super) fn take(&self, now: Instant) -> bool {
        let Ok(mut bucket) = self.bucket.try_lock() else { return false };
        let (taken, lost) = (bucket.take(now), bucket.report(&self.unlogged, now));
        drop(bucket);
        say(lost);
        taken
    }

    /// Counts queries that were not logged.
    pub(super) fn leave_out(&self, queries: u64) {
        self.unlogged.fetch_add(queries, Relaxed);
    }

    /// Queries that were not logged since that was last said.
    #[cfg(test)]
    pub(super) fn unlogged(&self) -> u64 {
        self.unlogged.load(Relaxed)
    }

    /// Says how many queries were not logged, if it is time.
    pub(super) fn beat(&self, now: Instant) {
        let lost = self.bucket.lock().unwrap_or_else(PoisonError::into_inner).report(&self.unlogged, now);
        say(lost);
    }
}

impl Bucket {
    fn take(&mut self, now: Instant) -> bool {
        let cost = Duration::from_secs(1) / RATE;
        let missing = self.full_at.saturating_duration_since(now);
        if missing + cost > cost * BURST {
            return false;
        }
        self.full_at = self.full_at.max(now) + cost;
        true
    }

    /// The number of queries that were not logged; 0 if it is not time to say it.
    fn report(&mut self, unlogged: &AtomicU64, now: Instant) -> u64 {
        if unlogged.load(Relaxed) == 0 || self.said.is_some_and(|said| now.saturating_duration_since(said) < REPORT) {
            return 0;
        }
        self.said = Some(now);
        unlogged.swap(0, Relaxed)
    }
}

fn say(lost: u64) {
    if lost > 0 {
        tracing::info!(target: QUERY_LOG, unlogged = lost, "more queries than {RATE} a second were not logged");
    }
}

/// One query.
pub(super) struct Line {
    pub(super) client: IpAddr,
    /// Its view; none for the base.
    pub(super) view: Option<ViewName>,
    /// None of a message that is not a query.
    pub(super) name: Option<String>,
    pub(super) rtype: Option<Rtype>,
    pub(super) transport: &'static str,
    pub(super) disposition: Disposition,
    /// The name that a hosted zone lacks.
    pub(super) missed: Option<String>,
    pub(super) took: Duration,
}

impl Line {
    pub(super) fn log(self) {
        let Disposition { reason, response } = self.disposition;
        let not_whole = (!matches!(response, Response::Answered(_))).then(|| response.name());
        tracing::info!(
            target: QUERY_LOG,
            client = %self.client,
            view = self.view.map(tracing::field::display),
            name = self.name.map(tracing::field::display),
            rtype = self.rtype.map(tracing::field::display),
            transport = %self.transport,
            rcode = response.rcode().map(tracing::field::display),
            response = not_whole.map(tracing::field::display),
            reason = %reason.name(),
            missed = self.missed.map(tracing::field::display),
            took_us = u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX),
            "query"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_burst_passes_and_then_a_hundred_a_second() {
        let start = Instant::now();
        let log = QueryLog::new(start);
        let at = |ms: u32, asked: u32| (0..asked).filter(|_| log.take(start + MS * ms)).count();
        assert_eq!(at(0, 10_000), BURST as usize);
        assert_eq!(at(500, 10_000), RATE as usize / 2);
        assert_eq!((501..1500).map(|ms| at(ms, 100)).sum::<usize>(), 99);
        assert_eq!(at(60_000, 10_000), BURST as usize, "a quiet minute saves up one burst");
    }

    #[test]
    fn losses_are_said_once_a_second_at_most_and_none_is_forgotten() {
        let start = Instant::now();
        let (mut bucket, unlogged) = (Bucket { full_at: start, said: None }, AtomicU64::new(0));
        let mut said = Vec::new();
        for ms in 0..2500 {
            unlogged.fetch_add(3, Relaxed);
            said.extend(Some(bucket.report(&unlogged, start + MS * ms)).filter(|lost| *lost > 0));
        }
        assert_eq!(said, [3, 3000, 3000]);
        assert_eq!(bucket.report(&unlogged, start + MS * 3000), 3 * 2500 - 6003);
        assert_eq!(bucket.report(&unlogged, start + MS * 9000), 0, "nothing was lost since");
    }
}
