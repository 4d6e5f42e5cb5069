//! The way through a document: every object once, every text that is no part of a statement looked at for names of
//! ours.

use super::address::DEPTH_ADVICE;
use super::arena::{Node, Tree};
use super::endpoint::{Surroundings, is_endpoint, may_be_ours, nameless_text};
use super::keys::Role;
use super::ledger::Ledger;
use super::names::is_zone;
use super::paging;
use super::twins::{Twins, json_in_string};
use super::view::{View, is_blank, strings};
use crate::diag::Id;
use crate::sync::source::listing::ListingBuilder;
use crate::sync::source::token::quoted;

/// A value that is the name of a statement.
pub(super) const TAKEN: u8 = 1;
/// A key that is one.
pub(super) const TAKEN_KEY: u8 = 2;
/// A value in which no object is a statement of its own: addresses were read from it.
pub(super) const QUIET: u8 = 4;

/// The reader of JSON that stands in a string: text, line, round.
pub(in crate::sync::source) type TextReader = fn(&str, u32, u32, &mut Ledger, &mut ListingBuilder);

/// The walk through one document.
pub(super) struct Walker<'a, 'b> {
    pub(super) round: u32,
    /// None within such a string.
    pub(super) read_text: Option<TextReader>,
    pub(super) ledger: &'b mut Ledger,
    pub(super) out: &'b mut ListingBuilder,
    marks: Vec<u8>,
    /// Statements, good or bad.
    pub(super) seen: usize,
    /// The last object or array that was asked for an address, and the answer.
    pub(super) asked: Option<(usize, bool)>,
    tree: &'a Tree<'a>,
}

/// Where a value stands.
#[derive(Clone, Copy, Default)]
pub(super) struct Place<'a> {
    pub(super) around: Surroundings<'a>,
    /// The object around it.
    pub(super) object: Option<Node<'a>>,
    /// The array that it is an element of.
    pub(super) list: Option<Node<'a>>,
    is_quiet: bool,
    /// Its `properties` were read with the object around them.
    is_part: bool,
}

impl<'a, 'b> Walker<'a, 'b> {
    pub(super) fn new(
        tree: &'a Tree<'a>,
        round: u32,
        read_text: Option<TextReader>,
        ledger: &'b mut Ledger,
        out: &'b mut ListingBuilder,
    ) -> Self {
        let mut marks = std::mem::take(&mut ledger.marks);
        marks.clear();
        marks.resize(tree.len(), 0);
        Self { round, read_text, ledger, out, marks, seen: 0, asked: None, tree }
    }

    /// Goes through the document; `is_element` if it is one of an array.
    pub(super) fn run(mut self, is_element: bool) {
        let (first, mark) = (self.ledger.waiting(), self.out.mark());
        if let Some(root) = self.tree.root() {
            if let Some(text) = root.string() {
                self.bare(root, text, is_element);
            } else if !self.error_of_azure(root) {
                self.value(root, Place::default());
            }
        }
        self.ledger.settle_since(first, self.out.names_since(mark));
        self.ledger.marks = self.marks;
    }

    /// `{"error": {"code": ...}}` is what `az rest` prints when it failed.
    fn error_of_azure(&mut self, root: Node<'a>) -> bool {
        let error =
            root.children().find(|child| child.key().eq_ignore_ascii_case("error")).filter(|node| node.is_object());
        let text =
            |name: &str| error?.children().find(|child| child.key().eq_ignore_ascii_case(name)).and_then(Node::string);
        let Some(code) = text("code").filter(|_| root.is_object()) else { return false };
        let why = text("message").map_or_else(String::new, |message| format!(": {}", quoted(message)));
        self.out.problem(root.line(), Id::LIST_FOREIGN, || {
            format!("this is an error of Azure, '{}'{why}; export the list again when it is cured", quoted(code))
        });
        true
    }

