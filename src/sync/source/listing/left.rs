//! Names that a list has and that make no record, because nothing goes over the connection of their endpoint.

use super::{Listing, ListingBuilder};
use crate::sync::source::statement::Statement;
use crate::sync::source::token::quoted;

/// Names that are left out and kept. The notes about them are fewer.
const MAX_LEFT: usize = 20_000;

/// A name that is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sync) struct LeftName {
    /// As the list has it.
    pub(in crate::sync) name: Box<str>,
    /// From 1.
    pub(in crate::sync) line: u32,
    /// Its private endpoint, if the list names one.
    pub(in crate::sync) endpoint: Option<Box<str>>,
    /// The state of the connection.
    pub(in crate::sync) state: Box<str>,
}

impl Listing {
    pub(super) fn leave(&mut self, left: LeftName) {
        if self.left.len() < MAX_LEFT {
            self.left.push(left);
        } else {
            self.unnamed_left += 1;
        }
    }
}

impl ListingBuilder {
    /// Remembers the names of a statement that makes no record.
    pub(in crate::sync::source) fn leave(&mut self, statement: &Statement<'_>) {
        let endpoint = statement.endpoint.map(|endpoint| quoted(endpoint).into());
        let state = statement.connection.unwrap_or_default();
        for name in statement.names {
            let name = quoted(&name.whole()).into();
            let (line, endpoint, state) = (statement.line, endpoint.clone(), quoted(state.trim()).into());
            self.listing.leave(LeftName { name, line, endpoint, state });
        }
    }
}
