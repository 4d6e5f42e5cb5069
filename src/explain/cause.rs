//! The cause of an answer: a pure decision.
//!
//! In: [`Facts`]. Out: an [`Explanation`]. Each cause is a [`Finding`] with what it was found by; its words are in
//! `words`. What a list leaves undone comes before what nobody has asked for: the causes that a person can cure first.

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use super::facts::{Answer, Facts, GeoProblem, Kind, Place, Rcode, Zone};
use super::model::{Explanation, FORM_VERSION, Hop, Mention, Question, ServedRecord, Teller, Trouble, Verdict};
use super::services;
use super::words::Words;
use crate::azure::NotHosted;
use crate::azure::names::Service;
use crate::diag::Diagnostic;
use crate::forward::State;
use crate::sync::ledger::{Disagreement, HeldChange, LeftOut};

/// A cause with what it was found by.
#[derive(Clone, Copy, Debug)]
pub(super) enum Finding<'f> {
    Listed(&'f ServedRecord),
    ListedChangeHeld(&'f HeldChange),
    ListedConflict(&'f Disagreement),
    ListedLastGood(&'f ServedRecord, &'f Diagnostic),
    ListedFrozen(&'f HeldChange, &'f str),
    ByHand(&'f Zone),
    Synthesized(Option<&'f ServedRecord>),
    UpstreamPrivate(&'f Answer),
    Unlisted(&'f Place),
    OtherService(&'f Place, &'f Mention),
    InComment(&'f Mention),
    Held(&'f HeldChange),
    Conflict(&'f Disagreement),
    ListRefused(&'f Mention, &'f Diagnostic),
    ListUnreadable(&'f Place, &'f Diagnostic),
    NotApproved(&'f LeftOut),
    NotWritten(&'f Mention, &'f Diagnostic),
    Frozen(&'f HeldChange, &'f str),
    NotRead(&'f Mention),
    NoPrivatelinkHop(&'f ServedRecord),
    PrivatelinkNotHosted(&'f str),
    OtherCloud(&'f Place),
    ServiceNotHosted(&'static str),
    NoEndpointName,
    BackupPublicName(&'f ServedRecord),
    GeoNotHosted(&'f Place),
    RegionName(&'f Place, &'static str),
    BadName(&'f NotHosted),
    NoGoodCopy(&'f Zone),
    NoListRead,
    UpstreamDown(&'f Trouble),
    UpstreamLoop,
    UpstreamFailed(&'f Answer),
    NoSuchName(&'f Answer),
    NotInZone(&'f Zone),
    NoData(&'f Answer),
    NotAllowed(IpAddr),
    AddressListed,
    AddressUnlisted,
    LabelUnknown,
    Other(Option<&'f Answer>),
}

/// Explains.
pub(super) fn explain(facts: &Facts) -> Explanation {
    let verdict = verdict(facts);
    let finding = find(facts, verdict);
    let Words { cause, why, what_to_do } = finding.words(facts);
    let answer = facts.answer.clone().unwrap_or_default();
    let shown = if facts.client.as_ref().is_some_and(|client| !client.is_permitted) {
        "REFUSED".to_owned()
    } else if facts.kind == Kind::Address {
        facts.text.clone()
    } else if answer.data.is_empty() {
        answer.rcode_text.clone()
    } else {
        answer.data.join(" ")
    };
    let shown = if shown.is_empty() { facts.text.clone() } else { shown };
    Explanation {
        form_version: FORM_VERSION,
        at: facts.now,
        asked: Question {
            text: facts.text.clone(),
            name: facts.name.clone(),
            rtype: facts.rtype.clone(),
            client: facts.client.as_ref().map(|client| client.address.to_string()),
            view: facts.view.clone(),
        },
        verdict,
        cause,
        headline: format!("{verdict} {shown}: {why}"),
        what_to_do,
        remarks: super::words::remarks(facts, &finding),
        rcode: answer.rcode_text.clone(),
        cached_until: cached_until(&answer, facts.now),
        answer: answer.data,
        chain: answer.chain,
        record: facts.record.clone(),
        held: facts.entry.held.clone(),
        frozen: facts.entry.frozen.clone(),
        conflicts: facts.entry.conflicts.clone(),
        left_out: facts.entry.left_out.clone(),
        lists: facts.lists.clone(),
        mentions: facts.mentions.clone(),
        not_searched: facts.not_searched.clone(),
        nearest: facts.nearest.clone(),
        names: facts.names.clone(),
        upstreams: facts.upstreams.clone(),
    }
}

fn verdict(facts: &Facts) -> Verdict {
    if facts.client.as_ref().is_some_and(|client| !client.is_permitted) {
        return Verdict::Failed;
    }
    let Some(answer) = &facts.answer else {
        let is_found = facts.kind == Kind::Address && !facts.names.is_empty();
        return if is_found { Verdict::Private } else { Verdict::Failed };
    };
    match answer.data.is_empty() {
        true => Verdict::Failed,
        false if is_private(answer) => Verdict::Private,
        false => Verdict::Public,
    }
}

/// What a hosted zone says is private, unless every address of it is a public one.
fn is_private(answer: &Answer) -> bool {
    let is_ours = matches!(answer.end, Teller::Zone { .. });
    let all = |is: fn(&IpAddr) -> bool| !answer.addresses.is_empty() && answer.addresses.iter().all(is);
    if is_ours { !all(is_global) } else { all(|address| !is_global(address)) }
}

/// Not one of the addresses that only a network of one's own has (RFC 1918, 4193, 6598, 3927, 1122).
fn is_global(address: &IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || is_shared)
        }
        IpAddr::V6(v6) => !(v6.is_unique_local() || v6.is_loopback() || v6.is_unicast_link_local()),
    }
}

/// The end of what the cache keeps of an answer, seconds since 1970.
fn cached_until(answer: &Answer, now: u64) -> Option<u64> {
    let is_kept = |by: &Teller| matches!(by, Teller::Cache | Teller::Upstream { .. });
    let ttls = answer.chain.iter().filter(|hop| is_kept(&hop.by)).map(|hop| hop.ttl);
    let negative = answer.negative_ttl.filter(|_| is_kept(&answer.end));
    ttls.chain(negative).min().map(|ttl| now + u64::from(ttl))
}

fn find(facts: &Facts, verdict: Verdict) -> Finding<'_> {
    if let Some(client) = facts.client.as_ref().filter(|client| !client.is_permitted) {
        return Finding::NotAllowed(client.address);
    }
    match (facts.kind, &facts.answer) {
        (Kind::Address, _) if facts.names.is_empty() => Finding::AddressUnlisted,
        (Kind::Address, _) => Finding::AddressListed,
        (Kind::Label, None) => Finding::LabelUnknown,
        (_, None) => Finding::Other(None),
        (_, Some(answer)) => match verdict {
            Verdict::Private => private(facts, answer),
            Verdict::Public => public(facts, answer),
            Verdict::Failed => failed(facts, answer),
        },
    }
}

fn private<'f>(facts: &'f Facts, answer: &'f Answer) -> Finding<'f> {
    if answer.is_synthesized {
        return Finding::Synthesized(facts.record.as_ref());
    }
    match (&answer.end, &facts.zone, &facts.record) {
        (Teller::Zone { .. }, Some(zone), _) if !zone.is_managed => Finding::ByHand(zone),
        (Teller::Zone { .. }, _, Some(record)) => served(facts, record),
        (Teller::Zone { .. }, Some(zone), None) => Finding::ByHand(zone),
        (Teller::Zone { .. }, None, None) => Finding::Other(Some(answer)),
        _ => missing(facts).unwrap_or(Finding::UpstreamPrivate(answer)),
    }
}

/// A record in service: whether the lists say the same now.
fn served<'f>(facts: &'f Facts, record: &'f ServedRecord) -> Finding<'f> {
    let of_type = |rtype: &str| rtype == facts.rtype || !matches!(facts.rtype.as_str(), "A" | "AAAA");
    if let Some(held) = facts.entry.held.iter().find(|held| of_type(&held.rtype)) {
        return Finding::ListedChangeHeld(held);
    }
    if let Some(change) = facts.entry.frozen.iter().find(|change| of_type(&change.rtype)) {
        return Finding::ListedFrozen(change, facts.frozen.as_deref().unwrap_or_default());
    }
    if let Some(conflict) = facts.entry.conflicts.iter().find(|conflict| of_type(&conflict.rtype)) {
        return Finding::ListedConflict(conflict);
    }
    let is_of_record = |error: &&Diagnostic| record.source.is_some() && error.source == record.source;
    match facts.lists.iter().find(is_of_record) {
        Some(error) => Finding::ListedLastGood(record, error),
        None => Finding::Listed(record),
    }
}

/// Why a record that a list might have is not in service; `None` if no list has it, and none that might have it is
/// away.
fn missing(facts: &Facts) -> Option<Finding<'_>> {
    let entry = &facts.entry;
    if facts.record.is_none() {
        // An end that is held is nothing to wait for once the record is gone.
        if let Some(held) = entry.held.iter().find(|held| !held.after.is_empty()) {
            return Some(Finding::Held(held));
        }
        if let Some(conflict) = entry.conflicts.first() {
            return Some(Finding::Conflict(conflict));
        }
        if let Some(change) = entry.frozen.first() {
            return Some(Finding::Frozen(change, facts.frozen.as_deref().unwrap_or_default()));
        }
        if let Some(left) = entry.left_out.first() {
            return Some(Finding::NotApproved(left));
        }
        return mentioned(facts);
    }
    None
}

fn mentioned(facts: &Facts) -> Option<Finding<'_>> {
    let place = facts.place.as_ref()?;
    let is_exact = |mention: &&Mention| mention.record.as_deref() == Some(place.record.as_str());
    let mut exact = facts.mentions.iter().filter(is_exact);
    // A line that counts comes before a comment.
    let found = exact.clone().find(|mention| !mention.comment).or_else(|| exact.next());
    if let Some(mention) = found {
        let is_of_zone = |error: &&Diagnostic| error.to_string().contains(&place.zone) || is_of_folder(error);
        let unwritten = facts.unwritten.iter().find(is_of_zone);
        return Some(match (&mention.refused, unwritten) {
            _ if mention.comment => Finding::InComment(mention),
            (Some(error), _) => Finding::ListRefused(mention, error),
            (None, Some(error)) => Finding::NotWritten(mention, error),
            (None, None) => geo(facts).unwrap_or(Finding::NotRead(mention)),
        });
    }
    let is_hidden = |error: &&Diagnostic| {
        let is_away = |away: &super::model::NotSearched| Some(&away.source) == error.source.as_ref();
        facts.not_searched.iter().any(is_away) || error.place.line_number().is_none()
    };
    if let Some(error) = facts.lists.iter().find(is_hidden).filter(|_| is_hosted(facts, place)) {
        return Some(Finding::ListUnreadable(place, error));
    }
    let mut others = facts.mentions.iter().filter(|mention| mention.service.is_some());
    let other = others.clone().find(|mention| !mention.comment).or_else(|| others.next());
    other.filter(|_| is_hosted(facts, place)).map(|mention| Finding::OtherService(place, mention))
}

/// An error about the folder and not one zone.
fn is_of_folder(error: &Diagnostic) -> bool {
    matches!(error.id, crate::diag::Id::ZONE_DIR_BUSY | crate::diag::Id::ZONE_DIR_UNREADABLE)
}

fn is_hosted(facts: &Facts, place: &Place) -> bool {
    facts.zone.as_ref().is_some_and(|zone| zone.name == place.zone)
}

/// What is wrong with the cloud or the geo code of a name whose zone is not hosted.
fn geo(facts: &Facts) -> Option<Finding<'_>> {
    let place = facts.place.as_ref().filter(|place| !is_hosted(facts, place))?;
    if let Some(GeoProblem::Region(code)) = place.geo_problem {
        return Some(Finding::RegionName(place, code));
    }
    if place.ours.is_some_and(|ours| ours != place.cloud) {
        return Some(Finding::OtherCloud(place));
    }
    (place.service == Service::Backup).then_some(Finding::GeoNotHosted(place))
}

fn public<'f>(facts: &'f Facts, answer: &'f Answer) -> Finding<'f> {
    if let (Teller::Zone { .. }, Some(zone)) = (&answer.end, &facts.zone) {
        return Finding::ByHand(zone);
    }
    if let Some(record) = &facts.record {
        return Finding::NoPrivatelinkHop(record);
    }
    if let Some(found) = missing(facts).or_else(|| geo(facts)) {
        return found;
    }
    if let Some(place) = facts.place.as_ref().filter(|place| is_hosted(facts, place)) {
        return Finding::Unlisted(place);
    }
    if let Some(target) = answer.chain.iter().find_map(privatelink_target) {
        return Finding::PrivatelinkNotHosted(target);
    }
    let mut names = facts.name.iter().map(String::as_str).chain(answer.chain.iter().map(|hop| hop.data.as_str()));
    names.find_map(services::of).map_or(Finding::NoEndpointName, Finding::ServiceNotHosted)
}

/// The target of a CNAME that lies in a privatelink zone.
fn privatelink_target(hop: &Hop) -> Option<&str> {
    let is_alias = hop.rtype == "CNAME" && !matches!(hop.by, Teller::Zone { .. });
    (is_alias && hop.data.split('.').any(|label| label == "privatelink")).then_some(hop.data.as_str())
}

fn failed<'f>(facts: &'f Facts, answer: &'f Answer) -> Finding<'f> {
    match answer.rcode {
        Rcode::NoError => Finding::NoData(answer),
        Rcode::NxDomain => no_such_name(facts, answer),
        Rcode::ServFail => no_answer(facts, answer),
        Rcode::Other => Finding::Other(Some(answer)),
    }
}

fn no_such_name<'f>(facts: &'f Facts, answer: &'f Answer) -> Finding<'f> {
    if let Some(record) = facts.record.as_ref().filter(|record| !is_asked(facts, record)) {
        let is_backup = facts.place.as_ref().is_some_and(|place| place.service == Service::Backup);
        return if is_backup { Finding::BackupPublicName(record) } else { Finding::NoPrivatelinkHop(record) };
    }
    if let Some(found) = missing(facts).or_else(|| geo(facts)) {
        return found;
    }
    if let Some(misspelt) = &facts.misspelt {
        return Finding::BadName(misspelt);
    }
    match (&facts.place, &facts.zone) {
        (Some(place), Some(zone)) if zone.is_managed && is_hosted(facts, place) => Finding::Unlisted(place),
        (_, Some(zone)) if matches!(answer.end, Teller::Zone { .. }) => Finding::NotInZone(zone),
        _ => Finding::NoSuchName(answer),
    }
}

fn is_asked(facts: &Facts, record: &ServedRecord) -> bool {
    facts.name.as_ref() == Some(&record.name)
}

fn no_answer<'f>(facts: &'f Facts, answer: &'f Answer) -> Finding<'f> {
    match &facts.zone {
        Some(zone) if zone.is_unread => return Finding::NoListRead,
        Some(zone) if !zone.has_copy => return Finding::NoGoodCopy(zone),
        _ => {}
    }
    if !answer.has_failed {
        return Finding::UpstreamFailed(answer);
    }
    if answer.is_loop || facts.upstreams.iter().any(|trouble| trouble.state == State::Looping) {
        return Finding::UpstreamLoop;
    }
    let down = facts.upstreams.iter().find(|trouble| trouble.state == State::Down).or_else(|| facts.upstreams.first());
    down.map_or(Finding::UpstreamFailed(answer), Finding::UpstreamDown)
}
