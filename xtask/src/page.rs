//! `docs/acceptance.md` shows when and where each long check last passed. The page is its own memory: each run reads it
//! and writes it again.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::stages::STAGES;

const HEAD: &str = "# Acceptance

`cargo xtask acceptance` runs the checks that take too long for every change and writes this page. *turn* says how long
a check ran, of its full time (`--minutes` shortens it). A check that fails keeps the line of its last pass.

| stage | what | last passed | commit | turn | took | machine |
|---|---|---|---|---|---|---|
";

const NEVER: &str = "never";

/// The time and place at which a stage last passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Passed {
    pub(crate) when: String,
    pub(crate) commit: String,
    pub(crate) turn: String,
    pub(crate) took: String,
    pub(crate) machine: String,
}

/// A line for each stage.
pub(crate) struct Page(Vec<Option<Passed>>);

impl Page {
    /// Without a page, no stage has passed.
    pub(crate) fn read(root: &Path) -> Result<Self, String> {
        match std::fs::read_to_string(path(root)) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::parse("")),
            Err(error) => Err(format!("{}: {error}", path(root).display())),
        }
    }

    fn parse(text: &str) -> Self {
        Self(STAGES.iter().map(|stage| text.lines().find_map(|line| passed(line, stage.name))).collect())
    }

    pub(crate) fn passed(&mut self, name: &str, passed: Passed) {
        if let Some(place) = STAGES.iter().position(|stage| stage.name == name) {
            self.0[place] = Some(passed);
        }
    }

    pub(crate) fn write(&self, root: &Path) -> Result<(), String> {
        std::fs::write(path(root), self.text()).map_err(|error| format!("{}: {error}", path(root).display()))
    }

    fn text(&self) -> String {
        let mut text = HEAD.to_owned();
        for (stage, passed) in STAGES.iter().zip(&self.0) {
            let line = passed.as_ref().map_or_else(
                || format!("{NEVER} | - | - | - | -"),
                |p| [&p.when, &p.commit, &p.turn, &p.took, &p.machine].map(|cell| cell.replace('|', "/")).join(" | "),
            );
            // Writing to a String cannot fail.
            let _fits = writeln!(text, "| {} | {} | {line} |", stage.name, stage.what);
        }
        text
    }
}

fn path(root: &Path) -> PathBuf {
    root.join("docs/acceptance.md")
}

/// The result of a stage in a line of the table.
fn passed(line: &str, name: &str) -> Option<Passed> {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    match cells[..] {
        [stage, _, when, commit, turn, took, machine] if stage == name && when != NEVER => {
            let [when, commit, turn, took, machine] = [when, commit, turn, took, machine].map(str::to_owned);
            Some(Passed { when, commit, turn, took, machine })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Passed {
        let [when, commit, turn, took, machine] =
            ["2026-11-25", "abc", "1 of 2 min", "1 min 2 s", "a | b"].map(str::to_owned);
        Passed { when, commit, turn, took, machine }
    }

    #[test]
    fn the_page_in_docs_has_a_line_for_each_stage() {
        let text = std::fs::read_to_string(path(&crate::root())).unwrap_or_default();
        assert_eq!(Page::parse(&text).text(), text, "cargo xtask acceptance writes it");
    }

    #[test]
    fn a_stage_that_has_not_run_says_never() {
        let text = Page::parse("").text();
        assert_eq!(text.matches("| never |").count(), STAGES.len());
    }

    #[test]
    fn a_stage_that_passed_changes_its_line_alone_and_stays_when_the_page_is_read_again() {
        let mut page = Page::parse("");
        page.passed(STAGES[1].name, some());
        let again = Page::parse(&page.text());
        assert_eq!(again.0[1], Some(Passed { machine: "a / b".to_owned(), ..some() }));
        assert_eq!(again.0.iter().flatten().count(), 1);
    }
}
