//! The last changes of records: what was, what is, and the line of the list that says so.

use super::age::Moment;
use super::lines::Bounded;
use super::mark::{Mark, Tone};
use crate::diag::printable;
use crate::status::Status;
use crate::sync::state::changes::{AppliedChange, addresses};

/// Changes that are shown.
const SHOWN: usize = 50;

/// Addresses of a name that are shown.
const ADDRESSES: usize = 8;

/// The section.
pub(super) struct Changes {
    pub(super) rows: Bounded<Row>,
}

/// A change.
pub(super) struct Row {
    pub(super) at: Result<Moment, String>,
    pub(super) mark: Mark,
    pub(super) name: String,
    pub(super) rtype: String,
    pub(super) before: String,
    pub(super) after: String,
    pub(super) source: String,
    pub(super) place: String,
    pub(super) approved: bool,
}

impl Changes {
    pub(super) fn of(status: &Status) -> Self {
        Self { rows: Bounded::of(status.changes.iter().map(|change| row(change, status.at)), SHOWN) }
    }
}

fn row(change: &AppliedChange, now: u64) -> Row {
    let word = match (change.before.is_empty(), change.after.is_empty()) {
        (true, _) => "added",
        (_, true) => "removed",
        _ => "changed",
    };
    let shown = |all: &[std::net::IpAddr]| match all.len().checked_sub(ADDRESSES) {
        None | Some(0) => addresses(all),
        Some(more) => format!("{} and {more} more", addresses(&all[..ADDRESSES])),
    };
    let text = |text: &Option<String>| text.as_deref().map(|text| printable(text).into_owned()).unwrap_or_default();
    Row {
        at: Moment::parsed(&change.at, now).ok_or_else(|| printable(&change.at).into_owned()),
        mark: Mark::new(Tone::Quiet, word),
        name: printable(&change.name).into_owned(),
        rtype: printable(&change.rtype).into_owned(),
        before: shown(&change.before),
        after: shown(&change.after),
        source: text(&change.source),
        place: text(&change.place),
        approved: change.approved,
    }
}
