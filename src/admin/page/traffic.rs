//! Queries and answers: charts of the last half hour, and tables of what was counted since the start.

use std::collections::BTreeMap;

use super::age::{Moment, short};
use super::chart::{Chart, HEIGHT, Series, WIDTH, chart};
use super::lines::Bounded;
use super::number::{share, whole};
use crate::diag::printable;
use crate::status::Status;
use crate::status::model::Histogram;

/// Rows of a table that are shown.
const ROWS: usize = 14;

/// The section.
pub(super) struct View {
    pub(super) charts: Vec<Chart>,
    pub(super) width: u64,
    pub(super) height: u64,
    pub(super) responses: Bounded<Row>,
    pub(super) types: Bounded<Row>,
    pub(super) times: Vec<Times>,
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) started: Moment,
}

/// A count and its share of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) count: String,
    pub(super) share: String,
}

/// Response times of one class.
pub(super) struct Times {
    pub(super) class: String,
    pub(super) count: String,
    pub(super) half: String,
    pub(super) most: String,
}

impl View {
    pub(super) fn of(status: &Status) -> Self {
        let (queries, cache) = (&status.queries, &status.cache);
        let mut responses = BTreeMap::new();
        for answer in &queries.answers {
            *responses.entry(answer.rcode.as_deref().unwrap_or(&answer.response)).or_default() += answer.count;
        }
        let types = queries.types.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        Self {
            charts: charts(status),
            width: WIDTH,
            height: HEIGHT,
            responses: rows(&responses),
            types: rows(&types),
            times: queries.response_times.iter().filter(|found| found.times.count() > 0).map(times).collect(),
            facts: vec![
                ("Cache", format!("{} of {} entries", whole(cache.entries as u64), whole(cache.max_entries as u64))),
                ("Answered from the cache", share(cache.hits, cache.requests)),
                ("Stale answers", whole(cache.stale)),
                ("Waiting for an upstream", whole(queries.waiting as u64)),
                ("TCP connections", whole(queries.connections as u64)),
            ],
            started: Moment::seen(status.server.started, status.at),
        }
    }
}

fn charts(status: &Status) -> Vec<Chart> {
    let of = |title, series: &[Series]| chart(title, &status.traffic, series);
    let one = |class, of| [Series { class, name: "", of }];
    vec![
        of("Queries", &one("queries", |step| step.queries)),
        of(
            "Answers by origin",
            &[
                Series { class: "zone", name: "own zones", of: |step| step.zone },
                Series { class: "cache", name: "cache", of: |step| step.cache },
                Series { class: "upstream", name: "upstreams", of: |step| step.upstream },
            ],
        ),
        of("SERVFAIL", &one("failed", |step| step.servfail)),
        of("Missing names", &one("missed", |step| step.misses)),
    ]
}

/// The largest counts first.
fn rows(counts: &BTreeMap<&str, u64>) -> Bounded<Row> {
    let all = counts.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
    let mut there: Vec<(&str, u64)> =
        counts.iter().filter(|(_, count)| **count > 0).map(|(name, count)| (*name, *count)).collect();
    there.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    let row = |(name, count)| Row { name: printable(name).into_owned(), count: whole(count), share: share(count, all) };
    Bounded::of(there.into_iter().map(row), ROWS)
}

fn times(found: &crate::status::queries::ResponseTimes) -> Times {
    Times {
        class: match found.class.as_str() {
            "zone" => "from own zones".to_owned(),
            "rechased" => "an upstream's alias to own zones".to_owned(),
            "cache" => "from the cache".to_owned(),
            "upstream" => "an upstream was asked".to_owned(),
            other => printable(other).into_owned(),
        },
        count: whole(found.times.count()),
        half: at_most(&found.times, 0.5),
        most: at_most(&found.times, 0.99),
    }
}

/// The time within which this share was answered.
fn at_most(times: &Histogram, share: f64) -> String {
    let longest = times.bounds_s.last().copied().unwrap_or_default();
    times
        .quantile_s(share)
        .map_or_else(|| format!("more than {}", short(longest)), |bound| format!("≤ {}", short(bound)))
}
