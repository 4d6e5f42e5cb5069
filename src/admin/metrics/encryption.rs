//! The listeners that encrypt, and their certificates.

use super::family::Family;
use crate::status::Status;

/// Handshakes, and the time of each certificate.
pub(super) fn families(status: &Status) -> [Family; 3] {
    let counter = |name| status.queries.counter(name);
    let results = [
        ("good", counter("tls_handshakes")),
        ("failed", counter("tls_failed")),
        ("limited", counter("tls_limited")),
        ("refused", counter("tls_refused")),
    ];
    [
        Family::new(
            "privatelink_dns_tls_handshakes_total",
            &["result"],
            "Handshakes of TLS: those that ended well, those that did not, and connections closed before one because of a \
             limit, or because the client may not ask.",
        )
        .with_each(results, |(result, count)| ([*result], *count)),
        Family::single(
            "privatelink_dns_https_requests_refused_total",
            counter("https_refused"),
            "Requests of HTTP that brought no query of DNS.",
        ),
        Family::new(
            "privatelink_dns_certificate_expiry_timestamp_seconds",
            &["file"],
            "Time the certificate in use expires, in seconds since 1970.",
        )
        .with_each(&status.encryption.certificates, |certificate| ([&*certificate.file], certificate.valid_until)),
    ]
}
