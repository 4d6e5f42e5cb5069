//! What waits for a person is said again each hour.
//!
//! Input: what waits now, and the time. Output: what is to be said. The first time is not said here: whoever found it
//! said it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The time between two reminders.
const EACH: Duration = Duration::from_hours(1);

/// Since when each thing waits, or when it was last said.
#[derive(Debug, Default)]
pub(in crate::daemon) struct Reminder {
    since: BTreeMap<String, Instant>,
}

impl Reminder {
    /// Of what waits now, by its key, those that are to be said again.
    pub(in crate::daemon) fn due(&mut self, waits: &[String], now: Instant) -> Vec<String> {
        self.since.retain(|key, _| waits.contains(key));
        let mut due = Vec::new();
        for key in waits {
            let since = self.since.entry(key.clone()).or_insert(now);
            if now.saturating_duration_since(*since) >= EACH {
                *since = now;
                due.push(key.clone());
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_said_again_each_hour_and_a_new_digest_waits_an_hour_of_its_own() {
        let start = Instant::now();
        let mut reminder = Reminder::default();
        let mut at = |minutes: u64, waits: &[&str]| {
            let waits: Vec<String> = waits.iter().map(|key| (*key).to_owned()).collect();
            reminder.due(&waits, start + Duration::from_mins(minutes))
        };
        assert!(at(0, &["held a"]).is_empty(), "it was just said");
        assert!(at(59, &["held a"]).is_empty());
        assert_eq!(at(60, &["held a"]), ["held a"]);
        assert!(at(61, &["held a", "frozen"]).is_empty(), "once in an hour, however often somebody looks");
        assert_eq!(at(120, &["held a", "frozen"]), ["held a"]);
        assert_eq!(at(121, &["held b", "frozen"]), ["frozen"], "another digest is news, which the pass says");
        assert!(at(130, &[]).is_empty());
        assert!(at(182, &["held b"]).is_empty(), "it was away");
        assert_eq!(at(300, &["held b"]), ["held b"], "a loop that stood still says it once");
        assert!(at(301, &["held b"]).is_empty());
    }
}
