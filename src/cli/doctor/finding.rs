//! What a check found: a state, the fact, and what to do. Pure values; `show` and `json` write them down.

use std::fmt;

use serde::Serialize;

use super::id::Id;
use crate::diag::printable_lines;

/// How a check ended, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// It could not be made, or was not asked for.
    Skipped,
    /// All is well.
    Good,
    /// A person should look.
    Warning,
    /// Something does not work.
    Problem,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Skipped => "skipped",
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Problem => "problem",
        })
    }
}

/// One finding. A check may have several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// The check.
    pub(super) id: Id,
    /// How it ended.
    pub(super) state: State,
    /// What was seen; safe to show, perhaps of several lines.
    pub(super) fact: String,
    /// The commands to run or the change to make; safe to show, perhaps of several lines.
    pub(super) to_do: Option<String>,
}

impl Finding {
    fn new(id: Id, state: State, fact: impl AsRef<str>) -> Self {
        // Facts quote lists, zone files and packets.
        Self { id, state, fact: printable_lines(fact.as_ref()).into_owned(), to_do: None }
    }

    /// All is well.
    pub(super) fn good(id: Id, fact: impl AsRef<str>) -> Self {
        Self::new(id, State::Good, fact)
    }

    /// Not made, and why.
    pub(super) fn skipped(id: Id, fact: impl AsRef<str>) -> Self {
        Self::new(id, State::Skipped, fact)
    }

    /// A person should look.
    pub(super) fn warning(id: Id, fact: impl AsRef<str>) -> Self {
        Self::new(id, State::Warning, fact)
    }

    /// Something does not work.
    pub(super) fn problem(id: Id, fact: impl AsRef<str>) -> Self {
        Self::new(id, State::Problem, fact)
    }

    /// With what to do.
    #[must_use]
    pub(super) fn run(self, to_do: impl AsRef<str>) -> Self {
        Self { to_do: Some(printable_lines(to_do.as_ref()).into_owned()), ..self }
    }
}

/// The subject of a group of checks, in the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Topic {
    /// The config file.
    Config,
    /// This machine.
    Machine,
    /// The servers that are asked for all else.
    Upstream,
    /// The lists.
    Lists,
    /// The answers of the running server.
    Served,
    /// The way to the listed addresses.
    Reach,
    /// What to run on a client.
    Clients,
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Config => "config",
            Self::Machine => "this machine",
            Self::Upstream => "upstream",
            Self::Lists => "lists",
            Self::Served => "what is served",
            Self::Reach => "reach",
            Self::Clients => "clients",
        })
    }
}

/// A group of checks.
#[derive(Clone, Debug)]
pub(super) struct Section {
    /// Its subject.
    pub(super) topic: Topic,
    /// Its findings, in the order of the ids.
    pub(super) findings: Vec<Finding>,
}

impl Section {
    /// The worst state of its findings.
    pub(super) fn state(&self) -> State {
        self.findings.iter().map(|finding| finding.state).max().unwrap_or(State::Skipped)
    }
}

/// The worst state of all sections.
pub(super) fn worst(sections: &[Section]) -> State {
    sections.iter().map(Section::state).max().unwrap_or(State::Skipped)
}

/// The first few of many, and the number of the others.
pub(super) fn some<T: fmt::Display>(all: &[T]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<String> = all.iter().take(SHOWN).map(ToString::to_string).collect();
    match all.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The first few of many lines, and the number of the others.
pub(super) fn lines(all: &[String]) -> String {
    const SHOWN: usize = 5;
    match all.len().saturating_sub(SHOWN) {
        0 => all.join("\n"),
        more => format!("{}\nand {more} more", all[..SHOWN].join("\n")),
    }
}
