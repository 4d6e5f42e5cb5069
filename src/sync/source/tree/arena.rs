//! A document as one block of nodes: objects, arrays and scalars, each with its place in the text.
//!
//! A node is followed by its children, so that a tree is one allocation and is used again for the next document.
//! Strings are ranges of the text; what had escapes stands in one text beside it.

use super::super::lines::LineCounter;
use super::keys::{Role, role};
use crate::diag::Id;
use crate::sync::source::Wrong;

/// Values within values. Azure's deepest lists have about ten; the walker goes down the stack with each.
pub(in crate::sync::source) const MAX_DEPTH: usize = 64;

/// Octets that the tree of one document may take: some four million endpoints in the shape of `customDnsConfigs`.
pub(in crate::sync::source) const MAX_TREE: usize = 512 << 20;

/// The same for JSON in a string of a document, which holds what one endpoint has.
pub(in crate::sync::source) const MAX_INNER_TREE: usize = 32 << 20;

/// Octets from the start of a line within which columns are counted.
const MAX_COLUMN: usize = 2048;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sync::source) enum Kind {
    Object,
    Array,
    /// Text, in quotes or (YAML) without.
    String,
    /// A number, `true` or `false`.
    Other,
    Null,
}

/// A part of the text, or of what stands beside it.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u32,
    /// The highest bit says that the part is one of the text beside.
    len: u32,
}

const BESIDE: u32 = 1 << 31;

#[derive(Clone, Copy, Debug)]
struct Row {
    at: u32,
    line: u32,
    key: Span,
    /// Of an object or array: the index behind its last child.
    value: Span,
    kind: Kind,
    /// What the key says, which is asked for several times.
    role: Role,
}

/// A document.
pub(in crate::sync::source) struct Tree<'t> {
    text: &'t str,
    beside: String,
    rows: Vec<Row>,
    lines: Lines<'t>,
    max: usize,
}

/// The lines of places.
enum Lines<'t> {
    Counted(LineCounter<'t>),
    /// Text that was unwrapped from a string has no lines of the file.
    All(u32),
}

impl<'t> Tree<'t> {
    /// An empty tree over a text whose first line is `line`; it may take `max` octets.
    pub(in crate::sync::source) fn new(text: &'t str, line: u32, max: usize) -> Self {
        Self::starting(text, 0, line, max)
    }

    /// An empty tree over the part of a text from a place on, which is on `line`.
    pub(in crate::sync::source) fn starting(text: &'t str, at: usize, line: u32, max: usize) -> Self {
        let lines = Lines::Counted(LineCounter::starting(text, at, line));
        Self { text, beside: String::new(), rows: Vec::new(), lines, max }
    }

    /// An empty tree over a text that stands in one line.
    pub(in crate::sync::source) fn in_line(text: &'t str, line: u32, max: usize) -> Self {
        Self { text, beside: String::new(), rows: Vec::new(), lines: Lines::All(line), max }
    }

    /// Forgets the document and keeps the memory.
    pub(in crate::sync::source) fn clear(&mut self) {
        self.rows.clear();
        self.beside.clear();
    }

    pub(in crate::sync::source) fn text(&self) -> &'t str {
        self.text
    }

    /// The line of a place; places are asked for in their order.
    pub(in crate::sync::source) fn line_at(&mut self, at: usize) -> u32 {
        match &mut self.lines {
            Lines::Counted(lines) => lines.at(at),
            Lines::All(line) => *line,
        }
    }

    /// Adds a node and gives its index; `None` if the tree is as large as it may be.
    pub(in crate::sync::source) fn push(
        &mut self,
        kind: Kind,
        key: Option<&str>,
        value: &str,
        at: usize,
    ) -> Option<usize> {
        let line = self.line_at(at);
        let role = key.map_or(Role::Other, role);
        let (key, value) = (self.span(key.unwrap_or_default())?, self.span(value)?);
        if (self.rows.len() + 1) * size_of::<Row>() + self.beside.len() > self.max {
            return None;
        }
        self.rows.push(Row { at: u32::try_from(at).ok()?, line, key, value, kind, role });
        Some(self.rows.len() - 1)
    }

    /// Ends an object or array: what was added since is inside.
    pub(in crate::sync::source) fn close(&mut self, index: usize) {
        let end = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        if let Some(row) = self.rows.get_mut(index) {
            row.value = Span { start: end, len: 0 };
        }
    }

    /// A key that an object has twice.
    pub(in crate::sync::source) fn repeated_key(&self, index: usize) -> Option<&str> {
        let object = self.node(index).filter(|node| node.is_object())?;
        let mut keys: Vec<&str> = object.children().map(Node::key).collect();
        keys.sort_unstable();
        keys.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
    }

    /// A range of the text if the part lies in it, else a copy beside it.
    fn span(&mut self, part: &str) -> Option<Span> {
        let len = u32::try_from(part.len()).ok().filter(|len| *len < BESIDE)?;
        let text = self.text.as_ptr().addr()..=self.text.as_ptr().addr() + self.text.len();
        let start = part.as_ptr().addr();
        if text.contains(&start) && text.contains(&(start + part.len())) {
            return Some(Span { start: u32::try_from(start - text.start()).ok()?, len });
        }
        let start = u32::try_from(self.beside.len()).ok()?;
        self.beside.push_str(part);
        Some(Span { start, len: len | BESIDE })
    }

    fn part(&self, span: Span) -> &str {
        let (text, len) =
            if span.len & BESIDE == 0 { (self.text, span.len) } else { (self.beside.as_str(), span.len & !BESIDE) };
        text.get(span.start as usize..span.start as usize + len as usize).unwrap_or_default()
    }

    /// The outermost value.
    pub(in crate::sync::source) fn root(&self) -> Option<Node<'_>> {
        self.node(0)
    }

    fn node(&self, index: usize) -> Option<Node<'_>> {
        self.rows.get(index).map(|row| Node { tree: self, index, row: *row })
    }

    pub(in crate::sync::source) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The problem with a document that is larger than `max`.
    pub(in crate::sync::source) fn too_large() -> Wrong {
        let text = "more data than is read at once: split the list into several files, or keep only names and addresses \
                    in it";
        (Id::LIST_TOO_LARGE, text.to_owned())
    }

    /// The problem with values that nest too deep.
    pub(in crate::sync::source) fn too_deep() -> Wrong {
        (Id::LIST_TOO_LARGE, format!("brackets nest over {MAX_DEPTH} deep; no list of endpoints does"))
    }
}

