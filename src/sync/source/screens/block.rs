//! One object on a screen.
//!
//! An object with JSON behind one of its labels is read as the JSON object that it was before it was printed. Any other
//! has one name, or a label and its zone, and its addresses.

use std::collections::HashSet;
use std::net::IpAddr;

use super::wrap;
use crate::azure::names::{NotHosted, locate, mentions};
use crate::diag::Id;
use crate::sync::source::json;
use crate::sync::source::keys::{Key, key};
use crate::sync::source::listing::{ListingBuilder, MAX_ADDRESSES, MAX_NAMES};
use crate::sync::source::problems::{self, Fault};
use crate::sync::source::statement::{Statement, Written};
use crate::sync::source::token::{Token, TokenKind, quoted, tokens};
use crate::sync::source::words::{endpoint_in_id, is_blank_filler, is_other_type, is_same_record, mentions_ours};

/// Labels of an object. Azure's have about thirty.
const MAX_FIELDS: usize = 500;

/// A label and its value.
struct Field<'t> {
    label: &'t str,
    key: Option<Key>,
    value: &'t str,
    /// The further lines of the value, with their numbers.
    rest: Vec<(u32, &'t str)>,
    /// Where JSON starts in its line, in octets; `None` for a value that is no JSON.
    json_indent: Option<usize>,
    line: u32,
}

/// The labels up to a blank line or the next object.
#[derive(Default)]
pub(super) struct Block<'t> {
    fields: Vec<Field<'t>>,
    labels: HashSet<String>,
}

/// What the plain fields say.
#[derive(Default)]
struct Found<'t> {
    names: Vec<Token<'t>>,
    zone: Option<&'t str>,
    addresses: Vec<IpAddr>,
    line: u32,
}

impl<'t> Block<'t> {
    /// True if the object has this label already.
    pub(super) fn has(&self, label: &str) -> bool {
        self.labels.contains(&label.to_ascii_lowercase())
    }

    /// True if a value may go on.
    pub(super) fn is_open(&self) -> bool {
        !self.fields.is_empty()
    }

    pub(super) fn push(
        &mut self,
        label: &'t str,
        value: &'t str,
        json_indent: Option<usize>,
        line: u32,
        out: &mut ListingBuilder,
    ) {
        self.labels.insert(label.to_ascii_lowercase());
        if self.fields.len() == MAX_FIELDS {
            out.problem(line, Id::LIST_TOO_LARGE, || {
                format!("over {MAX_FIELDS} labels in one object: put a blank line between objects")
            });
        }
        if self.fields.len() < MAX_FIELDS {
            let value = value.trim_end();
            self.fields.push(Field { label, key: key(label), value, rest: Vec::new(), json_indent, line });
        }
    }

    /// Adds a further line to the value of the last label.
    pub(super) fn continue_with(&mut self, words: &'t str, line: u32) {
        if let Some(field) = self.fields.last_mut() {
            field.rest.push((line, words));
        }
    }

    /// Adds what the object says.
    pub(super) fn add(self, aliases: &mut usize, out: &mut ListingBuilder) {
        let Some(first) = self.fields.first() else { return };
        if self.fields.iter().any(|field| field.json_indent.is_some()) {
            return json::read_part(&self.as_json(), first.line, out);
        }
        let mut found = Found { line: first.line, ..Found::default() };
        match self.read(&mut found, aliases, out) {
            Ok(()) => {}
            Err((line, fault)) => out.problem(line, fault.id, || fault.text),
        }
    }

