//! A second opinion on lists, which shares no code with the readers: the names of ours that a text has outside its
//! comments, and what a reading of it must neither lack nor add.
//!
//! It is naive on purpose: it knows no format, only runs of characters that names have. Where a text may be meant as a
//! comment, or a character as an escape, it looks away, so that whatever it finds is there.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use privatelink_dns::azure::Cloud;
use privatelink_dns::diag::{Diagnostic, Id};
use privatelink_dns::sync::desired::{DesiredState, Limits, Settings, check, merge};
use privatelink_dns::sync::source::{Format, Listing, parse};

/// Suffixes of names whose zone follows from the label before the suffix.
const STORAGE: [(&str, &str); 4] = [
    ("core.windows.net", "core.windows.net"),
    ("core.usgovcloudapi.net", "core.usgovcloudapi.net"),
    ("core.chinacloudapi.cn", "core.chinacloudapi.cn"),
    ("storage.azure.net", "core.windows.net"),
];

/// Suffixes behind a geo code.
const BACKUP: [&str; 3] = ["backup.windowsazure.com", "backup.windowsazure.us", "backup.windowsazure.cn"];

/// A record: its owner with the zone behind it, in lower case.
pub(crate) type Record = (String, IpAddr);

/// What a list came to.
#[derive(Debug)]
pub(crate) enum Reading {
    /// With the messages, by line.
    Refused(String),
    /// Its records, and what was said about the rest.
    Taken(Box<Taken>),
}

/// A list that was accepted.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) records: BTreeSet<Record>,
    pub(crate) listing: Listing,
    pub(crate) state: DesiredState,
    pub(crate) said: Vec<Diagnostic>,
}

/// Reads a list as `sync` does: the public cloud, its geo codes learnt from lists, every address allowed.
pub(crate) fn read(format: Format, data: &[u8]) -> Reading {
    let names = Settings::of_cloud(Cloud::Public, &["we"]);
    let listing = match parse("s", Path::new("list"), format, data.to_vec()) {
        Ok(listing) => listing,
        Err(problems) => return Reading::Refused(problems.to_string()),
    };
    let all = ["0.0.0.0/0", "::/0"].map(|network| network.parse().unwrap());
    let problems = check(&listing, &Limits { names: names.clone(), allowed_targets: all.to_vec() });
    if problems.has_errors() {
        return Reading::Refused(problems.to_string());
    }
    match merge(vec![listing.clone()], &names) {
        Err(problems) => Reading::Refused(problems.to_string()),
        Ok(state) => {
            let said = state.warnings.to_vec();
            Reading::Taken(Box::new(Taken { records: records(&state), listing, state, said }))
        }
    }
}

fn records(state: &DesiredState) -> BTreeSet<Record> {
    let mut all = BTreeSet::new();
    for (apex, zone) in &state.zones {
        all.extend(zone.records.iter().map(|record| (format!("{}.{}", record.owner, apex), record.address)));
    }
    all
}

/// The text of a list, if it is in an encoding that lists have.
pub(crate) fn decoded(data: &[u8]) -> Option<String> {
    let wide = |to: fn([u8; 2]) -> u16| {
        let units = data[2..].chunks(2).map(|pair| pair.try_into().ok().map(to)).collect::<Option<Vec<u16>>>()?;
        String::from_utf16(&units).ok()
    };
    match data {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        _ => String::from_utf8(data.to_vec()).ok(),
    }
}

/// A name of ours in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// As it stands there.
    pub(crate) text: String,
    /// Its line if only LF ends lines, and if every line end of Unicode does.
    pub(crate) lines: [u32; 2],
    /// A backslash stands before it, so that its first letters may belong to an escape.
    is_escaped: bool,
}

/// The owner and zone that any spelling of a name means; `None` for names that are none of ours.
pub(crate) fn meaning(text: &str) -> Option<String> {
    let name = text.trim_matches('.').to_ascii_lowercase();
    let private = |rest: &str| -> String {
        let mut labels: Vec<&str> = rest.split('.').collect();
        while labels.last() == Some(&"privatelink") {
            labels.pop();
        }
        labels.join(".")
    };
    for (suffix, home) in STORAGE {
        for service in ["blob", "queue"] {
            let Some(rest) = name.strip_suffix(&format!(".{service}.{suffix}")) else { continue };
            let mut owner = private(rest);
            if suffix.ends_with("storage.azure.net")
                && let Some((before, last)) = owner.rsplit_once('.')
                && last.strip_prefix('z').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
            {
                owner = private(before);
            }
            return (!owner.is_empty()).then(|| format!("{owner}.privatelink.{service}.{home}"));
        }
    }
    for suffix in BACKUP {
        let Some((before, geo)) = name.strip_suffix(&format!(".{suffix}")).and_then(|rest| rest.rsplit_once('.'))
        else {
            continue;
        };
        let owner = private(before);
        return (!owner.is_empty()).then(|| format!("{owner}.privatelink.{geo}.{suffix}"));
    }
    None
}

fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

fn ends_line(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// The names of ours in a text outside of what may be a comment. In a zone file a semicolon always starts one.
pub(crate) fn names(text: &str, is_zone_file: bool) -> Vec<Seen> {
    let text = without_colours(&text.replace('\u{feff}', "\n"));
    let mut found = Vec::new();
    let (mut feeds, mut ends, mut is_in_block) = (1, 1, false);
    // Zone files, with or without their head.
    let signs = ["$ORIGIN", "$TTL", "SOA", "IN\tA", " IN A", "\tA\t", " A "];
    let has_semicolon_comments = is_zone_file || signs.iter().any(|sign| text.contains(sign));
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let end = rest.find(ends_line).unwrap_or(rest.len());
        let line = &rest[..end];
        names_of_line(line, [feeds, ends], &mut is_in_block, has_semicolon_comments, &mut found);
        let Some(c) = rest[end..].chars().next() else { break };
        let mut next = end + c.len_utf8();
        if c == '\r' && rest[next..].starts_with('\n') {
            next += 1;
        }
        feeds += u32::from(rest[end..next].contains('\n'));
        ends += 1;
        rest = &rest[next..];
    }
    found
}

