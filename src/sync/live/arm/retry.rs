//! What becomes of a request that was not answered well: a pure decision.

use std::time::{Duration, UNIX_EPOCH};

use crate::sync::live::outside::{CallError, Reply};

/// Further tries of a request.
const MAX_TRIES: u32 = 3;
/// The longest time that a `Retry-After` is obeyed; a longer one is a mistake or a lie.
const MAX_HOLD: Duration = Duration::from_hours(1);

/// What is known when a request has failed.
pub(super) struct Situation {
    /// Further tries that were made.
    pub(super) tries: u32,
    /// Time that may still be lost in this read.
    pub(super) left: Duration,
    /// From 0 to below 1.
    pub(super) random: f64,
    /// Seconds since 1970.
    pub(super) unix: u64,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Another try after this time.
    Again(Duration),
    /// Another try with a new token.
    Renew,
    /// No more; and nothing more of this subscription before that time is over.
    Leave(Option<Duration>),
}

/// Decides about an answer other than 200.
pub(super) fn decide(answer: &Result<Reply, CallError>, situation: &Situation) -> Step {
    let patiently = |time: Duration| {
        let may = situation.tries < MAX_TRIES && time <= situation.left;
        if may { Step::Again(time) } else { Step::Leave(None) }
    };
    let by_turns = || patiently(back_off(situation));
    match answer {
        Ok(reply) => match reply.status {
            401 => Step::Renew,
            429 | 503 => match retry_after(reply, situation.unix) {
                Some(time) => match patiently(time.max(back_off(situation).min(Duration::from_secs(1)))) {
                    Step::Leave(_) => Step::Leave(Some(time.min(MAX_HOLD))),
                    step => step,
                },
                None => by_turns(),
            },
            408 | 500 | 502 | 504 => by_turns(),
            _ => Step::Leave(None),
        },
        Err(CallError::Unreachable(_) | CallError::TimedOut(_)) => by_turns(),
        Err(CallError::TooLarge(_)) => Step::Leave(None),
    }
}

/// 1, 2, 4 s, each a quarter more or less.
fn back_off(situation: &Situation) -> Duration {
    Duration::from_secs(1 << situation.tries.min(8)).mul_f64(0.75 + situation.random.clamp(0.0, 1.0) / 2.0)
}

/// The time that a reply asks to wait: in milliseconds by two names of Microsoft's, else `Retry-After` in seconds or as
/// a date (RFC 9110 section 10.2.3).
fn retry_after(reply: &Reply, unix: u64) -> Option<Duration> {
    // A number that does not fit is longer than any that does.
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
        is_number.then(|| text.parse().unwrap_or(u64::MAX))
    };
    let mut millis = ["retry-after-ms", "x-ms-retry-after-ms"].into_iter().filter_map(|name| reply.header(name));
    if let Some(millis) = millis.find_map(|text| number(text.trim())) {
        return Some(Duration::from_millis(millis));
    }
    let text = reply.header("retry-after")?.trim();
    let date = || {
        let date = httpdate::parse_http_date(text).ok()?;
        Some(date.duration_since(UNIX_EPOCH + Duration::from_secs(unix)).unwrap_or_default())
    };
    number(text).map(Duration::from_secs).or_else(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(status: u16, headers: &[(&str, &str)], tries: u32, left: u64) -> Step {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let situation = Situation { tries, left: Duration::from_secs(left), random: 0.5, unix: 784_111_777 };
        decide(&Ok(Reply { status, headers, body: Vec::new() }), &situation)
    }

    fn seconds(time: u64) -> Duration {
        Duration::from_secs(time)
    }

    #[test]
    fn what_may_pass_is_tried_three_times_more_after_1_2_and_4_seconds() {
        for status in [408, 429, 500, 502, 503, 504] {
            let steps: Vec<Step> = (0..4).map(|tries| step(status, &[], tries, 60)).collect();
            let again = |time| Step::Again(seconds(time));
            assert_eq!(steps, [again(1), again(2), again(4), Step::Leave(None)], "{status}");
        }
        assert_eq!(step(500, &[], 2, 3), Step::Leave(None), "there is no time left for it");
    }

    #[test]
    fn what_does_not_pass_is_not_tried_again() {
        for status in [204, 301, 302, 307, 400, 403, 404, 409, 418, 501] {
            assert_eq!(step(status, &[("retry-after", "1")], 0, 60), Step::Leave(None), "{status}");
        }
        assert_eq!(step(401, &[], 0, 60), Step::Renew);
    }

    #[test]
    fn retry_after_is_obeyed_in_all_its_forms() {
        for (name, value, time) in [
            ("retry-after", "7", 7),
            ("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT", 10),
            ("retry-after", "Sun, 06 Nov 1994 08:49:30 GMT", 1),
            ("retry-after", "0", 1),
            ("retry-after-ms", "7000", 7),
            ("x-ms-retry-after-ms", "7000", 7),
            ("retry-after", "soon", 1),
        ] {
            assert_eq!(step(429, &[(name, value)], 0, 60), Step::Again(seconds(time)), "{name}: {value}");
            assert_eq!(step(503, &[(name, value)], 0, 60), Step::Again(seconds(time)), "{name}: {value}");
        }
    }

    #[test]
    fn a_retry_after_that_is_longer_than_what_is_left_ends_the_read_of_that_subscription() {
        assert_eq!(step(429, &[("retry-after", "61")], 0, 60), Step::Leave(Some(seconds(61))));
        assert_eq!(step(503, &[("retry-after", "5")], 3, 60), Step::Leave(Some(seconds(5))));
        for huge in ["999999", "99999999999999999999999999"] {
            assert_eq!(step(429, &[("retry-after", huge)], 0, 60), Step::Leave(Some(MAX_HOLD)), "{huge}");
        }
    }
}
