//! Zone files: text in, records with their line out.
//!
//! The `domain` crate parses. This module gives each record its line, goes on after an error so that one reading
//! reports all of them, and names what is not supported. `check` judges the meaning of the records. Files that sync
//! wrote are read by `managed`, which is several times as fast.

use bytes::Bytes;
use domain::base::iana::Class as DomainClass;
use domain::base::name::ToName;
use domain::base::rdata::ComposeRecordData;
use domain::rdata::ZoneRecordData;
use domain::zonefile::inplace::{Entry, ScannedRecord, Zonefile};

mod entries;
mod managed;
mod type_aliases;

pub(super) use managed::{Head, read as read_lines};
use type_aliases::Rewritten;

use crate::diag::Id;
use crate::dns::{Name, Rtype, name_end, rdata};

/// Syntax errors reported per file at most.
const MAX_ERRORS: usize = 100;

/// Octets that are read once more in search of further errors. After each the rest of the file is begun anew, so that a
/// hundred errors on top of a large file would cost a hundred times the file. One of 2 MB may have its hundred.
const MAX_REREAD: usize = 256 << 20;

/// Octets of a line that are looked at for what may have been meant.
const MAX_LINE: usize = 4096;

/// A record as it stands in a file. Names are in wire format.
#[derive(Clone, Copy)]
pub(crate) struct Parsed<'a> {
    /// The owner, in lower case.
    pub owner: &'a [u8],
    /// The type.
    pub rtype: Rtype,
    /// Seconds.
    pub ttl: u32,
    /// RDATA.
    pub rdata: &'a [u8],
    /// The line its entry ends on, from 1.
    pub line: u32,
}

/// A place in a file that does not parse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    /// The id of its diagnostic.
    pub id: Id,
    /// From 1.
    pub line: u32,
    /// From 1; `None` where it is not known.
    pub column: Option<u32>,
    /// The problem and, where that is known, the correction.
    pub reason: String,
}

/// The end of a reading.
pub(crate) struct Read {
    /// Without an error the records may be used.
    pub errors: Vec<SyntaxError>,
    /// Whether all lines below the head are comments, or have one record each and stand for themselves.
    pub is_by_line: bool,
}

/// Reads a zone file for `apex` and hands each record to `each`.
pub(crate) fn parse(text: &[u8], apex: &Name, mut each: impl FnMut(Parsed<'_>)) -> Read {
    let mut handed_over = 0_usize;
    if let Some(head) = Head::find(text, apex) {
        let mut count = |parsed: Parsed<'_>| {
            handed_over += 1;
            each(parsed);
        };
        if parse_head(text, head, apex, &mut count) && managed::read(text, head, apex, &mut count) {
            return Read { errors: Vec::new(), is_by_line: true };
        }
    }
    // Starts at the top again, and skips the records that were handed over already.
    let errors = parse_all(text, apex, MAX_REREAD, |parsed| match handed_over.checked_sub(1) {
        Some(rest) => handed_over = rest,
        None => each(parsed),
    });
    Read { errors, is_by_line: false }
}

