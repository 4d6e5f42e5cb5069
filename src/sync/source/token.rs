//! The words of a text list, and the meaning that each can have.

mod numeric;

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

pub(in crate::sync::source) use numeric::is_mac;

/// Characters of a list's own text that a message quotes: more than any name of Azure's has, less than fills a screen.
const QUOTED: usize = 120;

/// One word of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'t> {
    pub(super) text: &'t str,
    pub(super) kind: TokenKind,
    /// Its first octet in the line.
    pub(super) start: usize,
    /// True if all its characters can stand in a host name.
    pub(super) is_clean: bool,
    /// Between braces: PowerShell's way to show a list.
    pub(super) in_braces: bool,
}

/// The meaning that a word can have by its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// An IP address.
    Address(IpAddr),
    /// Meant as an address, or holds one, and is none.
    BadAddress,
    /// Ends in an ellipsis.
    CutOff,
    /// Holds a character that nobody sees.
    Hidden(char),
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
    /// Of a host name.
    pub(super) const HOST: u8 = 128;

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
            b'0'..=b'9' => NUMERIC | HEX | HOST,
            b'/' => NUMERIC | HEX,
            b'a'..=b'f' | b'A'..=b'F' => HEX | HOST,
            b'g'..=b'z' | b'G'..=b'Z' => HOST,
            b'%' => HEX,
            b'.' => DOT | NUMERIC | HEX | HOST,
            b':' => COLON | HEX | DRAWN,
            b'-' | b'_' => DRAWN | HOST,
            b'+' | b'*' => DRAWN,
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
pub(super) fn tokens(line: &str) -> Tokens<'_> {
    Tokens { line, at: 0, braces: 0, comment: None }
}

/// The iterator of [`tokens`].
pub(super) struct Tokens<'t> {
    line: &'t str,
    at: usize,
    braces: usize,
    comment: Option<&'t str>,
}

impl<'t> Tokens<'t> {
    /// The comment behind the words, once they are all read.
    pub(super) fn comment(&self) -> Option<&'t str> {
        self.comment
    }

    /// Moves to the next word.
    fn skip_separators(&mut self) {
        let bytes = self.line.as_bytes();
        while let Some(byte) = bytes.get(self.at).filter(|byte| class::OF[usize::from(**byte)] == class::SEPARATOR) {
            match byte {
                b'{' => self.braces += 1,
                b'}' => self.braces = self.braces.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
        }
    }
}

impl<'t> Iterator for Tokens<'t> {
    type Item = Token<'t>;

    fn next(&mut self) -> Option<Token<'t>> {
        loop {
            self.skip_separators();
            let start = self.at;
            let rest = self.line.as_bytes().get(start..)?;
            let (mut any, mut all) = (0, u8::MAX);
            for &byte in rest {
                let class = class::OF[usize::from(byte)];
                if class == class::SEPARATOR {
                    break;
                }
                any |= class;
                all &= class;
                self.at += 1;
            }
            // Separators are ASCII, so both ends are character boundaries.
            let text = self.line.get(start..self.at)?;
            if text.is_empty() || text.starts_with('#') || text.starts_with("//") {
                self.at = self.line.len();
                self.comment = self.line.get(start..).filter(|comment| !comment.is_empty());
                return None;
            }
            let bare = if any & class::NOT_ASCII == 0 && !text.starts_with('*') { text } else { undressed(text) };
            if bare.len() < text.len() {
                (any, all) = classes(bare);
            }
            if bare.is_empty() {
                continue;
            }
            let (text, kind) = classify(bare, any, all);
            let is_clean = all & class::HOST != 0 || text.len() < bare.len() && classes(text).1 & class::HOST != 0;
            let start = text.as_ptr() as usize - self.line.as_ptr() as usize;
            return Some(Token { text, kind, start, is_clean, in_braces: self.braces > 0 });
        }
    }
}

/// The classes of any byte of a text, and those of all.
fn classes(text: &str) -> (u8, u8) {
    let of = |byte: u8| class::OF[usize::from(byte)];
    text.bytes().fold((0, u8::MAX), |(any, all), byte| (any | of(byte), all & of(byte)))
}

/// Without invisible characters at its ends and without Markdown's `**` around it, if there is anything else in it.
fn undressed(text: &str) -> &str {
    let text = text.trim_matches(is_invisible);
    let bold =
        text.strip_prefix("**").and_then(|rest| rest.strip_suffix("**")).map(|inner| inner.trim_matches(is_invisible));
    bold.filter(|inner| inner.contains(|c: char| c.is_alphanumeric())).unwrap_or(text)
}

