//! Special-use names that must not leave: RFC 6761 and RFC 6303 have a resolver answer them by itself.
//!
//! In: whether the reverse zones of private space are included. Out: small zones, searched before an upstream is asked.
//! They are not among the hosted zones: a hosted zone or a forward rule that covers a name takes precedence.
//!
//! `test` and `local` are left to upstreams on purpose: companies have domains of their own there, whose resolver may
//! be our upstream.

use std::sync::Arc;

use crate::dns::Name;
use crate::zone::{Hosted, OnMiss, Zone, ZoneSet};

/// The treatment of special names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpecialNames {
    /// They are answered here.
    #[default]
    Local,
    /// They are asked upstream like any other name.
    Forward,
}

/// RFC 6303 section 3, with its TTLs: three hours, for negative answers too.
const EMPTY: &str = "@ 10800 SOA @ nobody.invalid. 1 3600 1200 604800 10800\n@ 10800 NS @\n";

/// RFC 6761 section 6.3: loopback, and names below it likewise.
const LOCALHOST: &str = "@ 10800 A 127.0.0.1\n@ 10800 AAAA ::1\n* 10800 A 127.0.0.1\n* 10800 AAAA ::1\n";

/// RFC 6303 section 4: loopback addresses are called `localhost`.
const LOOPBACK4: &str = "1.0.0 10800 PTR localhost.\n";
const LOOPBACK6: &str = "@ 10800 PTR localhost.\n";

/// `invalid` (RFC 6761 section 6.4), `onion` (RFC 7686), `home.arpa` (RFC 8375).
const NOT_IN_DNS: [&str; 3] = ["invalid", "onion", "home.arpa"];

/// Where clients ask for the encrypted resolver that this one designates (RFC 9462 section 4). It is answered here
/// whatever the treatment: an upstream's designation must not be mistaken for ours, and its certificate is not for our
/// address. Who wants it nevertheless has a forward rule for this name.
const RESOLVER: &str = "resolver.arpa";

/// Its times are short: a client asks again soon after the config says something else.
const RESOLVER_EMPTY: &str = "@ 300 SOA @ nobody.invalid. 1 3600 1200 604800 300\n@ 300 NS @\n";

/// All else is NODATA, of any type and at any name (RFC 9462 section 6.4); the empty zones of RFC 6303 have NXDOMAIN.
/// A wildcard that has a name below it and no record is the source of that (RFC 4592 section 2.2.2).
const RESOLVER_NODATA: &str = "below.* 300 TXT \"nothing is here\"\nbelow.*._dns 300 TXT \"nothing is here\"\n";

/// RFC 6303 section 4.2 to 4.6: reverse zones that can have no data, except loopback.
const NOBODYS_REVERSE: [&str; 7] = [
    "0.in-addr.arpa",
    "254.169.in-addr.arpa",
    "2.0.192.in-addr.arpa",
    "100.51.198.in-addr.arpa",
    "113.0.203.in-addr.arpa",
    "255.255.255.255.in-addr.arpa",
    "8.b.d.0.1.0.0.2.ip6.arpa",
];

/// RFC 6303 sections 4.1, 4.4 and 4.5: reverse zones of private space; those of shared space (RFC 7793) are added to
/// them.
const PRIVATE_REVERSE: [&str; 7] = [
    "10.in-addr.arpa",
    "168.192.in-addr.arpa",
    "d.f.ip6.arpa",
    "8.e.f.ip6.arpa",
    "9.e.f.ip6.arpa",
    "a.e.f.ip6.arpa",
    "b.e.f.ip6.arpa",
];

/// The zones that are answered here. There is only that of the designation if the config has special names forwarded.
#[derive(Default)]
pub struct SpecialZones {
    all: Arc<ZoneSet>,
    without_private_reverse: Arc<ZoneSet>,
}

impl SpecialZones {
    /// Those of the treatment, and that of the designation: lines of a zone file below `resolver.arpa`, or none.
    pub fn new(treatment: SpecialNames, designation: &str) -> Self {
        let zones = |private_reverse| {
            let others = if treatment == SpecialNames::Local { zones(private_reverse) } else { Vec::new() };
            Arc::new(ZoneSet::new(others.into_iter().chain(resolver(designation))))
        };
        Self { all: zones(true), without_private_reverse: zones(false) }
    }

    /// Those for which the default upstreams are not asked. Azure's own resolver knows the reverse names of the
    /// `VNet`'s machines and keeps them inside, so those are left to it.
    pub(super) fn beside(&self, upstreams_are_azures: bool) -> &ZoneSet {
        if upstreams_are_azures { &self.without_private_reverse } else { &self.all }
    }
}

