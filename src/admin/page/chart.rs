//! Numbers to small charts: the geometry of inline SVG.
//!
//! In: the steps of [`Traffic`], and what to show of each. Out: paths, a scale, and the same in words. Pure.

use std::fmt::Write as _;

use super::number::rate;
use crate::status::traffic::{Step, Traffic};

/// Steps from edge to edge: half an hour. It is also the width of the drawing in its own units.
pub(super) const WIDTH: u64 = 180;

/// The height of the drawing in its own units.
pub(super) const HEIGHT: u64 = 48;

/// A chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chart {
    pub(super) title: &'static str,
    /// The newest value.
    pub(super) now: String,
    /// The value of the upper edge.
    pub(super) top: String,
    /// The chart in a sentence.
    pub(super) words: String,
    /// The areas, those behind first.
    pub(super) layers: Vec<Layer>,
    pub(super) is_empty: bool,
    /// True if it has no value above zero.
    pub(super) is_flat: bool,
}

/// An area of a chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layer {
    /// The class of its colour.
    pub(super) class: &'static str,
    /// Its name in the legend; empty for a chart of one area.
    pub(super) name: &'static str,
    /// SVG path data.
    pub(super) path: String,
    /// Its newest value.
    pub(super) now: String,
}

/// One kind of event of a step.
pub(super) struct Series {
    pub(super) class: &'static str,
    pub(super) name: &'static str,
    pub(super) of: fn(&Step) -> u64,
}

/// The values of a step, each per second, and the right end of it.
struct Rates {
    /// Steps from the left edge; the step ends here.
    end: u64,
    /// How many steps it is long.
    length: u64,
    /// Each with those below it added.
    sums: Vec<f64>,
}

/// A chart of events per second, the first of `series` at its foot.
pub(super) fn chart(title: &'static str, traffic: &Traffic, series: &[Series]) -> Chart {
    let rates = rates(traffic, series);
    let total = |rates: &Rates| rates.sums.last().copied().unwrap_or_default();
    let highest = rates.iter().map(total).fold(0.0, f64::max);
    let top = round_up(highest);
    let now = rates.last().map(total).unwrap_or_default();
    let layer = |at: usize| {
        let of = |rates: &Rates| rates.sums.get(at).copied().unwrap_or_default();
        let below = |rates: &Rates| if at == 0 { 0.0 } else { rates.sums.get(at - 1).copied().unwrap_or_default() };
        Layer {
            class: series[at].class,
            name: series[at].name,
            path: path(&rates, top, of),
            now: rate(rates.last().map(|last| of(last) - below(last)).unwrap_or_default()),
        }
    };
    let minutes = rates.first().map_or(0, |first| (WIDTH + first.length - first.end) * traffic.step_s.max(1) / 60);
    let words = if rates.is_empty() {
        format!("{title}: nothing was counted yet")
    } else {
        let (minutes, now, highest) = (minutes.clamp(1, 30), rate(now), rate(highest));
        format!("{title} over the last {minutes} min: {now} a second now, {highest} at most")
    };
    Chart {
        title,
        now: rate(now),
        top: rate(top),
        words,
        layers: (0..series.len()).rev().map(layer).collect(),
        is_empty: rates.is_empty(),
        is_flat: highest <= 0.0,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a picture needs no more than 52 bits")]
fn rates(traffic: &Traffic, series: &[Series]) -> Vec<Rates> {
    let step_s = traffic.step_s.max(1);
    let newest = traffic.steps.iter().map(|step| step.at).max().unwrap_or_default();
    let mut before = None;
    let mut rates = Vec::with_capacity(traffic.steps.len());
    for step in &traffic.steps {
        // A step is longer where the loop was late.
        let length = before.map_or(step_s, |before| step.at.saturating_sub(before)).max(step_s);
        before = Some(step.at);
        let Some(end) = WIDTH.checked_sub((newest - step.at) / step_s) else { continue };
        let mut sum = 0.0;
        let sums = series.iter().map(|series| {
            sum += (series.of)(step) as f64 / length as f64;
            sum
        });
        rates.push(Rates { end, sums: sums.collect(), length: length / step_s });
    }
    rates
}

/// The outline of an area: a level for each step.
#[expect(clippy::cast_precision_loss, reason = "a height is small")]
fn path(rates: &[Rates], top: f64, of: impl Fn(&Rates) -> f64) -> String {
    let Some(first) = rates.first() else { return String::new() };
    let height = HEIGHT as f64;
    let mut path = format!("M{} {HEIGHT}", first.end.saturating_sub(first.length));
    for step in rates {
        let share = if top > 0.0 { (of(step) / top).clamp(0.0, 1.0) } else { 0.0 };
        // Writing to a String cannot fail.
        let _ = write!(path, "V{:.1}H{}", height - share * height, step.end);
    }
    let _ = write!(path, "V{HEIGHT}Z");
    path
}

/// The next number of 1, 2 or 5 times a power of ten.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].iter().map(|factor| factor * power).find(|top| *top >= value * 0.999_999).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Series; 2] = [
        Series { class: "a", name: "A", of: |step| step.zone },
        Series { class: "b", name: "B", of: |step| step.cache },
    ];

    fn step(at: u64, zone: u64, cache: u64) -> Step {
        Step { at, zone, cache, ..Step::default() }
    }

    fn traffic(steps: Vec<Step>) -> Traffic {
        Traffic { step_s: 10, steps }
    }

    #[test]
    fn the_newest_step_ends_at_the_right_edge_and_areas_stand_on_each_other() {
        let chart = chart("Queries", &traffic(vec![step(100, 10, 0), step(110, 20, 30)]), &BOTH);
        assert_eq!((chart.now.as_str(), chart.top.as_str()), ("5", "5"));
        let paths: Vec<_> =
            chart.layers.iter().map(|layer| (layer.class, layer.path.as_str(), layer.now.as_str())).collect();
        assert_eq!(paths, [("b", "M178 48V38.4H179V0.0H180V48Z", "3"), ("a", "M178 48V38.4H179V28.8H180V48Z", "2")]);
        assert_eq!(chart.words, "Queries over the last 1 min: 5 a second now, 5 at most");
    }

    #[test]
    fn a_step_that_took_longer_is_wider_and_not_higher() {
        let chart = chart("Queries", &traffic(vec![step(100, 10, 0), step(200, 100, 0)]), &BOTH);
        assert_eq!(chart.layers[1].path, "M169 48V0.0H170V0.0H180V48Z");
    }

    #[test]
    fn nothing_and_the_largest_numbers_make_charts_too() {
        let empty = chart("Queries", &traffic(Vec::new()), &BOTH);
        assert!(empty.is_empty && empty.layers.iter().all(|layer| layer.path.is_empty()));
        let flat = chart("Queries", &traffic(vec![step(10, 0, 0)]), &BOTH);
        assert!(flat.is_flat && !flat.is_empty);
        let huge = chart("Queries", &traffic(vec![step(10, u64::MAX, u64::MAX), step(u64::MAX, 1, 1)]), &BOTH);
        assert!(huge.layers.iter().all(|layer| !layer.path.contains("NaN") && !layer.path.contains("inf")));
    }

    #[test]
    fn the_upper_edge_is_a_round_number_not_below_the_highest() {
        let edges = [0.0, 0.3, 1.0, 1.1, 4.0, 7.0, 120.0, 501.0].map(|value| rate(round_up(value)));
        assert_eq!(edges, ["1", "0.5", "1", "2", "5", "10", "200", "1,000"]);
    }
}
