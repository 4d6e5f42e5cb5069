//! `Label : value` screens, as PowerShell prints objects (Format-List), with JSON behind some of the labels.
//!
//! Only a few labels matter: names, addresses, and any label whose value is JSON. The rest of the screen is ignored.

use std::net::IpAddr;

use super::json;
use super::keys;
use super::lines::feeds;
use super::listing::{ListingBuilder, MAX_ADDRESSES, MAX_NAMES};
use super::statement::{Statement, Written};
use super::token::{TokenKind, quoted, tokens};
use crate::diag::Id;

/// True if a line looks like the first of such a screen. A column of its own for the colon tells it from IPv6.
pub(super) fn is_labelled(line: &str) -> bool {
    label(line).is_some()
}

/// The label in lower case without blanks, and where the value starts.
fn label(line: &str) -> Option<(String, usize)> {
    let colon = line.find(':')?;
    let (label, value) = (&line[..colon], &line[colon + 1..]);
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '\t');
    let starts = label.trim_start().starts_with(|c: char| c.is_ascii_alphabetic());
    let spaced = label.ends_with([' ', '\t']) && value.chars().next().is_none_or(char::is_whitespace);
    if !starts || !spaced || !label.chars().all(is_word) {
        return None;
    }
    let key = label.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_lowercase()).collect();
    Some((key, line.len() - value.trim_start().len()))
}

/// `{10.0.0.5}` is a list of PowerShell's, `{ "Fqdn"` and `{}` are JSON.
fn is_json(value: &str) -> bool {
    let inside = value.strip_prefix('{').map(|rest| rest.trim_start_matches([' ', '\t', '\r']));
    value.starts_with('[') || inside.is_some_and(|rest| rest.is_empty() || rest.starts_with(['\n', '"', '}']))
}

pub(super) fn read(text: &str, out: &mut ListingBuilder) {
    let mut block = ScreenObject::default();
    let mut at = 0;
    let mut number = 1;
    while at < text.len() {
        let end = text[at..].find('\n').map_or(text.len(), |length| at + length);
        let line = &text[at..end];
        let mut next = end + 1;
        match label(line) {
            Some((_, value)) if is_json(&text[at + value..]) => {
                let start = at + value;
                let length = json::value_length(&text[start..]);
                json::read_part(&text[start..start + length], number, out);
                next = text[start + length..].find('\n').map_or(text.len(), |rest| start + length + rest + 1);
            }
            Some((key, value)) => block.field(&key, &line[value..], number, out),
            None if line.trim().is_empty() => block.flush(out),
            None => block.values(line, number, out),
        }
        number += feeds(&text.as_bytes()[at..next.min(text.len())]);
        at = next;
    }
    block.flush(out);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Names,
    Addresses,
}

/// One object on the screen: its labels up to a blank line or the next name.
#[derive(Default)]
struct ScreenObject<'t> {
    line: u32,
    names: Vec<&'t str>,
    addresses: Vec<IpAddr>,
    /// The field that continuation lines belong to.
    last: Option<Field>,
}

impl<'t> ScreenObject<'t> {
    fn field(&mut self, key: &str, value: &'t str, line: u32, out: &mut ListingBuilder) {
        self.last = None;
        if matches!(keys::key(key), Some(keys::Key::FullName)) {
            self.flush(out);
            self.last = Some(Field::Names);
            self.line = line;
        } else if matches!(keys::key(key), Some(keys::Key::Address)) {
            self.last = Some(Field::Addresses);
        }
        self.values(value, line, out);
    }

    fn values(&mut self, text: &'t str, line: u32, out: &mut ListingBuilder) {
        let Some(field) = self.last else {
            return;
        };
        for token in tokens(text) {
            match (field, token.kind) {
                (_, TokenKind::CutOff) => out.problem(line, Id::LIST_CUT_OFF, || {
                    format!("'{}' is cut off: list it again with `| ConvertTo-Json -Depth 10`", quoted(token.text))
                }),
                (Field::Addresses, TokenKind::Address(address)) => push(&mut self.addresses, address, MAX_ADDRESSES),
                (Field::Addresses, _) => {
                    out.problem(line, Id::LIST_BAD_ADDRESS, || {
                        format!("'{}' is not an IP address", quoted(token.text))
                    });
                }
                (Field::Names, TokenKind::Address(_) | TokenKind::BadAddress) => {
                    out.problem(line, Id::LIST_NO_NAME, || {
                        format!("'{}' is an address where a host name belongs", quoted(token.text))
                    });
                }
                (Field::Names, _) => push(&mut self.names, token.text, MAX_NAMES),
            }
        }
    }

    fn flush(&mut self, out: &mut ListingBuilder) {
        let block = std::mem::take(self);
        if block.names.is_empty() {
            return;
        }
        if block.addresses.is_empty() {
            out.problem(block.line, Id::LIST_NO_ADDRESS, || format!("'{}' has no address", quoted(block.names[0])));
        }
        let names: Vec<Written<'_>> = block.names.iter().map(|name| Written::full(name)).collect();
        out.add(&Statement { line: block.line, names: &names, addresses: &block.addresses, ..Statement::default() });
    }
}

/// Keeps one more than there may be, which is enough to know that there are too many.
fn push<T>(all: &mut Vec<T>, one: T, capacity: usize) {
    if all.len() <= capacity {
        all.push(one);
    }
}
