//! Whether a certificate is valid, and how long it will be.
//!
//! In: the time in which it is valid, and the present time. Out: a diagnostic, which `status`, `check` and `doctor`
//! show. Pure.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use crate::diag::{Diagnostic, Id, Place};

/// A certificate should be new before this time is left, seconds: what renews it has failed for two weeks by then.
const RENEWAL_S: u64 = 14 * 86_400;

/// The end of the year 9999, which is the last that can be written.
const LAST_SECOND: u64 = 253_402_300_799;

/// What is wrong with a certificate that is valid from the first second to the last one.
pub(crate) fn check(file: &Path, (from, until): (u64, u64), now: u64) -> Option<Diagnostic> {
    let place = || Place::file(file);
    let renew = "renew it; new files are taken by themselves";
    if now > until {
        let text = format!("the certificate expired at {}: clients refuse this server; {renew}", shown(until));
        return Some(Diagnostic::error(Id::CERTIFICATE_INVALID, place(), text));
    }
    if now < from {
        let text = format!(
            "the certificate is not valid before {}: clients refuse this server until then; look at this machine's clock",
            shown(from)
        );
        return Some(Diagnostic::error(Id::CERTIFICATE_NOT_YET_VALID, place(), text));
    }
    // Certificates of some days are renewed late in their life.
    let soon = RENEWAL_S.min(until.saturating_sub(from) / 4);
    (until - now < soon).then(|| {
        let text = format!("the certificate expires at {}, and nothing has renewed it: {renew}", shown(until));
        Diagnostic::warning(Id::CERTIFICATE_EXPIRES, place(), text)
    })
}

/// A time as RFC 3339 has it.
pub(crate) fn shown(seconds: u64) -> String {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds.min(LAST_SECOND))).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Severity::{self, Error, Warning};

    const DAY: u64 = 86_400;

    fn severity(days: u64, day: u64) -> Option<Severity> {
        let valid = (1000 * DAY, (1000 + days) * DAY);
        check(Path::new("c.pem"), valid, (1000 + day) * DAY + 1).map(|found| found.severity)
    }

    #[test]
    fn a_certificate_is_warned_of_two_weeks_before_its_end_or_in_the_last_quarter_of_a_short_life() {
        let of_90_days = [0, 75, 76, 89, 90].map(|day| severity(90, day));
        assert_eq!(of_90_days, [None, None, Some(Warning), Some(Warning), Some(Error)]);
        assert_eq!([5, 6, 8].map(|day| severity(8, day)), [None, Some(Warning), Some(Error)]);
    }

    #[test]
    fn a_certificate_is_an_error_before_its_time_too_and_the_message_has_the_time() {
        let said = check(Path::new("c.pem"), (1_800_000_000, 1_900_000_000), 1_799_999_999).unwrap().to_string();
        assert!(said.starts_with("c.pem: the certificate is not valid before 2027-01-15T08:00:00Z"), "{said}");
        assert_eq!(check(Path::new("c.pem"), (0, u64::MAX), 5), None);
        assert_eq!(shown(u64::MAX), "9999-12-31T23:59:59Z");
    }
}