    fn value(&mut self, node: Node<'a>, place: Place<'a>) {
        let is_quiet = place.is_quiet || self.has_mark(node, QUIET);
        let place = Place { is_quiet, ..place };
        if node.is_object() {
            self.object(node, place);
        } else if node.is_array() {
            if !is_quiet {
                self.row(node, &place.around);
            }
            let inside = Place { list: Some(node), is_part: false, ..place };
            node.children().for_each(|child| self.value(child, inside));
        } else if let Some(text) = node.string()
            && !self.has_mark(node, TAKEN)
        {
            self.look(text, node, &place);
        }
    }

    fn object(&mut self, node: Node<'a>, place: Place<'a>) {
        let view = View::of(node);
        let around = place.around.within(&view);
        let before = self.seen;
        paging::report(node, self.out);
        if !place.is_part {
            self.ledger.standings.endpoint(&view, around.endpoint, around.connection, self.round);
        }
        if !place.is_quiet && !place.is_part {
            self.entry(&view, &around, self.name_above(node, &place));
            self.map_of_zone(node, &place);
        }
        let twins = Twins::of(node);
        // An output of Terraform has its value beside its type, which is a word or an array of words and types.
        let is_type = |node: Node<'_>| node.is_array() || view.has(Role::Sensitive);
        let has_value = view.has(Role::Content);
        for child in node.children() {
            let inside = Place { around, object: Some(node), list: None, is_quiet: place.is_quiet, is_part: false };
            if twins.replace(child.key()) {
                continue;
            }
            let is_quiet = inside.is_quiet || has_value && child.role() == Role::Type && is_type(child);
            self.property(child, Place { is_quiet, ..inside });
        }
        if is_endpoint(&view) && !place.is_quiet && !place.is_part && self.seen == before && may_be_ours(&view) {
            let text = nameless_text(&view, &around);
            self.ledger.nameless(around.endpoint, node.line(), text, self.out);
        }
    }

    fn property(&mut self, child: Node<'a>, place: Place<'a>) {
        let key = child.key();
        if key.contains(['.', ':']) && !place.is_quiet {
            self.key(child, &place);
        }
        match child.role() {
            Role::Configs if is_cut_off(child) => {
                self.seen += 1;
                self.out.problem(child.line(), Id::LIST_CUT_OFF, || DEPTH_ADVICE.to_owned());
            }
            Role::Properties if child.is_object() => self.value(child, Place { is_part: true, ..place }),
            _ => match json_in_string(key, child) {
                Some(text) => self.text(text, child),
                None => self.value(child, below(child, place)),
            },
        }
        self.look_at_key(child, &place);
    }

    /// JSON in a string.
    fn text(&mut self, text: &'a str, node: Node<'a>) {
        let Some(read_text) = self.read_text else {
            self.seen += 1;
            return self.out.problem(node.line(), Id::LIST_SYNTAX, || {
                "JSON in a string of JSON that is in a string itself, which is not read: use `ConvertTo-Json -Depth 10` and \
                 keep the objects"
                    .to_owned()
            });
        };
        let mark = self.out.mark();
        read_text(text, node.line(), self.round, self.ledger, self.out);
        self.seen += usize::from(self.out.mark() > mark);
    }

    pub(super) fn mark(&mut self, node: Node<'a>, mark: u8) {
        if let Some(marks) = self.marks.get_mut(node.index()) {
            *marks |= mark;
        }
    }

    pub(super) fn has_mark(&self, node: Node<'a>, mark: u8) -> bool {
        self.marks.get(node.index()).is_some_and(|marks| marks & mark != 0)
    }
}

/// `customDnsConfigs` with strings, which are what the depth limit left of objects.
fn is_cut_off(node: Node<'_>) -> bool {
    strings(node).any(|node| !is_blank(node))
}

/// A zone that is a key is the zone of what stands below.
fn below<'a>(child: Node<'a>, mut place: Place<'a>) -> Place<'a> {
    if !child.key().is_empty() && (child.is_object() || child.is_array()) && is_zone(child.key()) {
        place.around.zone = Some(child.key().trim());
    }
    place
}
