//! Floor 1: zones as immutable values, and the way they come off the disk.
//!
//! Input: zone files (RFC 1035). Output: a [`ZoneSet`] that finds the zone of a name and, through [`Zone::lookup`], the
//! zone's answer. Only [`store`] touches the disk; this module does not know the clients.

mod aliases;
mod build;
mod check;
mod contents;
pub(crate) mod delta;
pub(crate) mod history;
pub(crate) mod kind;
mod layout;
mod lookup;
mod negative;
mod overlay;
mod patch;
mod row;
mod set;
pub(crate) mod store;
mod table;
pub(crate) mod text;
mod view;
mod views;
mod walk;

use std::hash::BuildHasher;
use std::sync::OnceLock;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

pub use aliases::Aliases;
pub use kind::Kind;
pub use layout::RRsetRef;
pub use lookup::Outcome;
pub use negative::NegativeSoa;
pub use set::{Hosted, OnMiss, ZoneSet};
pub use view::{ViewName, ZoneId};
pub(crate) use walk::{Cursor, RecordRef};

use crate::dns::{Name, Record, Rtype, Serial, rdata};
use layout::{Layout, Node};
use overlay::{Layers, NodePlace};

/// One zone, immutable and indexed: a block of bytes that has it all, and a hash table of where each name begins there.
/// A million addresses take about 40 MB. A derived zone has no such table, and every lookup in it is NXDOMAIN: its
/// records are for [`Zone::rrsets`] alone.
pub struct Zone {
    apex: Name,
    kind: Kind,
    aliases: Aliases,
    /// True if nothing was found in its file, all names have one label, and each line below the head is a record in the
    /// order of the layout, or a comment: then [`patch`] can make the next version of it.
    is_plain: bool,
    index: HashTable<u32>,
    hasher: RandomState,
    layout: Layout,
    records: usize,
    /// True if any name below the apex has NS records, or any a DNAME: only then does a lookup mind what is above a
    /// name.
    has_cuts: bool,
    has_wildcards: bool,
    negative: Option<NegativeSoa>,
    /// Of a zone of a view: where all but the apex is.
    layers: Option<Box<Layers>>,
    /// A hash of the records, once it was asked for.
    contents: OnceLock<u64>,
}

impl Zone {
    /// The apex.
    pub fn apex(&self) -> &Name {
        &self.apex
    }

    /// Who keeps the file.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// True if sync wrote the file.
    pub fn is_managed(&self) -> bool {
        self.kind == Kind::Managed
    }

    /// Further public names of its records, each with its owner; only a file that sync wrote has any.
    pub fn aliases(&self) -> impl Iterator<Item = (&str, &str)> {
        let below = self.layers.iter().flat_map(|layers| layers.aliases());
        self.aliases.iter().chain(below)
    }

    /// The further public names in its own file.
    pub(crate) fn own_aliases(&self) -> &Aliases {
        &self.aliases
    }

    /// The owner that a further public name leads to.
    pub fn owner_of_alias(&self, name: &str) -> Option<&str> {
        match &self.layers {
            None => self.aliases.owner_of(name),
            Some(layers) => layers.owner_of_alias(name),
        }
    }

    /// The number of records.
    pub fn record_count(&self) -> usize {
        self.records
    }

    /// True if a name below the apex is delegated, or renamed by a DNAME.
    pub fn has_cuts(&self) -> bool {
        self.has_cuts
    }

    /// The SOA RRset.
    pub fn soa(&self) -> Option<RRsetRef<'_>> {
        self.layout.nodes().next()?.rrsets().find(|rrset| rrset.rtype() == Rtype::SOA)
    }

    /// The octets that its names and records take.
    pub(crate) fn octets(&self) -> usize {
        self.layout.octets() + self.layers.as_ref().map_or(0, |layers| layers.octets())
    }

    /// The serial.
    pub fn serial(&self) -> Serial {
        let soa = self.soa().and_then(|soa| soa.rdatas().next());
        soa.and_then(rdata::soa_numbers).map_or(Serial(0), |numbers| numbers.serial)
    }

    /// The SOA as the record that makes a negative answer: its TTL is the lesser of its own and MINIMUM
    /// (RFC 2308 section 3), seconds.
    pub fn negative_soa(&self) -> Option<Record> {
        let mut record = self.soa()?.records(&self.apex).next()?;
        let minimum = rdata::soa_numbers(&record.rdata)?.minimum;
        record.ttl = record.ttl.min(minimum);
        Some(record)
    }

    /// The same in bytes, for answers that are put together without a [`crate::dns::Writer`].
    pub fn negative(&self) -> Option<&NegativeSoa> {
        self.negative.as_ref()
    }

    /// One number of 53 bits for the records, to compare servers: without SOA, the NS of the apex, and TTLs.
    pub fn contents(&self) -> u64 {
        *self.contents.get_or_init(|| contents::hash(self))
    }

    /// Every RRset in the order of the file, with its owner relative to the apex: labels in wire format and lower case,
    /// none for the apex itself.
    pub fn rrsets(&self) -> impl Iterator<Item = (&[u8], RRsetRef<'_>)> {
        let mut place = NodePlace::default();
        let nodes = std::iter::from_fn(move || {
            let (node, next) = self.node_at(place)?;
            place = next;
            Some(node)
        });
        nodes.flat_map(|node| node.rrsets().map(move |rrset| (node.name, rrset)))
    }

    fn full_name(&self, node: &Node<'_>) -> Name {
        let wire = [node.name, self.apex.as_wire()].concat();
        Name::from_wire(&wire).unwrap_or_else(|| self.apex.clone())
    }

    /// The node of a relative name in lower case; the empty slice is the apex.
    fn node(&self, relative: &[u8]) -> Option<Node<'_>> {
        match &self.layers {
            Some(layers) if !relative.is_empty() => layers.node(relative),
            _ => self.own_node(relative),
        }
    }

    /// The same in this zone's own block alone.
    fn own_node(&self, relative: &[u8]) -> Option<Node<'_>> {
        Some(self.layout.node(self.place(relative)?))
    }

    /// The place of a name in that block.
    fn place(&self, relative: &[u8]) -> Option<u32> {
        let hash = self.hasher.hash_one(relative);
        self.index.find(hash, |at| self.layout.node(*at).name == relative).copied()
    }
}

impl std::fmt::Debug for Zone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Zone({} serial {}, {} records)", self.apex, self.serial(), self.record_count())
    }
}
