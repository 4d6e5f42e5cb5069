//! The last changes of records: what was, what is, and the line of the list that says so.

use std::net::IpAddr;

use super::age::Moment;
use super::lines::Bounded;
use crate::diag::printable;
use crate::status::Status;
use crate::sync::state::changes::AppliedChange;

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
    /// `added`, `changed` or `removed`.
    pub(super) what: &'static str,
    pub(super) name: String,
    /// Its type, and the view whose clients get it.
    pub(super) rtype: String,
    pub(super) before: Vec<String>,
    pub(super) after: Vec<String>,
    pub(super) source: String,
    pub(super) place: String,
    /// Who wanted it, if somebody did.
    pub(super) consent: String,
}

impl Changes {
    pub(super) fn of(status: &Status) -> Self {
        Self { rows: Bounded::of(status.changes.iter().map(|change| row(change, status.at)), SHOWN) }
    }
}

fn row(change: &AppliedChange, now: u64) -> Row {
    let what = match (change.before.is_empty(), change.after.is_empty()) {
        (true, _) => "added",
        (_, true) => "removed",
        _ => "changed",
    };
    let text = |text: &Option<String>| text.as_deref().map(|text| printable(text).into_owned()).unwrap_or_default();
    Row {
        at: Moment::parsed(&change.at, now).ok_or_else(|| printable(&change.at).into_owned()),
        what,
        name: printable(&change.name).into_owned(),
        rtype: match &change.view {
            Some(view) => format!("{} in view {view}", printable(&change.rtype)),
            None => printable(&change.rtype).into_owned(),
        },
        before: addresses(&change.before),
        after: addresses(&change.after),
        source: text(&change.source),
        place: text(&change.place),
        consent: text(&change.consent()),
    }
}

/// The first of them, and how many more there are.
fn addresses(all: &[IpAddr]) -> Vec<String> {
    let mut shown: Vec<String> = all.iter().take(ADDRESSES).map(ToString::to_string).collect();
    match all.len().checked_sub(ADDRESSES) {
        _ if all.is_empty() => shown.push("none".to_owned()),
        None | Some(0) => {}
        Some(more) => shown.push(format!("and {more} more")),
    }
    shown
}
