//! Connections that are open at one time: a bounded number, of which a new one can always have one.
//!
//! In: connections, requests, the time. Out: which connection makes room. Whoever asked the longest ago goes, so that
//! clients that hold connections without asking keep nobody out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

/// The connections of one listener.
pub(super) struct Connections {
    max: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    /// When each of them asked last, or came, by its number.
    all: BTreeMap<u64, (Instant, Arc<Notify>)>,
}

/// One connection, which is counted until it is dropped.
pub(super) struct Connection {
    connections: Arc<Connections>,
    number: u64,
    displaced: Arc<Notify>,
}

impl Connections {
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, open: Mutex::default() })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new connection, and whether another one has to end for it.
    pub(super) fn admit(self: &Arc<Self>, now: Instant) -> (Connection, bool) {
        let mut open = self.open();
        let is_full = open.all.len() >= self.max;
        if is_full {
            let longest_ago = open.all.iter().min_by_key(|(_, (since, _))| *since).map(|(number, _)| *number);
            if let Some((_, displaced)) = longest_ago.and_then(|number| open.all.remove(&number)) {
                displaced.notify_one();
            }
        }
        let (number, displaced) = (open.next, Arc::new(Notify::new()));
        open.next += 1;
        open.all.insert(number, (now, Arc::clone(&displaced)));
        drop(open);
        (Connection { connections: Arc::clone(self), number, displaced }, is_full)
    }
}

impl Connection {
    /// A request came.
    pub(super) fn asked(&self, now: Instant) {
        if let Some((since, _)) = self.connections.open().all.get_mut(&self.number) {
            *since = now;
        }
    }

    /// Waits until it has to end for another one.
    pub(super) async fn displaced(&self) {
        self.displaced.notified().await;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.connections.open().all.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;

    use super::*;

    /// Whether it has to end, without waiting.
    fn is_displaced(connection: &Connection) -> bool {
        pin!(connection.displaced()).poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(())
    }

    #[test]
    fn the_connection_that_asked_the_longest_ago_makes_room() {
        let (connections, start) = (Connections::new(3), Instant::now());
        let at = |second| start + Duration::from_secs(second);
        let open: Vec<Connection> = (0..3).map(|second| connections.admit(at(second)).0).collect();
        open[0].asked(at(5));
        let (new, is_full) = connections.admit(at(6));
        assert!(is_full);
        let ended: Vec<bool> = open.iter().chain([&new]).map(is_displaced).collect();
        assert_eq!(ended, [false, true, false, false]);
    }

    #[test]
    fn a_connection_that_ended_makes_room_once() {
        let (connections, now) = (Connections::new(1), Instant::now());
        let (first, _) = connections.admit(now);
        let (second, is_full) = connections.admit(now);
        assert!(is_full && is_displaced(&first));
        drop(first);
        assert!(!is_displaced(&second));
        drop(second);
        assert!(!connections.admit(now).1, "there is room again");
    }

    #[test]
    fn however_many_come_there_are_no_more_than_that() {
        let (connections, now) = (Connections::new(8), Instant::now());
        let open: Vec<Connection> = (0..1000).map(|_| connections.admit(now).0).collect();
        assert_eq!(connections.open().all.len(), 8);
        assert_eq!(open.iter().filter(|connection| !is_displaced(connection)).count(), 8);
    }
}
