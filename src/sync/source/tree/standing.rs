//! The states of private endpoints, for what a list says of them elsewhere: a network interface has the names and
//! addresses of an endpoint and its id, but not the state of its connection.

use std::collections::HashMap;
use std::ops::Range;

use super::endpoint::is_endpoint;
use super::view::View;
use crate::sync::source::listing::ListingBuilder;
use crate::sync::source::statement::is_connected;

/// Endpoints whose states are kept.
const MAX_STATES: usize = 1 << 16;

/// What a list last said about the connection of an endpoint.
struct Standing {
    round: u32,
    /// The state, if nothing goes over the connection.
    down: Option<Box<str>>,
}

/// The states of endpoints by their names in lower case, and the entries that have none of their own.
#[derive(Default)]
pub(super) struct Standings {
    known: HashMap<Box<str>, Standing>,
    /// Marks of the builder: the entries between them are of an endpoint whose state stands elsewhere, if anywhere.
    stateless: Vec<Range<usize>>,
    any_down: bool,
}

impl Standings {
    /// Remembers the state of an endpoint. A later document replaces an earlier one; within one document two endpoints
    /// may have one name (in two resource groups), and then nothing is known by it.
    pub(super) fn endpoint(&mut self, view: &View<'_>, name: Option<&str>, state: Option<&str>, round: u32) {
        let (Some(name), Some(state)) = (name, state) else { return };
        if !is_endpoint(view) || self.known.len() >= MAX_STATES {
            return;
        }
        let down = (!is_connected(state)).then(|| Box::from(state));
        self.any_down |= down.is_some();
        let known = self.known.entry(name.to_ascii_lowercase().into());
        let standing = known.or_insert_with(|| Standing { round, down: down.clone() });
        if standing.round != round {
            *standing = Standing { round, down };
        } else if standing.down.is_some() != down.is_some() {
            standing.down = None;
        }
    }

    /// Remembers that the entries between two marks say nothing about the state of their endpoint.
    pub(super) fn stateless(&mut self, entries: Range<usize>) {
        match self.stateless.last_mut() {
            Some(last) if last.end == entries.start => last.end = entries.end,
            _ => self.stateless.push(entries),
        }
    }

    /// True if no part of a list can have an entry that another part takes back.
    pub(super) fn are_settled<'s>(mut parts: impl Iterator<Item = &'s Self> + Clone) -> bool {
        !parts.clone().any(|part| part.any_down) || parts.all(|part| part.stateless.is_empty())
    }

    /// Takes back the entries of endpoints that are not connected, and gives their names.
    pub(super) fn settle(&self, out: &mut ListingBuilder) -> Vec<String> {
        if !self.any_down || self.stateless.is_empty() {
            return Vec::new();
        }
        out.withdraw(&self.stateless, |endpoint| {
            self.known.get(endpoint.to_ascii_lowercase().as_str())?.down.as_deref()
        })
    }
}
