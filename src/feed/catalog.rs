//! The catalog (RFC 9432): the names of the zones that a secondary may host, so that it makes and removes them by
//! itself.
//!
//! Input: the zones in service. Output: the lines of the catalog zone below its apex. A member's id is a hash of its
//! name, because a secondary that meets a new id begins the zone anew (section 5.4).
//!
//! Members are the zones whose missing names do not exist. A plain secondary of a zone with `on_miss = "forward"` would
//! deny the accounts of other tenants. The feed is no member either: a resolver's config has to name the zone that its
//! policy comes from, before any catalog is read.

use std::fmt::Write;

use siphasher::sip::SipHasher24;

use super::unmade::Unmade;
use crate::dns::Name;
use crate::zone::{Hosted, OnMiss, ZoneSet};

/// The lines, in canonical order of the members.
///
/// # Errors
/// While the backup zones are not known: a catalog without them would have secondaries remove them.
pub(super) fn render(zones: &ZoneSet) -> Result<String, Unmade> {
    if zones.unread().is_some() {
        return Err(Unmade { waits_for: zones.not_served() });
    }
    let mut text = "version TXT \"2\"\n".to_owned();
    for member in zones.iter().filter(|hosted| is_member(hosted)) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}.zones PTR {}", member_id(&member.apex), member.apex);
    }
    Ok(text)
}

/// A zone without a good copy stays a member: what a secondary has of it is better than nothing.
fn is_member(hosted: &Hosted) -> bool {
    hosted.on_miss == OnMiss::NxDomain
}

fn member_id(apex: &Name) -> String {
    format!("{:016x}", SipHasher24::new().hash(apex.as_wire()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosted(apex: &str, on_miss: OnMiss) -> Hosted {
        Hosted::new(apex.parse().unwrap(), on_miss, None)
    }

    #[test]
    fn rfc9432_members_have_one_ptr_each_and_zones_that_forward_are_none() {
        let zones = ZoneSet::new([
            hosted("privatelink.we.backup.windowsazure.com", OnMiss::NxDomain),
            hosted("corp.example", OnMiss::NxDomain),
            hosted("privatelink.blob.core.windows.net", OnMiss::Forward),
        ])
        .with_derived([hosted("rpz.privatelink", OnMiss::NxDomain)]);
        assert_eq!(
            render(&zones).unwrap(),
            "version TXT \"2\"\n\
             f3468207bf4a2e4f.zones PTR privatelink.we.backup.windowsazure.com.\n\
             83bb580e3f83e38e.zones PTR corp.example.\n"
        );
    }

    #[test]
    fn rfc9432_5_4_a_members_id_depends_on_its_name_alone() {
        let id = |name: &str| member_id(&name.parse().unwrap());
        assert_eq!(id("corp.example"), id("CORP.example."));
        assert_ne!(id("corp.example"), id("corp.example.net"));
    }

    #[test]
    fn while_nobody_knows_the_geo_codes_no_catalog_is_made() {
        let zones = ZoneSet::new([hosted("corp.example", OnMiss::NxDomain)])
            .with_unread("backup.windowsazure.com".parse().ok());
        assert!(render(&zones).unwrap_err().waits_for.contains(&"privatelink.*.backup.windowsazure.com".to_owned()));
    }
}
