//! The names that an object gives to its addresses, and why there are none.

use std::net::IpAddr;

use super::address::type_has_address;
use super::arena::Node;
use super::keys::Role;
use super::view::{View, is_blank, strings};
use crate::azure::NotHosted;
use crate::azure::names::{locate, mentions};
use crate::diag::Id;
use crate::sync::source::Wrong;
use crate::sync::source::statement::Written;
use crate::sync::source::token::{TokenKind, quoted, tokens};

/// What an object is called.
pub(super) enum Naming<'a> {
    /// Nothing in it is a name.
    None,
    /// There is a key for a name, without one.
    Empty(Node<'a>),
    /// A label whose zone the list does not give.
    NoZone(Node<'a>),
    /// Its names, with the values they stand in.
    Names { written: Vec<Written<'a>>, sources: Vec<Node<'a>>, is_strong: bool },
    /// A name that cannot be read.
    Fault(Node<'a>, Wrong),
}

/// Finds the names of an object. `zone` is the private DNS zone around it.
pub(super) fn names_of<'a>(view: &View<'a>, zone: Option<&'a str>) -> Naming<'a> {
    let link = view.object_of(Role::Link).map(View::of);
    let of_link = link.iter().flat_map(|link| link.all(Role::Fqdn).collect::<Vec<_>>());
    let fqdns: Vec<Node<'a>> = view.all(Role::Fqdn).chain(of_link).collect();
    let sources: Vec<Node<'a>> = fqdns.iter().copied().flat_map(strings).filter(|node| !is_blank(*node)).collect();
    if !sources.is_empty() {
        return labels_of_fqdns(view, zone, sources);
    }
    for role in [Role::Record, Role::Host] {
        let full: Vec<Node<'a>> = view
            .all(role)
            .flat_map(strings)
            .filter(|node| node.string().is_some_and(|text| is_name(text) && !is_zone(text)))
            .collect();
        if !full.is_empty() {
            return full_names(full, true);
        }
    }
    let empty = fqdns.into_iter().find(|node| is_blank(*node)).map(Naming::Empty);
    match label_of(view, zone) {
        // The name beside an empty one is that of the endpoint.
        None | Some(Naming::NoZone(_)) if empty.is_some() => empty.unwrap_or(Naming::None),
        found => found.unwrap_or(Naming::None),
    }
}

/// A label under a key for full names, beside a zone, is a label.
fn labels_of_fqdns<'a>(view: &View<'a>, zone: Option<&'a str>, sources: Vec<Node<'a>>) -> Naming<'a> {
    if let [only] = sources[..]
        && let Some(text) = only.string().map(str::trim).filter(|text| !text.contains('.'))
    {
        return match zone_of(view).or(zone) {
            Some(zone) => label_in(only, text, zone, true),
            None => Naming::NoZone(only),
        };
    }
    full_names(sources, true)
}

/// The label of a record with its zone, or a name that stands under a key for all kinds of names.
fn label_of<'a>(view: &View<'a>, zone: Option<&'a str>) -> Option<Naming<'a>> {
    let own_zone = zone_of(view);
    let mut first = None;
    for role in [Role::Record, Role::Host, Role::Name] {
        for node in view.all(role) {
            let Some(text) = node.string().map(str::trim).filter(|text| !text.is_empty()) else { continue };
            if role == Role::Name && is_name(text) && !is_zone(text) {
                return Some(full_names(vec![node], false));
            }
            // The name of a record in a template: `privatelink.blob.core.windows.net/label`.
            if let Some((before, label)) = text.split_once('/').filter(|(before, _)| is_zone(before)) {
                return Some(label_in(node, label, before, true));
            }
            if is_zone(text) {
                continue;
            }
            if let Some(zone) = own_zone.or(zone) {
                // Configs of zone groups have a name and the id of a zone too.
                let is_strong = role != Role::Name || (own_zone.is_some() && !view.has(Role::ZoneId));
                return Some(label_in(node, text, zone, is_strong));
            }
            first.get_or_insert(node);
        }
    }
    first.map(Naming::NoZone)
}

fn label_in<'a>(node: Node<'a>, label: &'a str, zone: &'a str, is_strong: bool) -> Naming<'a> {
    if label == "@" {
        return Naming::None;
    }
    if label.contains(char::is_whitespace) {
        return Naming::Fault(node, broken(label));
    }
    let zone = zone.trim().trim_end_matches('.');
    let is_full = label.contains('.') && ends_in(label.trim_end_matches('.'), zone);
    let written = Written { text: label, zone: (!is_full).then_some(zone), column: node.column() };
    Naming::Names { written: vec![written], sources: vec![node], is_strong }
}

