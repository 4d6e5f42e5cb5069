//! Why a plan is unsafe, and what to do about it.

use std::fmt;
use std::net::IpAddr;

use super::Percent;

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The file has not our header.
    HandWritten,
    /// The file does not load, for this reason.
    Unreadable(String),
    /// The file holds what no sync wrote.
    Foreign {
        /// How many records.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// Records would point outside `allowed_targets`.
    OutsideTargets {
        /// How many addresses.
        count: usize,
        /// Owner of the first.
        owner: String,
        /// The first.
        address: IpAddr,
        /// Where it is listed.
        place: String,
    },
    /// The zone would become empty.
    Empty {
        /// RRsets now.
        in_service: usize,
    },
    /// Too many RRsets would change or go.
    Share {
        /// RRsets that would change.
        updated: usize,
        /// RRsets that would go.
        deleted: usize,
        /// RRsets now.
        in_service: usize,
        /// How many may.
        allowed: usize,
        /// The limit in the config.
        limit: Percent,
    },
    /// A list is empty and records would go.
    EmptySource {
        /// The lists.
        sources: Vec<String>,
        /// How many RRsets would go.
        removed: usize,
    },
}

impl Reason {
    /// Whether this may be what the operator wants.
    pub fn is_approvable(&self) -> bool {
        match self {
            Self::HandWritten | Self::Unreadable(_) | Self::OutsideTargets { .. } => false,
            Self::Foreign { .. } | Self::Empty { .. } | Self::Share { .. } | Self::EmptySource { .. } => true,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HandWritten => f.write_str(
                "the zone file was not written by privatelink-dns and is left alone; move it away, or take the zone's names \
                 out of the lists",
            ),
            Self::Unreadable(reason) => {
                write!(f, "the zone file does not load ({reason}), so what it holds is not known; repair it or move it away")
            }
            Self::Foreign { count, first } => {
                write!(f, "{count} records that no list can hold would be lost, first '{first}'; move them to another zone")
            }
            Self::OutsideTargets { count, owner, address, place } => write!(
                f,
                "{} outside allowed_targets, first {address} of '{owner}' from {place}; correct the list, or \
                 add the network to allowed_targets",
                if *count == 1 { "1 address".to_owned() } else { format!("{count} addresses") }
            ),
            Self::Empty { in_service } => write!(f, "would become empty, with {in_service} RRsets in service"),
            Self::Share { updated, deleted, in_service, allowed, limit } => write!(
                f,
                "{} of {in_service} RRsets would go or change ({deleted} removed, {updated} changed), {allowed} may \
                 (max_removed = \"{limit}\")",
                updated + deleted
            ),
            Self::EmptySource { sources, removed } => {
                write!(f, "{removed} RRsets would go while a list names no endpoint at all: {}", sources.join(", "))
            }
        }
    }
}
