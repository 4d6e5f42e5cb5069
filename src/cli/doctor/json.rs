//! The findings as JSON, as `docs/doctor.md` describes it.

use serde::Serialize;

use super::finding::{Finding, Section, State, Topic, worst};
use super::id::Id;

/// The version of the form; it changes when a key goes or changes its meaning, not when one is added.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Report<'r> {
    version: u32,
    /// Seconds since 1970.
    at: u64,
    /// Of the program that looked.
    program: &'static str,
    /// The worst of all.
    state: State,
    sections: Vec<SectionReport<'r>>,
}

#[derive(Serialize)]
struct SectionReport<'r> {
    section: Topic,
    state: State,
    findings: Vec<FindingReport<'r>>,
}

#[derive(Serialize)]
struct FindingReport<'r> {
    id: Id,
    state: State,
    title: &'static str,
    fact: &'r str,
    why: &'static str,
    to_do: Option<&'r str>,
}

impl<'r> From<&'r Finding> for FindingReport<'r> {
    fn from(found: &'r Finding) -> Self {
        let Finding { id, state, fact, to_do } = found;
        Self { id: *id, state: *state, title: id.title(), fact, why: id.why(), to_do: to_do.as_deref() }
    }
}

impl<'r> From<&'r Section> for SectionReport<'r> {
    fn from(section: &'r Section) -> Self {
        let findings = section.findings.iter().map(FindingReport::from).collect();
        Self { section: section.topic, state: section.state(), findings }
    }
}

/// All of it as text; `at` is in seconds since 1970.
pub(super) fn text(sections: &[Section], at: u64) -> String {
    let report = Report {
        version: VERSION,
        at,
        program: env!("CARGO_PKG_VERSION"),
        state: worst(sections),
        sections: sections.iter().map(SectionReport::from).collect(),
    };
    serde_json::to_string_pretty(&report).unwrap_or_default()
}
