//! Floor 5: why a name has the answer that it has.
//!
//! ```text
//!   text --subject--> name, label or address
//!   snapshot (zones, resolver, access) --+
//!   status, ledger of the last pass -----+--> look (reads) --Facts--> cause (pure) --Explanation--> cli, control, page
//!   provenance, journal, list files -----+
//! ```
//! In: what a person typed, and the running server. Out: an [`Explanation`]: the verdict, the cause in words of its
//! own, the chain, the record behind it, and what to do. Never: a change of anything, or a list that is taken for true:
//! what is found in the text of a list only tells where to look.

mod cause;
mod facts;
mod look;
pub mod model;
mod near;
mod services;
pub mod show;
mod subject;
mod words;

pub(crate) use look::Explainer;
pub use model::{Cause, Explanation, Verdict};
pub use subject::{Subject, Target};

/// Checks what is to be asked.
///
/// # Errors
/// What is wrong with it, for the person who typed it.
pub fn check(name: &str, rtype: &str, client: Option<&str>) -> Result<(), String> {
    Explainer::asked(name, rtype, client).map(drop)
}
