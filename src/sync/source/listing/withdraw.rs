//! Entries that are taken back when the rest of the list says that nothing goes over their connection.

use std::ops::Range;

use super::{LeftName, ListingBuilder};
use crate::diag::Id;
use crate::sync::source::statement::unconnected;
use crate::sync::source::token::quoted;

/// A name that is taken back.
struct Withdrawn<'s> {
    line: u32,
    name: String,
    /// The number of its endpoint, from 0.
    endpoint: usize,
    state: &'s str,
}

impl ListingBuilder {
    /// Takes back the entries with these numbers, from 0 and in their order, for whose endpoint `state` gives a state,
    /// with a note for each name. Gives their names.
    pub(in crate::sync::source) fn withdraw<'s>(
        &mut self,
        ranges: &[Range<usize>],
        state: impl Fn(&str) -> Option<&'s str>,
    ) -> Vec<String> {
        let endpoints = &self.listing.endpoints;
        // Asked once an endpoint, not once an entry.
        let states: Vec<Option<&str>> = endpoints.iter().map(|endpoint| state(endpoint)).collect();
        let mut notes: Vec<Withdrawn<'_>> = Vec::new();
        let (mut at, mut ranges) = (0, ranges.iter().peekable());
        for block in self.listing.blocks.iter_mut().chain([&mut self.block]) {
            let names = &block.names;
            let mut last = None;
            block.rows.retain(|row| {
                while ranges.next_if(|range| range.end <= at).is_some() {}
                let is_within = ranges.peek().is_some_and(|range| range.contains(&at));
                at += 1;
                let Some(endpoint) = (row.endpoint as usize).checked_sub(1).filter(|_| is_within) else { return true };
                let Some(state) = states.get(endpoint).copied().flatten() else { return true };
                // The addresses of a name stand behind one another.
                if last.replace(row.start) != Some(row.start) {
                    let name = names[row.start as usize..row.start as usize + usize::from(row.len)].to_owned();
                    notes.push(Withdrawn { line: row.line, name, endpoint, state });
                }
                false
            });
        }
        for Withdrawn { line, name, endpoint, state } in &notes {
            let text = unconnected(&format!("'{name}'"), Some(&self.listing.endpoints[*endpoint]), state);
            let endpoint = Some(quoted(&self.listing.endpoints[*endpoint]).into());
            self.note(*line, Id::LIST_NOT_CONNECTED, || text);
            let (line, name, state) = (*line, quoted(name).into(), quoted(state).into());
            self.listing.leave(LeftName { name, line, endpoint, state });
        }
        notes.into_iter().map(|withdrawn| withdrawn.name).collect()
    }
}
