//! The listeners that encrypt, and their certificates, in the words of the model.

use serde::{Deserialize, Serialize};

use super::verdict::Finding;
use crate::diag::{self, Diagnostic};
use crate::sync::pass::rfc3339;
use crate::tls::{Certificate, Credentials};

/// A certificate should be new before this time is left, seconds: what renews it has failed for two weeks by then.
const RENEWAL_S: u64 = 14 * 86_400;

/// The listeners that encrypt, and the certificates in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EncryptionStatus {
    /// The addresses of DNS over TLS.
    pub dot: Vec<String>,
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
    /// The status of these credentials.
    pub(crate) fn of(dot: Vec<String>, credentials: Option<&Credentials>, problems: Vec<Diagnostic>) -> Self {
        let certificate = |certificate: &Certificate| CertificateStatus {
            file: diag::path(&certificate.file),
            valid_from: certificate.valid.0,
            valid_until: certificate.valid.1,
        };
        let certificates = credentials.map(|credentials| credentials.certificates.iter().map(certificate).collect());
        Self { dot, certificates: certificates.unwrap_or_default(), problems }
    }

    /// What is wrong with it at this time.
    pub(super) fn findings(&self, now: u64, found: &mut Vec<Finding>) {
        found.extend(self.problems.iter().map(|problem| Finding::error(problem.to_string())));
        if !self.dot.is_empty() && self.certificates.is_empty() {
            let text = format!("no certificate can be used: DNS over TLS is not answered at {}", self.dot.join(", "));
            found.push(Finding::error(text).with("mend cert and key in [tls]; they are read again by themselves"));
        }
        found.extend(self.certificates.iter().filter_map(|certificate| certificate.finding(now)));
    }
}

impl CertificateStatus {
    fn finding(&self, now: u64) -> Option<Finding> {
        let (file, left) = (&self.file, self.valid_until.saturating_sub(now));
        let until = rfc3339(self.valid_until);
        let renew = "renew it; new files are taken by themselves within a second";
        if now > self.valid_until {
            let text = format!("the certificate {file} expired at {until}: clients that check it refuse this server");
            return Some(Finding::error(text).with(renew));
        }
        if now < self.valid_from {
            let from = rfc3339(self.valid_from);
            let text =
                format!("the certificate {file} is not valid before {from}: clients refuse this server until then");
            return Some(Finding::error(text).with("look at this machine's clock, and at the certificate"));
        }
        // Certificates of some days are renewed late in their life.
        let soon = RENEWAL_S.min(self.valid_until.saturating_sub(self.valid_from) / 4);
        (left < soon).then(|| {
            let text = format!("the certificate {file} expires at {until}, and nothing has renewed it");
            Finding::warning(text).with(renew)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::verdict::Level;
    use super::*;

    const DAY: u64 = 86_400;

    fn level(days: u64, day: u64) -> Option<Level> {
        let (valid_from, valid_until) = (1000 * DAY, (1000 + days) * DAY);
        let certificate = CertificateStatus { file: "c.pem".into(), valid_from, valid_until };
        certificate.finding((1000 + day) * DAY + 1).map(|finding| finding.level)
    }

    #[test]
    fn a_certificate_is_warned_of_two_weeks_before_its_end_or_in_the_last_quarter_of_a_short_life() {
        assert_eq!([0, 75, 76, 89, 90].map(|day| level(90, day)), {
            let (good, warning, error) = (None, Some(Level::Warning), Some(Level::Error));
            [good, good, warning, warning, error]
        });
        assert_eq!([5, 6, 8].map(|day| level(8, day)), [None, Some(Level::Warning), Some(Level::Error)]);
        let early = CertificateStatus { valid_from: 10, valid_until: 20, ..CertificateStatus::default() };
        assert_eq!(early.finding(9).map(|finding| finding.level), Some(Level::Error));
    }

    #[test]
    fn listeners_without_a_certificate_are_an_error() {
        let mut found = Vec::new();
        EncryptionStatus::default().findings(0, &mut found);
        assert_eq!(found, [], "nothing listens");
        let status = EncryptionStatus { dot: vec!["10.0.0.4:853".into()], ..EncryptionStatus::default() };
        status.findings(0, &mut found);
        assert!(found.len() == 1 && found[0].text.contains("is not answered at 10.0.0.4:853"), "{found:?}");
    }
}