/// Characters without a shape of their own, which copying from web pages and chats leaves in names: the format
/// characters (category Cf) of Unicode that stand in text. One list for all readers: at the end of a word they are
/// left out, and within a name each is refused.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fe00}'..='\u{fe0f}')
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
    if any & class::NOT_ASCII != 0
        && let Some(hidden) = text.chars().find(|c| is_invisible(*c))
    {
        return (text, TokenKind::Hidden(hidden));
    }
    if has_dots && all & class::NUMERIC != 0 {
        return (text, numeric(text));
    }
    if any & class::COLON == 0 {
        return (text, word(text, has_dots));
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return (text, TokenKind::Address(address.to_canonical()));
    }
    if numeric::is_meant_as_address(text.trim_end_matches(':'), all & class::HEX != 0) {
        let text = text.trim_end_matches(':');
        return (text, text.parse::<IpAddr>().map_or(TokenKind::BadAddress, TokenKind::Address));
    }
    let text = text.trim_end_matches(':');
    (text, word(text, has_dots))
}

/// Digits, dots and slashes.
fn numeric(text: &str) -> TokenKind {
    match text.parse::<Ipv4Addr>() {
        Ok(v4) => TokenKind::Address(IpAddr::V4(v4)),
        Err(_) if numeric::is_meant_as_address(text, true) => TokenKind::BadAddress,
        Err(_) => TokenKind::Word,
    }
}

fn word(text: &str, has_dots: bool) -> TokenKind {
    match has_dots {
        // What PowerShell prints for an object that it does not show.
        true if text.starts_with("System.") => TokenKind::CutOff,
        true if is_dotted_name(text) => TokenKind::Name,
        true if numeric::is_meant_as_address(text, false) => TokenKind::BadAddress,
        _ => TokenKind::Word,
    }
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
        assert!(matches!(kind("::ffff:10.0.0.4"), TokenKind::Address(IpAddr::V4(_))), "the address in its own family");
        assert!(matches!(kind("10.0.0.4:"), TokenKind::Address(_)));
        for other in ["11:26", "00:00:10", "30.03.2026", "1.", "00:0d:3a:1b:2c:3d"] {
            assert_eq!(kind(other), TokenKind::Word, "{other}");
        }
    }

    #[test]
    fn a_message_quotes_the_start_of_a_long_word() {
        assert_eq!(quoted("acct.blob.core.windows.net"), "acct.blob.core.windows.net");
        assert_eq!(quoted(&"é".repeat(QUOTED)), "é".repeat(QUOTED));
        assert_eq!(quoted(&"é".repeat(1_000_000)), "é".repeat(QUOTED) + "…");
    }

    #[test]
    fn what_nobody_sees_is_trimmed_at_the_ends_and_told_inside() {
        let all: Vec<_> = tokens("\u{200e}a.bc\u{2060} \u{200b} **a.bc** \u{feff}10.0.0.4\u{200f}")
            .map(|t| (t.text, t.start))
            .collect();
        assert_eq!(all, [("a.bc", 3), ("a.bc", 17), ("10.0.0.4", 27)]);
        for hidden in ['\u{200b}', '\u{200e}', '\u{2060}', '\u{feff}', '\u{ad}'] {
            assert_eq!(kind(&format!("acct.{hidden}blob.core.windows.net")), TokenKind::Hidden(hidden));
        }
        assert_eq!(kind("✅"), TokenKind::Word);
        assert!(!tokens("acct.blob.core.windows.net:443").next().unwrap().is_clean);
        assert!(tokens("acct.blob.core.windows.net").next().unwrap().is_clean);
    }

    #[test]
    fn a_comment_ends_the_line() {
        assert_eq!(tokens("a b # c d").count(), 2);
        let mut words = tokens("a b #/x y");
        assert_eq!((words.by_ref().count(), words.comment()), (2, Some("#/x y")));
        assert_eq!(tokens("# a").count(), 0);
        assert_eq!(tokens("// a").count(), 0);
    }

    #[test]
    fn braces_mark_a_list() {
        let all: Vec<bool> = tokens("a.b {10.0.0.4, 10.0.0.5} c").map(|token| token.in_braces).collect();
        assert_eq!(all, [false, true, true, false]);
    }
}
