//! The small languages inside config strings: addresses, networks, durations, percentages.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;

use crate::dns::Name;

/// No time here means more: a sum with the clock must have a place in the clock's range, and a TTL in 31 bits (RFC 2181
/// section 8).
const MAX_DURATION: Duration = Duration::from_hours(366 * 24);

/// The largest size.
const MAX_OCTETS: usize = 1_000_000_000;

/// `127.0.0.1:5300`, `[::1]:53`, or an address alone for this port.
pub(super) fn socket(text: &str, port: u16) -> Result<SocketAddr, String> {
    text.parse()
        .or_else(|_| text.trim_matches(['[', ']']).parse::<IpAddr>().map(|ip| SocketAddr::new(ip, port)))
        .map_err(|_| format!("'{text}' is not an address; write \"10.0.0.4:{port}\" or \"[fd00::4]:{port}\""))
}

/// The same for the port of DNS.
pub(super) fn dns_socket(text: &str) -> Result<SocketAddr, String> {
    socket(text, 53)
}

/// A network, or an address for itself alone.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>()
        .map(|network| network.trunc())
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| format!("'{text}' is not a network; write \"10.0.0.0/8\" or \"fd00::/8\""))
}

/// "60s", "1h 30m".
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|error| format!("'{text}' is not a duration ({error}); write \"5s\", \"1m\" or \"1h\""))?;
    if duration > MAX_DURATION {
        return Err(format!("'{text}' is longer than a year; write less, such as \"1h\""));
    }
    Ok(duration)
}

/// "4MB", "500 KB", "0": octets, by thousands.
pub(super) fn octets(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let factor = match text[digits.len()..].trim() {
        "KB" => Some(1000),
        "MB" => Some(1_000_000),
        "" if digits == "0" => Some(1),
        _ => None,
    };
    let number = digits.parse::<usize>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    number.filter(|octets| *octets <= MAX_OCTETS).ok_or_else(|| format!("'{text}' is not a size such as \"4MB\""))
}

/// A domain name.
pub(super) fn name(text: &str) -> Result<Name, String> {
    text.parse().map_err(|error| format!("'{text}' is not a domain name: {error}"))
}

/// 16 octets in hexadecimal digits. What is wrong does not show the secret.
pub(super) fn secret(text: &str) -> Result<[u8; 16], String> {
    let number = u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32 && !text.starts_with('+'));
    number
        .map(u128::to_be_bytes)
        .ok_or_else(|| "a secret has 32 hexadecimal digits; make one with 'openssl rand -hex 16'".to_owned())
}

/// One of a few words.
pub(super) fn choice<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<String> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        format!("'{text}' is not known; write {}", words.join(" or "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_take_port_53_by_default() {
        assert_eq!(dns_socket("10.0.0.4"), Ok("10.0.0.4:53".parse().unwrap()));
        assert_eq!(dns_socket("fd00::4"), Ok("[fd00::4]:53".parse().unwrap()));
        assert_eq!(dns_socket("[fd00::4]:5353"), Ok("[fd00::4]:5353".parse().unwrap()));
        assert!(dns_socket("dns.example").is_err());
    }

    #[test]
    fn durations_that_no_clock_can_add_are_refused() {
        assert_eq!(duration("1h 30m"), Ok(Duration::from_mins(90)));
        assert_eq!(duration("1year"), Ok(Duration::from_hours(8766)));
        for text in ["2years", "300000000000y", "18446744073709551615s"] {
            assert!(duration(text).is_err_and(|why| why.contains("longer than a year")), "{text}");
        }
    }

    #[test]
    fn a_secret_has_32_hexadecimal_digits() {
        assert_eq!(secret("e5e973e5a6b2a43f48e7dc849e37bfcf").unwrap()[..2], [0xe5, 0xe9]);
        for text in ["", "e5", "+5e973e5a6b2a43f48e7dc849e37bfcf", "g5e973e5a6b2a43f48e7dc849e37bfcf"] {
            assert!(secret(text).is_err_and(|reason| text.is_empty() || !reason.contains(text)));
        }
    }
}
