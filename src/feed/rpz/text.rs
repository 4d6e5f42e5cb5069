//! The lines of the feed: as plain as those that sync writes, so that a million of them are read as fast.

use std::fmt::Write;

use crate::dns::{Rtype, labels, push_label, rdata};
use crate::sync::apply::push_address;
use crate::zone::RRsetRef;

/// Octets of a line, about.
const LINE: usize = 56;

/// Lines of owner, TTL unless it is that of the first record, type and RDATA.
pub(super) struct Lines {
    pub(super) text: String,
    ttl: Option<u32>,
}

/// The TTL of a feed without records.
const NO_TTL: u32 = 10;

impl Lines {
    /// For the names of so many records.
    pub(super) fn new(records: usize) -> Self {
        Self { text: String::with_capacity(records * 2 * LINE), ttl: None }
    }

    /// The TTL of lines that give none.
    pub(super) fn ttl(&self) -> u32 {
        self.ttl.unwrap_or(NO_TTL)
    }

    /// The RRset at this name, with this TTL.
    pub(super) fn push_rrset(&mut self, owner: &str, ttl: u32, rrset: &RRsetRef<'_>) {
        for rdata in rrset.rdatas() {
            self.push(owner, ttl, rrset.rtype(), rdata);
        }
    }

    pub(super) fn push(&mut self, owner: &str, ttl: u32, rtype: Rtype, rdata: &[u8]) {
        let text = &mut self.text;
        text.push_str(owner);
        // Writing to a String cannot fail.
        if *self.ttl.get_or_insert(ttl) != ttl {
            let _ = write!(text, " {ttl}");
        }
        let _ = write!(text, " {rtype} ");
        match rdata::to_address(rtype, rdata) {
            Some(address) => push_address(text, address),
            None => text.push_str(&rdata::presentation(rtype, rdata)),
        }
        text.push('\n');
    }
}

/// An owner relative to its zone as text; empty for the apex.
pub(super) fn relative_text(owner: &[u8]) -> String {
    let mut text = String::with_capacity(owner.len());
    for label in labels(owner) {
        if !text.is_empty() {
            text.push('.');
        }
        push_label(&mut text, label);
    }
    text
}
