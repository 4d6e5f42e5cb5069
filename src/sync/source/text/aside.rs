//! Lines that are left aside because nothing on them is ours, if the list has other lines that are.

use crate::azure::names::locate;
use crate::diag::Id;
use crate::sync::source::listing::ListingBuilder;
use crate::sync::source::token::quoted;

/// Lines that are kept to be named; messages show no more.
const KEPT: usize = 20;

/// What one reader left aside.
#[derive(Default)]
pub(super) struct Aside {
    hosts: Lines,
    aliases: Lines,
}

#[derive(Default)]
struct Lines {
    total: usize,
    first: Vec<(u32, u32, Box<str>)>,
}

impl Lines {
    fn push(&mut self, line: u32, column: u32, word: &str) {
        self.total += 1;
        if self.first.len() < KEPT {
            self.first.push((line, column, quoted(word).into()));
        }
    }

    fn append(&mut self, later: Self) {
        self.total += later.total;
        self.first.extend(later.first.into_iter().take(KEPT - self.first.len().min(KEPT)));
    }
}

impl Aside {
    /// A host without a dot behind an address, as hosts files have them.
    pub(super) fn host(&mut self, line: u32, column: u32, word: &str) {
        self.hosts.push(line, column, word);
    }

    /// A record of a type without addresses.
    pub(super) fn other_type(&mut self, line: u32, name: &str) {
        self.aliases.push(line, 0, name);
    }

    pub(super) fn append(&mut self, later: Self) {
        self.hosts.append(later.hosts);
        self.aliases.append(later.aliases);
    }

    /// Says what was left aside, or that it may not be: without an entry of ours in the list, nothing says that these
    /// lines are not meant to be some.
    pub(super) fn report(self, out: &mut ListingBuilder) {
        if let Some((line, _, word)) = self.aliases.first.first() {
            let others = match self.aliases.total {
                1 => String::new(),
                total => format!(" and {} more", total - 1),
            };
            out.note(*line, Id::LIST_NAME_ALONE, || {
                format!("'{word}'{others} left aside: only records of type A and AAAA have addresses")
            });
        }
        let Some((line, _, word)) = self.hosts.first.first() else { return };
        let total = self.hosts.total;
        if out.has_entry(is_ours) {
            let others = if total == 1 { String::new() } else { format!(" and {} more hosts", total - 1) };
            return out.note(*line, Id::LIST_NO_NAME, || format!("'{word}'{others} without a domain left aside"));
        }
        for n in 0..total {
            let (line, column, word) = &self.hosts.first[n.min(self.hosts.first.len() - 1)];
            out.problem_at(*line, *column, Id::LIST_NO_NAME, || format!("'{word}' has no zone: write the full name"));
        }
    }
}

fn is_ours(name: &str) -> bool {
    locate(name, &mut String::new()).is_ok()
}
