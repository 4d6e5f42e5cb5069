//! How long a client may leave answers where they are.
//!
//! In: octets that wait for the client, octets that it has taken, and times. Out: the time at which its connection
//! ends. A client has to take as much as waits within the idle time; one that takes an octet now and then does not take
//! its answers, and one that always takes them may have as many as it likes. Pure.

use std::time::{Duration, Instant};

/// The time since which a client has something to take.
#[derive(Default)]
pub(super) struct Patience(Option<Since>);

struct Since {
    at: Instant,
    /// The client has taken all that waited then once it has taken this many octets in all.
    target: u64,
}

impl Patience {
    /// Notes that so many octets wait, none of them only if nothing at all does, and that so many in all have left.
    pub(super) fn note(&mut self, waiting: Option<usize>, left: u64, now: Instant) {
        self.0 = match (waiting, self.0.take()) {
            (None, _) => None,
            (Some(_), Some(since)) if left < since.target => Some(since),
            (Some(octets), _) => Some(Since { at: now, target: left + octets.max(1) as u64 }),
        };
    }

    /// The time at which the connection ends unless the client takes something.
    pub(super) fn end(&self, idle: Duration) -> Option<Instant> {
        self.0.as_ref().map(|since| since.at + idle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(15);

    /// The second after which the connection ends; each step is a second, the octets that wait, and those that left.
    fn end(steps: &[(u64, Option<usize>, u64)]) -> Option<u64> {
        let (start, mut patience) = (Instant::now(), Patience::default());
        for (second, waiting, left) in steps {
            patience.note(*waiting, *left, start + Duration::from_secs(*second));
        }
        patience.end(IDLE).map(|end| (end - start).as_secs())
    }

    #[test]
    fn a_client_has_the_idle_time_for_all_that_waits() {
        assert_eq!(end(&[(1, Some(1000), 0)]), Some(16));
        assert_eq!(end(&[(1, Some(1000), 0), (9, Some(1), 999)]), Some(16), "it has not taken all of it");
        assert_eq!(end(&[(1, Some(1000), 0), (9, Some(900), 1000)]), Some(24), "what waits now is other octets");
        assert_eq!(end(&[(1, Some(1000), 0), (9, None, 1000)]), None);
    }

    #[test]
    fn a_client_that_takes_an_octet_now_and_then_gets_no_more_time() {
        let steps: Vec<_> = (1..15).map(|second| (second, Some(1000), second)).collect();
        assert_eq!(end(&steps), Some(16));
    }

    #[test]
    fn a_client_that_always_takes_its_answers_may_have_any_number_of_them() {
        let steps: Vec<_> = (1..1000).map(|second| (second, Some(64_000), second * 64_000)).collect();
        assert_eq!(end(&steps), Some(999 + 15));
    }
}
