//! The RPZ feed: the zones in service as a response policy zone, for resolvers that then give the private addresses
//! themselves.
//!
//! Input: the zones, and the feed in service. Output: the lines below the feed's head, and what it cannot hold. Each
//! record has its private name and its public one: some resolvers do not look at the policy again for the target of a
//! CNAME. A resolver that finds a name here asks nobody about it.

mod left_out;
mod text;

use std::collections::BTreeMap;

use super::unmade::Unmade;
use crate::azure::names::{PRIVATELINK, family, normalise};
use crate::diag::Diagnostic;
use crate::dns::{CanonicalName, MAX_NAME, Name, Rtype};
use crate::zone::{Hosted, OnMiss, Outcome, RRsetRef, Zone, ZoneSet};
use left_out::{LeftOut, What};
use text::{Lines, relative_text};

/// The types that a policy may answer with. A name with one of them has no others for the resolver.
const TYPES: [Rtype; 7] = [Rtype::A, Rtype::AAAA, Rtype::TXT, Rtype::MX, Rtype::SRV, Rtype::PTR, Rtype::CAA];

/// CNAMEs that are followed one after another.
const MAX_CHAIN: usize = 8;

/// What the feed has of zones without a good copy.
#[derive(Clone, Copy)]
pub(super) enum Missing<'z> {
    /// What this one has of them, so that no private name turns public; without one there is no feed.
    Kept(Option<&'z Zone>),
    /// Nothing.
    LeftOut,
}

/// A feed.
#[derive(Debug)]
pub(super) struct Feed {
    /// Of the lines that give none, seconds.
    pub(super) ttl: u32,
    pub(super) text: String,
    pub(super) left_out: Vec<Diagnostic>,
}

/// The lines of the feed at this apex.
///
/// # Errors
/// If a zone has no good copy, and no feed has its records.
pub(super) fn render(apex: &Name, zones: &ZoneSet, missing: Missing<'_>) -> Result<Feed, Unmade> {
    let not_served = zones.not_served();
    let mut kept = match missing {
        Missing::Kept(None) if !not_served.is_empty() => return Err(Unmade { waits_for: not_served }),
        Missing::Kept(Some(before)) if !not_served.is_empty() => Kept::of(before, zones),
        Missing::Kept(_) | Missing::LeftOut => Kept::default(),
    };
    let knows_targets = not_served.is_empty() || matches!(missing, Missing::Kept(_));
    let records = zones.iter().filter_map(|hosted| hosted.zone.as_ref()).map(|zone| zone.record_count()).sum();
    let aliases = std::mem::take(&mut kept.aliases);
    let mut writer = Writer { apex, zones, aliases, knows_targets, lines: Lines::new(records), left_out: Vec::new() };
    for hosted in zones.iter() {
        match &hosted.zone {
            Some(zone) => writer.zone(hosted, zone),
            None => writer.kept(kept.zones.remove(&hosted.apex).unwrap_or_default()),
        }
    }
    // Of zones that are not known yet.
    kept.zones.into_values().for_each(|lines| writer.kept(lines));
    let Writer { lines, left_out, .. } = writer;
    Ok(Feed { ttl: lines.ttl(), text: lines.text, left_out })
}

/// What a feed has of the zones without a good copy.
#[derive(Default)]
struct Kept<'z> {
    /// Their records, by apex.
    zones: BTreeMap<Name, Vec<(String, RRsetRef<'z>)>>,
    /// Of CNAMEs in the other zones the addresses, which may be theirs.
    aliases: BTreeMap<String, Vec<RRsetRef<'z>>>,
}

