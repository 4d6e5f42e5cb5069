//! A zone as it is on disk, as far as a plan needs it.

use crate::dns::{Name, Rtype, Serial, rdata};
use crate::sync::records::Records;
use crate::sync::state::provenance::ZoneProvenance;
use crate::zone::{Aliases, Zone};

/// A zone as it is on disk.
#[derive(Clone, Debug, Default)]
pub struct Current {
    /// Of a zone that loads.
    pub serial: Option<Serial>,
    /// The keeper of the file.
    pub file: FileState,
    /// The TTL of the address records if all have the same.
    pub ttl: Option<u32>,
    /// The A and AAAA records.
    pub records: Records,
    /// Records that sync did not write, in presentation format: they would be lost.
    pub foreign: Vec<String>,
    /// Further public names of the records.
    pub aliases: Aliases,
    /// The lines that listed the records, as far as they are remembered and matter.
    pub provenance: ZoneProvenance,
}

/// The keeper of a zone file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FileState {
    /// There is none.
    #[default]
    Absent,
    /// Sync wrote it.
    Managed,
    /// Somebody else wrote it: never to be written.
    HandWritten,
    /// It does not load, for this reason.
    Unreadable(String),
}

/// Types that sync writes besides addresses.
const OWN_TYPES: [Rtype; 2] = [Rtype::SOA, Rtype::NS];

impl Current {
    /// The state of a zone that was loaded.
    pub fn of(zone: &Zone) -> Self {
        let mut current = Self { serial: Some(zone.serial()), ..Self::default() };
        current.file = if zone.is_managed() { FileState::Managed } else { FileState::HandWritten };
        let mut ttls: Option<(u32, bool)> = None;
        let mut relative = String::new();
        for (owner, rrset) in zone.rrsets() {
            let (rtype, ttl) = (rrset.rtype(), rrset.ttl());
            if OWN_TYPES.contains(&rtype) && owner.is_empty() {
                continue;
            }
            write_relative(owner, &mut relative);
            for data in rrset.rdatas() {
                if let Some(address) = rdata::to_address(rtype, data) {
                    current.records.push(&relative, address, None);
                } else {
                    current.foreign.push(format!("{relative} {rtype} {}", rdata::presentation(rtype, data)));
                    continue;
                }
                ttls = ttls.map_or(Some((ttl, true)), |(first, same)| Some((first, same && first == ttl)));
            }
        }
        current.aliases = zone.own_aliases().clone();
        current.ttl = ttls.filter(|(_, same)| *same).map(|(ttl, _)| ttl);
        current.records.finish();
        current
    }

    /// The state of a file that is there but does not load.
    pub fn unreadable(reason: impl Into<String>) -> Self {
        Self { file: FileState::Unreadable(reason.into()), ..Self::default() }
    }
}

/// The presentation format of relative labels into a text that is used again, fast for the characters that host names
/// are made of.
pub(super) fn write_relative(owner: &[u8], text: &mut String) {
    text.clear();
    let mut labels = owner;
    while let Some((&length, rest)) = labels.split_first() {
        let (label, rest) = rest.split_at(usize::from(length).min(rest.len()));
        let is_plain = label.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let Some(label) = std::str::from_utf8(label).ok().filter(|_| is_plain) else {
            *text = Name::from_wire(&[owner, &[0]].concat()).unwrap_or_else(Name::root).without_dot();
            return;
        };
        if !text.is_empty() {
            text.push('.');
        }
        text.push_str(label);
        labels = rest;
    }
    if text.is_empty() {
        text.push('@');
    }
}
