//! The address records of one zone, sorted, in one block.

use std::net::IpAddr;
use std::sync::Arc;

use super::source::Listing;
use crate::diag::Place;
use crate::dns::Rtype;

/// The line and listing that a record comes from; read through [`Places`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    /// Index of the listing.
    pub listing: u32,
    /// From 1.
    pub line: u32,
    /// Number of the private endpoint that the listing names, from 1; 0 for none.
    pub endpoint: u32,
}

/// The listings that origins point into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places(Vec<ListPlace>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ListPlace {
    source: Arc<str>,
    file: Arc<str>,
    endpoints: Arc<[Box<str>]>,
}

impl Places {
    /// The places of these listings, by their index.
    pub fn of(listings: &[Listing]) -> Self {
        let place = |listing: &Listing| ListPlace {
            source: Arc::clone(&listing.source),
            file: Arc::clone(&listing.file),
            endpoints: listing.endpoints().into(),
        };
        Self(listings.iter().map(place).collect())
    }

    /// The name of the source.
    pub fn source(&self, origin: Origin) -> &str {
        self.0.get(origin.listing as usize).map_or("", |list| &list.source)
    }

    /// The file.
    pub fn file(&self, origin: Origin) -> &str {
        self.0.get(origin.listing as usize).map_or("", |list| &list.file)
    }

    /// The private endpoint, as the list names it.
    pub fn endpoint(&self, origin: Origin) -> Option<&str> {
        let endpoints = &self.0.get(origin.listing as usize)?.endpoints;
        endpoints.get((origin.endpoint as usize).checked_sub(1)?).map(AsRef::as_ref)
    }

    /// True if this file of a source is among them.
    pub(super) fn has_list(&self, source: &str, file: &str) -> bool {
        self.0.iter().any(|list| (&*list.source, &*list.file) == (source, file))
    }

    /// The line, for a diagnostic.
    pub(super) fn place_of(&self, origin: Origin) -> Place {
        Place::line(self.file(origin), origin.line)
    }

    /// `lists/vault-we.txt:12`
    pub fn place(&self, origin: Origin) -> String {
        format!("{}:{}", self.file(origin), origin.line)
    }

    /// `vault-we (lists/vault-we.txt:12)`
    pub fn show(&self, origin: Origin) -> String {
        format!("{} ({})", self.source(origin), self.place(origin))
    }
}

/// A and AAAA records of a zone, sorted by owner (as text relative to the apex), then by type and address. Names stand
/// in one text and a record takes 48 bytes, because a plan over a million records holds this twice.
#[derive(Clone, Debug, Default)]
pub struct Records {
    names: String,
    rows: Vec<AddressRow>,
}

#[derive(Clone, Copy, Debug)]
struct AddressRow {
    start: usize,
    len: u16,
    address: IpAddr,
    origin: Option<Origin>,
}

/// One address of one owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRecord<'r> {
    /// In presentation format, relative to the apex; `@` for the apex.
    pub owner: &'r str,
    /// The address; its family is the record's type.
    pub address: IpAddr,
    /// The line that lists it; `None` for records from a zone file.
    pub origin: Option<Origin>,
}

impl AddressRecord<'_> {
    /// A or AAAA.
    pub fn rtype(&self) -> Rtype {
        rtype_of(self.address)
    }
}

/// The key by which RRsets differ, in the order of the set.
pub(super) fn key<'r>(record: &AddressRecord<'r>) -> (&'r str, bool) {
    (record.owner, record.address.is_ipv6())
}

/// AAAA for A, and A for AAAA.
pub(super) fn other_family(rtype: Rtype) -> Rtype {
    if rtype == Rtype::A { Rtype::AAAA } else { Rtype::A }
}

/// The record type of an address.
pub(super) fn rtype_of(address: IpAddr) -> Rtype {
    if address.is_ipv4() { Rtype::A } else { Rtype::AAAA }
}