impl<'z> Kept<'z> {
    fn of(before: &'z Zone, zones: &ZoneSet) -> Self {
        let mut kept = Self::default();
        for (owner, rrset) in before.rrsets().filter(|(owner, _)| !owner.is_empty()) {
            let Some(name) = Name::from_wire(&[owner, &[0]].concat()) else { continue };
            let Some(hosted) = zone_behind(&name, zones) else { continue };
            match hosted.zone.as_deref().map(|zone| zone.lookup(name.canonical(), rrset.rtype())) {
                None => kept.zones.entry(hosted.apex.clone()).or_default().push((name.without_dot(), rrset)),
                Some(Outcome::Cname(_)) => kept.aliases.entry(name.without_dot()).or_default().push(rrset),
                Some(_) => {}
            }
        }
        kept
    }
}

/// The zone that has the records of a name, be it the private or a public one.
fn zone_behind<'z>(name: &Name, zones: &'z ZoneSet) -> Option<&'z Hosted> {
    zones.find(name.canonical()).or_else(|| zones.find(normalise(&name.without_dot()).ok()?.owner.canonical()))
}

struct Writer<'a> {
    apex: &'a Name,
    zones: &'a ZoneSet,
    /// The addresses that an earlier feed has for CNAMEs into zones without a good copy.
    aliases: BTreeMap<String, Vec<RRsetRef<'a>>>,
    /// False if a CNAME may lead into a zone that is yet to be written.
    knows_targets: bool,
    lines: Lines,
    left_out: Vec<Diagnostic>,
}

/// The names at which a zone's records stand in the feed.
struct Names<'z> {
    /// Of the zone.
    suffix: String,
    /// What follows the owner in its public name.
    public: Option<(String, Name)>,
    /// True if another zone has some public names itself.
    is_shared: bool,
    /// Further public names, by owner.
    aliases: BTreeMap<&'z str, Vec<&'z str>>,
}

impl<'z> Names<'z> {
    fn of(zone: &'z Zone, zones: &ZoneSet) -> Self {
        let suffix = zone.apex().without_dot();
        let is_ours = family(zone.apex()).is_some();
        let public = suffix.strip_prefix(PRIVATELINK).and_then(|rest| rest.strip_prefix('.')).filter(|_| is_ours);
        let is_hosted = |name: &Name| zones.find(name.canonical()).is_some() || zones.has_below(name);
        let public = public.map(str::to_owned).zip(zone.apex().parent());
        let is_shared = public.as_ref().is_some_and(|(_, name)| is_hosted(name));
        let mut aliases: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, owner) in zone.aliases() {
            aliases.entry(owner).or_default().push(name);
        }
        Self { suffix, public, is_shared, aliases }
    }

    /// Every name of an owner, which is relative to the zone, as text and in wire format; the private one first.
    fn all(&self, owner: &str, wire: &[u8], zones: &ZoneSet) -> Vec<String> {
        if owner.is_empty() {
            return vec![self.suffix.clone()];
        }
        let mut all = vec![[owner, ".", &self.suffix].concat()];
        if let Some((suffix, apex)) = &self.public {
            // A zone that has the name itself says what it is.
            let has_zone = || zones.find(CanonicalName::of_octets(&[wire, apex.as_wire()].concat())).is_some();
            if !(self.is_shared && has_zone()) {
                all.push([owner, ".", suffix].concat());
            }
        }
        all.extend(self.aliases.get(owner).into_iter().flatten().map(|&alias| alias.to_owned()));
        all
    }
}

