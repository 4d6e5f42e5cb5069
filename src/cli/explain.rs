//! `explain`: why a name has the answer that it has, by the running server.
//!
//! Input: what a person typed. Output: the verdict first, then the chain hop by hop, the record behind it, and what to
//! do; or the same as JSON. Exit code 0: private; 4: public; 1: no address, or no server.

#[cfg(test)]
mod tests;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

use super::control::with_reply;
use super::{FAILED, PUBLIC, fail, print, usage};
use crate::control::protocol::{ControlReply, ControlRequest};
use crate::diag;
use crate::explain::model::{Mention, Question, ServedRecord};
use crate::explain::{Explanation, Subject, Verdict};
use crate::sync::ledger::{Disagreement, HeldChange, LeftOut};
use crate::sync::pass::rfc3339;
use crate::sync::state::changes::addresses;

/// What to ask.
pub(super) struct Options {
    pub(super) name: String,
    pub(super) rtype: String,
    pub(super) client: Option<String>,
    pub(super) json: bool,
}

/// Asks the server, and shows what it says.
pub(super) fn run(file: Result<PathBuf, String>, options: Options) -> ExitCode {
    // Whatever stands behind the host of a URL stays here.
    let name = match Subject::parse(&options.name) {
        Ok(subject) => subject.text,
        Err(error) => return usage(error),
    };
    let (rtype, client) = (options.rtype, options.client);
    if let Err(reason) = crate::explain::check(&name, &rtype, client.as_deref()) {
        return usage(reason);
    }
    with_reply(file, &ControlRequest::Explain { name, rtype, client }, |reply| match reply {
        ControlReply::Explained(explanation) => show(&explanation, options.json),
        other => super::control::unexpected(other),
    })
}

fn show(explanation: &Explanation, json: bool) -> ExitCode {
    if json {
        match serde_json::to_string_pretty(explanation) {
            Ok(text) => print(text),
            Err(error) => return fail(error),
        }
    } else {
        let style = style(explanation.verdict);
        let headline = diag::printable(&explanation.headline);
        let _ = writeln!(anstream::stdout(), "{style}{headline}{style:#}");
        lines(explanation).iter().for_each(print);
    }
    match explanation.verdict {
        Verdict::Private => ExitCode::SUCCESS,
        Verdict::Public => ExitCode::from(PUBLIC),
        Verdict::Failed => ExitCode::from(FAILED),
    }
}

fn style(verdict: Verdict) -> Style {
    let colour = match verdict {
        Verdict::Private => AnsiColor::Green,
        Verdict::Public => AnsiColor::Yellow,
        Verdict::Failed => AnsiColor::Red,
    };
    Style::new().bold().fg_color(Some(colour.into()))
}

/// The lines below the headline.
fn lines(explanation: &Explanation) -> Vec<String> {
    let mut lines = vec![asked(&explanation.asked)];
    let mut section = |head: &str, entries: Vec<String>| {
        if !entries.is_empty() {
            lines.push(head.to_owned());
            lines.extend(entries.into_iter().map(|entry| format!("  {entry}")));
        }
    };
    section("chain", chain(explanation));
    section("record", explanation.record.iter().flat_map(record).collect());
    section("waits for consent", explanation.held.iter().map(held).collect());
    section("waits for thaw", explanation.frozen.iter().map(held).collect());
    section("lists disagree", explanation.conflicts.iter().flat_map(conflict).collect());
    section("left out", explanation.left_out.iter().map(left_out).collect());
    section("lists with errors", explanation.lists.iter().map(ToString::to_string).collect());
    section("found in lists", explanation.mentions.iter().map(mention).collect());
    section("names in service", explanation.names.clone());
    section("also", explanation.remarks.clone());
    section("what to do", explanation.what_to_do.clone());
    lines
}

fn asked(asked: &Question) -> String {
    let name = asked.name.as_deref().unwrap_or(&asked.text);
    let client = asked.client.as_deref().map(|client| format!(", as client {client}")).unwrap_or_default();
    format!("asked for {name} {}{client}", asked.rtype)
}

fn chain(explanation: &Explanation) -> Vec<String> {
    let hop = |hop: &crate::explain::model::Hop| {
        format!("{} {} {}, {} s, from {}", hop.owner, hop.rtype, hop.data, hop.ttl, hop.by)
    };
    let mut lines: Vec<String> = explanation.chain.iter().map(hop).collect();
    if explanation.answer.is_empty() && !explanation.rcode.is_empty() {
        lines.push(format!("ends with {}", explanation.rcode));
    }
    let until = explanation
        .cached_until
        .map(|at| format!("cached until {}, {} s from now", rfc3339(at), at.saturating_sub(explanation.at)));
    lines.extend(until);
    lines
}

fn record(record: &ServedRecord) -> Vec<String> {
    let by = match (&record.source, &record.place) {
        (Some(source), Some(place)) => format!(", by {source} ({place})"),
        _ if !record.managed => format!(", in zone '{}', which a person wrote", record.zone),
        _ => String::new(),
    };
    let endpoint = record.endpoint.as_deref().map(|name| format!(", private endpoint '{name}'")).unwrap_or_default();
    let mut lines = vec![format!("{} is {}{by}{endpoint}", record.name, record.addresses.join(" "))];
    lines.extend(record.last_change.as_ref().map(|change| {
        let by = change.by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
        let consent = if change.approved { format!(", approved{by}") } else { by };
        format!("last change {}: {} -> {}{consent}", change.at, addresses(&change.before), addresses(&change.after))
    }));
    lines
}

fn held(held: &HeldChange) -> String {
    let by = held.source.as_deref().zip(held.place.as_deref());
    let by = by.map(|(source, place)| format!(", by {source} ({place})")).unwrap_or_default();
    let digest = held.digest.as_deref().map(|digest| format!(", digest {digest}")).unwrap_or_default();
    format!("{} {} -> {}{by}{digest}", held.rtype, addresses(&held.before), addresses(&held.after))
}

fn conflict(conflict: &Disagreement) -> Vec<String> {
    let mut lines = vec![format!("{} in service: {}", conflict.rtype, addresses(&conflict.in_service))];
    let claims = conflict.claims.iter();
    lines.extend(claims.map(|claim| format!("{} ({}): {}", claim.source, claim.place, addresses(&claim.addresses))));
    lines
}

fn left_out(left: &LeftOut) -> String {
    let endpoint = left.endpoint.as_deref().map(|name| format!(" of private endpoint '{name}'")).unwrap_or_default();
    format!("{} ({}): the connection{endpoint} is {}", left.source, left.place, left.state)
}

fn mention(mention: &Mention) -> String {
    let what = mention.record.as_deref().unwrap_or("the label");
    let comment = if mention.comment { ", in a comment" } else { "" };
    let refused = if mention.refused.is_some() { ", in a list that is refused" } else { "" };
    format!("{} ({}): {what}{comment}{refused}", mention.source, mention.place())
}