/// The zones but that of the designation; with `private_reverse` also those of private space, which an upstream inside
/// the network may know better.
pub(super) fn zones(private_reverse: bool) -> Vec<Hosted> {
    let mut zones = vec![
        zone("localhost", LOCALHOST),
        zone("127.in-addr.arpa", LOOPBACK4),
        zone(&unspecified("1"), LOOPBACK6),
        zone(&unspecified("0"), ""),
    ];
    zones.extend(NOT_IN_DNS.iter().chain(&NOBODYS_REVERSE).map(|apex| zone(apex, "")));
    if private_reverse {
        zones.extend(PRIVATE_REVERSE.iter().map(|apex| zone(apex, "")));
        zones.extend((16..32).map(|octet| zone(&format!("{octet}.172.in-addr.arpa"), "")));
        zones.extend((64..128).map(|octet| zone(&format!("{octet}.100.in-addr.arpa"), "")));
    }
    zones.into_iter().flatten().collect()
}

/// The zone of the designation. The A and AAAA records of the target that section 4 wants beside it (SHOULD) are left
/// out: the target is a name of another zone, whose data may differ. The same addresses are hints in the SVCB records
/// where they are known, and a client that takes no hints asks for the name (RFC 9460 section 7.3).
fn resolver(designation: &str) -> Option<Hosted> {
    hosted(RESOLVER, RESOLVER_EMPTY, &[designation, RESOLVER_NODATA].concat())
}

/// The reverse name of `::` with another last digit.
fn unspecified(last: &str) -> String {
    format!("{last}.{}ip6.arpa", "0.".repeat(31))
}

fn zone(apex: &str, records: &str) -> Option<Hosted> {
    hosted(apex, EMPTY, records)
}