impl Writer<'_> {
    fn zone(&mut self, hosted: &Hosted, zone: &Zone) {
        let names = Names::of(zone, self.zones);
        let mut left_out = LeftOut::default();
        for (owner, rrset) in zone.rrsets() {
            self.rrset(zone, &names, (owner, rrset), &mut left_out);
        }
        // Where something is left out, a resolver has to ask for it.
        let denies = hosted.on_miss == OnMiss::NxDomain;
        if denies && left_out.is_empty() {
            self.lines.push(&format!("*.{}", names.suffix), self.lines.ttl(), Rtype::CNAME, &[0]);
        }
        self.left_out.extend(left_out.diagnostic(&names.suffix, denies));
    }

    fn rrset(&mut self, zone: &Zone, names: &Names<'_>, (owner, rrset): (&[u8], RRsetRef<'_>), left_out: &mut LeftOut) {
        let rtype = rrset.rtype();
        // Each zone's own, of no use to others.
        if owner.is_empty() && matches!(rtype, Rtype::SOA | Rtype::NS) {
            return;
        }
        let relative = relative_text(owner);
        if owner.starts_with(b"\x01*") {
            return left_out.add(What::Wildcard, &relative);
        }
        if rtype == Rtype::NS || rtype == Rtype::DNAME || zone.has_cuts() && !is_own(zone, owner, rtype) {
            return left_out.add(What::Delegated, &relative);
        }
        if rtype == Rtype::CNAME {
            return self.alias(names, (&relative, owner), &rrset, left_out);
        }
        if !TYPES.contains(&rtype) {
            return left_out.add(What::Type(rtype), &relative);
        }
        for name in self.names(names, (&relative, owner), left_out) {
            self.lines.push_rrset(&name, rrset.ttl(), &rrset);
        }
    }

    /// Every name of an owner that is not too long with the apex of the feed in place of the root label.
    fn names(&self, names: &Names<'_>, (owner, wire): (&str, &[u8]), left_out: &mut LeftOut) -> Vec<String> {
        let mut all = names.all(owner, wire, self.zones);
        all.retain(|name| {
            let fits = name.len() + 1 + self.apex.as_wire().len() <= MAX_NAME;
            if !fits {
                left_out.add(What::Long, name);
            }
            fits
        });
        all
    }

    /// The addresses that a CNAME leads to, at its own name: a policy's CNAME is not followed into the policy again.
    fn alias(&mut self, names: &Names<'_>, owner: (&str, &[u8]), cname: &RRsetRef<'_>, left_out: &mut LeftOut) {
        let target = cname.rdatas().next().and_then(Name::from_wire);
        let found: Vec<(u32, RRsetRef<'_>)> = [Rtype::A, Rtype::AAAA]
            .into_iter()
            .filter_map(|rtype| follow(self.zones, target.clone()?, rtype, cname.ttl()))
            .collect();
        let mut is_found = false;
        for name in self.names(names, owner, left_out) {
            let kept = self.aliases.get(&name).into_iter().flatten().map(|rrset| (rrset.ttl(), *rrset));
            let kept = kept.filter(|_| found.is_empty());
            for (ttl, rrset) in found.iter().copied().chain(kept) {
                is_found = true;
                self.lines.push_rrset(&name, ttl, &rrset);
            }
        }
        if !is_found && self.knows_targets {
            left_out.add(What::Alias, owner.0);
        }
    }

    fn kept(&mut self, kept: Vec<(String, RRsetRef<'_>)>) {
        for (name, rrset) in kept {
            self.lines.push_rrset(&name, rrset.ttl(), &rrset);
        }
    }
}

/// True if the zone itself answers with this RRset: it does not lie below a cut or a DNAME.
fn is_own(zone: &Zone, owner: &[u8], rtype: Rtype) -> bool {
    let wire = [owner, zone.apex().as_wire()].concat();
    matches!(zone.lookup(CanonicalName::of_octets(&wire), rtype), Outcome::Answer(_) | Outcome::Cname(_))
}

/// The RRset at the end of a chain through our zones, with the least TTL on the way to it.
fn follow(zones: &ZoneSet, mut name: Name, rtype: Rtype, mut ttl: u32) -> Option<(u32, RRsetRef<'_>)> {
    for _ in 0..MAX_CHAIN {
        let Some(hosted) = zones.find(name.canonical()) else {
            // A public name of ours leads to its private one.
            name = normalise(&name.without_dot()).ok()?.owner;
            continue;
        };
        let zone: &Zone = hosted.zone.as_deref()?;
        match zone.lookup(name.canonical(), rtype) {
            Outcome::Answer(rrset) => return Some((ttl.min(rrset.ttl()), rrset)),
            Outcome::Cname(cname) => {
                ttl = ttl.min(cname.ttl());
                name = cname.rdatas().next().and_then(Name::from_wire)?;
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests;
