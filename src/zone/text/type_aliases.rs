//! Types that the parser does not know, and whose RDATA is written like that of a known type: `AFSDB 1 host` like `MX 1
//! host`.
//!
//! Rewrites each such entry to use the known type's mnemonic, and returns the entries whose type must be restored
//! afterwards. Any other unknown type has to be written in the generic form of RFC 3597.

use std::collections::VecDeque;

use super::entries;
use crate::dns::Rtype;

/// A mnemonic, its number in the registry, and the type that it is written like.
type TypeAlias = (&'static str, u16, &'static str);

const TYPE_ALIASES: [TypeAlias; 16] = [
    // RFC 1183: strings; a preference or subtype and a name.
    ("X25", 19, "TXT"),
    ("ISDN", 20, "TXT"),
    ("AFSDB", 18, "MX"),
    ("RT", 21, "MX"),
    // RFC 2230, RFC 6742.
    ("KX", 36, "MX"),
    ("LP", 107, "MX"),
    // RFC 1712, RFC 7208, RFC 9606, and those that the registry alone knows.
    ("GPOS", 27, "TXT"),
    ("SPF", 99, "TXT"),
    ("RESINFO", 261, "TXT"),
    ("NINFO", 56, "TXT"),
    ("AVC", 258, "TXT"),
    // RFC 2535 (KEY), RFC 4431 (DLV), RFC 8162 (SMIMEA), RFC 4701 (DHCID): keys, digests, base64.
    ("KEY", 25, "DNSKEY"),
    ("DLV", 32769, "DS"),
    ("TA", 32768, "DS"),
    ("SMIMEA", 53, "TLSA"),
    ("DHCID", 49, "OPENPGPKEY"),
];

/// A text that the parser knows all types in.
pub(super) struct Rewritten {
    pub(super) text: Vec<u8>,
    /// The entries that are really of another type: the line on which each starts, from 0, and the type.
    types: VecDeque<(u32, Rtype)>,
}

impl Rewritten {
    /// `None` if there is nothing to rewrite.
    pub(super) fn new(text: &[u8]) -> Option<Self> {
        let mut rewritten = Self { text: Vec::new(), types: VecDeque::new() };
        let mut copied = 0;
        entries::walk(text, |start, lines_before| {
            if let Some((at, (name, number, like))) = find_alias(&text[start..]) {
                rewritten.text.extend_from_slice(&text[copied..start + at]);
                rewritten.text.extend_from_slice(like.as_bytes());
                copied = start + at + name.len();
                rewritten.types.push_back((lines_before, Rtype(number)));
            }
        });
        rewritten.text.extend_from_slice(&text[copied..]);
        (!rewritten.types.is_empty()).then_some(rewritten)
    }

    /// The real type of the next record, if the parser read another one; its entry ends on this line, from 0.
    pub(super) fn type_of(&mut self, line: u32) -> Option<Rtype> {
        self.types.pop_front_if(|(start, _)| *start <= line).map(|(_, rtype)| rtype)
    }
}

/// The place of the type in the first line of an entry, if it is one of these.
fn find_alias(entry: &[u8]) -> Option<(usize, TypeAlias)> {
    let line = entry.split(|byte| *byte == b'\n').next().filter(|line| !line.starts_with(b"$"))?;
    let line = &line[..comment(line).unwrap_or(line.len())];
    let has_owner = !line.starts_with(b" ") && !line.starts_with(b"\t");
    let mut at = 0;
    let words = line.split(|byte| b" \t\r".contains(byte)).map(|word| {
        let start = at;
        at += word.len() + 1;
        (start, word)
    });
    for (start, word) in words.filter(|(_, word)| !word.is_empty()).skip(usize::from(has_owner)) {
        let is_ttl_or_class = word[0].is_ascii_digit() || word.eq_ignore_ascii_case(b"IN");
        if !is_ttl_or_class {
            let found = TYPE_ALIASES.into_iter().find(|(name, ..)| word.eq_ignore_ascii_case(name.as_bytes()));
            return found.map(|find_alias| (start, find_alias));
        }
    }
    None
}

/// The start of a comment before the RDATA, where no quoted string can stand.
fn comment(line: &[u8]) -> Option<usize> {
    let is_escaped = |at: usize| line[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1;
    memchr::memchr_iter(b';', line).find(|at| !is_escaped(*at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_holds_no_type() {
        for text in ["; SPF\nwww A 10.0.0.1\n", ";old SPF x\n", " ; KEY\n", "www;300 IN SPF x\n", "www ; RT\n"] {
            assert!(Rewritten::new(text.as_bytes()).is_none(), "{text}");
        }
        assert!(Rewritten::new(b"a\\;b SPF x\n").is_some());
    }

    #[test]
    fn the_type_alone_is_rewritten() {
        let text =
            "$TTL 9\nspf 5 IN spf \"SPF\"\n KX 1 kx ; SPF\nkx A 1.2.3.4\nt TXT (\nSPF\n KX 1 x )\nRT\tAFSDB 1 (\nx )\n";
        let rewritten = Rewritten::new(text.as_bytes()).unwrap();
        let expected =
            "$TTL 9\nspf 5 IN TXT \"SPF\"\n MX 1 kx ; SPF\nkx A 1.2.3.4\nt TXT (\nSPF\n KX 1 x )\nRT\tMX 1 (\nx )\n";
        assert_eq!(String::from_utf8(rewritten.text).unwrap(), expected);
        assert_eq!(rewritten.types, [(1, Rtype(99)), (2, Rtype(36)), (7, Rtype(18))]);
        assert!(Rewritten::new(b"spf A 10.0.0.1\n").is_none());
    }
}