impl Records {
    /// Sorts records in any order; a record that is there twice is there once. Owners longer than any name are left
    /// out.
    #[cfg(test)]
    pub(super) fn from_unsorted<'a>(records: impl IntoIterator<Item = (&'a str, IpAddr)>) -> Self {
        let mut all = Self::default();
        for (owner, address) in records {
            all.push(owner, address, None);
        }
        all.finish();
        all
    }

    /// The number of records.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True if it is empty.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The record at an index.
    pub fn get(&self, index: usize) -> Option<AddressRecord<'_>> {
        self.rows.get(index).map(|row| self.view(row))
    }

    /// All records in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = AddressRecord<'_>> {
        self.rows.iter().map(|row| self.view(row))
    }

    /// The records of an RRset; an empty range if there is none.
    pub(super) fn find(&self, owner: &str, rtype: Rtype) -> std::ops::Range<usize> {
        let wanted = (owner, rtype == Rtype::AAAA);
        let start = self.rows.partition_point(|row| key(&self.view(row)) < wanted);
        match self.get(start) {
            Some(record) if key(&record) == wanted => start..self.rrset_end(start),
            _ => start..start,
        }
    }

    /// True if a name has any address.
    pub(super) fn has_addresses(&self, owner: &str) -> bool {
        [Rtype::A, Rtype::AAAA].iter().any(|rtype| !self.find(owner, *rtype).is_empty())
    }

    /// True if a name has addresses of the other family. Then an RRset of this family moves the name: clients that
    /// prefer the family go where the new addresses lead.
    pub(super) fn has_other_family(&self, owner: &str, rtype: Rtype) -> bool {
        !self.find(owner, other_family(rtype)).is_empty()
    }

    /// The end of the RRset whose first record is at `start`.
    pub(super) fn rrset_end(&self, start: usize) -> usize {
        let Some(first) = self.get(start) else {
            return start;
        };
        let is_same =
            |row: &&AddressRow| self.owner(row) == first.owner && row.address.is_ipv4() == first.address.is_ipv4();
        start + self.rows[start..].iter().take_while(is_same).count()
    }

    /// The addresses of a run of records.
    pub(super) fn addresses(&self, range: std::ops::Range<usize>) -> impl ExactSizeIterator<Item = IpAddr> {
        self.rows[range].iter().map(|row| row.address)
    }

    /// Tells these records and the lines they come from from others, within this process.
    pub(super) fn digest(&self, places: &Places) -> u64 {
        use std::hash::{BuildHasher, Hash, Hasher};
        let mut hasher = foldhash::fast::FixedState::default().build_hasher();
        places.0.hash(&mut hasher);
        for record in self.iter() {
            (record.owner, record.rtype(), record.origin).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Adds a record; the set must be finished before it is used.
    pub(super) fn push(&mut self, owner: &str, address: IpAddr, origin: Option<Origin>) {
        let Ok(len) = u16::try_from(owner.len()) else {
            return;
        };
        // Addresses of one owner mostly follow each other: keep the name once.
        let start = match self.rows.last() {
            Some(last) if self.owner(last) == owner => last.start,
            _ => {
                self.names.push_str(owner);
                self.names.len() - owner.len()
            }
        };
        self.rows.push(AddressRow { start, len, address, origin });
    }

    /// Keeps the records that are meant, in their order.
    pub(super) fn retain(&mut self, keeps: impl Fn(&AddressRecord<'_>) -> bool) {
        let names = &self.names;
        self.rows.retain(|row| {
            let owner = &names[row.start..row.start + usize::from(row.len)];
            keeps(&AddressRecord { owner, address: row.address, origin: row.origin })
        });
    }

    /// Makes room.
    pub(super) fn expect(&mut self, records: usize, bytes: usize) {
        self.rows.reserve(records);
        self.names.reserve(bytes);
    }

    /// Sorts what was pushed and removes doubles.
    pub(super) fn finish(&mut self) {
        let names = &self.names;
        let owner = |row: &AddressRow| &names[row.start..row.start + usize::from(row.len)];
        sort_by(&mut self.rows, |a, b| owner(a).cmp(owner(b)).then_with(|| a.address.cmp(&b.address)));
        self.rows.dedup_by(|b, a| a.address == b.address && owner(a) == owner(b));
        self.rows.shrink_to_fit();
        self.names.shrink_to_fit();
    }

    fn owner(&self, row: &AddressRow) -> &str {
        &self.names[row.start..row.start + usize::from(row.len)]
    }

    fn view(&self, row: &AddressRow) -> AddressRecord<'_> {
        AddressRecord { owner: self.owner(row), address: row.address, origin: row.origin }
    }
}

/// Equal records in the same order; where they come from makes no difference.
impl PartialEq for Records {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self.iter().zip(other.iter()).all(|(a, b)| (a.owner, a.address) == (b.owner, b.address))
    }
}

