//! The status page: a [`Status`] as one HTML document.

use crate::status::Status;

/// The status as a page that is loaded again after so many seconds.
pub(crate) fn render(status: &Status, refresh: Option<u64>) -> String {
    let again =
        refresh.map(|seconds| format!("<meta http-equiv=\"refresh\" content=\"{seconds}\">")).unwrap_or_default();
    let ready = if status.readiness.ready { "ready" } else { "not ready" };
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">{again}<title>{ready}</title></head>\
         <body><h1>{ready}</h1></body></html>"
    )
}

/// The content security policy that the page needs.
pub(crate) fn csp() -> &'static str {
    "default-src 'none'"
}
