//! RFC 9018 appendix A, the window in which a cookie is good, and rollover.

use std::time::Duration;

use super::*;

const CLIENT: [u8; 8] = [0x24, 0x64, 0xc4, 0xab, 0xcf, 0x10, 0xc9, 0x57];
const ADDRESS: &str = "198.51.100.100";
const SECRET: Secret = [0xe5, 0xe9, 0x73, 0xe5, 0xa6, 0xb2, 0xa4, 0x3f, 0x48, 0xe7, 0xdc, 0x84, 0x9e, 0x37, 0xbf, 0xcf];
const OLD: Secret = [0xdd, 0x3b, 0xdf, 0x93, 0x44, 0xb6, 0x78, 0xb1, 0x85, 0xa6, 0xf5, 0xcb, 0x60, 0xfc, 0xa7, 0x15];
const NEW: Secret = [0x44, 0x55, 0x36, 0xbc, 0xd2, 0x51, 0x32, 0x98, 0x07, 0x5a, 0x5d, 0x37, 0x96, 0x63, 0xc9, 0x62];
const NOON: u64 = 1_559_731_985;

fn cookies(secrets: &[Secret], time: u64) -> (Cookies, Instant) {
    let now = Instant::now();
    let settings = Settings { enabled: true, secrets: secrets.to_vec() };
    (Cookies::new(&settings, [0; 16], (now, UNIX_EPOCH + Duration::from_secs(time))), now)
}

fn octets(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// The status of a cookie, and the cookie in the answer.
fn answer(secrets: &[Secret], time: u64, address: &str, cookie: &[u8]) -> (CookieStatus, Vec<u8>) {
    let (cookies, now) = cookies(secrets, time);
    let (client, server) = cookie.split_first_chunk().unwrap();
    let (status, answer) = cookies.check(Some(&Cookie { client, server }), address.parse().unwrap(), now);
    (status, answer.unwrap().to_vec())
}

#[test]
fn rfc9018_appendix_a() {
    let cases = [
        ("A.1", SECRET, NOON, ADDRESS, "2464c4abcf10c957", "2464c4abcf10c957010000005cf79f111f8130c3eee29480"),
        (
            "A.2",
            SECRET,
            1_559_734_385,
            ADDRESS,
            "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
            "2464c4abcf10c957010000005cf7a871d4a564a1442aca77",
        ),
        (
            "A.3",
            SECRET,
            1_559_734_700,
            "203.0.113.203",
            "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
            "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e",
        ),
        (
            "A.4",
            NEW,
            1_559_741_961,
            "2001:db8:220:1:59de:d0f4:8769:82b8",
            "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
            "22681ab97d52c298010000005cf7c609a6bb79d16625507a",
        ),
    ];
    for (case, secret, time, address, query, reply) in cases {
        assert_eq!(answer(&[secret, OLD], time, address, &octets(query)).1, octets(reply), "{case}");
    }
}

#[test]
fn rfc9018_4_1_the_reserved_octets_of_a_cookie_are_hashed_as_they_came() {
    let cookie = octets("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5");
    assert_eq!(answer(&[SECRET], 1_559_727_985, "203.0.113.203", &cookie).0, CookieStatus::Good);
}

#[test]
fn rfc9018_4_3_a_cookie_is_good_for_an_hour_and_renewed_after_half_of_one() {
    let made = answer(&[SECRET], NOON, ADDRESS, &CLIENT).1;
    for (time, status) in [
        (NOON - 301, CookieStatus::Bad),
        (NOON - 300, CookieStatus::Good),
        (NOON, CookieStatus::Good),
        (NOON + 1800, CookieStatus::Good),
        (NOON + 1801, CookieStatus::Renew),
        (NOON + 3600, CookieStatus::Renew),
        (NOON + 3601, CookieStatus::Bad),
    ] {
        let (found, again) = answer(&[SECRET], time, ADDRESS, &made);
        assert_eq!(found, status, "{time}");
        assert_eq!(again == made, status == CookieStatus::Good, "{time}");
    }
}

#[test]
fn time_goes_on_between_snapshots() {
    let made = answer(&[SECRET], NOON, ADDRESS, &CLIENT).1;
    let (cookies, now) = cookies(&[SECRET], NOON);
    let (client, server) = made.split_first_chunk().unwrap();
    let cookie = Cookie { client, server };
    let status = |at| cookies.check(Some(&cookie), ADDRESS.parse().unwrap(), at).0;
    let after = |seconds| status(now + Duration::from_secs(seconds));
    assert_eq!([after(1800), after(1801), after(3601)], [CookieStatus::Good, CookieStatus::Renew, CookieStatus::Bad]);
}

#[test]
fn rfc9018_5_a_cookie_by_an_older_secret_is_good_and_replaced() {
    let made = answer(&[OLD], NOON, ADDRESS, &CLIENT).1;
    assert_eq!(answer(&[NEW, OLD], NOON, ADDRESS, &made).0, CookieStatus::Renew);
    assert_eq!(answer(&[OLD, NEW], NOON, ADDRESS, &made).0, CookieStatus::Good);
    assert_eq!(answer(&[NEW], NOON, ADDRESS, &made).0, CookieStatus::Bad);
}

#[test]
fn another_address_client_or_length_is_bad() {
    let made = answer(&[SECRET], NOON, ADDRESS, &CLIENT).1;
    assert_eq!(answer(&[SECRET], NOON, "198.51.100.101", &made).0, CookieStatus::Bad);
    assert_eq!(answer(&[SECRET], NOON, "::ffff:198.51.100.100", &made).0, CookieStatus::Good, "the same client");
    for at in 0..made.len() {
        let mut other = made.clone();
        other[at] ^= 1;
        assert_eq!(answer(&[SECRET], NOON, ADDRESS, &other).0, CookieStatus::Bad, "octet {at}");
    }
    assert_eq!(answer(&[SECRET], NOON, ADDRESS, &[&made[..], &[0]].concat()).0, CookieStatus::Bad);
    assert_eq!(answer(&[SECRET], NOON, ADDRESS, &made[..16]).0, CookieStatus::Bad);
    assert_eq!(answer(&[SECRET], NOON, ADDRESS, &CLIENT).0, CookieStatus::Absent);
}

#[test]
fn cookies_that_are_off_are_neither_judged_nor_answered() {
    let now = (Instant::now(), SystemTime::now());
    let off = Cookies::new(&Settings { enabled: false, secrets: vec![SECRET] }, SECRET, now);
    let cookie = Cookie { client: &CLIENT, server: &[0; 16] };
    assert_eq!(off.check(Some(&cookie), ADDRESS.parse().unwrap(), now.0), (CookieStatus::Absent, None));
}
