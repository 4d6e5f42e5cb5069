//! The reasons why a part of a plan is unsafe, with the remedy for each.

use std::fmt;

use super::Percent;
use crate::diag::{Diagnostic, Id, Place};
use crate::sync::plan::Scope;

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HoldReason {
    /// The file has not our header.
    HandWritten,
    /// The file does not load, for this reason.
    Unreadable(String),
    /// The file holds what no sync wrote.
    Foreign {
        /// The number of records.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// The zone would become empty.
    Empty {
        /// RRsets now.
        in_service: usize,
    },
    /// Too many RRsets would change or go within a window.
    Share {
        /// RRsets that would be other than at the base.
        updated: usize,
        /// RRsets of the base that would be gone.
        deleted: usize,
        /// RRsets at the base.
        base: usize,
        /// The number that is allowed.
        allowed: usize,
        /// The limit in the config.
        limit: Percent,
    },
    /// Too many RRsets would come within a window.
    Growth {
        /// RRsets that would be there and were not at the base.
        created: usize,
        /// RRsets at the base.
        base: usize,
        /// The number that is allowed.
        allowed: usize,
    },
    /// A list is empty and records that it had would go.
    EmptyLists {
        /// The lists.
        lists: Vec<String>,
        /// The number of RRsets that would be removed.
        removed: usize,
    },
}

impl HoldReason {
    /// True if this may be what the operator wants.
    pub(crate) fn is_approvable(&self) -> bool {
        !matches!(self, Self::HandWritten | Self::Unreadable(_))
    }

    /// The id of its diagnostic.
    pub(crate) fn id(&self) -> Id {
        match self {
            Self::HandWritten => Id::GUARD_HAND_WRITTEN,
            Self::Unreadable(_) => Id::GUARD_UNREADABLE,
            Self::Foreign { .. } => Id::GUARD_FOREIGN,
            Self::Empty { .. } => Id::GUARD_EMPTY,
            Self::Share { .. } => Id::GUARD_SHARE,
            Self::Growth { .. } => Id::GUARD_GROWTH,
            Self::EmptyLists { .. } => Id::GUARD_EMPTY_LIST,
        }
    }

    /// About the zone with this apex: a warning if consent helps, an error if not.
    pub(crate) fn diagnostic(&self, zone: &str) -> Diagnostic {
        let make = if self.is_approvable() { Diagnostic::warning } else { Diagnostic::error };
        make(self.id(), Place::zone(zone), self.to_string())
    }

    /// The part of the zone's plan that it holds.
    pub(crate) fn scope(&self) -> Scope {
        match self {
            Self::Empty { .. } | Self::Share { .. } | Self::EmptyLists { .. } => Scope::Losses,
            // Writing anything into such a file would lose its contents.
            Self::HandWritten | Self::Unreadable(_) | Self::Foreign { .. } | Self::Growth { .. } => Scope::Everything,
        }
    }
}

impl fmt::Display for HoldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HandWritten => f.write_str(
                "the zone file was not written by privatelink-dns and is left alone; move it away, or take the zone's names \
                 out of the lists",
            ),
            Self::Unreadable(reason) => {
                write!(f, "the zone file does not load ({reason}), so its contents are not known; repair it or move it away")
            }
            Self::Foreign { count, first } => {
                write!(f, "{count} records that no list can hold would be lost, first '{first}'; move them to another zone")
            }
            Self::Empty { in_service } => write!(f, "would become empty, with {in_service} RRsets in service"),
            Self::Share { updated, deleted, base, allowed, limit } => write!(
                f,
                "{} of {base} RRsets would be removed or changed within guard_window ({deleted} removed, {updated} changed), \
                 at most {allowed} allowed (max_removed = \"{limit}\")",
                updated + deleted
            ),
            Self::Growth { created, base, allowed } => write!(
                f,
                "{created} RRsets would be added within guard_window to a zone that had {base}; at most {allowed} allowed"
            ),
            Self::EmptyLists { lists, removed } => {
                write!(f, "{removed} RRsets would be removed while a list names no endpoint: {}", lists.join(", "))
            }
        }
    }
}
