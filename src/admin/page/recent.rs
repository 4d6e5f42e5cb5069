//! Names that clients asked for in vain, with the network that asked.

use super::age::Moment;
use super::lines::Bounded;
use super::mark::{Mark, Tone};
use super::number::whole;
use crate::diag::printable;
use crate::server::RecentKind;
use crate::status::Status;
use crate::status::model::RecentEntry;

/// Refusals and failures that are shown.
const SHOWN: usize = 15;

/// The section.
pub(super) struct Recent {
    pub(super) rows: Bounded<Asked>,
    /// True if the names are kept.
    pub(super) is_kept: bool,
    /// Those that came too fast to be kept; none said if there were none.
    pub(super) unrecorded: Option<String>,
}

/// A name that clients of one network asked for.
pub(super) struct Asked {
    pub(super) mark: Mark,
    pub(super) name: String,
    /// The name in the address of its explanation.
    pub(super) encoded: String,
    pub(super) rtype: String,
    /// With the view, if it is in one.
    pub(super) network: String,
    pub(super) count: String,
    pub(super) last: Moment,
}

impl Recent {
    pub(super) fn of(status: &Status) -> Self {
        let recent = &status.recent;
        let others = recent.entries.iter().filter(|entry| entry.kind != RecentKind::Miss);
        Self {
            rows: Bounded::of(others.map(|entry| asked(entry, status.at)), SHOWN),
            is_kept: recent.enabled,
            unrecorded: (recent.unrecorded > 0).then(|| whole(recent.unrecorded)),
        }
    }
}

pub(super) fn asked(entry: &RecentEntry, now: u64) -> Asked {
    let mark = match entry.kind {
        RecentKind::Miss => Mark::new(Tone::Warning, "missing"),
        RecentKind::Refusal => Mark::new(Tone::Quiet, "refused"),
        RecentKind::Failure => Mark::new(Tone::Error, "failed"),
    };
    let view = entry.view.as_ref().map(|view| format!(", view {view}")).unwrap_or_default();
    Asked {
        mark,
        name: printable(&entry.name).into_owned(),
        encoded: form_urlencoded::byte_serialize(entry.name.as_bytes()).collect(),
        rtype: printable(&entry.rtype).into_owned(),
        network: printable(&format!("{}{view}", entry.network)).into_owned(),
        count: whole(entry.count),
        last: Moment::seen(entry.last, now),
    }
}
