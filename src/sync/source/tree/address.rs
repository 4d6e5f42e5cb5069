//! The addresses that an object gives to its name, and why there are none.

use std::net::IpAddr;

use super::arena::Node;
use super::keys::Role;
use super::view::{View, is_blank};
use crate::diag::Id;
use crate::sync::source::Wrong;
use crate::sync::source::listing::MAX_ADDRESSES;
use crate::sync::source::token::quoted;
use crate::sync::source::words;

/// What PowerShell does at its default depth.
pub(super) const DEPTH_ADVICE: &str =
    "PowerShell cut the list off at its default depth: use `ConvertTo-Json -Depth 10`";

/// Objects within objects that an address may stand in: `RecordData`, `IPv4Address`, `CimInstanceProperties`.
const MAX_INSIDE: usize = 4;

/// The addresses of one object.
#[derive(Default)]
pub(super) struct Addresses<'a> {
    pub(super) found: Vec<IpAddr>,
    /// The values that they were read from.
    pub(super) sources: Vec<Node<'a>>,
    /// The first thing that is no address.
    pub(super) fault: Option<Wrong>,
    /// The key whose value is empty.
    empty: Option<&'a str>,
}

impl<'a> Addresses<'a> {
    pub(super) fn of(view: &View<'a>) -> Self {
        let mut addresses = Self::default();
        for role in [Role::Address, Role::Set, Role::Content] {
            if role == Role::Content && !is_record(view) {
                continue;
            }
            for node in view.all(role).filter(|node| !holds_named(*node)) {
                addresses.field(node, role);
            }
            if !addresses.found.is_empty() || addresses.fault.is_some() {
                break;
            }
        }
        addresses
    }

    /// The addresses of one value.
    pub(super) fn of_value(node: Node<'a>) -> Self {
        let mut addresses = Self::default();
        addresses.field(node, Role::Content);
        addresses
    }

    /// Adds those of a value that nothing else is compared with.
    pub(super) fn add(&mut self, node: Node<'a>) {
        self.value(node, MAX_INSIDE);
    }

    fn field(&mut self, node: Node<'a>, role: Role) {
        if is_blank(node) {
            self.empty = self.empty.or(Some(node.key()));
            return;
        }
        let before = std::mem::take(&mut self.found);
        self.value(node, MAX_INSIDE);
        self.sources.push(node);
        let read = std::mem::replace(&mut self.found, before);
        if read.is_empty() && node.is_array() && role == Role::Address {
            let text = format!("'{}' holds no IP address, but other things: look at its lines", quoted(node.key()));
            self.fault.get_or_insert((Id::LIST_BAD_ADDRESS, text));
        }
        self.join(node, &read);
    }

    /// Two keys may give the same addresses, or one those of each family.
    fn join(&mut self, node: Node<'a>, read: &[IpAddr]) {
        if self.found.is_empty() {
            let of_family = |is_ipv6| read.iter().filter(move |ip| ip.is_ipv6() == is_ipv6);
            return self.found.extend(of_family(false).chain(of_family(true)));
        }
        for is_ipv6 in [false, true] {
            let of_family = |all: &[IpAddr]| {
                let mut family: Vec<IpAddr> = all.iter().filter(|ip| ip.is_ipv6() == is_ipv6).copied().collect();
                family.sort_unstable();
                family
            };
            let (mine, others) = (of_family(&self.found), of_family(read));
            if mine.is_empty() {
                self.found.extend(read.iter().filter(|ip| ip.is_ipv6() == is_ipv6));
            } else if !others.is_empty() && mine != others {
                let text = format!(
                    "'{}' gives other addresses than the keys beside it, and nothing says which count: keep one of them",
                    quoted(node.key())
                );
                self.fault.get_or_insert((Id::LIST_AMBIGUOUS, text));
            }
        }
    }

    fn value(&mut self, node: Node<'a>, inside: usize) {
        if let Some(text) = node.string() {
            self.text(text, node);
        } else if node.is_array() {
            node.children().for_each(|child| self.value(child, inside));
        } else if node.is_object() && inside > 0 {
            self.object(node, inside - 1);
        } else if node.scalar().is_some() {
            let text = format!(
                "'{}' is a number, not an IP address in quotes: list the address as text",
                quoted(node.scalar().unwrap_or_default())
            );
            self.fault.get_or_insert((Id::LIST_BAD_ADDRESS, text));
        }
    }

