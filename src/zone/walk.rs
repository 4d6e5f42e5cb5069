//! All records of a zone in the order of its file, some at a time: for a transfer.

use super::Zone;
use super::overlay::NodePlace;
use crate::dns::Rtype;

/// A place between two records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    node: NodePlace,
    rrset: usize,
    record: usize,
}

/// A record where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordRef<'z> {
    /// Relative to the apex, wire format without the root label, lower case.
    pub(crate) owner: &'z [u8],
    pub(crate) rtype: Rtype,
    /// Seconds.
    pub(crate) ttl: u32,
    pub(crate) rdata: &'z [u8],
}

impl Zone {
    /// Hands over the records from a place on, all but the SOA, until one is not taken. The result is the place of that
    /// one; `None` behind the last one.
    pub(crate) fn walk(&self, from: Cursor, mut take: impl FnMut(&RecordRef<'_>) -> bool) -> Option<Cursor> {
        let Cursor { mut node, rrset: mut first_rrset, record: mut first_record } = from;
        while let Some((found, next)) = self.node_at(node) {
            for (rrset, records) in found.rrsets().enumerate().skip(first_rrset) {
                let (rtype, ttl) = (records.rtype(), records.ttl());
                if rtype == Rtype::SOA {
                    continue;
                }
                for (record, rdata) in records.rdatas().enumerate().skip(first_record) {
                    if !take(&RecordRef { owner: found.name, rtype, ttl, rdata }) {
                        return Some(Cursor { node, rrset, record });
                    }
                }
                first_record = 0;
            }
            (node, first_rrset, first_record) = (next, 0, 0);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::Name;

    fn zone() -> Zone {
        let text = b"$TTL 10\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 10.0.0.1\nns A 10.0.0.2\nns AAAA ::1\na.b.c TXT x\n";
        Zone::from_text(&"z.test".parse::<Name>().unwrap(), text).0.unwrap()
    }

    /// A record: owner, type, RDATA.
    type Own = (Vec<u8>, Rtype, Vec<u8>);

    fn parts(zone: &Zone, size: usize) -> Vec<Vec<Own>> {
        let (mut parts, mut next) = (Vec::new(), Some(Cursor::default()));
        while let Some(from) = next {
            let mut part = Vec::new();
            next = zone.walk(from, |record| {
                let has_room = part.len() < size;
                if has_room {
                    part.push((record.owner.to_vec(), record.rtype, record.rdata.to_vec()));
                }
                has_room
            });
            parts.push(part);
        }
        parts
    }

    #[test]
    fn parts_of_any_size_make_the_same_records_without_the_soa() {
        let zone = zone();
        let whole = parts(&zone, usize::MAX).concat();
        assert_eq!(whole.len(), 5);
        assert!(whole.iter().all(|(_, rtype, _)| *rtype != Rtype::SOA));
        for size in 1..=5 {
            assert_eq!(parts(&zone, size).concat(), whole, "{size}");
        }
    }
}
