//! Structured lists (JSON, YAML) as one tree, and the walk over it.
//!
//! Input: a document as an arena of nodes that know their places. Output: statements, gaps, problems and warnings in a
//! [`super::listing::ListingBuilder`]. The readers of the formats fill the arena; what an object means is decided here
//! alone, and every name of ours that is no record ends in the [`Ledger`].

mod address;
mod arena;
mod cover;
mod endpoint;
mod entry;
mod keys;
mod ledger;
mod map;
mod names;
mod paging;
mod standing;
#[cfg(test)]
mod tests;
mod twins;
mod view;
mod walk;

use super::listing::ListingBuilder;
pub(super) use arena::{Kind, MAX_DEPTH, MAX_INNER_TREE, MAX_TREE, Tree};
pub(super) use ledger::Ledger;
use walk::{TextReader, Walker};

/// What a tree holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A whole document.
    Document,
    /// An element of the array that is the document.
    Element,
}

/// Adds what a document says. `read_text` reads JSON that stands in a string of it; within such a string there is none:
/// each takes the whole depth of the stack again, and escapes make them as small as they are many.
pub(super) fn walk(
    tree: &Tree<'_>,
    piece: Piece,
    round: u32,
    read_text: Option<TextReader>,
    ledger: &mut Ledger,
    out: &mut ListingBuilder,
) {
    Walker::new(tree, round, read_text, ledger, out).run(piece == Piece::Element);
}