    /// The object as JSON, each value on its line.
    fn as_json(&self) -> String {
        let mut text = String::from("{");
        let mut line = self.fields.first().map_or(0, |field| field.line);
        for (index, field) in self.fields.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            while line < field.line {
                text.push('\n');
                line += 1;
            }
            text.push_str(&json_string(field.label));
            text.push(':');
            if let Some(indent) = field.json_indent {
                text.push_str(&wrap::rejoined(field.value, indent));
                line += super::feeds(field.value.as_bytes());
            } else {
                let whole: Vec<&str> = field.lines().collect();
                text.push_str(&json_string(&whole.join("\n")));
            }
        }
        text.push('}');
        text
    }

    fn read(&self, found: &mut Found<'t>, aliases: &mut usize, out: &mut ListingBuilder) -> Result<(), (u32, Fault)> {
        for field in &self.fields {
            field.check_breaks()?;
        }
        self.names(found)?;
        if self.is_other_type() {
            *aliases += 1;
            let is_ours = found.zone.is_some() || found.names.iter().any(|name| mentions_ours(name.text));
            if let (1, Some(name)) = (*aliases, found.names.first().filter(|_| is_ours)) {
                out.note(found.line, Id::LIST_NAME_ALONE, || {
                    format!("'{}' left aside: only records of type A and AAAA have addresses", quoted(name.text))
                });
            }
            return Ok(());
        }
        self.addresses(found)?;
        self.check(found)?;
        if !found.names.is_empty() && !found.addresses.is_empty() {
            self.publish(found, out);
        }
        Ok(())
    }

    fn of(&self, wanted: Key) -> impl Iterator<Item = &Field<'t>> {
        self.fields.iter().filter(move |field| field.key == Some(wanted))
    }

    fn value(&self, wanted: Key) -> Option<&'t str> {
        self.of(wanted).map(|field| field.value).find(|value| !value.is_empty())
    }

    fn is_other_type(&self) -> bool {
        self.of(Key::Type).any(|field| is_other_type(field.value.rsplit('/').next().unwrap_or_default()))
    }

    /// The names: full ones, or else a label and its zone.
    fn names(&self, found: &mut Found<'t>) -> Result<(), (u32, Fault)> {
        let zones = || self.of(Key::Zone).chain(self.of(Key::ZoneOrName));
        for wanted in [Key::FullName, Key::Label, Key::Name, Key::ZoneOrName] {
            if !found.names.is_empty() {
                break;
            }
            for field in self.of(wanted) {
                field.names(found).map_err(|fault| (field.line, fault))?;
            }
        }
        let label = found.names.first().filter(|name| name.kind == TokenKind::Word);
        if label.is_some() {
            let zone = zones().find_map(|field| tokens(field.value).next());
            found.zone = zone.map(|zone| zone.text.rsplit('/').next().unwrap_or_default());
        } else if let (None, Some(field)) =
            (found.names.first(), self.of(Key::Zone).find(|field| !field.value.is_empty()))
        {
            let text =
                format!("'{}' is the name of a zone, and no label of a record stands with it", quoted(field.value));
            return Err((field.line, fault(Id::LIST_BAD_NAME, text)));
        }
        Ok(())
    }

    fn addresses(&self, found: &mut Found<'t>) -> Result<(), (u32, Fault)> {
        let is_clear = |field: &&Field<'_>| {
            let label = field.label.to_ascii_lowercase();
            label.contains("ip") || label.contains("addr")
        };
        let any_clear = self.of(Key::Address).any(|field| is_clear(&field));
        let mut first: Option<&Field<'t>> = None;
        for field in self.of(Key::Address).filter(|field| !any_clear || is_clear(field)) {
            let addresses = field.addresses().map_err(|fault| (field.line, fault))?;
            let Some(earlier) = first.filter(|_| !addresses.is_empty() && addresses != found.addresses) else {
                if first.is_none() && !addresses.is_empty() {
                    found.addresses = addresses;
                    first = Some(field);
                }
                continue;
            };
            if addresses.iter().all(IpAddr::is_ipv4) == found.addresses.iter().all(IpAddr::is_ipv4) {
                let text = format!(
                    "'{}' and '{}' have different addresses: keep the private address alone",
                    quoted(earlier.label),
                    quoted(field.label)
                );
                return Err((field.line, fault(Id::LIST_AMBIGUOUS, text)));
            }
            found.addresses.extend(addresses);
        }
        Ok(())
    }

    /// Refuses names without addresses, addresses without names, and names of ours that nothing is made of.
    fn check(&self, found: &Found<'t>) -> Result<(), (u32, Fault)> {
        if let Some(name) = found.names.first() {
            let is_full = name.kind == TokenKind::Name;
            let ours = found.names.iter().find(|name| found.zone.is_some() || mentions_ours(name.text));
            let owed = ours.or_else(|| self.of(Key::FullName).next().map(|_| name));
            if let Some(owed) = owed.filter(|_| found.addresses.is_empty()) {
                let text = format!("'{}' has no address: list its address too", quoted(owed.text));
                return Err((found.line, fault(Id::LIST_NO_ADDRESS, text)));
            }
            if !found.addresses.is_empty() && !is_full && found.zone.is_none() {
                return Err((found.line, problems::no_zone_in_table(name)));
            }
        } else if let Some(address) = found.addresses.first() {
            let text = format!("'{address}' has no host name: list the name in the same object");
            return Err((found.line, fault(Id::LIST_NO_NAME, text)));
        }
        let is_taken = !found.names.is_empty() && !found.addresses.is_empty();
        for field in self.fields.iter().filter(|field| field.key.is_none_or(|key| key == Key::Other || !is_taken)) {
            field.check_rest(found, is_taken).map_err(|fault| (field.line, fault))?;
        }
        Ok(())
    }

    fn publish(&self, found: &Found<'t>, out: &mut ListingBuilder) {
        let zone = found.zone;
        let names: Vec<Written<'_>> =
            found.names.iter().map(|name| Written { text: name.text, zone, column: 0 }).collect();
        let is_full = self.of(Key::FullName).next().is_some();
        let endpoint = self.value(Key::Endpoint).or_else(|| self.value(Key::Name).filter(|_| is_full));
        out.add(&Statement {
            line: found.line,
            names: &names,
            addresses: &found.addresses,
            endpoint: endpoint.map(|text| endpoint_in_id(text).unwrap_or(text)),
            connection: self.value(Key::Connection).or_else(|| self.value(Key::State)),
            provisioning: self.value(Key::Provisioning).or_else(|| self.value(Key::State)),
            ..Statement::default()
        });
    }
}

