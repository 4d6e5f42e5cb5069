//! When a place that gives tokens is asked again, within one read of a source. What lasts longer is left to the next
//! read: no failure is final.

use std::time::Duration;

use super::{Effort, TokenError};
use crate::sync::live::outside::{CallError, Outside, Reply, Request, Road};

/// The time in which a busy or missing identity endpoint is asked again.
const LOCAL_TIME: Duration = Duration::from_secs(30);
/// The time that an endpoint which is being updated takes, by Microsoft's word (status 410).
const UPDATE_TIME: Duration = Duration::from_secs(70);
/// The tries where nobody answers, and those at Entra.
const FEW: u32 = 3;
/// The longest pause between two tries.
const LONGEST: Duration = Duration::from_secs(16);
/// The longest time that a place may ask to be left alone: it would not be the first wrong one.
const LONGEST_CLOSED: Duration = Duration::from_mins(10);

/// Sends a request, again where that may help.
///
/// # Errors
/// If there is no reply at all after the last try, or the source is to end.
pub(super) fn send(outside: &dyn Outside, request: &Request<'_>, effort: Effort) -> Result<Reply, Unanswered> {
    let begin = outside.elapsed();
    for tries in 1.. {
        let answer = outside.send(request);
        let spent = outside.elapsed().saturating_sub(begin);
        let again = pause(request.road, &answer, tries, spent, outside.unix(), outside.random());
        let Some(time) = again.filter(|_| effort.is_patient) else {
            return answer.map_err(Unanswered::Failed);
        };
        if !outside.wait(time) {
            return Err(Unanswered::Stopped);
        }
    }
    Err(Unanswered::Stopped)
}

/// The pause before the next try; `None` if this answer stands.
fn pause(
    road: Road,
    answer: &Result<Reply, CallError>,
    tries: u32,
    spent: Duration,
    unix: u64,
    random: f64,
) -> Option<Duration> {
    let usual = Duration::from_secs(1 << (tries - 1).min(4)).min(LONGEST).mul_f64(1.0 + random / 4.0);
    let reply = match answer {
        Ok(reply) => reply,
        Err(CallError::TooLarge(_)) => return None,
        Err(_) => return (tries < FEW).then_some(usual),
    };
    let (time, most_tries) = match (road, reply.status) {
        (Road::Local, 410) => (UPDATE_TIME + LONGEST, u32::MAX),
        (Road::Local, 404 | 408 | 429 | 500..=599) => (LOCAL_TIME, u32::MAX),
        (Road::Cloud, 408 | 429 | 500..=599) => (LOCAL_TIME, FEW),
        _ => return None,
    };
    let wanted = retry_after(reply, unix).unwrap_or_default().max(usual);
    (tries < most_tries && spent + wanted <= time).then_some(wanted)
}

/// The time that a reply asks to be left alone; at most ten minutes are granted.
pub(super) fn retry_after(reply: &Reply, unix: u64) -> Option<Duration> {
    let millis = ["retry-after-ms", "x-ms-retry-after-ms"].into_iter().find_map(|name| reply.header(name));
    let millis = millis.and_then(|text| text.trim().parse().ok()).map(Duration::from_millis);
    let field = reply.header("retry-after").map(str::trim);
    let seconds = field.and_then(|text| text.parse().ok()).map(Duration::from_secs);
    let date = || {
        let date = httpdate::parse_http_date(field?).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some(date.saturating_sub(Duration::from_secs(unix)))
    };
    millis.or(seconds).or_else(date).map(|time| time.min(LONGEST_CLOSED))
}

/// True for a status that may pass by itself.
pub(super) fn is_passing(road: Road, status: u16) -> bool {
    matches!(status, 408 | 429 | 500..=599) || road == Road::Local && matches!(status, 404 | 410)
}

/// The reason why there is no reply.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// As the last try failed.
    Failed(CallError),
    /// The source is to end.
    Stopped,
}

impl Unanswered {
    /// The same in words: `whom` is the place, `advice` what to do if nobody is there.
    pub(super) fn of(self, whom: &str, advice: &str) -> TokenError {
        TokenError::passing(match self {
            Self::Failed(CallError::TooLarge(max)) => {
                format!("{whom} sends more than {}, which is no token; it is asked again", crate::files::size(max))
            }
            Self::Failed(error) => {
                let error = error.to_string();
                format!("{whom} does not answer ({}); it is asked again{advice}", crate::diag::printable(&error))
            }
            Self::Stopped => format!("{whom} was not asked to the end: the source ends"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{reply, with_header};
    use super::*;

    #[test]
    fn a_place_may_ask_to_be_left_alone_in_seconds_milliseconds_or_by_a_date_but_not_for_ever() {
        let asks = |name: &str, value: &str| retry_after(&with_header(reply(429, ""), name, value), 784_111_777);
        assert_eq!(asks("retry-after", " 7 "), Some(Duration::from_secs(7)));
        assert_eq!(asks("x-ms-retry-after-ms", "1500"), Some(Duration::from_millis(1500)));
        assert_eq!(asks("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT"), Some(Duration::from_secs(10)));
        assert_eq!(asks("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO), "a date in the past");
        assert_eq!(asks("retry-after", "18446744073709551615"), Some(LONGEST_CLOSED));
        for junk in ["", "-1", "soon", "1.5", "99999999999999999999999"] {
            assert_eq!(asks("retry-after", junk), None, "{junk}");
        }
    }
}
