//! Text lists: one rule for `PrivateIP.ps1` output, hosts files, CSV, tables and text pasted from the portal.
//!
//! A line has one address and one or more host names, or a label and a zone, in any order and with any separators
//! between. Everything else on it (a network interface, a TTL) is ignored. Headers, rules, blank lines and `#` comments
//! are skipped; any other line without an address or a name is a problem.

use std::net::IpAddr;

use super::Wrong;
use super::lines::feeds;
use super::listing::{ListingBuilder, MAX_ADDRESSES};
use super::statement::{Statement, Written};
use super::token::{Token, TokenKind, quoted, tokens};
use crate::azure::names::{NotHosted, locate};
use crate::diag::Id;

/// Words that stand above columns, letters only.
const HEADER_WORDS: [&str; 30] = [
    "address",
    "addresses",
    "customdnsconfigs",
    "customervisiblefqdns",
    "dns",
    "dnszone",
    "domain",
    "fqdn",
    "fqdns",
    "host",
    "hostname",
    "interface",
    "ip",
    "ipaddress",
    "ipaddresses",
    "ips",
    "ipv",
    "name",
    "networkinterface",
    "privateip",
    "privateipaddress",
    "privateips",
    "record",
    "recordname",
    "recordset",
    "resourcename",
    "ttl",
    "type",
    "visible",
    "zone",
];

/// Letters of the longest of them and more.
const MAX_HEADER: usize = 24;

/// Words that a line may have. A line of a list has a handful, exports with all their columns a few dozen.
const MAX_WORDS: usize = 1000;

/// Below this, a thread costs more than it brings.
const PART: usize = 4 << 20;

pub(super) fn read(text: &str, out: &mut ListingBuilder) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(text.len() / PART + 1);
    let parts = split_at_lines(text, threads);
    std::thread::scope(|scope| {
        let mut first = 1;
        let mut readers = Vec::new();
        for (index, part) in parts.into_iter().enumerate() {
            if index == 0 {
                first += feeds(part.as_bytes());
                readers.push((part, None));
                continue;
            }
            let mut builder = out.for_part();
            let start = first;
            first += feeds(part.as_bytes());
            let reader = scope.spawn(move || {
                read_part(part, start, &mut builder);
                builder
            });
            readers.push((part, Some(reader)));
        }
        for (part, reader) in readers {
            match reader.map(std::thread::ScopedJoinHandle::join) {
                Some(Ok(builder)) => out.append(builder),
                Some(Err(panic)) => std::panic::resume_unwind(panic),
                None => read_part(part, 1, out),
            }
        }
    });
}

/// Cuts a text into about equal parts that end with their lines.
fn split_at_lines(mut text: &str, parts: usize) -> Vec<&str> {
    let length = text.len() / parts.max(1);
    let mut cut = Vec::with_capacity(parts);
    while cut.len() + 1 < parts {
        let end = text.as_bytes().iter().skip(length).position(|byte| *byte == b'\n');
        let Some(end) = end.map(|end| length + end + 1) else {
            break;
        };
        // A character starts behind a line feed.
        let (head, tail) = text.split_at(end);
        cut.push(head);
        text = tail;
    }
    cut.push(text);
    cut
}

fn read_part(text: &str, first: u32, out: &mut ListingBuilder) {
    let lines = usize::try_from(feeds(text.as_bytes())).unwrap_or_default() + 1;
    // In a line of three columns the name takes the most room, not the address.
    out.expect_lines(lines, text.len());
    let mut line = Line::default();
    for (number, content) in (first..).zip(text.split('\n')) {
        line.read(content);
        line.report(number, out);
    }
}

/// The contents of one line; the vectors are reused from line to line.
#[derive(Default)]
struct Line<'t> {
    tokens: Vec<Token<'t>>,
    addresses: Vec<IpAddr>,
    /// Host names with at least one dot that are not zones.
    names: Vec<&'t str>,
    /// Indexes into `tokens` of names of zones.
    zones: Vec<usize>,
    bad_address: Option<&'t str>,
    cut_off: Option<&'t str>,
    has_text: bool,
    buffer: String,
}

impl<'t> Line<'t> {
    fn read(&mut self, content: &'t str) {
        self.tokens.clear();
        self.addresses.clear();
        self.names.clear();
        self.zones.clear();
        self.bad_address = None;
        self.cut_off = None;
        self.has_text = false;
        self.tokens.extend(tokens(content).take(MAX_WORDS + 1));
        for index in 0..self.tokens.len() {
            self.sort_in(index);
        }
    }

    fn sort_in(&mut self, index: usize) {
        let token = self.tokens[index];
        match token.kind {
            TokenKind::Address(address) => {
                // Once there are too many, the exact number does not matter.
                if self.addresses.len() <= MAX_ADDRESSES && !self.addresses.contains(&address) {
                    self.addresses.push(address);
                }
            }
            TokenKind::BadAddress => self.bad_address = Some(token.text),
            TokenKind::CutOff => self.cut_off = Some(token.text),
            // The zone of a label may be spelled in any way in which a name may be: ask what it would be as a name.
            TokenKind::Name if self.tokens.len() > 2 && self.is_zone(token.text) => self.zones.push(index),
            TokenKind::Name => self.names.push(token.text),
            TokenKind::Rule => return,
            TokenKind::Word => {}
        }
        self.has_text = true;
    }

    fn is_zone(&mut self, text: &str) -> bool {
        locate(text, &mut self.buffer) == Err(NotHosted::Apex)
    }

