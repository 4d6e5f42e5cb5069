//! Transitions of upstreams: each once, and seldom for one that goes up and down all the time.
//!
//! In: the state of every upstream, once a second, and the time. Out: what to log. Pure.

use crate::forward::State;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::status::UpstreamStatus;

/// The least time between two lines on one upstream; it doubles with each line, up to the longest.
const FIRST_GAP: Duration = Duration::from_secs(1);
const LONGEST_GAP: Duration = Duration::from_mins(1);

/// The time without a line after which an upstream counts as steady again.
const STEADY: Duration = Duration::from_mins(5);

/// What became of an upstream.
pub(in crate::daemon) struct Transition {
    /// Whether it is good news.
    pub(in crate::daemon) is_good: bool,
    /// One sentence.
    pub(in crate::daemon) text: String,
}

/// The states that were logged last.
#[derive(Default)]
pub(in crate::daemon) struct UpstreamLog {
    logged: BTreeMap<String, Logged>,
}

struct Logged {
    state: State,
    at: Instant,
    gap: Duration,
}

impl UpstreamLog {
    /// The transitions since the last comparison. An upstream that was not there before counts as up, and one that is
    /// gone is forgotten.
    pub(in crate::daemon) fn compare(&mut self, now: &[UpstreamStatus], at: Instant) -> Vec<Transition> {
        self.logged.retain(|address, _| now.iter().any(|upstream| upstream.address == *address));
        let others = |own: &UpstreamStatus| now.iter().any(|other| other.address != own.address && other.is_up());
        let news: Vec<&UpstreamStatus> = now.iter().filter(|upstream| self.is_news(upstream, at)).collect();
        news.into_iter().map(|upstream| transition(upstream, others(upstream))).collect()
    }

    /// Whether the state is to be logged now; if so, it counts as logged.
    fn is_news(&mut self, upstream: &UpstreamStatus, at: Instant) -> bool {
        let Some(logged) = self.logged.get_mut(&upstream.address) else {
            let (address, state) = (upstream.address.clone(), upstream.state);
            self.logged.insert(address, Logged { state, at, gap: FIRST_GAP });
            return !upstream.is_up();
        };
        let quiet = at.saturating_duration_since(logged.at);
        if logged.state == upstream.state || quiet < logged.gap {
            return false;
        }
        logged.gap = if quiet >= STEADY { FIRST_GAP } else { (logged.gap * 2).min(LONGEST_GAP) };
        (logged.state, logged.at) = (upstream.state, at);
        true
    }
}

fn transition(upstream: &UpstreamStatus, others: bool) -> Transition {
    let address = &upstream.address;
    let error = upstream.last_error.as_ref().map(|error| format!(" ({})", error.text)).unwrap_or_default();
    match upstream.state {
        State::Up => Transition { is_good: true, text: format!("upstream {address} answers again") },
        State::Looping => {
            let text = format!(
                "upstream {address} leads back to this server (forwarding loop); it is not asked until that ends: name \
                 another one in 'upstreams', or take this server out of its forwarders"
            );
            Transition { is_good: false, text }
        }
        State::Down => {
            let then = if others {
                "others are asked"
            } else {
                "no other upstream is up; check the network and the server at that address"
            };
            Transition { is_good: false, text: format!("upstream {address} does not answer{error}: {then}") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::upstreams::UpstreamError;

    const SECOND: Duration = Duration::from_secs(1);

    fn upstream(address: &str, state: State) -> UpstreamStatus {
        UpstreamStatus { address: address.to_owned(), state, ..UpstreamStatus::default() }
    }

    fn texts(transitions: Vec<Transition>) -> Vec<String> {
        transitions.into_iter().map(|transition| transition.text).collect()
    }

    #[test]
    fn each_transition_is_said_once_with_the_last_error_and_who_is_asked_now() {
        let (mut log, start) = (UpstreamLog::default(), Instant::now());
        let error = UpstreamError { text: "no reply within 400 ms".to_owned(), ..UpstreamError::default() };
        let down = UpstreamStatus { last_error: Some(error), ..upstream("10.0.0.10:53", State::Down) };
        let other = |state| upstream("10.0.0.11:53", state);
        let rounds = [
            vec![upstream("10.0.0.10:53", State::Up), other(State::Up)],
            vec![down.clone(), other(State::Up)],
            vec![down.clone(), other(State::Up)],
            vec![down.clone(), other(State::Looping)],
            vec![upstream("10.0.0.10:53", State::Up), other(State::Up)],
            vec![upstream("10.0.0.10:53", State::Up), other(State::Up)],
        ];
        let said: Vec<Vec<String>> =
            rounds.iter().zip(0..).map(|(round, n)| texts(log.compare(round, start + SECOND * 10 * n))).collect();
        assert_eq!(said[1], ["upstream 10.0.0.10:53 does not answer (no reply within 400 ms): others are asked"]);
        assert!(said[3][0].contains("forwarding loop"), "{said:?}");
        assert_eq!(said[4], ["upstream 10.0.0.10:53 answers again", "upstream 10.0.0.11:53 answers again"]);
        assert_eq!(said.iter().map(Vec::len).collect::<Vec<_>>(), [0, 1, 0, 1, 2, 0]);
    }

    #[test]
    fn an_upstream_that_is_down_from_the_start_is_said_and_one_that_is_gone_is_not() {
        let (mut log, start) = (UpstreamLog::default(), Instant::now());
        let said = texts(log.compare(&[upstream("10.0.0.10:53", State::Down)], start));
        assert!(said.len() == 1 && said[0].contains("no other upstream is up"), "{said:?}");
        assert!(log.compare(&[upstream("10.0.0.11:53", State::Up)], start + SECOND).is_empty());
        assert_eq!(
            log.compare(&[upstream("10.0.0.10:53", State::Down)], start + SECOND * 2).len(),
            1,
            "named again, and new"
        );
    }

    #[test]
    fn an_upstream_that_goes_up_and_down_all_day_has_a_line_a_minute_and_its_end_is_said() {
        let (mut log, start) = (UpstreamLog::default(), Instant::now());
        let state = |n: u32| if n.is_multiple_of(3) { State::Up } else { State::Down };
        let day = 24 * 3600;
        let said = (0..day).map(|n| log.compare(&[upstream("u", state(n))], start + SECOND * n).len()).sum::<usize>();
        assert!((1000..1500).contains(&said), "{said}");
        let after: Vec<String> = (day..day + 120)
            .flat_map(|n| texts(log.compare(&[upstream("u", State::Up)], start + SECOND * n)))
            .collect();
        assert!(after.len() <= 1, "{after:?}");
        assert_eq!(log.logged["u"].state, State::Up);
        let later = start + SECOND * (day + 600);
        assert_eq!(log.compare(&[upstream("u", State::Down)], later).len(), 1);
        assert_eq!(
            log.compare(&[upstream("u", State::Up)], later + SECOND).len(),
            1,
            "steady since, so said at once again"
        );
    }
}
