//! Words of digits, dots and colons: addresses that somebody got wrong, and times, dates, MAC addresses and numbers,
//! which only look like them.

use std::net::{IpAddr, Ipv4Addr};

/// True if a word that is no address was meant as one, or holds one: `10.0.0.256`, `10.0.0`, `10.0.0.4/32`,
/// `10.0.0.4:443`, `10.0.0.x`, `10.0.0.4-7`, `fd00::zz`.
pub(super) fn is_meant_as_address(text: &str, only_hex: bool) -> bool {
    let head = text.split(['/', '%']).next().unwrap_or_default();
    if head.len() < text.len() && head.parse::<IpAddr>().is_ok() {
        return true;
    }
    if text.rsplit_once(':').is_some_and(|(host, _)| host.parse::<Ipv4Addr>().is_ok()) {
        return true;
    }
    // `::` stands in no time and in no MAC address; but `Foo::Bar` is code.
    if head.contains("::") && head.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')) {
        return true;
    }
    let is_wrong_v6 = only_hex && text.matches(':').count() > 1 && !text.ends_with(':');
    holds_ipv4(text) || is_wrong_v6 && !is_mac(text) && !is_time(text) || is_port(text)
}

/// Behind an address in brackets.
fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Four numbers between dots anywhere, or three at the start.
fn holds_ipv4(text: &str) -> bool {
    let is_of_ipv4 = |c: char| c.is_ascii_digit() || c == '.';
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let run = &rest[start..];
        let run = &run[..run.find(|c: char| !is_of_ipv4(c)).unwrap_or(run.len())];
        let numbers = run.split('.').filter(|number| (1..=3).contains(&number.len())).count();
        let all = run.split('.').filter(|number| !number.is_empty()).count();
        if numbers == all && (numbers > 3 || numbers == 3 && start == 0 && rest.len() == text.len()) {
            return true;
        }
        rest = &rest[start + run.len()..];
    }
    false
}

/// `00:0d:3a:1b:2c:3d`
pub(in crate::sync::source) fn is_mac(text: &str) -> bool {
    let is_octet = |octet: &str| octet.len() == 2 && octet.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.split([':', '-']).count() == 6 && text.split([':', '-']).all(is_octet)
}

/// `11:26`, `00:00:10`, `1.00:00:00`
fn is_time(text: &str) -> bool {
    let is_number = |number: &str| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    (2..=3).contains(&text.split(':').count()) && text.split(':').all(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_address_is_told_from_times_dates_macs_and_numbers() {
        for bad in [
            "10.0.0.256",
            "10.0.0",
            "10.0.0.4/32",
            "10.0.0.0/26",
            "10.0.0.4:443",
            "10.0.0.x",
            "10.0.0.4-7",
            "10.0.0.4?",
            "-10.0.0.4",
            "10.0.0.010",
            "1.2.3.4.5",
            "http://10.0.0.4/",
            "fe80::1%3",
            "fd00::4/128",
            "fd00::4::5",
            "fd00:1:2",
            ":443",
        ] {
            let only_hex = bad.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.' | b'/'));
            assert!(is_meant_as_address(bad, only_hex), "{bad}");
        }
        for other in [
            "1.",
            "0.1",
            "30.03.2026",
            "2026.03.30",
            "3/30/2026",
            "11:26",
            "11:26:03",
            "00:00:10",
            "1.00:00:00",
            "00:0d:3a:1b:2c:3d",
            "00-0d-3a-1b-2c-3d",
            "v1.2.3",
            "100%",
            "Foo::Bar",
            "a:",
        ] {
            let only_hex = other.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.' | b'/'));
            assert!(!is_meant_as_address(other, only_hex), "{other}");
        }
    }
}
