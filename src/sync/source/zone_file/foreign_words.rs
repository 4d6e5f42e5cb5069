//! What other programs write into zone files and the parser does not know: times with units (`1h`) and the age of a
//! record (`[AGE:3632512]`, `[Aging:3632512]`) of Windows DNS.
//!
//! Neither matters for a list. Each is overwritten in its place, so that lines and columns stay.

use std::borrow::Cow;

/// The text without such words.
pub(super) fn without(text: &[u8]) -> Cow<'_, [u8]> {
    let mut copy = Cow::Borrowed(text);
    let mut start = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let content = &line[..memchr::memchr(b';', line).unwrap_or(line.len())];
        for (at, word) in words(content) {
            let filling = if word.starts_with(b"[") && is_age(word) {
                b' '
            } else if at > 0 && is_time(word) {
                // The value of a TTL or timer is not looked at.
                b'0'
            } else {
                continue;
            };
            copy.to_mut()[start + at..start + at + word.len()].fill(filling);
        }
        start += line.len();
    }
    copy
}

/// The words of a line with their places.
fn words(line: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    line.split(|byte| b" \t\r\n()".contains(byte)).filter_map(move |word| {
        let start = at;
        at += word.len() + 1;
        (!word.is_empty()).then_some((start, word))
    })
}

fn is_age(word: &[u8]) -> bool {
    let inside = word.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")).unwrap_or_default();
    let number = inside.iter().position(|byte| *byte == b':').map_or(&[][..], |colon| &inside[colon + 1..]);
    let is_called = [b"AGE:".as_slice(), b"Aging:"]
        .iter()
        .any(|head| inside.get(..head.len()).is_some_and(|start| start.eq_ignore_ascii_case(head)));
    is_called && !number.is_empty() && number.iter().all(u8::is_ascii_digit)
}

/// `1h`, `1W2D`; not a number alone.
fn is_time(word: &[u8]) -> bool {
    let is_unit = |byte: &u8| b"smhdwSMHDW".contains(byte);
    word[0].is_ascii_digit()
        && word.last().is_some_and(is_unit)
        && word.iter().all(|b| b.is_ascii_digit() || is_unit(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_units_and_ages_are_overwritten_in_their_place() {
        for (text, expected) in [
            ("$TTL 1h\n@ IN SOA a. b. (1 3h 15M 1w2d 1D)\n", "$TTL 00\n@ IN SOA a. b. (1 00 000 0000 00)\n"),
            ("a [AGE:3632512] 3600 A 10.0.0.4\n", "a               3600 A 10.0.0.4\n"),
            ("a\t[Aging:1]\tA 10.0.0.4 ; [AGE:1] 1h\n", "a\t         \tA 10.0.0.4 ; [AGE:1] 1h\n"),
        ] {
            assert_eq!(String::from_utf8_lossy(&without(text.as_bytes())), expected);
        }
    }

    #[test]
    fn a_text_without_such_words_is_not_copied() {
        for text in ["1h A 10.0.0.4\n", "a 3600 A 10.0.0.4\n", "a TXT [AGE] [AGE:x] h 1hour\n", "; 1h", ""] {
            assert!(matches!(without(text.as_bytes()), Cow::Borrowed(_)), "{text}");
        }
    }
}
