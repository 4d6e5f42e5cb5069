//! Names of other services: counted by their suffix, so that fifty key vaults are one note.
//!
//! Input: entries that are none of ours. Output: a note for each suffix, in the order in which lists name them first.

use std::collections::HashMap;

use super::at;
use crate::azure::PRIVATELINK;
use crate::diag::{Diagnostic, Diagnostics, Id, Severity};
use crate::sync::source::{Entry, Listing};

/// Suffixes that are told apart. A subscription has about twenty services.
const MAX_SUFFIXES: usize = 200;

/// The names of other services, by suffix.
#[derive(Default)]
pub(super) struct Others {
    found: Vec<OtherSuffix>,
    by_suffix: HashMap<Box<str>, usize>,
    /// Used again for each name.
    buffer: String,
}

struct OtherSuffix {
    /// Entries: a name with two addresses is two.
    count: usize,
    /// True if it stands for further suffixes too.
    is_mixed: bool,
    first: Diagnostic,
    name: Box<str>,
}

impl Others {
    /// Counts an entry.
    pub(super) fn add(&mut self, listing: &Listing, entry: &Entry<'_>) {
        self.buffer.clear();
        self.buffer.push_str(entry.fqdn.strip_suffix('.').unwrap_or(entry.fqdn));
        self.buffer.make_ascii_lowercase();
        let suffix = suffix_of(&self.buffer);
        if let Some(&known) = self.by_suffix.get(suffix) {
            self.found[known].count += 1;
            return;
        }
        // The last one stands for all that are not told apart.
        let is_full = self.found.len() == MAX_SUFFIXES;
        if let Some(last) = self.found.last_mut().filter(|_| is_full) {
            last.count += 1;
            last.is_mixed = true;
            return;
        }
        self.by_suffix.insert(suffix.into(), self.found.len());
        let first = at(listing, entry, Id::NAME_NOT_HOSTED, "");
        self.found.push(OtherSuffix { count: 1, is_mixed: false, first, name: entry.fqdn.into() });
    }

    /// The notes.
    pub(super) fn report(self, out: &mut Diagnostics) {
        let mut suffixes = vec![""; self.found.len()];
        for (suffix, &at) in &self.by_suffix {
            suffixes[at] = suffix;
        }
        for (found, suffix) in self.found.into_iter().zip(suffixes) {
            out.note(|| found.note(suffix));
        }
    }
}

impl OtherSuffix {
    fn note(self, suffix: &str) -> Diagnostic {
        let (count, name) = (self.count, self.name);
        let text = match suffix {
            _ if count == 1 => format!("'{name}' is of another service; left aside"),
            _ if self.is_mixed => format!("{count} entries are of further services, first '{name}'; left aside"),
            "" => format!("{count} entries are names without a zone, first '{name}'; left aside"),
            _ => format!("{count} entries below '{suffix}' are of another service, first '{name}'; left aside"),
        };
        let made = Diagnostic::note(self.first.id, self.first.place, text);
        Diagnostic { severity: Severity::Note, source: self.first.source, ..made }
    }
}

/// The name without its first label and the `privatelink` behind it: the zone that a client would ask for.
fn suffix_of(name: &str) -> &str {
    let rest = name.split_once('.').map_or("", |(_, rest)| rest);
    let inner = rest.strip_prefix(PRIVATELINK).and_then(|inner| inner.strip_prefix('.'));
    inner.unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Settings, merge};
    use crate::azure::Cloud;
    use crate::diag::Severity;
    use crate::sync::source::{Format, parse};

    fn found(text: &str) -> crate::diag::Diagnostics {
        let list = parse("a", Path::new("a.txt"), Format::Auto, text.as_bytes().to_vec()).unwrap();
        merge(vec![list], &Settings::of_cloud(Cloud::Public, &[])).unwrap().warnings
    }

    #[test]
    fn other_services_are_one_note_for_each_suffix_behind_what_matters() {
        let text = "kv1.vault.azure.net 10.0.0.1\nsql.privatelink.database.windows.net 10.0.0.2\n\
                    KV2.privatelink.vault.azure.net 10.0.0.3\nkv3.vault.azure.net. 10.0.0.4\n\
                    acct.blob.core.windows.net 10.0.0.5\nacct.blob.core.windows.net 10.0.0.6\n";
        let found = found(text);
        assert_eq!(
            found.lines(),
            [
                "a.txt:5: 'acct.privatelink.blob.core.windows.net' is 10.0.0.5 here but 10.0.0.6 in line 6; the later \
                 line counts",
                "a.txt:1:1: 3 entries below 'vault.azure.net' are of another service, first 'kv1.vault.azure.net'; left \
                 aside",
                "a.txt:2:1: 'sql.privatelink.database.windows.net' is of another service; left aside",
            ]
        );
        assert_eq!((found.count(Severity::Warning), found.count(Severity::Note)), (1, 2));
    }

    #[test]
    fn a_list_of_many_services_makes_a_bounded_number_of_notes_and_counts_every_entry() {
        let text = (0..1000).map(|n| format!("x.service{n}.example 10.0.0.1\n")).collect::<Vec<_>>().concat();
        let found = found(&text);
        assert_eq!(found.count(Severity::Note), super::MAX_SUFFIXES);
        assert_eq!(found.shown().len(), crate::diag::Diagnostics::CAPACITY);
    }
}
