//! The files of the certificates as a person looks at them: `check` and `doctor`.
//!
//! In: the settings, what clients are told, the time. Out: certificates that can be used, and what is wrong with any.

use std::path::Path;
use std::sync::Arc;

use super::certificate::Certificate;
use super::credentials::{Loaded, load};
use super::expiry;
use super::settings::Settings;
use crate::diag::{Diagnostic, Id, Place};

/// What clients that are told of the listeners look for in the certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Promised {
    /// Names and addresses, the name first; empty if clients are told nothing.
    pub(crate) names: Vec<String>,
    /// Whether there are addresses besides that nobody knows here: a listener is on all of the machine's, and clients
    /// may know it by that of a load balancer.
    pub(crate) has_unknown: bool,
}

/// The result.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inspection {
    /// The certificates that this user can read and use.
    pub(crate) certificates: Arc<[Certificate]>,
    /// What is wrong.
    pub(crate) problems: Vec<Diagnostic>,
}

/// Looks at all files at this time, seconds since 1970.
pub(crate) fn inspect(settings: &Settings, promised: &Promised, now: u64) -> Inspection {
    let Loaded { credentials, mut problems, .. } = load(settings, None);
    let Some(credentials) = credentials else { return Inspection { problems, ..Inspection::default() } };
    let dated = credentials.certificates.iter().filter_map(|each| expiry::check(&each.file, each.valid, now));
    problems.extend(dated);
    if let Some(given) = promised.names.first().and_then(|name| credentials.given_to(name)) {
        let lacks: Vec<&str> = promised.names.iter().map(String::as_str).filter(|name| !given.is_for(name)).collect();
        problems.extend((!lacks.is_empty()).then(|| lacking(&given.file, &lacks)));
        problems.extend(promised.has_unknown.then(|| unknown(&given.file)));
    }
    Inspection { certificates: Arc::clone(&credentials.certificates), problems }
}

fn lacking(file: &Path, names: &[&str]) -> Diagnostic {
    let text = format!(
        "the certificate is not for {}, so clients that find it by [ddr] do not take it (RFC 9462 section 4.2): have it \
         signed with each of them as a subject alternative name",
        names.join(", ")
    );
    Diagnostic::warning(Id::CERTIFICATE_LACKS_NAME, Place::file(file), text)
}

fn unknown(file: &Path) -> Diagnostic {
    let text = "'listen' is every address of this machine, so nobody here knows by which one clients find it through \
                [ddr]; they take the certificate only if that is among its subject alternative names";
    Diagnostic::note(Id::CERTIFICATE_LACKS_NAME, Place::file(file), text)
}