/// Without the sequences that change only the looks of a terminal (ECMA-48 section 5.4): numbers, then a letter.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !(' '..='?').contains(&c)).unwrap_or(part.len());
        match part[end..].strip_prefix(['m', 'K', 'h', 'l']) {
            Some(rest) => out += rest,
            None => out += part,
        }
    }
    out
}

fn names_of_line(line: &str, lines: [u32; 2], is_in_block: &mut bool, semicolons: bool, found: &mut Vec<Seen>) {
    let mut before = ' ';
    let mut at = 0;
    // The server and the person of an SOA record are no endpoints, nor is the zone that names are relative to.
    let is_origin = line.trim_start().get(..7).is_some_and(|start| start.eq_ignore_ascii_case("$ORIGIN"));
    if is_origin || line.trim_start().starts_with(';') || semicolons && line.contains("SOA") {
        return;
    }
    while let Some(c) = line[at..].chars().next() {
        let rest = &line[at..];
        if *is_in_block {
            if rest.starts_with("*/") {
                *is_in_block = false;
                at += 1;
            }
        } else if rest.starts_with("/*") {
            *is_in_block = true;
        } else if c == '#' || (rest.starts_with("//") && before != ':') || (c == ';' && semicolons) {
            return;
        } else if is_name_character(c) {
            let length = rest.find(|c| !is_name_character(c)).unwrap_or(rest.len());
            let text = rest[..length].to_owned();
            let word =
                line[..at].rsplit(|c: char| c.is_whitespace() || "\"',;|".contains(c)).next().unwrap_or_default();
            let is_in_id = word.to_ascii_lowercase().contains("/subscriptions/");
            if !is_in_id && meaning(&text).is_some() {
                found.push(Seen { text, lines, is_escaped: before == '\\' });
            }
            at += length;
            before = 'a';
            continue;
        }
        before = c;
        at += c.len_utf8();
    }
}

/// A name of ours in the text that is neither a record nor on a line about which something was said, or a record whose
/// name or address is not in the text. `by_line`: both stand on one line.
pub(crate) fn missed(taken: &Taken, text: &str, format: Format, by_line: bool) -> Option<String> {
    if let Some(name) = names(text, format == Format::Zone).iter().find(|name| !is_covered(name, taken)) {
        return Some(format!("'{}' of line {:?} is passed over", name.text, name.lines));
    }
    if text.contains('\\') {
        // Escapes hide what the naive scan looks for.
        return None;
    }
    let text = &without_colours(text);
    let lines: Vec<(BTreeSet<String>, BTreeSet<IpAddr>)> = if by_line {
        text.split(ends_line).map(words_and_addresses).collect()
    } else {
        vec![words_and_addresses(text)]
    };
    let is_there = |name: &str, address| {
        let label = name.split('.').next().unwrap_or_default();
        lines.iter().any(|(words, addresses)| words.contains(label) && addresses.contains(address))
    };
    let (name, address) = taken.records.iter().find(|(name, address)| !is_there(name, address))?;
    Some(format!("'{name}' {address} is not in the text"))
}

/// The first labels of all runs and of their parts, in lower case, and the addresses.
fn words_and_addresses(text: &str) -> (BTreeSet<String>, BTreeSet<IpAddr>) {
    let mut words = BTreeSet::new();
    for run in text.split(|c| !is_name_character(c)) {
        words.extend(run.split('.').map(str::to_ascii_lowercase));
    }
    let runs = |is_part: fn(char) -> bool| text.split(move |c| !is_part(c));
    let v4 = runs(|c| c.is_ascii_digit() || c == '.');
    let v6 = runs(|c| c.is_ascii_hexdigit() || c == '.' || c == ':');
    let trimmed = v4.chain(v6).flat_map(|run| [run, run.trim_matches('.'), run.trim_matches(':')]);
    (words, trimmed.filter_map(|run| run.parse().ok()).collect())
}

fn is_covered(name: &Seen, taken: &Taken) -> bool {
    let is_record = |text: &str| {
        meaning(text).is_some_and(|meant| {
            taken.records.iter().any(|(record, _)| *record == meant)
                || taken
                    .state
                    .zones
                    .iter()
                    .any(|(apex, zone)| zone.conflicts.iter().any(|it| format!("{}.{}", it.owner, apex) == meant))
        })
    };
    // `\n` and `\u0061` before a name leave letters of the escape.
    let shorter = [1, 5].into_iter().filter_map(|skipped| name.text.get(skipped..));
    is_record(&name.text)
        || name.is_escaped && shorter.into_iter().any(is_record)
        || taken.said.iter().any(|message| is_about(message, name))
}

/// True if a message is about the line of a name, or names it, or stands for more than it shows.
fn is_about(message: &Diagnostic, name: &Seen) -> bool {
    let text = message.text.to_ascii_lowercase();
    let meant = name.text.trim_matches('.').to_ascii_lowercase();
    let stands_for_more = message.id == Id::MORE
        || [Id::LIST_NOT_CONNECTED, Id::LIST_NAME_ALONE].contains(&message.id) && text.contains("more")
        || message.id == Id::GEO_UNKNOWN;
    text.contains(&meant) || stands_for_more || message.place.line_number().is_some_and(|it| name.lines.contains(&it))
}
