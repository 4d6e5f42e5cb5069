//! What a list still owes while it is read: names of ours that are no record yet, and endpoints without names.
//!
//! The end of the list decides: a name is covered by the same record elsewhere in it, an endpoint by names that another
//! object gives for it. What is left becomes a problem, a warning or a gap. The memory is bounded.

use std::collections::HashSet;

use super::standing::Standings;
use crate::azure::names::record_or_text;
use crate::diag::Id;
use crate::sync::source::Wrong;
use crate::sync::source::listing::{Gap, ListingBuilder};
use crate::sync::source::token::quoted;

/// Names and endpoints that are kept until the end.
const MAX_KEPT: usize = 4096;

/// Why a name needs more than a look.
pub(super) enum Concern {
    /// It stands somewhere, without an address beside it.
    Alone,
    /// It must be a record.
    Missing(Wrong),
}

/// A name of ours that is no record where it stands.
struct Mention {
    /// The record that would cover it.
    record: Box<str>,
    shown: Box<str>,
    key: Box<str>,
    line: u32,
    concern: Concern,
}

/// A private endpoint without names.
struct Nameless {
    endpoint: Option<Box<str>>,
    line: u32,
    text: String,
}

/// The open questions of a list.
#[derive(Default)]
pub(in crate::sync::source) struct Ledger {
    mentions: Vec<Mention>,
    /// The most of them that there were at any time.
    most: usize,
    /// Names alone that there was no room for.
    more: usize,
    /// Records that a note or a problem speaks of.
    spoken: HashSet<Box<str>>,
    nameless: Vec<Nameless>,
    /// Endpoints with names that are not published.
    held: HashSet<Box<str>>,
    pub(super) standings: Standings,
    /// Room for the marks of a walk.
    pub(super) marks: Vec<u8>,
}

impl Ledger {
    /// A name that is no record here.
    pub(super) fn mention(&mut self, name: &str, key: &str, line: u32, concern: Concern, out: &mut ListingBuilder) {
        if self.mentions.len() >= MAX_KEPT {
            match concern {
                Concern::Alone => self.more += 1,
                // The list is refused anyway if it has as many of these.
                Concern::Missing((id, text)) => out.problem(line, id, || text),
            }
            return;
        }
        let (shown, key) = (quoted(name).into(), quoted(key).into());
        self.mentions.push(Mention { record: record_of(name), shown, key, line, concern });
        self.most = self.most.max(self.mentions.len());
    }

    /// True if one ledger has room for what those of all parts of a list hold.
    pub(in crate::sync::source) fn has_room_for(parts: &[&Self]) -> bool {
        let fits = |count: fn(&Self) -> usize| parts.iter().map(|part| count(part)).sum::<usize>() < MAX_KEPT;
        fits(|part| part.most) && fits(|part| part.spoken.len()) && fits(|part| part.nameless.len())
    }

    /// Adds what a later part of the list holds, which has this many entries.
    pub(in crate::sync::source) fn append(&mut self, later: Self, entries: usize) {
        self.mentions.extend(later.mentions);
        self.spoken.extend(later.spoken);
        self.nameless.extend(later.nameless);
        self.held.extend(later.held);
        self.standings.append(later.standings, entries);
    }

    /// A record that a note or a problem speaks of.
    pub(super) fn spoken_of(&mut self, name: &str, endpoint: Option<&str>) {
        if self.spoken.len() < MAX_KEPT {
            self.spoken.insert(record_of(name));
            self.held.extend(endpoint.map(lower));
        }
    }

    /// A private endpoint without names.
    pub(super) fn nameless(&mut self, endpoint: Option<&str>, line: u32, text: String, out: &mut ListingBuilder) {
        if self.nameless.len() >= MAX_KEPT {
            return out.gap(line, endpoint, || text);
        }
        self.nameless.push(Nameless { endpoint: endpoint.map(Into::into), line, text });
    }

    /// The number of names that wait.
    pub(super) fn waiting(&self) -> usize {
        self.mentions.len()
    }

    /// Forgets names from `first` on that are records among the given names.
    pub(super) fn settle_since<'n>(&mut self, first: usize, names: impl Iterator<Item = &'n str>) {
        if self.mentions.len() == first {
            return;
        }
        let wanted: HashSet<&str> = self.mentions[first..].iter().map(|mention| &*mention.record).collect();
        let mut found: HashSet<Box<str>> = HashSet::new();
        let mut buffer = String::new();
        for name in names {
            let record = record_or_text(name, &mut buffer);
            if wanted.contains(&*record) {
                found.insert(record.into());
            }
        }
        let spoken = &self.spoken;
        let mut index = 0;
        self.mentions.retain(|mention| {
            index += 1;
            index <= first || !(found.contains(&mention.record) || spoken.contains(&mention.record))
        });
    }

    /// Says at the end of the list what is still open.
    pub(in crate::sync::source) fn settle(mut self, out: &mut ListingBuilder) {
        for name in self.standings.settle(out) {
            self.spoken.insert(record_of(&name));
        }
        self.settle_since(0, out.names());
        for Mention { record, shown, key, line, concern } in self.mentions {
            match concern {
                Concern::Missing((id, text)) => out.problem(line, id, || text),
                Concern::Alone => {
                    out.warning(line, Id::LIST_NAME_ALONE, || {
                        let under = if key.is_empty() { String::new() } else { format!(" under '{key}'") };
                        format!(
                            "'{shown}'{under} looks like a name of ours, but has no address here, and so is no record"
                        )
                    });
                    out.lacks(Gap::Record(record));
                }
            }
        }
        if self.more > 0 {
            out.warning(None, Id::LIST_NAME_ALONE, || format!("and {} more such names are no records", self.more));
            out.lacks(Gap::Anything);
        }
        if !self.nameless.is_empty() {
            let named: HashSet<Box<str>> = out.endpoint_names().map(lower).chain(self.held).collect();
            for Nameless { endpoint, line, text } in self.nameless {
                if !endpoint.as_deref().is_some_and(|name| named.contains(&lower(name))) {
                    out.gap(line, endpoint.as_deref(), || text);
                }
            }
        }
    }
}

fn lower(name: &str) -> Box<str> {
    name.to_ascii_lowercase().into()
}

fn record_of(name: &str) -> Box<str> {
    record_or_text(name, &mut String::new()).into()
}
