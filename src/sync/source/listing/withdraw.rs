//! The endpoints of entries, and entries that are taken back when the rest of the list says that nothing goes over
//! their connection.

use std::ops::Range;

use super::ListingBuilder;
use crate::diag::Id;
use crate::sync::source::statement::unconnected;

impl ListingBuilder {
    /// The private endpoints that have entries.
    pub(in crate::sync::source) fn endpoint_names(&self) -> impl Iterator<Item = &str> {
        self.listing.endpoints.iter().map(AsRef::as_ref)
    }

    /// Takes back the entries in these ranges of marks, in their order, for whose endpoint `state` gives a state, with
    /// a note for each name. Gives their names.
    pub(in crate::sync::source) fn withdraw<'s>(
        &mut self,
        ranges: &[Range<usize>],
        state: impl Fn(&str) -> Option<&'s str>,
    ) -> Vec<String> {
        let endpoints = &self.listing.endpoints;
        // Asked once an endpoint, not once an entry.
        let states: Vec<Option<&str>> = endpoints.iter().map(|endpoint| state(endpoint)).collect();
        let mut notes: Vec<(u32, u32, String, usize, &str)> = Vec::new();
        let (mut at, mut ranges) = (0, ranges.iter().peekable());
        let names = &self.block.names;
        self.block.rows.retain(|row| {
            while ranges.next_if(|range| range.end <= at).is_some() {}
            let is_within = ranges.peek().is_some_and(|range| range.contains(&at));
            at += 1;
            let Some(number) = (row.endpoint as usize).checked_sub(1).filter(|_| is_within) else { return true };
            let Some(state) = states.get(number).copied().flatten() else { return true };
            let name = &names[row.start as usize..row.start as usize + usize::from(row.len)];
            if notes.last().is_none_or(|(start, ..)| *start != row.start) {
                notes.push((row.start, row.line, name.to_owned(), number, state));
            }
            false
        });
        for (_, line, name, number, state) in &notes {
            let text = unconnected(&format!("'{name}'"), Some(&self.listing.endpoints[*number]), state);
            self.note(*line, Id::LIST_NOT_CONNECTED, || text);
        }
        notes.into_iter().map(|(_, _, name, ..)| name).collect()
    }
}
