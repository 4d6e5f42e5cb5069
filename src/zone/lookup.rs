//! Lookup of a name in a zone: the authoritative algorithm of RFC 1034 section 4.3.2, step 3, with RFC 4592
//! wildcards and RFC 6672 DNAME. Pure, and without allocation but for names in a referral and records of a DNAME.

use super::layout::Node;
use super::row::parent;
use super::{RRsetRef, Zone};
use crate::dns::{CanonicalName, Name, Record, Rtype};

/// The zone's answer to one question.
#[derive(Debug)]
pub enum Outcome<'z> {
    /// The RRset that was asked for (for ANY, one RRset: RFC 8482 section 4.1). It is at the QNAME.
    Answer(RRsetRef<'z>),
    /// The name is an alias.
    Cname(RRsetRef<'z>),
    /// The name lies at or below a zone cut.
    Referral {
        /// The name that is delegated.
        cut: Name,
        /// Its NS RRset.
        name_servers: RRsetRef<'z>,
    },
    /// The name lies below a DNAME.
    Dname {
        /// The DNAME.
        dname: Record,
        /// The CNAME that follows from it; `None` if the name it leads to is too long (RFC 6672 section 3.2).
        alias: Option<Record>,
    },
    /// The name exists, the type does not.
    NoData,
    /// The name does not exist.
    NxDomain,
}

impl Zone {
    /// Looks up a name in wire format and lower case that is at or below the apex; any other is NXDOMAIN.
    pub fn lookup(&self, qname: CanonicalName<'_>, qtype: Rtype) -> Outcome<'_> {
        let Some(relative) = qname.strip_suffix(self.apex.canonical()) else {
            return Outcome::NxDomain;
        };
        if self.has_cuts
            && let Some(outcome) = self.cut_or_dname(qname, relative, qtype)
        {
            return outcome;
        }
        match self.node(relative) {
            Some(node) => at_node(&node, qtype),
            None if self.has_wildcards => self.wildcard(relative, qtype),
            None => Outcome::NxDomain,
        }
    }

    /// The addresses that the zone has for name servers inside it (RFC 1034 section 4.2.1).
    pub fn glue(&self, name_servers: &RRsetRef<'_>) -> Vec<Record> {
        let mut glue = Vec::new();
        for target in name_servers.rdatas().filter_map(Name::from_wire) {
            let node = target.canonical().strip_suffix(self.apex.canonical()).and_then(|relative| self.node(relative));
            for rrset in node.iter().flat_map(Node::rrsets) {
                if matches!(rrset.rtype(), Rtype::A | Rtype::AAAA) {
                    glue.extend(rrset.records(&target));
                }
            }
        }
        glue
    }

    /// RFC 4592 section 3.3.1: the wildcard below the closest encloser, and no other, is the source of synthesis.
    fn wildcard(&self, relative: &[u8], qtype: Rtype) -> Outcome<'_> {
        let mut encloser = parent(relative);
        while !encloser.is_empty() && self.node(encloser).is_none() {
            encloser = parent(encloser);
        }
        let source = [b"\x01*", encloser].concat();
        self.node(&source).map_or(Outcome::NxDomain, |node| at_node(&node, qtype))
    }

    /// The answer from the topmost cut at or above the name, or from a DNAME above it. The apex is not a cut. DS
    /// belongs to the parent's side (RFC 4035 section 3.1.4.1), so the cut itself answers for it, as the owner of a
    /// DNAME does for itself.
    fn cut_or_dname(&self, qname: CanonicalName<'_>, relative: &[u8], qtype: Rtype) -> Option<Outcome<'_>> {
        let mut found = None;
        let mut rest = relative;
        loop {
            let is_qname = rest.len() == relative.len();
            let leads_out = |rrset: &RRsetRef<'_>| match rrset.rtype() {
                Rtype::NS => !(rest.is_empty() || is_qname && qtype == Rtype::DS),
                Rtype::DNAME => !is_qname,
                _ => false,
            };
            if let Some(node) = self.node(rest)
                && let Some(rrset) = node.rrsets().find(leads_out)
            {
                found = Some((node, rrset));
            }
            if rest.is_empty() {
                break;
            }
            rest = parent(rest);
        }
        let (node, rrset) = found?;
        let owner = self.full_name(&node);
        if rrset.rtype() == Rtype::NS {
            return Some(Outcome::Referral { cut: owner, name_servers: rrset });
        }
        let dname = rrset.records(&owner).next()?;
        Some(Outcome::Dname { alias: substitute(qname.as_wire(), &dname), dname })
    }
}

fn at_node<'z>(node: &Node<'z>, qtype: Rtype) -> Outcome<'z> {
    let mut alias = None;
    for rrset in node.rrsets() {
        if rrset.rtype() == qtype || qtype == Rtype::ANY {
            return Outcome::Answer(rrset);
        }
        if rrset.rtype() == Rtype::CNAME {
            alias = Some(rrset);
        }
    }
    alias.map_or(Outcome::NoData, Outcome::Cname)
}

/// The CNAME at `qname` that follows from a DNAME above it. It has the DNAME's TTL (RFC 6672 section 3.1).
fn substitute(qname: &[u8], dname: &Record) -> Option<Record> {
    let prefix = qname.get(..qname.len().checked_sub(dname.owner.as_wire().len())?)?;
    let target = Name::from_wire(&[prefix, &dname.rdata].concat())?;
    Some(Record { owner: Name::from_wire(qname)?, rtype: Rtype::CNAME, ttl: dname.ttl, rdata: target.as_wire().into() })
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