    /// A list that was flattened to a string has blanks between its addresses.
    fn text(&mut self, text: &str, node: Node<'a>) {
        // `IPv4Address = "10.0.0.4"`: a property of a CIM instance as text.
        let value = text.split_once('=').map_or(text, |(_, value)| value);
        for word in value.split([' ', '\t', '\r', '\n', ',', ';', '{', '}', '"', '\'']).filter(|word| !word.is_empty())
        {
            match word.parse() {
                // One more than there may be is enough to know that there are too many.
                Ok(address) if self.found.len() <= MAX_ADDRESSES => self.found.push(address),
                Ok(_) => {}
                Err(_) => {
                    self.fault.get_or_insert_with(|| bad(word, text, node));
                    return;
                }
            }
        }
    }

    /// An address in an object: a record, .NET's `IPAddress`, a CIM instance.
    fn object(&mut self, object: Node<'a>, inside: usize) {
        let named = |name: &str| object.children().find(|child| child.key().eq_ignore_ascii_case(name));
        if named("disabled").is_some_and(|node| node.scalar() == Some("true")) {
            return;
        }
        if let Some(text) = named("IPAddressToString") {
            return self.value(text, 0);
        }
        if let Some(properties) = named("CimInstanceProperties") {
            return self.value(properties, inside);
        }
        let view = View::of(object);
        let before = self.found.len();
        for role in [Role::Address, Role::Content] {
            for node in view.all(role).filter(|node| !is_blank(*node)) {
                self.value(node, inside);
            }
            if self.found.len() > before {
                return;
            }
        }
        if view.all(Role::Address).any(is_blank) {
            self.empty = self.empty.or(Some(object.key()));
        }
    }

    /// True if there is a key for addresses, with nothing behind it.
    pub(super) fn is_empty_key(&self) -> bool {
        self.empty.is_some()
    }

    /// The problem if there is no address.
    pub(super) fn absence(&self, view: &View<'_>) -> Wrong {
        let why = self.empty.map_or_else(
            || format!("none of the keys here ({}) is known to hold one; call it ipAddress", view.keys()),
            |key| {
                format!(
                    "since '{}' is empty: if its endpoint is still being provisioned, list it again when that is done; else \
                     list its network interface",
                    quoted(key)
                )
            },
        );
        (Id::LIST_NO_ADDRESS, format!("has no address, {why}"))
    }
}

fn bad(word: &str, text: &str, node: Node<'_>) -> Wrong {
    let is_cut_off = ["System.", "Microsoft.", "@{"].iter().any(|start| text.trim_start().starts_with(start))
        || node.key().eq_ignore_ascii_case("CimInstanceProperties");
    if is_cut_off {
        return (Id::LIST_CUT_OFF, format!("'{}' is not an IP address; {DEPTH_ADVICE}", quoted(word)));
    }
    (Id::LIST_BAD_ADDRESS, format!("'{}' is not an IP address", quoted(word)))
}

/// True if the object says that it is a record with an address, or its value is one.
fn is_record(view: &View<'_>) -> bool {
    let is_address_type = |text: &str| type_has_address(text) == Some(true);
    view.all(Role::Type).filter_map(Node::string).any(is_address_type) || view.all(Role::Content).any(is_address)
}

/// True if a value is an address and nothing else, or an array of such.
pub(super) fn is_address(node: Node<'_>) -> bool {
    let is_one = |node: Node<'_>| node.string().is_some_and(|text| text.trim().parse::<IpAddr>().is_ok());
    is_one(node) || (node.is_array() && node.children().next().is_some() && node.children().all(is_one))
}

/// True if a value holds objects that have names of their own.
pub(super) fn holds_named(node: Node<'_>) -> bool {
    let named = |node: Node<'_>| {
        node.is_object()
            && View::of(node)
                .fields_named()
                .any(|name| name.string().is_some_and(|text| !text.trim().is_empty() && !is_property_name(text)))
    };
    (node.is_array() && node.children().any(named)) || named(node)
}

/// `Name` in a CIM instance is the name of its property.
fn is_property_name(text: &str) -> bool {
    ["IPv4Address", "IPv6Address"].iter().any(|name| text.eq_ignore_ascii_case(name))
}

/// Whether records of the type that a text names have addresses: `A`, `Microsoft.Network/privateDnsZones/A`. `None` if
/// it names none.
pub(super) fn type_has_address(text: &str) -> Option<bool> {
    words::type_has_address(text.trim().rsplit('/').next().unwrap_or_default())
}

/// True for an object that is a record of another type than A and AAAA. Numbers are those of the DNS and of
/// Az.PrivateDns, which agree that 0, 1 and 28 may be addresses.
pub(super) fn is_other_type(view: &View<'_>) -> bool {
    let other = |node: Node<'_>| match (node.string(), node.scalar()) {
        (Some(text), _) => type_has_address(text) == Some(false),
        (None, Some(number)) => number.parse::<u16>().is_ok_and(|number| !matches!(number, 0 | 1 | 28)),
        _ => false,
    };
    view.all(Role::Type).any(other)
}
