//! The words where a record is not in service: no list has it, or something keeps it out.

use super::super::facts::{Facts, Place};
use super::super::model::{Cause, Mention};
use super::private::{change, claims, given, settle, thaw};
use super::{Words, approve, by, command, pass_now};
use crate::azure::names::Service;
use crate::diag::Diagnostic;
use crate::sync::ledger::{Disagreement, HeldChange, LeftOut};

pub(super) fn unlisted(place: &Place, facts: &Facts) -> Words {
    let why = format!("no list has {}", what(place));
    let mut steps = vec![own(place)];
    if place.service != Service::Backup {
        steps.push("If the account is not yours, or has no private endpoint, its public address is right.".to_owned());
    }
    steps.push(pass_now(facts));
    Words::new(Cause::Unlisted, why, steps)
}

/// `'a1' for blob`
fn what(place: &Place) -> String {
    match place.service {
        Service::Backup => format!("'{}' for backup in geo '{}'", place.owner, place.geo),
        storage => format!("'{}' for {storage}", place.owner),
    }
}

fn own(place: &Place) -> String {
    match place.service {
        Service::Backup => format!(
            "If the vault is yours, put the names and addresses of its private endpoint (portal: DNS configuration) into a \
             list; the missing one is {}.",
            place.record
        ),
        _ => format!(
            "If the account is yours, put {} with the address of its private endpoint (portal: DNS configuration) into a list.",
            place.record
        ),
    }
}

pub(super) fn other_service(place: &Place, mention: &Mention, facts: &Facts) -> Words {
    let service = mention.service.as_deref().unwrap_or_default();
    let comment = if mention.comment { ", in a comment" } else { "" };
    let other = if service == place.service.to_string() {
        mention.record.as_deref().map_or_else(String::new, |record| format!("as {record}"))
    } else {
        format!("for {service}")
    };
    let why = format!("no list has {}; {} has it {other}{comment}", what(place), by(&mention.source, &mention.place()));
    Words::new(Cause::OtherService, why, [own(place), pass_now(facts)])
}

pub(super) fn in_comment(mention: &Mention) -> Words {
    let why = format!("{} has it, but in a comment", by(&mention.source, &mention.place()));
    let step =
        format!("If it should be served, give the name and its address a line of their own in {}.", mention.place());
    Words::new(Cause::InComment, why, [step])
}

pub(super) fn held(held: &HeldChange, facts: &Facts) -> Words {
    let why = format!("{} waits for consent: {}", change(held), held.reasons.join("; "));
    Words::new(Cause::Held, why, approve(held.digest.as_deref(), facts))
}

pub(super) fn conflict(conflict: &Disagreement, facts: &Facts) -> Words {
    let why = format!("lists disagree, and nothing was in service before: {}", claims(&conflict.claims));
    Words::new(Cause::Conflict, why, settle(facts))
}

pub(super) fn list_refused(mention: &Mention, error: &Diagnostic, facts: &Facts) -> Words {
    let why = format!("{} has it, but the list is refused: {error}", by(&mention.source, &mention.place()));
    let steps = [
        format!("Mend {}; until then nothing new of this list is taken.", error.place),
        command(&["check"], facts),
        pass_now(facts),
    ];
    Words::new(Cause::ListRefused, why, steps)
}

pub(super) fn list_unreadable(place: &Place, error: &Diagnostic, facts: &Facts) -> Words {
    let source = error.source.as_deref().map(|name| format!("source '{name}'"));
    let source = source.unwrap_or_else(|| "a source".to_owned());
    let why = format!("no list that can be read has {}; {source} cannot be read: {error}", what(place));
    Words::new(Cause::ListUnreadable, why, [format!("Mend {source}: {}.", error.place), pass_now(facts)])
}

pub(super) fn not_approved(left: &LeftOut) -> Words {
    let endpoint = left.endpoint.as_deref().map(|name| format!(" '{name}'")).unwrap_or_default();
    let why = format!(
        "{} has it, but the connection of private endpoint{endpoint} is {}, so nothing goes over it",
        by(&left.source, &left.place),
        left.state
    );
    let steps = [
        "Approve the connection in Azure (the resource's Networking: Private endpoint connections).",
        "Then export the list again; a live source sees it by itself.",
    ];
    Words::new(Cause::NotApproved, why, steps)
}

pub(super) fn not_written(mention: &Mention, error: &Diagnostic, facts: &Facts) -> Words {
    let why = format!("{} has it, but its zone cannot be written: {error}", by(&mention.source, &mention.place()));
    let steps = ["Give the disk of zone_dir room, or mend what the error names.".to_owned(), pass_now(facts)];
    Words::new(Cause::NotWritten, why, steps)
}

pub(super) fn frozen(waits: &HeldChange, reason: &str, facts: &Facts) -> Words {
    let why = format!("{} waits, because the server is frozen{}", change(waits), given(reason));
    Words::new(Cause::Frozen, why, thaw(facts))
}

pub(super) fn not_read(mention: &Mention, facts: &Facts) -> Words {
    let pass = facts.pass_at.as_deref().map_or_else(
        || "no pass has ended yet".to_owned(),
        |at| format!("the last pass, at {at}, did not make a record of it"),
    );
    let why = format!("{} has it, but {pass}", by(&mention.source, &mention.place()));
    let steps = [pass_now(facts), "If it stays so, see what the list is told:".to_owned(), command(&["check"], facts)];
    Words::new(Cause::NotRead, why, steps)
}
