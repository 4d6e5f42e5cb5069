//! `/explain` and `/explain.json`: why a name has the answer that it has.
//!
//! In: what a form sends. Out: the page with its form, or JSON. Nothing is changed; a question that takes long ends as
//! 503 before the connection is cut off.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::time::Duration;

use super::answer::{Answer, Asked, NOTHING};
use super::guard::Listener;
use super::page;
use super::page::explained::{Outcome, Words};
use crate::explain::{Explainer, Explanation};

/// The time that an answer may take here: connections are cut off after ten seconds.
const TIME: Duration = Duration::from_secs(8);

/// Answers a request for one of the two paths; `None` for every other.
pub(super) async fn answer(asked: &Asked<'_>, explainer: &Explainer) -> Option<Answer> {
    let is_json = match (asked.path, asked.listener) {
        ("/explain", Listener::Admin) => false,
        ("/explain.json", Listener::Admin) => true,
        _ => return None,
    };
    let words = words(asked.query);
    let outcome = outcome(&words, explainer).await;
    Some(if is_json { json(&outcome) } else { html(&words, &outcome, &explainer.command()) })
}

/// What the form sends; of two fields of one name the first counts.
fn words(query: Option<&str>) -> Words {
    let field = |wanted: &str| {
        let fields = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let found = fields.filter(|(key, _)| key == wanted).map(|(_, value)| value).next();
        found.map_or_else(String::new, |value: Cow<'_, str>| value.trim().to_owned())
    };
    Words { name: field("name"), rtype: field("type"), client: field("client") }
}

async fn outcome(words: &Words, explainer: &Explainer) -> Outcome {
    if words.name.is_empty() {
        return Outcome::Nothing;
    }
    let client = Some(words.client.as_str()).filter(|client| !client.is_empty());
    let asked = match Explainer::asked(&words.name, &words.rtype, client) {
        Ok(asked) => asked,
        Err(reason) => return Outcome::Bad(reason),
    };
    match tokio::time::timeout(TIME, explainer.explain(&asked)).await {
        Ok(Ok(explanation)) => Outcome::Explained(Box::new(explanation)),
        Ok(Err(reason)) => Outcome::Failed(reason.to_string()),
        Err(_) => {
            Outcome::Failed(format!("no answer within {} s; on the host: {}", TIME.as_secs(), explainer.command()))
        }
    }
}

fn code(outcome: &Outcome) -> u16 {
    match outcome {
        Outcome::Nothing | Outcome::Explained(_) => 200,
        Outcome::Bad(_) => 400,
        Outcome::Failed(_) => 503,
    }
}

fn html(words: &Words, outcome: &Outcome, command: &str) -> Answer {
    let page = page::explained::render(words, outcome, command);
    Answer::of(code(outcome), "text/html; charset=utf-8", page::csp(), page)
}

fn json(outcome: &Outcome) -> Answer {
    match outcome {
        Outcome::Nothing => Answer::text(400, "name=NAME is missing; type and client may follow\n"),
        Outcome::Bad(reason) | Outcome::Failed(reason) => Answer::text(code(outcome), format!("{reason}\n")),
        Outcome::Explained(explanation) => as_json(explanation),
    }
}

fn as_json(explanation: &Explanation) -> Answer {
    match serde_json::to_string_pretty(explanation) {
        Ok(text) => Answer::of(200, "application/json", NOTHING, text + "\n"),
        Err(error) => Answer::text(500, format!("internal error: this cannot be written as JSON: {error}\n")),
    }
}
