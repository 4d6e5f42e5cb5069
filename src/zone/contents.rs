//! One number for what a zone says, to compare servers that should say the same.

use siphasher::sip::SipHasher24;

use super::Zone;
use crate::dns::Rtype;

/// The bits that a number in JSON and in Prometheus keeps.
const MASK: u64 = (1 << 53) - 1;

/// A hash of all records but SOA and the NS of the apex, which each server has of its own, and without TTLs. It is the
/// same in whatever order the records stand. It tells apart what came about by accident, and is no proof.
pub(super) fn hash(zone: &Zone) -> u64 {
    let mut sum = 0_u64;
    let mut bytes = Vec::new();
    for (owner, rrset) in zone.rrsets() {
        if rrset.rtype() == Rtype::SOA || (rrset.rtype() == Rtype::NS && owner.is_empty()) {
            continue;
        }
        bytes.clear();
        bytes.extend_from_slice(owner);
        bytes.extend_from_slice(&rrset.rtype().0.to_be_bytes());
        let head = bytes.len();
        for rdata in rrset.rdatas() {
            bytes.truncate(head);
            bytes.extend_from_slice(rdata);
            sum = sum.wrapping_add(SipHasher24::new().hash(&bytes));
        }
    }
    sum & MASK
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(records: &str) -> u64 {
        let text = format!("$TTL 60\n@ SOA ns.example.com. host 1 2 3 4 10\n@ NS ns.example.com.\n{records}");
        let (zone, findings) = Zone::from_text(&"example".parse().unwrap(), text.as_bytes());
        zone.unwrap_or_else(|| panic!("{findings:?}")).contents()
    }

    #[test]
    fn zones_that_say_the_same_have_the_same_contents_whatever_their_order_serial_and_ttl() {
        let one = contents("a A 10.0.0.1\na A 10.0.0.2\nb AAAA fd00::1\n");
        assert_eq!(one, contents("b 30 AAAA fd00::1\na A 10.0.0.2\na A 10.0.0.1\n"));
        let (zone, _) = Zone::from_text(
            &"example".parse().unwrap(),
            b"@ 5 SOA other.example.net. me 9 8 7 6 5\n@ 5 NS other.example.net.\na 5 A 10.0.0.1\na 5 A 10.0.0.2\n\
              b 5 AAAA fd00::1\n",
        );
        assert_eq!(one, zone.unwrap().contents());
    }

    #[test]
    fn another_address_name_type_or_number_of_records_are_other_contents() {
        let all =
            ["a A 10.0.0.1\n", "a A 10.0.0.2\n", "b A 10.0.0.1\n", "a A 10.0.0.1\na A 10.0.0.2\n", "", "a TXT x\n"];
        let numbers: std::collections::BTreeSet<u64> = all.iter().map(|records| contents(records)).collect();
        assert_eq!(numbers.len(), all.len());
        assert!(numbers.iter().all(|number| *number <= MASK));
    }
}
