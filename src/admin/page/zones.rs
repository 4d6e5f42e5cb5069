//! The zones, the views in a line each, and the names that clients asked for and that no zone has.

use super::lines::{Bounded, Line, lines};
use super::mark::{Mark, Tone};
use super::number::{counted, whole};
use super::recent::{self, Asked};
use crate::diag::printable;
use crate::server::RecentKind;
use crate::status::Status;
use crate::status::model::{DerivedStatus, RecentEntry, ZoneStatus};
use crate::status::views::{self, ViewSummary};
use crate::sync::state::changes::ChangeCounts;
use crate::zone::OnMiss;

/// Zones that are shown.
const ZONES: usize = 100;

/// Views that are shown.
const VIEWS: usize = 100;

/// Missed names that are shown.
const MISSED: usize = 20;

/// The section.
pub(super) struct Zones {
    /// What is SERVFAIL besides the zones of the table.
    pub(super) no_list_read: bool,
    pub(super) rows: Bounded<Row>,
    /// A part of a view that is wrong is among the rows too.
    pub(super) views: Bounded<View>,
    pub(super) missed: Bounded<Asked>,
    /// True if the names are kept.
    pub(super) is_kept: bool,
}

/// What a view has of its own.
pub(super) struct View {
    pub(super) name: String,
    pub(super) mark: Mark,
    pub(super) zones: String,
    pub(super) records: String,
    pub(super) misses: String,
}

/// A zone.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) mark: Mark,
    pub(super) serial: String,
    pub(super) records: String,
    /// Who writes it, and what happens to a name that it lacks.
    pub(super) kind: String,
    pub(super) misses: String,
    pub(super) changed: String,
    pub(super) lines: Bounded<Line>,
}

impl Zones {
    pub(super) fn of(status: &Status) -> Self {
        let mut zones: Vec<&ZoneStatus> = views::shown_alone(&status.zones).collect();
        if zones.len() > ZONES {
            zones.sort_by_key(|zone| std::cmp::Reverse((mark(zone).tone, zone.misses)));
        }
        let misses = status.recent.entries.iter().filter(|entry| entry.kind == RecentKind::Miss);
        let mut missed: Vec<Asked> = misses.map(|entry| missed(entry, status)).collect();
        // A name that no zone but ours could have comes before another tenant's account.
        missed.sort_by_key(|asked| std::cmp::Reverse(asked.mark.tone));
        Self {
            no_list_read: status.no_list_read,
            rows: Bounded::of(zones.into_iter().map(row).chain(status.derived.iter().map(derived)), ZONES),
            views: Bounded::of(of_views(&status.zones), VIEWS),
            missed: Bounded::of(missed, MISSED),
            is_kept: status.recent.enabled,
        }
    }
}

/// How a zone is.
pub(super) fn mark(zone: &ZoneStatus) -> Mark {
    match (zone.serial, zone.degraded.is_empty()) {
        (None, _) => Mark::new(Tone::Error, "SERVFAIL: no good copy"),
        (Some(_), false) => Mark::new(Tone::Error, "last good copy served"),
        (Some(_), true) => Mark::new(Tone::Good, "served"),
    }
}

/// The views, those with trouble first if there are too many.
fn of_views(zones: &[ZoneStatus]) -> Vec<View> {
    let mut rows: Vec<View> = views::summaries(zones).iter().map(view).collect();
    if rows.len() > VIEWS {
        rows.sort_by_key(|row| std::cmp::Reverse(row.mark.tone));
    }
    rows
}

fn view(sum: &ViewSummary) -> View {
    let mark = match (sum.servfail, sum.degraded) {
        (0, 0) => Mark::new(Tone::Good, "served"),
        (0, bad) => Mark::new(Tone::Error, format!("{bad} of {} from the last good copy", counted(sum.zones, "zone"))),
        (bad, _) => Mark::new(Tone::Error, format!("{bad} of {} SERVFAIL", counted(sum.zones, "zone"))),
    };
    View {
        name: sum.view.to_string(),
        mark,
        zones: whole(sum.zones as u64),
        records: whole(sum.records as u64),
        misses: whole(sum.misses),
    }
}

/// A missed name, and what became of the question.
fn missed(entry: &RecentEntry, status: &Status) -> Asked {
    let holds = |zone: &&ZoneStatus| {
        let above = entry.name.strip_suffix(zone.zone.as_str());
        above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
    };
    let zone = status.zones.iter().filter(holds).max_by_key(|zone| zone.zone.len());
    let mark = match zone.map(|zone| zone.on_miss) {
        Some(OnMiss::Forward) => Mark::new(Tone::Quiet, "forwarded"),
        _ => Mark::new(Tone::Warning, "NXDOMAIN"),
    };
    Asked { mark, ..recent::asked(entry, status.at) }
}

fn row(zone: &ZoneStatus) -> Row {
    let writer = match (zone.managed, zone.serial) {
        (true, _) => "written by sync",
        (false, Some(_)) => "written by hand",
        (false, None) if zone.degraded.is_empty() => "its file is yet to be written",
        (false, None) => "its file is not good",
    };
    let on_miss = match zone.on_miss {
        OnMiss::Forward => "other names are forwarded",
        OnMiss::NxDomain => "other names are NXDOMAIN",
    };
    Row {
        name: printable(&zone.id()).into_owned(),
        mark: mark(zone),
        serial: zone.serial.map_or("none".to_owned(), |serial| serial.to_string()),
        records: whole(zone.records as u64),
        kind: format!("{writer}; {on_miss}"),
        misses: if zone.on_miss == OnMiss::Forward {
            format!("{} forwarded", whole(zone.misses))
        } else {
            whole(zone.misses)
        },
        changed: changed(zone.changed).unwrap_or_else(|| "none".to_owned()),
        lines: lines(&zone.degraded),
    }
}

/// A zone for secondaries alone.
fn derived(zone: &DerivedStatus) -> Row {
    let mark = match (zone.serial, zone.degraded.is_empty()) {
        (_, false) => Mark::new(Tone::Warning, "not up to date"),
        (None, true) => Mark::new(Tone::Quiet, "not made yet"),
        (Some(_), true) => Mark::new(Tone::Good, "up to date"),
    };
    Row {
        name: printable(&zone.zone).into_owned(),
        mark,
        serial: zone.serial.map_or("none".to_owned(), |serial| serial.to_string()),
        records: whole(zone.records as u64),
        kind: "derived from the other zones; for secondaries alone".to_owned(),
        misses: "none".to_owned(),
        changed: "none".to_owned(),
        lines: lines(&zone.degraded),
    }
}

/// The numbers of changes in words; `None` if there were none.
pub(super) fn changed(counts: ChangeCounts) -> Option<String> {
    let all = [(counts.added, "added"), (counts.changed, "changed"), (counts.removed, "removed")];
    let there: Vec<String> =
        all.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", whole(*n))).collect();
    (!there.is_empty()).then(|| there.join(", "))
}
