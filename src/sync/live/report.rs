//! The last read of a live source, as `status`, `check` and metrics show it. It is kept beside the lists, so that its
//! age is known after a restart and to other processes.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::arm::Meter;
use super::token::IdentityKind;
use crate::diag::Diagnostic;
use crate::files;

/// The state of a live source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LiveReport {
    /// Of this form; 1.
    pub version: u32,
    /// The source's name in the config.
    pub source: String,
    /// The place that gives tokens; `None` if none was found out yet.
    pub identity: Option<IdentityKind>,
    /// When the token ends, seconds since 1970.
    pub token_expires: Option<u64>,
    /// Each scope, in the order of the config.
    pub scopes: Vec<ScopeReport>,
    /// The cost of the last read.
    pub last: Meter,
    /// Requests since the start of this process.
    pub requests: u64,
    /// Reads since the start of this process: complete in all scopes, and not.
    pub reads: (u64, u64),
    /// Problems of the source as a whole, such as no token.
    pub problems: Vec<Diagnostic>,
}

/// Octets of a report that are read. It grows with its scopes and their findings.
const MAX_BYTES: u64 = 16 << 20;

impl LiveReport {
    /// The report in this file; none if there is no whole one.
    pub fn load(path: &Path) -> Option<Self> {
        let (bytes, _) = files::read(path, MAX_BYTES).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Every present problem, of the source as a whole and of each scope.
    pub fn all_problems(&self) -> impl Iterator<Item = &Diagnostic> {
        self.problems.iter().chain(self.scopes.iter().flat_map(|scope| &scope.problems))
    }
}

/// The state of a scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScopeReport {
    /// As the config has it.
    pub scope: String,
    /// The file of its list, as messages show it.
    pub list: String,
    /// The last complete read, seconds since 1970.
    pub last_complete: Option<u64>,
    /// Names that the list publishes.
    pub names: usize,
    /// Endpoints that were selected, in any state.
    pub endpoints: usize,
    /// Endpoints that were left out, by reason.
    pub skipped: BTreeMap<String, usize>,
    /// Present problems: the list is not from the last read.
    pub problems: Vec<Diagnostic>,
    /// Findings that are worth a look.
    pub warnings: Vec<Diagnostic>,
}
