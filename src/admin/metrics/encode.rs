//! Families as text, in both forms, by the Prometheus project's own encoder.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::Form;
use super::family::{Family, Kind, Value};
use crate::status::model::Histogram;

/// The families, in this order.
pub(super) fn text(families: Vec<Family>, form: Form) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Families(families)));
    let mut out = String::new();
    let written = match form {
        Form::Text => prometheus_text::encode(&mut out, &registry),
        Form::OpenMetrics => text::encode(&mut out, &registry),
    };
    // Only memory can fail to take text, and that ends the process.
    debug_assert!(written.is_ok());
    out
}

#[derive(Debug)]
struct Families(Vec<Family>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|family| one(family, &mut encoder))
    }
}

fn one(family: &Family, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let (name, kind) = match family.kind {
        Kind::Counter => (family.name.trim_end_matches("_total"), MetricType::Counter),
        Kind::Info => (family.name.trim_end_matches("_info"), MetricType::Info),
        Kind::Gauge => (family.name, MetricType::Gauge),
        Kind::Histogram => (family.name, MetricType::Histogram),
    };
    // The encoder writes unit and suffix behind the name that it gets.
    let (name, unit) = match (name.strip_suffix("_seconds"), name.strip_suffix("_bytes")) {
        (Some(name), _) => (name, Some(Unit::Seconds)),
        (None, Some(name)) => (name, Some(Unit::Bytes)),
        (None, None) => (name, None),
    };
    let mut encoder = encoder.encode_descriptor(name, family.help, unit.as_ref(), kind)?;
    for (labels, value) in family.series() {
        match family.kind {
            Kind::Info => encoder.encode_info(&labels)?,
            // The label set of no labels is not written as `{}`.
            _ => series(family.kind, value, &mut encoder.encode_family(&labels)?)?,
        }
    }
    Ok(())
}

fn series(kind: Kind, value: &Value, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
    match (kind, value) {
        (_, Value::Histogram(histogram)) => {
            let (buckets, count) = buckets(histogram);
            encoder.encode_histogram::<NoLabelSet>(finite(histogram.sum_s), count, &buckets, None)
        }
        (Kind::Counter, Value::Whole(value)) => encoder.encode_counter::<NoLabelSet, _, f64>(value, None),
        (Kind::Counter, Value::Real(value)) => encoder.encode_counter::<NoLabelSet, _, f64>(&finite(*value), None),
        (_, Value::Whole(value)) => encoder.encode_gauge(value),
        (_, Value::Real(value)) => encoder.encode_gauge(&finite(*value)),
    }
}

fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

/// The number in each range by its upper end, the last one without end, and the number in all: whatever a histogram
/// has, the ends ascend, and the sum fits.
fn buckets(histogram: &Histogram) -> (Vec<(f64, u64)>, u64) {
    let (mut buckets, mut all) = (Vec::with_capacity(histogram.counts.len()), 0_u64);
    let (mut last, mut carried) = (f64::NEG_INFINITY, 0);
    for (index, count) in histogram.counts.iter().enumerate() {
        let count = (*count).min(u64::MAX - all);
        all += count;
        carried += count;
        match histogram.bounds_s.get(index) {
            Some(bound) if bound.is_finite() && *bound > last => {
                buckets.push((*bound, carried));
                (last, carried) = (*bound, 0);
            }
            // No range of its own: these count in the next one.
            _ => {}
        }
    }
    buckets.push((f64::INFINITY, carried));
    (buckets, all)
}
