//! `/metrics`: a [`Status`] as text for Prometheus.
//!
//! In: a [`Status`]. Out: its numbers as families, in the form that the scraper asked for. Pure.
//!
//! A name here is the one that a query uses, unit and `_total` included; the kind and the unit of a family follow from
//! it. Which series there are follows from the config alone, so that a counter is 0 before its first event, and an
//! alert sees that event. No label comes from a message: neither names nor clients, and the values of the others are
//! closed lists, with `other` for the rest. `docs/metrics.md` has the list of all.

mod encode;
mod encryption;
mod family;
mod peers;
mod process;
mod queries;
mod sync;
#[cfg(test)]
mod tests;
mod upstreams;

use family::Family;

use crate::status::Status;

/// The form of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Prometheus text, version 0.0.4.
    Text,
    /// `OpenMetrics`, version 1.0.0.
    OpenMetrics,
}

/// The status as metrics.
pub(crate) fn render(status: &Status, form: Form) -> String {
    encode::text(families(status), form)
}

/// Every family that has something to say.
fn families(status: &Status) -> Vec<Family> {
    let mut all = process::families(status);
    all.extend(queries::families(status));
    all.extend(encryption::families(status));
    all.extend(queries::cache(&status.cache));
    all.extend(upstreams::families(status));
    all.extend(sync::zones(&status.zones));
    all.extend(sync::derived(&status.derived));
    all.extend(peers::families(status));
    all.extend(sync::sources(&status.sources));
    all.extend(sync::azure(&status.live));
    all.extend(sync::passes(status));
    all.retain(|family| !family.is_empty());
    all
}
