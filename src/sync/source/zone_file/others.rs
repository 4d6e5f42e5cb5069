//! Records of names of ours that are no addresses: counted by type, and reported once a type.

use std::collections::BTreeMap;

use super::is_ours;
use crate::azure::names::mentions;
use crate::diag::Id;
use crate::dns::{Name, Rtype};
use crate::sync::source::listing::ListingBuilder;
use crate::sync::source::token::quoted;
use crate::zone::text::Parsed;

/// The records of one type.
struct Count {
    first: u32,
    name: String,
    records: u32,
}

/// Records that are left aside.
pub(super) struct Others<'t> {
    counts: BTreeMap<u16, Count>,
    /// The lines that are not passed yet, and the number of the next.
    lines: std::str::Split<'t, char>,
    next: u32,
}

impl<'t> Others<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { counts: BTreeMap::new(), lines: text.split('\n'), next: 1 }
    }

    /// Counts a record if its owner, its target or a word of its line is a name of ours.
    pub(super) fn add(&mut self, owner: &Name, parsed: &Parsed<'_>) {
        let mentioned = self.mentioned(parsed.line);
        let owner = owner.without_dot();
        let ours =
            if is_ours(&owner) { Some(owner) } else { target(parsed).filter(|name| is_ours(name)).or(mentioned) };
        if let Some(name) = ours {
            let count = self.counts.entry(parsed.rtype.0).or_insert(Count { first: parsed.line, name, records: 0 });
            count.records += 1;
        }
    }

    /// A name of ours on the line of an entry.
    fn mentioned(&mut self, line: u32) -> Option<String> {
        let passed = line.checked_sub(self.next)?;
        self.next = line + 1;
        let content = self.lines.nth(passed as usize)?;
        let content = content.split(';').next().unwrap_or_default();
        mentions(content).next().map(str::to_owned)
    }

    /// Says what is left aside. In a file without addresses nothing says that it is meant to be.
    pub(super) fn report(&self, has_addresses: bool, out: &mut ListingBuilder) {
        for (rtype, Count { first, name, records }) in &self.counts {
            let others = match records {
                1 => String::new(),
                2 => " and one more such record".to_owned(),
                _ => format!(" and {} more such records", records - 1),
            };
            let record = format!("the {} record of '{}'{others}", Rtype(*rtype), quoted(name));
            if has_addresses {
                out.note(*first, Id::LIST_NAME_ALONE, || {
                    format!("{record} is left aside: a list takes A and AAAA records")
                });
            } else {
                out.problem(*first, Id::LIST_NO_ADDRESS, || {
                    format!("{record} gives no address, and the file has no A or AAAA record: is it the right file?")
                });
            }
        }
    }
}

/// The name in a record's RDATA.
fn target(parsed: &Parsed<'_>) -> Option<String> {
    let start = match parsed.rtype {
        Rtype::CNAME | Rtype::NS | Rtype::PTR | Rtype::DNAME => 0,
        Rtype::MX => 2,
        Rtype::SRV => 6,
        _ => return None,
    };
    Name::from_wire(parsed.rdata.get(start..)?).map(|name| name.without_dot())
}
