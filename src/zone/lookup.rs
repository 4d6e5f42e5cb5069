//! What a zone says about a name: the authoritative algorithm of RFC 1034 section 4.3.2, step 3, with RFC 4592
//! wildcards. Pure, and without allocation but for names in a referral.

use super::build::{parent, relative_to};
use super::{Node, RRsetRef, Zone};
use crate::dns::{Name, Record, Rtype};

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
    /// The name exists, the type does not.
    NoData,
    /// The name does not exist.
    NxDomain,
}

impl Zone {
    /// Looks up a name in wire format and lower case that is at or below the apex; any other is NXDOMAIN.
    pub fn lookup(&self, qname: &[u8], qtype: Rtype) -> Outcome<'_> {
        let Some(relative) = relative_to(qname, self.apex.as_wire()) else {
            return Outcome::NxDomain;
        };
        if self.has_cuts
            && let Some(referral) = self.referral(relative, qtype)
        {
            return referral;
        }
        match self.node(relative) {
            Some(node) => self.at_node(node, qtype),
            None if self.has_wildcards => self.wildcard(relative, qtype),
            None => Outcome::NxDomain,
        }
    }

    /// The addresses that the zone has for name servers inside it (RFC 1034 section 4.2.1).
    pub fn glue(&self, name_servers: &RRsetRef<'_>) -> Vec<Record> {
        let mut glue = Vec::new();
        for target in name_servers.rdatas().filter_map(Name::from_wire) {
            let node = relative_to(target.as_wire(), self.apex.as_wire()).and_then(|relative| self.node(relative));
            for entry in node.into_iter().flat_map(|node| self.rrsets_of(node)) {
                if matches!(entry.rtype, Rtype::A | Rtype::AAAA) {
                    glue.extend(RRsetRef { zone: self, entry }.records(&target));
                }
            }
        }
        glue
    }

    fn at_node(&self, node: &Node, qtype: Rtype) -> Outcome<'_> {
        let mut alias = None;
        for entry in self.rrsets_of(node) {
            let rrset = RRsetRef { zone: self, entry };
            if entry.rtype == qtype || qtype == Rtype::ANY {
                return Outcome::Answer(rrset);
            }
            if entry.rtype == Rtype::CNAME {
                alias = Some(rrset);
            }
        }
        alias.map_or(Outcome::NoData, Outcome::Cname)
    }

    /// RFC 4592 section 3.3.1: the wildcard below the closest encloser, and no other, is the source of synthesis.
    fn wildcard(&self, relative: &[u8], qtype: Rtype) -> Outcome<'_> {
        let mut encloser = parent(relative);
        while !encloser.is_empty() && self.node(encloser).is_none() {
            encloser = parent(encloser);
        }
        let source = [b"\x01*", encloser].concat();
        self.node(&source).map_or(Outcome::NxDomain, |node| self.at_node(node, qtype))
    }

    /// The topmost cut at or above the name, the apex left out. DS belongs to the parent's side (RFC 4035
    /// section 3.1.4.1), so the cut itself answers for it.
    fn referral(&self, relative: &[u8], qtype: Rtype) -> Option<Outcome<'_>> {
        let mut found = None;
        let mut rest = relative;
        while !rest.is_empty() {
            let asks_parent = qtype == Rtype::DS && rest.len() == relative.len();
            if let Some(node) = self.node(rest).filter(|_| !asks_parent)
                && let Some(entry) = self.rrsets_of(node).find(|entry| entry.rtype == Rtype::NS)
            {
                found = Some((node, entry));
            }
            rest = parent(rest);
        }
        let (node, entry) = found?;
        Some(Outcome::Referral { cut: self.full_name(node), name_servers: RRsetRef { zone: self, entry } })
    }
}

#[cfg(test)]
mod tests;
