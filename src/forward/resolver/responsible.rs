//! Who answers for a name: the one rule that every chain follows (docs/decisions/0006-who-answers-for-a-name.md).
//!
//! A name is answered by whoever is asked for it directly, wherever a chain leads to it. In: a name, a type, the zones,
//! the routes. Out: the zone or the route; for an upstream's reply the part that it is believed for. Never: a lookup in
//! the cache, or a question.
//!
//! ```text
//!    a hosted zone            unless it lacks the name, and its on_miss leaves such names to an upstream
//!    a special name's zone    unless a hosted zone or a forward rule covers the name
//!    this server              for its own public names, if the config has them answered without an upstream
//!    an upstream              the route of the longest suffix; for DS at a suffix, the route of the name above
//! ```

use std::borrow::Cow;
use std::sync::Arc;

use super::chase::alias_end;
use super::public::{self, PublicNames};
use super::route::{Route, RouteTable};
use crate::dns::{Ede, Name, Rcode, Record, Rtype};
use crate::forward::cache::RouteId;
use crate::forward::question::{Chain, Reply};
use crate::zone::{Zone, ZoneSet};

/// The one that answers for a name.
pub(super) enum Responsible<'a> {
    /// A hosted zone.
    Hosted,
    /// The zone of a special name.
    Special(&'a Zone),
    /// This server: the reply is our own CNAME for a public name.
    PublicName(Reply),
    /// The upstreams of this route.
    Upstreams(&'a Arc<Route>),
    /// Nobody: there is no route.
    Nobody,
}

/// All that decides who answers for a name.
#[derive(Clone, Copy)]
pub(super) struct Responsibilities<'a> {
    pub(super) zones: &'a ZoneSet,
    pub(super) routes: &'a RouteTable,
    pub(super) special: &'a ZoneSet,
    pub(super) public_names: PublicNames,
}

/// The part of a reply that its upstream is believed for.
pub(super) struct Believed<'r> {
    /// The reply, or its chain up to the first name that somebody else answers for.
    pub(super) reply: Cow<'r, Reply>,
    /// The last name of the chain that a hosted zone covers and does not have.
    pub(super) missed: Option<Name>,
}