/// A value in a tree.
#[derive(Clone, Copy)]
pub(in crate::sync::source) struct Node<'a> {
    tree: &'a Tree<'a>,
    index: usize,
    row: Row,
}

impl<'a> Node<'a> {
    pub(in crate::sync::source) fn index(self) -> usize {
        self.index
    }

    pub(in crate::sync::source) fn is_object(self) -> bool {
        self.row.kind == Kind::Object
    }

    pub(in crate::sync::source) fn is_array(self) -> bool {
        self.row.kind == Kind::Array
    }

    pub(in crate::sync::source) fn is_null(self) -> bool {
        self.row.kind == Kind::Null
    }

    /// Its key in the object around it; empty in an array.
    pub(in crate::sync::source) fn key(self) -> &'a str {
        self.tree.part(self.row.key)
    }

    /// What its key says about it.
    pub(super) fn role(self) -> Role {
        self.row.role
    }

    /// The text of a string.
    pub(in crate::sync::source) fn string(self) -> Option<&'a str> {
        (self.row.kind == Kind::String).then(|| self.tree.part(self.row.value))
    }

    /// The text of a string, number or truth value.
    pub(in crate::sync::source) fn scalar(self) -> Option<&'a str> {
        matches!(self.row.kind, Kind::String | Kind::Other).then(|| self.tree.part(self.row.value))
    }

    pub(in crate::sync::source) fn line(self) -> u32 {
        self.row.line
    }

    /// The column of the value in characters, from 1; 0 where that is far from the start of the line.
    pub(in crate::sync::source) fn column(self) -> u32 {
        if matches!(self.tree.lines, Lines::All(_)) {
            return 0;
        }
        let at = self.row.at as usize;
        let far = at.saturating_sub(MAX_COLUMN);
        let before = self.tree.text.as_bytes().get(far..at).unwrap_or_default();
        let start = memchr::memrchr(b'\n', before).map(|feed| far + feed + 1);
        let start = start.or((far == 0).then_some(0));
        let passed = start.and_then(|start| self.tree.text.get(start..at));
        passed.map_or(0, |passed| u32::try_from(passed.chars().count() + 1).unwrap_or_default())
    }

    /// The values in an object or array; none in a scalar.
    pub(in crate::sync::source) fn children(self) -> impl Iterator<Item = Node<'a>> + Clone {
        let end = if self.is_object() || self.is_array() { self.row.value.start as usize } else { 0 };
        let mut next = self.index + 1;
        std::iter::from_fn(move || {
            let node = (next < end).then(|| self.tree.node(next))??;
            next = node.end();
            Some(node)
        })
    }

    /// The index behind the value and what it holds.
    fn end(self) -> usize {
        match self.row.kind {
            Kind::Object | Kind::Array => (self.row.value.start as usize).max(self.index + 1),
            _ => self.index + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_gives_back_what_was_put_in() {
        let text = "x\né abc";
        let mut tree = Tree::new(text, 1, MAX_TREE);
        let root = tree.push(Kind::Object, None, "", 0).unwrap();
        let list = tree.push(Kind::Array, Some("k"), "", 2).unwrap();
        tree.push(Kind::String, None, &text[5..8], 5).unwrap();
        tree.push(Kind::String, None, "un\tescaped", 5).unwrap();
        tree.close(list);
        tree.push(Kind::Other, Some("n"), "1", 5).unwrap();
        tree.close(root);
        let root = tree.root().unwrap();
        let keys: Vec<&str> = root.children().map(Node::key).collect();
        assert_eq!(keys, ["k", "n"]);
        let list: Vec<_> =
            root.children().next().unwrap().children().map(|n| (n.string(), n.line(), n.column())).collect();
        assert_eq!(list, [(Some("abc"), 2, 3), (Some("un\tescaped"), 2, 3)]);
        assert_eq!(tree.beside, "kun\tescapedn1", "what lies in the text is not copied");
    }

    #[test]
    fn a_tree_takes_what_it_may_and_no_more() {
        let mut tree = Tree::new("", 1, 10 * size_of::<Row>());
        let pushed = (0..20).map_while(|_| tree.push(Kind::Null, None, "", 0)).count();
        assert_eq!(pushed, 10);
        assert!(size_of::<Row>() <= 28, "a million endpoints have three million nodes");
    }
}
