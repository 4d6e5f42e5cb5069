//! Names of a zone that are spelt almost like another, and names by their first label or their address.
//!
//! In: zones and what is looked for. Out: a few names. The work is bounded by the size of the zones.

use std::net::IpAddr;

use crate::dns::{Name, Rtype, labels};
use crate::zone::{Outcome, Zone, ZoneSet};

/// Near misses that are shown.
const NEAREST: usize = 3;

/// Names that are shown.
const NAMES: usize = 20;

/// The owners of a zone that differ from this one, relative to the apex, by one or two slips of the finger.
pub(super) fn nearest(zone: &Zone, owner: &str) -> Vec<String> {
    // Two slips in a short name make any other.
    let limit = if owner.len() < 6 { 1 } else { 2 };
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut last: &[u8] = &[];
    for (relative, rrset) in zone.rrsets() {
        let is_address = matches!(rrset.rtype(), Rtype::A | Rtype::AAAA);
        if !is_address || relative == last || relative.is_empty() {
            continue;
        }
        last = relative;
        // In wire format a name of one label has as many octets in front as dots between.
        if relative.len().abs_diff(owner.len() + 1) > limit {
            continue;
        }
        let text = presented(relative);
        let distance = strsim::osa_distance(owner, &text);
        if (1..=limit).contains(&distance) {
            found.push((distance, text));
            found.sort();
            found.truncate(NEAREST);
        }
    }
    found.into_iter().map(|(_, owner)| format!("{owner}.{}", zone.apex().without_dot())).collect()
}

fn presented(relative: &[u8]) -> String {
    labels(relative).map(String::from_utf8_lossy).collect::<Vec<_>>().join(".")
}

/// The names with addresses in the hosted zones whose first and only label this is.
pub(super) fn of_label(zones: &ZoneSet, label: &str) -> Vec<Name> {
    let names = zones.iter().filter_map(|hosted| {
        let name = hosted.apex.prepend(label.as_bytes())?;
        let zone = hosted.zone.as_deref()?;
        let exists = !matches!(zone.lookup(name.canonical(), Rtype::A), Outcome::NxDomain);
        exists.then_some(name)
    });
    names.take(NAMES).collect()
}

/// The names in the hosted zones that have this address.
pub(super) fn of_address(zones: &ZoneSet, address: IpAddr) -> Vec<String> {
    let address = address.to_canonical();
    let wanted = match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    let rtype = if address.is_ipv4() { Rtype::A } else { Rtype::AAAA };
    let mut found = Vec::new();
    for zone in zones.iter().filter_map(|hosted| hosted.zone.as_deref()) {
        let apex = zone.apex().without_dot();
        for (relative, rrset) in zone.rrsets() {
            if rrset.rtype() == rtype && rrset.rdatas().any(|rdata| rdata == wanted) {
                let owner = presented(relative);
                found.push(if owner.is_empty() { apex.clone() } else { format!("{owner}.{apex}") });
                if found.len() == NAMES {
                    return found;
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::zone::{Hosted, OnMiss};

    fn zones() -> ZoneSet {
        let zone = |apex: &str, records: &str| {
            let apex: Name = apex.parse().unwrap();
            let text = format!("@ 10 SOA a. b. 1 2 3 4 5\n@ 10 NS a.\n{records}");
            let zone = Zone::from_text(&apex, text.as_bytes()).0.map(Arc::new);
            Hosted::new(apex, OnMiss::NxDomain, zone)
        };
        ZoneSet::new([
            zone("privatelink.blob.core.windows.net", "smplepod01ecs114 A 10.1.0.5\nother A 10.1.0.6\nab A 10.1.0.5\n"),
            zone("privatelink.queue.core.windows.net", "smplepod01ecs114 A 10.1.0.7\nsix AAAA fd00::7\n"),
        ])
    }

    fn near(owner: &str) -> Vec<String> {
        let zones = zones();
        let hosted = zones.get(&"privatelink.blob.core.windows.net".parse().unwrap()).unwrap();
        nearest(hosted.zone.as_deref().unwrap(), owner)
    }

    #[test]
    fn only_real_near_misses_are_near() {
        let meant = ["smplepod01ecs114.privatelink.blob.core.windows.net"];
        assert_eq!(near("smplepod01esc114"), meant, "two letters swapped");
        assert_eq!(near("smplepod01ecs14"), meant, "one is missing");
        assert_eq!(near("samplepod01ecs1144"), meant, "two are too many");
        for far in ["smplepod02ecs215", "contoso", "x", "ac", "smplepod01ecs114", ""] {
            assert!(
                near(far).is_empty() || far == "ac" && near(far) == ["ab.privatelink.blob.core.windows.net"],
                "{far}"
            );
        }
    }

    #[test]
    fn names_are_found_by_their_label_and_by_their_address() {
        let names: Vec<String> = of_label(&zones(), "smplepod01ecs114").iter().map(Name::without_dot).collect();
        let expected = ["privatelink.blob.core.windows.net", "privatelink.queue.core.windows.net"]
            .map(|zone| format!("smplepod01ecs114.{zone}"));
        assert_eq!(names, expected);
        assert_eq!(of_label(&zones(), "nobody"), []);
        let found = of_address(&zones(), "10.1.0.5".parse().unwrap());
        assert_eq!(found, [&expected[0], "ab.privatelink.blob.core.windows.net"]);
        assert_eq!(of_address(&zones(), "::ffff:10.1.0.7".parse().unwrap()), expected[1..]);
        assert_eq!(of_address(&zones(), "fd00::7".parse().unwrap()), ["six.privatelink.queue.core.windows.net"]);
        assert_eq!(of_address(&zones(), "10.9.9.9".parse().unwrap()), [""; 0]);
    }
}
