//! Reads the address lines that sync writes, a million of them, without the general parser.
//!
//! Input: the text of a zone file. Output: its records, as far as it looks like a file of ours: comments, `$ORIGIN`,
//! `$TTL` and the apex's records on top, then lines of owner, A or AAAA, address, or `CNAME .`. It stops at the first
//! other line, and the general parser takes over. So this reader decides the speed of reading and never the meaning of
//! a file; a property test proves that.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Parsed;
use crate::dns::{MAX_NAME, Name, Rtype};

/// Bytes in a label.
const MAX_LABEL: usize = 63;

/// The head of the file, above the address lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Its length in bytes.
    pub(crate) len: usize,
    /// Its lines.
    pub(crate) lines: u32,
    /// The TTL that it gives to the lines below, seconds.
    pub(crate) ttl: u32,
}

impl Head {
    /// Finds the head; `None` if it is not one that sync would write for this zone.
    pub(crate) fn find(text: &[u8], apex: &Name) -> Option<Self> {
        let (mut len, mut lines, mut ttl, mut origin) = (0, 0, None, false);
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            // Within quotes and parentheses a line feed does not end the entry.
            let is_one_entry = line.ends_with(b"\n") && !line.iter().any(|byte| b"\"()\\\t\r".contains(byte));
            match line.first() {
                Some(b';') if line.ends_with(b"\n") => {}
                Some(b'$' | b'@') if is_one_entry => {
                    let line = std::str::from_utf8(line).ok()?.trim_end_matches('\n');
                    if let Some(name) = line.strip_prefix("$ORIGIN ") {
                        origin = name.parse::<Name>().is_ok_and(|name| name == *apex) && name.ends_with('.');
                    } else if let Some(seconds) = line.strip_prefix("$TTL ") {
                        ttl = Some(number(seconds)?);
                    } else if !line.starts_with("@ ") {
                        return None;
                    }
                }
                _ => break,
            }
            len += line.len();
            lines += 1;
        }
        origin.then_some(Self { len, lines, ttl: ttl? })
    }
}

/// A TTL without doubt: digits alone, within RFC 2181 section 8.
fn number(text: &str) -> Option<u32> {
    let is_plain = (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten().filter(|seconds| *seconds <= i32::MAX.unsigned_abs())
}

/// Hands over the records of the lines below the head; whether all lines were such lines.
pub(crate) fn read(text: &[u8], head: Head, apex: &Name, mut each: impl FnMut(Parsed<'_>)) -> bool {
    let mut rest = &text[head.len..];
    let mut line = head.lines;
    let mut owner = Vec::with_capacity(MAX_NAME + 1);
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let (content, after) = (&rest[..end], &rest[end + 1..]);
        line += 1;
        rest = after;
        if content.first() == Some(&b';') {
            continue;
        }
        let Some(data) = push_owner(content, apex, &mut owner) else { return false };
        let Some(data) = Data::parse(data) else { return false };
        each(Parsed { owner: &owner, rtype: data.rtype(), ttl: head.ttl, rdata: data.rdata(), line });
    }
    rest.is_empty()
}

/// Puts the owner of a line into wire format; what follows the space behind it.
fn push_owner<'l>(line: &'l [u8], apex: &Name, owner: &mut Vec<u8>) -> Option<&'l [u8]> {
    owner.clear();
    let mut label = 0;
    owner.push(0);
    for (at, &byte) in line.iter().enumerate() {
        let is_end = byte == b' ';
        if is_end || byte == b'.' {
            let len = owner.len() - label - 1;
            if len == 0 || len > MAX_LABEL {
                return None;
            }
            owner[label] = u8::try_from(len).ok()?;
            if is_end {
                owner.extend_from_slice(apex.as_wire());
                return (owner.len() <= MAX_NAME).then(|| &line[at + 1..]);
            }
            label = owner.len();
            owner.push(0);
        } else if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'*') {
            owner.push(byte.to_ascii_lowercase());
        } else {
            return None;
        }
    }
    None
}

/// The RDATA of a line.
enum Data {
    A([u8; 4]),
    Aaaa([u8; 16]),
    /// The CNAME of a response policy zone that denies a name.
    Root,
}

impl Data {
    /// From `A 10.0.0.4`, `AAAA fd00::4` or `CNAME .`.
    fn parse(data: &[u8]) -> Option<Self> {
        let text = |bytes| std::str::from_utf8(bytes).ok();
        if let Some(address) = data.strip_prefix(b"A ") {
            text(address)?.parse::<Ipv4Addr>().ok().map(|address| Self::A(address.octets()))
        } else if data == b"CNAME ." {
            Some(Self::Root)
        } else {
            text(data.strip_prefix(b"AAAA ")?)?.parse::<Ipv6Addr>().ok().map(|address| Self::Aaaa(address.octets()))
        }
    }

    fn rtype(&self) -> Rtype {
        match self {
            Self::A(_) => Rtype::A,
            Self::Aaaa(_) => Rtype::AAAA,
            Self::Root => Rtype::CNAME,
        }
    }

