//! What else is worth knowing beside the cause.

use super::super::cause::Finding;
use super::super::facts::{Facts, Kind, Rcode};
use super::super::model::Teller;
use crate::azure::names::Service;

/// Networks that are named.
const NETWORKS: usize = 3;

/// The remarks.
pub(in super::super) fn remarks(facts: &Facts, finding: &Finding<'_>) -> Vec<String> {
    let mut remarks: Vec<String> = facts.note.map(str::to_owned).into_iter().collect();
    if facts.kind == Kind::Label && facts.names.len() > 1 {
        remarks.push(format!("the label is in service as: {}", facts.names.join(", ")));
    }
    remarks.extend(no_hop(facts, finding));
    remarks.extend(no_account(facts, finding));
    if !facts.nearest.is_empty() && facts.record.is_none() {
        remarks.push(format!("spelt almost alike, and in service: {}", facts.nearest.join(", ")));
    }
    for degraded in facts.zone.iter().filter(|zone| zone.has_copy).flat_map(|zone| &zone.degraded).take(1) {
        remarks.push(format!("the zone is served from its last good contents: {degraded}"));
    }
    if facts.client.is_none() && !facts.refused.is_empty() {
        let networks = facts.refused.iter().take(NETWORKS).cloned().collect::<Vec<_>>().join(", ");
        remarks.push(format!("lately refused when they asked for it: {networks} (see [access] and [limits])"));
    }
    if let Some(reason) = &facts.frozen {
        let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        remarks.push(format!("the server is frozen and writes nothing until 'thaw'{reason}"));
    }
    let unsearched = facts.not_searched.iter().map(|away| format!("source '{}': {}", away.source, away.reason));
    remarks.extend(unsearched);
    if facts.is_ledger_cut {
        remarks.push("more changes are held, or names left out, than are remembered here: see plan".to_owned());
    }
    remarks
}

/// An account that does not exist is in no list either.
fn no_account(facts: &Facts, finding: &Finding<'_>) -> Option<String> {
    let Finding::Unlisted(place) = finding else { return None };
    let answer = facts.answer.as_ref().filter(|answer| answer.rcode == Rcode::NxDomain)?;
    let is_foreign = matches!(answer.end, Teller::Upstream { .. } | Teller::Cache);
    (place.service != Service::Backup && is_foreign)
        .then(|| "public DNS says that there is no such account: is the name spelt right?".to_owned())
}

/// An account without a private endpoint is in no list because there is nothing to list.
fn no_hop(facts: &Facts, finding: &Finding<'_>) -> Option<String> {
    let is_unlisted = matches!(finding, Finding::Unlisted(_) | Finding::OtherService(..));
    let place = facts.place.as_ref().filter(|place| is_unlisted && place.is_public_spelling)?;
    let answer = facts.answer.as_ref().filter(|answer| !answer.data.is_empty())?;
    let is_asked = answer.chain.iter().any(|hop| matches!(hop.by, Teller::Upstream { .. } | Teller::Cache));
    let leads = answer.chain.iter().any(|hop| hop.data == place.record);
    (is_asked && !leads).then(|| {
        "public DNS does not lead it through 'privatelink': the account has no private endpoint with an approved connection"
            .to_owned()
    })
}