    fn report(&self, number: u32, out: &mut ListingBuilder) {
        if !self.has_text || self.is_header() {
            return;
        }
        if let Err((id, problem)) = self.entries(number, out) {
            out.problem(number, id, || problem);
        }
    }

    /// Words alone, one of them known from the heads of columns.
    fn is_header(&self) -> bool {
        let is_known = |token: &Token<'_>| {
            let word: String = token
                .text
                .chars()
                .filter(char::is_ascii_alphabetic)
                .take(MAX_HEADER + 1)
                .map(|c| c.to_ascii_lowercase())
                .collect();
            HEADER_WORDS.contains(&word.as_str())
        };
        self.tokens.iter().all(|token| matches!(token.kind, TokenKind::Word | TokenKind::Rule))
            && self.tokens.iter().any(is_known)
    }

    fn entries(&self, number: u32, out: &mut ListingBuilder) -> Result<(), Wrong> {
        if self.tokens.len() > MAX_WORDS {
            let text = format!("over {MAX_WORDS} words on one line: did the file lose its line feeds?");
            return Err((Id::LIST_TOO_LARGE, text));
        }
        if let Some(text) = self.cut_off {
            let text = format!("'{}' is cut off: list it again with a wider screen, or as JSON", quoted(text));
            return Err((Id::LIST_CUT_OFF, text));
        }
        if let Some(text) = self.bad_address {
            return Err((Id::LIST_BAD_ADDRESS, format!("'{}' is not an IP address", quoted(text))));
        }
        let pair = self.pair()?;
        if self.names.is_empty() && pair.is_none() {
            return self.nameless();
        }
        self.check_addresses()?;
        let mut names: Vec<Written<'_>> = self.names.iter().map(|name| Written::full(name)).collect();
        names.extend(pair.map(|(text, zone)| Written { text, zone: Some(zone), column: 0 }));
        // Every line is a round of its own: scripts append, and the later line is the newer one.
        let (line, round) = (number, number);
        out.add(&Statement { line, round, names: &names, addresses: &self.addresses, ..Statement::default() });
        Ok(())
    }

    /// The label and the zone of a line that has them in columns of their own.
    fn pair(&self) -> Result<Option<(&'t str, &'t str)>, Wrong> {
        let zone = match *self.zones.as_slice() {
            [] => return Ok(None),
            [zone] => zone,
            _ => {
                let text = "two names of zones on one line: a line takes one label and its zone";
                return Err((Id::LIST_AMBIGUOUS, text.to_owned()));
            }
        };
        let text = self.tokens[zone].text;
        match self.label_beside(zone) {
            Some(label) if label.kind == TokenKind::Word => Ok(Some((label.text, text))),
            // A full name with the zone it is in beside it.
            Some(_) => Ok(None),
            None if !self.names.is_empty() => Ok(None),
            None => {
                let text = format!(
                    "'{}' is the name of a zone, not of a record in it: put the label of the record before it",
                    quoted(text)
                );
                Err((Id::LIST_BAD_NAME, text))
            }
        }
    }

    /// The label of a zone stands before it, behind it, or is the only word on the line: else it would be a guess.
    fn label_beside(&self, zone: usize) -> Option<&Token<'t>> {
        let is_label = |token: &&Token<'t>| matches!(token.kind, TokenKind::Word | TokenKind::Name);
        let before = zone.checked_sub(1).and_then(|index| self.tokens.get(index)).filter(is_label);
        let beside = before.or_else(|| self.tokens.get(zone + 1).filter(is_label));
        beside.or_else(|| {
            let mut words = self.tokens.iter().filter(|token| token.kind == TokenKind::Word);
            words.next().filter(|_| words.next().is_none())
        })
    }

    fn nameless(&self) -> Result<(), Wrong> {
        if self.addresses.is_empty() {
            let text = "neither an address nor a full host name; start comments with '#'";
            return Err((Id::LIST_NO_ADDRESS, text.to_owned()));
        }
        // The lines every hosts file starts with.
        if self.tokens.len() > 1 && self.addresses.iter().all(is_boilerplate) {
            return Ok(());
        }
        let text = match self.tokens.iter().find(|token| matches!(token.kind, TokenKind::Word)) {
            Some(word) => format!("'{}' has no zone: write the full name", quoted(word.text)),
            None => "an address without a host name: put both on one line".to_owned(),
        };
        Err((Id::LIST_NO_NAME, text))
    }

    fn check_addresses(&self) -> Result<(), Wrong> {
        let in_braces = self.tokens.iter().filter(|t| matches!(t.kind, TokenKind::Address(_))).all(|t| t.in_braces);
        match self.addresses.as_slice() {
            [] => {
                let text = "no address: list addresses too, for instance with `--query \
                            'customDnsConfigs[].{fqdn: fqdn, ip: ipAddresses[0]}'`";
                Err((Id::LIST_NO_ADDRESS, text.to_owned()))
            }
            [_] => Ok(()),
            [a, b] if a.is_ipv4() != b.is_ipv4() => Ok(()),
            _ if in_braces => Ok(()),
            _ => {
                let text = "more than one address: a line takes one; write {10.0.0.4, 10.0.0.5} if the name has both";
                Err((Id::LIST_AMBIGUOUS, text.to_owned()))
            }
        }
    }
}

fn is_boilerplate(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_broadcast() || v4.is_multicast(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_multicast() || v6.segments()[0] == 0xfe00,
    }
}
