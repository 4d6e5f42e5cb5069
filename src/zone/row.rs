//! Shared by the steps of building a zone: a record by numbers, and relative names.
//!
//! A relative name is a name without its apex: labels in wire format and lower case, none for the apex itself.

use crate::dns::Rtype;

/// One record while the zone is being built.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) node: u32,
    pub(super) rtype: Rtype,
    pub(super) ttl: u32,
    pub(super) line: u32,
    pub(super) rdata: RdataEntry,
}

/// The place of a record's RDATA while the zone is being built.
#[derive(Clone, Copy)]
pub(super) struct RdataEntry {
    pub(super) at: u32,
    pub(super) len: u16,
}

impl Row {
    pub(super) fn rdata_len(&self) -> u16 {
        self.rdata.len
    }
}

/// A relative name without its first label.
pub(super) fn parent(relative: &[u8]) -> &[u8] {
    relative.first().and_then(|len| relative.get(usize::from(*len) + 1..)).unwrap_or_default()
}
