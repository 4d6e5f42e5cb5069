//! The upstreams and their groups.

use super::age::{Moment, short};
use super::lines::Bounded;
use super::mark::{Mark, Tone};
use super::number::whole;
use crate::diag::printable;
use crate::forward::State;
use crate::status::Status;
use crate::status::upstreams::{GroupStatus, UpstreamStatus};

/// Upstreams, and groups, that are shown.
const SHOWN: usize = 50;

/// The section.
pub(super) struct Upstreams {
    pub(super) rows: Bounded<Row>,
    pub(super) groups: Bounded<Group>,
}

/// An upstream.
pub(super) struct Row {
    pub(super) address: String,
    pub(super) mark: Mark,
    pub(super) since: Option<Moment>,
    pub(super) round_trip: String,
    pub(super) in_flight: String,
    pub(super) answered: String,
    pub(super) failures: String,
    pub(super) last_error: Option<(Moment, String)>,
    /// What it is asked without.
    pub(super) quirks: String,
}

/// A group.
pub(super) struct Group {
    pub(super) suffix: String,
    pub(super) asked: String,
    pub(super) shared: String,
    pub(super) timeouts: String,
    pub(super) failures: String,
    pub(super) overloaded: String,
    pub(super) waiting: String,
    pub(super) absent: Vec<String>,
}

impl Upstreams {
    pub(super) fn of(status: &Status) -> Self {
        let mut all: Vec<&UpstreamStatus> = status.upstreams.iter().collect();
        if all.len() > SHOWN {
            all.sort_by_key(|upstream| upstream.is_up());
        }
        Self {
            rows: Bounded::of(all.into_iter().map(|upstream| row(upstream, status)), SHOWN),
            groups: Bounded::of(status.groups.iter().map(group), SHOWN),
        }
    }
}

fn row(upstream: &UpstreamStatus, status: &Status) -> Row {
    let any_up = status.upstreams.iter().any(UpstreamStatus::is_up);
    let bad = if any_up { Tone::Warning } else { Tone::Error };
    let mark = match upstream.state {
        State::Up => Mark::new(Tone::Good, "up"),
        State::Looping => Mark::new(bad, "leads back here, not asked"),
        State::Down => Mark::new(bad, "down"),
    };
    let failures: Vec<String> = upstream
        .failures
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(reason, count)| format!("{} {}", whole(*count), printable(reason)))
        .collect();
    let quirks = [(upstream.without_edns, "EDNS"), (upstream.without_case, "mixed case"), (upstream.without_ad, "AD")];
    let quirks: Vec<&str> = quirks.iter().filter(|(lacks, _)| *lacks).map(|(_, what)| *what).collect();
    Row {
        address: printable(&upstream.address).into_owned(),
        mark,
        since: upstream.since.map(|at| Moment::seen(at, status.at)),
        round_trip: upstream.round_trip_ms.map_or("–".to_owned(), |ms| short(ms / 1e3)),
        in_flight: whole(upstream.in_flight),
        answered: format!("{} of {}", whole(upstream.counter("received")), whole(upstream.counter("sent"))),
        failures: if failures.is_empty() { "none".to_owned() } else { failures.join(", ") },
        last_error: upstream
            .last_error
            .as_ref()
            .map(|error| (Moment::seen(error.at, status.at), printable(&error.text).into_owned())),
        quirks: quirks.join(", "),
    }
}

fn group(group: &GroupStatus) -> Group {
    let suffix = if group.suffix == "." { "all other names".to_owned() } else { printable(&group.suffix).into_owned() };
    Group {
        suffix,
        asked: whole(group.asked),
        shared: whole(group.shared),
        timeouts: whole(group.timeouts),
        failures: whole(group.failures),
        overloaded: whole(group.overloaded),
        waiting: whole(group.waiting),
        absent: group.absent.iter().take(SHOWN).map(|entry| printable(entry).into_owned()).collect(),
    }
}