    fn rdata(&self) -> &[u8] {
        match self {
            Self::A(octets) => octets,
            Self::Aaaa(octets) => octets,
            Self::Root => &[0],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::text::{MAX_REREAD, SyntaxError, parse, parse_all};
    use proptest::prelude::*;

    type Row = (Vec<u8>, Rtype, u32, Vec<u8>, u32);

    const APEX: &str = "privatelink.example.";

    fn apex() -> Name {
        APEX.parse().unwrap()
    }

    fn row(parsed: Parsed<'_>) -> Row {
        (parsed.owner.to_vec(), parsed.rtype, parsed.ttl, parsed.rdata.to_vec(), parsed.line)
    }

    /// The records of the file, read both ways.
    fn both(text: &str) -> [(Vec<Row>, Vec<SyntaxError>); 2] {
        let (mut fast, mut general) = (Vec::new(), Vec::new());
        let fast_errors = parse(text.as_bytes(), &apex(), |parsed| fast.push(row(parsed))).errors;
        let general_errors = parse_all(text.as_bytes(), &apex(), MAX_REREAD, |parsed| general.push(row(parsed)));
        [(fast, fast_errors), (general, general_errors)]
    }

    fn head() -> String {
        format!("; Written\n$ORIGIN {APEX}\n$TTL 10\n@ 3600 SOA a. b. 1 2 3 4 5\n@ 3600 NS a.\n")
    }

    #[test]
    fn a_file_of_ours_is_read_to_its_end() {
        let text = head() + "; note\nacct A 10.0.0.4\nAcct.sub AAAA fd00::4\n";
        let found = Head::find(text.as_bytes(), &apex()).unwrap();
        assert_eq!((found.lines, found.ttl), (6, 10));
        let mut rows = Vec::new();
        assert!(read(text.as_bytes(), found, &apex(), |parsed| rows.push(row(parsed))));
        let owners: Vec<String> = rows.iter().map(|row| Name::from_wire(&row.0).unwrap().to_string()).collect();
        assert_eq!(owners, ["acct.privatelink.example.", "acct.sub.privatelink.example."]);
        assert_eq!((rows[0].2, rows[0].4, rows[1].4), (10, 7, 8));
        let [fast, general] = both(&text);
        assert_eq!(fast, general);
    }

    #[test]
    fn heads_of_another_kind_are_left_to_the_general_parser() {
        for head in [
            "$TTL 10\nx A 10.0.0.1\n",
            "$ORIGIN privatelink.example.\nx A 10.0.0.1\n",
            "$ORIGIN other.example.\n$TTL 10\nx A 10.0.0.1\n",
            "$ORIGIN privatelink.example\n$TTL 10\nx A 10.0.0.1\n",
            "$ORIGIN privatelink.example.\n$TTL 1h\nx A 10.0.0.1\n",
            "$ORIGIN privatelink.example.\n$TTL 10\n$INCLUDE x\n",
        ] {
            assert_eq!(Head::find(head.as_bytes(), &apex()), None, "{head}");
        }
    }

    #[test]
    fn a_line_that_is_not_plain_makes_no_difference_to_the_others() {
        for line in
            ["b 30 A 10.0.0.1", "b A 10.0.0", "b IN A 10.0.0.1", "b.other. A 10.0.0.1", " A 10.0.0.1", "@ A 10.0.0.1"]
        {
            let [fast, general] = both(&format!("{}a A 10.0.0.4\n{line}\nc A 10.0.0.5\n", head()));
            assert_eq!(fast, general, "{line}");
        }
    }

    proptest! {
        #[test]
        fn reading_fast_and_reading_generally_are_the_same(
            head in prop_oneof![4 => Just(head()), 1 => "[$@; A-Z0-9.\n\"(]{0,40}".prop_map(|more| head() + &more + "\n")],
            lines in prop::collection::vec(
                prop_oneof![
                    6 => "[a-zA-Z0-9_*-]{1,3}(\\.[a-z]{1,2})? (A 10\\.0\\.0\\.[0-9]{1,3}|AAAA fd00::[0-9a-f]{1,5}|CNAME \\.)",
                    1 => "[a-c@.$;*\\\\\"( \t]{0,4} ?(10|IN|A|AAAA|NS|TXT)? ?[a-c0-9.:;\"() ]{0,6}",
                ],
                0..8,
            ),
            end in prop_oneof![Just("\n"), Just(""), Just("\r\n")],
        ) {
            let [fast, general] = both(&(head + &lines.join("\n") + end));
            prop_assert_eq!(fast, general);
        }

        #[test]
        fn long_names_are_judged_alike(label in 60..66_usize, labels in 1..6_usize) {
            let owner = vec!["a".repeat(label); labels].join(".");
            let [fast, general] = both(&format!("{}{owner} A 10.0.0.1\n", head()));
            prop_assert_eq!(fast, general);
        }
    }
}
