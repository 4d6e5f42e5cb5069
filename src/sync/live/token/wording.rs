//! Text of other hands, made safe and steady for messages: the first sentence, without secrets, without ids and times
//! that differ from try to try. Pure.

use crate::diag::printable;
use crate::sync::live::outside::Secret;

/// Characters of a foreign sentence that are shown.
const LONGEST: usize = 240;
/// Characters of a word; what is longer may be a key or a token.
const LONGEST_WORD: usize = 100;

/// The first sentence of a foreign text. Ids stay only if they are among `known`; whatever is among `hidden` goes.
pub(super) fn sentence(text: &str, known: &[&str], hidden: &[&Secret]) -> String {
    if hides(text, hidden) {
        return "(a text with a secret in it)".to_owned();
    }
    let line = text.trim_start().lines().next().unwrap_or_default();
    let first = line.find(". ").and_then(|end| line.get(..end)).unwrap_or(line).trim_end_matches(['.', ' ']);
    let first = ["Trace ID:", "Correlation ID:", "Timestamp:"]
        .into_iter()
        .filter_map(|label| first.find(label).and_then(|at| first.get(..at)))
        .min_by_key(|head| head.len())
        .unwrap_or(first);
    let words: Vec<String> = first.split_whitespace().map(|word| steady(word, known)).collect();
    let shown: String = words.join(" ").chars().take(LONGEST).collect();
    printable(&shown).into_owned()
}

/// True if one of the secrets is in the text.
fn hides(text: &str, hidden: &[&Secret]) -> bool {
    hidden.iter().any(|secret| {
        let secret = secret.reveal();
        !secret.is_empty() && (text.contains(secret) || text.contains(&encoded(secret)))
    })
}

/// A word, or what stands in its place.
fn steady(word: &str, known: &[&str]) -> String {
    if word.chars().count() > LONGEST_WORD || word.contains("eyJ") {
        return "(...)".to_owned();
    }
    let digits = |part: &str, count: usize| part.len() == count && part.bytes().all(|octet| octet.is_ascii_digit());
    let mut date = word.splitn(3, '-');
    let parts = (date.next().unwrap_or_default(), date.next().unwrap_or_default(), date.next().unwrap_or_default());
    if digits(parts.0, 4) && digits(parts.1, 2) && parts.2.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        return "(time)".to_owned();
    }
    without_ids(word, known)
}

/// Replaces what looks like a GUID.
fn without_ids(word: &str, known: &[&str]) -> String {
    let (mut text, mut rest) = (String::new(), word);
    while let Some(first) = rest.chars().next() {
        if let Some((id, behind)) = rest.split_at_checked(36).filter(|(head, _)| is_guid(head)) {
            let is_known = known.iter().any(|known| known.eq_ignore_ascii_case(id));
            text.push_str(if is_known { id } else { "(id)" });
            rest = behind;
        } else {
            text.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    text
}

fn is_guid(text: &str) -> bool {
    text.bytes().enumerate().all(|(at, octet)| match at {
        8 | 13 | 18 | 23 => octet == b'-',
        _ => octet.is_ascii_hexdigit(),
    })
}

/// An id for Microsoft's support, if it is of the form that such ids have.
pub(super) fn trace_id(text: &str, hidden: &[&Secret]) -> Option<String> {
    let is_id = (8..=64).contains(&text.len())
        && text.bytes().all(|octet| octet.is_ascii_hexdigit() || b"-:. TZ".contains(&octet))
        && !hides(text, hidden);
    is_id.then(|| text.to_owned())
}

/// A value for a form or a query (RFC 3986 section 2.3: all but the unreserved characters are encoded).
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            out.push(char::from(octet));
        } else {
            out.push('%');
            out.extend([octet >> 4, octet & 15].map(|half| char::from(b"0123456789ABCDEF"[usize::from(half)])));
        }
    }
    out
}

/// Pairs as a form or a query.
pub(super) fn pairs(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_text_is_its_first_sentence_without_what_differs_each_time() {
        let app = "aaaaaaaa-0000-0000-0000-000000000001";
        for (text, shown) in [
            ("Identity not found", "Identity not found"),
            ("Invalid client secret provided. Ensure that Trace ID: x", "Invalid client secret provided"),
            (
                "Application 'aaaaaaaa-0000-0000-0000-000000000001' of 'bbbbbbbb-0000-0000-0000-000000000001'",
                "Application 'aaaaaaaa-0000-0000-0000-000000000001' of '(id)'",
            ),
            ("It failed Trace ID: 1 Correlation ID: 2", "It failed"),
            ("It is 2026-11-25T01:02:03Z now, not\nsomething", "It is (time) now, not"),
            ("eyJhbGciOi.eyJ.x was sent", "(...) was sent"),
            ("a\u{1b}[31m\u{202e}b", "a\\u{1b}[31m\\u{202e}b"),
            ("", ""),
        ] {
            assert_eq!(sentence(text, &[app], &[]), shown);
        }
        assert!(sentence(&"long ".repeat(1000), &[], &[]).len() <= LONGEST);
    }

    #[test]
    fn a_secret_that_comes_back_is_not_shown_in_either_form() {
        let secret = Secret::new("p+ss w.rd".to_owned());
        for text in ["you sent p+ss w.rd here", "you sent p%2Bss%20w.rd here"] {
            assert_eq!(sentence(text, &[], &[&secret]), "(a text with a secret in it)");
        }
        assert_eq!(trace_id("aaaa-bbbb", &[&Secret::new("aaaa".to_owned())]), None);
        assert_eq!(trace_id("aaaa-bbbb", &[]).as_deref(), Some("aaaa-bbbb"));
        assert_eq!(trace_id("aaaa\nbbbb", &[]), None);
    }
}
