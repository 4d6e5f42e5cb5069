//! The properties of an object that mean something, with those of its `properties`: Azure's REST form and the flat form
//! of its tools are one.

use super::arena::Node;
use super::keys::Role;

/// An object and its known properties, in their order.
pub(super) struct View<'a> {
    pub(super) object: Node<'a>,
    fields: Vec<(Role, Node<'a>)>,
    /// The fields of the object itself; those of its `properties` follow.
    own: usize,
    /// True if there are properties with keys that are not known.
    pub(super) has_others: bool,
}

impl<'a> View<'a> {
    pub(super) fn of(object: Node<'a>) -> Self {
        let mut view = Self { object, fields: Vec::new(), own: 0, has_others: false };
        view.add(object);
        view.own = view.fields.len();
        let properties = view.all(Role::Properties).find(|node| node.is_object());
        if let Some(properties) = properties {
            view.add(properties);
        }
        view
    }

    fn add(&mut self, object: Node<'a>) {
        for child in object.children() {
            match child.role() {
                Role::Other => self.has_others = true,
                role => self.fields.push((role, child)),
            }
        }
    }

    /// The values of a role, `null` among them.
    pub(super) fn all(&self, role: Role) -> impl Iterator<Item = Node<'a>> + '_ {
        self.fields.iter().filter(move |(is, _)| *is == role).map(|(_, node)| *node)
    }

    pub(super) fn has(&self, role: Role) -> bool {
        self.all(role).next().is_some()
    }

    /// The values that may be names.
    pub(super) fn fields_named(&self) -> impl Iterator<Item = Node<'a>> + '_ {
        let is_name = |role: Role| matches!(role, Role::Fqdn | Role::Record | Role::Host | Role::Name);
        self.fields.iter().filter(move |(role, _)| is_name(*role)).map(|(_, node)| *node)
    }

    /// A key for names, zones or addresses that the object has twice: it has one value, and nothing says which (RFC
    /// 8259 section 4). Looks at as many keys as an object of a list has.
    pub(super) fn repeated(&self) -> Option<Node<'a>> {
        let counts = |role: Role| {
            matches!(role, Role::Fqdn | Role::Record | Role::Host | Role::Name | Role::Zone | Role::Address | Role::Set)
        };
        let of_one = &self.fields[..self.own.min(MAX_COMPARED)];
        let is_twin = |(at, node): (usize, Node<'a>)| of_one[..at].iter().any(|(_, other)| other.key() == node.key());
        let mut all =
            of_one.iter().enumerate().filter(|(_, (role, _))| counts(*role)).map(|(at, (_, node))| (at, *node));
        all.find(|found| is_twin(*found)).map(|(_, node)| node)
    }

    /// The first text of a role.
    pub(super) fn text(&self, role: Role) -> Option<&'a str> {
        self.all(role).filter_map(Node::string).map(str::trim).find(|text| !text.is_empty())
    }

    /// The first object of a role.
    pub(super) fn object_of(&self, role: Role) -> Option<Node<'a>> {
        self.all(role).find(|node| node.is_object())
    }

    /// True if the object is a row of a query: nothing but a name, addresses and what says nothing.
    pub(super) fn is_row(&self) -> bool {
        let is_of_row = |role: Role| {
            matches!(
                role,
                Role::Name
                    | Role::Record
                    | Role::Host
                    | Role::Zone
                    | Role::Address
                    | Role::Set
                    | Role::Type
                    | Role::Aside
                    | Role::Connection
                    | Role::Provisioning
                    | Role::Content
            )
        };
        !self.has_others && self.fields.iter().all(|(role, _)| is_of_row(*role))
    }

    /// The keys of the object, for a message.
    pub(super) fn keys(&self) -> String {
        let all: Vec<String> = self
            .object
            .children()
            .map(|child| format!("'{}'", crate::sync::source::token::quoted(child.key())))
            .take(MAX_KEYS)
            .collect();
        all.join(", ")
    }
}

/// Keys that are compared with one another.
const MAX_COMPARED: usize = 64;

/// Keys that a message names.
const MAX_KEYS: usize = 6;

/// The strings in a value: itself, or those of an array.
pub(super) fn strings(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let own = node.string().map(|_| node);
    let inner = node.is_array().then(|| node.children().filter(|child| child.string().is_some()));
    own.into_iter().chain(inner.into_iter().flatten())
}

/// True if a value says nothing: `null`, an empty text, array or object.
pub(super) fn is_blank(node: Node<'_>) -> bool {
    node.is_null()
        || node.string().is_some_and(|text| text.trim().is_empty())
        || ((node.is_array() || node.is_object()) && node.children().all(is_blank_scalar))
}

fn is_blank_scalar(node: Node<'_>) -> bool {
    node.is_null() || node.string().is_some_and(|text| text.trim().is_empty())
}
