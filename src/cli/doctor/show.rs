//! The findings as text for people: a line for each section, and below it what was found.
//!
//! In: sections. Out: lines. Good findings are short; the others have the fact, why it matters, and what to run. The
//! marks say the same as the colours.

use anstyle::{AnsiColor, Style};

use super::finding::{Finding, Section, State, worst};

/// The lines.
pub(super) fn lines(sections: &[Section]) -> Vec<String> {
    let mut lines = Vec::new();
    for section in sections {
        let (mark, style) = mark(section.state());
        lines.push(format!("{style}[{mark}]{style:#} {}", section.topic));
        section.findings.iter().for_each(|finding| self::finding(&mut lines, finding));
    }
    lines.push(last_line(sections));
    lines
}

fn mark(state: State) -> (char, Style) {
    let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into())).bold();
    match state {
        State::Good => ('√', colour(AnsiColor::Green)),
        State::Warning => ('!', colour(AnsiColor::Yellow)),
        State::Problem => ('×', colour(AnsiColor::Red)),
        State::Skipped => ('-', Style::new().dimmed()),
    }
}

fn finding(lines: &mut Vec<String>, finding: &Finding) {
    let Finding { id, state, fact, to_do } = finding;
    let (_, style) = mark(*state);
    let mut fact = fact.lines();
    let first = fact.next().unwrap_or_default();
    lines.push(format!("    {id} {style}{state}{style:#} {}: {first}", id.title()));
    lines.extend(fact.map(|line| format!("          {line}")));
    if *state < State::Warning {
        return;
    }
    lines.push(format!("        why: {}", id.why()));
    let mut prefix = "        run: ";
    for line in to_do.iter().flat_map(|to_do| to_do.lines()) {
        lines.push(format!("{prefix}{line}"));
        prefix = "             ";
    }
}

fn last_line(sections: &[Section]) -> String {
    let count =
        |state| sections.iter().flat_map(|section| &section.findings).filter(|found| found.state == state).count();
    let (problems, warnings) = (count(State::Problem), count(State::Warning));
    match worst(sections) {
        State::Problem | State::Warning => {
            format!("{}, {}", super::super::count(problems, "problem"), super::super::count(warnings, "warning"))
        }
        State::Good | State::Skipped => "all is well".to_owned(),
    }
}
