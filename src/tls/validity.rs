//! The time in which a certificate is valid (RFC 5280 section 4.1.2.5).
//!
//! In: the DER of a certificate. Out: two times. The names are read by rustls, which does not show these times.

use std::ops::Range;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The first second in which it is valid, and the last one, in seconds since 1970; `None` if this is no certificate.
pub(super) fn of(der: &[u8]) -> Option<(u64, u64)> {
    let (certificate, _) = element(der, SEQUENCE)?;
    let (mut rest, _) = element(certificate, SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        (_, rest) = element(rest, VERSION)?;
    }
    // Serial number, algorithm, issuer.
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        (_, rest) = element(rest, tag)?;
    }
    let (validity, _) = element(rest, SEQUENCE)?;
    let (from, rest) = time(validity)?;
    Some((from, time(rest)?.0))
}

/// The contents of the element with this tag at the start, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match usize::from(*length) {
        short @ ..0x80 => (short, rest),
        long => {
            let (octets, rest) = rest.split_at_checked(long - 0x80)?;
            let length =
                octets.iter().try_fold(0_usize, |sum, octet| sum.checked_mul(256)?.checked_add((*octet).into()));
            (length?, rest)
        }
    };
    (*first == tag).then(|| rest.split_at_checked(length)).flatten()
}

/// The time at the start, and what follows it.
fn time(der: &[u8]) -> Option<(u64, &[u8])> {
    let (text, rest, year_len) = match der.first()? {
        &UTC_TIME => element(der, UTC_TIME).map(|(text, rest)| (text, rest, 2))?,
        _ => element(der, GENERALIZED_TIME).map(|(text, rest)| (text, rest, 4))?,
    };
    let digits = text.strip_suffix(b"Z")?;
    if digits.len() != year_len + 10 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |range: Range<usize>| digits[range].iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    let year = match number(0..year_len) {
        short @ 0..50 if year_len == 2 => 2000 + short,
        short if year_len == 2 => 1900 + short,
        year => year,
    };
    let part = |at: usize| number(year_len + at..year_len + at + 2);
    let seconds = days(year, part(0), part(2)) * 86_400 + part(4) * 3600 + part(6) * 60 + part(8);
    Some((u64::try_from(seconds).unwrap_or(0), rest))
}

/// Days since 1970 of a date of the Gregorian calendar. March is the first month of a year here, so that the day that a
/// leap year adds is its last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let months = (month + 9) % 12;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (months * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    fn certificate(from: i32, to: i32) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["dns.corp.example".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 3, 1));
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn rfc5280_4_1_2_5_years_up_to_2049_have_two_digits_and_later_ones_four() {
        assert_eq!(of(&certificate(1975, 2026)), Some((157_766_400, 1_772_323_200)));
        assert_eq!(of(&certificate(2049, 2050)), Some((2_493_072_000, 2_529_705_600)));
        assert_eq!(of(&certificate(2000, 2400)), Some((946_684_800, 13_574_649_600)));
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        for (date, wanted) in [((1970, 1, 1), 0), ((2000, 2, 29), 11_016), ((2100, 3, 1), 47_541), ((1969, 12, 31), -1)]
        {
            assert_eq!(days(date.0, date.1, date.2), wanted, "{date:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4), cut: u8) {
            let mut der = certificate(2020, 2030);
            for (at, octet) in flips {
                let at = at.index(der.len());
                der[at] = octet;
            }
            let _ = of(&der[usize::from(cut).min(der.len())..]);
            let _ = of(&der[..usize::from(cut).min(der.len())]);
        }
    }
}
