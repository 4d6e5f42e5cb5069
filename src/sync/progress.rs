//! Progress of a pass, for people who wait for it.
//!
//! A [`PassStep`] is reported whenever a pass goes on to the next step; the caller decides whether to show it.

use std::fmt;
use std::path::Path;

/// The function that a pass calls at each step.
pub(crate) type ProgressFn<'w> = &'w (dyn Fn(PassStep<'_>) + Sync);

/// The present step of a pass.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PassStep<'a> {
    /// It reads a list.
    Reading(&'a Path),
    /// It compares this many listed addresses with what is in service.
    Comparing(usize),
    /// It writes this many zone files.
    Writing(usize),
}

impl fmt::Display for PassStep<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reading(list) => write!(f, "reading {}", list.display()),
            Self::Comparing(1) => write!(f, "comparing 1 address with the zones"),
            Self::Comparing(addresses) => write!(f, "comparing {addresses} addresses with the zones"),
            Self::Writing(1) => write!(f, "writing 1 zone"),
            Self::Writing(zones) => write!(f, "writing {zones} zones"),
        }
    }
}

/// For passes that nobody waits for.
pub(crate) fn no_progress(_: PassStep<'_>) {}
