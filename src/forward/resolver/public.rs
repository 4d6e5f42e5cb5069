//! Our own public names: the CNAME that public DNS would give for a storage account of ours, synthesized from the zone.
//!
//! In: a name and the zones. Out: the CNAME, for exact names in a blob or queue zone, and for the partitioned names
//! (`acct.z12.blob.storage.azure.net`) from a list. Never: a CNAME for a backup name, which has none in public DNS, or
//! for a public parent zone, which is never ours.

use crate::azure;
use crate::dns::{Name, Rcode, Record, Rtype};
use crate::forward::question::Reply;
use crate::zone::{Outcome, ZoneSet};

/// When the CNAME is given in place of the upstream's answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PublicNames {
    /// When upstreams fail or are slow.
    #[default]
    OnFailure,
    /// Always: the upstream is not asked.
    Always,
    /// Never.
    Never,
}

/// The reply `name CNAME <private name>` if a hosted blob or queue zone has exactly that private name.
pub fn synthesized_cname(zones: &ZoneSet, name: &Name) -> Option<Reply> {
    let private = azure::private_name(name).or_else(|| zones.alias(name))?;
    let hosted = zones.find(private.canonical())?;
    let zone = hosted.zone.as_deref()?;
    // NODATA is an existing name too: AAAA of an account that has an A.
    if private == hosted.apex || matches!(zone.lookup(private.canonical(), Rtype::A), Outcome::NxDomain) {
        return None;
    }
    let ttl = zone.negative_soa()?.ttl;
    let record = Record { owner: name.clone(), rtype: Rtype::CNAME, ttl, rdata: private.as_wire().into() };
    Some(Reply { answer: vec![record], ..Reply::new(Rcode::NOERROR) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::{Hosted, OnMiss, Zone};
    use std::sync::Arc;

    fn aliased(name: &str) -> Option<String> {
        let apex: Name = "privatelink.blob.core.windows.net".parse().unwrap();
        let text = b"; Written by privatelink-dns\n@ 3600 SOA a. b. 1 2 3 4 10\n@ 10 NS a.\nacct 10 A 10.0.0.1\n; alias acct.z12.blob.storage.azure.net acct\n; alias gone.z12.blob.storage.azure.net gone\n";
        let zone = Zone::from_text(&apex, text).0.map(Arc::new);
        let zones = ZoneSet::new([Hosted::new(apex, OnMiss::Forward, zone)]);
        synthesized_cname(&zones, &name.parse().unwrap()).map(|reply| reply.answer[0].to_string())
    }

    #[test]
    fn the_public_name_of_a_record_is_aliased_to_it() {
        let expected = "acct.blob.core.windows.net. 10 IN CNAME acct.privatelink.blob.core.windows.net.";
        assert_eq!(aliased("acct.blob.core.windows.net").as_deref(), Some(expected));
    }

    #[test]
    fn a_partitioned_name_that_was_listed_is_aliased_too() {
        let expected = "acct.z12.blob.storage.azure.net. 10 IN CNAME acct.privatelink.blob.core.windows.net.";
        assert_eq!(aliased("acct.z12.blob.storage.azure.net").as_deref(), Some(expected));
        assert_eq!(aliased("ACCT.Z12.blob.storage.azure.net").as_deref(), Some(expected));
        for name in
            ["acct.z13.blob.storage.azure.net", "x.acct.z12.blob.storage.azure.net", "gone.z12.blob.storage.azure.net"]
        {
            assert_eq!(aliased(name), None, "{name}");
        }
    }

    #[test]
    fn any_other_name_is_left_to_the_upstream() {
        for name in [
            "other.blob.core.windows.net",
            "acct.queue.core.windows.net",
            "blob.core.windows.net",
            "x.acct.blob.core.windows.net",
            ".",
        ] {
            assert_eq!(aliased(name), None, "{name}");
        }
    }
}