impl<'t> Field<'t> {
    /// The lines of the value.
    fn lines(&self) -> impl Iterator<Item = &'t str> {
        std::iter::once(self.value).chain(self.rest.iter().map(|(_, line)| *line))
    }

    /// Refuses a value of use that the screen broke anywhere but between the parts of a list.
    fn check_breaks(&self) -> Result<(), (u32, Fault)> {
        let is_of_use = self.key.is_some_and(|key| !matches!(key, Key::Other | Key::Type | Key::Endpoint));
        let mut before = self.value;
        for &(number, line) in &self.rest {
            let is_between = before.trim_end().ends_with([',', '{', ';']) || line.starts_with('}');
            if !is_between && (is_of_use || mentions_ours(before) || mentions_ours(line)) && !before.is_empty() {
                return Err((number, self.broken_at(line)));
            }
            before = line;
        }
        Ok(())
    }

    /// The fault of a line below a label that cannot be the rest of its value.
    fn broken_at(&self, line: &str) -> Fault {
        let label = quoted(self.label);
        let is_address = |token: &Token<'_>| matches!(token.kind, TokenKind::Address(_));
        let all: Vec<Token<'_>> = tokens(line).take(MAX_NAMES).collect();
        match all.iter().find(|token| is_address(token)) {
            Some(address) if all.len() == 1 => {
                let text = format!(
                    "'{}' stands below '{label}' without a label of its own: put `IpAddress :` in front of it",
                    quoted(address.text)
                );
                fault(Id::LIST_SYNTAX, text)
            }
            Some(_) => {
                let text = format!(
                    "'{}' looks like a line of a list, but the label '{label}' above makes it a part of a screen: put '#' \
                     in front of that label",
                    quoted(line)
                );
                fault(Id::LIST_SYNTAX, text)
            }
            None => {
                let text = format!("the screen broke '{label}' at '{}': use `ConvertTo-Json -Depth 10`", quoted(line));
                fault(Id::LIST_CUT_OFF, text)
            }
        }
    }

    fn names(&self, found: &mut Found<'t>) -> Result<(), Fault> {
        let is_full = self.key == Some(Key::FullName);
        for token in self.lines().flat_map(tokens) {
            if is_blank_filler(token.text) {
                continue;
            }
            if is_full || !matches!(token.kind, TokenKind::Address(_) | TokenKind::BadAddress) {
                problems::check_name(&token)?;
            }
            let is_name = token.kind == TokenKind::Name || token.kind == TokenKind::Word;
            if is_name && found.names.len() <= MAX_NAMES {
                if found.names.is_empty() {
                    found.line = self.line;
                }
                found.names.push(token);
            }
        }
        Ok(())
    }

    fn addresses(&self) -> Result<Vec<IpAddr>, Fault> {
        let mut addresses = Vec::new();
        for token in self.lines().flat_map(tokens) {
            match token.kind {
                TokenKind::Address(address) if addresses.len() <= MAX_ADDRESSES && !addresses.contains(&address) => {
                    addresses.push(address);
                }
                TokenKind::Address(_) => {}
                TokenKind::CutOff if !token.text.starts_with("System.") => {
                    let text =
                        format!("'{}' is cut off: list it again with `| ConvertTo-Json -Depth 10`", quoted(token.text));
                    return Err(fault(Id::LIST_CUT_OFF, text));
                }
                TokenKind::CutOff | TokenKind::Hidden(_) | TokenKind::BadAddress => {
                    return Err(problems::broken(&token));
                }
                _ if is_blank_filler(token.text) => {}
                _ => return Err(problems::no_ip(&token)),
            }
        }
        Ok(addresses)
    }

    /// Refuses a name of ours of which nothing is made, and an address where nothing is made of the object.
    fn check_rest(&self, found: &Found<'_>, is_taken: bool) -> Result<(), Fault> {
        let mut buffer = String::new();
        for token in self.lines().flat_map(tokens) {
            let is_same = |text: &str| found.names.iter().any(|name| is_same_record(name.text, found.zone, text));
            let is_missed = if token.kind == TokenKind::Name && token.is_clean {
                let place = locate(token.text, &mut buffer);
                !matches!(place, Err(NotHosted::Elsewhere | NotHosted::Apex)) && !is_same(token.text)
            } else {
                mentions(token.text).any(|name| !is_same(name))
            };
            if is_missed || !is_taken && matches!(token.kind, TokenKind::Address(_)) {
                let text = format!(
                    "'{}' stands behind '{}', of which nothing is read: list it with a label such as Fqdn or IpAddress",
                    quoted(token.text),
                    quoted(self.label)
                );
                return Err(fault(Id::LIST_NAME_ALONE, text));
            }
        }
        Ok(())
    }
}

fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn fault(id: Id, text: String) -> Fault {
    Fault { id, text, at: None }
}
