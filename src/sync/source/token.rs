//! The words of a text list, and the meaning that each can have.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

/// Characters of a list's own text that a message quotes: more than any name of Azure's has, less than fills a screen.
const QUOTED: usize = 120;

/// One word of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'t> {
    pub(super) text: &'t str,
    pub(super) kind: TokenKind,
    /// Between braces: PowerShell's way to show a list.
    pub(super) in_braces: bool,
}

/// The meaning that a word can have by its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// An IP address.
    Address(IpAddr),
    /// Digits and dots, or hex digits and colons, that are not an address.
    BadAddress,
    /// Ends in an ellipsis.
    CutOff,
    /// A host name with a dot in it.
    Name,
    /// Anything else: a label, a column's head, a number.
    Word,
    /// Part of a line drawn under a header.
    Rule,
}

/// The kinds of words that a byte can be part of, as bits: the tokeniser looks at every byte of a million lines once.
mod class {
    pub(super) const SEPARATOR: u8 = 1;
    pub(super) const DOT: u8 = 2;
    pub(super) const COLON: u8 = 4;
    /// Of an IPv4 address or something meant to be one.
    pub(super) const NUMERIC: u8 = 8;
    /// Of an IPv6 address or something meant to be one.
    pub(super) const HEX: u8 = 16;
    /// Of a line drawn under a header.
    pub(super) const DRAWN: u8 = 32;
    pub(super) const NOT_ASCII: u8 = 64;

    pub(super) const OF: [u8; 256] = table();

    const fn table() -> [u8; 256] {
        let mut table = [0; 256];
        let mut byte = 0_u8;
        loop {
            table[byte as usize] = of(byte);
            if byte == u8::MAX {
                return table;
            }
            byte += 1;
        }
    }

    #[expect(clippy::match_same_arms, reason = "brackets are kept apart from other separators to be readable")]
    const fn of(byte: u8) -> u8 {
        match byte {
            b' ' | b'\t' | b'\r' | 0x0b | 0x0c | b',' | b';' | b'|' | b'=' | b'"' | b'\'' | b'`' => SEPARATOR,
            b'(' | b')' | b'[' | b']' | b'{' | b'}' => SEPARATOR,
            b'0'..=b'9' | b'/' => NUMERIC | HEX,
            b'a'..=b'f' | b'A'..=b'F' | b'%' => HEX,
            b'.' => DOT | NUMERIC | HEX,
            b':' => COLON | HEX | DRAWN,
            b'-' | b'+' | b'*' | b'_' => DRAWN,
            0x80.. => NOT_ASCII,
            _ => 0,
        }
    }
}

/// Text of a list for a message. A word may be a whole file, so only its start is ever copied.
pub(super) fn quoted(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(QUOTED) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
    }
}

/// The words of a line up to its comment.
pub(super) fn tokens(line: &str) -> impl Iterator<Item = Token<'_>> {
    let bytes = line.as_bytes();
    let mut at = 0;
    let mut braces = 0_usize;
    std::iter::from_fn(move || {
        while let Some(byte) = bytes.get(at).filter(|byte| class::OF[usize::from(**byte)] == class::SEPARATOR) {
            match byte {
                b'{' => braces += 1,
                b'}' => braces = braces.saturating_sub(1),
                _ => {}
            }
            at += 1;
        }
        let start = at;
        let (mut any, mut all) = (0, u8::MAX);
        for &byte in bytes.get(start..)? {
            let class = class::OF[usize::from(byte)];
            if class == class::SEPARATOR {
                break;
            }
            any |= class;
            all &= class;
            at += 1;
        }
        // Separators are ASCII, so both ends are character boundaries.
        let text = line.get(start..at)?;
        if text.is_empty() || text.starts_with('#') || text.starts_with("//") {
            at = bytes.len();
            return None;
        }
        let (text, kind) = classify(text, any, all);
        Some(Token { text, kind, in_braces: braces > 0 })
    })
}

