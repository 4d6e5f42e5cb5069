//! Names without a key of their own: maps from names to addresses and back, and rows without keys.

use std::net::IpAddr;

use super::address::{Addresses, is_address};
use super::arena::Node;
use super::endpoint::Surroundings;
use super::names::{is_name, is_zone};
use super::view::{is_blank, strings};
use super::walk::{Place, TAKEN_KEY, Walker};
use crate::azure::NotHosted;
use crate::azure::names::{locate, mentions};
use crate::diag::Id;
use crate::sync::source::statement::Written;
use crate::sync::source::token::quoted;

/// Addresses of a row without keys.
const MAX_ROW: usize = 16;

impl<'a> Walker<'a, '_> {
    /// The node of an object whose key is a name.
    pub(super) fn name_above(&self, node: Node<'a>, place: &Place<'a>) -> Option<Node<'a>> {
        (place.list.is_none() && !self.has_mark(node, TAKEN_KEY) && is_name(node.key()) && !is_zone(node.key()))
            .then_some(node)
    }

    /// A key with a dot or a colon: a name with addresses, or an address with names.
    pub(super) fn key(&mut self, child: Node<'a>, place: &Place<'a>) {
        let key = child.key();
        if let Ok(address) = key.trim().parse::<IpAddr>() {
            return self.keyed_by_address(child, address, place);
        }
        if is_name(key) && !is_zone(key) {
            let is_ours = !matches!(locate(key.trim(), &mut String::new()), Err(NotHosted::Elsewhere));
            let is_scalar = child.scalar().is_some() || child.is_array();
            if is_address(child) || (is_ours && is_scalar && !is_blank(child) && !holds_more(child)) {
                return self.keyed(child, key, &Addresses::of_value(child), &place.around);
            }
            if is_ours && is_blank(child) {
                self.mark(child, TAKEN_KEY);
                self.seen += 1;
                let text = format!("'{}' has no address: the value is empty", quoted(key));
                self.missing(key, child, (Id::LIST_NO_ADDRESS, text));
            }
        }
    }

    fn keyed_by_address(&mut self, child: Node<'a>, address: IpAddr, place: &Place<'a>) {
        let sources: Vec<Node<'a>> = strings(child).filter(|node| node.string().is_some_and(is_name)).collect();
        if sources.is_empty() || child.children().any(|node| node.is_object() || node.is_array()) {
            return;
        }
        let names: Vec<Written<'a>> = sources
            .iter()
            .map(|node| Written { text: node.string().unwrap_or_default().trim(), zone: None, column: node.column() })
            .collect();
        self.take(&sources);
        self.seen += 1;
        self.publish(child.line(), &names, &[address], &place.around);
    }

    /// `{"privatelink.blob.core.windows.net": {"label": "10.0.0.4"}}`.
    pub(super) fn map_of_zone(&mut self, node: Node<'a>, place: &Place<'a>) {
        if place.list.is_some() || !is_zone(node.key()) || !node.children().all(is_address) {
            return;
        }
        for child in node.children() {
            let label = child.key().trim();
            if label == "@" || label.contains('.') {
                continue;
            }
            let addresses = Addresses::of_value(child);
            self.seen += 1;
            let names = [Written { text: label, zone: Some(node.key().trim().trim_end_matches('.')), column: 0 }];
            self.publish(child.line(), &names, &addresses.found, &place.around);
        }
    }

    /// `["a.blob.core.windows.net", "10.0.0.4"]`, a row of a query without keys: one name and its addresses.
    pub(super) fn row(&mut self, list: Node<'a>, around: &Surroundings<'a>) {
        let mut names = Vec::new();
        let mut addresses = Vec::new();
        for child in list.children() {
            if child.is_object() || addresses.len() > MAX_ROW || names.len() > 1 {
                return;
            }
            match child.string() {
                Some(text) if mentions(text).next().is_some() => names.push(child),
                _ if is_address(child) => addresses.push(child),
                _ => {}
            }
        }
        let [name] = names[..] else { return };
        let text = name.string().unwrap_or_default().trim();
        if addresses.is_empty() || locate(text, &mut String::new()).is_err() {
            return;
        }
        let mut found = Addresses::default();
        for node in addresses {
            found.add(node);
        }
        self.take(&[name]);
        self.seen += 1;
        let names = [Written { text, zone: None, column: name.column() }];
        self.publish(name.line(), &names, &found.found, around);
    }
}

/// True if a value holds names or objects, and is no address that was written wrong.
fn holds_more(node: Node<'_>) -> bool {
    strings(node).any(|node| node.string().is_some_and(is_name)) || node.children().any(Node::is_object)
}
