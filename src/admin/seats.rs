//! Connections that are open at one time: a bounded number, of which a new one can always have one.
//!
//! In: connections, requests, the time. Out: which connection makes room. Whoever asked the longest ago goes, so that
//! clients that hold connections without asking keep nobody out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

/// The seats of one listener.
pub(super) struct Seats {
    max: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    next: u64,
    seats: BTreeMap<u64, (Instant, Arc<Notify>)>,
}

/// One connection's seat, which is given back when it is dropped.
pub(super) struct Seat {
    seats: Arc<Seats>,
    number: u64,
    displaced: Arc<Notify>,
}

impl Seats {
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, taken: Mutex::default() })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A seat for a new connection, and whether another one lost its own for it.
    pub(super) fn take(self: &Arc<Self>, now: Instant) -> (Seat, bool) {
        let mut taken = self.taken();
        let is_full = taken.seats.len() >= self.max;
        if is_full {
            let longest_ago = taken.seats.iter().min_by_key(|(_, (since, _))| *since).map(|(number, _)| *number);
            if let Some((_, displaced)) = longest_ago.and_then(|number| taken.seats.remove(&number)) {
                displaced.notify_one();
            }
        }
        let (number, displaced) = (taken.next, Arc::new(Notify::new()));
        taken.next += 1;
        taken.seats.insert(number, (now, Arc::clone(&displaced)));
        drop(taken);
        (Seat { seats: Arc::clone(self), number, displaced }, is_full)
    }
}

impl Seat {
    /// A request came.
    pub(super) fn asked(&self, now: Instant) {
        if let Some((since, _)) = self.seats.taken().seats.get_mut(&self.number) {
            *since = now;
        }
    }

    /// Waits until another connection got the seat.
    pub(super) async fn displaced(&self) {
        self.displaced.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.taken().seats.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;

    use super::*;

    /// Whether a seat is lost, without waiting.
    fn is_displaced(seat: &Seat) -> bool {
        pin!(seat.displaced()).poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(())
    }

    #[test]
    fn the_connection_that_asked_the_longest_ago_makes_room() {
        let (seats, start) = (Seats::new(3), Instant::now());
        let at = |second| start + Duration::from_secs(second);
        let open: Vec<Seat> = (0..3).map(|second| seats.take(at(second)).0).collect();
        open[0].asked(at(5));
        let (new, is_full) = seats.take(at(6));
        assert!(is_full);
        let lost: Vec<bool> = open.iter().chain([&new]).map(is_displaced).collect();
        assert_eq!(lost, [false, true, false, false]);
    }

    #[test]
    fn a_seat_that_is_given_back_is_free_and_one_that_was_lost_is_not_given_back_twice() {
        let (seats, now) = (Seats::new(1), Instant::now());
        let (first, _) = seats.take(now);
        let (second, is_full) = seats.take(now);
        assert!(is_full && is_displaced(&first));
        drop(first);
        assert!(!is_displaced(&second));
        drop(second);
        assert!(!seats.take(now).1, "the only seat is free again");
    }

    #[test]
    fn however_many_come_there_are_no_more_seats_than_that() {
        let (seats, now) = (Seats::new(8), Instant::now());
        let open: Vec<Seat> = (0..1000).map(|_| seats.take(now).0).collect();
        assert_eq!(seats.taken().seats.len(), 8);
        assert_eq!(open.iter().filter(|seat| !is_displaced(seat)).count(), 8);
    }
}
