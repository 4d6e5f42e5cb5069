//! A zone as the clients of a view see it: the view's own records over those of the base, name by name.
//!
//! In: the zone of the base and the view's own. Out: one zone that refers to both and holds a copy of the apex alone,
//! so that a thousand views over one base take the memory of their own records. What the view says of a name replaces
//! all that the base says of it; the apex is the base's, since each file has an SOA and NS of its own.

use std::sync::Arc;

use super::build::apex_alone;
use super::layout::{Layout, Node};
use super::{Hosted, Zone};
use crate::dns::Rtype;

/// The zones below an overlaid one.
pub(super) struct Layers {
    own: Arc<Zone>,
    base: Arc<Zone>,
}

/// The place of a name in a zone: before it may be all names of the layers above.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct NodePlace {
    layer: u8,
    at: usize,
}

impl Zone {
    /// The zone that has the records of `own` in place of those of `base` wherever both know a name. Its serial is the
    /// later of both (RFC 1982); its kind that of the view's file.
    pub(super) fn overlaid(own: &Arc<Self>, base: &Arc<Self>) -> Option<Arc<Self>> {
        let serial = own.serial().later(base.serial());
        let apex = base.layout.nodes().next()?;
        let mut zone = apex_alone(&base.apex, &apex, serial)?;
        let layers = Layers { own: Arc::clone(own), base: Arc::clone(base) };
        zone.kind = own.kind;
        zone.has_cuts = own.has_cuts || base.has_cuts;
        zone.has_wildcards = own.has_wildcards || base.has_wildcards;
        zone.records = base.records + layers.added() - layers.replaced();
        zone.layers = Some(Box::new(layers));
        Some(Arc::new(zone))
    }

    /// What the clients of a view see: its own part over the zone of the base, if that is hosted. Without a good copy
    /// of that there is nothing: what the part lacks is the base's to say.
    pub(super) fn seen(own: &Arc<Self>, base: Option<&Hosted>) -> Option<Arc<Self>> {
        match base {
            None => Some(Arc::clone(own)),
            Some(hosted) => Self::overlaid(own, hosted.zone.as_ref()?),
        }
    }

    /// Whether this is `own` over `base`, and not copies that are alike.
    pub(super) fn is_overlaid_of(&self, own: &Arc<Self>, base: &Arc<Self>) -> bool {
        let is = |layers: &Layers| Arc::ptr_eq(&layers.own, own) && Arc::ptr_eq(&layers.base, base);
        self.layers.as_deref().is_some_and(is)
    }

    /// Of an overlaid zone: whether a relative name has its records from the view's own part.
    pub(super) fn is_own(&self, relative: &[u8]) -> Option<bool> {
        let layers = self.layers.as_deref()?;
        Some(layers.own.own_node(relative).is_some_and(|node| !relative.is_empty() && node.has_records()))
    }

    /// The name at a place in the order of the file, and the next place; `None` behind the last name.
    pub(super) fn node_at(&self, place: NodePlace) -> Option<(Node<'_>, NodePlace)> {
        match &self.layers {
            None => self.layout.node_at(place.at).map(|(node, at)| (node, NodePlace { at, ..place })),
            Some(layers) => layers.node_at(&self.layout, place),
        }
    }
}

impl Layers {
    /// The node of a name that is not the apex.
    pub(super) fn node(&self, relative: &[u8]) -> Option<Node<'_>> {
        match self.own.own_node(relative) {
            Some(node) if node.has_records() => Some(node),
            // A name that exists here because others lie below it does not hide what the base has of it.
            empty => self.base.own_node(relative).or(empty),
        }
    }

    /// The view's owner of a further public name, or the base's.
    pub(super) fn owner_of_alias(&self, name: &str) -> Option<&str> {
        self.own.aliases.owner_of(name).or_else(|| self.base.aliases.owner_of(name))
    }

    /// Every further public name with its owner: the view's first.
    pub(super) fn aliases(&self) -> impl Iterator<Item = (&str, &str)> {
        let of_base = self.base.aliases.iter().filter(|(name, _)| self.own.aliases.owner_of(name).is_none());
        self.own.aliases.iter().chain(of_base)
    }

    /// Octets that both take.
    pub(super) fn octets(&self) -> usize {
        self.own.octets() + self.base.octets()
    }

    /// Records of the view but for its apex.
    fn added(&self) -> usize {
        self.own.records - self.own.layout.nodes().next().map_or(0, |apex| apex.record_count())
    }

    /// Records of the base that they replace.
    fn replaced(&self) -> usize {
        let own = self.own.layout.nodes().skip(1).filter(Node::has_records);
        own.filter_map(|node| self.base.own_node(node.name)).map(|node| node.record_count()).sum()
    }

    /// The apex, then the view's names, then those of the base that the view does not replace.
    fn node_at<'z>(&'z self, apex: &'z Layout, mut place: NodePlace) -> Option<(Node<'z>, NodePlace)> {
        loop {
            let layout = match place.layer {
                0 => apex,
                1 => &self.own.layout,
                2 => &self.base.layout,
                _ => return None,
            };
            let Some((node, at)) = layout.node_at(place.at) else {
                place = NodePlace { layer: place.layer + 1, at: 0 };
                continue;
            };
            place.at = at;
            let is_shown = match place.layer {
                0 => true,
                1 => !node.name.is_empty(),
                _ => !node.name.is_empty() && !self.own.own_node(node.name).is_some_and(|own| own.has_records()),
            };
            if is_shown {
                return Some((node, place));
            }
        }
    }
}

/// A warning-worthy fact about the zone of a view: records at its apex that no client sees.
pub(super) fn hidden_at_apex(own: &Zone) -> Option<Rtype> {
    let apex = own.layout.nodes().next()?;
    apex.rrsets().map(|rrset| rrset.rtype()).find(|rtype| ![Rtype::SOA, Rtype::NS].contains(rtype))
}

#[cfg(test)]
mod tests;
