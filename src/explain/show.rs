//! An explanation as sections of lines, for the command line and the page.

#[cfg(test)]
mod tests;

use super::model::{Explanation, Hop, Mention, Question, ServedRecord};
use crate::sync::ledger::{Disagreement, HeldChange, LeftOut};
use crate::sync::pass::rfc3339;
use crate::sync::state::changes::addresses;

/// Lines below a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// What they are about.
    pub head: &'static str,
    /// At least one.
    pub lines: Vec<String>,
}

/// What stands below the headline, but for what to do; sections without a line are left out.
pub fn sections(explanation: &Explanation) -> Vec<Section> {
    let all = [
        ("chain", chain(explanation)),
        ("record", explanation.record.iter().flat_map(record).collect()),
        ("waits for consent", explanation.held.iter().map(held).collect()),
        ("waits for thaw", explanation.frozen.iter().map(held).collect()),
        ("lists disagree", explanation.conflicts.iter().flat_map(conflict).collect()),
        ("left out", explanation.left_out.iter().map(left_out).collect()),
        ("lists with errors", explanation.lists.iter().map(ToString::to_string).collect()),
        ("found in lists", explanation.mentions.iter().map(mention).collect()),
        ("names in service", explanation.names.clone()),
        ("also", explanation.remarks.clone()),
    ];
    all.into_iter().filter(|(_, lines)| !lines.is_empty()).map(|(head, lines)| Section { head, lines }).collect()
}

/// `asked for acct.blob.core.windows.net A, as client 10.2.0.9`
pub fn asked(asked: &Question) -> String {
    let name = asked.name.as_deref().unwrap_or(&asked.text);
    let client = asked.client.as_deref().map(|client| format!(", as client {client}")).unwrap_or_default();
    let view = asked.view.as_deref().map(|view| format!("; this client is in view {view}")).unwrap_or_default();
    format!("asked for {name} {}{client}{view}", asked.rtype)
}

fn chain(explanation: &Explanation) -> Vec<String> {
    let hop = |hop: &Hop| format!("{} {} {}, {} s, from {}", hop.owner, hop.rtype, hop.data, hop.ttl, hop.by);
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
        let consent = change.consent().map(|consent| format!(", {consent}")).unwrap_or_default();
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
