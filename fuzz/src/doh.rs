//! A query comes only from the `dns` of a GET to the path of DNS, octet by octet; all else has a status of its own.

use privatelink_dns::server::query_in_target;

/// The bytes are a method, a target and a media type, each on a line.
pub fn hold(data: &[u8]) {
    let mut lines = data.splitn(3, |octet| *octet == b'\n');
    let [method, target, media_type] = [(); 3].map(|()| lines.next().unwrap_or_default());
    let Some(asked) = query_in_target(method, target, media_type) else { return };
    let target = String::from_utf8_lossy(target);
    match asked {
        Ok(Some(query)) => {
            assert_eq!(method, b"GET");
            let parameters = target.split('#').next().and_then(|target| target.split_once('?')).expect("parameters").1;
            let mut pairs = parameters.split('&').map(|part| part.split_once('=').unwrap_or((part, "")));
            let sent = pairs.find(|(name, _)| plain(name) == b"dns").expect("a query").1;
            assert_eq!(query, decoded(&plain(sent)), "{target}");
        }
        Ok(None) => {
            assert!(
                method == b"POST"
                    && media_type.trim_ascii().to_ascii_lowercase().starts_with(b"application/dns-message")
            )
        }
        Err(status) => assert!([400, 404, 405, 413, 415].contains(&status), "{status}"),
    }
}

/// The octets of a name or a value, of which some may be written as `%41` (RFC 3986 section 2.1).
fn plain(text: &str) -> Vec<u8> {
    let (mut octets, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, behind)) = rest.split_first() {
        let digit = |at: usize| behind.get(at).and_then(|octet| char::from(*octet).to_digit(16));
        let coded = digit(0).zip(digit(1)).filter(|_| *first == b'%');
        octets.push(coded.map_or(*first, |(high, low)| u8::try_from(high << 4 | low).expect("eight bits")));
        rest = if coded.is_some() { &behind[2..] } else { behind };
    }
    octets
}

/// The octets of a text in base64url, bit by bit.
fn decoded(text: &[u8]) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut octets, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    let end = text.iter().rposition(|octet| *octet != b'=').map_or(0, |last| last + 1);
    for letter in &text[..end] {
        let value = LETTERS.iter().position(|known| known == letter).expect("a letter of base64url");
        (bits, count) = (bits << 6 | u32::try_from(value).expect("six bits"), count + 6);
        if count >= 8 {
            count -= 8;
            octets.push(u8::try_from(bits >> count & 0xff).expect("eight bits"));
        }
    }
    octets
}
