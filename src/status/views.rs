//! Each view in few words: with a thousand of them, what is wrong still fits on a screen.
//!
//! In: the zones of a status. Out: a [`ViewSummary`] for each view. A part of a view that is wrong is shown besides, as
//! a zone of its own ([`shown_alone`]).

use std::collections::BTreeMap;

use super::model::ZoneStatus;
use crate::zone::ViewName;

/// What a view has of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ViewSummary {
    /// The view.
    pub(crate) view: ViewName,
    /// Zones that it has a part of.
    pub(crate) zones: usize,
    /// Records of these parts.
    pub(crate) records: usize,
    /// Questions of its clients for names that these zones lack.
    pub(crate) misses: u64,
    /// Parts without a good copy: the view's clients get SERVFAIL.
    pub(crate) servfail: usize,
    /// Parts that are served from their last good copy.
    pub(crate) degraded: usize,
}

/// Every view that has a part of a zone, in order.
pub(crate) fn summaries(zones: &[ZoneStatus]) -> Vec<ViewSummary> {
    let mut views = BTreeMap::<&ViewName, ViewSummary>::new();
    for (view, zone) in zones.iter().filter_map(|zone| Some((zone.view.as_ref()?, zone))) {
        let empty = || ViewSummary { view: view.clone(), zones: 0, records: 0, misses: 0, servfail: 0, degraded: 0 };
        let sum = views.entry(view).or_insert_with(empty);
        sum.zones += 1;
        sum.records += zone.records;
        sum.misses += zone.misses;
        match zone.serial {
            None => sum.servfail += 1,
            Some(_) => sum.degraded += usize::from(!zone.degraded.is_empty()),
        }
    }
    views.into_values().collect()
}

/// The zones that are shown one by one: those of the base, and of the views' parts those that are wrong.
pub(crate) fn shown_alone(zones: &[ZoneStatus]) -> impl Iterator<Item = &ZoneStatus> {
    zones.iter().filter(|zone| zone.view.is_none() || !zone.is_well())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::diag::{Diagnostic, Id, Place};

    /// A base of one zone, and a part of it in each of some views.
    pub(crate) fn zones(views: usize) -> Vec<ZoneStatus> {
        let zone = |view: Option<ViewName>| ZoneStatus {
            zone: "z.example".into(),
            view,
            serial: Some(7),
            records: 4,
            managed: true,
            contents: Some(1),
            ..ZoneStatus::default()
        };
        let named = |number: usize| format!("spoke-{number:04}").parse().ok();
        std::iter::once(None).chain((0..views).map(named)).map(zone).collect()
    }

    /// The same; the first view has no good copy, and the second one a bad file and misses.
    pub(crate) fn troubled(views: usize) -> Vec<ZoneStatus> {
        let mut zones = zones(views);
        (zones[1].serial, zones[1].records, zones[1].contents) = (None, 0, None);
        zones[2].degraded = vec![Diagnostic::error(Id::ZONE_SYNTAX, Place::zone("spoke-0001/z.example"), "line 3")];
        zones[2].misses = 5;
        zones
    }

    #[test]
    fn a_view_is_one_line_of_counts_and_a_part_is_shown_alone_only_if_it_is_wrong() {
        let zones = troubled(1_000);
        let views = summaries(&zones);
        let counts = |at: usize| {
            let ViewSummary { zones, records, misses, servfail, degraded, .. } = views[at];
            (zones, records, misses, servfail, degraded)
        };
        assert_eq!((views.len(), views[0].view.as_str()), (1_000, "spoke-0000"));
        assert_eq!([counts(0), counts(1), counts(2)], [(1, 0, 0, 1, 0), (1, 4, 5, 0, 1), (1, 4, 0, 0, 0)]);
        let alone: Vec<String> = shown_alone(&zones).map(ZoneStatus::id).collect();
        assert_eq!(alone, ["z.example", "spoke-0000/z.example", "spoke-0001/z.example"]);
    }

    #[test]
    fn without_views_there_is_no_summary_and_every_zone_is_shown() {
        let zones = zones(0);
        assert_eq!((summaries(&zones).len(), shown_alone(&zones).count()), (0, 1));
    }
}
