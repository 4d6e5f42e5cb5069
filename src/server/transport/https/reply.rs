//! The head of a reply over HTTP.
//!
//! In: a DNS message, or a refusal. Out: status and fields. Pure.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};

use super::request::{DNS_MESSAGE, Refusal};

/// The head for an answer of DNS, whatever its RCODE (RFC 8484 section 4.2.1).
pub(super) fn answer(message: &[u8]) -> Response<()> {
    // Of an answer without records nobody knows how long it holds.
    let age = format!("max-age={}", least_ttl(message).unwrap_or(0));
    let mut response = Response::new(());
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(DNS_MESSAGE));
    fields.insert(CONTENT_LENGTH, HeaderValue::from(message.len()));
    fields.extend(HeaderValue::try_from(age).ok().map(|age| (CACHE_CONTROL, age)));
    response
}

/// The head for a refusal, and its body.
pub(super) fn refusal(refusal: Refusal) -> (Response<()>, Bytes) {
    let (status, text) = refusal.shown();
    let mut response = Response::new(());
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    fields.insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        fields.insert(ALLOW, HeaderValue::from_static("GET, POST"));
    }
    (response, Bytes::from_static(text.as_bytes()))
}

/// The least TTL of the answer and authority sections, seconds: an HTTP cache must keep nothing for longer (RFC 8484
/// section 5.1). A negative answer has the SOA record there, whose TTL is that of the answer (RFC 2308 section 3).
fn least_ttl(message: &[u8]) -> Option<u32> {
    let count = |at: usize| message.get(at..at + 2).map(|octets| u16::from_be_bytes([octets[0], octets[1]]));
    let mut at = 12;
    for _ in 0..count(4)? {
        at = after_name(message, at)? + 4;
    }
    let mut least = None;
    for _ in 0..count(6)?.saturating_add(count(8)?) {
        at = after_name(message, at)?;
        let fixed: [u8; 10] = *message.get(at..)?.first_chunk()?;
        let ttl = u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]);
        least = Some(least.map_or(ttl, |least: u32| least.min(ttl)));
        at += fixed.len() + usize::from(u16::from_be_bytes([fixed[8], fixed[9]]));
    }
    least
}

/// The index after a name, which a pointer may end (RFC 1035 section 4.1.4).
fn after_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            0xc0.. => return Some(at + 2),
            length => at += 1 + usize::from(length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{Class, Name, Record, Rtype, Section, Writer};

    fn message(ttls: &[(Section, u32)]) -> Vec<u8> {
        let name: Name = "a.example".parse().unwrap();
        let mut writer = Writer::new(512, 0);
        writer.question(name.as_wire(), Rtype::A, Class::IN);
        for (section, ttl) in ttls {
            let record = Record { owner: name.clone(), rtype: Rtype::A, ttl: *ttl, rdata: [10, 0, 0, 1].into() };
            assert!(writer.record(*section, &record, *ttl));
        }
        writer.header(7, [0x80, 0]);
        writer.finish().0
    }

    #[test]
    fn rfc8484_5_1_a_reply_is_kept_for_its_least_ttl_and_not_at_all_without_one() {
        let age =
            |ttls: &[(Section, u32)]| answer(&message(ttls)).headers()[CACHE_CONTROL].to_str().unwrap().to_owned();
        assert_eq!(age(&[(Section::Answer, 60), (Section::Answer, 10), (Section::Authority, 300)]), "max-age=10");
        assert_eq!(age(&[(Section::Authority, 300), (Section::Additional, 1)]), "max-age=300");
        assert_eq!(age(&[]), "max-age=0");
    }

    #[test]
    fn octets_that_are_no_message_have_no_ttl() {
        let whole = message(&[(Section::Answer, 60)]);
        for length in 0..whole.len() {
            assert_eq!(least_ttl(&whole[..length]).filter(|_| length < whole.len() - 4), None, "{length}");
        }
    }

    #[test]
    fn a_refusal_is_a_sentence_and_405_names_the_methods() {
        let (head, body) = refusal(Refusal::Method);
        assert_eq!((head.status().as_u16(), &head.headers()[ALLOW]), (405, &HeaderValue::from_static("GET, POST")));
        assert_eq!(head.headers()[CONTENT_LENGTH].to_str().unwrap(), body.len().to_string());
        assert!(refusal(Refusal::Path).0.headers().get(ALLOW).is_none());
    }
}
