//! One object as a statement: its names, addresses and states together, or the reason why it is none.

use std::net::IpAddr;

use super::address::{Addresses, holds_named, is_other_type};
use super::arena::Node;
use super::endpoint::{Surroundings, is_nameless_link, nameless_text};
use super::keys::Role;
use super::ledger::Concern;
use super::names::{Naming, names_of};
use super::view::{View, is_blank};
use super::walk::{QUIET, TAKEN, TAKEN_KEY, Walker};
use crate::azure::NotHosted;
use crate::azure::names::locate;
use crate::diag::Id;
use crate::sync::source::Wrong;
use crate::sync::source::statement::{Statement, Written};
use crate::sync::source::token::quoted;
use crate::sync::source::words::looks_like_ours;

impl<'a> Walker<'a, '_> {
    /// Adds what an object says. `outer` is the key that it stands under, where that is a name.
    pub(super) fn entry(&mut self, view: &View<'a>, around: &Surroundings<'a>, outer: Option<Node<'a>>) {
        if let Some(node) = view.repeated() {
            self.seen += 1;
            let text =
                format!("'{}' stands twice in one object, and nothing says which counts: keep one", quoted(node.key()));
            return self.out.problem_at(node.line(), column(node.column()), Id::LIST_AMBIGUOUS, || text);
        }
        match names_of(view, around.zone) {
            Naming::Names { written, sources, is_strong } => self.named(view, around, &written, &sources, is_strong),
            Naming::Fault(node, (id, text)) => {
                if !is_other_type(view) {
                    self.take(&[node]);
                    self.seen += 1;
                    self.out.problem_at(node.line(), column(node.column()), id, || text);
                }
            }
            _ if outer.is_some_and(|node| self.keyed_object(view, around, node)) => {}
            Naming::NoZone(node) => self.without_zone(view, node),
            Naming::Empty(node) => self.without_name(view, around, node),
            Naming::None => {}
        }
    }

    fn named(
        &mut self,
        view: &View<'a>,
        around: &Surroundings<'a>,
        written: &[Written<'a>],
        sources: &[Node<'a>],
        is_strong: bool,
    ) {
        if is_other_type(view) {
            return self.of_other_type(written, sources);
        }
        let addresses = Addresses::of(view);
        if addresses.found.is_empty() && addresses.fault.is_none() {
            return self.without_address(view, &addresses, written, sources, is_strong);
        }
        self.take(sources);
        self.quiet(&addresses.sources);
        if let Some(link) = view.object_of(Role::Link) {
            self.quiet(&[link]);
        }
        self.seen += 1;
        let line = sources.first().map_or(view.object.line(), |node| node.line());
        if let Some((id, text)) = addresses.fault {
            return self.out.problem(line, id, || text);
        }
        let endpoint = around.endpoint.or_else(|| endpoint_beside(view, sources));
        self.publish(line, written, &addresses.found, &Surroundings { endpoint, ..*around });
    }

    /// Adds a statement, and remembers what becomes no record of it.
    pub(super) fn publish(
        &mut self,
        line: u32,
        names: &[Written<'_>],
        addresses: &[IpAddr],
        around: &Surroundings<'_>,
    ) {
        let mark = self.out.mark();
        let Surroundings { endpoint, connection, provisioning, .. } = *around;
        self.out.add(&Statement { line, round: self.round, names, addresses, endpoint, connection, provisioning });
        if connection.is_none() && endpoint.is_some() {
            self.ledger.standings.stateless(mark..self.out.mark());
        }
        if self.out.mark() == mark {
            for name in names {
                self.ledger.spoken_of(&name.whole(), endpoint);
            }
        }
    }

    /// A record of another type says nothing about addresses. Its full name is looked at like any other text; that of a
    /// label and a zone is put together here.
    fn of_other_type(&mut self, written: &[Written<'a>], sources: &[Node<'a>]) {
        for (name, node) in written.iter().zip(sources).filter(|(name, _)| name.zone.is_some()) {
            self.mention(&name.whole(), *node, Concern::Alone);
        }
    }

    fn without_address(
        &mut self,
        view: &View<'a>,
        addresses: &Addresses<'a>,
        written: &[Written<'a>],
        sources: &[Node<'a>],
        is_strong: bool,
    ) {
        if view.all(Role::Set).any(holds_named) || !(is_strong || addresses.is_empty_key()) {
            // Any text, which is looked at where it stands.
            return;
        }
        let mut buffer = String::new();
        let (id, why) = addresses.absence(view);
        for (index, name) in written.iter().enumerate() {
            let node = sources.get(index).or(sources.first()).copied().unwrap_or(view.object);
            let whole = name.whole();
            if matches!(locate(&whole, &mut buffer), Err(NotHosted::Elsewhere | NotHosted::Apex)) {
                continue;
            }
            self.seen += 1;
            self.take(&[node]);
            self.mention(&whole, node, Concern::Missing((id, format!("'{}' {why}", quoted(&whole)))));
        }
    }

    /// A label in a list that does not say in which zone it is. Resources of all kinds have a name and an address.
    fn without_zone(&mut self, view: &View<'a>, node: Node<'a>) {
        let is_strong = matches!(node.role(), Role::Fqdn | Role::Record);
        let label = node.string().unwrap_or_default().trim();
        if !(is_strong || view.is_row() || looks_like_ours(label)) || label == "@" || is_other_type(view) {
            return;
        }
        let addresses = Addresses::of(view);
        if addresses.found.is_empty() && node.role() != Role::Fqdn {
            return;
        }
        let advice = if view.has(Role::DistinguishedName) || view.all(Role::Set).any(Node::is_object) {
            "; add it: `Select-Object HostName,@{n='ZoneName';e={'ZONE'}},@{n='IPAddress';e={\"$($_.RecordData.IPv4Address)\"}}`"
        } else {
            ": list its full name as fqdn, or its zone as zoneName"
        };
        self.seen += 1;
        let text = format!("'{}' has no zone{advice}", quoted(label));
        self.out.problem_at(node.line(), column(node.column()), Id::LIST_NO_NAME, || text);
    }

    /// A key for a name, without one.
    fn without_name(&mut self, view: &View<'a>, around: &Surroundings<'a>, node: Node<'a>) {
        let addresses = Addresses::of(view);
        let has_address = !addresses.found.is_empty();
        if !has_address && !view.all(Role::Address).any(is_blank) || is_other_type(view) {
            return;
        }
        if view.has(Role::Link) && !is_nameless_link(view) {
            return;
        }
        self.seen += 1;
        let around = Surroundings { endpoint: around.endpoint.or_else(|| endpoint_beside(view, &[])), ..*around };
        let text = if has_address && around.endpoint.is_none() {
            let shown: Vec<String> = addresses.found.iter().take(3).map(ToString::to_string).collect();
            format!(
                "{} has no name here, since '{}' is empty; list it again when it has one",
                shown.join(", "),
                quoted(node.key())
            )
        } else {
            nameless_text(view, &around)
        };
        self.ledger.nameless(around.endpoint, view.object.line(), text, self.out);
    }

    /// An object under a key that is a name.
    fn keyed_object(&mut self, view: &View<'a>, around: &Surroundings<'a>, node: Node<'a>) -> bool {
        let addresses = Addresses::of(view);
        if addresses.found.is_empty() && addresses.fault.is_none() || is_other_type(view) {
            return false;
        }
        self.quiet(&addresses.sources);
        self.keyed(node, node.key(), &addresses, around);
        true
    }

    /// A name that is a key, with addresses.
    pub(super) fn keyed(
        &mut self,
        node: Node<'a>,
        name: &'a str,
        addresses: &Addresses<'a>,
        around: &Surroundings<'a>,
    ) {
        self.mark(node, TAKEN_KEY);
        self.seen += 1;
        if let Some((id, text)) = &addresses.fault {
            return self.out.problem(node.line(), *id, || format!("'{}': {text}", quoted(name)));
        }
        self.publish(node.line(), &[Written::full(name.trim())], &addresses.found, around);
    }

    pub(super) fn take(&mut self, nodes: &[Node<'a>]) {
        for node in nodes {
            self.mark(*node, TAKEN);
        }
    }

    pub(super) fn quiet(&mut self, nodes: &[Node<'a>]) {
        for node in nodes {
            self.mark(*node, QUIET);
        }
    }

    pub(super) fn missing(&mut self, name: &str, node: Node<'a>, wrong: Wrong) {
        self.mention(name, node, Concern::Missing(wrong));
    }
}

/// In a row of a query the name beside a full name is that of the endpoint, as a rule.
fn endpoint_beside<'a>(view: &View<'a>, sources: &[Node<'a>]) -> Option<&'a str> {
    let is_source = |node: &Node<'a>| sources.iter().any(|source| source.index() == node.index());
    view.all(Role::Name)
        .filter(|node| !is_source(node) && node.key().eq_ignore_ascii_case("name"))
        .filter_map(Node::string)
        .map(str::trim)
        .find(|text| {
            !text.is_empty() && !text.contains('.') && !sources.iter().any(|source| starts_with_label(*source, text))
        })
}

fn starts_with_label(source: Node<'_>, label: &str) -> bool {
    let first = source.string().and_then(|text| text.trim().split('.').next());
    first.is_some_and(|first| first.eq_ignore_ascii_case(label))
}

fn column(column: u32) -> Option<u32> {
    (column > 0).then_some(column)
}
