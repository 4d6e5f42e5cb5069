//! What a single word of a line can be beside addresses and names.

use std::net::IpAddr;

use super::statement::Written;
use super::token::{Token, TokenKind, is_mac};
use crate::azure::names::{AzureName, NotHosted, begins_like_vault, locate, record_or_text};

/// Types of records that have no address.
const OTHER_TYPES: [&str; 18] = [
    "cname", "txt", "ptr", "ns", "soa", "mx", "srv", "caa", "dname", "https", "svcb", "naptr", "hinfo", "ds", "dnskey",
    "rrsig", "nsec", "tlsa",
];

/// Words that take something away in a command or an update.
const REMOVALS: [&str; 9] =
    ["delete", "deleted", "del", "remove", "removed", "absent", "recorddelete", "nxdomain", "prereq"];

/// Parts of our names' suffixes, which stand alone only where a name was broken.
const FRAGMENTS: [&str; 10] = [
    "privatelink",
    "core.windows.net",
    "windows.net",
    "windowsazure.com",
    "backup.windowsazure.com",
    "storage.azure.net",
    "core.usgovcloudapi.net",
    "backup.windowsazure.us",
    "core.chinacloudapi.cn",
    "backup.windowsazure.cn",
];

/// Text that stands in every spelling of a name of ours, whatever else is around it.
const MARKS: [&str; 8] = [
    "privatelink",
    "blob.core",
    "queue.core",
    "blob.storage",
    "queue.storage",
    "backup.windowsazure",
    "-ab-pod",
    "windowsazure.",
];

pub(super) fn is_any_of(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether records of a type have addresses; `None` for a word that is no type.
pub(super) fn type_has_address(text: &str) -> Option<bool> {
    if is_any_of(text, &["a", "aaaa"]) {
        return Some(true);
    }
    is_any_of(text, &OTHER_TYPES).then_some(false)
}

/// True for the name of a type of records without addresses.
pub(super) fn is_other_type(text: &str) -> bool {
    type_has_address(text) == Some(false)
}

pub(super) fn is_removal(text: &str) -> bool {
    is_any_of(text, &REMOVALS) || text.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("remove-"))
}

/// The state of a connection over which nothing goes.
pub(super) fn is_down(text: &str) -> bool {
    is_any_of(text, &["pending", "rejected", "disconnected"])
}

/// A state of a connection or of its provisioning.
pub(super) fn is_state(text: &str) -> bool {
    is_down(text) || is_any_of(text, &["approved", "succeeded"])
}

/// Words in place of an address or a name that is not known yet.
pub(super) fn is_blank_filler(text: &str) -> bool {
    is_any_of(
        text,
        &[
            "tbd", "tba", "n/a", "na", "none", "null", "nil", "dynamic", "static", "pending", "unknown", "todo",
            "empty", "x", "?",
        ],
    )
}

/// A piece of a name of ours that was broken at a blank.
pub(super) fn is_fragment(token: &Token<'_>) -> bool {
    let text = token.text;
    match token.kind {
        TokenKind::Word => {
            let is_open =
                text.len() > 1 && text.ends_with('-') && text.starts_with(|c: char| c.is_ascii_alphanumeric());
            is_open || text == "." || is_any_of(text.trim_matches('.'), &FRAGMENTS)
        }
        TokenKind::Name => text.starts_with('.') || is_any_of(text.trim_matches('.'), &FRAGMENTS),
        _ => false,
    }
}

/// True if a text of any kind holds a name of ours or the better part of one.
pub(super) fn mentions_ours(text: &str) -> bool {
    // What stands in a resource id is no name.
    if text.starts_with('/') && text.get(..15).is_some_and(|start| start.eq_ignore_ascii_case("/subscriptions/")) {
        return false;
    }
    let plain: String = text.chars().filter(|c| *c != '\\').map(|c| c.to_ascii_lowercase()).collect();
    MARKS.iter().any(|mark| plain.contains(mark))
}

/// A label that a backup's storage account or vault may have: `abcdepod01ecs114`, `1000000000000000001-ab-pod01-fc1`.
pub(super) fn looks_like_ours(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let after = lower.split_once("pod").map_or("", |(_, after)| after);
    let service = after.trim_start_matches(|c: char| c.is_ascii_digit());
    begins_like_vault(text) || after.len() >= service.len() + 2 && service.starts_with(|c: char| c.is_ascii_lowercase())
}

/// True if a word may be the label of a record: letters, or digits with hyphens alone. Punctuation, times, dates with
/// dots, MAC addresses and states are none.
pub(super) fn may_be_label(token: &Token<'_>) -> bool {
    let text = token.text;
    let has_letters = text.chars().any(char::is_alphabetic);
    let is_number = token.is_clean && !text.contains('.');
    token.kind == TokenKind::Word && (has_letters || is_number) && !is_mac(text) && !is_state(text)
}

/// The addresses that every hosts file starts with.
pub(super) fn is_boilerplate(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_broadcast() || v4.is_multicast(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_multicast() || v6.segments()[0] == 0xfe00,
    }
}

/// The private endpoint whose resource id stands in a comment, as the portal's hosts file has it on each line.
pub(super) fn endpoint_in_id(text: &str) -> Option<&str> {
    const SEGMENT: &str = "/privateendpoints/";
    let mut at = text.bytes().enumerate().filter(|(_, byte)| *byte == b'/').map(|(at, _)| at);
    let is_here = |at: &usize| text.get(*at..at + SEGMENT.len()).is_some_and(|part| part.eq_ignore_ascii_case(SEGMENT));
    let name = &text[at.find(is_here)? + SEGMENT.len()..];
    let end = name.find(|c: char| c == '/' || c.is_whitespace() || matches!(c, '"' | ',' | ';')).unwrap_or(name.len());
    Some(&name[..end]).filter(|name| !name.is_empty())
}

/// True if a name, or a label in a zone, is a spelling of another name.
pub(super) fn is_same_record(name: &str, zone: Option<&str>, other: &str) -> bool {
    let mut buffer = String::new();
    let name = Written { text: name, zone, column: 0 }.whole();
    let Some(record) = locate(&name, &mut buffer).ok().map(|place| place.record_text()) else { return false };
    record_or_text(other, &mut buffer) == record
}

/// True if a name of ours lies in the zone, false if it lies in another one; `None` for a name of others, and for a
/// word without a dot, which is no zone (`blob`, `1`).
pub(super) fn is_in_zone(name: &str, zone: &str) -> Option<bool> {
    let (mut of_name, mut of_zone) = (String::new(), String::new());
    let zone = format!("x.{zone}");
    match locate(name, &mut of_name) {
        Ok(name) => {
            if !zone["x.".len()..].trim_end_matches('.').contains('.') {
                return None;
            }
            let is_same = |zone: AzureName<'_>| {
                zone.owner == "x" && (name.cloud, name.service, name.geo) == (zone.cloud, zone.service, zone.geo)
            };
            Some(locate(&zone, &mut of_zone).is_ok_and(is_same))
        }
        Err(NotHosted::Elsewhere) => None,
        // It is refused for what it is.
        Err(_) => Some(true),
    }
}
