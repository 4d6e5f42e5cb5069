//! Both forms, read by a parser of other hands.

#![expect(clippy::float_cmp, reason = "whole numbers, and what was written as text")]

mod arbitrary;
mod contrib;
mod parser;
mod samples;

use std::collections::BTreeSet;

use parser::{Parsed, Sample, parse};
use proptest::prelude::*;

use super::{Form, render};
use crate::status::Status;
use crate::status::model::Histogram;

const FORMS: [Form; 2] = [Form::Text, Form::OpenMetrics];

/// The samples of a name whose labels include these.
fn samples(status: &Status, name: &str, labels: &[(&str, &str)]) -> Vec<Sample> {
    let families = parse(&render(status, Form::Text), Form::Text).unwrap();
    let has =
        |sample: &Sample| labels.iter().all(|(label, value)| sample.labels.get(*label).is_some_and(|own| own == value));
    families.into_iter().flat_map(|family| family.samples).filter(|each| each.name == name && has(each)).collect()
}

/// The value of the only such series.
fn value(status: &Status, name: &str, labels: &[(&str, &str)]) -> f64 {
    let found = samples(status, name, labels);
    assert_eq!(found.len(), 1, "{name} {labels:?}: {found:?}");
    found[0].value
}

/// What both forms demand beyond their grammar.
fn check(families: &[Parsed]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for family in families {
        if family.samples.is_empty() || !family.help.ends_with('.') || family.help.contains(['\\', '"', '\n']) {
            return Err(format!("no samples, or no sentence as its help: {family:?}"));
        }
        for sample in &family.samples {
            if !seen.insert(format!("{} {:?}", sample.name, sample.labels)) {
                return Err(format!("a series twice: {sample:?}"));
            }
            if sample.value < 0.0 || !sample.value.is_finite() {
                return Err(format!("a value that is not finite: {sample:?}"));
            }
        }
        if family.kind == "histogram" {
            histogram(family)?;
        }
    }
    Ok(())
}

/// The bounds ascend up to +Inf, the buckets never decrease, and the last is the count.
fn histogram(family: &Parsed) -> Result<(), String> {
    let (mut last, mut below) = (f64::NEG_INFINITY, 0.0);
    let mut ends = Vec::new();
    for sample in &family.samples {
        if sample.name.ends_with("_bucket") {
            let le = match &*sample.labels["le"] {
                "+Inf" => f64::INFINITY,
                bound => bound.parse().map_err(|_| format!("no bound: {sample:?}"))?,
            };
            if le <= last || sample.value < below {
                return Err(format!("not in order: {sample:?}"));
            }
            (last, below) = (le, sample.value);
            if le == f64::INFINITY {
                ends.push(sample.value);
                (last, below) = (f64::NEG_INFINITY, 0.0);
            }
        }
    }
    let counts: Vec<f64> =
        family.samples.iter().filter(|each| each.name.ends_with("_count")).map(|each| each.value).collect();
    let sums = family.samples.iter().filter(|each| each.name.ends_with("_sum")).count();
    let is_whole = ends == counts && sums == counts.len() && last == f64::NEG_INFINITY;
    if is_whole { Ok(()) } else { Err(format!("ends {ends:?}, counts {counts:?}, {sums} sums: {}", family.name)) }
}

proptest! {
    #[test]
    fn whatever_is_in_a_status_both_forms_can_be_read(status in arbitrary::status()) {
        for form in FORMS {
            let text = render(&status, form);
            let families = parse(&text, form).map_err(TestCaseError::fail)?;
            check(&families).map_err(TestCaseError::fail)?;
        }
    }

    #[test]
    fn a_label_value_comes_back_as_it_was(name in arbitrary::text()) {
        let mut status = samples::full();
        status.sources.truncate(1);
        status.sources[0].name.clone_from(&name);
        let found = samples(&status, "privatelink_dns_source_records", &[]);
        prop_assert_eq!(&found[0].labels["source"], &name);
    }
}

#[test]
fn both_forms_have_the_same_series() {
    let status = samples::full();
    let all = FORMS.map(|form| {
        let families = parse(&render(&status, form), form).unwrap();
        check(&families).unwrap();
        // An info is a gauge in the older form, whose buckets are written before their sum.
        let samples = families.into_iter().flat_map(|family| family.samples);
        let bound = |sample: &Sample| sample.labels.get("le").map(|le| le.parse::<f64>().unwrap().to_string());
        let shown = |sample: Sample| {
            let bound = bound(&sample);
            let mut labels = sample.labels;
            labels.extend(bound.map(|bound| ("le".to_owned(), bound)));
            format!("{} {labels:?} {}", sample.name, sample.value)
        };
        samples.map(shown).collect::<BTreeSet<_>>()
    });
    assert_eq!(all[0], all[1]);
}

#[test]
fn a_scrape_of_three_zones_four_sources_and_two_upstreams_has_less_than_400_series() {
    let families = parse(&render(&samples::full(), Form::Text), Form::Text).unwrap();
    let series: usize = families.iter().map(|family| family.samples.len()).sum();
    assert!((300..400).contains(&series), "{series}");
}

