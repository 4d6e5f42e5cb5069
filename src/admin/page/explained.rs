//! The page that explains a name: a form, and below it what was found.
//!
//! In: what was asked and an [`Explanation`]. Out: a document of the same kind as the status page, with the same style.

#[cfg(test)]
mod tests;

use askama::Template;

use super::mark::{Mark, Tone};
use super::{STYLE, icon, visible};
use crate::diag::printable;
use crate::explain::show::{asked, sections};
use crate::explain::{Explanation, Verdict};

/// Characters of a field that are shown again.
const MAX_FIELD: usize = 300;

/// What the form sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::admin) struct Words {
    pub(in crate::admin) name: String,
    pub(in crate::admin) rtype: String,
    pub(in crate::admin) client: String,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(in crate::admin) enum Outcome {
    /// Nothing was asked.
    Nothing,
    /// What was asked makes no sense.
    Bad(String),
    /// It could not be found out.
    Failed(String),
    /// It was.
    Explained(Box<Explanation>),
}

/// The page.
#[derive(Template)]
#[template(path = "explain.html")]
struct Page {
    style: &'static str,
    icon: String,
    title: String,
    verdict: Mark,
    headline: String,
    asked: String,
    name: String,
    rtype: String,
    client: String,
    /// Shows the same on the host.
    command: String,
    steps: Vec<Step>,
    parts: Vec<Part>,
}

/// Something to do.
struct Step {
    is_command: bool,
    text: String,
}

/// Lines below a head.
struct Part {
    /// Of the section, unique on the page.
    id: String,
    head: String,
    lines: Vec<String>,
}

/// The page of what was asked; `command` shows the same on the host.
pub(in crate::admin) fn render(words: &Words, outcome: &Outcome, command: &str) -> String {
    // Writing to a String cannot fail.
    visible(&Page::of(words, outcome, command).render().unwrap_or_default())
}

impl Page {
    fn of(words: &Words, outcome: &Outcome, command: &str) -> Self {
        let (tone, word) = match outcome {
            Outcome::Nothing => (Tone::Good, "Explain"),
            Outcome::Bad(_) => (Tone::Warning, "Not understood"),
            Outcome::Failed(_) => (Tone::Error, "Not explained"),
            Outcome::Explained(found) => match found.verdict {
                Verdict::Private => (Tone::Good, "Private"),
                Verdict::Public => (Tone::Warning, "Public"),
                Verdict::Failed => (Tone::Error, "Failed"),
            },
        };
        let headline = match outcome {
            Outcome::Nothing => "why a name has the address that it has".to_owned(),
            Outcome::Bad(reason) | Outcome::Failed(reason) => shown(reason),
            Outcome::Explained(found) => {
                shown(found.headline.strip_prefix(&format!("{} ", found.verdict)).unwrap_or(&found.headline))
            }
        };
        let found = if let Outcome::Explained(found) = outcome { Some(found) } else { None };
        // What stood behind the host of a URL, or in a field that makes no sense, may be a secret: it is not shown
        // again.
        let name = found.map_or_else(String::new, |found| found.asked.text.clone());
        Self {
            style: STYLE,
            icon: icon(tone),
            title: if name.is_empty() { "Explain a name".to_owned() } else { format!("{word}: {}", field(&name)) },
            verdict: Mark::new(tone, word),
            headline,
            asked: found.map_or_else(String::new, |found| shown(&asked(&found.asked))),
            name: field(&name),
            rtype: if found.is_some() { field(&words.rtype) } else { String::new() },
            client: if found.is_some() { field(&words.client) } else { String::new() },
            command: shown(command),
            steps: found.iter().flat_map(|found| &found.what_to_do).map(|step| Step::of(step)).collect(),
            parts: found.map(|found| parts(found)).unwrap_or_default(),
        }
    }
}

impl Step {
    fn of(text: &str) -> Self {
        Self { is_command: text.starts_with("privatelink-dns "), text: shown(text) }
    }
}

fn parts(found: &Explanation) -> Vec<Part> {
    let part = |section: crate::explain::show::Section| Part {
        id: section.head.replace(' ', "-"),
        head: section.head.to_owned(),
        lines: section.lines.iter().map(|line| shown(line)).collect(),
    };
    sections(found).into_iter().map(part).collect()
}

fn shown(text: &str) -> String {
    printable(text).into_owned()
}

/// The text of a field, as far as it is a field's.
fn field(text: &str) -> String {
    shown(&text.chars().take(MAX_FIELD).collect::<String>())
}