fn hosted(apex: &str, empty: &str, records: &str) -> Option<Hosted> {
    let apex: Name = apex.parse().ok()?;
    let text = [empty, records].concat();
    let zone = Zone::from_text(&apex, text.as_bytes()).0?;
    Some(Hosted::new(apex, OnMiss::NxDomain, Some(Arc::new(zone))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::Rtype;
    use crate::forward::cache::{self, Cache, RouteId};
    use crate::forward::callback::Keep;
    use crate::forward::engine::flight::Waiter;
    use crate::forward::question::Question;
    use crate::forward::resolver::public::PublicNames;
    use crate::forward::resolver::responsible::Responsible;
    use crate::forward::resolver::{Resolver, Route, Settings};
    use crate::forward::status::GroupStatus;
    use crate::forward::upstreams::{AskUpstream, Upstreams};
    use crate::zone::Outcome;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::time::{Duration, Instant};

    fn said(name: &str, rtype: Rtype) -> Option<String> {
        let name = name.parse::<Name>().unwrap();
        let zones = SpecialZones::new(SpecialNames::Local, "");
        let zone = zones.all.find(name.canonical())?.zone.clone()?;
        Some(match zone.lookup(name.canonical(), rtype) {
            Outcome::Answer(rrset) => rrset.records(&name).next()?.to_string(),
            Outcome::NoData => "NODATA".to_owned(),
            Outcome::NxDomain => "NXDOMAIN".to_owned(),
            other => format!("{other:?}"),
        })
    }

    #[test]
    fn every_zone_of_the_lists_is_there() {
        let count = |private| zones(private).iter().filter(|hosted| hosted.zone.is_some()).count();
        assert_eq!((count(false), count(true)), (4 + 3 + 7, 4 + 3 + 7 + 7 + 16 + 64));
    }

    #[test]
    fn localhost_and_names_below_it_are_loopback_rfc6761() {
        assert_eq!(said("localhost", Rtype::A).as_deref(), Some("localhost. 10800 IN A 127.0.0.1"));
        assert_eq!(said("a.b.localhost", Rtype::AAAA).as_deref(), Some("a.b.localhost. 10800 IN AAAA ::1"));
        assert_eq!(said("localhost", Rtype::MX).as_deref(), Some("NODATA"));
        assert_eq!(
            said("1.0.0.127.in-addr.arpa", Rtype::PTR).unwrap(),
            "1.0.0.127.in-addr.arpa. 10800 IN PTR localhost."
        );
        assert!(said(&unspecified("1"), Rtype::PTR).unwrap().ends_with("PTR localhost."));
    }

    #[test]
    fn names_of_nobody_do_not_exist_rfc6303() {
        for name in
            ["x.invalid", "abc.onion", "4.0.1.10.in-addr.arpa", "1.0.31.172.in-addr.arpa", "2.127.100.in-addr.arpa"]
        {
            assert_eq!(said(name, Rtype::PTR).as_deref(), Some("NXDOMAIN"), "{name}");
        }
    }

    #[test]
    fn rfc9462_4_a_designation_is_answered_in_any_case() {
        let name: Name = "_dns.resolver.arpa".parse().unwrap();
        let line = "_dns 300 SVCB 1 dns.corp.example. alpn=dot port=8853 ipv4hint=10.0.0.4\n";
        for treatment in [SpecialNames::Local, SpecialNames::Forward] {
            let special = SpecialZones::new(treatment, line);
            let zone = special.beside(true).find(name.canonical()).unwrap().zone.clone().unwrap();
            let Outcome::Answer(rrset) = zone.lookup(name.canonical(), Rtype::SVCB) else { panic!("{treatment:?}") };
            let record = rrset.records(&name).next().unwrap().to_string();
            assert!(record.starts_with("_dns.resolver.arpa. 300 IN SVCB 1 dns.corp.example. alpn=dot"), "{record}");
        }
    }

    #[test]
    fn rfc9462_6_4_all_else_of_the_zone_is_nodata_with_a_designation_and_without() {
        for (treatment, designation) in [
            (SpecialNames::Local, ""),
            (SpecialNames::Forward, ""),
            (SpecialNames::Local, "_dns 300 SVCB 1 dns.corp.example. alpn=dot\n"),
        ] {
            let special = SpecialZones::new(treatment, designation);
            for (name, rtype) in [
                ("_dns.resolver.arpa", Rtype::A),
                ("_dns.resolver.arpa", Rtype::TXT),
                ("resolver.arpa", Rtype::SVCB),
                ("doh.resolver.arpa", Rtype::A),
                ("a.b.resolver.arpa", Rtype::TXT),
                ("a._dns.resolver.arpa", Rtype::SVCB),
                ("a.b._dns.resolver.arpa", Rtype::AAAA),
            ] {
                let name = name.parse::<Name>().unwrap();
                let zone = special.all.find(name.canonical()).unwrap().zone.clone().unwrap();
                let outcome = zone.lookup(name.canonical(), rtype);
                assert!(matches!(outcome, Outcome::NoData), "{name} {rtype} {outcome:?}");
            }
        }
        assert_eq!(said("_dns.resolver.arpa", Rtype::SVCB).as_deref(), Some("NODATA"));
    }

    #[test]
    fn neighbours_of_private_space_and_company_domains_are_left_alone() {
        for name in [
            "1.32.172.in-addr.arpa",
            "1.15.172.in-addr.arpa",
            "16.129.63.168.in-addr.arpa",
            "1.11.in-addr.arpa",
            "corp.local",
            "a.test",
            "notlocalhost",
            "invalid.example",
            "in-addr.arpa",
            ".",
        ] {
            assert_eq!(said(name, Rtype::PTR), None, "{name}");
        }
    }

    /// Upstreams that are Azure's while this is set.
    #[derive(Default)]
    struct Group(AtomicBool);

    impl AskUpstream for Group {
        fn ask(&self, _question: Question, _keep: Keep, _waiter: Waiter, _impatient: Option<Waiter>, _now: Instant) {}

        fn timeout(&self) -> Duration {
            Duration::ZERO
        }

        fn status(&self) -> GroupStatus {
            GroupStatus::default()
        }

        fn includes_azure(&self) -> bool {
            self.0.load(Relaxed)
        }
    }

    #[test]
    fn reverse_names_of_private_space_are_asked_upstream_while_azures_resolver_is_there() {
        let group = Arc::new(Group::default());
        let suffix = Name::root();
        let route = Arc::new(Route { id: RouteId(1), suffix, group: Arc::clone(&group) as Arc<dyn AskUpstream> });
        let settings = Settings {
            public_names: PublicNames::default(),
            special: Arc::new(SpecialZones::new(SpecialNames::Local, "")),
            timeout: Duration::ZERO,
        };
        let cache = Arc::new(Cache::new(cache::Settings::default()));
        let resolver = Resolver::new(vec![route], cache, Arc::new(Upstreams::none()), settings);
        let zones = ZoneSet::default();
        let is_answered_here = |name: &str| {
            let name = name.parse().unwrap();
            matches!(resolver.responsibilities(&zones).of(&name, Rtype::PTR), Responsible::Special(_))
        };
        for is_azures in [false, true, false] {
            group.0.store(is_azures, Relaxed);
            for name in ["4.0.0.10.in-addr.arpa", "4.0.64.100.in-addr.arpa", "1.d.f.ip6.arpa"] {
                assert_eq!(is_answered_here(name), !is_azures, "{name}");
            }
            assert!(is_answered_here("1.0.0.127.in-addr.arpa") && is_answered_here("x.invalid"));
        }
    }
}