#[test]
fn the_series_are_the_same_before_the_first_query_and_after_every_kind_of_event() {
    let mut before = samples::full();
    let counted = std::mem::take(&mut before.queries);
    // Classes and bounds come from the server, which has them from the start.
    before.queries.response_times = counted.response_times.clone();
    before.sync.passes.clear();
    for upstream in &mut before.upstreams {
        (upstream.failures, upstream.counts) = Default::default();
    }
    let names = |status: &Status| {
        let families = parse(&render(status, Form::Text), Form::Text).unwrap();
        let samples = families.into_iter().flat_map(|family| family.samples);
        samples.map(|sample| format!("{} {:?}", sample.name, sample.labels)).collect::<BTreeSet<_>>()
    };
    let after = names(&Status { queries: counted, ..samples::full() });
    let news: Vec<_> = after.difference(&names(&before)).cloned().collect();
    // What no version of the server counts is `other`.
    assert!(news.iter().all(|series| series.contains("\"other\"")), "{news:?}");
}

#[test]
fn a_response_counts_once_and_a_message_that_got_none_is_no_response() {
    let status = samples::full();
    let all: f64 = samples(&status, "privatelink_dns_responses_total", &[]).iter().map(|sample| sample.value).sum();
    let sent = status.queries.sum(|answer| answer.rcode.is_some());
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let sent = sent as f64;
    assert_eq!(all, sent);
    let udp = [("proto", "udp"), ("origin", "zone"), ("rcode", "NOERROR")];
    // NOERROR, cut and slipped.
    assert_eq!(value(&status, "privatelink_dns_responses_total", &udp), 3.0);
}

#[test]
fn what_was_never_read_is_as_old_as_can_be_and_what_is_not_known_is_absent() {
    let mut status = samples::full();
    for source in &mut status.sources {
        (source.last_good, source.modified) = (None, None);
    }
    status.live[0].scopes[1].last_complete = None;
    status.live[0].token_expires = None;
    status.live[0].last.remaining.clear();
    status.zones[0].serial = None;
    status.sync.last_good = None;
    let list = [("source", "list-a")];
    assert_eq!(value(&status, "privatelink_dns_source_last_success_timestamp_seconds", &list), 0.0);
    assert_eq!(value(&status, "privatelink_dns_azure_last_complete_read_timestamp_seconds", &[]), 0.0);
    assert_eq!(value(&status, "privatelink_dns_sync_last_success_timestamp_seconds", &[]), 0.0);
    let zone = [("zone", "a.example")];
    assert_eq!(value(&status, "privatelink_dns_zone_served", &zone), 0.0);
    assert!(samples(&status, "privatelink_dns_zone_serial", &zone).is_empty());
    for absent in [
        "privatelink_dns_source_modified_timestamp_seconds",
        "privatelink_dns_azure_token_expiry_timestamp_seconds",
        "privatelink_dns_azure_quota_remaining",
    ] {
        assert!(samples(&status, absent, &[]).is_empty(), "{absent}");
    }
}

#[test]
fn a_value_is_in_each_bucket_whose_bound_it_does_not_exceed() {
    let mut status = samples::full();
    status.queries.response_times.truncate(1);
    status.queries.response_times[0].times =
        Histogram { bounds_s: vec![0.000_025, 0.5, 6.5536], counts: vec![5, 0, 2, 1], sum_s: 20.25 };
    let name = "privatelink_dns_response_duration_seconds";
    let buckets = samples(&status, &format!("{name}_bucket"), &[("origin", "zone")]);
    let shown: Vec<_> = buckets.iter().map(|each| (each.labels["le"].parse::<f64>().unwrap(), each.value)).collect();
    assert_eq!(shown, [(0.000_025, 5.0), (0.5, 5.0), (6.5536, 7.0), (f64::INFINITY, 8.0)]);
    assert_eq!(value(&status, &format!("{name}_sum"), &[]), 20.25);
}

#[test]
fn openmetrics_says_the_units_and_ends_with_eof() {
    let text = render(&samples::full(), Form::OpenMetrics);
    let families = parse(&text, Form::OpenMetrics).unwrap();
    for family in &families {
        let unit = ["seconds", "bytes"].into_iter().find(|unit| family.name.ends_with(unit));
        assert_eq!(family.unit.as_deref(), unit, "{}", family.name);
    }
    assert!(text.ends_with("\n# EOF\n") && text.matches("# EOF").count() == 1);
}

#[test]
fn a_views_part_of_a_zone_is_a_series_of_its_own_and_the_base_has_no_label_for_it() {
    let status = Status { zones: crate::status::views::tests::troubled(2), ..Status::default() };
    let served = samples(&status, "privatelink_dns_zone_served", &[]);
    let views: Vec<(Option<&str>, f64)> =
        served.iter().map(|each| (each.labels.get("view").map(String::as_str), each.value)).collect();
    assert_eq!(views, [(None, 1.0), (Some("spoke-0000"), 0.0), (Some("spoke-0001"), 1.0)]);
    assert_eq!(value(&status, "privatelink_dns_zone_misses_total", &[("view", "spoke-0001")]), 5.0);
    assert_eq!(value(&status, "privatelink_dns_zone_degraded", &[("view", "spoke-0001")]), 1.0);
    let changed = [("view", "spoke-0000"), ("action", "added")];
    assert_eq!(value(&status, "privatelink_dns_sync_records_changed_total", &changed), 0.0);
}
