//! One metric with all its series.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::status::model::Histogram;

/// What a family's series are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Grows only, until the process ends.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How many there are below each bound.
    Histogram,
    /// Always 1: the labels are what it says.
    Info,
}

/// One metric: all series of a name.
#[derive(Clone, Debug)]
pub(super) struct Family {
    /// As a query writes it.
    pub(super) name: &'static str,
    /// A sentence on what it counts or measures. No line breaks, quotes or backslashes, which one of the two forms
    /// would have to escape.
    pub(super) help: &'static str,
    pub(super) kind: Kind,
    /// The names of the labels of each series.
    pub(super) labels: &'static [&'static str],
    /// The series by the values of their labels, so that there are no two of the same.
    series: BTreeMap<Vec<String>, Value>,
}

/// The value of a series.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// A number that is whole.
    Whole(u64),
    /// Another.
    Real(f64),
    /// A histogram.
    Histogram(Histogram),
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Whole(value.into())
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Whole(value as u64)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Whole(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<&Histogram> for Value {
    fn from(value: &Histogram) -> Self {
        Self::Histogram(value.clone())
    }
}

impl Family {
    /// A counter if the name ends in `_total`, an info if it ends in `_info`, a gauge otherwise.
    pub(super) fn new(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Self {
        let kind = match name {
            _ if name.ends_with("_total") => Kind::Counter,
            _ if name.ends_with("_info") => Kind::Info,
            _ => Kind::Gauge,
        };
        Self { name, help, kind, labels, series: BTreeMap::new() }
    }

    /// A histogram.
    pub(super) fn histogram(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Self {
        Self { kind: Kind::Histogram, ..Self::new(name, labels, help) }
    }

    /// A family of one series without labels.
    pub(super) fn single(name: &'static str, value: impl Into<Value>, help: &'static str) -> Self {
        Self::new(name, &[], help).with([], value)
    }

    /// With a series. One more of the same labels is added to a counter, and is no news otherwise.
    pub(super) fn with<const N: usize>(mut self, labels: [&str; N], value: impl Into<Value>) -> Self {
        debug_assert_eq!(labels.len(), self.labels.len(), "{}", self.name);
        let value = value.into();
        match self.series.entry(labels.map(str::to_owned).to_vec()) {
            Entry::Vacant(free) => {
                free.insert(value);
            }
            Entry::Occupied(mut present) => {
                if let (Kind::Counter, Value::Whole(sum), Value::Whole(more)) = (self.kind, present.get_mut(), value) {
                    *sum = sum.saturating_add(more);
                }
            }
        }
        self
    }

    /// With a series for each item.
    pub(super) fn with_each<T, const N: usize, V: Into<Value>>(
        self,
        items: impl IntoIterator<Item = T>,
        series: impl Fn(&T) -> ([&str; N], V),
    ) -> Self {
        items.into_iter().fold(self, |family, item| {
            let (labels, value) = series(&item);
            family.with(labels, value)
        })
    }

    /// True if it has no series.
    pub(super) fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Each series: its labels, its value.
    pub(super) fn series(&self) -> impl Iterator<Item = (Vec<(&'static str, &str)>, &Value)> {
        let named = |values: &'_ Vec<String>| values.len() == self.labels.len();
        self.series.iter().filter(move |(values, _)| named(values)).map(|(values, value)| {
            let labels = self.labels.iter().copied().zip(values.iter().map(String::as_str));
            // The base has no view: to Prometheus, a label without a value is none.
            (labels.filter(|(name, value)| *name != "view" || !value.is_empty()).collect(), value)
        })
    }
}

/// A value of a closed list: itself, or `other`.
pub(super) fn bounded<'a>(value: &'a str, known: &[&str]) -> &'a str {
    if known.contains(&value) { value } else { "other" }
}