/// Hands over the records of the head; whether it has no error.
pub(super) fn parse_head(text: &[u8], head: Head, apex: &Name, mut each: impl FnMut(Parsed<'_>)) -> bool {
    parse_from(&text[..head.len], 1, apex, &mut each).is_none()
}

/// Reads any zone file, at most `reread` octets of it more than once.
fn parse_all(text: &[u8], apex: &Name, mut reread: usize, mut each: impl FnMut(Parsed<'_>)) -> Vec<SyntaxError> {
    let mut errors = Vec::new();
    let mut start = 0;
    let mut first_line = 1;
    while let Some(error) = parse_from(&text[start..], first_line, apex, &mut each) {
        let failed = error.line;
        errors.push(error);
        let Some((next, line)) = next_entry(text, start, first_line, failed) else { break };
        let Some(rest) = reread.checked_sub(text.len() - next).filter(|_| errors.len() < MAX_ERRORS) else {
            if let Some(last) = errors.last_mut() {
                last.reason.push_str("; the file was not searched for errors below this one");
            }
            break;
        };
        reread = rest;
        (start, first_line) = (next, line);
    }
    errors
}

/// Parses until the end or the first error.
fn parse_from(text: &[u8], first_line: u32, apex: &Name, each: &mut impl FnMut(Parsed<'_>)) -> Option<SyntaxError> {
    // The parser runs over the end of a text that stops within an entry.
    let Some(open) = entries::unclosed(text) else { return parse_whole(text, first_line, apex, each) };
    let before = parse_whole(&text[..open.entry_start], first_line, apex, each);
    let reason = format!("'{}' is opened here and never closed", open.what);
    let line = first_line + open.lines_before;
    before.or(Some(SyntaxError { id: Id::ZONE_UNCLOSED, line, column: Some(open.column), reason }))
}

fn parse_whole(text: &[u8], first_line: u32, apex: &Name, each: &mut impl FnMut(Parsed<'_>)) -> Option<SyntaxError> {
    let mut rewritten = Rewritten::new(text);
    let read_text = rewritten.as_mut().map(|rewritten| std::mem::take(&mut rewritten.text));
    let text = read_text.as_deref().unwrap_or(text);
    let mut zonefile = Zonefile::with_capacity(text.len() + 1);
    zonefile.extend_from_slice(text);
    // The parser takes a last line without a line feed for trailing data.
    zonefile.extend_from_slice(b"\n");
    zonefile.set_default_class(DomainClass::IN);
    if let Ok(origin) = domain::base::Name::from_octets(Bytes::copy_from_slice(apex.as_wire())) {
        zonefile.set_origin(origin);
    }
    let mut lines = LineCounter { text, counted: 0, line: first_line };
    let (mut owner, mut rdata) = (Vec::new(), Vec::new());
    loop {
        match zonefile.next_entry() {
            Ok(None) => return None,
            Ok(Some(Entry::Record(record))) => {
                let line = lines.at(zonefile.current_offset());
                let in_truth = rewritten.as_mut().and_then(|rewritten| rewritten.type_of(line - first_line));
                if let Err((id, reason)) = read(&record, &mut owner, &mut rdata) {
                    return Some(SyntaxError { id, line, column: None, reason: reason.to_owned() });
                }
                let rtype = in_truth.unwrap_or(Rtype(record.rtype().to_int()));
                each(Parsed { owner: &owner, rtype, ttl: record.ttl().as_secs(), rdata: &rdata, line });
            }
            Ok(Some(Entry::Include { .. })) => {
                let line = lines.at(zonefile.current_offset());
                let reason = "$INCLUDE is not supported: put the records into this file".to_owned();
                return Some(SyntaxError { id: Id::ZONE_INCLUDE, line, column: None, reason });
            }
            Err(error) => return Some(describe(&error.to_string(), text, first_line)),
        }
    }
}

fn read(record: &ScannedRecord, owner: &mut Vec<u8>, rdata: &mut Vec<u8>) -> Result<(), (Id, &'static str)> {
    owner.clear();
    rdata.clear();
    if record.class() != DomainClass::IN {
        return Err((Id::ZONE_CLASS, "only class IN is served"));
    }
    // Composing into a Vec cannot fail.
    let (Ok(()), Ok(())) = (record.owner().compose(owner), record.data().compose_rdata(rdata));
    owner.make_ascii_lowercase();
    let rtype = Rtype(record.rtype().to_int());
    let is_generic = matches!(record.data(), ZoneRecordData::Unknown(_));
    if !is_generic {
        resolve_at_signs(rtype, rdata);
    }
    // The parser lets empty labels pass.
    let is_good = name_end(owner, 0) == Some(owner.len()) && rdata::is_well_formed(rtype, rdata);
    match (is_good, is_generic) {
        (true, _) => Ok(()),
        // RFC 3597 section 5: a known type may be written in this form too, and keeps its meaning.
        (false, true) => Err((Id::ZONE_SYNTAX, "the octets behind \\# are not RDATA of this type")),
        (false, false) => Err((Id::ZONE_SYNTAX, "a name has an empty label (two dots in a row)")),
    }
}

/// `CNAME @` means the origin (RFC 1035 section 5.1); the parser reads it as a label `@` in front of the origin.
fn resolve_at_signs(rtype: Rtype, rdata: &mut Vec<u8>) {
    let mut at = match rtype {
        Rtype::CNAME | Rtype::NS | Rtype::PTR | Rtype::DNAME | Rtype::SOA => 0,
        Rtype::MX => 2,
        Rtype::SRV => 6,
        _ => return,
    };
    for _ in 0..if rtype == Rtype::SOA { 2 } else { 1 } {
        if rdata.get(at..at + 2) == Some(b"\x01@") {
            rdata.drain(at..at + 2);
        }
        while let Some(length @ 1..) = rdata.get(at).copied() {
            at += usize::from(length) + 1;
        }
        at += 1;
    }
}

/// Turns the parser's "line:column: reason" into an error at its place in the whole file.
fn describe(message: &str, text: &[u8], first_line: u32) -> SyntaxError {
    let mut parts = message.splitn(3, ':');
    let mut number = || parts.next().and_then(|part| part.trim().parse::<u32>().ok());
    // The parser sees that a line's last token is wrong once it has read the line feed behind it.
    let (line, column) = match (number().unwrap_or(1), number().filter(|column| *column > 0)) {
        (line, Some(1)) if line > 1 => (line - 1, None),
        place => place,
    };
    let reason = parts.next().unwrap_or(message).trim();
    let content = nth_line(text, line);
    let hint = if reason.starts_with("unknown record type") {
        " (write its RDATA in the generic form of RFC 3597: \\# 3 abcdef, the length and the octets in hex)"
    } else if content.trim_start().starts_with("$GENERATE") {
        " ($GENERATE is not supported: write the records out)"
    } else if content.split_whitespace().any(is_ttl_with_unit) {
        " (times are written in seconds here: 3600, not 1h)"
    } else {
        ""
    };
    SyntaxError { id: Id::ZONE_SYNTAX, line: first_line + line - 1, column, reason: format!("{reason}{hint}") }
}

fn is_ttl_with_unit(token: &str) -> bool {
    token.len() > 1
        && token.starts_with(|c: char| c.is_ascii_digit())
        && token.ends_with(|c: char| "smhdwSMHDW".contains(c))
        && token.chars().all(|c| c.is_ascii_digit() || "smhdwSMHDW".contains(c))
}

fn nth_line(text: &[u8], line: u32) -> String {
    let index = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
    let found = text.split(|byte| *byte == b'\n').nth(index).unwrap_or_default();
    String::from_utf8_lossy(&found[..found.len().min(MAX_LINE)]).into_owned()
}

/// The place where parsing can start again after an error on line `failed`: the next line that starts an entry.
fn next_entry(text: &[u8], start: usize, first_line: u32, failed: u32) -> Option<(usize, u32)> {
    let mut at = start;
    let mut line = first_line;
    while let Some(length) = text[at..].iter().position(|byte| *byte == b'\n') {
        at += length + 1;
        line += 1;
        let starts_entry = text.get(at).is_some_and(|byte| !b" \t\r\n;)".contains(byte));
        if line > failed && starts_entry {
            return Some((at, line));
        }
    }
    None
}

/// Counts lines as the parser moves on.
struct LineCounter<'a> {
    text: &'a [u8],
    counted: usize,
    line: u32,
}

impl LineCounter<'_> {
    /// The line of the last octet before `offset` that is not a line feed.
    fn at(&mut self, offset: usize) -> u32 {
        let end = offset.min(self.text.len());
        let end = if end > 0 && self.text[end - 1] == b'\n' { end - 1 } else { end };
        if end > self.counted {
            let feeds = memchr::memchr_iter(b'\n', &self.text[self.counted..end]).count();
            self.line += u32::try_from(feeds).unwrap_or(u32::MAX);
            self.counted = end;
        }
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{Record, rdata::presentation};

    fn read_all(text: &str) -> (Vec<(u32, String)>, Vec<SyntaxError>) {
        let mut records = Vec::new();
        let read = parse(text.as_bytes(), &"example.com".parse().unwrap(), |parsed| {
            let owner = Name::from_wire(parsed.owner).unwrap();
            let record = Record { owner, rtype: parsed.rtype, ttl: parsed.ttl, rdata: parsed.rdata.into() };
            assert!(!presentation(record.rtype, &record.rdata).is_empty());
            records.push((parsed.line, record.to_string()));
        });
        (records, read.errors)
    }

    #[test]
    fn records_come_with_their_line() {
        let (records, errors) =
            read_all("; note\n$TTL 10\n\nA A 10.0.0.1\n  AAAA fd00::1\nb 30 IN CNAME A ; x\nc A 10.0.0.3");
        assert_eq!(errors, []);
        let expected = [
            (4, "a.example.com. 10 IN A 10.0.0.1"),
            (5, "a.example.com. 10 IN AAAA fd00::1"),
            (6, "b.example.com. 30 IN CNAME A.example.com."),
            (7, "c.example.com. 10 IN A 10.0.0.3"),
        ];
        assert_eq!(records, expected.map(|(line, text)| (line, text.to_owned())));
    }

    #[test]
    fn an_at_sign_in_rdata_is_the_origin_rfc1035() {
        let (records, errors) = read_all(
            "$TTL 9\n@ SOA @ @ 1 2 3 4 5\n@ NS @\nw CNAME @\n@ MX 5 @\n_s SRV 1 2 3 @\n$ORIGIN sub.example.com.\nv CNAME @\n",
        );
        assert_eq!(errors, []);
        let expected = [
            "example.com. 9 IN SOA example.com. example.com. 1 2 3 4 5",
            "example.com. 9 IN NS example.com.",
            "w.example.com. 9 IN CNAME example.com.",
            "example.com. 9 IN MX 5 example.com.",
            "_s.example.com. 9 IN SRV 1 2 3 example.com.",
            "v.sub.example.com. 9 IN CNAME sub.example.com.",
        ];
        assert_eq!(records.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn every_syntax_error_is_reported_with_its_line() {
        let (_, errors) = read_all("$TTL 10\na A 10.0.0\nb A 10.0.0.2\nc AAAA 1.2.3.4\nd 1h A 10.0.0.1\n$INCLUDE x\n");
        let lines: Vec<u32> = errors.iter().map(|error| error.line).collect();
        assert_eq!(lines, [2, 4, 5, 6]);
        assert!(errors[2].reason.contains("3600, not 1h"), "{}", errors[2].reason);
        assert!(errors[3].reason.contains("$INCLUDE"), "{}", errors[3].reason);
    }

    #[test]
    fn an_empty_label_is_an_error_at_its_line() {
        let (records, errors) =
            read_all("$TTL 5\nm MX 10 q..r.other.\nw CNAME a..b\na..b A 10.0.0.1\ngood A 10.0.0.2\n");
        assert_eq!(records.len(), 1, "{records:?}");
        assert_eq!(errors.iter().map(|error| error.line).collect::<Vec<_>>(), [2, 3, 4]);
        assert!(errors[0].reason.contains("empty label"), "{errors:?}");
    }

    #[test]
    fn any_type_may_be_written_as_rfc3597_has_it() {
        let (records, errors) = read_all(
            "$TTL 9\na TYPE65400 \\# 3 abcdef\nb TYPE65400 \\# 0\nc A \\# 4 0a000001\nd TYPE1 10.0.0.2\n\
             e TYPE15 \\# 7 000a 0178 0140 00\nf CLASS1 TYPE257 0 issue \"ca.example\"\ng TYPE65400 \\# 5 (ab\n cdef 01 02)\n",
        );
        assert_eq!(errors, []);
        let expected = [
            r"a.example.com. 9 IN TYPE65400 \# 3 abcdef",
            r"b.example.com. 9 IN TYPE65400 \# 0",
            "c.example.com. 9 IN A 10.0.0.1",
            "d.example.com. 9 IN A 10.0.0.2",
            "e.example.com. 9 IN MX 10 x.@.",
            "f.example.com. 9 IN CAA 0 issue \"ca.example\"",
            r"g.example.com. 9 IN TYPE65400 \# 5 abcdef0102",
        ];
        assert_eq!(records.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), expected);
        let (_, errors) = read_all("$TTL 9\na A \\# 3 0a0000\nb TYPE65400 \\# 3 ab\nc CNAME \\# 2 c000\n");
        assert_eq!(errors.iter().map(|error| error.line).collect::<Vec<_>>(), [2, 3, 4]);
    }

    #[test]
    fn types_that_are_written_like_others_are_read_like_them() {
        let (records, errors) = read_all(
            "$TTL 9\na AFSDB 1 @\nb 7 IN kx 2 x\n SPF \"v=spf1\" all\nspf A 10.0.0.1\nc SMIMEA 3 0 1 (\n abcd )\n\
             d DHCID AQID\ng LP \\# 3 000a00\ne RT 1\nh URI 1 2 \"x\"\n",
        );
        let expected = [
            (2, r"a.example.com. 9 IN TYPE18 \# 15 0001076578616d706c6503636f6d00"),
            (3, r"b.example.com. 7 IN TYPE36 \# 17 00020178076578616d706c6503636f6d00"),
            (4, r"b.example.com. 9 IN TYPE99 \# 11 06763d7370663103616c6c"),
            (5, "spf.example.com. 9 IN A 10.0.0.1"),
            (6, r"c.example.com. 9 IN SMIMEA \# 5 030001abcd"),
            (8, r"d.example.com. 9 IN TYPE49 \# 3 010203"),
            (9, r"g.example.com. 9 IN TYPE107 \# 3 000a00"),
        ];
        assert_eq!(records, expected.map(|(line, text)| (line, text.to_owned())));
        assert_eq!(errors.iter().map(|error| error.line).collect::<Vec<_>>(), [10, 11], "{errors:?}");
        assert!(errors[1].reason.contains("\\# 3 abcdef"), "{}", errors[1].reason);
    }

    #[test]
    fn rereading_for_further_errors_is_bounded() {
        let text = |lines: usize| "$TTL 9\n".to_owned() + &"a A x\n".repeat(200) + &"b A 10.0.0.1\n".repeat(lines);
        for lines in [1000, 2000] {
            let text = text(lines);
            let (mut few, mut all) = (0, 0);
            let errors = parse_all(text.as_bytes(), &Name::root(), 3 * text.len(), |_| few += 1);
            assert!(errors[3].reason.ends_with("not searched for errors below this one"), "{errors:?}");
            assert_eq!(parse_all(text.as_bytes(), &Name::root(), MAX_REREAD, |_| all += 1).len(), MAX_ERRORS);
            assert_eq!((errors.len(), few, all), (4, 0, 0), "errors stand above all records");
        }
        let below = "a A x\n".to_owned() + &"b A 10.0.0.1\n".repeat(1000) + "a A x\nb A 10.0.0.1\n";
        let mut records = 0;
        assert_eq!(parse_all(below.as_bytes(), &Name::root(), 2 * below.len(), |_| records += 1).len(), 2);
        assert_eq!(records, 1001, "each is handed over once");
    }

    #[test]
    fn an_unclosed_parenthesis_or_quote_is_an_error_at_its_place() {
        for line in ["w SOA a. b. ( 1 2 3", "w TXT(a", "w TXT (", "w TXT \"a b", "w TXT a ( \"b\" (c)", "w HINFO(a b"] {
            let (records, errors) = read_all(&format!("$TTL 10\n{line}\nx A 10.0.0.1\n"));
            let places: Vec<u32> = errors.iter().map(|error| error.line).collect();
            assert_eq!(places, [2], "{line}");
            assert!(errors[0].reason.ends_with("is opened here and never closed"), "{}", errors[0].reason);
            assert_eq!(records.len(), 1, "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[ -~\n\t]{0,200}") {
            let _ = parse(text.as_bytes(), &Name::root(), |_| {});
        }
    }
}