impl<'a> Responsibilities<'a> {
    /// The one that answers for a name.
    pub(super) fn of(&self, name: &Name, qtype: Rtype) -> Responsible<'a> {
        if self.zones.is_derived(name.canonical()) {
            return Responsible::Hosted;
        }
        let hosted = self.zones.zone_for(name.canonical(), qtype);
        let lookup = |zone: &'a Zone| zone.lookup(name.canonical(), qtype);
        match hosted {
            Some(hosted) if !hosted.zone.as_deref().is_some_and(|zone| hosted.leaves_to_upstream(&lookup(zone))) => {
                Responsible::Hosted
            }
            _ => self.outside_zones(name, qtype),
        }
    }

    /// The one that answers for a name that no hosted zone answers for.
    pub(super) fn outside_zones(&self, name: &Name, qtype: Rtype) -> Responsible<'a> {
        let route = self.routes.of(name, qtype);
        if let Some(zone) = self.special(name, qtype)
            && route.is_none_or(|route| route.suffix.label_count() == 0)
            && self.zones.find(name.canonical()).is_none()
        {
            return Responsible::Special(zone);
        }
        if self.public_names == PublicNames::Always
            && let Some(reply) = public::synthesized_cname(self.zones, name)
        {
            return Responsible::PublicName(reply);
        }
        route.map_or(Responsible::Nobody, Responsible::Upstreams)
    }

    fn special(&self, name: &Name, qtype: Rtype) -> Option<&'a Zone> {
        let zone = self.special.find(name.canonical())?.zone.as_deref()?;
        // RFC 8375 section 4: the parent has to prove to a validating client that such a zone is not signed.
        let is_parents = qtype == Rtype::DS && name == zone.apex() && name.labels().last() == Some(b"arpa");
        (!is_parents).then_some(zone)
    }

    /// Our own CNAME for a public name of ours, for the case that the upstream fails.
    pub(super) fn synthesized(&self, name: &Name) -> Option<Reply> {
        (self.public_names != PublicNames::Never).then(|| public::synthesized_cname(self.zones, name))?
    }

    /// The part of a reply to a question that the upstreams of `by` are believed for; `None` for a reply that was made
    /// here. The chain ends where it leads to a name that somebody else answers for, and at a public name of ours that
    /// the reply fails for or denies.
    pub(super) fn believed<'r>(
        &self,
        qname: &Name,
        qtype: Rtype,
        by: Option<RouteId>,
        reply: &'r Reply,
    ) -> Believed<'r> {
        let (mut name, mut end, mut missed) = (qname.clone(), 0, None);
        let mut is_others = false;
        while let Some(length) = alias_end(&reply.answer[end..], &name, qtype) {
            let alias = &reply.answer[end..end + length];
            let Some(target) = alias.iter().find_map(Record::cname_target) else { break };
            end += length;
            name = target;
            match self.of(&name, qtype) {
                Responsible::Upstreams(route) if by == Some(route.id) => {
                    // A zone that has the name would answer for it.
                    missed = self.zones.find(name.canonical()).map(|_| name.clone()).or(missed);
                }
                _ => {
                    is_others = true;
                    break;
                }
            }
        }
        let is_denied = !reply.answers() || reply.rcode == Rcode::NXDOMAIN;
        let is_cut = is_others || end > 0 && is_denied && self.synthesized(&name).is_some();
        let reply = if is_cut { Cow::Owned(head(reply, end)) } else { Cow::Borrowed(reply) };
        Believed { reply: self.without_foreign_dnames(by, reply), missed }
    }

    /// The reply without any DNAME at which names lie that its upstreams do not answer for. A resolver behind this
    /// server would rename all names below it, ours among them; the CNAME says all that the question needs (RFC 6672
    /// section 3.1).
    fn without_foreign_dnames<'r>(&self, by: Option<RouteId>, reply: Cow<'r, Reply>) -> Cow<'r, Reply> {
        let is_foreign = |record: &Record| record.rtype == Rtype::DNAME && !self.may_rename(by, &record.owner);
        if !reply.answer.iter().any(is_foreign) {
            return reply;
        }
        let mut reply = reply.into_owned();
        let owners: Vec<Name> = reply.answer.iter().filter(|r| is_foreign(r)).map(|r| r.owner.clone()).collect();
        let is_dname = |record: &Record| record.rtype == Rtype::DNAME || record.covered_type() == Some(Rtype::DNAME);
        reply.answer.retain(|record| !(is_dname(record) && owners.contains(&record.owner)));
        if reply.answer.is_empty() && reply.rcode == Rcode::NOERROR {
            let text = "the upstream has a DNAME above names that it does not answer for";
            return Cow::Owned(Reply { ede: Some(Ede::new(Ede::OTHER, text)), ..Reply::new(Rcode::SERVFAIL) });
        }
        Cow::Owned(reply)
    }

    /// Whether the upstreams of `by` answer for all names below `owner`.
    fn may_rename(&self, by: Option<RouteId>, owner: &Name) -> bool {
        let is_other = |route: &Arc<Route>| by != Some(route.id) && route.suffix.is_at_or_below(owner);
        self.routes.of(owner, Rtype::DNAME).is_some_and(|route| by == Some(route.id))
            && !self.routes.all().iter().any(is_other)
            && self.zones.find(owner.canonical()).is_none()
            && ![self.zones, self.special].iter().any(|zones| zones.has_below(owner))
    }
}

/// The first `end` records of the answer section. The RCODE and the authority section are about the last name (RFC
/// 6604): they are not a part of it.
fn head(reply: &Reply, end: usize) -> Reply {
    Reply {
        rcode: Rcode::NOERROR,
        ede: None,
        answer: reply.answer[..end].to_vec(),
        authority: Vec::new(),
        chain: Chain::Whole,
        shortened: false,
        ..*reply
    }
}

#[cfg(test)]
mod tests;