/// `any` has the classes of any of its bytes, `all` those that all have.
fn classify(text: &str, any: u8, all: u8) -> (&str, TokenKind) {
    let has_dots = any & class::DOT != 0;
    if all & class::DRAWN != 0 {
        return (text, TokenKind::Rule);
    }
    if (has_dots && text.ends_with("..")) || (any & class::NOT_ASCII != 0 && text.contains('…')) {
        return (text, TokenKind::CutOff);
    }
    if has_dots && all & class::NUMERIC != 0 {
        let address = text.parse::<Ipv4Addr>();
        return (text, address.map_or(TokenKind::BadAddress, |v4| TokenKind::Address(IpAddr::V4(v4))));
    }
    if any & class::COLON == 0 {
        return (text, if has_dots && is_dotted_name(text) { TokenKind::Name } else { TokenKind::Word });
    }
    if let Some(kind) = with_colons(text, all & class::HEX != 0) {
        return (text, kind);
    }
    let text = text.trim_end_matches(':');
    (text, if has_dots && is_dotted_name(text) { TokenKind::Name } else { TokenKind::Word })
}

fn with_colons(text: &str, only_hex: bool) -> Option<TokenKind> {
    if let Ok(address) = text.parse() {
        return Some(TokenKind::Address(address));
    }
    // `10.0.0.4:443`, `fe80::1%3`, `fd00::4/128`; but `IP:` and `add:` are words.
    let is_address_like = only_hex && !text.ends_with(':') || text.split('%').next().is_some_and(|t| t.contains("::"));
    is_address_like.then_some(TokenKind::BadAddress)
}

/// A host name ends in a top-level name of letters; `vault.nic.4f8a2c6e-0000` does not. Whether its characters are good
/// is asked later, so that a bad one is reported and not overlooked.
fn is_dotted_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let (before, last) = name.rsplit_once('.').unwrap_or(("", name));
    !before.is_empty() && last.len() > 1 && last.bytes().all(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> TokenKind {
        tokens(text).next().unwrap().kind
    }

    #[test]
    fn words_are_told_apart_by_their_looks() {
        assert!(matches!(kind("10.0.0.4"), TokenKind::Address(_)));
        assert!(matches!(kind("fd00::4"), TokenKind::Address(_)));
        for bad in ["10.0.0.256", "10.0.0", "10.0.0.4/32", "10.0.0.4:443", "fe80::1%eth0", "fd00::4/128"] {
            assert_eq!(kind(bad), TokenKind::BadAddress, "{bad}");
        }
        assert_eq!(kind("acct.blob.core.windows.net."), TokenKind::Name);
        assert_eq!(kind("vault.nic.4f8a2c6e-0000"), TokenKind::Word);
        assert_eq!(kind("1000000000000000001-ab-pod01-fc1"), TokenKind::Word);
        assert_eq!(kind("IP:"), TokenKind::Word);
        assert_eq!(kind("privatelink.we.bac..."), TokenKind::CutOff);
        assert_eq!(kind("-----"), TokenKind::Rule);
    }

    #[test]
    fn a_message_quotes_the_start_of_a_long_word() {
        assert_eq!(quoted("acct.blob.core.windows.net"), "acct.blob.core.windows.net");
        assert_eq!(quoted(&"é".repeat(QUOTED)), "é".repeat(QUOTED));
        assert_eq!(quoted(&"é".repeat(1_000_000)), "é".repeat(QUOTED) + "…");
    }

    #[test]
    fn a_comment_ends_the_line() {
        assert_eq!(tokens("a b # c d").count(), 2);
        assert_eq!(tokens("# a").count(), 0);
        assert_eq!(tokens("// a").count(), 0);
    }

    #[test]
    fn braces_mark_a_list() {
        let all: Vec<bool> = tokens("a.b {10.0.0.4, 10.0.0.5} c").map(|token| token.in_braces).collect();
        assert_eq!(all, [false, true, true, false]);
    }
}
