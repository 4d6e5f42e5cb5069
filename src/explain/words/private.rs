//! The words where a client gets a private address.

use super::super::facts::{Answer, Facts, Zone};
use super::super::model::{Cause, ServedRecord};
use super::{Words, addresses, approve, by, command, pass_now, source_of};
use crate::diag::Diagnostic;
use crate::forward::State;
use crate::sync::ledger::{Disagreement, HeldChange, ListClaim};

pub(super) fn listed(record: &ServedRecord, facts: &Facts) -> Words {
    let why = match source_of(record) {
        Some(source) => format!("{source} lists it"),
        None => format!("zone '{}' has it; which list it is from is not remembered", record.zone),
    };
    let name = facts.name.as_deref().unwrap_or(&record.name);
    let steps = [
        "Nothing: this is right if the address is that of the private endpoint.".to_owned(),
        format!("If a client still gets another address, it asks another server or has an old answer: nslookup {name}"),
    ];
    Words::new(Cause::Listed, why, steps)
}

pub(super) fn change_held(held: &HeldChange, facts: &Facts) -> Words {
    let why = format!("the record stays as it was; {} waits for consent: {}", change(held), held.reasons.join("; "));
    Words::new(Cause::ListedChangeHeld, why, approve(held.digest.as_deref(), facts))
}

/// `the change to 10.1.0.9 by team-a (we.txt:3)`, `its removal`
pub(super) fn change(held: &HeldChange) -> String {
    match (&held.source, &held.place) {
        _ if held.after.is_empty() => "its removal, because no list has it any more,".to_owned(),
        (Some(source), Some(place)) => format!("{} of {}", addresses(&held.after), by(source, place)),
        _ => format!("the change to {}", addresses(&held.after)),
    }
}

pub(super) fn conflict(conflict: &Disagreement, facts: &Facts) -> Words {
    let why = format!("lists disagree, so it stays as it was: {}", claims(&conflict.claims));
    Words::new(Cause::ListedConflict, why, settle(facts))
}

/// `a (x:3) says 10.1.0.5, b (y:4) says 10.1.0.6`
pub(super) fn claims(claims: &[ListClaim]) -> String {
    let said = |claim: &ListClaim| format!("{} says {}", by(&claim.source, &claim.place), addresses(&claim.addresses));
    claims.iter().map(said).collect::<Vec<_>>().join(", ")
}

pub(super) fn settle(facts: &Facts) -> Vec<String> {
    vec![
        "Look in Azure which private endpoint the clients reach, and take the other line out of its list.".to_owned(),
        pass_now(facts),
    ]
}

pub(super) fn last_good(record: &ServedRecord, error: &Diagnostic, facts: &Facts) -> Words {
    let source = record.source.as_deref().unwrap_or_default();
    let why = format!("{source} had it when its list was last good; the list cannot be used now: {error}");
    let steps = [format!("Mend {}; what is in service stays until then.", error.place), pass_now(facts)];
    Words::new(Cause::ListedLastGood, why, steps)
}

pub(super) fn frozen(held: &HeldChange, reason: &str, facts: &Facts) -> Words {
    let why =
        format!("the record stays as it was, because the server is frozen{}; {} waits", given(reason), change(held));
    Words::new(Cause::ListedFrozen, why, thaw(facts))
}

/// The reason of a freeze behind the word.
pub(super) fn given(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(" ({reason})") }
}

pub(super) fn thaw(facts: &Facts) -> Vec<String> {
    vec!["When the reason for the freeze is gone:".to_owned(), command(&["thaw"], facts)]
}

pub(super) fn by_hand(zone: &Zone) -> Words {
    let why = format!("zone file {} says so, which a person wrote", zone.file);
    Words::new(Cause::ByHand, why, [format!("Nothing, if that is right; else edit {}.", zone.file)])
}

pub(super) fn synthesized(record: Option<&ServedRecord>, facts: &Facts) -> Words {
    let listed = record.and_then(source_of).map(|source| format!("; {source} lists it")).unwrap_or_default();
    let down = facts.upstreams.iter().find(|trouble| trouble.state != State::Up);
    let upstream = down.map_or_else(
        || "the upstream failed or denies the name".to_owned(),
        |trouble| format!("upstream {} is {}", trouble.address, trouble.state),
    );
    let why = format!("{upstream}, so this server answers for the public name from its own zone{listed}");
    let steps = ["Clients are served; look after the upstream:".to_owned(), command(&["status"], facts)];
    Words::new(Cause::Synthesized, why, steps)
}

pub(super) fn by_upstream(answer: &Answer) -> Words {
    let why = format!("{} says so; no list of this server has it", answer.end);
    Words::new(Cause::UpstreamPrivate, why, ["Nothing, if the upstream should answer for it; else list the name here."])
}
