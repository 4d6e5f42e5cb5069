//! Why a derived zone is not made yet.

use std::path::Path;

use crate::diag::{Diagnostic, Id, Place};

/// A derived zone that cannot be made yet; the file on disk stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unmade {
    /// Zones without a good copy.
    pub(super) waits_for: Vec<String>,
}

impl Unmade {
    /// The same as a diagnostic of its file.
    pub(super) fn diagnostic(&self, path: &Path) -> Diagnostic {
        let text = format!(
            "the zone is not made, since there is no good copy of {}: without its records secondaries would take private \
             names for public ones; what they have stays; mend the zone file or the sources",
            self.waits_for.join(", ")
        );
        Diagnostic::warning(Id::FEED_FAILED, Place::file(path), text)
    }
}
