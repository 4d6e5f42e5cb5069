//! Moments and durations in words.
//!
//! In: seconds. Out: words for people, and the exact time beside them. Pure: the present is an argument.

use askama::Template;

use crate::sync::pass::rfc3339;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A moment as the page shows it: in words, with the exact time as its title.
#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(source = r#"<time datetime="{{ exact }}" title="{{ exact }}">{{ words }}</time>"#, ext = "html")]
pub(super) struct Moment {
    /// RFC 3339, in UTC.
    exact: String,
    words: String,
}

impl Moment {
    /// A moment, seconds since 1970, seen from `now`: "3 min ago".
    pub(super) fn seen(at: u64, now: u64) -> Self {
        let words = match (now.checked_sub(at), at.saturating_sub(now)) {
            // The clock is read more than once for a page.
            (Some(0), _) | (None, 1 | 2) => "now".to_owned(),
            (Some(past), _) => format!("{} ago", duration(past)),
            (None, ahead) => format!("in {}", duration(ahead)),
        };
        Self { exact: rfc3339(at), words }
    }

    /// A moment as date and time: "2026-11-26 11:52:03 UTC".
    pub(super) fn full(at: u64) -> Self {
        let exact = rfc3339(at);
        Self { words: format!("{} UTC", exact.trim_end_matches('Z').replacen('T', " ", 1)), exact }
    }

    /// A moment written as RFC 3339; `None` if it is no such thing.
    pub(super) fn parsed(text: &str, now: u64) -> Option<Self> {
        let at = humantime::parse_rfc3339(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some(Self::seen(at.as_secs(), now))
    }
}

/// A duration in its largest unit, rounded down: "3 min".
pub(super) fn duration(seconds: u64) -> String {
    match seconds {
        0..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        HOUR..DAY => format!("{} h", seconds / HOUR),
        _ if seconds / DAY == 1 => "1 day".to_owned(),
        _ => format!("{} days", seconds / DAY),
    }
}

/// A duration in its two largest units: "3 days 4 h".
pub(super) fn long_duration(seconds: u64) -> String {
    let (whole, rest) = match seconds {
        0..MINUTE => return duration(seconds),
        MINUTE..HOUR => (MINUTE, 1),
        HOUR..DAY => (HOUR, MINUTE),
        _ => (DAY, HOUR),
    };
    let rest = (seconds % whole) / rest * rest;
    if rest == 0 { duration(seconds) } else { format!("{} {}", duration(seconds), duration(rest)) }
}

/// A short time: "50 µs", "1.2 ms", "3 s".
pub(super) fn short(seconds: f64) -> String {
    let (value, unit) = match seconds {
        _ if seconds < 0.001 => (seconds * 1e6, "µs"),
        _ if seconds < 1.0 => (seconds * 1e3, "ms"),
        _ => (seconds, "s"),
    };
    if value < 10.0 && (value * 10.0).round() % 10.0 > 0.5 {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.0} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_seen_from_now_in_its_largest_unit() {
        let seen = |at| Moment::seen(at, 1_000_000).words;
        assert_eq!(seen(1_000_000), "now");
        assert_eq!([seen(1_000_001), seen(1_000_002), seen(1_000_003)], ["now", "now", "in 3 s"]);
        assert_eq!(seen(999_941), "59 s ago");
        assert_eq!(seen(999_820), "3 min ago");
        assert_eq!(seen(1_000_000 - 7_300), "2 h ago");
        assert_eq!(seen(1_000_000 - 90_000), "1 day ago");
        assert_eq!(seen(1_000_000 - 500_000), "5 days ago");
        assert_eq!(seen(1_003_000), "in 50 min");
    }

    #[test]
    fn its_title_has_the_exact_time_in_utc() {
        let html = Moment::seen(1_764_000_000, 1_764_000_060).render().unwrap();
        assert_eq!(html, r#"<time datetime="2025-11-24T16:00:00Z" title="2025-11-24T16:00:00Z">1 min ago</time>"#);
        assert_eq!(Moment::full(1_764_000_000).words, "2025-11-24 16:00:00 UTC");
        assert_eq!(Moment::parsed("2025-11-24T16:00:00Z", 1_764_000_005).unwrap().words, "5 s ago");
        assert_eq!(Moment::parsed("<b>", 5), None);
        assert_eq!(Moment::full(u64::MAX).words, "9999-12-31 23:59:59 UTC");
    }

    #[test]
    fn durations_have_two_units_or_one() {
        assert_eq!(long_duration(59), "59 s");
        assert_eq!(long_duration(61), "1 min 1 s");
        assert_eq!(long_duration(7_260), "2 h 1 min");
        assert_eq!(long_duration(3 * DAY + 4 * HOUR + 59), "3 days 4 h");
        assert_eq!(long_duration(3 * DAY), "3 days");
        assert_eq!(
            [0.000_05, 0.001_25, 0.012, 0.5, 2.0, 2.5].map(short),
            ["50 µs", "1.2 ms", "12 ms", "500 ms", "2 s", "2.5 s"]
        );
    }
}