/// A stable sort that uses two threads where it pays. Lists and zone files are mostly sorted already.
pub(super) fn sort_by<T: Send>(rows: &mut [T], order: impl Fn(&T, &T) -> std::cmp::Ordering + Sync) {
    const WORTH_A_THREAD: usize = 50_000;
    if rows.is_sorted_by(|a, b| order(a, b).is_le()) {
        return;
    }
    if rows.len() > WORTH_A_THREAD {
        let (left, right) = rows.split_at_mut(rows.len() / 2);
        std::thread::scope(|scope| {
            scope.spawn(|| left.sort_by(&order));
            right.sort_by(&order);
        });
    }
    // Merges the two runs in one pass.
    rows.sort_by(order);
}

/// Keys that sort names by most of what tells them apart: the eight bytes behind the start that most of them share.
pub(super) struct SortKeys<'n> {
    start: &'n [u8],
}

impl<'n> SortKeys<'n> {
    /// Learns from a few names, spread over all of them; strangers among them are outvoted.
    pub(super) fn learn(names: impl Iterator<Item = &'n str>) -> Self {
        let mut sample: Vec<&[u8]> = names.map(str::as_bytes).collect();
        sample.sort_unstable();
        let (low, high) = (sample.len() / 4, sample.len().saturating_sub(sample.len() / 4 + 1));
        let start = match (sample.get(low), sample.get(high)) {
            (Some(low), Some(high)) => &low[..low.iter().zip(*high).take_while(|(a, b)| a == b).count()],
            _ => &[],
        };
        Self { start }
    }

    /// Never orders two names other than their bytes do, but may leave them equal.
    pub(super) fn of(&self, name: &str) -> u64 {
        let Some(rest) = name.as_bytes().strip_prefix(self.start) else {
            return if name.as_bytes() < self.start { 0 } else { u64::MAX };
        };
        let mut key = [0; 8];
        let len = rest.len().min(8);
        key[..len].copy_from_slice(&rest[..len]);
        u64::from_be_bytes(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sort_keys_never_contradict_the_names(names in prop::collection::vec("(vault1)?[a-z0-9]{0,10}", 1..20)) {
            let keys = SortKeys::learn(names.iter().map(String::as_str));
            for a in &names {
                for b in &names {
                    prop_assert!(a > b || keys.of(a) <= keys.of(b), "{a} {b}");
                }
            }
        }

        #[test]
        fn records_are_sorted_and_single(rows in prop::collection::vec(("[a-c]{1,2}", 0..4u8), 0..20)) {
            let pairs = rows.iter().map(|(owner, n)| (owner.as_str(), IpAddr::from([10, 0, 0, *n])));
            let records = Records::from_unsorted(pairs.clone());
            let mut expected: Vec<(&str, IpAddr)> = pairs.collect();
            expected.sort_unstable();
            expected.dedup();
            prop_assert!(records.iter().map(|r| (r.owner, r.address)).eq(expected));
        }
    }
}
