//! Decides, RRset by RRset, between several entries for one name.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Claim, Conflict, DesiredZone};
use crate::diag::{Diagnostic, Diagnostics, Id};
use crate::dns::Name;
use crate::sync::records::{Origin, Places, SortKeys, rtype_of, sort_by};
use crate::zone::ZoneId;

/// An entry with its owner in the zone's text of names.
#[derive(Clone, Copy)]
pub(super) struct EntryDraft {
    pub(super) start: usize,
    pub(super) len: u16,
    pub(super) address: IpAddr,
    pub(super) origin: Origin,
    pub(super) round: u32,
    pub(super) statement: u32,
}

/// The records and conflicts of a zone.
pub(super) fn resolve(
    id: &ZoneId,
    names: &str,
    drafts: Vec<EntryDraft>,
    places: &Places,
    warnings: &mut Diagnostics,
) -> DesiredZone {
    let owner = |draft: &EntryDraft| &names[draft.start..draft.start + usize::from(draft.len)];
    let age = |draft: &EntryDraft| (draft.origin.listing, draft.round, draft.statement);
    let rrset = |a: &EntryDraft, b: &EntryDraft| -> Ordering {
        owner(a).cmp(owner(b)).then_with(|| a.address.is_ipv6().cmp(&b.address.is_ipv6()))
    };
    let order = |a: &EntryDraft, b: &EntryDraft| {
        rrset(a, b).then_with(|| age(a).cmp(&age(b))).then_with(|| a.address.cmp(&b.address))
    };
    let drafts = sorted(drafts, owner, order);
    let mut zone = DesiredZone::default();
    zone.records.expect(drafts.len(), names.len());
    for group in drafts.chunk_by(|a, b| rrset(a, b).is_eq()) {
        let owner = owner(&group[0]);
        match group {
            [only] => zone.records.push(owner, only.address, Some(only.origin)),
            several => several_entries(&id.apex, owner, several, places, &mut zone, warnings),
        }
    }
    // RRset by RRset in order, addresses in order: there is nothing left to sort.
    zone
}

/// Sorts numbers with keys instead of the drafts themselves, which are large and whose names lie far apart.
fn sorted<'n>(
    drafts: Vec<EntryDraft>,
    owner: impl Fn(&EntryDraft) -> &'n str,
    order: impl Fn(&EntryDraft, &EntryDraft) -> Ordering + Sync,
) -> Vec<EntryDraft> {
    if drafts.is_sorted_by(|a, b| order(a, b).is_le()) {
        return drafts;
    }
    let step = drafts.len() / 64 + 1;
    let learned = SortKeys::learn(drafts.iter().step_by(step).map(&owner));
    let mut keys: Vec<(u64, usize)> =
        drafts.iter().enumerate().map(|(index, draft)| (learned.of(owner(draft)), index)).collect();
    sort_by(&mut keys, |a, b| a.0.cmp(&b.0).then_with(|| order(&drafts[a.1], &drafts[b.1])));
    keys.into_iter().map(|(_, index)| drafts[index]).collect()
}

fn several_entries(
    apex: &Name,
    owner: &str,
    group: &[EntryDraft],
    places: &Places,
    zone: &mut DesiredZone,
    warnings: &mut Diagnostics,
) {
    let mut claims = Vec::new();
    for of_listing in group.chunk_by(|a, b| a.origin.listing == b.origin.listing) {
        // Two endpoints are two networks, and no line of the one is newer than a line of the other.
        for of_endpoint in by_endpoint(of_listing, places) {
            let rounds: Vec<&[EntryDraft]> = of_endpoint.chunk_by(|a, b| a.round == b.round).collect();
            let Some((latest, earlier)) = rounds.split_last() else {
                continue;
            };
            let first = claims.len();
            claims.extend(latest.chunk_by(|a, b| a.statement == b.statement).map(claim));
            let now = &claims[first];
            // Scripts that append leave the same entry twice; that is not worth a warning.
            if let Some(old) = earlier.iter().map(|round| claim(round)).rfind(|old| old.addresses != now.addresses) {
                warnings.warning(|| superseded(apex, owner, &old, now, places));
            }
        }
    }
    let agreed = claims.iter().all(|claim| claim.addresses == claims[0].addresses);
    if agreed {
        for &address in &claims[0].addresses {
            zone.records.push(owner, address, Some(claims[0].origin));
        }
    } else {
        let is_same_origin = |a: Origin, b: Origin| (a.listing, a.endpoint) == (b.listing, b.endpoint);
        claims.dedup_by(|b, a| a.addresses == b.addresses && is_same_origin(a.origin, b.origin));
        zone.conflicts.push(Conflict { owner: owner.to_owned(), rtype: rtype_of(group[0].address), claims });
    }
}

/// The entries of one list, each endpoint's apart if it names several.
fn by_endpoint<'d>(drafts: &'d [EntryDraft], places: &Places) -> Vec<Cow<'d, [EntryDraft]>> {
    let first = drafts[0].origin.endpoint;
    if drafts.iter().all(|draft| draft.origin.endpoint == first) {
        return vec![drafts.into()];
    }
    let mut endpoints: BTreeMap<String, Vec<EntryDraft>> = BTreeMap::new();
    for draft in drafts {
        // Azure's tools do not agree on the case of an id.
        let name = places.endpoint(draft.origin).unwrap_or_default().to_ascii_lowercase();
        endpoints.entry(name).or_default().push(*draft);
    }
    // An entry that names none may be of any: where one endpoint is named, it is that one's.
    if endpoints.len() - usize::from(endpoints.contains_key("")) < 2 {
        return vec![drafts.into()];
    }
    let mut parts: Vec<Vec<EntryDraft>> = endpoints.into_values().collect();
    parts.sort_by_key(|part| part[0].origin.line);
    parts.into_iter().map(Cow::Owned).collect()
}

/// The claim of one statement, or of one earlier round.
fn claim(drafts: &[EntryDraft]) -> Claim {
    let mut addresses: Vec<IpAddr> = drafts.iter().map(|draft| draft.address).collect();
    addresses.sort_unstable();
    addresses.dedup();
    Claim { origin: drafts[0].origin, addresses }
}

fn superseded(apex: &Name, owner: &str, old: &Claim, now: &Claim, places: &Places) -> Diagnostic {
    let show = |claim: &Claim| claim.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let text = format!(
        "'{owner}.{}' is {} here but {} in line {}; the later line counts",
        apex.without_dot(),
        show(old),
        show(now),
        now.origin.line
    );
    Diagnostic::warning(Id::LIST_SUPERSEDED, places.place_of(old.origin), text).of_source(places.source(old.origin))
}
