//! QTYPEs that are counted each by itself; all others share one counter, so that nothing in a packet makes a new one.

use crate::dns::Rtype;

/// The types, and the names of their counters.
const QTYPES: [(Rtype, &str); 13] = [
    (Rtype::A, "A"),
    (Rtype::AAAA, "AAAA"),
    (Rtype::CNAME, "CNAME"),
    (Rtype::MX, "MX"),
    (Rtype::NS, "NS"),
    (Rtype::PTR, "PTR"),
    (Rtype::SOA, "SOA"),
    (Rtype::SRV, "SRV"),
    (Rtype::TXT, "TXT"),
    (Rtype::HTTPS, "HTTPS"),
    (Rtype::SVCB, "SVCB"),
    (Rtype::DS, "DS"),
    (Rtype::ANY, "ANY"),
];

/// The number of counters.
pub(super) const COUNTERS: usize = QTYPES.len() + 1;

/// The index of a type's counter.
pub(super) fn index(qtype: Rtype) -> usize {
    QTYPES.iter().position(|(known, _)| *known == qtype).unwrap_or(QTYPES.len())
}

/// The name of each counter, in the order of its index.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    QTYPES.iter().map(|(_, name)| *name).chain(["other"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_counted_under_its_own_name_or_with_the_others() {
        let names: Vec<&str> = names().collect();
        assert_eq!(names.len(), COUNTERS);
        for number in 0..=u16::MAX {
            let (name, qtype) = (names[index(Rtype(number))], Rtype(number));
            assert!(name == "other" || name == qtype.to_string(), "{qtype} is counted as {name}");
        }
        assert_eq!(names.iter().filter(|name| **name == "other").count(), 1);
        assert_eq!((0..=u16::MAX).filter(|number| index(Rtype(*number)) < QTYPES.len()).count(), QTYPES.len());
    }
}
