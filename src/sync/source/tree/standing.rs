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
#[derive(Clone)]
struct Standing {
    round: u32,
    /// The state, if nothing goes over the connection.
    down: Option<Box<str>>,
}

/// The states of endpoints by their names in lower case, and the entries that have none of their own.
#[derive(Default)]
pub(super) struct Standings {
    known: HashMap<Box<str>, Standing>,
    /// Numbers of entries, from 0 through all blocks: these are of an endpoint whose state stands elsewhere, if
    /// anywhere.
    stateless: Vec<Range<usize>>,
    any_down: bool,
    /// Entries in earlier blocks of the list.
    before: usize,
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

    /// Adds what a later part of the same document says, which has this many entries.
    pub(super) fn append(&mut self, later: Self, entries: usize) {
        for (name, other) in later.known {
            let known = self.known.entry(name).or_insert_with(|| other.clone());
            if known.down.is_some() != other.down.is_some() {
                known.down = None;
            }
        }
        let before = self.before;
        self.stateless.extend(later.stateless.into_iter().map(|range| before + range.start..before + range.end));
        self.any_down |= later.any_down;
        self.before += entries;
    }

    /// Remembers that the entries between two marks of the present block say nothing about the state of their endpoint.
    pub(super) fn stateless(&mut self, marks: Range<usize>) {
        let entries = self.before + marks.start..self.before + marks.end;
        match self.stateless.last_mut() {
            Some(last) if last.end == entries.start => last.end = entries.end,
            _ => self.stateless.push(entries),
        }
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
