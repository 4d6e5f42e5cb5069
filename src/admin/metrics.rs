//! `/metrics`: a [`Status`] as text for Prometheus.

use crate::status::Status;

/// The form of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Prometheus text, version 0.0.4.
    Text,
    /// OpenMetrics, version 1.0.0.
    OpenMetrics,
}

/// The status as metrics.
pub(crate) fn render(status: &Status, form: Form) -> String {
    let end = if form == Form::OpenMetrics { "# EOF\n" } else { "" };
    format!(
        "# HELP privatelink_dns_ready Whether every hosted zone has a good copy.\n# TYPE privatelink_dns_ready gauge\n\
         privatelink_dns_ready {}\n{end}",
        u8::from(status.readiness.ready)
    )
}
