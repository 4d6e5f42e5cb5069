//! The listeners that encrypt, and their certificates, in the words of the model.

use std::net::SocketAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::verdict::Finding;
use crate::diag::{self, Diagnostic};
use crate::server::ListenAddresses;
use crate::tls::{Certificate, Credentials, expiry};

/// The listeners that encrypt, and the certificates in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EncryptionStatus {
    /// The addresses of DNS over TLS.
    pub dot: Vec<String>,
    /// The addresses of DNS over HTTPS.
    pub doh: Vec<String>,
    /// The number of certificates that the config names, also of those that cannot be used.
    pub configured: usize,
    /// The certificates in use, in the order of the config.
    pub certificates: Vec<CertificateStatus>,
    /// Why files were not taken; the certificates before stay in use.
    pub problems: Vec<Diagnostic>,
}

/// A certificate that is in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CertificateStatus {
    /// Its file.
    pub file: String,
    /// The first second in which it is valid.
    pub valid_from: u64,
    /// The last one.
    pub valid_until: u64,
}

impl EncryptionStatus {
    /// The status of these credentials, of which the config names so many.
    pub(crate) fn of(
        listen: &ListenAddresses,
        configured: usize,
        credentials: Option<&Credentials>,
        problems: Vec<Diagnostic>,
    ) -> Self {
        let shown = |addresses: &[SocketAddr]| addresses.iter().map(ToString::to_string).collect();
        let certificate = |certificate: &Certificate| CertificateStatus {
            file: diag::path(&certificate.file),
            valid_from: certificate.valid.0,
            valid_until: certificate.valid.1,
        };
        let certificates = credentials.map(|credentials| credentials.certificates.iter().map(certificate).collect());
        let certificates = certificates.unwrap_or_default();
        Self { dot: shown(&listen.dot), doh: shown(&listen.doh), configured, certificates, problems }
    }

    /// What is wrong with it at this time.
    pub(super) fn findings(&self, now: u64, found: &mut Vec<Finding>) {
        found.extend(self.problems.iter().map(|problem| Finding::error(problem.to_string())));
        let listen = [&self.dot[..], &self.doh].concat();
        if !listen.is_empty() && self.certificates.is_empty() {
            let (why, help) = match self.configured {
                0 => (
                    "the config has no [tls]",
                    "add [tls] with cert and key, or restart the server without [dot] and [doh]",
                ),
                _ => ("no certificate can be used", "mend cert and key in [tls]; they are read again by themselves"),
            };
            let text = format!("{why}: clients that encrypt get no answer at {}", listen.join(", "));
            found.push(Finding::error(text).with(help));
        }
        let check =
            |each: &CertificateStatus| expiry::check(Path::new(&each.file), (each.valid_from, each.valid_until), now);
        for problem in self.certificates.iter().filter_map(check) {
            let finding = if problem.is_error() { Finding::error } else { Finding::warning };
            found.push(finding(problem.to_string()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::verdict::Level;
    use super::*;

    #[test]
    fn listeners_without_a_certificate_are_an_error() {
        let mut found = Vec::new();
        EncryptionStatus::default().findings(0, &mut found);
        assert_eq!(found, [], "nothing listens");
        for (configured, wanted, help) in [
            (1, "no certificate can be used: clients that encrypt get no answer at 10.0.0.4:853", "mend cert and key"),
            (0, "the config has no [tls]: clients that encrypt get no answer at 10.0.0.4:853", "add [tls]"),
        ] {
            let mut found = Vec::new();
            let dot = vec!["10.0.0.4:853".into()];
            EncryptionStatus { dot, configured, ..EncryptionStatus::default() }.findings(0, &mut found);
            assert!(found.len() == 1 && found[0].text == wanted, "{found:?}");
            assert!(found[0].what_to_do.as_ref().is_some_and(|said| said.starts_with(help)), "{found:?}");
        }
    }

    #[test]
    fn a_certificate_that_ends_is_a_warning_and_one_that_has_ended_an_error() {
        let certificate = CertificateStatus { file: "c.pem".into(), valid_from: 0, valid_until: 400 };
        let status = EncryptionStatus { certificates: vec![certificate], ..EncryptionStatus::default() };
        let levels = [100, 350, 500].map(|now| {
            let mut found = Vec::new();
            status.findings(now, &mut found);
            found.first().map(|finding| finding.level)
        });
        assert_eq!(levels, [None, Some(Level::Warning), Some(Level::Error)]);
    }
}