fn ends_in(name: &str, zone: &str) -> bool {
    name.len().checked_sub(zone.len()).and_then(|at| name.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(zone))
}

fn full_names(sources: Vec<Node<'_>>, is_strong: bool) -> Naming<'_> {
    let mut written = Vec::with_capacity(sources.len());
    for node in &sources {
        if let Err(fault) = split(node.string().unwrap_or_default(), *node, &mut written) {
            return Naming::Fault(*node, fault);
        }
    }
    Naming::Names { written, sources, is_strong }
}

/// The names in a text: one as a rule, several where a list was flattened.
fn split<'a>(text: &'a str, node: Node<'a>, written: &mut Vec<Written<'a>>) -> Result<(), Wrong> {
    let text = text.trim();
    let column = if written.is_empty() { node.column() } else { 0 };
    let mut push = |text: &'a str| {
        if text.parse::<IpAddr>().is_ok() {
            return Err((Id::LIST_NO_NAME, format!("'{text}' is an address where a host name belongs")));
        }
        written.push(Written { text, zone: None, column });
        Ok(())
    };
    if text.contains([',', ';']) {
        for piece in text.split([',', ';']).map(str::trim).filter(|piece| !piece.is_empty()) {
            if piece.contains(char::is_whitespace) {
                return Err(broken(piece));
            }
            push(piece)?;
        }
        return Ok(());
    }
    if !text.contains(char::is_whitespace) {
        return push(text);
    }
    let mut buffer = String::new();
    if !text.split_whitespace().all(|piece| locate(piece, &mut buffer).is_ok()) {
        return Err(broken(text));
    }
    text.split_whitespace().try_for_each(push)
}

fn broken(text: &str) -> Wrong {
    let shown: Vec<&str> = text.split_whitespace().take(4).collect();
    let text = format!(
        "'{}' has white space inside: the screen that it was copied from broke this name; export the list again, with \
         `ConvertTo-Json -Depth 10` into a file",
        quoted(&shown.join(" "))
    );
    (Id::LIST_BAD_NAME, text)
}

/// The zone that an object names for its label.
fn zone_of<'a>(view: &View<'a>) -> Option<&'a str> {
    let by_host = || view.all(Role::Host).filter_map(Node::string).map(str::trim).find(|text| is_zone(text));
    view.text(Role::Zone)
        .or_else(|| view.text(Role::ZoneId).map(last_segment))
        .or_else(|| view.text(Role::DistinguishedName).and_then(zone_of_dn))
        .or_else(|| view.text(Role::Id).and_then(zone_of_id))
        .or_else(by_host)
}

/// The end of a resource id.
pub(super) fn last_segment(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// `.../privateDnsZones/ZONE/A/label`, as of a record set.
fn zone_of_id(id: &str) -> Option<&str> {
    let mut segments = id.split('/');
    segments.find(|segment| ["privatednszones", "dnszones"].iter().any(|kind| segment.eq_ignore_ascii_case(kind)))?;
    let (zone, rtype) = (segments.next()?, segments.next()?);
    type_has_address(rtype).map(|_| zone)
}

/// `DC=label,DC=zone,cn=MicrosoftDNS,...`, where zones of Active Directory are kept.
fn zone_of_dn(name: &str) -> Option<&str> {
    let zone = name.split(',').nth(1)?.trim();
    zone.get(..3).filter(|start| start.eq_ignore_ascii_case("dc="))?;
    zone.get(3..)
}

/// True for the apex of a zone of ours.
pub(super) fn is_zone(text: &str) -> bool {
    text.len() < 256 && text.contains('.') && matches!(locate(text.trim(), &mut String::new()), Err(NotHosted::Apex))
}

/// True for a full host name. A resource's own name with dots in it is none, but a broken name of ours is.
pub(super) fn is_name(text: &str) -> bool {
    let text = text.trim();
    if !text.contains('.') {
        return false;
    }
    let is_whole = tokens(text).next().is_some_and(|token| token.text == text && token.kind == TokenKind::Name);
    is_whole || mentions(text).next().is_some() || is_cut_off(text)
}

fn is_cut_off(text: &str) -> bool {
    !text.contains(char::is_whitespace) && tokens(text).next().is_some_and(|token| token.kind == TokenKind::CutOff)
}
