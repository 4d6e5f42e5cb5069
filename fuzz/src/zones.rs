//! A zone file loads whole or not at all, and each of its records is found again.

use privatelink_dns::dns::{Name, Rtype};
use privatelink_dns::zone::{Outcome, Zone};

/// Reads the file; if it is a zone, looks up every record in it.
pub fn hold(data: &[u8]) {
    let apex: Name = "example.".parse().unwrap_or_else(|_| Name::root());
    let (zone, findings) = Zone::from_text(&apex, data);
    let lines = u32::try_from(data.iter().filter(|byte| **byte == b'\n').count()).unwrap_or(u32::MAX) + 1;
    for finding in findings.shown() {
        assert!(finding.place.line_number().is_none_or(|line| line <= lines), "{finding:?}, but there are {lines} lines");
    }
    let has_errors = findings.has_errors();
    assert_eq!(zone.is_some(), !has_errors, "{findings:?}");
    let Some(zone) = zone else { return };
    assert!(matches!(zone.lookup(apex.canonical(), Rtype::SOA), Outcome::Answer(_)));
    assert!(zone.negative_soa().is_some());
    for (relative, rrset) in zone.rrsets() {
        let owner = [relative, apex.as_wire()].concat();
        let name = Name::from_wire(&owner).unwrap_or_else(|| panic!("{owner:?} is not a name"));
        assert!(rrset.rdatas().count() > 0);
        match zone.lookup(name.canonical(), rrset.rtype()) {
            Outcome::Answer(found) => assert!(found.rdatas().eq(rrset.rdatas()), "{name}"),
            // The names below a cut belong to the child.
            Outcome::Referral { cut, .. } => assert!(name.is_at_or_below(&cut), "{name} {cut}"),
            other => panic!("{name} {}: {other:?}", rrset.rtype()),
        }
    }
}
