//! The findings as text for people: a line for each section, and below it what a person should look at.
//!
//! In: sections. Out: lines. Each finding that is not good has the fact, why it matters, and what to run; what is good
//! is a number unless all is asked for. The marks say the same as the colours.

use anstyle::{AnsiColor, Style};

use super::super::count as counted;
use super::finding::{Finding, Section, State, Topic, worst};

/// The lines; with `all`, what is good and what was skipped too.
pub(super) fn lines(sections: &[Section], all: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for section in sections {
        let (mark, style) = mark(section.state());
        lines.push(format!("{style}[{mark}]{style:#} {}{}", section.topic, rest(section, all)));
        // The commands for a client are there to be seen.
        let all = all || section.topic == Topic::Clients;
        let shown = section.findings.iter().filter(|finding| all || finding.state >= State::Warning);
        shown.for_each(|finding| self::finding(&mut lines, finding));
    }
    lines.push(last_line(sections, all));
    lines
}

/// What is not shown of a section: how many checks are good, and why others were skipped, each reason once.
fn rest(section: &Section, all: bool) -> String {
    if all || section.topic == Topic::Clients {
        return String::new();
    }
    let good = section.findings.iter().filter(|finding| finding.state == State::Good).count();
    let mut parts = Vec::from_iter((good > 0).then(|| format!("{good} good")));
    let mut reasons: Vec<&str> = Vec::new();
    for finding in section.findings.iter().filter(|finding| finding.state == State::Skipped) {
        let reason = finding.fact.lines().next().unwrap_or_default();
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    parts.extend((!reasons.is_empty()).then(|| format!("skipped: {}", reasons.join("; "))));
    if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) }
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
    let (mark, style) = mark(*state);
    let mut fact = fact.lines();
    let first = fact.next().unwrap_or_default();
    let title = if *state < State::Warning { format!("{}: ", id.title()) } else { String::new() };
    lines.push(format!("    {id} {style}{mark}{style:#} {title}{first}"));
    lines.extend(fact.map(|line| format!("            {line}")));
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

fn last_line(sections: &[Section], all: bool) -> String {
    let count =
        |state| sections.iter().flat_map(|section| &section.findings).filter(|found| found.state == state).count();
    let (good, skipped) = (format!("{} good", counted(count(State::Good), "check")), count(State::Skipped));
    let skipped = if skipped == 0 { String::new() } else { format!(", {skipped} skipped") };
    let bad = match worst(sections) {
        State::Problem | State::Warning => {
            format!("{}, {}, ", counted(count(State::Problem), "problem"), counted(count(State::Warning), "warning"))
        }
        State::Good | State::Skipped => "all is well: ".to_owned(),
    };
    format!("{bad}{good}{skipped}{}", if all { "" } else { "; --all shows each" })
}
